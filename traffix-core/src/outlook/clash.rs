//! Which RUs get in each other's way.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::sum::Member;
use crate::forecast::{Grid, Quantiles, sorted_quantile};

/// RUs whose peaks coincide, and what they do together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Clash {
    /// Ids of the RUs, the largest first.
    pub rus: Vec<String>,
    /// When their sum peaks in the median world (start of the bin).
    pub at: DateTime<Utc>,
    /// Peak of their sum within half a day of that, bit/s.
    pub joint_peak_bps: Quantiles,
    /// Peak of each alone, bit/s.
    pub alone_peak_bps: BTreeMap<String, Quantiles>,
    /// Median joint peak over the median of the largest alone: 1 = they do not add up.
    pub amplification: f64,
    /// The link that is fullest at that time, if the network has links.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// Its load (usual traffic and all RUs) over its capacity at that time, one chance in ten of more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link_utilisation_p90: Option<f64>,
}

/// An RU takes part if it carries at least this share of the sum at the common peak. Assumed (2026-11).
const SHARE_OF_SUM: f64 = 0.1;
/// ... and then runs at no less than this share of its own peak. Assumed (2026-11).
const SHARE_OF_OWN: f64 = 0.5;
/// Largest number of clashes reported.
const REPORTED: usize = 50;

/// Groups whose peaks coincide, the largest joint median first.
pub(super) fn clashes(members: &[Member], grid: &Grid) -> Vec<Clash> {
    let bins = grid.bins();
    let totals: Vec<Vec<f64>> = members.iter().map(|m| m.total(bins)).collect();
    let peaks: Vec<(f64, usize)> = totals.iter().map(|t| crate::forecast::engine_parts::peak(t)).collect();
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    let half_day = crate::num::to_usize(43_200.0 / grid.step()).max(1);
    for (own, bin) in &peaks {
        if *own <= 0.0 {
            continue;
        }
        let sum: f64 = totals.iter().map(|t| t[*bin]).sum();
        let part = |(m, t): (usize, &Vec<f64>)| {
            let x = t[*bin];
            (x >= SHARE_OF_SUM * sum && x >= SHARE_OF_OWN * peaks[m].0 && x > 0.0).then_some(m)
        };
        let group: Vec<usize> = totals.iter().enumerate().filter_map(part).collect();
        if group.len() < 2 || !seen.insert(group.clone()) {
            continue;
        }
        let window = bin.saturating_sub(half_day)..(bin + half_day).min(bins);
        found.push(describe(members, &totals, &group, (grid, window)));
    }
    found.sort_by(|a, b| b.joint_peak_bps.p50.total_cmp(&a.joint_peak_bps.p50));
    found.truncate(REPORTED);
    found
}

fn describe(
    members: &[Member],
    totals: &[Vec<f64>],
    group: &[usize],
    (grid, window): (&Grid, std::ops::Range<usize>),
) -> Clash {
    let count = members.first().map_or(0, |m| m.factors.len());
    let joint = |i: usize| {
        let at = |k: usize| group.iter().map(|&m| members[m].factors[i] * totals[m][k]).sum::<f64>();
        window.clone().map(at).fold(0.0, f64::max)
    };
    let alone = |m: usize| {
        let top = window.clone().map(|k| totals[m][k]).fold(0.0, f64::max);
        quantiles(members[m].factors.iter().map(|f| f * top).collect())
    };
    let median = |k: usize| group.iter().map(|&m| totals[m][k]).sum::<f64>();
    let top = window.clone().max_by(|&a, &b| median(a).total_cmp(&median(b))).unwrap_or(0);
    let mut order: Vec<(usize, Quantiles)> = group.iter().map(|&m| (m, alone(m))).collect();
    order.sort_by(|a, b| b.1.p50.total_cmp(&a.1.p50));
    let joint = quantiles((0..count).map(joint).collect());
    let largest = order.first().map_or(0.0, |o| o.1.p50);
    Clash {
        rus: order.iter().map(|(m, _)| members[*m].id.clone()).collect(),
        at: grid.edge(top),
        joint_peak_bps: joint,
        alone_peak_bps: order.iter().map(|(m, q)| (members[*m].id.clone(), *q)).collect(),
        amplification: if largest > 0.0 { joint.p50 / largest } else { 1.0 },
        link: None,
        link_utilisation_p90: None,
    }
}

/// Quantiles of draws, in whole bits per second.
pub(super) fn quantiles(mut draws: Vec<f64>) -> Quantiles {
    draws.sort_unstable_by(f64::total_cmp);
    let [p10, p50, p90, p99] = crate::forecast::REPORTED.map(|q| sorted_quantile(&draws, q).round());
    Quantiles { p10, p50, p90, p99 }
}
