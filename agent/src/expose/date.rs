//! Seconds since 1970 as dates of the proleptic Gregorian calendar.

/// A date in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Date {
    year: i64,
    month: i64,
    day: i64,
    second: i64,
}

impl Date {
    /// Of seconds since 1970 (Hinnant, `civil_from_days`).
    pub fn of(seconds: i64) -> Self {
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
        Self {
            year: year_of_era + era * 400 + i64::from(month <= 2),
            month,
            day,
            second,
        }
    }

    /// For people.
    pub fn minutes(self) -> String {
        let (hour, minute) = (self.second / 3_600, self.second % 3_600 / 60);
        let Self {
            year, month, day, ..
        } = self;
        format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}")
    }

    /// For machines (RFC 3339). It knows no years but those of four digits: others, which some
    /// zones of odd certificates make, become the nearest.
    pub fn rfc_3339(seconds: i64) -> String {
        let date = Self::of(seconds.clamp(YEAR_0, YEAR_9999));
        let (hour, minute) = (date.second / 3_600, date.second % 3_600 / 60);
        let (second, year) = (date.second % 60, date.year);
        let (month, day) = (date.month, date.day);
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

/// First second of the year 0.
const YEAR_0: i64 = -62_167_219_200;

/// Last second of the year 9999.
const YEAR_9999: i64 = 253_402_300_799;

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
            assert_eq!(Date::of(seconds).minutes(), expected, "{seconds}");
        }
    }

    #[test]
    fn dates_for_machines_have_four_digits_of_a_year() {
        for (seconds, expected) in [
            (1, "1970-01-01T00:00:01Z"),
            (-1, "1969-12-31T23:59:59Z"),
            (YEAR_0, "0000-01-01T00:00:00Z"),
            (YEAR_9999, "9999-12-31T23:59:59Z"),
            (i64::MIN, "0000-01-01T00:00:00Z"),
            (253_402_387_200, "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(Date::rfc_3339(seconds), expected, "{seconds}");
        }
    }
}
