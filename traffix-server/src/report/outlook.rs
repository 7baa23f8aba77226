//! An outlook as chart, verdict and text.

use std::fmt::Write as _;
use std::ops::Range;

use chrono::{DateTime, TimeDelta, Utc};
use traffix_core::forecast::{Fan, GridInfo, Quantiles};
use traffix_core::outlook::{LinkOutlook, Outlook, OutlookInput, RuOutlook};
use traffix_core::units::format_bps;

use super::forecast::{fan, marks, zone};
use super::words::range_bps;
use crate::plot::{FanChart, HeatStrip, Limit, Mark, MarkKind, day_time, day_window};

/// The share of its capacity above which a link calls for action.
pub const WARN_SHARE: f64 = 0.9;
/// The chance of that from which the verdict is an alarm.
pub const ALARM: f64 = 0.1;
/// Less than this share of the usual busiest hour is nothing to plan for.
const QUIET_SHARE: f64 = 0.01;
/// RUs with less than this share of the outlook's peak are not marked in the chart.
const MARKED_SHARE: f64 = 0.03;

/// The answer in one sentence, and whether it is bad news.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// The sentence.
    pub text: String,
    /// Whether a link is likely enough to fill.
    pub alarm: bool,
}

/// When it is worst, how much that is, what causes it, and which link suffers most.
pub fn verdict(input: &OutlookInput, outlook: &Outlook) -> Verdict {
    let zone = zone(&input.network.tz);
    let days = u64::from(outlook.grid.step_s) * outlook.grid.bins as u64 / 86_400;
    let peak = outlook.extra.p50.iter().copied().fold(0.0, f64::max);
    if peak <= 0.0 {
        let text = format!("Nothing in the catalogue adds traffic in the next {days} days.");
        return Verdict { text, alarm: false };
    }
    let window = busy_window(outlook, peak);
    let (from, to) = (edge(&outlook.grid, window.start), edge(&outlook.grid, window.end));
    let extra = highest(&outlook.extra, window.clone());
    let busiest = outlook.baseline_bps.iter().flatten().copied().fold(0.0, f64::max);
    let mut text = if extra.p50 < QUIET_SHARE * busiest {
        format!("A quiet {days} days: at most +{}", range_bps(&outlook.peak_bps))
    } else {
        format!("{}: +{}", day_window(from, to, zone), range_bps(&extra))
    };
    if let Some(cause) = cause(input, outlook, from, to) {
        let _ = write!(text, " from {cause}");
    }
    if let Some((total, above)) = above_usual(outlook, window) {
        let usual = format!("{above:.0} % above the usual busiest hour");
        let _ = write!(text, "; {} in all, {usual}", format_bps(total));
    }
    let worst = worst_link(outlook);
    if let Some((id, odds)) = worst.filter(|(_, odds)| *odds >= 0.005) {
        let _ = write!(text, "; {id} above {:.0} % with P = {odds:.2}", WARN_SHARE * 100.0);
    } else if !outlook.links.is_empty() {
        let _ = write!(text, "; no link above {:.0} %", WARN_SHARE * 100.0);
    }
    Verdict { text: text + ".", alarm: worst.is_some_and(|(_, odds)| odds >= ALARM) }
}

/// The link most likely to pass the warning share, and how likely.
fn worst_link(outlook: &Outlook) -> Option<(&str, f64)> {
    let odds = outlook.links.iter().map(|(id, link)| (id.as_str(), odds_above(link, WARN_SHARE)));
    odds.max_by(|a, b| a.1.total_cmp(&b.1))
}

/// The chance that a link passes a share of its capacity.
pub(crate) fn odds_above(link: &LinkOutlook, share: f64) -> f64 {
    let found = link.thresholds.iter().find(|t| (t.share - share).abs() < 1e-9);
    found.map_or(0.0, |threshold| threshold.probability)
}

