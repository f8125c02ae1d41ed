//! Times of a validity (RFC 5280, section 4.1.2.5), and the forms that RFC forbids but issuers
//! used and OpenSSL reads: no seconds, fractions, offsets, years before 1970. An expiry must not
//! be lost to its spelling, so only what names no instant at all is refused.

use super::der::{Element, GENERALIZED_TIME, UTC_TIME};

/// Seconds since 1970, or `None` where the element is no time.
pub(super) fn unix_seconds(element: Element<'_>) -> Option<i64> {
    let mut digits = Digits {
        rest: element.content,
    };
    let year = match element.tag {
        UTC_TIME => {
            // RFC 5280, section 4.1.2.5.1: from 50 on, the 20th century.
            let year = digits.pair()?;
            year + if year < 50 { 2000 } else { 1900 }
        }
        GENERALIZED_TIME => digits.pair()? * 100 + digits.pair()?,
        _ => return None,
    };
    let month = digits.pair_within(1..=12)?;
    let day = digits.pair_within(1..=days_in(year, month))?;
    let hour = digits.pair_within(0..=23)?;
    // GeneralizedTime may end after the hour (X.680, clause 46).
    let minute = match element.tag {
        GENERALIZED_TIME => digits.optional_pair_within(0..=59)?,
        _ => digits.pair_within(0..=59)?,
    };
    // 60 is a leap second.
    let second = digits.optional_pair_within(0..=60)?;
    digits.skip_fraction()?;
    let offset = digits.zone()?;
    let days = days_since_1970(year, month, day);
    Some(((days * 24 + hour) * 60 + minute - offset) * 60 + second)
}

/// Days since 1970-01-01 in the Gregorian calendar, for any year from 0 on.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    // Years begin in March here, so that the leap day is the last day of a year.
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    // 719468 days lie between 0000-03-01 and 1970-01-01.
    year * 365 + leap_days + (153 * month + 2) / 5 + day - 1 - 719_468
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The characters of a time that are still to be read.
struct Digits<'a> {
    rest: &'a [u8],
}

// === impl Digits ===

