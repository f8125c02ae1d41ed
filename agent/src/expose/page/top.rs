//! What stands above the list: how many there are of each state, what is wrong, how the sources do.

use std::io::{self, Write};

use super::words::{Away, Moment};
use super::{Badge, Count, Counts, Item, Link, Place, Query, Row, Source, State, Text, View};
use super::{rows, sign};

/// Problems shown above the list.
const SHOWN: usize = 5;

pub(super) fn write(view: &View<'_>, counts: &Counts, out: &mut impl Write) -> io::Result<()> {
    tiles(view.query, counts, out)?;
    if view.query.state.is_none() {
        problems(view, counts.of(State::Problem), out)?;
    }
    sources(view, out)
}

/// How many there are of each state; each a link.
fn tiles(query: &Query, counts: &Counts, out: &mut impl Write) -> io::Result<()> {
    out.write_all(b"<nav aria-label=\"By state\"><ul class=\"tiles\">\n")?;
    let all = Query {
        state: None,
        ..query.clone()
    };
    let states = State::ALL.map(Some);
    for state in std::iter::once(None).chain(states) {
        let (count, name, sign) = match state {
            Some(state) => (counts.of(state), state.as_str(), sign(state)),
            None => (counts.wanted(&all), "all", '≡'),
        };
        let link = Link {
            state,
            ..Link::to(query)
        };
        let current = if state == query.state {
            " aria-current=\"page\""
        } else {
            ""
        };
        let none = if count == 0 { " none" } else { "" };
        writeln!(
            out,
            "<li><a class=\"tile {name}{none}\" href=\"{link}\"{current}><b>{}</b> <span><span aria-hidden=\"true\">{sign}</span> {name}</span></a></li>",
            Count(count)
        )?;
    }
    out.write_all(b"</ul></nav>\n")
}

fn problems(view: &View<'_>, count: usize, out: &mut impl Write) -> io::Result<()> {
    if count == 0 {
        return Ok(());
    }
    let query = Query {
        state: Some(State::Problem),
        ..view.query.clone()
    };
    let some = rows::from(view.snapshot, &query, view.now, 0, SHOWN);
    out.write_all(
        b"<section class=\"card\" aria-labelledby=\"problems\"><h2 id=\"problems\">Problems</h2>\n",
    )?;
    list(&some.rows, view.now, out)?;
    if some.left > 0 {
        let (link, count) = (Link::to(&query), Count(count));
        writeln!(out, "<p><a href=\"{link}\">All {count} problems</a></p>")?;
    }
    out.write_all(b"</section>\n")
}

/// Problems, one by one.
pub(super) fn list(rows: &[Row<'_>], now: i64, out: &mut impl Write) -> io::Result<()> {
    out.write_all(b"<ul class=\"problems\">\n")?;
    for row in rows {
        let Item::Problem(problem) = row.item else {
            continue;
        };
        let badge = Badge(row.state(now));
        let (reason, place) = (problem.reason, Place(&row.held.location));
        write!(
            out,
            "<li>{badge} <strong>{reason}</strong> <span class=\"place\">{place}</span> <span class=\"detail\">"
        )?;
        if let Some(block) = problem.block {
            write!(out, "block {block}: ")?;
        }
        writeln!(out, "{}</span></li>", Text(&problem.detail))?;
    }
    out.write_all(b"</ul>\n")
}

fn sources(view: &View<'_>, out: &mut impl Write) -> io::Result<()> {
    let all = view.sources;
    let are = |up: Option<bool>| all.iter().filter(move |source| source.up == up).count();
    let (down, waiting) = (are(Some(false)), are(None));
    let open = if down > 0 { " open" } else { "" };
    let summary = match (all.len(), down, waiting) {
        (1, 0, 0) => "1 source, up".to_owned(),
        (total, 0, 0) => format!("{total} sources, all up"),
        (total, 0, waiting) => format!("{total} sources, {waiting} not read yet"),
        (total, down, 0) => format!("{total} sources, {down} down"),
        (total, down, waiting) => format!("{total} sources, {down} down, {waiting} not read yet"),
    };
    let badge = Badge(if down > 0 { State::Problem } else { State::Ok });
    writeln!(
        out,
        "<details class=\"card sources\"{open}><summary>{badge} {summary}</summary>\n\
         <table role=\"table\"><caption class=\"hidden\">Sources</caption>\n<thead role=\"rowgroup\"><tr role=\"row\">\
         <th role=\"columnheader\" scope=\"col\">Source</th><th role=\"columnheader\" scope=\"col\">State</th>\
         <th role=\"columnheader\" scope=\"col\">Last success</th><th role=\"columnheader\" scope=\"col\">Places</th>\
         </tr></thead>\n<tbody role=\"rowgroup\">"
    )?;
    // What is down comes first.
    let (down, others): (Vec<_>, Vec<_>) = all.iter().partition(|source| source.up == Some(false));
    for source in down.into_iter().chain(others) {
        one(source, view.now, out)?;
    }
    out.write_all(b"</tbody></table></details>\n")
}

fn one(source: &Source, now: i64, out: &mut impl Write) -> io::Result<()> {
    let (name, kind, places) = (Text(&source.name), source.kind, Count(source.places));
    write!(
        out,
        "<tr role=\"row\"><th role=\"rowheader\" scope=\"row\"><bdi>{name}</bdi> <span class=\"kind\">{kind}</span></th><td role=\"cell\">"
    )?;
    match source.up {
        None => out.write_all(b"not read yet")?,
        Some(up) => {
            let (word, class) = if up {
                ("up", "ok")
            } else {
                ("down", "problem")
            };
            let (sign, since) = (if up { '✓' } else { '!' }, source.since);
            write!(
                out,
                "<span class=\"badge {class}\"><span aria-hidden=\"true\">{sign}</span> {word}</span> since {}",
                Moment(since)
            )?;
        }
    }
    if let Some(failure) = &source.failure {
        write!(out, "<br><span class=\"detail\">{}</span>", Text(failure))?;
    }
    out.write_all(b"</td><td role=\"cell\"><span class=\"label\">last success </span>")?;
    match source.last_success {
        Some(last) => write!(out, "{}", Away(last.saturating_sub(now).min(-1)))?,
        None => out.write_all(b"never")?,
    }
    writeln!(
        out,
        "</td><td role=\"cell\">{places}<span class=\"label\"> places</span></td></tr>"
    )
}
