//! What events did, as charts and tables.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use traffix_core::Invalid;
use traffix_core::baseline::Baseline;
use traffix_core::catalogue::RuId;
use traffix_core::effect::{Effect, Estimate, Part};
use traffix_core::overlay::{Trace, Window, align};
use traffix_core::samples::Samples;
use traffix_core::units::{format_bps, format_bytes};

use super::baseline::fit_text;
use crate::plot::{Across, LineChart, NamedLine};
use crate::usual::EffectAnswer;

/// Bins that a chart has at most; longer times have longer bins.
const MAX_BINS: u32 = 600;

/// Measured and usual traffic around an event.
pub(crate) fn effect_chart(
    answer: &EffectAnswer,
    samples: &Samples,
    baseline: &Baseline,
    name: &str,
) -> Result<LineChart, String> {
    let Effect { before, during, after } = &answer.effect;
    let secs = |from: DateTime<Utc>, until: DateTime<Utc>| {
        u32::try_from((until - from).num_seconds()).unwrap_or(u32::MAX)
    };
    let (before_secs, after_secs) = (secs(before.from, before.until), secs(during.from, after.until));
    let step_secs = (before_secs.saturating_add(after_secs) / MAX_BINS).next_multiple_of(300).max(300);
    let levels = baseline.levels(samples.start(), samples.step_secs(), samples.len());
    let usual = Samples::new(samples.start(), samples.step_secs(), levels.into_iter().map(|l| Some(l?.bps)));
    let trace = |label: &str, samples| Trace { label: label.to_owned(), t0: answer.t0, samples, lines: None };
    let traces = [trace("measured", samples), trace("usual", &usual)];
    let step_secs = std::num::NonZeroU32::new(step_secs).unwrap_or(std::num::NonZeroU32::MIN);
    let overlay = align(&traces, &Window { before_secs, after_secs, step_secs })
        .map_err(|found| found.iter().map(Invalid::to_string).collect::<Vec<_>>().join("; "))?;
    let lines =
        overlay.curves.into_iter().map(|curve| NamedLine { label: curve.label, values: curve.values });
    Ok(LineChart {
        title: if name.is_empty() { answer.label.clone() } else { format!("{}: {name}", answer.label) },
        subtitle: excess_text(during),
        across: Across::Elapsed,
        first_secs: overlay.first_secs,
        step_secs: overlay.step_secs.get(),
        of: String::new(),
        lines: lines.collect(),
    })
}

/// A paragraph for each part, and what was compared with.
pub(crate) fn effect_text(answer: &EffectAnswer, tz: Tz) -> String {
    let mut out = String::new();
    let local = |at: DateTime<Utc>| at.with_timezone(&tz).format("%a %Y-%m-%d %H:%M").to_string();
    let _ = writeln!(out, "{}, {} {tz}", answer.label, local(answer.t0));
    let Effect { before, during, after } = &answer.effect;
    for (word, part) in [("before", before), ("during", during), ("after", after)] {
        let _ = writeln!(out, "{word:<6}  {}", excess_text(part));
        if let Some(excess) = &part.excess {
            let peak = excess.peak;
            let above = signed(peak.excess_bps, format_bps);
            let (measured, at) = (format_bps(peak.measured_bps), local(peak.at));
            let _ = writeln!(out, "        most above usual: {above} at {at}, when {measured} was measured");
        }
    }
    if !answer.also_ran.is_empty() {
        let names: Vec<&str> = answer.also_ran.iter().map(RuId::as_str).collect();
        let _ = writeln!(out, "Also ran in that time: {}", names.join(", "));
    }
    out + &fit_text(&answer.baseline)
}

/// `16.1 Gbit/s, +5.9 Gbit/s (+5.8 to +6.1 Gbit/s), 16 TB (…), 1.58 of usual (1.55 to 1.62); 50 % known`.
fn excess_text(part: &Part) -> String {
    let Some(excess) = &part.excess else { return "nothing is known".to_owned() };
    let mut text = format!(
        "{} on average, {}, {}",
        format_bps(excess.measured_bps),
        signed(excess.mean_bps, format_bps),
        signed(excess.bytes, format_bytes)
    );
    if let Some(Estimate { p10, p50, p90 }) = excess.ratio {
        let _ = write!(text, ", {p50:.2} of usual ({p10:.2} to {p90:.2})");
    }
    if part.known < 0.999 {
        let _ = write!(text, "; {:.0} % of the time known", (part.known * 100.0).floor());
    }
    text
}

/// A number that may be negative, with its range.
fn signed(estimate: Estimate, print: fn(f64) -> String) -> String {
    let one = |value: f64| format!("{}{}", if value < 0.0 { '-' } else { '+' }, print(value.abs()));
    format!("{} ({} to {})", one(estimate.p50), one(estimate.p10), one(estimate.p90))
}
