//! Overlays as charts and tables.

use std::fmt::Write as _;

use traffix_core::overlay::{Curve, Overlay, Unit};
use traffix_core::units::format_bps;

use crate::plot::{Across, LineChart, NamedLine};

/// Events, days or weeks as thin lines over each other.
pub fn overlay_chart(overlay: &Overlay, name: &str, events: bool) -> LineChart {
    let line = |curve: &Curve| NamedLine { label: curve.label.clone(), values: curve.values.clone() };
    let highest = highest(overlay).map_or_else(
        || "nothing is known of them".to_owned(),
        |(curve, peak, bin)| {
            let when = when(overlay, bin, events);
            format!("highest: {} with {}{} at {when}", curve.label, format_bps(peak), unit(overlay))
        },
    );
    LineChart {
        title: if name.is_empty() { "Traffic".into() } else { name.to_owned() },
        subtitle: highest,
        across: if events { Across::Elapsed } else { Across::WallClock },
        first_secs: overlay.first_secs,
        step_secs: overlay.step_secs.get(),
        of: unit(overlay).trim_start().to_owned(),
        lines: overlay.curves.iter().map(line).collect(),
    }
}

/// A line for every curve: what it is, its peak and when that was, and how much of it is known.
pub fn overlay_text(overlay: &Overlay, events: bool) -> String {
    let widest = overlay.curves.iter().map(|curve| curve.label.chars().count()).max().unwrap_or(0).min(40);
    let mut out = String::new();
    for curve in &overlay.curves {
        let label: String = curve.label.chars().take(40).collect();
        let known = curve.values.iter().flatten().count();
        let peak = curve.peak().map_or_else(
            || "nothing known".to_owned(),
            |(bin, peak)| {
                format!("peak {:>11}{} at {}", format_bps(peak), unit(overlay), when(overlay, bin, events))
            },
        );
        let gaps = if known == curve.values.len() {
            String::new()
        } else {
            format!(", {known} of {} bins known", curve.values.len())
        };
        let _ = writeln!(out, "{label:<widest$}  {peak}{gaps}");
    }
    out
}

fn highest(overlay: &Overlay) -> Option<(&Curve, f64, usize)> {
    let peaks = overlay.curves.iter().filter_map(|curve| curve.peak().map(|(bin, peak)| (curve, peak, bin)));
    peaks.reduce(|best, next| if next.1 > best.1 { next } else { best })
}

fn unit(overlay: &Overlay) -> &'static str {
    match overlay.unit {
        Unit::Bps => "",
        Unit::BpsPer1000Lines => " per 1,000 lines",
    }
}

/// Where a bin begins: `+6:15 h` after an event, or `Tue 18:00`.
fn when(overlay: &Overlay, bin: usize, events: bool) -> String {
    const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    let step = i64::from(overlay.step_secs.get());
    let secs = i64::try_from(bin).unwrap_or(i64::MAX).saturating_mul(step).saturating_add(overlay.first_secs);
    let (sign, minutes) = (if secs < 0 { '-' } else { '+' }, secs.unsigned_abs() / 60);
    if events {
        return format!("{sign}{}:{:02} h", minutes / 60, minutes % 60);
    }
    let clock = format!("{:02}:{:02}", minutes / 60 % 24, minutes % 60);
    let bins = overlay.curves.first().map_or(0, |curve| curve.values.len());
    let is_week = i64::try_from(bins).unwrap_or(0).saturating_mul(step) > 90_000;
    let day = usize::try_from(minutes / 1440 % 7).unwrap_or(0);
    if is_week { format!("{} {clock}", DAYS[day]) } else { clock }
}
