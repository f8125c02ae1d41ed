//! What is known, row by row: each certificate, revocation list and problem with its place; those
//! that a reader asks for, in the order that he asks for. Rows refer to the snapshot, and of a long
//! list no more stand in memory than are told and as many again.

mod order;

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash, Hasher};

pub use self::order::{Column, Sort, State};
use super::info;
use super::place::places;
use super::query::{Position, Query};
use super::urgency::Urgency;
use crate::inventory::{Held, Snapshot};
use crate::model::{Certificate, Crl, Location, Name, Problem};

/// One thing and where it is.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// What a source says of the place.
    pub held: &'a Held,
    /// What stands there.
    pub item: Item<'a>,
}

/// What a row tells of.
#[derive(Clone, Copy, Debug)]
pub enum Item<'a> {
    /// A certificate.
    Certificate(&'a Certificate),
    /// A revocation list.
    Crl(&'a Crl),
    /// What is wrong or odd there.
    Problem(&'a Problem),
}

/// A part of the rows that match.
#[derive(Debug, Default)]
pub struct Listing<'a> {
    /// In order.
    pub rows: Vec<Row<'a>>,
    /// How many there are in all.
    pub total: usize,
    /// How many of those stand behind these rows.
    pub left: usize,
}

/// How many rows match, whatever state was asked for.
#[derive(Debug, Default)]
pub struct Counts {
    by_state: [usize; 6],
    /// In which kinds of places anything is held, whatever was asked for.
    pub kinds: BTreeSet<&'static str>,
}

/// How many rows an answer remembers, so that the next goes on behind the last that is still there.
const REMEMBERED: usize = 4;

/// Where the next answer should go on is not to be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone;

/// Counts the rows.
pub fn count(snapshot: &Snapshot, query: &Query, now: i64) -> Counts {
    let mut counts = Counts::default();
    for segment in &snapshot.segments {
        let kinds = segment.held.iter().map(|held| kind(&held.location));
        counts.kinds.extend(kinds);
    }
    each(snapshot, query, |row| {
        counts.by_state[row.state(now) as usize] += 1;
    });
    counts
}

/// The rows from a number on, counted from 0; no more than `most`.
pub fn from<'a>(
    snapshot: &'a Snapshot,
    query: &Query,
    now: i64,
    begin: usize,
    most: usize,
) -> Listing<'a> {
    let mut first = First::new(query.sort, begin.saturating_add(most));
    let mut total = 0_usize;
    each(snapshot, query, |row| {
        if query.wants(row.state(now)) {
            total += 1;
            first.take(row);
        }
    });
    let rows = first.behind(begin);
    let left = total.saturating_sub(begin + rows.len());
    Listing { rows, total, left }
}

/// The rows behind a position; no more than `most`.
pub fn behind<'a>(
    snapshot: &'a Snapshot,
    query: &Query,
    now: i64,
    position: &Position,
    most: usize,
) -> Result<Listing<'a>, Gone> {
    let last = found(snapshot, position).ok_or(Gone)?;
    let mut first = First::new(query.sort, most);
    let (mut total, mut left) = (0, 0_usize);
    each(snapshot, query, |row| {
        if query.wants(row.state(now)) {
            total += 1;
            if query.sort.compare(&row, &last) == Ordering::Greater {
                left += 1;
                first.take(row);
            }
        }
    });
    let rows = first.behind(0);
    let left = left - rows.len();
    Ok(Listing { rows, total, left })
}

/// The row that was told last, of those that are still there. It may no longer match.
fn found<'a>(snapshot: &'a Snapshot, position: &Position) -> Option<Row<'a>> {
    let mut best: Option<(usize, Row<'_>)> = None;
    each(snapshot, &Query::default(), |row| {
        let stamp = row.stamp();
        let at = position.stamps.iter().position(|told| *told == stamp);
        if let Some(at) = at
            && best.is_none_or(|(before, _)| at < before)
        {
            best = Some((at, row));
        }
    });
    best.map(|(_, row)| row)
}

