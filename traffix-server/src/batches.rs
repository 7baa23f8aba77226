//! Batches of measurements as JSON: what collectors without a database send, and what waits in files.

use std::num::NonZeroU32;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use traffix_core::Invalid;
use traffix_core::catalogue::PlatformId;
use traffix_core::delivery::CdnId;
use traffix_core::measurement::{Batch, Key};

/// Seconds of 2000-01-01: clocks that were never set tell of earlier, and nobody counts flows of then any more.
const EARLIEST_SECS: i64 = 946_684_800;

/// What one collector measured on one network. A batch with the same id is added once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "MeasurementBatch")]
pub(crate) struct BatchDocument {
    /// Identifies the batch for ever, for example by collector, start and number.
    #[schemars(length(min = 1, max = 200))]
    id: String,
    /// The network it was measured on, by the id of its profile.
    #[schemars(length(min = 1, max = 200))]
    network: String,
    /// Length of the bins in seconds; divides a day.
    #[schemars(extend("maximum" = 86_400))]
    step_secs: NonZeroU32,
    /// Every bin that was watched, also those without traffic; each once.
    bins: Vec<BinDocument>,
}

/// A bin that was watched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "MeasurementBin")]
struct BinDocument {
    /// Its start, a multiple of the step since midnight UTC.
    start: DateTime<Utc>,
    /// Bytes by platform, CDN and link; each combination once, those without traffic may be absent.
    #[serde(default)]
    counters: Vec<CounterDocument>,
}

/// Bytes of a bin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "MeasurementCounter")]
struct CounterDocument {
    /// The platform, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    platform: Option<PlatformId>,
    /// The CDN, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cdn: Option<CdnId>,
    /// The link's identifier in the network's profile, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 200))]
    link: Option<String>,
    /// How many.
    bytes: u64,
}

impl BatchDocument {
    /// The batch, if nothing is wrong with it at `now`.
    ///
    /// # Errors
    /// Everything that is wrong, by JSON pointer.
    pub(crate) fn batch(self, now: DateTime<Utc>) -> Result<Batch, Vec<Invalid>> {
        let mut batch = Batch::new(self.id, self.network, self.step_secs);
        let starts: Vec<_> = self.bins.iter().map(|bin| bin.start).collect();
        let mut found = Vec::new();
        for (i, bin) in self.bins.into_iter().enumerate() {
            if bin.start.timestamp() < EARLIEST_SECS {
                let detail = "lies before 2000; check the collector's clock";
                found.push(Invalid::new(format!("/bins/{i}/start"), detail));
            }
            if batch.bins.contains_key(&bin.start) {
                found.push(Invalid::new(format!("/bins/{i}/start"), "is in the batch twice"));
                continue;
            }
            batch.watch(bin.start);
            let counters = batch.bins.entry(bin.start).or_default();
            for (j, CounterDocument { platform, cdn, link, bytes }) in bin.counters.into_iter().enumerate() {
                if counters.insert(Key { platform, cdn, link }, bytes).is_some() {
                    let detail = "is in the bin twice: add the bytes of equal platform, CDN and link";
                    found.push(Invalid::new(format!("/bins/{i}/counters/{j}"), detail));
                }
            }
        }
        found.extend(batch.findings(now).into_iter().map(|finding| placed(finding, &starts)));
        if found.is_empty() { Ok(batch) } else { Err(found) }
    }
}

/// A finding of core, which names bins by their start, as pointer into the document.
fn placed(finding: Invalid, starts: &[DateTime<Utc>]) -> Invalid {
    let start = finding.pointer.strip_prefix("/bins/").and_then(|text| text.parse::<DateTime<Utc>>().ok());
    let same_second = |start: &DateTime<Utc>| starts.iter().position(|s| s.timestamp() == start.timestamp());
    match start.as_ref().and_then(same_second) {
        Some(i) => Invalid::new(format!("/bins/{i}/start"), finding.detail),
        None if finding.pointer == "/bins/link" => {
            Invalid::new("/bins", format!("names a link that {}", finding.detail))
        }
        None => finding,
    }
}

