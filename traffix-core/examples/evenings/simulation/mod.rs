//! Evenings of which the truth is known: what happened, what was measured, and what the explanation says.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::needless_range_loop,
    clippy::expect_used,
    reason = "small counts; a broken simulation should stop"
)]

mod chance;
mod evening;
pub(crate) mod report;
mod world;

use traffix_core::explanation::{Candidate, ExplainOptions, Explanation, explain, question};
use traffix_core::forecast::{Forecast, forecast};

pub(crate) use evening::Evening;

/// Evenings of the committed report.
pub(crate) const EVENINGS: u64 = 1_000;
/// Seed of the committed report; nothing was tuned on it.
pub(crate) const SEED: u64 = 20_261;

/// How the truth relates to the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Setting {
    /// What happens is drawn from the candidates' own forecasts.
    AsModelled,
    /// Audience, CDN mix and instants are other than the model believes.
    Misspecified,
}

pub(crate) const SETTINGS: [Setting; 2] = [Setting::AsModelled, Setting::Misspecified];

/// What was said about an evening with a spike, beside the truth.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    pub(crate) explanation: Explanation,
    /// The RU that carried most of the excess; `None` for anything else.
    pub(crate) main: Option<String>,
    /// RUs that carried a twentieth of the excess or more.
    pub(crate) overlapping: Vec<String>,
}

/// Explains evenings; `None` where nothing rose far enough above the baseline.
pub(crate) fn run(setting: Setting, evenings: u64, seed: u64) -> Vec<Option<Told>> {
    (0..evenings).map(|number| told(&Evening::new(setting, seed, number))).collect()
}

fn told(evening: &Evening) -> Option<Told> {
    let observed = evening.observed()?;
    let forecasts: Vec<Forecast> = evening
        .candidates
        .iter()
        .map(|input| forecast(&question(input)).expect("the inputs of the simulation are valid"))
        .collect();
    let plausibility = evening.plausibility();
    let pairs = evening.candidates.iter().zip(&forecasts);
    let candidates: Vec<Candidate<'_>> = pairs
        .map(|(input, forecast)| Candidate::new(input, forecast).with_plausibility(plausibility))
        .collect();
    let explanation = explain(&observed, &candidates, &ExplainOptions::default());
    let (main, overlapping) = evening.truth(&observed);
    Some(Told { explanation, main, overlapping })
}
