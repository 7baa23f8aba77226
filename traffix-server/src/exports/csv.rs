//! Tables: a column of instants and one of values for every series, as Grafana and most others export.

use std::collections::BTreeMap;

use ::csv::{ReaderBuilder, StringRecord};
use chrono::{DateTime, LocalResult, NaiveDateTime, TimeZone as _};
use chrono_tz::Tz;

use super::{Lines, MAX_SAMPLES, MAX_SERIES, Samples, Stamp, Wrong, epoch_secs, value};

/// Names of the column of instants.
const TIME: [&str; 5] = ["time", "timestamp", "date", "datetime", "at"];
/// How instants without a zone are written.
const LOCAL: [&str; 4] = ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M"];

/// What the columns are.
enum Columns {
    /// Instants, and the series of every other column.
    Wide { time: usize },
    /// Series, instant and value in every row.
    Long { series: usize, time: usize, value: usize },
}

/// The series of a table, with or without a line of names.
pub(super) fn read(text: &str, zone: Option<Tz>) -> Result<Vec<Samples>, Vec<Wrong>> {
    let (delimiter, skipped, body) = delimiter(text);
    let mut reader = ReaderBuilder::new()
        .delimiter(delimiter)
        .has_headers(false)
        .flexible(true)
        .from_reader(body.as_bytes());
    let (mut table, mut lines) = (None, Lines::new(body));
    let mut read = 0_usize;
    for record in reader.records() {
        let record = record.map_err(|error| vec![Wrong::whole(error.to_string())])?;
        let byte = record.position().and_then(|place| usize::try_from(place.byte()).ok()).unwrap_or(0);
        // A record is taken to begin before the line feed of the record before.
        let breaks =
            body.as_bytes()[byte.min(body.len())..].iter().take_while(|b| b"\r\n".contains(b)).count();
        let line = skipped + lines.of(byte + breaks);
        let Some(table) = table.as_mut() else {
            let (begun, is_header) = Table::begin(&record, line)?;
            let begun = table.insert(begun);
            if !is_header {
                begun.row(&record, line, zone).map_err(|wrong| vec![wrong])?;
            }
            continue;
        };
        read += record.len();
        if read > MAX_SAMPLES {
            return Err(vec![Wrong::line(
                line,
                format!("has more than {MAX_SAMPLES} values: split the file"),
            )]);
        }
        table.row(&record, line, zone).map_err(|wrong| vec![wrong])?;
    }
    Ok(table.map(Table::finish).unwrap_or_default())
}

/// The character between columns, how many lines come before the table, and the table.
fn delimiter(text: &str) -> (u8, u64, &str) {
    let first = text.lines().next().unwrap_or_default();
    if let Some(&[stated]) = first.trim_end().strip_prefix("sep=").map(str::as_bytes) {
        return (stated, 1, text.get(first.len()..).unwrap_or_default().trim_start_matches(['\r', '\n']));
    }
    let most = b",;\t".iter().max_by_key(|c| (first.bytes().filter(|b| b == *c).count(), **c == b','));
    (most.copied().unwrap_or(b','), 0, text)
}

struct Table {
    columns: Columns,
    width: usize,
    series: Vec<Samples>,
    by_name: BTreeMap<String, usize>,
}

impl Table {
    /// From the first row: whether it holds names.
    fn begin(first: &StringRecord, line: u64) -> Result<(Self, bool), Vec<Wrong>> {
        let names: Vec<&str> = first.iter().map(str::trim).collect();
        let is = |wanted: &str| names.iter().position(|name| name.eq_ignore_ascii_case(wanted));
        if names.len() < 2 || names.len() > MAX_SERIES {
            let detail = "must have a column of instants and at least one of values, such as time,value";
            return Err(vec![Wrong::line(line, detail)]);
        }
        let time = TIME.iter().find_map(|name| is(name));
        let is_header = time.is_some() || !names[0].starts_with(|c: char| c.is_ascii_digit());
        let columns = match (is("series"), time, is("value")) {
            (Some(series), Some(time), Some(value)) => Columns::Long { series, time, value },
            _ => Columns::Wide { time: time.unwrap_or(0) },
        };
        let mut table = Self { columns, width: names.len(), series: Vec::new(), by_name: BTreeMap::new() };
        if let Columns::Wide { time } = table.columns {
            for (i, name) in names.iter().enumerate().filter(|(i, _)| *i != time) {
                let name = if is_header && !name.is_empty() {
                    (*name).to_owned()
                } else {
                    format!("column-{}", i + 1)
                };
                if table.by_name.contains_key(&name) {
                    return Err(vec![Wrong::line(line, format!("has two columns {name:?}"))]);
                }
                table.named(&name);
            }
        }
        Ok((table, is_header))
    }

    fn named(&mut self, name: &str) -> Option<&mut Samples> {
        let next = self.series.len();
        let index = *self.by_name.entry(name.to_owned()).or_insert(next);
        if index == next {
            self.series.push(Samples::new(name, Stamp::Start));
        }
        self.series.get_mut(index)
    }

    fn row(&mut self, record: &StringRecord, line: u64, zone: Option<Tz>) -> Result<(), Wrong> {
        if record.len() != self.width {
            let (have, want) = (record.len(), self.width);
            return Err(Wrong::line(line, format!("has {have} columns, the first line {want}")));
        }
        let field = |i: usize| record.get(i).unwrap_or_default();
        let number = |i: usize| value(field(i)).map_err(|detail| Wrong::line(line, detail));
        match self.columns {
            Columns::Wide { time } => {
                let at = when(field(time), zone).map_err(|detail| Wrong::line(line, detail))?;
                let others = (0..self.width).filter(|i| *i != time);
                for (samples, i) in self.series.iter_mut().zip(others) {
                    samples.push(line, at, number(i)?);
                }
            }
            Columns::Long { series, time, value } => {
                let at = when(field(time), zone).map_err(|detail| Wrong::line(line, detail))?;
                let number = number(value)?;
                if self.series.len() >= MAX_SERIES {
                    return Err(Wrong::line(line, format!("has more than {MAX_SERIES} series")));
                }
                if let Some(samples) = self.named(field(series).trim()) {
                    samples.push(line, at, number);
                }
            }
        }
        Ok(())
    }

    fn finish(self) -> Vec<Samples> {
        self.series
    }
}

/// Seconds since 1970: RFC 3339, a number of seconds or milliseconds, or a local time in a stated zone.
fn when(text: &str, zone: Option<Tz>) -> Result<i64, String> {
    let text = text.trim();
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Ok(at.timestamp());
    }
    if let Some(secs) = text.parse().ok().and_then(epoch_secs) {
        return Ok(secs);
    }
    let local = LOCAL.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok());
    let Some(local) = local else {
        let shown: String = text.chars().take(40).collect();
        return Err(format!("{shown:?} is no instant: RFC 3339, or seconds or milliseconds since 1970"));
    };
    let zone = zone.ok_or_else(|| format!("{text:?} names no time zone: say --zone, such as --zone UTC"))?;
    match zone.from_local_datetime(&local) {
        LocalResult::Single(at) => Ok(at.timestamp()),
        LocalResult::Ambiguous(..) => Err(format!("{text:?} comes twice in {zone}: export in UTC")),
        LocalResult::None => Err(format!("{text:?} does not exist in {zone}")),
    }
}