impl From<&Batch> for BatchDocument {
    fn from(batch: &Batch) -> Self {
        let counter = |(key, bytes): (&Key, &u64)| CounterDocument {
            platform: key.platform.clone(),
            cdn: key.cdn.clone(),
            link: key.link.clone(),
            bytes: *bytes,
        };
        let bins = batch.bins.iter().map(|(start, counters)| BinDocument {
            start: *start,
            counters: counters.iter().map(counter).collect(),
        });
        Self {
            id: batch.id.clone(),
            network: batch.network.clone(),
            step_secs: batch.step_secs,
            bins: bins.collect(),
        }
    }
}

/// Batches as text, one a line.
pub(crate) fn to_lines(batches: &[Batch]) -> String {
    let lines = batches.iter().filter_map(|batch| serde_json::to_string(&BatchDocument::from(batch)).ok());
    lines.map(|line| line + "\n").collect()
}

/// Whether a text looks like batches, one a line.
pub(crate) fn are_lines(text: &str) -> bool {
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let members = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(first);
    members.is_ok_and(|members| members.contains_key("bins") && members.contains_key("network"))
}

/// Reads batches, one a line.
///
/// # Errors
/// What is wrong, after the line's number and a colon.
pub(crate) fn from_lines(text: &str, now: DateTime<Utc>) -> Result<Vec<Batch>, Vec<String>> {
    let (mut batches, mut wrong) = (Vec::new(), Vec::new());
    for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
        let mut from = serde_json::Deserializer::from_str(line);
        match serde_path_to_error::deserialize::<_, BatchDocument>(&mut from) {
            Err(error) => wrong.push(format!("{number}: {}: {}", error.path(), error.inner())),
            Ok(document) => match document.batch(now) {
                Ok(batch) => batches.push(batch),
                Err(found) => wrong.extend(found.iter().map(|finding| format!("{number}: {finding}"))),
            },
        }
    }
    if wrong.is_empty() { Ok(batches) } else { Err(wrong) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn findings(document: serde_json::Value) -> Vec<String> {
        let document: BatchDocument = serde_json::from_value(document).unwrap();
        let found = document.batch(at("2023-11-01T00:00:00Z")).unwrap_err();
        found.into_iter().map(|finding| finding.pointer).collect()
    }

    #[test]
    fn what_goes_out_comes_in() {
        let mut batch = Batch::new("a/1", "acme", 60.try_into().unwrap());
        batch.watch(at("2023-10-31T23:00:00Z"));
        let key = Key { cdn: Some("akamai".parse().unwrap()), link: Some("pni".into()), platform: None };
        batch.add(at("2023-10-31T23:01:00Z"), key, u64::MAX).unwrap();
        let lines = to_lines(&[batch.clone(), batch.clone()]);
        assert!(are_lines(&lines));
        assert_eq!(from_lines(&lines, at("2023-11-01T00:00:00Z")).unwrap(), [batch.clone(), batch]);
        assert!(!are_lines("{\"title\": \"a release\"}"));
    }

    #[test]
    fn nothing_is_counted_twice_and_findings_say_where() {
        let bin = |start: &str, counters: serde_json::Value| json!({"start": start, "counters": counters});
        let both = json!([{"cdn": "akamai", "bytes": 1}, {"cdn": "akamai", "bytes": 2}]);
        let document = json!({"id": "", "network": "acme", "step_secs": 60, "bins": [
            bin("2023-10-31T23:00:00Z", both),
            bin("2023-10-31T23:00:00Z", json!([])),
            bin("2023-10-31T23:00:30Z", json!([])),
            bin("2024-01-01T00:00:00Z", json!([{"link": "", "bytes": 1}])),
        ]});
        assert_eq!(
            findings(document),
            ["/bins/0/counters/1", "/bins/1/start", "/id", "/bins", "/bins/2/start", "/bins/3/start"]
        );
        let negative = r#"{"id":"a","network":"b","step_secs":60,"bins":[{"start":"2023-10-31T23:00:00Z","counters":[{"bytes":-1}]}]}"#;
        let wrong = from_lines(negative, at("2023-11-01T00:00:00Z")).unwrap_err();
        assert!(
            wrong[0].starts_with("1: bins[0].counters[0].bytes: invalid value: integer `-1`"),
            "{wrong:?}"
        );
    }
}
