//! The list, what it is asked with, and the way to its other pages.

use std::fmt;
use std::io::{self, Write};

use super::words::{Away, Moment};
use super::{Badge, Count, Counts, Item, Link, Listing, PAGE, Place, Query, Row, Sort, kinds};
use super::{State, Text, View, served, top};
use crate::expose::info;
use crate::expose::rows::Column;
use crate::model::{Certificate, Crl, Name};

/// What the reader can ask with.
pub(super) fn form(query: &Query, counts: &Counts, out: &mut impl Write) -> io::Result<()> {
    let (text, namespace) = (Text(&query.text), Text(&query.namespace));
    write!(
        out,
        "<form class=\"card\" action=\"?\" method=\"get\" role=\"search\" aria-label=\"Certificates\">\n\
         <label class=\"wide\">Search <input type=\"search\" name=\"q\" maxlength=\"256\" value=\"{text}\" placeholder=\"name, path, issuer, serial, fingerprint\"></label>\n"
    )?;
    let states = State::ALL.map(State::as_str);
    let state = query.state.map(State::as_str);
    select("State", "state", "any", states, state, out)?;
    let kinds = kinds().filter(|kind| counts.kinds.contains(kind) || query.kind == Some(kind));
    select("Kind", "kind", "any", kinds, query.kind, out)?;
    writeln!(
        out,
        "<label>Namespace <input name=\"namespace\" maxlength=\"256\" value=\"{namespace}\"></label>"
    )?;
    out.write_all(b"<label>Order <select name=\"sort\">")?;
    for sort in Sort::ALL {
        let (value, selected) = (sort.as_str(), selected(sort == query.sort));
        let words = match (sort.by, sort.descending) {
            (Column::Expires, false) => "soonest first",
            (Column::Expires, true) => "latest first",
            (Column::Subject, false) => "by name",
            (Column::Subject, true) => "by name, Z to A",
            (Column::Place, false) => "by place",
            (Column::Place, true) => "by place, last first",
        };
        write!(out, "<option value=\"{value}\"{selected}>{words}</option>")?;
    }
    out.write_all(b"</select></label>\n<span class=\"buttons\"><button>Show</button> <a href=\"?\">Reset</a></span></form>\n")
}

fn select(
    label: &str,
    name: &str,
    none: &str,
    values: impl IntoIterator<Item = &'static str>,
    chosen: Option<&str>,
    out: &mut impl Write,
) -> io::Result<()> {
    write!(
        out,
        "<label>{label} <select name=\"{name}\"><option value=\"\">{none}</option>"
    )?;
    for value in values {
        let selected = selected(chosen == Some(value));
        write!(out, "<option{selected}>{value}</option>")?;
    }
    out.write_all(b"</select></label>\n")
}

const fn selected(is_it: bool) -> &'static str {
    if is_it { " selected" } else { "" }
}

/// The list, and below it the way to its other pages.
pub(super) fn write(
    view: &View<'_>,
    listing: &Listing<'_>,
    (page, pages): (usize, usize),
    out: &mut impl Write,
) -> io::Result<()> {
    out.write_all(b"<section id=\"list\" class=\"card\" tabindex=\"-1\" aria-label=\"List\">\n")?;
    if listing.rows.is_empty() {
        let is_empty = view.snapshot.segments.is_empty();
        let is_waiting = view.sources.iter().any(|source| source.up.is_none());
        out.write_all(match (is_empty, is_waiting) {
            (true, true) => b"<p>Nothing is known yet: not every source has been read.</p>\n",
            (true, false) => b"<p>Nothing is there: the sources hold no certificate.</p>\n",
            (false, _) => b"<p>Nothing matches. <a href=\"?\">Show all</a></p>\n" as &[u8],
        })?;
        return out.write_all(b"</section>\n");
    }
    let first = (page - 1) * PAGE + 1;
    let range = Range(first, first + listing.rows.len() - 1, listing.total);
    if let Some(state @ (State::Problem | State::Odd)) = view.query.state {
        let what = if state == State::Odd {
            "What is odd"
        } else {
            "Problems"
        };
        writeln!(out, "<h2>{what}: {range}</h2>")?;
        top::list(&listing.rows, view.now, out)?;
    } else {
        writeln!(
            out,
            "<table role=\"table\" class=\"list\"><caption>{range}</caption>\n<thead role=\"rowgroup\"><tr role=\"row\"><th role=\"columnheader\" scope=\"col\">State</th>"
        )?;
        for (column, words) in [
            (Column::Expires, "Expires"),
            (Column::Subject, "Certificate"),
            (Column::Place, "Place"),
        ] {
            head(view.query, column, words, out)?;
        }
        out.write_all(b"</tr></thead>\n<tbody role=\"rowgroup\">\n")?;
        for row in &listing.rows {
            one(row, view.now, out)?;
        }
        out.write_all(b"</tbody></table>\n")?;
    }
    pager(view.query, page, pages, out)?;
    out.write_all(b"</section>\n")
}