/// What drives a window: RUs with a moment in the day before it or in it, the largest first, at most two by name.
fn cause(input: &OutlookInput, outlook: &Outlook, from: DateTime<Utc>, to: DateTime<Utc>) -> Option<String> {
    let since = from.checked_sub_signed(TimeDelta::hours(20)).unwrap_or(from);
    let of = |id: &str| input.rus.iter().find(|ru| ru.id == id);
    let drives = |id: &str| {
        let moments = of(id).into_iter().flat_map(|ru| marks(ru, ""));
        moments.into_iter().find(|mark| (since..=to).contains(&mark.at)).map(|mark| mark.kind)
    };
    let mut causes: Vec<_> = outlook.rus.iter().filter_map(|ru| Some((ru, drives(&ru.ru)?))).collect();
    causes.sort_by(|a, b| b.0.short.peak_bps.p50.total_cmp(&a.0.short.peak_bps.p50));
    let largest = causes.first()?.0.short.peak_bps.p50;
    causes.retain(|(ru, _)| ru.short.peak_bps.p50 > largest / 4.0);
    let name = |(ru, kind): &(&RuOutlook, MarkKind)| {
        let what = if *kind == MarkKind::Preload { "the preload of " } else { "" };
        format!("{what}{}", ru.title.as_deref().unwrap_or(&ru.ru))
    };
    let names: Vec<String> = causes.iter().take(2).map(name).collect();
    let more = if causes.len() > 2 { format!(" and {} more", causes.len() - 2) } else { String::new() };
    Some(names.join(" and ") + &more)
}

/// The hours that decide: around the highest sum of usual and median extra traffic among the bins in which the extra
/// is at least a quarter of its peak. Without usual traffic, around that peak.
fn busy_window(outlook: &Outlook, peak: f64) -> Range<usize> {
    let extra = &outlook.extra.p50;
    let usual = |i: usize| outlook.baseline_bps.as_ref().and_then(|b| b.get(i)).copied().unwrap_or(0.0);
    let felt = (0..extra.len()).filter(|&i| extra[i] >= peak / 4.0);
    let top = felt.max_by(|&a, &b| (usual(a) + extra[a]).total_cmp(&(usual(b) + extra[b]))).unwrap_or(0);
    let near = bins_of(&outlook.grid, TimeDelta::hours(4));
    let range = top.saturating_sub(near)..(top + near + 1).min(extra.len());
    let half = extra[range.clone()].iter().copied().fold(0.0, f64::max) / 2.0;
    let small = |x: &f64| *x < half;
    let start = extra[range.start..top].iter().rposition(small).map_or(range.start, |i| range.start + i + 1);
    let end = extra[top..range.end].iter().skip(1).position(small).map_or(range.end, |i| top + 1 + i);
    start..end
}

/// The highest points of the curves in a window.
fn highest(fan: &Fan, window: Range<usize>) -> Quantiles {
    let top =
        |curve: &[f64]| curve.get(window.clone()).unwrap_or_default().iter().copied().fold(0.0, f64::max);
    Quantiles { p10: top(&fan.p10), p50: top(&fan.p50), p90: top(&fan.p90), p99: top(&fan.p99) }
}

/// The median sum in a window, and by how many percent it passes the highest usual traffic.
fn above_usual(outlook: &Outlook, window: Range<usize>) -> Option<(f64, f64)> {
    let usual = outlook.baseline_bps.as_ref()?;
    let busiest = usual.iter().copied().fold(0.0, f64::max);
    let sums = usual.iter().zip(&outlook.extra.p50).map(|(u, x)| u + x);
    let total = sums.skip(window.start).take(window.len()).fold(0.0, f64::max);
    (busiest > 0.0 && total > busiest * (1.0 + QUIET_SHARE)).then(|| (total, (total / busiest - 1.0) * 100.0))
}

fn bins_of(grid: &GridInfo, length: TimeDelta) -> usize {
    usize::try_from(length.num_seconds() / i64::from(grid.step_s.max(1))).unwrap_or(1).max(1)
}

fn edge(grid: &GridInfo, bin: usize) -> DateTime<Utc> {
    let secs = i64::try_from(bin).unwrap_or(i64::MAX).saturating_mul(grid.step_s.into());
    TimeDelta::try_seconds(secs).and_then(|d| grid.start.checked_add_signed(d)).unwrap_or(grid.start)
}

/// The coming days as a chart: the usual traffic with the fan of everything that comes on top.
pub fn outlook_chart(input: &OutlookInput, outlook: &Outlook, now: DateTime<Utc>) -> FanChart {
    let network = input.network.name.as_deref().unwrap_or(&input.network.id);
    let extra = fan(&outlook.extra);
    let baseline = outlook.baseline_bps.clone();
    FanChart {
        title: format!("Next days on {network}"),
        subtitle: verdict(input, outlook).text,
        start: outlook.grid.start,
        step_secs: outlook.grid.step_s,
        zone: zone(&input.network.tz),
        fan: baseline.as_deref().map_or_else(|| extra.clone(), |baseline| extra.on(baseline)),
        baseline,
        limits: Vec::new(),
        now: Some(now),
        marks: outlook_marks(input, outlook),
    }
}

