//! Round robin databases, as `rrdtool fetch`, `rrdtool xport --json` and `rrdtool dump` write them.
//!
//! Values are rates, also of counters, and stand at the end of their step. Of a dump the averages are read, each
//! archive as a series of its own step.

use quick_xml::Reader;
use quick_xml::events::Event;
use serde::Deserialize;

use super::{Lines, MAX_SAMPLES, MAX_SERIES, Samples, Stamp, Wrong, value};

/// Longest text between two tags that is of interest.
const MAX_TEXT: usize = 1_000;

fn series(name: &str, step_secs: Option<u32>) -> Samples {
    let mut samples = Samples::new(name, Stamp::End);
    samples.stamp.1 = true;
    samples.only_rates = true;
    samples.step_secs = step_secs;
    samples
}

/// Whether a text is what `rrdtool fetch` prints: names, an empty line, and rows that begin with seconds and a colon.
pub(super) fn is_fetch(text: &str) -> bool {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty()).skip(1);
    let first = lines.next().and_then(|line| line.split_once(':'));
    first.is_some_and(|(secs, _)| secs.trim().len() >= 9 && secs.trim().bytes().all(|b| b.is_ascii_digit()))
}

pub(super) fn fetch(text: &str) -> Result<Vec<Samples>, Vec<Wrong>> {
    let mut lines = (1_u64..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    let names = lines.next().map(|(_, line)| line.split_whitespace().collect::<Vec<_>>()).unwrap_or_default();
    let mut all: Vec<Samples> = names.iter().map(|name| series(name, None)).collect();
    for (number, line) in lines {
        let wrong = |detail: String| vec![Wrong::line(number, detail)];
        let (secs, values) =
            line.split_once(':').ok_or_else(|| wrong("must be seconds, a colon and values".into()))?;
        let secs = secs.trim().parse().map_err(|_| wrong(format!("{:?} is no instant", secs.trim())))?;
        let values: Vec<_> = values.split_whitespace().collect();
        if values.len() != all.len() {
            return Err(wrong(format!("has {} values for {} names", values.len(), all.len())));
        }
        for (samples, text) in all.iter_mut().zip(values) {
            samples.push(number, secs, value(text).map_err(wrong)?);
        }
    }
    Ok(all)
}

#[derive(Deserialize)]
struct Xport {
    meta: Meta,
    data: Vec<Vec<Option<f64>>>,
}

#[derive(Deserialize)]
struct Meta {
    start: i64,
    step: u32,
    legend: Vec<String>,
}

/// Whether a text is what `rrdtool xport --json` prints.
pub(super) fn is_xport(text: &str) -> bool {
    let head = text.get(..text.floor_char_boundary(2_000)).unwrap_or(text);
    head.contains("\"meta\"") && !head.contains("\"resultType\"")
}

pub(super) fn xport(text: &str) -> Result<Vec<Samples>, Vec<Wrong>> {
    let mut from = serde_json::Deserializer::from_str(text);
    let xport: Xport = serde_path_to_error::deserialize(&mut from).map_err(|error| {
        let line = u64::try_from(error.inner().line()).unwrap_or(0);
        vec![Wrong::line(line, format!("{}: {}", error.path(), error.inner()))]
    })?;
    let Meta { start, step, legend } = xport.meta;
    if legend.len() > MAX_SERIES {
        return Err(vec![Wrong::pointer("/meta/legend", format!("must be at most {MAX_SERIES}"))]);
    }
    let mut all: Vec<Samples> = legend.iter().map(|name| series(name, Some(step))).collect();
    for samples in &mut all {
        samples.pointer = Some("/data".into());
    }
    for (i, row) in (0_u64..).zip(xport.data) {
        let wrong = |detail: String| vec![Wrong::pointer(format!("/data/{i}"), detail)];
        if row.len() != all.len() {
            return Err(wrong(format!("has {} values for {} names", row.len(), all.len())));
        }
        // The first row ends at the start that is stated.
        let after = i64::try_from(i).ok().and_then(|i| i.checked_mul(step.into()));
        let at = after.and_then(|after| start.checked_add(after));
        let at = at.ok_or_else(|| wrong("lies outside of the calendar".into()))?;
        for (samples, value) in all.iter_mut().zip(row) {
            samples.push(i, at, value);
        }
    }
    Ok(all)
}

/// What has been read of a dump.
#[derive(Default)]
struct Dump {
    step: u32,
    last_update: i64,
    names: Vec<String>,
    is_average: bool,
    rows_per: u32,
    rows: Vec<(u64, Vec<Option<f64>>)>,
    row: Vec<Option<f64>>,
    read: usize,
    all: Vec<Samples>,
}

/// Reads an XML dump. Entities and nesting beyond what rrdtool writes are not looked at.
pub(super) fn dump(text: &str) -> Result<Vec<Samples>, Vec<Wrong>> {
    let mut reader = Reader::from_str(text);
    let (mut path, mut said): (Vec<String>, String) = (Vec::new(), String::new());
    let mut dump = Dump::default();
    let mut lines = Lines::new(text);
    loop {
        let event = reader.read_event();
        let line = lines.of(usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX));
        match event.map_err(|error| vec![Wrong::line(line, error.to_string())])? {
            Event::Start(tag) => {
                if path.len() >= 10 {
                    return Err(vec![Wrong::line(line, "is nested deeper than a dump of rrdtool")]);
                }
                path.push(tag.name().as_ref().to_owned());
                said.clear();
            }
            Event::Text(part) if said.len() < MAX_TEXT => said.push_str(&part),
            Event::End(_) => {
                dump.end(&path, said.trim(), line).map_err(|detail| vec![Wrong::line(line, detail)])?;
                path.pop();
                said.clear();
            }
            Event::Eof => break,
            _ => {}
        }
    }
    if dump.step == 0 || dump.names.is_empty() {
        return Err(vec![Wrong::whole("is no dump of rrdtool; of xport, take --json")]);
    }
    Ok(dump.all)
}

