//! What speaks for and against a cause, in words.

use serde::{Deserialize, Serialize};

use super::data::Data;
use super::hypotheses::{Hypothesis, Posterior};
use super::source::{Source, Template, shares};
use super::{Candidate, Excess, Observed};
use crate::num;
use crate::units::{format_bps, format_bytes};

/// What a piece of evidence is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "CauseEvidenceKind"))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum EvidenceKind {
    /// When it began.
    Timing,
    /// On which CDNs.
    Cdn,
    /// From which platforms.
    Platform,
    /// How much.
    Size,
    /// How it rose and fell.
    Shape,
}

/// Which way a piece of evidence speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Speaks {
    /// For the cause.
    For,
    /// Neither way.
    Neutral,
    /// Against it.
    Against,
}

/// A reason to believe in a cause, or not to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "CauseEvidence"))]
pub struct Evidence {
    /// What it is about.
    pub kind: EvidenceKind,
    /// Which way it speaks.
    pub speaks: Speaks,
    /// In words, with units.
    pub text: String,
}

/// Delays that are usual, minutes.
const USUAL_DELAY_MIN: std::ops::RangeInclusive<f64> = -10.0..=45.0;
/// Distances of two mixes that are near and far: half the sum of the differences of shares.
const NEAR_MIX: f64 = 0.2;
const FAR_MIX: f64 = 0.4;
/// Correlations of shapes that are alike and unlike.
const ALIKE: f64 = 0.7;
const UNLIKE: f64 = 0.3;

