//! Release dates as the English store prints them, with the precision that the text has.

use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Utc};
use traffix_core::catalogue::{Precision, Window};

/// Years that a game store can mean; others are typing errors or placeholders.
const YEARS: std::ops::RangeInclusive<i32> = 1970..=2100;
/// Longest text that is looked at.
const MAX_LEN: usize = 80;

/// What "24 Feb, 2022", "Feb 24, 2022", "February 2022", "Q1 2022" or "2022" says, as a window whose start is the first
/// instant that is meant. Nothing for "Coming soon", "To be announced" and every other text without a year.
///
/// ```
/// use traffix_core::catalogue::Precision;
/// use traffix_platforms::steam::release_date;
/// let window = release_date("Q3 2025").unwrap();
/// assert_eq!((window.start.to_rfc3339().as_str(), window.precision), ("2025-07-01T00:00:00+00:00", Precision::Quarter));
/// assert!(release_date("Coming soon").is_none());
/// ```
pub fn release_date(text: &str) -> Option<Window> {
    let mut said = Said::default();
    let words = text.get(..text.len().min(MAX_LEN))?.split(|c: char| !c.is_alphanumeric());
    for word in words.filter(|word| !word.is_empty()) {
        said.hear(&word.to_ascii_lowercase())?;
    }
    said.window()
}

/// The parts of a date.
#[derive(Default)]
struct Said {
    year: Option<i32>,
    quarter: Option<u32>,
    month: Option<u32>,
    day: Option<u32>,
    /// A two-digit month of a date in ISO order, before it is known to be one.
    numbers: Vec<u32>,
}

impl Said {
    /// Takes a word in; nothing if the text is no date.
    fn hear(&mut self, word: &str) -> Option<()> {
        if let Some(month) = month(word) {
            once(&mut self.month, month)
        } else if let Some(quarter) = quarter(word) {
            once(&mut self.quarter, quarter)
        } else if let Some(number) = number(word) {
            self.number(number)
        } else {
            // A season begins in another month on the other half of the Earth: only its year is certain.
            let vague =
                ["early", "mid", "late", "spring", "summer", "autumn", "fall", "winter", "quarter", "of"];
            vague.contains(&word).then_some(())
        }
    }

    fn number(&mut self, number: u32) -> Option<()> {
        match i32::try_from(number) {
            Ok(year) if YEARS.contains(&year) => once(&mut self.year, year),
            _ if (1..=31).contains(&number) && self.numbers.len() < 2 => {
                self.numbers.push(number);
                Some(())
            }
            _ => None,
        }
    }

    fn window(mut self) -> Option<Window> {
        match (self.month, self.numbers.as_slice()) {
            (_, []) => {}
            (Some(_), &[day]) => self.day = Some(day),
            (None, &[month, day]) if self.quarter.is_none() => {
                (self.month, self.day) = (Some(month), Some(day));
            }
            _ => return None,
        }
        let (month, precision) = match (self.quarter, self.month, self.day) {
            (None, None, _) => (1, Precision::Year),
            (Some(quarter), None, None) => (quarter * 3 - 2, Precision::Quarter),
            (None, Some(month), None) => (month, Precision::Month),
            (None, Some(month), Some(_)) => (month, Precision::Day),
            _ => return None,
        };
        let date = NaiveDate::from_ymd_opt(self.year?, month, self.day.unwrap_or(1))?;
        Some(Window { start: date.and_time(chrono::NaiveTime::MIN).and_utc(), end: None, precision })
    }
}

fn once<T>(slot: &mut Option<T>, value: T) -> Option<()> {
    slot.replace(value).is_none().then_some(())
}

fn month(word: &str) -> Option<u32> {
    const MONTHS: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    let index =
        MONTHS.iter().position(|name| *name == word || (word.len() >= 3 && name.starts_with(word)))?;
    u32::try_from(index + 1).ok()
}

fn quarter(word: &str) -> Option<u32> {
    let digit = word.strip_prefix('q').or_else(|| word.strip_suffix('q'))?;
    digit.parse().ok().filter(|quarter| (1..=4).contains(quarter))
}

