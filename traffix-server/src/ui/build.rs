//! From catalogue and model to what the page shows.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, Months, TimeDelta, Utc};
use chrono_tz::Tz;
use traffix_core::catalogue::{Phase, PhaseKind, PhaseStatus, Precision, Ru, RuKind};
use traffix_core::forecast::{ForecastInput, Options};
use traffix_core::network::Network;
use traffix_core::outlook::{Outlook, OutlookInput, outlook, short_forecast};

use super::view::{Choice, Event, LinkRow, Moment, Page};
use crate::plot::{FanChart, day_time};
use crate::{planning, report};

/// Days of the chart.
const CHART_DAYS: u32 = 14;
/// Days of the list.
pub(super) const LIST_DAYS: i64 = 180;
/// Events listed at most.
const MAX_EVENTS: usize = 40;
/// Clashes worth a line reach this share of the outlook's peak.
const CLASH_SHARE: f64 = 0.1;

/// Everything on the page.
pub(super) fn page(
    rus: &[Ru],
    network: &Network,
    networks: &[Network],
    (now, pretended): (DateTime<Utc>, bool),
) -> Page {
    let zone: Tz = network.tz.parse().unwrap_or(Tz::UTC);
    let (question, _) = planning::outlook_input(rus, network, now, CHART_DAYS);
    let mut page = Page {
        now,
        pretended,
        zone,
        network: choice(network),
        networks: networks.iter().map(choice).collect(),
        verdict: String::new(),
        alarm: false,
        events: Vec::new(),
        chart: None,
        strip: None,
        links: Vec::new(),
        clashes: Vec::new(),
    };
    let mut peaks = BTreeMap::new();
    match outlook(&question) {
        Ok(answer) => {
            fill(&mut page, &question, &answer);
            peaks.extend(
                answer.rus.iter().map(|ru| (ru.ru.clone(), (ru.short.peak_bps.p50, ru.short.peak_bps.p90))),
            );
        }
        Err(error) => {
            // An RU that the model refuses was written around the checks of the catalogue.
            tracing::error!(%error, "no outlook for the page");
            page.verdict = "The outlook cannot be computed.".into();
        }
    }
    page.events = events(rus, network, zone, now, &peaks);
    page
}

fn fill(page: &mut Page, question: &OutlookInput, answer: &Outlook) {
    let verdict = report::verdict(question, answer);
    (page.verdict, page.alarm) = (verdict.text, verdict.alarm);
    let chart = report::outlook_chart(question, answer, page.now);
    // The verdict stands above the chart already.
    page.chart = Some(FanChart {
        subtitle: "Usual traffic, and on it everything that the catalogue knows of".into(),
        ..chart
    });
    page.strip = report::heat_strip(question, answer);
    page.links = links(answer, page.zone);
    let large =
        |clash: &&traffix_core::outlook::Clash| clash.joint_peak_bps.p50 >= CLASH_SHARE * answer.peak_bps.p50;
    page.clashes = answer
        .clashes
        .iter()
        .filter(large)
        .map(|clash| report::clash_text(answer, clash, page.zone))
        .collect();
}

fn links(answer: &Outlook, zone: Tz) -> Vec<LinkRow> {
    let top = |curve: &[f64]| curve.iter().copied().fold(0.0, f64::max);
    let mut rows: Vec<LinkRow> = answer
        .links
        .iter()
        .map(|(id, link)| LinkRow {
            id: id.clone(),
            capacity_bps: link.capacity_bps,
            used: (
                top(&link.load.p50) / link.capacity_bps.max(1.0),
                top(&link.load.p90) / link.capacity_bps.max(1.0),
            ),
            probability: report::odds_above(link, report::WARN_SHARE),
            when: link.worst_at.map_or_else(String::new, |at| day_time(at, zone)),
        })
        .collect();
    rows.sort_by(|a, b| b.probability.total_cmp(&a.probability).then(b.used.1.total_cmp(&a.used.1)));
    rows
}

fn choice(network: &Network) -> Choice {
    let name = network.name.clone().unwrap_or_else(|| network.id.clone());
    let kind = if network.example { "Example network" } else { "Network" };
    let country = network.country.as_deref().unwrap_or("unknown country");
    let about = format!("{kind}: {country}, {} lines, {} links", grouped(network.lines), network.links.len());
    Choice { id: network.id.clone(), name: name.trim_start_matches("Example: ").to_owned(), about }
}

