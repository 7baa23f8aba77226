//! The monthly calendar: second Tuesday, 10:00 in Redmond.
//!
//! Source: <https://learn.microsoft.com/windows/deployment/update/release-cycle>.

use chrono::{DateTime, Datelike, Duration, NaiveDate, Utc, Weekday};

/// How the security response centre abbreviates months.
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A month of a year, written `2024-Mar`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Month {
    year: i32,
    /// 1 to 12.
    month: u32,
}

impl Month {
    /// The month of an identifier such as `2024-Mar` or, when there were two in a month, `2017-May-B`.
    pub(super) fn parse(id: &str) -> Option<Self> {
        let mut parts = id.split('-');
        let year = parts.next().filter(|year| year.len() == 4)?.parse().ok()?;
        let name = parts.next()?;
        let month = MONTHS.iter().zip(1..).find(|(known, _)| **known == name)?.1;
        let extra = parts.next().is_none_or(|extra| extra.bytes().all(|b| b.is_ascii_alphanumeric()));
        ((1998..=2100).contains(&year) && extra && parts.next().is_none()).then_some(Self { year, month })
    }

    pub(super) fn of(at: DateTime<Utc>) -> Self {
        Self { year: at.year(), month: at.month() }
    }

    pub(super) fn next(self) -> Self {
        if self.month == 12 {
            Self { year: self.year + 1, month: 1 }
        } else {
            Self { month: self.month + 1, ..self }
        }
    }

    /// Months since year 0.
    pub(super) fn ordinal(self) -> i32 {
        self.year * 12 + self.month.cast_signed() - 1
    }

    /// When its updates are published: 10:00 of the second Tuesday in Redmond, which is 17:00 UTC in summer and
    /// 18:00 UTC in winter.
    pub(super) fn patch_instant(self) -> Option<DateTime<Utc>> {
        let day = nth(self, Weekday::Tue, 2)?;
        // Summer there lasts from the second Sunday of March to the first Sunday of November, so only in March
        // does the second Tuesday lie on either side.
        let summer = match self.month {
            3 => day > nth(self, Weekday::Sun, 2)?,
            4..=10 => true,
            _ => false,
        };
        Some(day.and_hms_opt(if summer { 17 } else { 18 }, 0, 0)?.and_utc())
    }
}

impl std::fmt::Display for Month {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let index = usize::try_from(self.month).unwrap_or(1).saturating_sub(1);
        write!(f, "{}-{}", self.year, MONTHS[index % 12])
    }
}

fn nth(month: Month, day: Weekday, n: u8) -> Option<NaiveDate> {
    NaiveDate::from_weekday_of_month_opt(month.year, month.month, day, n)
}

/// The hour of a date that the centre gives as midnight in Redmond: ten hours later. Other times are kept.
pub(super) fn at_ten(published: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let hour = published.time().format("%H:%M:%S").to_string();
    ["07:00:00", "08:00:00"].contains(&hour.as_str()).then(|| published + Duration::hours(10))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn second_tuesdays_with_the_clock_of_redmond() {
        let at = |id| Month::parse(id).unwrap().patch_instant().unwrap().to_rfc3339();
        assert_eq!(at("2024-Mar"), "2024-03-12T17:00:00+00:00");
        assert_eq!(at("2022-Mar"), "2022-03-08T18:00:00+00:00"); // before the clocks changed
        assert_eq!(at("2016-Apr"), "2016-04-12T17:00:00+00:00");
        assert_eq!(at("2026-Nov"), "2026-11-10T18:00:00+00:00");
        assert_eq!(at("2026-Dec"), "2026-12-08T18:00:00+00:00");
    }

    #[test]
    fn months_are_read_and_written() {
        for id in ["2024-Mar", "1999-Dec"] {
            assert_eq!(Month::parse(id).unwrap().to_string(), id);
        }
        assert_eq!(Month::parse("2017-May-B"), Month::parse("2017-May"));
        assert_eq!(Month::parse("2024-Dec").unwrap().next().to_string(), "2025-Jan");
        for odd in ["", "2024", "2024-March", "2024-03", "24-Mar", "99999-Mar", "2024-Mar-B-C", "2024-Mar-/"]
        {
            assert_eq!(Month::parse(odd), None, "{odd}");
        }
    }
}
