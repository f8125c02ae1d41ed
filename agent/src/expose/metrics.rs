//! The certificate families in the classic text format, segment by segment: 20,000 certificates
//! never stand in memory as text.

mod family;

use std::fmt;
use std::hash::BuildHasher;
use std::io::{self, Write};

pub use self::family::Family;
use self::family::{
    CHECKED_HELP, CHECKED_NAME, Endpoint, READ_ERRORS_HELP, READ_ERRORS_NAME, Series,
};
use super::place::{self, Place};
use super::{Options, info, labels};
use crate::inventory::{Segment, Snapshot};
use crate::model::{Certificate, Crl, Location, Problem};

/// The families that stay as they are until the inventory changes, a certificate expires or a
/// revocation list is due; in their order.
pub fn stable(options: &Options) -> Vec<&'static Family> {
    let all = [
        (true, &family::NOT_AFTER),
        (options.not_before, &family::NOT_BEFORE),
        (options.expired, &family::EXPIRED),
        (options.info, &family::INFO),
        (true, &family::CRL_THIS_UPDATE),
        (true, &family::CRL_NEXT_UPDATE),
        (true, &family::CRL_NUMBER),
        (options.expired, &family::CRL_STALE),
        (options.endpoints, &family::ENDPOINT_INFO),
        (options.endpoints, &family::ENDPOINT_VERIFIED),
        (options.endpoints, &family::OCSP_THIS_UPDATE),
        (options.endpoints, &family::OCSP_NEXT_UPDATE),
        (options.endpoints, &family::SERVED_NOT_AFTER),
        (options.endpoints, &family::SERVED_STALE),
        (true, &family::ERROR),
        (true, &family::WARNING),
    ];
    let wanted = all.into_iter().filter(|(is_wanted, _)| *is_wanted);
    wanted.map(|(_, family)| family).collect()
}

/// Writes when it was looked: in a file that is read later, the only sign that somebody still does.
pub fn write_looked(now: i64, out: &mut impl Write) -> io::Result<()> {
    write_head(CHECKED_NAME, CHECKED_HELP, out)?;
    write_sample(CHECKED_NAME, "", now, out)
}

/// Writes the opt-in families that differ at every scrape.
pub fn write_relative(
    snapshot: &Snapshot,
    options: &Options,
    now: i64,
    out: &mut impl Write,
) -> io::Result<()> {
    for family in [
        &family::EXPIRES_IN,
        &family::VALID_SINCE,
        &family::CRL_STALE_IN,
        &family::CRL_FRESH_SINCE,
    ] {
        family.write_head(out)?;
        for segment in &snapshot.segments {
            Labelled::of(segment, options).write(family, now, std::iter::empty(), out)?;
        }
    }
    Ok(())
}

/// Writes how many problems there are.
pub fn write_read_errors(total: usize, out: &mut impl Write) -> io::Result<()> {
    write_head(READ_ERRORS_NAME, READ_ERRORS_HELP, out)?;
    write_sample(READ_ERRORS_NAME, "", total, out)
}

/// When the stable families of a segment next change by themselves: the first second after some
/// validity, or after a revocation list should have come.
pub fn next_flip(segment: &Segment, options: &Options, now: i64) -> i64 {
    if !options.expired {
        return i64::MAX;
    }
    let bundles = || segment.held.iter().map(|held| &held.bundle);
    let ends = bundles()
        .flat_map(|bundle| bundle.certificates())
        .map(|certificate| certificate.not_after);
    let dues = bundles()
        .flat_map(|bundle| &bundle.crls)
        .filter_map(|crl| crl.next_update);
    let ends = ends.chain(dues);
    ends.filter(|end| *end >= now)
        .min()
        .map_or(i64::MAX, |end| end.saturating_add(1))
}

/// The places of a segment with the labels of their series, made once for all families.
#[derive(Debug)]
pub struct Labelled<'a> {
    options: &'a Options,
    places: Vec<Place<'a>>,
    certificates: Sets,
    crls: Sets,
}

