//! What a reader asks for: the parameters of the page and of the API. Nothing is guessed: what is
//! not known is refused, with a sentence.

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::rows::{Sort, State};
use crate::model::ObjectKind;

/// Rows of a page.
pub const PAGE: usize = 100;

/// The most rows of one answer of the API, where the reader gives a limit.
pub const MOST: usize = 1000;

/// Bytes of the longest text that is looked for.
const LONGEST: usize = 256;

/// What a value of a link does not hold as it is; a sort begins with `-`.
const VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-');

/// Which rows, in which order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// A text that stands in the place, the names, the serial number or the fingerprint.
    pub text: String,
    /// How they are.
    pub state: Option<State>,
    /// In which kind of place.
    pub kind: Option<&'static str>,
    /// In which namespace.
    pub namespace: String,
    /// In which order.
    pub sort: Sort,
    /// Whether problems are left out unless they are asked for: they have a place of their own.
    pub dated: bool,
}

/// What was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// Which rows.
    pub query: Query,
    /// Which page of them, from 1.
    pub page: Option<usize>,
    /// How many.
    pub limit: Option<usize>,
    /// Behind what was told already.
    pub position: Option<Position>,
}

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// A person: `page`.
    Page,
    /// A program: `limit` and `continue`.
    Api,
}

/// Where an answer ended: the stamps of its last rows, the last one first, and their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// In which order they were told.
    pub sort: Sort,
    /// What tells them from others.
    pub stamps: Vec<u64>,
}

/// Why a request is refused: a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal(String);

/// A link to the same rows.
#[derive(Clone, Copy, Debug)]
pub struct Link<'a> {
    /// Which rows.
    pub query: &'a Query,
    /// Instead of the query's own.
    pub state: Option<State>,
    /// Instead of the query's own.
    pub sort: Sort,
    /// Which page of them.
    pub page: usize,
}

/// The kinds of places.
pub fn kinds() -> impl Iterator<Item = &'static str> + Clone {
    let objects = ObjectKind::ALL.into_iter().map(ObjectKind::as_str);
    let files = ["file", "kubeconfig"].into_iter();
    files.chain(objects).chain(["endpoint"])
}

// === impl Query ===

impl Query {
    /// Whether rows of a state are asked for.
    pub fn wants(&self, state: State) -> bool {
        match self.state {
            Some(asked) => asked == state,
            None => !self.dated || state.is_dated(),
        }
    }
}

// === impl Asked ===

impl Asked {
    /// Reads the part of an address behind its `?`. An empty value is none: forms send those too.
    pub fn parse(parameters: &str, reader: Reader) -> Result<Self, Refusal> {
        let mut asked = Self::default();
        asked.query.dated = reader == Reader::Page;
        let mut seen = Vec::new();
        for pair in parameters.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (decoded(name)?, decoded(value)?);
            if value.len() > LONGEST {
                return refuse(format!("the longest value has {LONGEST} bytes"));
            }
            asked.take(&name, &value, reader)?;
            if seen.contains(&name) {
                return refuse(format!("{name} is given twice"));
            }
            seen.push(name);
        }
        let position = asked.position.as_ref();
        if position.is_some_and(|position| position.sort != asked.query.sort) {
            return refuse("continue belongs to an answer in another order: repeat its sort");
        }
        Ok(asked)
    }

    fn take(&mut self, name: &str, value: &str, reader: Reader) -> Result<(), Refusal> {
        let query = &mut self.query;
        match (name, reader) {
            ("q", _) => value.trim().clone_into(&mut query.text),
            ("namespace", _) => value.trim().clone_into(&mut query.namespace),
            ("state", _) => query.state = one_of(name, value, State::ALL, State::as_str)?,
            ("kind", _) => query.kind = one_of(name, value, kinds(), |kind| kind)?,
            ("sort", _) => {
                query.sort = one_of(name, value, Sort::ALL, Sort::as_str)?.unwrap_or_default();
            }
            ("page", Reader::Page) => self.page = number(name, value, usize::MAX)?,
            ("limit", Reader::Api) => self.limit = number(name, value, MOST)?,
            ("continue", Reader::Api) if value.is_empty() => {}
            ("continue", Reader::Api) => {
                let Some(position) = Position::parse(value) else {
                    return refuse("continue is not what an answer gave");
                };
                self.position = Some(position);
            }
            _ => {
                let known = match reader {
                    Reader::Page => "q, state, kind, namespace, sort and page",
                    Reader::Api => "q, state, kind, namespace, sort, limit and continue",
                };
                let name: String = name.chars().take(40).collect();
                return refuse(format!("there is no parameter {name:?}, there are {known}"));
            }
        }
        Ok(())
    }
}

fn one_of<T: Copy>(
    name: &str,
    value: &str,
    all: impl IntoIterator<Item = T> + Clone,
    word: impl Fn(T) -> &'static str,
) -> Result<Option<T>, Refusal> {
    if value.is_empty() {
        return Ok(None);
    }
    let found = all.clone().into_iter().find(|one| word(*one) == value);
    if found.is_none() {
        let words: Vec<_> = all.into_iter().map(word).collect();
        return refuse(format!("{name} is one of {}", words.join(", ")));
    }
    Ok(found)
}

fn number(name: &str, value: &str, most: usize) -> Result<Option<usize>, Refusal> {
    if value.is_empty() {
        return Ok(None);
    }
    match value.parse() {
        Ok(number) if (1..=most).contains(&number) => Ok(Some(number)),
        _ if most == usize::MAX => refuse(format!("{name} is a number from 1 on")),
        _ => refuse(format!("{name} is a number from 1 to {most}")),
    }
}