/// Each row that matches but for the state, in the order of the snapshot.
fn each<'a>(snapshot: &'a Snapshot, query: &Query, mut take: impl FnMut(Row<'a>)) {
    let needle = query.text.as_str();
    let octets = Octets::of(needle);
    let mut told = String::new();
    for place in places(snapshot) {
        let held = place.held;
        let is_elsewhere = query
            .kind
            .is_some_and(|wanted| wanted != kind(&held.location))
            || !query.namespace.is_empty() && query.namespace != namespace(&held.location);
        if is_elsewhere {
            continue;
        }
        told.clear();
        let is_it = needle.is_empty() || {
            write!(told, "{}", held.location).expect("writing to a String cannot fail");
            holds(&told, needle)
        };
        let certificates = place.certificates.into_iter().map(Item::Certificate);
        let crls = place.crls.into_iter().map(Item::Crl);
        let problems = place.problems.into_iter().chain(place.warnings);
        let all = certificates
            .chain(crls)
            .chain(problems.map(Item::Problem))
            .filter(|item| is_it || item.holds(needle, &octets));
        all.for_each(|item| take(Row { held, item }));
    }
}

/// What a place is, as the API calls it.
pub fn kind(location: &Location) -> &'static str {
    match location {
        Location::File { .. } => "file",
        Location::Kubeconfig { .. } => "kubeconfig",
        Location::Object { object, .. } => object.kind.as_str(),
        Location::Endpoint { .. } => "endpoint",
    }
}

fn namespace(location: &Location) -> &str {
    match location {
        Location::Object { object, .. } => &object.namespace,
        Location::File { .. } | Location::Kubeconfig { .. } | Location::Endpoint { .. } => "",
    }
}

/// Whether a text stands in another, whatever the case of its ASCII letters.
fn holds(text: &str, needle: &str) -> bool {
    let (text, needle) = (text.as_bytes(), needle.as_bytes());
    let Some(first) = needle.first() else {
        return true;
    };
    let Some(last) = text.len().checked_sub(needle.len()) else {
        return false;
    };
    let (lower, upper) = (first.to_ascii_lowercase(), first.to_ascii_uppercase());
    memchr::memchr2_iter(lower, upper, &text[..=last])
        .any(|at| text[at..at + needle.len()].eq_ignore_ascii_case(needle))
}

/// What may be a part of a fingerprint, as tools write it: in hexadecimal, with colons or without.
struct Octets(String);

// === impl Octets ===

impl Octets {
    /// Fewer digits stand in every other fingerprint.
    const FEWEST: usize = 4;

    fn of(needle: &str) -> Self {
        let digits: String = needle.chars().filter(|c| *c != ':').collect();
        let is_part = digits.len() >= Self::FEWEST && digits.chars().all(|c| c.is_ascii_hexdigit());
        Self(if is_part { digits } else { String::new() })
    }

    fn are_in(&self, fingerprint: &[u8]) -> bool {
        !self.0.is_empty() && holds(&info::hex(fingerprint), &self.0)
    }
}

// === impl Row ===

impl Row<'_> {
    /// How it is.
    pub fn state(&self, now: i64) -> State {
        let urgency = match self.item {
            Item::Certificate(certificate) => Urgency::of(certificate, &self.held.location, now),
            Item::Crl(crl) => Urgency::of_crl(crl, now),
            Item::Problem(problem) if problem.reason.is_warning() => return State::Odd,
            Item::Problem(_) => return State::Problem,
        };
        match urgency {
            Urgency::Expired => State::Expired,
            Urgency::Critical => State::Critical,
            Urgency::Warning => State::Warning,
            Urgency::Ok => State::Ok,
        }
    }

    /// Tells it from all others, from one answer to the next and from one agent to another.
    fn stamp(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.held.location.hash(&mut hasher);
        self.item.rank().0.hash(&mut hasher);
        match self.item {
            Item::Certificate(certificate) => certificate.fingerprint.hash(&mut hasher),
            Item::Crl(crl) => crl.fingerprint.hash(&mut hasher),
            Item::Problem(problem) => problem.hash(&mut hasher),
        }
        hasher.finish()
    }
}

// === impl Item ===

impl<'a> Item<'a> {
    /// When it ends, if ever.
    pub fn ends(self) -> Option<i64> {
        match self {
            Self::Certificate(certificate) => Some(certificate.not_after),
            Self::Crl(crl) => crl.next_update,
            Self::Problem(_) => None,
        }
    }