/// All evidence about a source, from the likeliest hypothesis in which it took part.
pub(super) fn list(
    posterior: &Posterior<'_>,
    (source, candidate): (usize, &Candidate<'_>),
    data: &Data,
    observed: &Observed,
) -> Vec<Evidence> {
    let Some((hypothesis, place)) = posterior.best_with(source) else { return Vec::new() };
    let own = &posterior.sources[source];
    let mut all = vec![timing(candidate, observed)];
    all.extend(cdns(candidate, observed));
    all.extend(platforms(own, observed));
    all.push(size(posterior.part(hypothesis, place), candidate, own.sigma));
    all.extend(shape(posterior, (hypothesis, place), data));
    all
}

fn evidence(kind: EvidenceKind, speaks: Speaks, text: String) -> Evidence {
    Evidence { kind, speaks, text }
}

fn timing(candidate: &Candidate<'_>, observed: &Observed) -> Evidence {
    let began = observed.began_at;
    let nearest = candidate.instants.iter().min_by_key(|at| (**at - began).abs());
    let due = nearest.copied().unwrap_or(candidate.forecast.grid.start);
    let minutes = num::of_i64((began - due).num_seconds()) / 60.0;
    if let Some(slack) = candidate.slack {
        let inside = (began - due).abs() <= slack;
        let text = format!("began at {} on a day whose hour was not known", began.format("%H:%M UTC"));
        return evidence(EvidenceKind::Timing, if inside { Speaks::Neutral } else { Speaks::Against }, text);
    }
    let distance = duration(minutes.abs());
    let at = due.format("%Y-%m-%d %H:%M UTC");
    let text = match minutes {
        m if m.abs() < 1.0 => format!("began at the instant due, {at}"),
        m if m < 0.0 => format!("began {distance} before the instant due, {at}"),
        _ => format!("began {distance} after the instant due, {at}"),
    };
    let speaks = if USUAL_DELAY_MIN.contains(&minutes) { Speaks::For } else { Speaks::Against };
    evidence(EvidenceKind::Timing, speaks, text)
}

fn duration(minutes: f64) -> String {
    if minutes < 90.0 { format!("{minutes:.0} min") } else { format!("{:.1} h", minutes / 60.0) }
}

fn cdns(candidate: &Candidate<'_>, observed: &Observed) -> Option<Evidence> {
    let text = |predicted: &str, seen: &str| format!("CDNs predicted {predicted}; seen {seen}");
    mixes(EvidenceKind::Cdn, &shares(&candidate.forecast.cdns), (&observed.by_cdn, observed), text)
}

fn platforms(source: &Source<'_>, observed: &Observed) -> Option<Evidence> {
    let text = |predicted: &str, seen: &str| format!("platforms predicted {predicted}; seen {seen}");
    mixes(EvidenceKind::Platform, &source.platforms, (&observed.by_platform, observed), text)
}

/// Compares shares predicted with shares seen, of what is known of both.
fn mixes(
    kind: EvidenceKind,
    predicted: &std::collections::BTreeMap<&str, f64>,
    (seen, observed): (&std::collections::BTreeMap<String, Excess>, &Observed),
    text: impl Fn(&str, &str) -> String,
) -> Option<Evidence> {
    let known = |shares: Vec<(String, f64)>| {
        let mut shares: Vec<_> =
            shares.into_iter().filter(|(name, x)| name != "unknown" && *x > 0.0).collect();
        let all: f64 = shares.iter().map(|(_, x)| x).sum();
        for (_, x) in &mut shares {
            *x /= all;
        }
        shares.sort_by(|a, b| b.1.total_cmp(&a.1));
        shares
    };
    let sum = |excess: &Excess| -> f64 {
        let inside = |bin: &usize| {
            excess.bps.start_of(*bin).is_some_and(|at| at >= observed.from && at < observed.until)
        };
        (0..excess.bps.len()).filter(inside).filter_map(|bin| excess.bps.get(bin)).sum()
    };
    let predicted = known(predicted.iter().map(|(name, x)| ((*name).to_owned(), *x)).collect());
    let seen = known(seen.iter().map(|(name, excess)| (name.clone(), sum(excess))).collect());
    if predicted.is_empty() || seen.is_empty() {
        return None;
    }
    let share =
        |of: &[(String, f64)], name: &str| of.iter().find(|(n, _)| n == name).map_or(0.0, |(_, x)| *x);
    let common: f64 = predicted.iter().map(|(name, x)| x.min(share(&seen, name))).sum();
    let speaks = match 1.0 - common {
        distance if distance < NEAR_MIX => Speaks::For,
        distance if distance > FAR_MIX => Speaks::Against,
        _ => Speaks::Neutral,
    };
    let words = |of: &[(String, f64)]| {
        let largest = of.iter().take(4).map(|(name, x)| format!("{name} {:.0} %", 100.0 * x));
        largest.collect::<Vec<_>>().join(" / ")
    };
    Some(evidence(kind, speaks, text(&words(&predicted), &words(&seen))))
}

fn size((template, size): (&Template, f64), candidate: &Candidate<'_>, sigma: f64) -> Evidence {
    let forecast = candidate.forecast;
    let z = libm::log(size) / sigma;
    let peak = forecast.peak.bps.p50 * size;
    let range = format!("{} to {}", format_bps(forecast.peak.bps.p10), format_bps(forecast.peak.bps.p90));
    let bytes = format_bytes(size * template.bytes);
    let text = match size {
        _ if z.abs() <= 1.281_551_565_544_600_4 => {
            format!("{bytes} so far, a peak of about {}: inside P10 to P90, {range}", format_bps(peak))
        }
        size => format!(
            "{bytes} so far, {size:.2} times the forecast: a peak of about {}, outside P10 to P90, {range}",
            format_bps(peak)
        ),
    };
    let speaks = match z.abs() {
        z if z <= 1.281_551_565_544_600_4 => Speaks::For,
        z if z <= 2.0 => Speaks::Neutral,
        _ => Speaks::Against,
    };
    evidence(EvidenceKind::Size, speaks, text)
}

/// Correlation of the curve with what the other parts leave.
fn shape(
    posterior: &Posterior<'_>,
    (hypothesis, place): (&Hypothesis, usize),
    data: &Data,
) -> Option<Evidence> {
    let mut left = data.total.clone();
    for other in (0..hypothesis.fit.parts.len()).filter(|other| *other != place) {
        let (template, size) = posterior.part(hypothesis, other);
        for (x, y) in left.iter_mut().zip(&template.curve) {
            *x -= size * y;
        }
    }
    let (template, _) = posterior.part(hypothesis, place);
    let correlation = correlation(&template.curve, &left)?;
    let speaks = match correlation {
        r if r >= ALIKE => Speaks::For,
        r if r < UNLIKE => Speaks::Against,
        _ => Speaks::Neutral,
    };
    let text = match template.delay_s / 60.0 {
        delay if delay.abs() < 1.0 => format!("shape correlates {correlation:.2} with the forecast"),
        delay if delay > 0.0 => {
            format!(
                "shape correlates {correlation:.2} with the forecast if it began {} late",
                duration(delay)
            )
        }
        delay => {
            format!(
                "shape correlates {correlation:.2} with the forecast if it began {} early",
                duration(-delay)
            )
        }
    };
    Some(evidence(EvidenceKind::Shape, speaks, text))
}

/// `None` where either is constant.
fn correlation(a: &[f64], b: &[f64]) -> Option<f64> {
    let n = num::of_usize(a.len().max(1));
    let (mean_a, mean_b) = (a.iter().sum::<f64>() / n, b.iter().sum::<f64>() / n);
    let sum =
        |f: &dyn Fn(f64, f64) -> f64| a.iter().zip(b).map(|(x, y)| f(x - mean_a, y - mean_b)).sum::<f64>();
    let spread = sum(&|x, _| x * x) * sum(&|_, y| y * y);
    (spread > 0.0).then(|| sum(&|x, y| x * y) / libm::sqrt(spread))
}
