//! Press-reported peaks: the model from priors alone must stay within its known error, and learning must help.
#![expect(clippy::unwrap_used, reason = "helpers of tests, not only their bodies, may panic")]

use std::sync::OnceLock;

use traffix_core::forecast::forecast;
use traffix_core::outlook::short_forecast;
use traffix_core::score::backtest::{Baseline, Document, Report, backtest};

/// The second set is harder: world-wide totals, operating systems, titles known by little.
const SECOND_RMSE: f64 = 1.2;

fn peaks() -> Document {
    serde_json::from_str(include_str!("data/backtest_events.json")).unwrap()
}

fn report() -> &'static Report {
    static REPORT: OnceLock<Report> = OnceLock::new();
    REPORT.get_or_init(|| backtest(&peaks(), 1).unwrap())
}

fn print_events(report: &Report) {
    for event in &report.events {
        println!(
            "{} {:28} p50 {:.2e} learned {:.2e} left out {:.2e} observed {:.2e} x{:.2} at {}",
            event.id,
            event.title,
            event.predicted.p50,
            event.learned.p50,
            event.left_out.p50,
            event.observed.mid,
            event.factor_error,
            event.peak_at.p50
        );
    }
}

#[test]
fn peaks_from_priors_alone_are_within_a_known_error() {
    print_events(report());
    println!("{}", serde_json::to_string(&report().scores).unwrap());
    let scores = &report().scores;
    assert_eq!(scores.n, 13);
    assert!(
        scores.predicted.rmse_log <= 0.45,
        "rmse of log(P50 / observed) is {}",
        scores.predicted.rmse_log
    );
    assert!((0.70..=1.0).contains(&scores.predicted.coverage_80), "{}", scores.predicted.coverage_80);
    for baseline in [Baseline::B1, Baseline::B2, Baseline::B3, Baseline::B4] {
        let skill = scores.baselines[&baseline].skill_predicted.unwrap();
        assert!(skill.value > 0.0, "no better than {}: {skill:?}", baseline.describe());
        assert!(skill.p5 <= skill.value && skill.value <= skill.p95);
    }
}

#[test]
fn with_learning_the_error_stays_known() {
    // Thirteen press reports on seven networks share too little for learning to show; it must do no harm either.
    let scores = &report().scores;
    assert!(scores.learned.rmse_log <= 0.45, "{}", scores.learned.rmse_log);
    assert!(scores.learned.crps <= scores.predicted.crps + 0.02, "{}", scores.learned.crps);
    assert!((0.70..=1.0).contains(&scores.learned.coverage_80), "{}", scores.learned.coverage_80);
    for baseline in [Baseline::B1, Baseline::B2, Baseline::B3] {
        assert!(scores.baselines[&baseline].skill_learned.unwrap().value > 0.0, "{}", baseline.describe());
    }
}

#[test]
fn a_second_set_of_events_is_within_a_wide_band() {
    let document: Document = serde_json::from_str(include_str!("data/backtest_world.json")).unwrap();
    let report = backtest(&document, 1).unwrap();
    let predicted = &report.scores.predicted;
    print_events(&report);
    println!("{}", serde_json::to_string(predicted).unwrap());
    assert_eq!(predicted.n, document.events.len());
    assert!(predicted.rmse_log <= SECOND_RMSE, "{}", predicted.rmse_log);
    assert!((0.5..=1.0).contains(&predicted.coverage_80), "{}", predicted.coverage_80);
}

#[test]
fn what_events_share_is_learned() {
    // The same events, had all of them been 1.8 times what priors say.
    let mut shared = peaks();
    for event in &mut shared.events {
        let told = report().events.iter().find(|r| r.id == event.id).unwrap();
        let observed = &mut event.observed;
        observed.mid = 1.8 * told.predicted.p50;
        (observed.low, observed.high) = (observed.mid * 0.9, observed.mid * 1.1);
    }
    let scores = backtest(&shared, 1).unwrap().scores;
    assert!(scores.learned.rmse_log < 0.6 * scores.predicted.rmse_log, "{scores:?}");
    assert!(scores.left_out.rmse_log < 0.4 * scores.predicted.rmse_log, "{scores:?}");
    assert!(scores.skill_of_learning.unwrap().p5 > 0.0, "{scores:?}");
}

#[test]
fn an_event_learns_only_from_those_before_it() {
    let report = report();
    let first = &report.events[0];
    assert!(first.corrections.is_empty() && first.predicted == first.learned);
    assert!(report.events.windows(2).all(|pair| pair[0].at <= pair[1].at));
    // What an event came out as must not reach its own forecast, nor any earlier one.
    let mut changed = peaks();
    let id = &report.events[7].id;
    let event = changed.events.iter_mut().find(|e| e.id == *id).unwrap();
    event.observed.mid *= 3.0;
    event.observed.high *= 3.0;
    let other = backtest(&changed, 1).unwrap();
    for i in 0..=7 {
        assert_eq!(report.events[i].learned, other.events[i].learned, "{}", report.events[i].id);
    }
    assert_eq!(report.events[7].left_out, other.events[7].left_out);
    assert!((8..13).any(|i| report.events[i].learned != other.events[i].learned));
    assert!((0..7).any(|i| report.events[i].left_out != other.events[i].left_out));
}

#[test]
fn the_report_is_the_same_every_time_and_reads_back() {
    let again = backtest(&peaks(), 1).unwrap();
    assert!(again == *report());
    let text = serde_json::to_string(&again).unwrap();
    assert!(serde_json::from_str::<Report>(&text).unwrap() == again);
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    for part in ["predicted", "learned"] {
        assert!(value["events"][0][part]["p10"].as_f64() < value["events"][0][part]["p90"].as_f64());
    }
    assert!(value["events"][0]["observed"]["mid"].is_f64() && value["scores"]["baselines"]["b1"].is_object());
}

#[test]
fn events_that_are_wrong_are_refused_with_their_place() {
    let refused = |change: fn(&mut Document)| {
        let mut document = peaks();
        change(&mut document);
        backtest(&document, 1).unwrap_err().to_string()
    };
    assert!(refused(|d| d.schema = "x".into()).contains("/schema"));
    assert!(refused(|d| d.events.clear()).contains("/events"));
    assert!(refused(|d| d.events[2].observed.low = 0.0).contains("/events/2/observed/mid"));
    assert!(refused(|d| d.events[2].observed.mid = f64::NAN).contains("/events/2/observed/mid"));
    assert!(
        refused(|d| d.events[1].observed.metric = "daily_tb".into()).contains("/events/1/observed/metric")
    );
    assert!(refused(|d| d.events[1].input.network.lines = -1.0).contains("/events/1/input/network/lines"));
    assert!(refused(|d| d.events[1].id = d.events[0].id.clone()).contains("/events/1/id"));
}

#[test]
fn the_short_form_is_within_ten_per_cent_of_the_sampler_at_p90() {
    let mut report = Vec::new();
    for event in peaks().events {
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