impl Dump {
    /// At the end of an element.
    fn end(&mut self, path: &[String], text: &str, line: u64) -> Result<(), String> {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let number = || text.parse::<u32>().map_err(|_| format!("{text:?} is no number"));
        match path.as_slice() {
            ["rrd", "step"] => self.step = number()?,
            ["rrd", "lastupdate"] => self.last_update = number()?.into(),
            ["rrd", "ds", "name"] if self.names.len() < MAX_SERIES => self.names.push(text.to_owned()),
            ["rrd", "rra", "cf"] => self.is_average = text == "AVERAGE",
            ["rrd", "rra", "pdp_per_row"] => self.rows_per = number()?,
            ["rrd", "rra", "database", "row", "v"] if self.is_average => {
                self.read += 1;
                if self.read > MAX_SAMPLES {
                    return Err(format!("has more than {MAX_SAMPLES} values"));
                }
                self.row.push(value(text)?);
            }
            ["rrd", "rra", "database", "row"] if self.is_average => {
                self.rows.push((line, std::mem::take(&mut self.row)));
            }
            ["rrd", "rra"] => self.archive()?,
            _ => {}
        }
        Ok(())
    }

    /// At the end of an archive: its last row ends at the last whole step before the last update.
    fn archive(&mut self) -> Result<(), String> {
        let rows = std::mem::take(&mut self.rows);
        let step = self.step.checked_mul(self.rows_per).filter(|step| *step > 0);
        let step = step.ok_or("has an archive without a step")?;
        let last = self.last_update - self.last_update.rem_euclid(step.into());
        let mut all: Vec<Samples> = self.names.iter().map(|name| series(name, Some(step))).collect();
        for (back, (line, row)) in (0_i64..).zip(rows.iter().rev()) {
            if row.len() != all.len() {
                return Err(format!("has {} values for {} data sources", row.len(), all.len()));
            }
            for (samples, value) in all.iter_mut().zip(row) {
                samples.push(*line, last - back * i64::from(step), *value);
            }
        }
        self.all.extend(all.into_iter().filter(|samples| !samples.values.is_empty()));
        Ok(())
    }
}
