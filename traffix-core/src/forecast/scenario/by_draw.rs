//! What is kept of every draw of a forecast, to be compared with the same draw of another.

use std::collections::BTreeMap;

use super::super::delay::{FOLLOWED, follow_one};
use super::super::engine::Engine;
use super::super::reduce::LinkDraws;
use super::super::run::Drawn;
use super::super::world::World;
use crate::num;

/// Numbers by draw.
pub(super) struct ByDraw {
    /// Largest bin of the total, bit/s.
    pub(super) peak_bps: Vec<f64>,
    /// Start of that bin, seconds since 1970.
    pub(super) peak_at_s: Vec<f64>,
    /// Extra bytes.
    pub(super) bytes: Vec<f64>,
    pub(super) links: BTreeMap<String, LinkByDraw>,
    /// The draws that were followed through full links.
    pub(super) followed: Vec<usize>,
    /// Bytes that arrive later because a link is full, of every draw followed.
    pub(super) delayed_bytes: Vec<f64>,
}

/// One link by draw.
pub(super) struct LinkByDraw {
    /// Largest bin that would like to use the link, bit/s.
    pub(super) peak_bps: Vec<f64>,
    /// Minutes above its capacity.
    pub(super) minutes: Vec<f64>,
}

impl ByDraw {
    /// What a forecast draws. The draws to follow through full links are those of the forecast compared with; some evenly
    /// spaced by their peak if there is none.
    pub(super) fn of(drawn: &Drawn<'_>, followed: Option<&[usize]>) -> Self {
        let grid = drawn.plan.clock.grid();
        let peaks = &drawn.curves.peaks;
        let followed = followed.map_or_else(|| spread_over(peaks), <[usize]>::to_vec);
        let at = |bin: &f64| num::of_i64(grid.edge_s(0)) + bin * grid.step();
        let link = |draws: &LinkDraws| LinkByDraw {
            peak_bps: draws.peak.clone(),
            minutes: draws.above[0].iter().map(|bins| bins * grid.step() / 60.0).collect(),
        };
        let ids = drawn.plan.routes.links.iter().map(|route| route.id.clone());
        Self {
            peak_at_s: drawn.curves.peak_bins.iter().map(at).collect(),
            bytes: drawn.curves.bytes.clone(),
            links: ids.zip(drawn.links.iter().map(link)).collect(),
            delayed_bytes: delayed(drawn, &followed),
            peak_bps: peaks.clone(),
            followed,
        }
    }
}

/// Some draws, evenly spaced by their peak.
fn spread_over(peaks: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..peaks.len()).collect();
    order.sort_by(|a, b| peaks[*a].total_cmp(&peaks[*b]));
    let place = |i: usize| (2 * i + 1) * peaks.len() / (2 * FOLLOWED);
    (0..FOLLOWED).filter_map(|i| order.get(place(i)).copied()).collect()
}

/// Bytes delayed on all links, by draw.
fn delayed(drawn: &Drawn<'_>, draws: &[usize]) -> Vec<f64> {
    let plan = drawn.plan;
    let links = &plan.routes.links;
    // Downloads wait at the last path of their CDN.
    let last = |c: usize| links.iter().rposition(|link| link.cdns.contains(&c));
    let waits: Vec<usize> =
        (0..links.len()).filter(|l| (0..plan.routes.cdns.len()).any(|c| last(c) == Some(*l))).collect();
    let (mut engine, mut world) = (Engine::new(plan), World::median(plan));
    let mut result = Vec::new();
    for &draw in draws {
        drawn.sample.put(draw, &mut world);
        let full = waits.iter().filter(|l| drawn.links[**l].above[1][draw] > 0.0);
        result.push(full.map(|l| follow_one(plan, &world, *l, &mut engine).0).sum());
    }
    result
}