    /// What people know it by.
    pub fn heading(self) -> &'a str {
        match self {
            Self::Certificate(certificate) => {
                let subject = certificate.subject();
                let name = subject.common_name;
                name.or_else(|| certificate.alternative_names().next())
                    .unwrap_or_else(|| most_specific(&subject))
            }
            Self::Crl(crl) => most_specific(&crl.issuer()),
            Self::Problem(problem) => problem.reason.code(),
        }
    }

    /// Texts are looked through as they are kept: a needle without a line feed ends in none of them.
    fn holds(self, needle: &str, octets: &Octets) -> bool {
        match self {
            Self::Certificate(certificate) => {
                let mut all = certificate.lines().into_iter();
                all.any(|lines| holds(lines, needle)) || octets.are_in(&certificate.fingerprint)
            }
            Self::Crl(crl) => holds(crl.lines(), needle) || octets.are_in(&crl.fingerprint),
            Self::Problem(problem) => {
                holds(problem.reason.code(), needle) || holds(&problem.detail, needle)
            }
        }
    }

    /// What tells things at one place apart: neither changes while a thing stays.
    fn rank(self) -> (u8, &'a [u8], Option<usize>) {
        match self {
            Self::Certificate(certificate) => (0, &certificate.fingerprint, None),
            Self::Crl(crl) => (1, &crl.fingerprint, None),
            Self::Problem(problem) if problem.reason.is_warning() => {
                (3, problem.detail.as_bytes(), problem.block)
            }
            Self::Problem(problem) => (2, problem.detail.as_bytes(), problem.block),
        }
    }
}

/// The last attribute that is there: of the organisation, say.
fn most_specific<'a>(name: &Name<&'a str>) -> &'a str {
    let Name {
        country,
        state,
        locality,
        organization,
        organizational_unit,
        common_name,
    } = *name;
    let all = [
        common_name,
        organizational_unit,
        organization,
        locality,
        state,
        country,
    ];
    all.into_iter().flatten().next().unwrap_or_default()
}

// === impl Listing ===

impl Listing<'_> {
    /// Where the next answer goes on; nowhere where all is told.
    pub fn position(&self, sort: Sort) -> Option<Position> {
        let last = self.rows.iter().rev().take(REMEMBERED);
        (self.left > 0).then(|| Position {
            sort,
            stamps: last.map(Row::stamp).collect(),
        })
    }
}

// === impl Counts ===

impl Counts {
    /// How many are in a state.
    pub fn of(&self, state: State) -> usize {
        self.by_state[state as usize]
    }

    /// How many a query asks for.
    pub fn wanted(&self, query: &Query) -> usize {
        let wanted = State::ALL.into_iter().filter(|state| query.wants(*state));
        wanted.map(|state| self.of(state)).sum()
    }
}

/// The first so many of what is taken.
struct First<'a> {
    rows: Vec<Row<'a>>,
    most: usize,
    sort: Sort,
    /// The last of the first so many, as soon as there are: what is behind it is no news.
    last: Option<Row<'a>>,
}

// === impl First ===

impl<'a> First<'a> {
    const fn new(sort: Sort, most: usize) -> Self {
        Self {
            rows: Vec::new(),
            most,
            sort,
            last: None,
        }
    }

    fn take(&mut self, row: Row<'a>) {
        let is_behind = |last: &Row<'_>| self.sort.compare(&row, last).is_gt();
        if self.last.as_ref().is_some_and(is_behind) {
            return;
        }
        if self.rows.len() >= self.most.saturating_mul(2) {
            self.select();
        }
        self.rows.push(row);
    }

    /// All but the first so many, in order. Those are never put in order themselves.
    fn behind(mut self, begin: usize) -> Vec<Row<'a>> {
        let sort = self.sort;
        if self.rows.len() > self.most {
            self.select();
        }
        if begin >= self.rows.len() {
            return Vec::new();
        }
        if begin > 0 {
            self.rows
                .select_nth_unstable_by(begin, |one, other| sort.compare(one, other));
            self.rows.drain(..begin);
        }
        self.rows
            .sort_unstable_by(|one, other| sort.compare(one, other));
        self.rows
    }

    /// Drops those that are surely not among the first.
    fn select(&mut self) {
        let Some(last) = self.most.checked_sub(1) else {
            return self.rows.clear();
        };
        let sort = self.sort;
        let (_, last, _) = self
            .rows
            .select_nth_unstable_by(last, |one, other| sort.compare(one, other));
        self.last = Some(*last);
        self.rows.truncate(self.most);
    }
}

#[cfg(test)]
mod tests;
