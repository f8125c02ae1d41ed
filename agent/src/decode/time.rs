//! `UTCTime` and `GeneralizedTime` (RFC 5280, 4.1.2.5) as seconds since 1970. The `x509-cert` crate
//! reads what the RFC allows; what it refuses and others write (no seconds, fractions, offsets,
//! years before 1970) is read here, since a date that is not read is an expiry that is not seen.

use der::Decode as _;
use x509_cert::time::Time;

use super::der::{Element, tag};

/// The moment, or nothing if it is none.
pub(super) fn seconds(element: Element<'_>) -> Option<i64> {
    match Time::from_der(element.whole) {
        Ok(time) => i64::try_from(time.to_unix_duration().as_secs()).ok(),
        Err(_) => lenient(element),
    }
}

fn lenient(element: Element<'_>) -> Option<i64> {
    let mut digits = Digits(element.value);
    let year = match element.tag {
        // RFC 5280, 4.1.2.5.1: 50 to 99 are the 20th century.
        tag::UTC_TIME => match digits.number(2)? {
            year @ 50.. => 1900 + year,
            year => 2000 + year,
        },
        tag::GENERALIZED_TIME => digits.number(4)?,
        _ => return None,
    };
    let (month, day) = (digits.number(2)?, digits.number(2)?);
    let (hour, minute) = (digits.number(2)?, digits.number(2)?);
    let second = digits.number(2).unwrap_or(0);
    digits.fraction();
    let offset = digits.offset()?;
    let valid = (1..=12).contains(&month)
        && (1..=days_in(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second <= 60;
    valid.then(|| {
        days_since_1970(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second - offset
    })
}

struct Digits<'a>(&'a [u8]);

impl Digits<'_> {
    /// A number of exactly so many digits; else nothing is consumed.
    fn number(&mut self, length: usize) -> Option<i64> {
        let (head, rest) = self.0.split_at_checked(length)?;
        let number = head.iter().try_fold(0, |number, digit| {
            digit
                .is_ascii_digit()
                .then(|| number * 10 + i64::from(digit - b'0'))
        })?;
        self.0 = rest;
        Some(number)
    }

    fn fraction(&mut self) {
        if let Some((b'.' | b',', rest)) = self.0.split_first() {
            let end = rest
                .iter()
                .position(|byte| !byte.is_ascii_digit())
                .unwrap_or(rest.len());
            self.0 = rest.get(end..).unwrap_or_default();
        }
    }

    /// `Z`, `+hhmm`, `-hhmm`, or nothing at all; in seconds. Something else is no time.
    fn offset(&mut self) -> Option<i64> {
        let Some((sign, rest)) = self.0.split_first() else {
            return Some(0);
        };
        self.0 = rest;
        let offset = match sign {
            b'Z' | b'z' => 0,
            b'+' => self.number(2)? * 3_600 + self.number(2)? * 60,
            b'-' => -(self.number(2)? * 3_600 + self.number(2)? * 60),
            _ => return None,
        };
        self.0.is_empty().then_some(offset)
    }
}

fn days_in(year: i64, month: i64) -> i64 {
    let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days of the proleptic Gregorian calendar (Hinnant, `days_from_civil`).
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(tag: u8, text: &str) -> Option<i64> {
        let mut whole = vec![tag, u8::try_from(text.len()).unwrap()];
        whole.extend(text.as_bytes());
        seconds(Element {
            tag,
            value: text.as_bytes(),
            whole: &whole,
        })
    }

    #[test]
    fn what_the_rfc_allows_and_what_others_write_is_read() {
        for (tag, text, expected) in [
            (tag::UTC_TIME, "260101000000Z", 1_767_225_600),
            (tag::UTC_TIME, "491231235959Z", 2_524_607_999),
            (tag::UTC_TIME, "500101000000Z", -631_152_000),
            (tag::UTC_TIME, "600101000000Z", -315_619_200),
            (tag::UTC_TIME, "2601010000Z", 1_767_225_600),
            (tag::UTC_TIME, "260101010000+0100", 1_767_225_600),
            (tag::UTC_TIME, "251231230000-0100", 1_767_225_600),
            (tag::GENERALIZED_TIME, "20500101000000Z", 2_524_608_000),
            (tag::GENERALIZED_TIME, "20260101000000.123Z", 1_767_225_600),
            (tag::GENERALIZED_TIME, "20260101000000", 1_767_225_600),
            (tag::GENERALIZED_TIME, "99991231235959Z", 253_402_300_799),
            (tag::GENERALIZED_TIME, "00010101000000Z", -62_135_596_800),
        ] {
            assert_eq!(read(tag, text), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in [
            "261301000000Z",
            "260230000000Z",
            "260101240000Z",
            "26010100",
            "",
            "26010100000Zx",
            "2601010000é",
        ] {
            assert_eq!(read(tag::UTC_TIME, text), None, "{text}");
        }
    }
}
