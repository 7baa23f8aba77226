//! How soon spikes are found, and how often noise is taken for one: the table of docs/FORECAST.md.
//!
//! `cargo run --release -p traffix-core --example detection -- [SERIES] [SEED]`

#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "small counts"
)]

#[path = "../tests/recorded/mod.rs"]
mod recorded;
#[path = "../tests/simulated/mod.rs"]
mod simulated;

use chrono::{DateTime, TimeDelta, Utc};
use simulated::{QUIET, Quiet};
use traffix_core::baseline::{Baseline, BaselineOptions};
use traffix_core::samples::Samples;
use traffix_core::spike::{DetectOptions, Spike, detect};

/// The baseline is fitted to six weeks; what is watched follows.
const FITTED_DAYS: i64 = 42;

/// Networks from quiet to restless: spread of bins, their memory over five minutes, spread of days.
const NETWORKS: [(&str, f64, f64, f64); 3] = [
    ("large: bins 2 %, days 4 %", 0.02, 0.95, 0.04),
    ("middle: bins 4 %, days 6 %", 0.04, 0.9, 0.06),
    ("small: bins 10 %, days 10 %", 0.10, 0.7, 0.10),
];

const DELAYS: &str =
    "| rise | over | found | median delay, bins | P90 | within 3 bins |\n|---|---|---|---|---|---|";

const RISES: [(f64, u32); 8] =
    [(0.1, 0), (0.2, 0), (0.5, 0), (1.0, 0), (0.1, 30), (0.2, 30), (0.5, 30), (1.0, 30)];

fn main() {
    let mut numbers = std::env::args().skip(1).map(|text| text.parse::<u64>().expect("a number"));
    let series = numbers.next().unwrap_or(100);
    let seed = numbers.next().unwrap_or(1);
    for (name, sigma, ar1, day_sigma) in NETWORKS {
        println!("### {name}\n");
        for step_secs in [60, 300] {
            let ar1 = ar1.powf(f64::from(step_secs) / 300.0);
            let quiet = Quiet { step_secs, sigma, ar1, day_sigma, ..QUIET };
            let many = if step_secs == 60 { series.div_ceil(4) } else { series };
            alarms(&quiet, (0..many).map(|i| seed * 100_000 + i));
        }
        let quiet = Quiet { sigma, ar1, day_sigma, ..QUIET };
        println!("\n{DELAYS}");
        for (share, ramp_minutes) in RISES {
            delays(&quiet, share, ramp_minutes, (0..series).map(|i| seed * 100_000 + i));
        }
        println!();
    }
    on_record();
}

/// Each week of the recorded series, with what the others teach.
fn on_record() {
    let all = recorded::samples();
    println!(
        "### recorded: an academic backbone by the hour\n\n| alarm | confirmed after, bins | above usual |\n|---|---|---|"
    );
    let alarms: Vec<_> =
        recorded::WEEKS.iter().flat_map(|week| recorded::spikes(&all, recorded::monday(week))).collect();
    for spike in &alarms {
        let delay = (spike.detected_at - spike.start).num_hours();
        println!("| {} | {delay} | {:.0} % |", spike.start.format("%a %d %b %Y %H:%M"), 100.0 * spike.share);
    }
    let weeks = recorded::weeks(&all);
    println!(
        "\n- {} alarms in {weeks:.1} weeks, {:.2} a week (wished: at most 0.25 beside real causes)",
        alarms.len(),
        alarms.len() as f64 / weeks
    );
    let (n, error, held) = recorded::usual_error(&all);
    println!(
        "- usual traffic of the calm weeks, n {n}: median error {:.1} %, 80 % intervals hold {:.0} %\n",
        100.0 * error,
        100.0 * held
    );
    println!("{DELAYS}");
    for share in [0.1, 0.2, 0.5, 1.0] {
        let delays: Vec<_> =
            recorded::CALM.iter().flat_map(|week| recorded::delays(&all, week, share)).collect();
        row(share, 0, delays.iter().flatten().copied().collect(), delays.len());
    }
}

fn monday() -> DateTime<Utc> {
    simulated::at("2026-06-01T00:00:00Z")
}

fn found(samples: &Samples) -> Vec<Spike> {
    let split = samples.bin_at(monday() + TimeDelta::days(FITTED_DAYS)).expect("longer than the fit");
    let past = Samples::new(monday(), samples.step_secs(), samples.iter().take(split));
    let baseline = Baseline::fit(&past, &BaselineOptions::new(QUIET.tz)).expect("six weeks");
    let start = samples.start_of(split).expect("within the calendar");
    let watched = Samples::new(start, samples.step_secs(), samples.iter().skip(split));
    detect(&watched, &baseline, &DetectOptions::default())
}

fn alarms(quiet: &Quiet, seeds: impl Iterator<Item = u64>) {
    let (mut alarms, mut weeks) = (0_usize, 0.0);
    for seed in seeds {
        let quiet = Quiet { seed, weeks: 10, ..*quiet };
        alarms += found(&quiet.samples(monday())).len();
        weeks += 4.0;
    }
    let rate = alarms as f64 / weeks;
    println!(
        "- bins of {} s: {alarms} false alarms in {weeks} weeks, {rate:.3} a week (wished: at most 0.25)",
        quiet.step_secs
    );
}

/// A Thursday at seven in the evening, in the week after the fit.
fn delays(quiet: &Quiet, share: f64, ramp_minutes: u32, seeds: impl Iterator<Item = u64>) {
    let onset = 288 * usize::try_from(FITTED_DAYS + 3).expect("small") + 216;
    let at = monday() + TimeDelta::days(FITTED_DAYS + 3) + TimeDelta::hours(18);
    let ramp = f64::from(ramp_minutes) / 5.0;
    let (mut bins, mut n) = (Vec::new(), 0);
    for seed in seeds {
        n += 1;
        let quiet = Quiet { seed, weeks: 7, ..*quiet };
        let mut values = quiet.values(monday());
        for (i, value) in values[onset..onset + 48].iter_mut().enumerate() {
            *value *= 1.0 + share * ((i as f64 + 1.0) / (ramp + 1.0)).min(1.0);
        }
        let spikes = found(&quiet.of(monday(), values));
        let hit = spikes.iter().find(|s| s.detected_at > at && s.start <= at + TimeDelta::hours(4));
        bins.extend(hit.map(|spike| (spike.detected_at - at).num_minutes().div_euclid(5)));
    }
    row(share, ramp_minutes, bins, n);
}

/// A row of the table of delays, of those found and all.
fn row(share: f64, ramp_minutes: u32, mut bins: Vec<i64>, n: usize) {
    bins.sort_unstable();
    let quantile =
        |q: f64| bins.get((q * bins.len() as f64) as usize).map_or("-".into(), ToString::to_string);
    let within = bins.iter().filter(|bins| **bins <= 3).count();
    println!(
        "| {:.0} % | {ramp_minutes} min | {} of {n} | {} | {} | {within} of {n} |",
        100.0 * share,
        bins.len(),
        quantile(0.5),
        quantile(0.9)
    );
}
