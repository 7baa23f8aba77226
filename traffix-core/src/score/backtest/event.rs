//! Published or measured events, as inputs of the model with what was observed.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::Invalid;
use crate::forecast::ForecastInput;

/// Events to test on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Document {
    /// `traffix-backtest/1`.
    pub schema: String,
    /// What the events are and how they were collected.
    #[serde(default)]
    pub about: String,
    /// The events, in any order.
    pub events: Vec<Event>,
}

/// One event: what would have been asked before it, and what was seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Stable id.
    pub id: String,
    /// The question.
    pub input: ForecastInput,
    /// The answer of the network.
    pub observed: Observed,
}

/// Extra traffic over the usual level, as a range.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Observed {
    /// What was observed: `extra_peak_bps`.
    pub metric: String,
    /// Lowest reading of the source, bit/s.
    pub low: f64,
    /// Likeliest reading, bit/s.
    pub mid: f64,
    /// Highest reading, bit/s.
    pub high: f64,
    /// How it was read from the source.
    #[serde(default)]
    pub how: String,
    /// Address of the source.
    #[serde(default)]
    pub source: String,
    /// What else happened.
    #[serde(default)]
    pub confounders: String,
    /// True if something was full while it was measured, so that the demand was at least this.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub at_least: bool,
    /// When the peak was seen, if the source says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak_at: Option<DateTime<Utc>>,
}

/// Events of one document at most.
const MAX_EVENTS: usize = 2000;

impl Document {
    /// Everything that is wrong; empty if the events can be forecast.
    pub fn validate(&self) -> Vec<Invalid> {
        let mut found = Vec::new();
        if self.schema != "traffix-backtest/1" {
            found.push(Invalid::new(
                "/schema",
                format!("must be \"traffix-backtest/1\", got {:?}", self.schema),
            ));
        }
        if self.events.is_empty() || self.events.len() > MAX_EVENTS {
            found.push(Invalid::new(
                "/events",
                format!("must be 1 to {MAX_EVENTS}, got {}", self.events.len()),
            ));
            return found;
        }
        for (i, event) in self.events.iter().enumerate() {
            let place = format!("/events/{i}");
            found.extend(event.input.validate().into_iter().map(|f| f.under(&format!("{place}/input"))));
            found
                .extend(event.observed.validate().into_iter().map(|f| f.under(&format!("{place}/observed"))));
            if self.events[..i].iter().any(|e| e.id == event.id) {
                found.push(Invalid::new(format!("{place}/id"), "must be unique".to_owned()));
            }
        }
        found
    }
}

impl Observed {
    fn validate(&self) -> Vec<Invalid> {
        let mut found = Vec::new();
        if self.metric != "extra_peak_bps" {
            found.push(Invalid::new("/metric", format!("must be \"extra_peak_bps\", got {:?}", self.metric)));
        }
        let positive = |x: f64| x.is_finite() && x > 0.0;
        let ordered = self.low <= self.mid && self.mid <= self.high;
        if !(positive(self.low) && positive(self.high) && ordered) {
            let detail = "low, mid and high must be positive and in this order, bit/s".to_owned();
            found.push(Invalid::new("/mid", detail));
        }
        found
    }

    /// Log-scale spread of the observation: the source's own range, taken as P10 to P90, between that of own flow
    /// records and that of a press report.
    pub fn sd(&self) -> f64 {
        use crate::learning::{SD_FLOWS, SD_PRESS};
        crate::forecast::log_spread(self.low, self.high).clamp(SD_FLOWS, SD_PRESS)
    }
}
