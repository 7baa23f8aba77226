//! One forecast as chart and text.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use traffix_core::forecast::{Fan, Forecast, ForecastInput, Moment, RuInput, SigmaBudget};
use traffix_core::units::format_bps;

use super::words::{range_bps, range_bytes};
use crate::plot::{self, FanChart, Mark, MarkKind, day_time};

/// The extra traffic of one RU as a chart of some days, or of as long as it matters.
pub fn forecast_chart(input: &ForecastInput, forecast: &Forecast, days: Option<u32>) -> FanChart {
    let bins_per_day = (86_400 / forecast.grid.step_s.max(1)).max(1) as usize;
    let bins = days.map_or_else(
        || bins_that_matter(forecast, bins_per_day),
        |d| bins_per_day.saturating_mul(d as usize),
    );
    whole_chart(input, forecast).first_bins(bins.max(1))
}

/// Bins until P90 stays under a seventh of its peak, but at least a day and a half after the peak: a long tail would
/// press the evening that counts into a line.
pub(super) fn bins_that_matter(forecast: &Forecast, bins_per_day: usize) -> usize {
    let p90 = &forecast.total.p90;
    let (at, top) =
        p90.iter().enumerate().fold((0, 0.0), |best, (i, x)| if *x > best.1 { (i, *x) } else { best });
    let last = p90.iter().rposition(|x| *x >= top / 7.0).unwrap_or(0);
    let half_day = (bins_per_day / 2).max(1);
    last.max(at + 3 * half_day).div_ceil(half_day) * half_day
}

pub(super) fn whole_chart(input: &ForecastInput, forecast: &Forecast) -> FanChart {
    let zone = zone(&input.network.tz);
    let network = input.network.name.as_deref().unwrap_or(&input.network.id);
    FanChart {
        title: format!("{} on {network}", title(&input.ru)),
        subtitle: format!(
            "Extra traffic: peak {}, {}",
            range_bps(&forecast.peak.bps),
            day_time(forecast.peak.at.p50, zone)
        ),
        start: forecast.grid.start,
        step_secs: forecast.grid.step_s,
        zone,
        fan: fan(&forecast.total),
        baseline: None,
        limits: Vec::new(),
        now: None,
        marks: marks(&input.ru, &title(&input.ru)),
    }
}

/// The forecast in words: peak, when, bytes, links, what spreads it, what is missing.
pub fn forecast_text(input: &ForecastInput, forecast: &Forecast) -> String {
    let zone = zone(&input.network.tz);
    let mut out = String::new();
    let (peak, at) = (&forecast.peak.bps, &forecast.peak.at);
    let _ = writeln!(out, "Peak      +{}, P99 {}", range_bps(peak), format_bps(peak.p99));
    let (early, late) = (day_time(at.p10, zone), day_time(at.p90, zone));
    let _ = writeln!(out, "When      {} (P10 {early}, P90 {late})", day_time(at.p50, zone));
    let _ = writeln!(out, "In all    {}", range_bytes(&forecast.bytes));
    parts(&mut out, "Platforms", forecast.platforms.iter().map(|(id, fan)| (id.as_str(), fan)));
    parts(&mut out, "CDNs", forecast.cdns.iter().map(|(id, fan)| (id.as_str(), fan)));
    links(&mut out, forecast);
    let _ = writeln!(out, "Spread    {}", budget(&forecast.sigma_budget));
    for (i, missing) in forecast.missing.iter().enumerate() {
        let head = if i == 0 { "Missing" } else { "" };
        let _ = writeln!(out, "{head:<9} {}: {}", missing.pointer, missing.detail);
    }
    for (i, correction) in forecast.corrections.iter().enumerate() {
        let head = if i == 0 { "Learned" } else { "" };
        let _ = writeln!(out, "{head:<9} {}: times {:.2}", correction.effect, correction.factor);
    }
    out
}

