//! The table of `check`: one line per certificate, soonest to expire first, then the problems.

use std::fmt::Write as _;

use super::place::places;
use crate::inventory::Snapshot;
use crate::model::{Certificate, Location};

/// How much time is little.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Seconds left below which a certificate is a warning.
    pub warn: i64,
    /// Seconds left below which it is critical.
    pub crit: i64,
}

/// What a certificate's remaining time means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Enough left.
    Ok,
    /// Less than the warning time.
    Warning,
    /// Less than the critical time, or not valid yet.
    Critical,
    /// Nothing left.
    Expired,
}

/// What [`render`] counted, for the exit code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Worst state of a certificate; `None` when there is none.
    pub worst: Option<State>,
    /// How many problems.
    pub problems: usize,
    /// How many certificates.
    pub certificates: usize,
}

/// The table as text, and what it says in short.
pub fn render(snapshot: &Snapshot, limits: Limits, now: i64) -> (String, Tally) {
    let mut rows = Vec::new();
    let mut problems = String::new();
    let mut tally = Tally::default();
    for place in places(snapshot) {
        for certificate in &place.certificates {
            rows.push((certificate.not_after, place.location, *certificate));
        }
        for problem in &place.problems {
            tally.problems += 1;
            writeln!(problems, "{}: {problem}", place.location)
                .expect("writing to a String cannot fail");
        }
    }
    rows.sort_by_key(|(not_after, location, _)| (*not_after, *location));
    tally.certificates = rows.len();
    tally.worst = rows
        .iter()
        .map(|(_, _, certificate)| state(certificate, limits, now))
        .max();

    let lines: Vec<[String; 5]> = rows
        .iter()
        .map(|(_, location, c)| line(location, c, limits, now))
        .collect();
    let head = [
        "STATE",
        "REMAINING",
        "NOT AFTER (UTC)",
        "SUBJECT",
        "LOCATION",
    ]
    .map(str::to_owned);
    let mut text = String::new();
    if !lines.is_empty() {
        columns(&mut text, std::iter::once(&head).chain(&lines));
    }
    if !problems.is_empty() {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str("PROBLEMS\n");
        text.push_str(&problems);
    }
    (text, tally)
}

fn line(location: &Location, certificate: &Certificate, limits: Limits, now: i64) -> [String; 5] {
    let state = match state(certificate, limits, now) {
        State::Ok => "ok",
        State::Warning => "warning",
        State::Critical => "critical",
        State::Expired => "expired",
    };
    [
        state.to_owned(),
        remaining(certificate.not_after.saturating_sub(now)),
        date(certificate.not_after),
        subject(certificate),
        location.to_string(),
    ]
}

fn state(certificate: &Certificate, limits: Limits, now: i64) -> State {
    let left = certificate.not_after.saturating_sub(now);
    if left < 0 {
        State::Expired
    } else if left < limits.crit || certificate.not_before > now {
        State::Critical
    } else if left < limits.warn {
        State::Warning
    } else {
        State::Ok
    }
}

/// As kubeadm tells it: days, below one day hours, below one hour minutes.
fn remaining(seconds: i64) -> String {
    let sign = if seconds < 0 { "-" } else { "" };
    match seconds.unsigned_abs() {
        left if left >= 86_400 => format!("{sign}{}d", left / 86_400),
        left if left >= 3_600 => format!("{sign}{}h", left / 3_600),
        left => format!("{sign}{}m", left / 60),
    }
}

fn subject(certificate: &Certificate) -> String {
    let attributes = certificate.subject.attributes();
    let named = attributes.iter().rev().find_map(|(short, value)| {
        value.map(|value| {
            if *short == "CN" {
                value.to_string()
            } else {
                format!("{short}={value}")
            }
        })
    });
    let named = named.unwrap_or_else(|| "-".to_owned());
    if certificate.ca {
        format!("{named} (CA)")
    } else {
        named
    }
}

/// Seconds since 1970 as a date of the proleptic Gregorian calendar (Hinnant, `civil_from_days`).
fn date(seconds: i64) -> String {
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute) = (second / 3_600, second % 3_600 / 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}")
}

fn columns<'a>(text: &mut String, lines: impl Iterator<Item = &'a [String; 5]> + Clone) {
    let mut widths = [0; 5];
    for line in lines.clone() {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = (*width).max(cell.chars().count());
        }
    }
    for line in lines {
        let cells = line
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:<width$}"));
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, expected) in [
            (0, "1970-01-01 00:00"),
            (951_782_400, "2000-02-29 00:00"),
            (-1, "1969-12-31 23:59"),
            (253_402_300_799, "9999-12-31 23:59"),
            (-631_152_000, "1950-01-01 00:00"),
        ] {
            assert_eq!(date(seconds), expected, "{seconds}");
        }
    }

    #[test]
    fn what_remains_is_told_in_the_largest_unit() {
        for (seconds, expected) in [
            (365 * 86_400, "365d"),
            (86_399, "23h"),
            (3_599, "59m"),
            (-90_000, "-1d"),
        ] {
            assert_eq!(remaining(seconds), expected);
        }
    }
}
