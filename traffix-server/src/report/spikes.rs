//! Spikes as chart and table.

use std::fmt::Write as _;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use serde::Serialize;
use traffix_core::baseline::Baseline;
use traffix_core::explanation::Explanation;
use traffix_core::samples::Samples;
use traffix_core::spike::Spike;
use traffix_core::units::{format_bps, format_bytes};

use crate::plot::{Across, LineChart, NamedLine, day_time};

/// Causes below this are not worth a line.
const LEAST: f64 = 0.01;
/// Causes named of one spike.
const MOST: usize = 5;
/// What is drawn before and after the start of a spike, h.
const BEFORE_HOURS: i64 = 12;
const AFTER_HOURS: i64 = 36;

/// A spike with what may have caused it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ToldSpike {
    /// What was measured.
    #[serde(flatten)]
    pub spike: Spike,
    /// What may have caused it.
    pub explanation: Explanation,
}

/// A block for every spike: when, how high, how much, and its likeliest causes with what is unknown.
pub fn spikes_text(spikes: &[ToldSpike], zone: Tz) -> String {
    let mut out = String::new();
    for ToldSpike { spike, explanation } in spikes {
        let end = spike.end.map_or_else(|| "still running".to_owned(), |end| day_time(end, zone));
        let _ = writeln!(out, "{} to {end}", day_time(spike.start, zone));
        let (peak, at) = (format_bps(spike.peak_bps), day_time(spike.peak_at, zone));
        let percent = spike.share * 100.0;
        let _ = writeln!(out, "  peak      +{peak} at {at}, {percent:.0} % above usual");
        let (bytes, sd) = (format_bytes(spike.excess_bytes), format_bytes(spike.excess_sd_bytes));
        let _ = writeln!(out, "  above     {bytes} (sd {sd})");
        let causes = explanation.causes.iter().filter(|cause| cause.probability >= LEAST);
        for cause in causes.take(MOST) {
            let (odds, title, ru) = (cause.probability, &cause.title, &cause.ru);
            let bytes = format_bytes(cause.bytes);
            let _ = writeln!(out, "  P = {odds:.2}  {title} ({ru}), {bytes} if it took part");
        }
        let _ = writeln!(out, "  P = {:.2}  unknown", explanation.unknown);
    }
    out
}

/// The largest spike: what was measured and what is usual, by the hours since it began. `None` without a spike.
pub fn spike_chart(
    spikes: &[ToldSpike],
    (samples, usual): (&Samples, &Baseline),
    (name, zone): (&str, Tz),
) -> Option<LineChart> {
    let largest = spikes.iter().max_by(|a, b| a.spike.excess_bytes.total_cmp(&b.spike.excess_bytes))?;
    let spike = &largest.spike;
    let step = i64::from(samples.step_secs().get());
    let (before, bins) = (BEFORE_HOURS * 3600 / step, (BEFORE_HOURS + AFTER_HOURS) * 3600 / step);
    let start = spike.start - TimeDelta::seconds(before * step);
    let instants = (0..bins).map(|bin| start + TimeDelta::seconds(bin * step));
    let measured = instants.map(|at: DateTime<Utc>| samples.at(at)).collect();
    let levels = usual.levels(start, samples.step_secs(), usize::try_from(bins).unwrap_or(0));
    let levels = levels.into_iter().map(|level| level.map(|level| level.bps)).collect();
    let cause = largest.explanation.causes.first().filter(|cause| cause.probability > 0.5);
    let cause = cause.map_or_else(|| "of unknown cause".to_owned(), |cause| cause.title.clone());
    Some(LineChart {
        title: name.to_owned(),
        subtitle: format!(
            "largest of {}: {cause}, +{} at {}",
            spikes.len(),
            format_bps(spike.peak_bps),
            day_time(spike.peak_at, zone)
        ),
        across: Across::Elapsed,
        first_secs: -before * step,
        step_secs: samples.step_secs().get(),
        of: String::new(),
        lines: vec![
            NamedLine { label: "usual".into(), values: levels },
            NamedLine { label: "measured".into(), values: measured },
        ],
    })
}