/// Label sets, one after the other.
#[derive(Debug, Default)]
struct Sets {
    text: String,
    ends: Vec<usize>,
    /// There are more than are kept: each family makes them anew.
    is_overfull: bool,
}

/// Bytes of the label sets of one segment that are kept: those of its 512 places, and what somebody
/// can fill one of them with is twenty times as much.
const MOST_TEXT: usize = 2 << 20;

impl Family {
    /// Writes what stands before its series.
    pub fn write_head(&self, out: &mut impl Write) -> io::Result<()> {
        write_head(self.name, self.help, out)
    }

    /// Whether its series change when a certificate expires or a revocation list is due.
    pub fn flips(&self) -> bool {
        [family::EXPIRED.name, family::CRL_STALE.name].contains(&self.name)
    }

    /// Whether its series depend on those of other segments: each is told once.
    pub fn is_of_problems(&self) -> bool {
        matches!(self.series, Series::Reasons(_))
    }
}

impl<'a> Labelled<'a> {
    /// Labels what a segment holds.
    pub fn of(segment: &'a Segment, options: &'a Options) -> Self {
        let mut labelled = Self {
            options,
            places: place::within(segment).collect(),
            certificates: Sets::default(),
            crls: Sets::default(),
        };
        let (mut certificates, mut crls) = (Sets::default(), Sets::default());
        let mut sets = Vec::new();
        for place in &labelled.places {
            // Ends early where there are too many, which is no error.
            labels::of_certificates(place, options, &mut sets, |_, set| certificates.push(set))
                .ok();
            labels::of_crls(place, options, &mut sets, |_, set| crls.push(set)).ok();
        }
        labelled.certificates = certificates;
        labelled.crls = crls;
        labelled
    }

    /// Hands out the certificates with their labels.
    fn certificates(
        &self,
        mut take: impl FnMut(&Certificate, &str) -> io::Result<()>,
    ) -> io::Result<()> {
        if self.certificates.is_overfull {
            let mut sets = Vec::new();
            return self.places.iter().try_for_each(|place| {
                labels::of_certificates(place, self.options, &mut sets, &mut take)
            });
        }
        let all = self.places.iter().flat_map(|place| &place.certificates);
        let mut labelled = all.zip(self.certificates.iter());
        labelled.try_for_each(|(certificate, set)| take(certificate, set))
    }

    /// Hands out the revocation lists with their labels.
    fn crls(&self, mut take: impl FnMut(&Crl, &str) -> io::Result<()>) -> io::Result<()> {
        if self.crls.is_overfull {
            let mut sets = Vec::new();
            return self
                .places
                .iter()
                .try_for_each(|place| labels::of_crls(place, self.options, &mut sets, &mut take));
        }
        let all = self.places.iter().flat_map(|place| &place.crls);
        let mut labelled = all.zip(self.crls.iter());
        labelled.try_for_each(|(crl, set)| take(crl, set))
    }

    /// How many problems there are.
    pub fn problems(&self) -> usize {
        self.places.iter().map(|place| place.problems.len()).sum()
    }

    /// The hashes of the problems' series that another segment may have, too. A path that is
    /// missing both as a file and as a kubeconfig is one place to a reader, and so are two paths
    /// that are alike once their first components are cut off. Objects are never alike.
    pub fn doubtful(&self, by: &impl BuildHasher) -> Vec<u64> {
        let mut all = Vec::new();
        for family in [&family::ERROR, &family::WARNING] {
            if let Series::Reasons(problems) = family.series {
                let sets = self.reasons(problems);
                let doubtful = sets.filter_map(|(is_doubtful, set)| is_doubtful.then_some(set));
                all.extend(doubtful.map(|set| by.hash_one((family.name, set))));
            }
        }
        all
    }