/// Largest first: what matters is read first.
fn parts<'a>(out: &mut String, head: &str, fans: impl Iterator<Item = (&'a str, &'a Fan)>) {
    let highest = |curve: &[f64]| curve.iter().copied().fold(0.0, f64::max);
    let mut rows: Vec<(&str, f64, f64)> =
        fans.map(|(id, fan)| (id, highest(&fan.p50), highest(&fan.p90))).collect();
    rows.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    for (i, (id, p50, p90)) in rows.into_iter().enumerate() {
        let head = if i == 0 { head } else { "" };
        let _ = writeln!(out, "{head:<9} {id:<20} {:>11} P50 {:>11} P90", format_bps(p50), format_bps(p90));
    }
}

fn links(out: &mut String, forecast: &Forecast) {
    for (i, (id, link)) in forecast.links.iter().enumerate() {
        let head = if i == 0 { "Links" } else { "" };
        let (p50, p90) = (format_bps(link.peak_bps.p50), format_bps(link.peak_bps.p90));
        let full = link.exceed.first();
        let odds = full.map_or(0.0, |e| e.probability);
        let capacity = format_bps(link.capacity_bps);
        let _ =
            write!(out, "{head:<9} {id:<20} {p50:>11} P50 {p90:>11} P90 of {capacity}, P(full) {odds:.2}");
        if let Some(full) = full.filter(|e| e.minutes_p50 > 0.0) {
            let _ = write!(out, " for {:.0} min", full.minutes_p50);
        }
        out.push('\n');
    }
}

/// The parts of the spread, the largest first: it names the fact to find out next.
fn budget(budget: &SigmaBudget) -> String {
    let mut parts = vec![
        ("audience", budget.audience),
        ("size", budget.size),
        ("shape", budget.shape),
        ("rates", budget.rates),
        ("platforms", budget.platforms),
        ("residual", budget.residual),
        ("chance", budget.cv),
    ];
    parts.retain(|(_, sigma)| *sigma >= 0.005);
    parts.sort_by(|a, b| b.1.total_cmp(&a.1));
    let words: Vec<String> = parts.iter().map(|(name, sigma)| format!("{name} {sigma:.2}")).collect();
    let total = format!("log-sd {:.2}", budget.total);
    if words.is_empty() { total } else { format!("{total} from {}", words.join(", ")) }
}

/// The model's curves for drawing.
pub(super) fn fan(fan: &Fan) -> plot::Fan {
    plot::Fan { p10: fan.p10.clone(), p50: fan.p50.clone(), p90: fan.p90.clone(), p99: None }
}

/// The moments of an RU. A release whose hour is unknown is marked for its whole day.
pub(super) fn marks(ru: &RuInput, title: &str) -> Vec<Mark> {
    let day = |day: chrono::NaiveDate| day.and_time(chrono::NaiveTime::MIN).and_utc();
    let unlock = match (ru.unlock_at, ru.release_at) {
        (Some(at), _) | (None, Some(Moment::At(at))) => Some((at, None)),
        (None, Some(Moment::Day(date))) => Some((day(date), date.succ_opt().map(day))),
        (None, None) => None,
    };
    let mark = |kind, at: DateTime<Utc>, until, label| Mark { kind, at, until, label };
    let mut marks = Vec::new();
    if let Some(at) = ru.preload_at {
        marks.push(mark(MarkKind::Preload, at, unlock.map(|u| u.0), format!("{title} preload")));
    }
    if let Some((at, until)) = unlock.filter(|_| ru.waves.is_empty()) {
        marks.push(mark(MarkKind::Unlock, at, until, title.to_owned()));
    }
    for wave in &ru.waves {
        let region = wave.region.as_deref().filter(|r| *r != "*").map_or(String::new(), |r| format!(" {r}"));
        marks.push(mark(MarkKind::Unlock, wave.at, None, format!("{title}{region}")));
    }
    marks
}

fn title(ru: &RuInput) -> String {
    ru.title.clone().unwrap_or_else(|| ru.id.clone())
}

/// The zone of a network that was checked before; UTC otherwise.
pub(super) fn zone(tz: &str) -> Tz {
    tz.parse().unwrap_or(Tz::UTC)
}
