//! Human spellings of sizes and instants.

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use toml::value::{Datetime, Offset, Time};

use crate::Bytes;
use crate::catalogue::{ByteRange, Precision};

use super::node::Node;

const AT: &str = "write 2023-11-03T08:00:00Z, a local time with its offset such as 2023-11-03T20:00:00+12:00, \
                  a day such as 2023-11-03, or \"2023-11\", \"2023-Q4\" or \"2023\"";

/// `"84.4 GB"`, `"17 GB to 18 GB"`, or a plain number of bytes.
pub(super) fn bytes(node: &Node<'_>) -> Option<ByteRange> {
    if !node.is_text() {
        return node.count().map(|count| ByteRange::exactly(Bytes(count)));
    }
    let text = node.text()?;
    let parse = |part: &str| part.parse::<Bytes>().map_err(|e| node.wrong::<()>(e.to_string())).ok();
    match text.split_once(" to ") {
        Some((low, high)) => Some(ByteRange::new(parse(low)?, parse(high)?)),
        None => parse(text).map(ByteRange::exactly),
    }
}

/// An instant with the precision that its spelling implies.
pub(super) fn instant(node: &Node<'_>) -> Option<(DateTime<Utc>, Precision)> {
    if let Some(at) = node.datetime() {
        return toml_instant(at).or_else(|| node.wrong(format!("is not an instant; {AT}")));
    }
    let text = node.text()?;
    let parsed = text.parse::<Datetime>().ok().and_then(|at| toml_instant(&at)).or_else(|| coarse(text));
    parsed.or_else(|| node.wrong(format!("\"{}\" is not an instant; {AT}", shortened(text))))
}

fn toml_instant(at: &Datetime) -> Option<(DateTime<Utc>, Precision)> {
    let date = at.date?;
    let day = NaiveDate::from_ymd_opt(i32::from(date.year), u32::from(date.month), u32::from(date.day))?;
    match (at.time, at.offset) {
        (None, None) => Some((midnight(day)?, Precision::Day)),
        (Some(time), Some(offset)) => {
            let minutes = match offset {
                Offset::Z => 0,
                Offset::Custom { minutes } => i64::from(minutes),
            };
            let local = day.and_time(clock(time)?).and_utc();
            Some((local.checked_sub_signed(TimeDelta::minutes(minutes))?, Precision::Minute))
        }
        _ => None,
    }
}

fn clock(time: Time) -> Option<NaiveTime> {
    NaiveTime::from_hms_opt(u32::from(time.hour), u32::from(time.minute), u32::from(time.second.unwrap_or(0)))
}

/// A year, a quarter or a month.
fn coarse(text: &str) -> Option<(DateTime<Utc>, Precision)> {
    let (year, rest) = text.split_once('-').unwrap_or((text, ""));
    let digits = |part: &str, length| part.len() == length && part.bytes().all(|b| b.is_ascii_digit());
    let year: i32 = if digits(year, 4) { year.parse().ok()? } else { return None };
    let (month, precision) = match rest {
        "" if text.len() == 4 => (1, Precision::Year),
        "Q1" => (1, Precision::Quarter),
        "Q2" => (4, Precision::Quarter),
        "Q3" => (7, Precision::Quarter),
        "Q4" => (10, Precision::Quarter),
        month if digits(month, 2) => (month.parse().ok()?, Precision::Month),
        _ => return None,
    };
    Some((midnight(NaiveDate::from_ymd_opt(year, month, 1)?)?, precision))
}

fn midnight(day: NaiveDate) -> Option<DateTime<Utc>> {
    Some(day.and_hms_opt(0, 0, 0)?.and_utc())
}

fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
}