/// A number, also as `1st`, `2nd`, `3rd`, `4th`.
fn number(word: &str) -> Option<u32> {
    let digits = word.trim_end_matches(|c: char| c.is_ascii_lowercase());
    let suffix = &word[digits.len()..];
    if !["", "st", "nd", "rd", "th"].contains(&suffix) || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok()
}

/// `at` told only to `precision`.
pub(super) fn coarse(at: DateTime<Utc>, precision: Precision) -> Option<Window> {
    let day = at.date_naive();
    let first = match precision {
        Precision::Minute | Precision::Hour => return Some(Window { start: at, end: None, precision }),
        Precision::Day => day,
        Precision::Month => day.with_day(1)?,
        Precision::Quarter => NaiveDate::from_ymd_opt(day.year(), day.month0() / 3 * 3 + 1, 1)?,
        Precision::Year => NaiveDate::from_ymd_opt(day.year(), 1, 1)?,
    };
    Some(Window { start: first.and_time(chrono::NaiveTime::MIN).and_utc(), end: None, precision })
}

/// Whether `at` can be what `window` means. A day is that of Seattle or of the reader: a day more on either side.
pub(super) fn may_be(window: &Window, at: DateTime<Utc>) -> bool {
    let days = match window.precision {
        Precision::Minute | Precision::Hour | Precision::Day => 1,
        Precision::Month => 31,
        Precision::Quarter => 92,
        Precision::Year => 366,
    };
    at >= window.start - TimeDelta::days(1) && at < window.start + TimeDelta::days(days + 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_printed_form_keeps_its_precision() {
        use Precision::{Day, Month, Quarter, Year};
        for (text, start, precision) in [
            ("24 Feb, 2022", "2022-02-24", Day),
            ("Feb 24, 2022", "2022-02-24", Day),
            ("24 February 2022", "2022-02-24", Day),
            ("February 24th, 2022", "2022-02-24", Day),
            ("1 Mar, 2022", "2022-03-01", Day),
            ("Sept 3, 2026", "2026-09-03", Day),
            ("2026-09-03", "2026-09-03", Day),
            ("June 2025", "2025-06-01", Month),
            ("May 2025", "2025-05-01", Month),
            ("Jun 2025", "2025-06-01", Month),
            ("Q3 2025", "2025-07-01", Quarter),
            ("2025 Q1", "2025-01-01", Quarter),
            ("4Q 2025", "2025-10-01", Quarter),
            ("2025", "2025-01-01", Year),
            ("Early 2025", "2025-01-01", Year),
            ("Summer 2025", "2025-01-01", Year),
        ] {
            let window = release_date(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(window.start.date_naive().to_string(), start, "{text}");
            assert_eq!(window.precision, precision, "{text}");
        }
    }

    #[test]
    fn texts_without_a_date_have_none() {
        for text in [
            "Coming soon",
            "To be announced",
            "TBA",
            "",
            "When it's done",
            "24 Feb",
            "30 Feb, 2022",
            "1 Jan, 1753",
            "Q5 2025",
            "2026년 8월 4일",
            "24 Feb 2022 25",
            "Feb Mar 2022",
            "2022 2023",
            "99999999999",
            "13 2025",
        ] {
            assert_eq!(release_date(text), None, "{text}");
        }
    }

    #[test]
    fn an_instant_is_told_as_coarsely_as_the_store_shows_it() {
        let at = "2026-11-15T17:00:00Z".parse().unwrap();
        let start = |precision| coarse(at, precision).unwrap().start.to_rfc3339();
        assert_eq!(start(Precision::Minute), "2026-11-15T17:00:00+00:00");
        assert_eq!(start(Precision::Month), "2026-11-01T00:00:00+00:00");
        assert_eq!(start(Precision::Quarter), "2026-10-01T00:00:00+00:00");
        assert_eq!(start(Precision::Year), "2026-01-01T00:00:00+00:00");
        assert!(may_be(&release_date("16 Nov, 2026").unwrap(), at));
        assert!(!may_be(&release_date("18 Nov, 2026").unwrap(), at));
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd(text in ".{0,100}") {
            release_date(&text);
        }
    }
}