    /// Writes the series of a family. Of those that are doubtful, what is shown; in the order of
    /// [`doubtful`](Self::doubtful).
    pub fn write(
        &self,
        family: &Family,
        now: i64,
        mut shown: impl Iterator<Item = bool>,
        out: &mut impl Write,
    ) -> io::Result<()> {
        match &family.series {
            Series::Certificates(value) => {
                let is_info = family.name == family::INFO.name;
                let mut with_facts = String::new();
                self.certificates(|certificate, set| {
                    let set = if is_info {
                        facts(set, certificate, &mut with_facts)
                    } else {
                        set
                    };
                    let value = value(certificate, now);
                    value.map_or(Ok(()), |value| write_sample(family.name, set, value, out))
                })
            }
            Series::Crls(value) => self.crls(|crl, set| {
                let value = value(crl, now);
                value.map_or(Ok(()), |value| write_sample(family.name, set, value, out))
            }),
            Series::Endpoints(endpoint) => {
                let looks = self.places.iter().filter_map(|place| {
                    let handshake = place.handshake?;
                    Some((place, handshake))
                });
                let mut set = String::new();
                for (place, handshake) in looks {
                    labels::of_location(place, self.options, &mut set);
                    let value = match endpoint {
                        Endpoint::Handshake(value) => value(handshake, &mut set),
                        Endpoint::Pair(value) => {
                            let pair = handshake.pair.as_ref();
                            let both = pair.zip(place.certificates.first());
                            both.and_then(|(pair, served)| {
                                labels::file(&mut set, &pair.path, self.options);
                                value(pair, served)
                            })
                        }
                    };
                    value.map_or(Ok(()), |value| write_sample(family.name, &set, value, out))?;
                }
                Ok(())
            }
            Series::Reasons(problems) => {
                for (is_doubtful, set) in self.reasons(*problems) {
                    if !is_doubtful || shown.next() != Some(false) {
                        write_sample(family.name, &set, 1, out)?;
                    }
                }
                Ok(())
            }
        }
    }

    /// The label sets of problems, and whether they are doubtful: one per place and reason, however
    /// many blocks have it.
    fn reasons(
        &self,
        problems: for<'b, 'c> fn(&'c Place<'b>) -> &'c [&'b Problem],
    ) -> impl Iterator<Item = (bool, String)> {
        self.places.iter().flat_map(move |place| {
            let problems = problems(place).iter();
            let mut reasons: Vec<_> = problems.map(|problem| problem.reason).collect();
            reasons.sort_unstable();
            reasons.dedup();
            let is_doubtful = !matches!(place.location, Location::Object { .. });
            reasons.into_iter().map(move |reason| {
                let mut set = String::new();
                labels::of_location(place, self.options, &mut set);
                labels::push(&mut set, "reason", reason.code());
                (is_doubtful, set)
            })
        })
    }
}

impl Sets {
    /// Keeps one more; an error where there is no room.
    fn push(&mut self, set: &str) -> io::Result<()> {
        if self.is_overfull || self.text.len() + set.len() > MOST_TEXT {
            *self = Self {
                is_overfull: true,
                ..Self::default()
            };
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        self.text.push_str(set);
        self.ends.push(self.text.len());
        Ok(())
    }

    fn iter(&self) -> impl Iterator<Item = &str> {
        let mut begin = 0;
        self.ends
            .iter()
            .map(move |&end| &self.text[std::mem::replace(&mut begin, end)..end])
    }
}

/// A label set with the facts of its certificate.
fn facts<'a>(set: &str, certificate: &Certificate, with_facts: &'a mut String) -> &'a str {
    with_facts.clear();
    with_facts.push_str(set);
    info::push_facts(with_facts, certificate);
    with_facts
}

fn write_head(name: &str, help: &str, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "# HELP {name} {help}\n# TYPE {name} gauge")
}

fn write_sample(
    name: &str,
    set: &str,
    value: impl fmt::Display,
    out: &mut impl Write,
) -> io::Result<()> {
    out.write_all(name.as_bytes())?;
    if !set.is_empty() {
        out.write_all(b"{")?;
        out.write_all(set.as_bytes())?;
        out.write_all(b"}")?;
    }
    writeln!(out, " {value}")
}

#[cfg(test)]
pub(super) mod tests;
