//! Usual traffic as charts and sentences.

use std::fmt::Write as _;

use traffix_core::baseline::Baseline;
use traffix_core::units::format_bps;

use crate::plot::{Across, LineChart, NamedLine};
use crate::usual::Fit;

/// Seconds of a half-hour.
const SLOT_SECS: u32 = 1800;

/// The usual week by half-hours, with the range that four of five bins are in.
pub(crate) fn baseline_chart(baseline: &Baseline, name: &str) -> LineChart {
    let levels = baseline.half_hour_of_week();
    let line = |label: &str, deviations: f64| NamedLine {
        label: label.to_owned(),
        values: levels.iter().map(|level| level.map(|l| l.bps * (deviations * l.sigma_log).exp())).collect(),
    };
    LineChart {
        title: if name.is_empty() { "Usual traffic".into() } else { format!("Usual traffic: {name}") },
        subtitle: range_text(baseline),
        across: Across::WallClock,
        first_secs: 0,
        step_secs: SLOT_SECS,
        of: String::new(),
        lines: vec![
            line("usual", 0.0),
            line("one bin in ten is lower", -1.2816),
            line("one bin in ten is higher", 1.2816),
        ],
    }
}

/// Highest and lowest half-hour.
fn range_text(baseline: &Baseline) -> String {
    const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    let levels = baseline.half_hour_of_week();
    let known = || levels.iter().enumerate().filter_map(|(slot, level)| Some((slot, level.as_ref()?.bps)));
    let shown = |(slot, bps): (usize, f64)| {
        let (day, minutes) = (DAYS[slot / 48 % 7], slot % 48 * 30);
        format!("{} {day} {:02}:{:02}", format_bps(bps), minutes / 60, minutes % 60)
    };
    let high = known().reduce(|a, b| if b.1 > a.1 { b } else { a }).map(shown);
    let low = known().reduce(|a, b| if b.1 < a.1 { b } else { a }).map(shown);
    let unknown = levels.iter().filter(|level| level.is_none()).count();
    let mut text = format!("highest {}, lowest {}", high.unwrap_or_default(), low.unwrap_or_default());
    if unknown > 0 {
        let _ = write!(text, "; {unknown} of {} half-hours unknown", levels.len());
    }
    text
}

/// What was fitted, and how it strays.
pub(crate) fn baseline_text(baseline: &Baseline, fit: &Fit) -> String {
    format!("{}\n{}", range_text(baseline), fit_text(fit))
}

/// What a baseline was fitted to, and what was left out.
pub(super) fn fit_text(fit: &Fit) -> String {
    let mut out = format!(
        "Usual traffic: {:.1} weeks known of {} to {}; one bin of {} s strays by {:.1} %, a day by {:.1} %; ",
        fit.weeks,
        fit.from.format("%Y-%m-%d"),
        fit.until.format("%Y-%m-%d"),
        fit.noise.step_secs,
        fit.noise.sigma_log * 100.0,
        fit.noise.day_sigma_log * 100.0,
    );
    let _ = if fit.trend_per_week == 0.0 {
        writeln!(out, "no growth found")
    } else {
        writeln!(out, "growth {:+.2} % a week", fit.trend_per_week * 100.0)
    };
    for one in &fit.left_out {
        let what = one.ru.as_ref().map_or("asked for", |ru| ru.as_str());
        let (from, until) = (one.from.format("%Y-%m-%dT%H:%MZ"), one.until.format("%Y-%m-%dT%H:%MZ"));
        let _ = writeln!(out, "  left out: {from} to {until}, {what}");
    }
    out
}
