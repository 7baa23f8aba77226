//! Traffic history as a plain table.

use std::io::Read;
use std::num::NonZeroU32;

use chrono::{DateTime, Utc};
use traffix_core::Evidence;
use traffix_core::series::{Direction, Point, Series};

use super::{Traffic, bps};
use crate::error::DataError;

/// Most rows that are read.
const MAX_ROWS: usize = 1_000_000;

/// Reads a table of `time`, `in` and `out` with a header line: RFC 3339 instants or seconds since 1970, rates in
/// bit/s, oldest first. An empty rate is a gap. The resolution is the shortest distance of two rows.
///
/// ```
/// use traffix_core::{Evidence, SourceKind};
/// use traffix_platforms::sources::ixp::traffic_from_csv;
/// let csv = "time,in,out\n2026-11-01T00:00:00Z,100,200\n2026-11-01T01:00:00Z,,250\n";
/// let evidence = Evidence::new(SourceKind::Measurement, "our exporter", "2026-11-02T00:00:00Z".parse().unwrap());
/// let traffic = traffic_from_csv("Example exchange", &evidence, csv.as_bytes())?;
/// assert_eq!(traffic.outbound.points[1].average_bps, 250);
/// assert_eq!((traffic.inbound.points.len(), traffic.inbound.step_secs.get()), (1, 3_600));
/// # Ok::<(), traffix_platforms::DataError>(())
/// ```
///
/// # Errors
/// [`DataError`] with the line and what is allowed there.
pub fn traffic_from_csv(place: &str, evidence: &Evidence, file: impl Read) -> Result<Traffic, DataError> {
    let mut reader = csv::ReaderBuilder::new().comment(Some(b'#')).trim(csv::Trim::All).from_reader(file);
    let header = reader.headers().map_err(|error| broken(&error))?.clone();
    let column = |name: &str| {
        let missing = || DataError { line: 1, detail: format!("column {name:?} is missing") };
        header.iter().position(|field| field.eq_ignore_ascii_case(name)).ok_or_else(missing)
    };
    let columns = [column("time")?, column("in")?, column("out")?];
    let (mut sides, mut step, mut before) = ([Vec::new(), Vec::new()], None::<u32>, None::<DateTime<Utc>>);
    for (index, record) in reader.records().enumerate() {
        let record = record.map_err(|error| broken(&error))?;
        let line = record.position().and_then(|place| usize::try_from(place.line()).ok()).unwrap_or(0);
        let wrong = |detail: &str| DataError { line, detail: detail.to_owned() };
        if index >= MAX_ROWS {
            return Err(wrong("is the first row too many: at most a million are read"));
        }
        let [time, rates @ ..] = columns.map(|column| record.get(column).unwrap_or_default());
        let start = instant(time).ok_or_else(|| wrong("time must be RFC 3339 or seconds since 1970"))?;
        if let Some(before) = before.replace(start) {
            let distance = u32::try_from((start - before).num_seconds()).ok().filter(|secs| *secs > 0);
            let distance = distance.ok_or_else(|| wrong("time must lie after the row before"))?;
            step = Some(step.map_or(distance, |step| step.min(distance)));
        }
        for (points, text) in sides.iter_mut().zip(rates).filter(|(_, text)| !text.is_empty()) {
            let rate = text.parse().ok().and_then(bps);
            let average_bps = rate.ok_or_else(|| wrong("rates must be numbers of bit/s, 0 or more"))?;
            points.push(Point { start, average_bps, maximum_bps: None });
        }
    }
    let few = || DataError { line: 0, detail: "needs two rows at least, to know the resolution".into() };
    let step_secs = step.and_then(NonZeroU32::new).ok_or_else(few)?;
    let [inbound, outbound] = sides;
    let series = |points, direction| {
        let (place, evidence) = (place.to_owned(), evidence.clone());
        Series { place, direction, step_secs, points, evidence }
    };
    Ok(Traffic { inbound: series(inbound, Direction::In), outbound: series(outbound, Direction::Out) })
}

fn instant(text: &str) -> Option<DateTime<Utc>> {
    match text.parse::<u64>() {
        Ok(secs) => crate::wire::instant(secs),
        Err(_) => text.parse().ok(),
    }
}

fn broken(error: &csv::Error) -> DataError {
    let line = error.position().and_then(|place| usize::try_from(place.line()).ok());
    DataError { line: line.unwrap_or(0), detail: error.to_string() }
}