/// Only what comes on top.
pub fn extra_chart(input: &OutlookInput, outlook: &Outlook, now: DateTime<Utc>) -> FanChart {
    let chart = outlook_chart(input, outlook, now);
    FanChart { fan: fan(&outlook.extra), baseline: None, ..chart }
}

/// One link: its load under its capacity.
pub fn link_chart(input: &OutlookInput, outlook: &Outlook, id: &str, now: DateTime<Utc>) -> Option<FanChart> {
    let link = outlook.links.get(id)?;
    let chart = outlook_chart(input, outlook, now);
    let odds = odds_above(link, 1.0);
    let when =
        link.worst_at.map_or_else(String::new, |at| format!(", most likely {}", day_time(at, chart.zone)));
    Some(FanChart {
        title: format!(
            "Next days on link {id} of {}",
            input.network.name.as_deref().unwrap_or(&input.network.id)
        ),
        subtitle: format!("Load with everything that comes; full with P = {odds:.2}{when}"),
        fan: fan(&link.load),
        baseline: None,
        limits: vec![Limit { label: "capacity".into(), bps: link.capacity_bps }],
        ..chart
    })
}

/// The links over time, P90, the fullest first.
pub fn heat_strip(input: &OutlookInput, outlook: &Outlook) -> Option<HeatStrip> {
    let used = |link: &LinkOutlook| -> Vec<f64> {
        link.load.p90.iter().map(|load| load / link.capacity_bps.max(1.0)).collect()
    };
    let mut rows: Vec<(String, Vec<f64>)> =
        outlook.links.iter().map(|(id, link)| (id.clone(), used(link))).collect();
    let top = |row: &[f64]| row.iter().copied().fold(0.0, f64::max);
    rows.sort_by(|a, b| top(&b.1).total_cmp(&top(&a.1)).then_with(|| a.0.cmp(&b.0)));
    let end = edge(&outlook.grid, outlook.grid.bins);
    (!rows.is_empty()).then(|| HeatStrip {
        start: outlook.grid.start,
        end,
        zone: zone(&input.network.tz),
        rows,
    })
}

/// Moments of the RUs that are seen in the sum. What began before the chart is not marked.
fn outlook_marks(input: &OutlookInput, outlook: &Outlook) -> Vec<Mark> {
    let seen = |id: &str| {
        let of = outlook.rus.iter().find(|ru| ru.ru == id);
        of.is_some_and(|ru| ru.short.peak_bps.p50 >= MARKED_SHARE * outlook.peak_bps.p50)
    };
    let shown = input.rus.iter().filter(|ru| seen(&ru.id));
    let all = shown.flat_map(|ru| marks(ru, ru.title.as_deref().unwrap_or(&ru.id)));
    all.filter(|mark| mark.until.unwrap_or(mark.at) >= outlook.grid.start).collect()
}

/// The outlook in words: what comes, what clashes, which links fill.
pub fn outlook_text(input: &OutlookInput, outlook: &Outlook) -> String {
    let zone = zone(&input.network.tz);
    let mut out = String::new();
    let (earlier, coming): (Vec<_>, Vec<_>) =
        outlook.rus.iter().partition(|ru| ru.short.peak_at < outlook.grid.start);
    let heads = [("Coming", coming), ("Earlier", earlier)];
    let rows =
        heads.iter().flat_map(|(head, rus)| rus.iter().enumerate().map(move |(i, ru)| (*head, i, *ru)));
    for (head, i, ru) in rows {
        let head = if i == 0 { head } else { "" };
        let title = ru.title.as_deref().unwrap_or(&ru.ru);
        let (when, peak) = (day_time(ru.short.peak_at, zone), range_bps(&ru.short.peak_bps));
        let _ = writeln!(out, "{head:<9} {when:<16}  +{peak}  {title}");
    }
    for (i, clash) in outlook.clashes.iter().enumerate() {
        let head = if i == 0 { "Clashes" } else { "" };
        let _ = writeln!(out, "{head:<9} {}", clash_text(outlook, clash, zone));
    }
    for (i, (id, link)) in outlook.links.iter().enumerate() {
        let head = if i == 0 { "Links" } else { "" };
        let (p50, p90) = (share_of(link, &link.load, |f| &f.p50), share_of(link, &link.load, |f| &f.p90));
        let odds: Vec<String> = link.thresholds.iter().map(|t| format!("{:.2}", t.probability)).collect();
        let capacity = format_bps(link.capacity_bps);
        let shares: Vec<String> = link.thresholds.iter().map(|t| format!("{:.0}", t.share * 100.0)).collect();
        let _ = writeln!(
            out,
            "{head:<9} {id:<20} {capacity:>11}  fullest {p50:.0} % P50 {p90:.0} % P90  P(over {} %) {}",
            shares.join(", "),
            odds.join(", ")
        );
    }
    for (i, missing) in outlook.missing.iter().enumerate() {
        let head = if i == 0 { "Missing" } else { "" };
        let _ = writeln!(out, "{head:<9} {}: {}", missing.pointer, missing.detail);
    }
    out
}

