//! What an outlook is asked.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::Invalid;
use crate::forecast::{ForecastInput, Options, RuInput};
use crate::network::Network;

/// Largest values accepted.
pub mod limits {
    /// RUs of one outlook.
    pub const RUS: usize = 2000;
    /// Bins of the grid.
    pub const BINS: usize = 20_160;
    /// RUs x bins x draws.
    pub const CELLS: f64 = 1e9;
    /// Thresholds.
    pub const THRESHOLDS: usize = 16;
}

/// A question: how do the coming days look on this network?
///
/// ```
/// use traffix_core::outlook::OutlookInput;
/// let input: OutlookInput = serde_json::from_str(r#"{
///     "network": {"id": "acme", "tz": "UTC", "lines": 1e5}, "rus": [],
///     "options": {"from": "2026-03-01T00:00:00Z"}
/// }"#).unwrap();
/// assert_eq!(input.options.thresholds, [0.7, 0.9, 0.95, 1.0]);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct OutlookInput {
    /// The network.
    pub network: Network,
    /// The RUs, in any order. Those that do not touch the horizon are listed as skipped.
    pub rus: Vec<RuInput>,
    /// Grid, draws and thresholds.
    pub options: OutlookOptions,
}

/// Grid, draws and thresholds of an outlook.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct OutlookOptions {
    /// First instant; rounded down to a multiple of the step.
    pub from: DateTime<Utc>,
    /// Bin length, s.
    #[serde(default = "default_step")]
    pub step_s: u32,
    /// Length, s.
    #[serde(default = "default_horizon")]
    pub horizon_s: u32,
    /// Number of draws.
    #[serde(default = "default_draws")]
    pub draws: u32,
    /// Seed of the draws.
    #[serde(default = "default_seed")]
    pub seed: u64,
    /// Shares of a link's capacity whose passing is reported.
    #[serde(default = "default_thresholds")]
    pub thresholds: Vec<f64>,
}

const fn default_step() -> u32 {
    900
}
const fn default_horizon() -> u32 {
    14 * 86_400
}
const fn default_draws() -> u32 {
    256
}
const fn default_seed() -> u64 {
    1
}
fn default_thresholds() -> Vec<f64> {
    vec![0.7, 0.9, 0.95, 1.0]
}

impl OutlookOptions {
    /// Fourteen days of quarter hours from an instant, 256 draws, thresholds 70, 90, 95 and 100 %.
    pub fn from_instant(from: DateTime<Utc>) -> Self {
        Self {
            from,
            step_s: default_step(),
            horizon_s: default_horizon(),
            draws: default_draws(),
            seed: default_seed(),
            thresholds: default_thresholds(),
        }
    }

    /// Number of whole bins.
    pub fn bins(&self) -> usize {
        Options { step_s: self.step_s, horizon_s: self.horizon_s, ..Options::default() }.bins()
    }
}

impl OutlookInput {
    /// Everything that is wrong with the input; empty if an outlook can be made.
    pub fn validate(&self) -> Vec<Invalid> {
        let mut found: Vec<Invalid> =
            self.network.validate().into_iter().map(|f| f.under("/network")).collect();
        if self.rus.len() > limits::RUS {
            found.push(Invalid::new(
                "/rus",
                format!("must be at most {} RUs, got {}", limits::RUS, self.rus.len()),
            ));
            return found;
        }
        for (i, ru) in self.rus.iter().enumerate() {
            found.extend(ru.validate().into_iter().map(|f| f.under(&format!("/rus/{i}"))));
        }
        self.check_options(&mut found);
        found
    }

    fn check_options(&self, found: &mut Vec<Invalid>) {
        let options = &self.options;
        let mut add =
            |name: &str, detail: String| found.push(Invalid::new(format!("/options/{name}"), detail));
        let (low, high) = crate::forecast::limits::STEP_S;
        if !(low..=high).contains(&options.step_s) {
            add("step_s", format!("must be {low} to {high} seconds, got {}", options.step_s));
            return;
        }
        let (first, last) = crate::forecast::limits::YEARS;
        if !(first..=last).contains(&chrono::Datelike::year(&options.from)) {
            add("from", format!("must lie in the years {first} to {last}"));
        }
        let bins = options.bins();
        if bins == 0 || bins > limits::BINS {
            add("horizon_s", format!("must give 1 to {} bins at this step, got {bins}", limits::BINS));
        }
        let (low, high) = crate::forecast::limits::DRAWS;
        if !(low..=high).contains(&options.draws) {
            add("draws", format!("must be {low} to {high}, got {}", options.draws));
        }
        let rus = crate::num::of_usize(self.rus.len().max(1));
        let cells = rus * crate::num::of_usize(bins) * f64::from(options.draws);
        if cells > limits::CELLS {
            add("draws", format!("RUs x bins x draws must be at most {:.0}, got {cells:.0}", limits::CELLS));
        }
        let usable = |t: &f64| *t > 0.0 && *t <= 10.0;
        if options.thresholds.len() > limits::THRESHOLDS || !options.thresholds.iter().all(usable) {
            let detail =
                format!("must be at most {} shares of capacity, above 0 and at most 10", limits::THRESHOLDS);
            add("thresholds", detail);
        }
    }

    /// The same network without its links and baseline, with one RU: what the short form needs.
    pub(super) fn single(&self, ru: &RuInput, slim: &Network) -> ForecastInput {
        let options = Options {
            step_s: self.options.step_s,
            horizon_s: self.options.horizon_s,
            draws: self.options.draws,
            seed: self.options.seed,
        };
        ForecastInput { ru: ru.clone(), network: slim.clone(), options }
    }
}