/// Which rows of how many.
struct Range(usize, usize, usize);

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let &Self(first, last, total) = self;
        let (first, last, all) = (Count(first), Count(last), Count(total));
        if total > PAGE {
            write!(f, "{first} to {last} of {all}")
        } else {
            write!(f, "{all} in all")
        }
    }
}

/// The head of a column: a link that sorts by it, and the other way round if that is so already.
fn head(query: &Query, by: Column, words: &str, out: &mut impl Write) -> io::Result<()> {
    let Sort { descending, .. } = query.sort;
    let (is_sorted, sign) = match (query.sort.by == by, descending) {
        (false, _) => ("", ""),
        (true, false) => (
            " aria-sort=\"ascending\"",
            " <span aria-hidden=\"true\">▲</span>",
        ),
        (true, true) => (
            " aria-sort=\"descending\"",
            " <span aria-hidden=\"true\">▼</span>",
        ),
    };
    let link = Link {
        sort: Sort::new(by, query.sort.by == by && !descending),
        ..Link::to(query)
    };
    write!(
        out,
        "<th role=\"columnheader\" scope=\"col\"{is_sorted}><a href=\"{link}\">{words}{sign}</a></th>"
    )
}

fn one(row: &Row<'_>, now: i64, out: &mut impl Write) -> io::Result<()> {
    let state = row.state(now);
    let (class, badge) = (state.as_str(), Badge(state));
    write!(
        out,
        "<tr role=\"row\" class=\"{class}\"><td role=\"cell\">{badge}</td><td role=\"cell\" class=\"when\">"
    )?;
    match row.item.ends() {
        Some(ends) => {
            let (away, moment) = (Away(ends.saturating_sub(now)), Moment(ends));
            write!(out, "<strong>{away}</strong> {moment}")?;
        }
        None => out.write_all(b"<strong>never</strong>")?,
    }
    write!(
        out,
        "</td><th role=\"rowheader\" scope=\"row\"><details><summary><bdi>{}</bdi>",
        Text(row.item.heading())
    )?;
    match row.item {
        Item::Certificate(certificate) => {
            about(certificate, now, out)?;
            served::about(&row.held.bundle, certificate, out)?;
            out.write_all(b"</dl>")?;
        }
        Item::Crl(crl) => about_crl(crl, out)?,
        // Has no line in the table.
        Item::Problem(_) => out.write_all(b"</summary>")?,
    }
    let place = Place(&row.held.location);
    writeln!(
        out,
        "</details></th><td role=\"cell\" class=\"place\">{place}</td></tr>"
    )
}

