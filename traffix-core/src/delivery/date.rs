//! Dates as precise as their source: a day, a month or a year.

use std::fmt;
use std::str::FromStr;

use chrono::{Datelike, Months, NaiveDate};
use serde::{Deserialize, Serialize};

use super::error::{ParseDeliveryError, shown};

/// A calendar date whose month or day may be unknown; `2021` never turns into 1 January 2021.
///
/// Ordered by the last day it can mean, then by precision.
///
/// ```
/// use traffix_core::delivery::PartialDate;
/// let month: PartialDate = "2020-10".parse()?;
/// assert_eq!(month.to_string(), "2020-10");
/// assert_eq!(month.last_day().to_string(), "2020-10-31");
/// # Ok::<(), traffix_core::delivery::ParseDeliveryError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(try_from = "String", into = "String")]
pub struct PartialDate {
    last_day: NaiveDate,
    precision: Precision,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Precision {
    Year,
    Month,
    Day,
}

impl PartialDate {
    /// A date known to the day.
    pub fn day(date: NaiveDate) -> Self {
        Self { last_day: date, precision: Precision::Day }
    }

    /// The first day it can mean.
    pub fn first_day(self) -> NaiveDate {
        let first = match self.precision {
            Precision::Day => Some(self.last_day),
            Precision::Month => self.last_day.with_day(1),
            Precision::Year => self.last_day.with_day(1).and_then(|day| day.with_month(1)),
        };
        first.unwrap_or(self.last_day)
    }

    /// The last day it can mean.
    pub fn last_day(self) -> NaiveDate {
        self.last_day
    }

    fn parse(text: &str) -> Option<Self> {
        let fields: Vec<&str> = text.split('-').collect();
        let widths: Vec<usize> = fields.iter().map(|field| field.len()).collect();
        if !fields.iter().all(|field| field.bytes().all(|b| b.is_ascii_digit())) {
            return None;
        }
        let (precision, first, months) = match widths[..] {
            [4] => (Precision::Year, format!("{text}-01-01"), 12),
            [4, 2] => (Precision::Month, format!("{text}-01"), 1),
            [4, 2, 2] => (Precision::Day, text.to_owned(), 0),
            _ => return None,
        };
        let first: NaiveDate = first.parse().ok()?;
        let last_day = match precision {
            Precision::Day => first,
            _ => first.checked_add_months(Months::new(months))?.pred_opt()?,
        };
        Some(Self { last_day, precision })
    }
}

impl FromStr for PartialDate {
    type Err = ParseDeliveryError;

    fn from_str(text: &str) -> Result<Self, ParseDeliveryError> {
        Self::parse(text).ok_or_else(|| ParseDeliveryError::Date(shown(text)))
    }
}

impl TryFrom<String> for PartialDate {
    type Error = ParseDeliveryError;

    fn try_from(text: String) -> Result<Self, ParseDeliveryError> {
        text.parse()
    }
}

impl From<PartialDate> for String {
    fn from(date: PartialDate) -> Self {
        date.to_string()
    }
}

impl fmt::Display for PartialDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let format = match self.precision {
            Precision::Year => "%Y",
            Precision::Month => "%Y-%m",
            Precision::Day => "%Y-%m-%d",
        };
        write!(f, "{}", self.last_day.format(format))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip_and_bounds() {
        for (text, first, last) in [
            ("2024", "2024-01-01", "2024-12-31"),
            ("2024-02", "2024-02-01", "2024-02-29"),
            ("2026-08-25", "2026-08-25", "2026-08-25"),
        ] {
            let date: PartialDate = text.parse().unwrap();
            assert_eq!(date.to_string(), text);
            assert_eq!(date.first_day().to_string(), first);
            assert_eq!(date.last_day().to_string(), last);
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for bad in ["", "24", "2024-13", "2024-2", "2024-02-30", "2024-02-03-04", "+024", "20240203", "٢٠٢٤"]
        {
            assert!(bad.parse::<PartialDate>().is_err(), "{bad:?}");
        }
    }
}