/// The highest share of a link's capacity in one of its curves, in percent.
fn share_of(link: &LinkOutlook, load: &Fan, curve: fn(&Fan) -> &Vec<f64>) -> f64 {
    curve(load).iter().copied().fold(0.0, f64::max) / link.capacity_bps.max(1.0) * 100.0
}

/// One clash in a sentence.
pub(crate) fn clash_text(
    outlook: &Outlook,
    clash: &traffix_core::outlook::Clash,
    zone: chrono_tz::Tz,
) -> String {
    let title = |id: &String| {
        let of = outlook.rus.iter().find(|ru| ru.ru == *id);
        of.and_then(|ru| ru.title.clone()).unwrap_or_else(|| id.clone())
    };
    let names: Vec<String> = clash.rus.iter().map(title).collect();
    let (when, peak) = (day_time(clash.at, zone), range_bps(&clash.joint_peak_bps));
    let mut text = format!(
        "{when}: {} together +{peak}, {:.2} times the larger alone",
        names.join(" and "),
        clash.amplification
    );
    if let (Some(link), Some(used)) = (&clash.link, clash.link_utilisation_p90) {
        let _ = write!(text, "; {link} at {:.0} % P90", used * 100.0);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use traffix_core::outlook::outlook;

    fn ask(rus: &str, baseline: f64) -> (OutlookInput, Outlook) {
        let week = vec![baseline; 168];
        let input = serde_json::json!({
            "network": {"id": "n", "country": "GB", "tz": "Europe/London", "lines": 1e6, "baseline_bps": week,
                "links": [{"id": "transit", "cdns": ["*"], "kind": "transit", "capacity_bps": 5e11}]},
            "rus": serde_json::from_str::<serde_json::Value>(rus).unwrap(),
            "options": {"from": "2026-03-01T00:00:00Z"}
        });
        let input: OutlookInput = serde_json::from_value(input).unwrap();
        let answer = outlook(&input).unwrap();
        (input, answer)
    }

    const PATCH: &str = r#"[{"id": "x", "title": "Big <Patch>", "kind": "update", "release_at": "2026-03-05T18:00:00Z",
        "items": [{"platform": "steam", "bytes": 40e9}], "signals": {"mau": 6e7}}]"#;

    #[test]
    fn says_when_how_much_why_and_where() {
        let (input, answer) = ask(PATCH, 4e11);
        let verdict = verdict(&input, &answer);
        for part in
            ["Thu 5 Mar ", "P50 (", " from Big <Patch>", "above the usual busiest hour", "transit above 90 %"]
        {
            assert!(verdict.text.contains(part), "{part}: {}", verdict.text);
        }
        assert!(verdict.alarm);
    }

    #[test]
    fn says_so_if_nothing_comes_or_little() {
        let (input, answer) = ask("[]", 1e11);
        let none = verdict(&input, &answer);
        assert!(none.text.starts_with("Nothing in the catalogue") && !none.alarm, "{}", none.text);
        let (input, answer) = ask(PATCH, 1e14);
        assert!(verdict(&input, &answer).text.starts_with("A quiet 14 days: at most +"));
    }

    #[test]
    fn charts_and_strips_draw_what_was_computed() {
        let (input, answer) = ask(PATCH, 1e11);
        let now = answer.grid.start;
        let chart = outlook_chart(&input, &answer, now);
        assert_eq!(chart.fan.bins(), answer.grid.bins);
        assert_eq!(chart.marks.len(), 1);
        assert!(chart.fan.p50.iter().all(|bps| *bps >= 1e11));
        assert!(link_chart(&input, &answer, "transit", now).is_some_and(|chart| chart.limits.len() == 1));
        assert!(link_chart(&input, &answer, "nope", now).is_none());
        assert_eq!(heat_strip(&input, &answer).map(|strip| strip.rows.len()), Some(1));
    }
}