fn about(certificate: &Certificate, now: i64, out: &mut impl Write) -> io::Result<()> {
    let profile = &*certificate.profile;
    if profile.ca {
        out.write_all(b" <span class=\"kind\">CA</span>")?;
    }
    if certificate.not_before > now {
        out.write_all(b" <span class=\"kind\">not valid yet</span>")?;
    }
    out.write_all(b"</summary><dl>")?;
    fact("Subject", Named(&certificate.subject()), out)?;
    let issuer = certificate.issuer();
    if profile.self_issued {
        fact("Issuer", "itself", out)?;
    } else {
        fact("Issuer", Named(&issuer), out)?;
    }
    let more = match profile.more_names {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let names = Listed(certificate.alternative_names());
    fact("Alternative names", format_args!("{names}{more}"), out)?;
    fact("Valid from", Moment(certificate.not_before), out)?;
    fact("Valid until", Moment(certificate.not_after), out)?;
    fact(
        "Serial number",
        Text(certificate.serial().unwrap_or_default()),
        out,
    )?;
    let bits = match profile.key_bits {
        0 => String::new(),
        bits => format!(" {bits}"),
    };
    let key = Text(certificate.key_algorithm());
    fact("Key", format_args!("{key}{bits}"), out)?;
    fact("Signature", Text(certificate.signature_algorithm()), out)?;
    let usages = info::key_usages(profile).map(|usage| -> &str { usage });
    let usages = usages.chain(certificate.extended_key_usage());
    fact("Usage", Listed(usages), out)?;
    fact("SHA-256", info::hex(&certificate.fingerprint), out)
}

fn about_crl(crl: &Crl, out: &mut impl Write) -> io::Result<()> {
    out.write_all(b" <span class=\"kind\">revocation list</span></summary><dl>")?;
    fact("Issuer", Named(&crl.issuer()), out)?;
    fact("Issued", Moment(crl.this_update), out)?;
    if let Some(next) = crl.next_update {
        fact("Next due", Moment(next), out)?;
    }
    fact("Number", Text(crl.number().unwrap_or_default()), out)?;
    fact("SHA-256", info::hex(&crl.fingerprint), out)?;
    out.write_all(b"</dl>")
}

/// A fact, unless it is empty.
pub(super) fn fact(name: &str, value: impl fmt::Display, out: &mut impl Write) -> io::Result<()> {
    let value = value.to_string();
    if value.is_empty() {
        return Ok(());
    }
    write!(out, "<div><dt>{name}</dt><dd><bdi>{value}</bdi></dd></div>")
}

/// A distinguished name.
struct Named<'a>(&'a Name<&'a str>);

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let attributes = self.0.attributes().into_iter();
        let there = attributes.filter_map(|(short, value)| Some((short, value?)));
        for (at, (short, value)) in there.enumerate() {
            let comma = if at > 0 { ", " } else { "" };
            write!(f, "{comma}{short}={}", Text(value))?;
        }
        Ok(())
    }
}

/// Texts in a row.
struct Listed<I>(I);

impl<'a, I: Iterator<Item = &'a str> + Clone> fmt::Display for Listed<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, text) in self.0.clone().enumerate() {
            let comma = if at > 0 { ", " } else { "" };
            write!(f, "{comma}{}", Text(text))?;
        }
        Ok(())
    }
}

fn pager(query: &Query, page: usize, pages: usize, out: &mut impl Write) -> io::Result<()> {
    if pages == 1 {
        return Ok(());
    }
    write!(
        out,
        "<nav class=\"pager\" aria-label=\"Pages\"><p>Page {} of {}</p><ul>",
        Count(page),
        Count(pages)
    )?;
    let ways = [
        (page > 1, 1, "First", ""),
        (
            page > 1,
            page.saturating_sub(1),
            "Previous",
            " rel=\"prev\"",
        ),
        (page < pages, page + 1, "Next", " rel=\"next\""),
        (page < pages, pages, "Last", ""),
    ];
    for (_, page, words, rel) in ways.into_iter().filter(|(leads, ..)| *leads) {
        let link = Link {
            page,
            ..Link::to(query)
        };
        write!(out, "<li><a href=\"{link}\"{rel}>{words}</a></li>")?;
    }
    out.write_all(b"</ul></nav>\n")
}
