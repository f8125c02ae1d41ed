//! Times and places in words.

use std::fmt;

use super::Text;
use crate::expose::date::Date;
use crate::expose::query::{Link, Query};
use crate::expose::rows;
use crate::model::{Entry, Location};

/// A moment, for people and machines.
pub(super) struct Moment(pub(super) i64);

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (machine, people) = (Date::rfc_3339(self.0), Date::of(self.0).minutes());
        write!(f, "<time datetime=\"{machine}\">{people} UTC</time>")
    }
}

/// How far off something is, from now: in the largest unit of which there are two.
pub(super) struct Away(pub(super) i64);

impl fmt::Display for Away {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.unsigned_abs();
        let units = [(31_536_000, "years"), (86_400, "days"), (3_600, "hours")];
        let unit = units.into_iter().find(|(unit, _)| seconds >= 2 * unit);
        let (count, unit) = match unit {
            Some((unit, name)) => (seconds / unit, name),
            None => (seconds / 60, "minutes"),
        };
        let unit = if count == 1 { "minute" } else { unit };
        match (count, self.0 < 0) {
            (0, false) => f.write_str("within a minute"),
            (0, true) => f.write_str("just now"),
            (_, false) => write!(f, "in {count} {unit}"),
            (_, true) => write!(f, "{count} {unit} ago"),
        }
    }
}

/// A place, with a link to what else is in its namespace.
pub(super) struct Place<'a>(pub(super) &'a Location);

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = rows::kind(self.0);
        write!(f, "<span class=\"kind\">{kind}</span> ")?;
        match self.0 {
            Location::File { path } => code(f, path),
            Location::Endpoint { name, address } => {
                if let Some(name) = name {
                    code(f, name)?;
                    f.write_str(" ")?;
                }
                code(f, address)
            }
            Location::Kubeconfig { path, entry } => {
                code(f, path)?;
                entry.as_ref().map_or(Ok(()), |entry| part(f, entry))
            }
            Location::Object { object, key, entry } => {
                if let Some(cluster) = &object.cluster {
                    write!(f, "<span class=\"kind\">cluster</span> ")?;
                    code(f, cluster)?;
                    f.write_str(" ")?;
                }
                if !object.namespace.is_empty() {
                    let query = Query {
                        namespace: object.namespace.to_string(),
                        ..Query::default()
                    };
                    let (link, name) = (Link::to(&query), Text(&object.namespace));
                    write!(f, "<a href=\"{link}\"><bdi>{name}</bdi></a>/<wbr>")?;
                }
                code(f, &object.name)?;
                if !key.is_empty() {
                    f.write_str(" ")?;
                    code(f, key)?;
                }
                entry.as_ref().map_or(Ok(()), |entry| part(f, entry))
            }
        }
    }
}

fn part(f: &mut fmt::Formatter<'_>, entry: &Entry) -> fmt::Result {
    write!(f, " <span class=\"kind\">{}</span> ", entry.kind.as_str())?;
    code(f, &entry.name)
}

fn code(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    write!(f, "<bdi class=\"code\">{}</bdi>", Text(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_off_is_told_in_the_largest_unit_of_which_there_are_two() {
        for (seconds, expected) in [
            (3650 * 86_400, "in 10 years"),
            (700 * 86_400, "in 700 days"),
            (172_800, "in 2 days"),
            (172_799, "in 47 hours"),
            (7_199, "in 119 minutes"),
            (60, "in 1 minute"),
            (59, "within a minute"),
            (-59, "just now"),
            (-60, "1 minute ago"),
            (-86_400 * 3, "3 days ago"),
            (i64::MIN, "292471208677 years ago"),
        ] {
            assert_eq!(Away(seconds).to_string(), expected);
        }
    }
}
