//! What monitoring systems export of their series: CSV, Prometheus' answers, round robin databases, exchanges' logs.
//!
//! [`read`] finds out the format and gives the samples as they stand; [`Samples::rates`] makes bit rates on fixed steps of them, and
//! refuses what is not clear: units are stated, never guessed, a value that is not there is a gap and never zero.

mod csv;
mod json;
mod rrd;
mod steps;
#[cfg(test)]
mod tests;

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;

/// Most values that are read from one file.
const MAX_SAMPLES: usize = 20_000_000;
/// Most series of one file.
const MAX_SERIES: usize = 10_000;

/// What the values count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Unit {
    /// Bits per second.
    #[value(name = "bps")]
    BitsPerSec,
    /// Bytes per second.
    #[value(name = "Bps")]
    BytesPerSec,
    /// Bytes since some beginning, such as SNMP's `ifHCInOctets`.
    #[value(name = "octets-counter")]
    OctetsCounter,
}

/// Which end of its step the instant of a value names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Stamp {
    /// The step begins then.
    Start,
    /// The step ends then.
    End,
}

/// What the file does not say.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    /// What the values count.
    pub(crate) unit: Unit,
    /// Size of counters in bits, 32 or 64.
    pub(crate) counter_bits: u8,
    /// Which end of a step instants name, if it differs from what is usual for the format.
    pub(crate) stamp: Option<Stamp>,
    /// Time zone of instants that do not name one.
    pub(crate) zone: Option<Tz>,
    /// Seconds from one value to the next, if they are not to be found out.
    pub(crate) step_secs: Option<u32>,
    /// What counts as now.
    pub(crate) now: DateTime<Utc>,
}

/// A place in a file and what is wrong there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wrong {
    place: Place,
    detail: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    Line(u64),
    Pointer(String),
    Whole,
}

impl Wrong {
    fn line(line: u64, detail: impl Into<String>) -> Self {
        Self { place: Place::Line(line), detail: detail.into() }
    }

    fn pointer(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { place: Place::Pointer(pointer.into()), detail: detail.into() }
    }

    fn whole(detail: impl Into<String>) -> Self {
        Self { place: Place::Whole, detail: detail.into() }
    }
}

/// Follows the name of the file: `:12: must be …`.
impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Line(line) => write!(f, ":{line}: {}", self.detail),
            Place::Pointer(pointer) => write!(f, ": {pointer}: {}", self.detail),
            Place::Whole => write!(f, ": {}", self.detail),
        }
    }
}

/// A value as a file has it.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Sample {
    /// Line of the file or position in its list.
    index: u64,
    /// Seconds since 1970.
    at_secs: i64,
    /// Nothing if the file says that it is not known.
    value: Option<f64>,
}

/// One series as a file has it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Samples {
    /// What the file calls it: a column, a data source, a set of labels.
    pub(crate) name: String,
    values: Vec<Sample>,
    /// Seconds from one value to the next, if the file says it.
    step_secs: Option<u32>,
    /// Which end of a step instants name in this format, and whether that is certain.
    stamp: (Stamp, bool),
    /// Whether values can only be rates.
    only_rates: bool,
    /// Where the list of values is, if the file has no lines to speak of.
    pointer: Option<String>,
}

impl Samples {
    fn new(name: impl Into<String>, stamp: Stamp) -> Self {
        Self {
            name: name.into(),
            values: Vec::new(),
            step_secs: None,
            stamp: (stamp, false),
            only_rates: false,
            pointer: None,
        }
    }

    fn push(&mut self, index: u64, at_secs: i64, value: Option<f64>) {
        self.values.push(Sample { index, at_secs, value });
    }

    fn wrong(&self, index: u64, detail: impl Into<String>) -> Wrong {
        match &self.pointer {
            Some(pointer) => Wrong::pointer(format!("{pointer}/{index}"), detail),
            None => Wrong::line(index, detail),
        }
    }
}

/// Bit rates on fixed steps.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rates {
    /// Length of a step.
    pub(crate) step_secs: u32,
    /// Start of the step and its mean in bit/s, by time; unknown steps are not there.
    pub(crate) points: Vec<(DateTime<Utc>, f64)>,
    /// Steps between the first and the last point of which nothing is known.
    pub(crate) gaps: u64,
    /// Counters that began anew; what was counted in such a step is unknown.
    pub(crate) resets: u64,
    /// Values that stood there twice.
    pub(crate) repeated: u64,
}

/// The series of a file, whose format its first characters tell.
///
/// # Errors
/// What is wrong and where, up to twenty places.
pub(crate) fn read(text: &str, asked: &Asked) -> Result<Vec<Samples>, Vec<Wrong>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let all = match text.trim_start().bytes().next() {
        None => Err(vec![Wrong::whole("is empty")]),
        Some(b'{') if rrd::is_xport(text) => rrd::xport(text),
        Some(b'{' | b'[') => json::read(text),
        Some(b'<') => rrd::dump(text),
        _ if rrd::is_fetch(text) => rrd::fetch(text),
        _ => csv::read(text, asked.zone),
    }?;
    if all.iter().all(|samples| samples.values.is_empty()) {
        return Err(vec![Wrong::whole("has no values")]);
    }
    Ok(all)
}

/// A value as text; words and signs for "not known" are nothing.
fn value(text: &str) -> Result<Option<f64>, String> {
    let text = text.trim();
    let unknown = ["", "-", "nan", "-nan", "null", "u", "undefined", "none", "n/a"];
    if unknown.iter().any(|word| text.eq_ignore_ascii_case(word)) {
        return Ok(None);
    }
    let number = text.parse().ok().filter(|number: &f64| number.is_finite());
    number.map(Some).ok_or_else(|| {
        let shown: String = text.chars().take(40).collect();
        format!("must be a plain number or empty, got {shown:?}; export raw values, without units")
    })
}

/// Seconds since 1970 of an instant that may be given in seconds or milliseconds.
fn epoch_secs(number: f64) -> Option<i64> {
    // 10^11 seconds are the year 5138; as many milliseconds are 1973.
    let secs = if number.abs() >= 1e11 { number / 1000.0 } else { number };
    #[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
    (0.0..1e11).contains(&secs).then(|| secs.round() as i64)
}

fn instant(secs: i64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(secs, 0)
}

/// An instant for messages.
fn shown(secs: i64) -> String {
    instant(secs).map_or_else(|| secs.to_string(), |at| at.format("%Y-%m-%dT%H:%M:%SZ").to_string())
}

/// How far ahead of the clock a value may lie: clocks differ.
const MAX_AHEAD: TimeDelta = TimeDelta::minutes(5);

/// Counts lines on the way through a text.
struct Lines<'a> {
    text: &'a str,
    at: usize,
    line: u64,
}

impl<'a> Lines<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, at: 0, line: 1 }
    }

    /// The line that a byte is in; bytes must not be asked for backwards.
    fn of(&mut self, byte: usize) -> u64 {
        let to = byte.min(self.text.len()).max(self.at);
        self.line += self.text.get(self.at..to).unwrap_or_default().matches('\n').count() as u64;
        self.at = to;
        self.line
    }
}
