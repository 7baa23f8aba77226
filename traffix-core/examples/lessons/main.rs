//! What measured events are worth to the next forecast: the table of docs/FORECAST.md.
//!
//! Simulated networks, each with its own level, platforms and habits, see six updates of one game.
//!
//! `cargo run --release -p traffix-core --example lessons -- [NETWORKS] [SEED]`

#![expect(clippy::cast_precision_loss, reason = "small counts")]

#[path = "../evenings/simulation/chance.rs"]
#[allow(dead_code, reason = "shared with another example")]
mod chance;
mod world;

use std::collections::BTreeMap;

use chance::Chance;
use traffix_core::forecast::{Forecast, forecast_with};
use traffix_core::learning::{Learned, MeasuredEvent, SD_FLOWS};
use traffix_core::score::proof::{ForecastScore, Observation, score};
use world::{Place, Seen};

/// Events that a network sees; the first teaches and is not scored.
const EVENTS: usize = 6;

/// What a network learns from.
const LEARNERS: [(&str, [bool; 3]); 5] = [
    ("nothing", [false, false, false]),
    ("peaks", [true, false, false]),
    ("peaks, platforms", [true, true, false]),
    ("peaks, curves", [true, false, true]),
    ("peaks, platforms, curves", [true, true, true]),
];

fn main() {
    let mut numbers = std::env::args().skip(1).map(|text| text.parse::<u64>().expect("a number"));
    let networks = numbers.next().unwrap_or(100);
    let seed = numbers.next().unwrap_or(1);
    let mut scores: Vec<Vec<Scores>> = LEARNERS.iter().map(|_| Vec::new()).collect();
    for network in 0..networks {
        let mut chance = Chance::new(seed, network);
        let place = Place::new(network, &mut chance);
        let events: Vec<Seen> = (0..EVENTS).map(|n| place.event(n, &mut chance)).collect();
        for ((_, what), scores) in LEARNERS.iter().zip(&mut scores) {
            scores.extend(run(&events, *what));
        }
    }
    println!("{networks} networks, {} events scored on each, seed {seed}\n", EVENTS - 1);
    println!(
        "| learned from | CRPS of the peak | P10-P90 holds | curve off by, of all bytes | factor of bytes (median) | factor of a platform's bytes (median) |\n|---|---|---|---|---|---|"
    );
    for ((name, _), scores) in LEARNERS.iter().zip(&scores) {
        let n = scores.len() as f64;
        let median = |of: &dyn Fn(&Scores) -> f64| {
            let mut all: Vec<f64> = scores.iter().map(of).collect();
            all.sort_by(f64::total_cmp);
            all[all.len() / 2]
        };
        println!(
            "| {name} | {:.3} | {:.0} % | {:.3} | {:.2} | {:.2} |",
            scores.iter().map(|s| s.score.crps).sum::<f64>() / n,
            100.0 * scores.iter().filter(|s| s.score.in_80).count() as f64 / n,
            scores.iter().map(|s| s.curve_error).sum::<f64>() / n,
            median(&|s| s.score.bytes_factor_error.unwrap_or(f64::NAN)),
            median(&|s| s.platform_factor),
        );
    }
}

/// What one forecast was worth.
struct Scores {
    score: ForecastScore,
    /// Mean factor by which the bytes of a platform were wrong.
    platform_factor: f64,
    /// Bytes forecast (P50) at the wrong time or not at all, of all bytes.
    curve_error: f64,
}

/// Forecasts of all events but the first, each with what the earlier ones taught.
fn run(events: &[Seen], [peaks, platforms, curves]: [bool; 3]) -> Vec<Scores> {
    let mut learned = Learned::default();
    let mut scores = Vec::new();
    for (n, event) in events.iter().enumerate() {
        let corrections = learned.corrections(&event.input);
        let made = forecast_with(&event.input, Some(&corrections)).expect("valid");
        if n > 0 {
            scores.push(scored(&made, event));
        }
        if peaks {
            let seen = MeasuredEvent {
                peak_bps: event.peak_bps,
                sd: SD_FLOWS,
                at_least: false,
                platforms: if platforms { event.platforms.clone() } else { BTreeMap::new() },
                curve: event.curve.clone().filter(|_| curves),
            };
            learned.learn(&event.input, &seen).expect("valid");
        }
    }
    scores
}

fn scored(made: &Forecast, event: &Seen) -> Scores {
    let seen = Observation {
        peak_bps: event.peak_bps,
        peak_at: event.peak_at,
        bytes: event.bytes,
        at_least: false,
        platforms: BTreeMap::new(),
        cdns: BTreeMap::new(),
        links: BTreeMap::new(),
    };
    let step_s = f64::from(made.grid.step_s);
    let wrong = event.platforms.iter().map(|(id, bytes)| {
        let expected: f64 = made.platforms[id].p50.iter().sum::<f64>() * step_s / 8.0;
        (expected / bytes).ln().abs()
    });
    let n = event.platforms.len() as f64;
    let curve: f64 = made.total.p50.iter().zip(&event.total).map(|(p50, bps)| (p50 - bps).abs()).sum();
    let bytes_bps: f64 = event.total.iter().sum();
    Scores {
        curve_error: curve / bytes_bps,
        score: score(made, &seen).expect("something came"),
        platform_factor: (wrong.sum::<f64>() / n).exp(),
    }
}