fn refuse<T>(why: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal(why.into()))
}

/// Undoes what forms do to a text: `+` is a space, `%41` an octet.
fn decoded(text: &str) -> Result<String, Refusal> {
    let text = text.replace('+', " ");
    match percent_decode_str(&text).decode_utf8() {
        Ok(text) => Ok(text.into_owned()),
        Err(_) => refuse("a text that is not UTF-8"),
    }
}

// === impl Position ===

impl Position {
    fn parse(text: &str) -> Option<Self> {
        let (sort, stamps) = text.split_once('.')?;
        let sort = Sort::ALL.into_iter().find(|one| one.as_str() == sort)?;
        let stamps: Vec<_> = stamps
            .split('.')
            .map(|stamp| u64::from_str_radix(stamp, 16).ok())
            .collect::<Option<_>>()?;
        Some(Self { sort, stamps })
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.sort.as_str())?;
        self.stamps
            .iter()
            .try_for_each(|stamp| write!(f, ".{stamp:x}"))
    }
}

// === impl Refusal ===

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

// === impl Link ===

impl<'a> Link<'a> {
    /// To the first page.
    pub fn to(query: &'a Query) -> Self {
        Self {
            query,
            state: query.state,
            sort: query.sort,
            page: 1,
        }
    }
}

/// For an attribute: it holds nothing that HTML has a meaning for.
impl fmt::Display for Link<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            query, state, sort, ..
        } = self;
        let page = (self.page > 1).then(|| self.page.to_string());
        let sort = (*sort != Sort::default()).then(|| sort.as_str());
        let parameters = [
            ("q", query.text.as_str()),
            ("state", state.map_or("", State::as_str)),
            ("kind", query.kind.unwrap_or_default()),
            ("namespace", &query.namespace),
            ("sort", sort.unwrap_or_default()),
            ("page", page.as_deref().unwrap_or_default()),
        ];
        f.write_str("?")?;
        let given = parameters.iter().filter(|(_, value)| !value.is_empty());
        for (at, (name, value)) in given.enumerate() {
            let and = if at > 0 { "&amp;" } else { "" };
            let value = utf8_percent_encode(value, VALUE);
            write!(f, "{and}{name}={value}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::rows::Column;
    use super::*;

    fn page(parameters: &str) -> Result<Asked, String> {
        Asked::parse(parameters, Reader::Page).map_err(|refusal| refusal.to_string())
    }

    fn api(parameters: &str) -> Result<Asked, String> {
        Asked::parse(parameters, Reader::Api).map_err(|refusal| refusal.to_string())
    }

    #[test]
    fn what_a_form_sends_is_read() {
        let asked = page("q=a+b%26%C3%BC&state=&kind=Secret&namespace=shop&sort=-expires&page=2");
        let expected = Asked {
            query: Query {
                text: "a b&ü".to_owned(),
                state: None,
                kind: Some("Secret"),
                namespace: "shop".to_owned(),
                sort: Sort {
                    by: Column::Expires,
                    descending: true,
                },
                dated: true,
            },
            page: Some(2),
            ..Asked::default()
        };
        assert_eq!(asked, Ok(expected));
        assert_eq!(api(""), Ok(Asked::default()));
        assert_eq!(api("q=&limit=&sort=&continue="), Ok(Asked::default()));
    }

    #[test]
    fn what_is_not_known_is_refused_with_a_sentence() {
        for (parameters, expected) in [
            (
                "stat=ok",
                "there is no parameter \"stat\", there are q, state, kind, namespace, sort, limit and continue",
            ),
            (
                "state=bad",
                "state is one of expired, critical, warning, ok, problem, odd",
            ),
            ("limit=0", "limit is a number from 1 to 1000"),
            ("limit=1001", "limit is a number from 1 to 1000"),
            ("limit=-1", "limit is a number from 1 to 1000"),
            (
                "sort=size",
                "sort is one of expires, -expires, subject, -subject, place, -place",
            ),
            ("q=%ff", "a text that is not UTF-8"),
            ("q=1&q=2", "q is given twice"),
            ("continue=expires", "continue is not what an answer gave"),
            ("continue=expires.x", "continue is not what an answer gave"),
            (
                "continue=place.1f",
                "continue belongs to an answer in another order: repeat its sort",
            ),
        ] {
            assert_eq!(api(parameters), Err(expected.to_owned()), "{parameters}");
        }
        assert!(page("limit=1").is_err() && api("page=1").is_err());
        assert!(api(&format!("q={}", "a".repeat(257))).is_err());
    }

    #[test]
    fn a_position_and_a_link_are_read_as_they_were_written() {
        let sort = Sort {
            by: Column::Place,
            descending: true,
        };
        let position = Position {
            sort,
            stamps: vec![u64::MAX, 0, 17],
        };
        let asked = api(&format!("sort=-place&continue={position}")).unwrap();
        assert_eq!(asked.position, Some(position));
        let query = Query {
            text: "<b> & \"c\" '+%ü".to_owned(),
            state: Some(State::Expired),
            kind: Some("file"),
            namespace: "n".to_owned(),
            sort,
            dated: true,
        };
        let link = Link {
            page: 7,
            ..Link::to(&query)
        };
        let link = link.to_string();
        assert!(!link.contains(['<', '>', '"', '\'', ' ']), "{link}");
        let asked = page(&link[1..].replace("&amp;", "&")).unwrap();
        assert_eq!((asked.query, asked.page), (query, Some(7)));
    }
}