impl Digits<'_> {
    fn pair(&mut self) -> Option<i64> {
        let ([tens @ b'0'..=b'9', units @ b'0'..=b'9'], rest) = self.rest.split_first_chunk()?
        else {
            return None;
        };
        self.rest = rest;
        Some(i64::from(tens - b'0') * 10 + i64::from(units - b'0'))
    }

    fn pair_within(&mut self, range: std::ops::RangeInclusive<i64>) -> Option<i64> {
        self.pair().filter(|value| range.contains(value))
    }

    /// 0 where no digit follows.
    fn optional_pair_within(&mut self, range: std::ops::RangeInclusive<i64>) -> Option<i64> {
        if self.rest.first().is_some_and(u8::is_ascii_digit) {
            self.pair_within(range)
        } else {
            Some(0)
        }
    }

    /// A fraction of the second is dropped: no metric is finer.
    fn skip_fraction(&mut self) -> Option<()> {
        let [b'.' | b',', fraction @ ..] = self.rest else {
            return Some(());
        };
        let digits = fraction
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        self.rest = fraction.get(digits..)?;
        (digits > 0).then_some(())
    }

    /// Minutes to subtract. A time without a zone is taken for UTC: a day off at most, where the
    /// alternative is not to see the expiry.
    fn zone(&mut self) -> Option<i64> {
        let (sign, rest) = match self.rest {
            [] | [b'Z'] => return Some(0),
            [b'+', rest @ ..] => (1, rest),
            [b'-', rest @ ..] => (-1, rest),
            _ => return None,
        };
        self.rest = rest;
        let hours = self.pair_within(0..=23)?;
        let minutes = self.optional_pair_within(0..=59)?;
        self.rest
            .is_empty()
            .then_some(sign * (hours * 60 + minutes))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use x509_cert::der::{DateTime, Decode, Encode};
    use x509_cert::time::Time;

    use super::*;

    fn read(tag: u8, text: &str) -> Option<i64> {
        unix_seconds(Element {
            tag,
            content: text.as_bytes(),
            raw: &[],
        })
    }

    #[test]
    fn times_are_read_in_every_spelling_that_names_an_instant() {
        for (tag, text, expected) in [
            (UTC_TIME, "700101000000Z", 0),
            (UTC_TIME, "500101000000Z", -631_152_000),
            (UTC_TIME, "491231235959Z", 2_524_607_999),
            (UTC_TIME, "600101000000Z", -315_619_200),
            (UTC_TIME, "2501010000Z", 1_735_689_600),
            (UTC_TIME, "250101010000+0100", 1_735_689_600),
            (UTC_TIME, "2412311900-0500", 1_735_689_600),
            (UTC_TIME, "250101000000", 1_735_689_600),
            (UTC_TIME, "250101000000.5Z", 1_735_689_600),
            (UTC_TIME, "161231235960Z", 1_483_228_800),
            (GENERALIZED_TIME, "20250101000000Z", 1_735_689_600),
            (GENERALIZED_TIME, "20250101000000.999Z", 1_735_689_600),
            (GENERALIZED_TIME, "20250101000000,25Z", 1_735_689_600),
            (GENERALIZED_TIME, "20250101013000+0130", 1_735_689_600),
            (GENERALIZED_TIME, "20250101010000+01", 1_735_689_600),
            (GENERALIZED_TIME, "2025010100", 1_735_689_600),
            (GENERALIZED_TIME, "202501010000Z", 1_735_689_600),
            (GENERALIZED_TIME, "20240229000000Z", 1_709_164_800),
            (GENERALIZED_TIME, "20000229000000Z", 951_782_400),
            (GENERALIZED_TIME, "99991231235959Z", 253_402_300_799),
            (GENERALIZED_TIME, "00010101000000Z", -62_135_596_800),
            (GENERALIZED_TIME, "00000101000000Z", -62_167_219_200),
        ] {
            assert_eq!(read(tag, text), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_names_no_instant_is_no_time() {
        for (tag, text) in [
            (UTC_TIME, ""),
            (UTC_TIME, "Z"),
            (UTC_TIME, "251301000000Z"),
            (UTC_TIME, "250001000000Z"),
            (UTC_TIME, "250229000000Z"),
            (UTC_TIME, "250431000000Z"),
            (UTC_TIME, "250100000000Z"),
            (UTC_TIME, "250101240000Z"),
            (UTC_TIME, "250101006000Z"),
            (UTC_TIME, "250101000061Z"),
            (UTC_TIME, "25010100Z"),
            (UTC_TIME, "250101000000Zx"),
            (UTC_TIME, "250101000000+"),
            (UTC_TIME, "250101000000+2400"),
            (UTC_TIME, "250101000000+01000"),
            (UTC_TIME, "250101000000.Z"),
            (UTC_TIME, "2501010000000Z"),
            (UTC_TIME, "20250101000000Z"),
            (UTC_TIME, "25-101000000Z"),
            (GENERALIZED_TIME, "20250229000000Z"),
            (GENERALIZED_TIME, "19000229000000Z"),
            (GENERALIZED_TIME, "250101000000Z"),
            (0x0c, "250101000000Z"),
        ] {
            assert_eq!(read(tag, text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_time_of_x509_cert_is_read_alike(
            year in 1970_u16..=9999, month in 1_u8..=12, day in 1_u8..=28,
            hour in 0_u8..24, minute in 0_u8..60, second in 0_u8..60,
        ) {
            let instant = DateTime::new(year, month, day, hour, minute, second).unwrap();
            let der = Time::from(instant).to_der().unwrap();
            let (element, _) = super::super::der::first(&der).unwrap();
            let seconds = i64::try_from(instant.unix_duration().as_secs()).unwrap();
            prop_assert_eq!(unix_seconds(element), Some(seconds));
            prop_assert!(Time::from_der(&der).is_ok());
        }

        #[test]
        fn any_content_is_a_time_or_none(content in "[0-9Z+.-]{0,24}", tag in UTC_TIME..=GENERALIZED_TIME) {
            // The extremes: year 0 and an offset of a day; year 9999 and the same.
            if let Some(seconds) = read(tag, &content) {
                prop_assert!((-62_167_305_600..=253_402_387_200).contains(&seconds));
            }
        }
    }
}