/// `5,420,000`.
fn grouped(count: f64) -> String {
    let digits = format!("{count:.0}");
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// What has a window that is not over, the next first.
fn events(
    rus: &[Ru],
    network: &Network,
    zone: Tz,
    now: DateTime<Utc>,
    peaks: &BTreeMap<String, (f64, f64)>,
) -> Vec<Event> {
    let mut coming: Vec<(DateTime<Utc>, &Ru)> = rus
        .iter()
        .filter_map(|ru| Some((moments_of(ru).iter().map(|p| due(p)).filter(|at| *at > now).min()?, ru)))
        .collect();
    coming.sort_by(|a, b| (a.0, &a.1.id).cmp(&(b.0, &b.1.id)));
    let event = |(_, ru): (DateTime<Utc>, &Ru)| Event {
        id: ru.id.to_string(),
        title: ru.title.clone(),
        kind: if ru.kind == RuKind::Release { "release" } else { "update" },
        moments: moments_of(ru).into_iter().map(|phase| moment(phase, zone)).collect(),
        platforms: ru.listings.iter().map(|listing| platform_name(listing.platform.as_str())).collect(),
        size: size(ru),
        peak: peaks.get(ru.id.as_str()).copied().or_else(|| peak(ru, network)),
    };
    coming.into_iter().take(MAX_EVENTS).map(event).collect()
}

/// Expected peak of what lies beyond the chart.
fn peak(ru: &Ru, network: &Network) -> Option<(f64, f64)> {
    let slim = Network { links: Vec::new(), baseline_bps: None, series: None, ..network.clone() };
    let ru = planning::ru_input(ru, network).ok()?;
    let short = short_forecast(&ForecastInput { ru, network: slim, options: Options::default() }).ok()?;
    Some((short.peak_bps.p50, short.peak_bps.p90))
}

/// The earliest window of each kind over all listings.
fn moments_of(ru: &Ru) -> Vec<&Phase> {
    let kinds = [PhaseKind::Preload, PhaseKind::EarlyAccess, PhaseKind::Unlock, PhaseKind::Wave];
    let of = |kind| {
        let phases = ru.listings.iter().flat_map(|listing| &listing.phases);
        let firm = phases.filter(move |p| p.kind == kind && p.status != PhaseStatus::Cancelled);
        firm.min_by_key(|p| (p.window.value.precision, p.window.value.start))
    };
    let mut found: Vec<&Phase> = kinds.into_iter().filter_map(of).collect();
    found.sort_by_key(|phase| phase.window.value.start);
    found
}

/// Until when a window is still ahead: a day lasts a day.
fn due(phase: &Phase) -> DateTime<Utc> {
    let start = phase.window.value.start;
    let months = |n| start.checked_add_months(Months::new(n));
    let end = match phase.window.value.precision {
        Precision::Minute => Some(start),
        Precision::Hour => start.checked_add_signed(TimeDelta::hours(1)),
        Precision::Day => start.checked_add_signed(TimeDelta::days(1)),
        Precision::Month => months(1),
        Precision::Quarter => months(3),
        Precision::Year => months(12),
    };
    end.unwrap_or(start)
}

fn moment(phase: &Phase, zone: Tz) -> Moment {
    let start = phase.window.value.start;
    let day = |format: &str| start.format(format).to_string();
    let quarter = || format!("Q{} {}", start.month0() / 3 + 1, start.year());
    let (local, utc, precision) = match phase.window.value.precision {
        Precision::Minute => (day_time(start, zone), day("%Y-%m-%dT%H:%MZ"), "to the minute"),
        Precision::Hour => (day_time(start, zone), day("%Y-%m-%dT%H:%MZ"), "to the hour"),
        Precision::Day => (day("%a %-d %b"), day("%Y-%m-%d"), "hour unknown"),
        Precision::Month => (day("%B %Y"), day("%Y-%m"), "day unknown"),
        Precision::Quarter => (quarter(), day("%Y"), "month unknown"),
        Precision::Year => (day("%Y"), day("%Y"), "month unknown"),
    };
    let what = match phase.kind {
        PhaseKind::Preload => "preload",
        PhaseKind::EarlyAccess => "early",
        PhaseKind::Unlock => "unlock",
        PhaseKind::Wave => "wave",
    };
    Moment { what, local, utc, precision }
}

fn platform_name(id: &str) -> String {
    traffix_platforms::platform(id).map_or_else(|_| id.to_owned(), |platform| platform.profile().name.clone())
}

/// The range of sizes over the listings, on the wire if any is known, else on disk.
fn size(ru: &Ru) -> Option<String> {
    let range = |facts: Vec<traffix_core::catalogue::ByteRange>| {
        let low = facts.iter().map(|range| range.low).min()?;
        let high = facts.iter().map(|range| range.high).max()?;
        Some(if low == high { low.to_string() } else { format!("{low} to {high}") })
    };
    let wire = ru.listings.iter().filter_map(|l| l.wire_bytes()).map(|fact| fact.value).collect();
    let disk = || ru.listings.iter().filter_map(|l| l.disk_bytes()).map(|fact| fact.value).collect();
    range(wire).or_else(|| range(disk()).map(|size| format!("{size} on disk")))
}
