//! What explanations say where the truth is known, and on simulated evenings.
#![expect(
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    reason = "a broken explanation should stop these tests"
)]

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use traffix_core::explanation::{
    Candidate, Excess, ExplainOptions, Explanation, Observed, explain, question,
};
use traffix_core::forecast::{Forecast, ForecastInput, forecast};
use traffix_core::samples::Samples;

#[allow(dead_code, reason = "the example prints more than is tested")]
#[path = "../examples/evenings/simulation/mod.rs"]
mod simulation;

fn release(id: &str, at: &str, cdn: &str) -> ForecastInput {
    serde_json::from_value(serde_json::json!({
        "ru": {"id": id, "title": id, "kind": "update", "release_at": at, "signals": {"mau": 3e7},
               "items": [{"platform": "steam", "bytes": 30e9, "cdn_shares": {cdn: 1.0}}]},
        "network": {"id": "acme", "country": "GB", "tz": "Europe/London", "lines": 1e6}
    }))
    .unwrap()
}

/// A window of eight hours in which `ratio` times the forecast came on the forecast's CDN.
fn observed(made: &Forecast, cdn: &str, ratio: f64) -> Observed {
    let (from, bins) = (made.grid.start, 96);
    let curve: Vec<f64> = made.total.p50.iter().take(bins).map(|bps| ratio * bps).collect();
    let sigma_bps = 0.05 * curve.iter().fold(1e9_f64, |top, x| top.max(*x));
    let excess = || Excess {
        bps: Samples::new(from, 300.try_into().unwrap(), curve.iter().copied().map(Some)),
        sigma_bps,
    };
    Observed {
        from,
        until: from + TimeDelta::hours(8),
        began_at: from,
        total: excess(),
        by_cdn: BTreeMap::from([(cdn.to_owned(), excess())]),
        by_platform: BTreeMap::new(),
    }
}

fn sum(explanation: &Explanation) -> f64 {
    explanation.causes.iter().map(|cause| cause.probability).sum::<f64>() + explanation.unknown
}

fn told(seen: &Observed, inputs: &[ForecastInput], options: &ExplainOptions) -> Explanation {
    let forecasts: Vec<Forecast> = inputs.iter().map(|input| forecast(&question(input)).unwrap()).collect();
    let candidates: Vec<Candidate<'_>> =
        inputs.iter().zip(&forecasts).map(|(input, made)| Candidate::new(input, made)).collect();
    let explanation = explain(seen, &candidates, options);
    assert!((sum(&explanation) - 1.0).abs() < 1e-9, "{explanation:?}");
    explanation
}

#[test]
fn timing_and_cdns_tell_releases_apart() {
    let at = "2026-03-05T10:00:00Z";
    let inputs = [
        release("a", at, "valve"),
        release("b", at, "akamai"),
        release("c", "2026-03-05T15:00:00Z", "valve"),
    ];
    let made = forecast(&question(&inputs[0])).unwrap();
    let seen = observed(&made, "valve", 1.3);
    let explanation = told(&seen, &inputs, &ExplainOptions::default());
    let first = &explanation.causes[0];
    assert!(first.ru == "a" && first.probability > 0.75, "{explanation:?}");
    assert!(!first.evidence.is_empty());
    assert!(explanation.unknown > 0.0 && explanation.causes.iter().all(|c| c.probability < 1.0));

    // Ruled out by a moderator, it is named no more.
    let options = ExplainOptions { rejected: ["a".to_owned()].into(), ..ExplainOptions::default() };
    let without = told(&seen, &inputs, &options);
    assert!(without.causes.iter().all(|cause| cause.ru != "a"), "{without:?}");
    assert!(without.unknown > explanation.unknown);
}

#[test]
fn what_nobody_announced_is_unknown() {
    let inputs = [release("a", "2026-03-05T20:00:00Z", "valve")];
    let made = forecast(&question(&release("other", "2026-03-05T10:00:00Z", "akamai"))).unwrap();
    let explanation = told(&observed(&made, "akamai", 1.0), &inputs, &ExplainOptions::default());
    assert!(explanation.unknown > 0.8, "{explanation:?}");
    // Nothing measured: nothing known.
    let empty = Observed {
        total: Excess {
            bps: Samples::new(DateTime::<Utc>::UNIX_EPOCH, 300.try_into().unwrap(), []),
            sigma_bps: 1.0,
        },
        by_cdn: BTreeMap::new(),
        ..observed(&made, "akamai", 1.0)
    };
    let nothing = told(&empty, &inputs, &ExplainOptions::default());
    assert!((nothing.unknown - 1.0).abs() < 1e-12 && nothing.causes.is_empty());
}

/// The first evenings of those behind the figures of docs/FORECAST.md, with the same seed.
#[test]
fn simulated_evenings_are_explained_as_well_as_published() {
    for (setting, right, named_wrong) in
        [(simulation::Setting::AsModelled, 0.6, 0.35), (simulation::Setting::Misspecified, 0.5, 0.4)]
    {
        let told = simulation::run(setting, 40, simulation::SEED);
        let spikes = told.iter().flatten().count();
        let figures = simulation::report::figures(&told);
        let (ru, n) = figures.with_ru;
        let (unknown, of) = figures.without_ru;
        println!("{setting:?}: {ru} of {n}, unknown {unknown} of {of}, {:?}", figures.named_wrong);
        assert!(spikes >= 10, "{spikes}");
        assert!((ru + unknown) as f64 >= right * (n + of) as f64, "{setting:?}");
        let (wrong, named) = figures.named_wrong;
        assert!(named > 0 && wrong as f64 <= named_wrong * named as f64, "{setting:?}: {wrong} of {named}");
        for told in told.iter().flatten() {
            assert!((sum(&told.explanation) - 1.0).abs() < 1e-9);
        }
    }
}
