//! Evenings of which the truth is known: what happened, what was measured, and what the explanation says.

mod chance;
mod evening;
mod report;
mod world;

use traffix_core::explanation::{Candidate, ExplainOptions, Explanation, explain, question};
use traffix_core::forecast::{Forecast, forecast};

pub(crate) use evening::Evening;
pub(crate) use report::{report, short};

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
    (std::env::var("FROM").map_or(0, |t| t.parse().unwrap())..evenings)
        .map(|number| told(&Evening::new(setting, seed, number)))
        .collect()
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
    if std::env::var("DBG").is_ok() {
        let wrong = (explanation.unknown > 0.8) != main.is_none()
            && (explanation.unknown > 0.8
                || explanation
                    .causes
                    .first()
                    .is_some_and(|c| c.probability > 0.8 && Some(&c.ru) != main.as_ref()));
        if wrong {
            eprintln!(
                "== unknown {:.3} main {main:?} over {overlapping:?} began {} excess {:.1} TB happened {:?}",
                explanation.unknown,
                observed.began_at,
                explanation.excess_bytes / 1e12,
                evening.carried(&observed)
            );
            for (input, f) in evening.candidates.iter().zip(&forecasts) {
                if evening.happened.iter().any(|h| h.ru == input.ru.id)
                    || explanation.causes.iter().any(|c| c.ru == input.ru.id && c.took_part > 0.3)
                {
                    let c = explanation.causes.iter().find(|c| c.ru == input.ru.id);
                    eprintln!(
                        "  {} at {:?} pre {:?} peak p50 {:.0} G p10 {:.0} p90 {:.0} -> {:?}",
                        input.ru.id,
                        input.ru.release_at,
                        input.ru.preload_at,
                        f.peak.bps.p50 / 1e9,
                        f.peak.bps.p10 / 1e9,
                        f.peak.bps.p90 / 1e9,
                        c.map(|c| (c.probability, c.took_part, c.bytes / 1e12))
                    );
                    for e in c.iter().flat_map(|c| &c.evidence) {
                        eprintln!("      {:?} {}", e.speaks, e.text);
                    }
                }
            }
        }
    }
    Some(Told { explanation, main, overlapping })
}
