//! Answers of Prometheus' `query_range`, logs of IXP Manager, and series as traffix writes them.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use traffix_core::series::{Direction, Series};

use super::{MAX_SAMPLES, Samples, Stamp, Wrong, epoch_secs, value};

#[derive(Deserialize)]
struct Answer {
    status: String,
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    data: Option<Data>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    result_type: String,
    result: Vec<One>,
}

#[derive(Deserialize)]
struct One {
    metric: BTreeMap<String, String>,
    #[serde(default)]
    values: Vec<(f64, String)>,
}

/// The series of a JSON document.
pub(super) fn read(text: &str) -> Result<Vec<Samples>, Vec<Wrong>> {
    if text.trim_start().starts_with('[') {
        return log(text);
    }
    let is_series = serde_json::from_str::<serde_json::Map<String, Value>>(text)
        .is_ok_and(|members| members.contains_key("points") && members.contains_key("step_secs"));
    if is_series { series(text) } else { prometheus(text) }
}

fn parse<'a, T: Deserialize<'a>>(text: &'a str, what: &str) -> Result<T, Vec<Wrong>> {
    let mut from = serde_json::Deserializer::from_str(text);
    serde_path_to_error::deserialize(&mut from).map_err(|error| {
        let line = u64::try_from(error.inner().line()).unwrap_or(0);
        let detail = format!("{}: {}; expected {what}", error.path(), error.inner());
        vec![Wrong::line(line, detail)]
    })
}

fn prometheus(text: &str) -> Result<Vec<Samples>, Vec<Wrong>> {
    let answer: Answer = parse(text, "an answer of query_range, an xport of rrdtool or a series of traffix")?;
    if answer.status != "success" {
        let error = answer.error.unwrap_or_default();
        return Err(vec![Wrong::whole(format!("is the answer to a query that failed: {error}"))]);
    }
    let data = answer.data.ok_or_else(|| vec![Wrong::pointer("/data", "is missing")])?;
    if data.result_type != "matrix" {
        let detail = format!("must be \"matrix\", got {:?}: ask query_range", data.result_type);
        return Err(vec![Wrong::pointer("/data/resultType", detail)]);
    }
    if data.result.iter().map(|one| one.values.len()).sum::<usize>() > MAX_SAMPLES {
        return Err(vec![Wrong::whole(format!("has more than {MAX_SAMPLES} values: ask for less"))]);
    }
    data.result.iter().enumerate().map(|(i, one)| matrix(i, one).map_err(|wrong| vec![wrong])).collect()
}

/// Prometheus' functions look back from the instant that they answer for, so that it is the end of a step.
fn matrix(index: usize, one: &One) -> Result<Samples, Wrong> {
    let labels = one.metric.iter().filter(|(name, _)| *name != "__name__");
    let labels: Vec<_> = labels.map(|(name, value)| format!("{name}={value}")).collect();
    let name = if labels.is_empty() { one.metric.get("__name__").cloned() } else { Some(labels.join(",")) };
    let mut samples = Samples::new(name.unwrap_or_else(|| format!("result-{index}")), Stamp::End);
    let pointer = format!("/data/result/{index}/values");
    for (i, (at, text)) in one.values.iter().enumerate() {
        let wrong = |detail: String| Wrong::pointer(format!("{pointer}/{i}"), detail);
        let at = epoch_secs(*at).ok_or_else(|| wrong(format!("{at} is no instant")))?;
        samples.push(i as u64, at, value(text).map_err(wrong)?);
    }
    samples.pointer = Some(pointer);
    Ok(samples)
}

/// Rows of instant, rate in and rate out, in bit/s, as IXP Manager's grapher answers `type=log`.
fn log(text: &str) -> Result<Vec<Samples>, Vec<Wrong>> {
    let rows: Vec<Vec<Value>> = parse(text, "rows of an exchange's log")?;
    let mut sides = [Samples::new("in", Stamp::Start), Samples::new("out", Stamp::Start)];
    for (i, row) in rows.iter().enumerate() {
        let wrong = |detail: &str| vec![Wrong::pointer(format!("/{i}"), detail)];
        let at = row.first().and_then(Value::as_f64).and_then(epoch_secs);
        let at = at.filter(|_| row.len() >= 3);
        let at = at.ok_or_else(|| wrong("must be seconds since 1970 and two rates at least"))?;
        for (side, rate) in sides.iter_mut().zip(&row[1..]) {
            if !rate.is_null() && !rate.is_number() {
                return Err(wrong("rates must be numbers or null"));
            }
            side.push(i as u64, at, rate.as_f64());
        }
    }
    for side in &mut sides {
        side.pointer = Some(String::new());
    }
    Ok(sides.into())
}

/// A series as the sources of exchanges make them.
fn series(text: &str) -> Result<Vec<Samples>, Vec<Wrong>> {
    let series: Series = parse(text, "a series of traffix")?;
    let name = if series.direction == Direction::In { "in" } else { "out" };
    let mut samples = Samples::new(name, Stamp::Start);
    for (i, point) in series.points.iter().enumerate() {
        #[expect(clippy::cast_precision_loss, reason = "a rate is known to far less than 53 bits")]
        samples.push(i as u64, point.start.timestamp(), Some(point.average_bps as f64));
    }
    samples.step_secs = Some(series.step_secs.get());
    samples.pointer = Some("/points".into());
    Ok(vec![samples])
}
