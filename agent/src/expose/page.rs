//! The page for people: what is watched, soonest to expire first, with what is wrong on top. One
//! document, without a script and without a request to anybody; links and a form do the rest.

mod list;
mod served;
mod top;
mod words;

use std::fmt;
use std::io::{self, Write};
use std::sync::LazyLock;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest as _, Sha256};

use self::words::{Moment, Place};
use super::html::{Count, Text};
use super::query::{Link, PAGE, Query, Refusal, kinds};
use super::rows::{self, Counts, Item, Listing, Row, Sort, State};
use crate::inventory::Snapshot;

/// What the page is a function of.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// What is known.
    pub snapshot: &'a Snapshot,
    /// How the sources are doing.
    pub sources: &'a [Source],
    /// Which rows are asked for.
    pub query: &'a Query,
    /// Which page of them, from 1.
    pub page: usize,
    /// The time.
    pub now: i64,
}

/// A source and how it is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// The label `source_kind`.
    pub kind: &'static str,
    /// The label `source_name`.
    pub name: String,
    /// How many places it holds.
    pub places: usize,
    /// Whether its last attempt succeeded; none before the first.
    pub up: Option<bool>,
    /// Since when that is so.
    pub since: i64,
    /// When it last succeeded.
    pub last_success: Option<i64>,
    /// Why its last attempt failed.
    pub failure: Option<String>,
}

const STYLE: &str = include_str!("page/style.css");

/// A drawing of a seal, for the tab.
const ICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cpath fill='%230b57d0' d='M3 1h10v9H3z'/%3E%3Ccircle cx='8' cy='10' r='4' fill='%23e8a400'/%3E%3C/svg%3E";

/// Nothing but the style sheet and the icon, which are in the page, may be loaded; forms lead here.
pub static POLICY: LazyLock<String> = LazyLock::new(|| {
    let hash = BASE64_STANDARD.encode(Sha256::digest(STYLE));
    format!(
        "default-src 'none'; style-src 'sha256-{hash}'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
});

/// Writes the page.
pub fn write(view: &View<'_>, out: &mut impl Write) -> io::Result<()> {
    let counts = rows::count(view.snapshot, view.query, view.now);
    let pages = counts.wanted(view.query).div_ceil(PAGE).max(1);
    let page = view.page.clamp(1, pages);
    let first = (page - 1) * PAGE;
    let listing = rows::from(view.snapshot, view.query, view.now, first, PAGE);
    let (expired, critical) = (counts.of(State::Expired), counts.of(State::Critical));
    begin(
        &format!("{expired} expired, {critical} critical - certificates"),
        out,
    )?;
    write!(
        out,
        "<a class=\"skip\" href=\"#list\">Skip to the list</a>\n<header><h1>Certificates</h1><p>What this agent watches, as of {}</p></header>\n<main>\n",
        Moment(view.now)
    )?;
    top::write(view, &counts, out)?;
    list::form(view.query, &counts, out)?;
    list::write(view, &listing, (page, pages), out)?;
    let link = Link::to(view.query).to_string();
    write!(
        out,
        "</main>\n<footer><p>x509-certificate-exporter {} · <a href=\"api/v1/certificates{}\">these as JSON</a> · <a href=\"metrics\">metrics</a></p></footer>\n</body></html>\n",
        env!("CARGO_PKG_VERSION"),
        link.strip_suffix('?').unwrap_or(&link),
    )
}

/// Writes the page that says why there is none.
pub fn write_refusal(refusal: &Refusal, out: &mut impl Write) -> io::Result<()> {
    begin("Not understood - certificates", out)?;
    let why = refusal.to_string();
    write!(
        out,
        "<header><h1>Certificates</h1></header>\n<main><p class=\"card\">This address is not understood: {}. <a href=\"?\">Show all</a></p></main>\n</body></html>\n",
        Text(&why)
    )
}

fn begin(title: &str, out: &mut impl Write) -> io::Result<()> {
    write!(
        out,
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\">\
         <link rel=\"icon\" href=\"{ICON}\"><title>{}</title>\n<style>{STYLE}</style></head>\n<body>\n",
        Text(title)
    )
}

/// The mark of a state: never colour alone.
struct Badge(State);

impl fmt::Display for Badge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(state) = self;
        let (name, sign) = (state.as_str(), sign(*state));
        write!(
            f,
            "<span class=\"badge {name}\"><span aria-hidden=\"true\">{sign}</span> {name}</span>"
        )
    }
}

const fn sign(state: State) -> char {
    match state {
        State::Expired => '✕',
        State::Critical => '▲',
        State::Warning => '◆',
        State::Ok => '✓',
        State::Problem => '!',
        State::Odd => '?',
    }
}

#[cfg(test)]
mod tests;
