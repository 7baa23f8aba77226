//! Press-reported peaks: the model from priors alone must stay within its known error.
#![expect(clippy::unwrap_used, reason = "helpers of tests, not only their bodies, may panic")]

use serde::Deserialize;
use traffix_core::forecast::{Forecast, ForecastInput, LogNormal, forecast};
use traffix_core::outlook::short_forecast;
use traffix_core::score;

#[derive(Deserialize)]
struct Document {
    events: Vec<Event>,
}

#[derive(Deserialize)]
struct Event {
    id: String,
    input: ForecastInput,
    observed: Observed,
}

#[derive(Deserialize)]
struct Observed {
    mid: f64,
}

fn events() -> Vec<Event> {
    let text = include_str!("data/backtest_events.json");
    serde_json::from_str::<Document>(text).unwrap().events
}

fn spread(forecast: &Forecast) -> LogNormal {
    let bps = forecast.peak.bps;
    LogNormal::new(bps.p50, (bps.p90 / bps.p10).ln() / 2.0 / 1.281_551_565_5)
}

#[test]
fn peaks_from_priors_alone_are_within_a_known_error() {
    let (mut squares, mut pairs, mut crps) = (0.0, Vec::new(), Vec::new());
    let events = events();
    for event in &events {
        let forecast = forecast(&event.input).unwrap();
        let peak = spread(&forecast);
        let error = (peak.median / event.observed.mid).ln();
        println!(
            "{} {:24} p10 {:.2e} p50 {:.2e} p90 {:.2e} obs {:.2e} err {error:+.2} at {} sigma {:.2} {:?}",
            event.id,
            event.input.ru.id,
            forecast.peak.bps.p10,
            peak.median,
            forecast.peak.bps.p90,
            event.observed.mid,
            forecast.peak.at.p50,
            peak.sigma,
            forecast.sigma_budget
        );
        squares += error * error;
        crps.push(score::crps_log(&peak, event.observed.mid));
        pairs.push((peak, event.observed.mid));
    }
    let rmse = (squares / f64::from(u32::try_from(events.len()).unwrap())).sqrt();
    let medians: Vec<(f64, f64)> = pairs.iter().map(|(f, o)| (f.median, *o)).collect();
    println!(
        "n {} rmse {rmse:.3} median factor {:.2} crps {:.3} coverage {:.2}",
        events.len(),
        score::median_factor_error(&medians),
        score::mean(&crps),
        score::coverage_80(&pairs)
    );
    assert_eq!(events.len(), 13);
    assert!(rmse <= 0.45, "rmse of log(P50 / observed) is {rmse}");
}

#[test]
fn the_short_form_is_within_ten_per_cent_of_the_sampler_at_p90() {
    let mut report = Vec::new();
    for event in events() {
        let (full, short) = (forecast(&event.input).unwrap(), short_forecast(&event.input).unwrap());
        let ratio = short.peak_bps.p90 / full.peak.bps.p90;
        let middle = short.peak_bps.p50 / full.peak.bps.p50;
        println!("{} P90 {ratio:.3} P50 {middle:.3}", event.id);
        if (ratio - 1.0).abs() > 0.1 {
            report.push(format!("{} {ratio:.3}", event.id));
        }
    }
    assert!(report.is_empty(), "{report:?}");
}
