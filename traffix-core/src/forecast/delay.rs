//! What a full link delays, followed in some of the draws.
//!
//! A link is followed if it is the last path of some CDN. The downloads of those CDNs share one slowdown, and
//! what all of their paths have free together is their capacity. Following a draw through a full link costs as
//! much as a dozen forecasts of its curve, so only every few draws are followed, evenly spaced by their peak.

use super::curve::duration_s;
use super::engine::{Engine, rates};
use super::plan::Plan;
use super::quantile::quantile;
use super::shared::{Flow, delayed_bits, follow};
use super::world::{Sample, World};
use crate::num;

/// Draws that are followed through a full link. Chosen by trial: the median of delayed bytes moves by less
/// than a tenth with four times as many.
pub(super) const FOLLOWED: usize = 16;

/// What a link delays.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Delay {
    pub(crate) bytes_p50: f64,
    pub(crate) limited_bins_p50: f64,
}

/// Median delay of link `l`, given the draws in which it would like to carry more than it has free, in
/// rising order of their peak there (draws without are left out).
pub(crate) fn delay(plan: &Plan, sample: &Sample, l: usize, over: &[usize], world: &mut World) -> Delay {
    let count = sample.count();
    // The median is zero if fewer than half of the draws are limited at all.
    if 2 * over.len() <= count || over.is_empty() {
        return Delay::default();
    }
    let mut engine = Engine::new(plan);
    let (mut bytes, mut bins) = (Vec::new(), Vec::new());
    // Places of the followed draws among all draws, the unlimited ones first.
    let unlimited = count - over.len();
    for i in 0..FOLLOWED {
        let place = (2 * i + 1) * count / (2 * FOLLOWED);
        let Some(&draw) = place.checked_sub(unlimited).and_then(|k| over.get(k)) else {
            bytes.push(0.0);
            bins.push(0.0);
            continue;
        };
        sample.put(draw, world);
        let (delayed, limited) = follow_one(plan, world, l, &mut engine);
        bytes.push(delayed);
        bins.push(limited);
    }
    Delay { bytes_p50: quantile(&bytes, 0.5), limited_bins_p50: quantile(&bins, 0.5) }
}

/// Bytes delayed and bins limited in one world.
pub(super) fn follow_one(plan: &Plan, world: &World, l: usize, engine: &mut Engine) -> (f64, f64) {
    engine.run(plan, world);
    let links = &plan.routes.links;
    let count = plan.routes.cdns.len();
    let last = |c: usize| links.iter().rposition(|link| link.cdns.contains(&c)) == Some(l);
    let group: Vec<usize> = (0..count).filter(|&c| last(c)).collect();
    let share = |p: usize| group.iter().map(|c| world.cdn_shares[p * count + c]).sum::<f64>();
    let bins = plan.bins();
    let mut wanted = vec![0.0; bins];
    for p in 0..plan.platforms.len() {
        let share = share(p);
        for (w, x) in wanted.iter_mut().zip(&engine.curves[p * bins..(p + 1) * bins]) {
            *w += share * x;
        }
    }
    let mut free = vec![0.0; bins];
    for link in links.iter().filter(|link| link.cdns.iter().any(|c| group.contains(c))) {
        let most = link.max_share(world.cache_share);
        let usable = link.capacity_bps * (1.0 - link.headroom);
        for (k, free) in free.iter_mut().enumerate() {
            *free += (usable - link.baseline[k] * world.baseline).max(0.0).min(most * wanted[k]);
        }
    }
    // A path that takes its largest share only is no limit where it takes all it can: never above what is free.
    let step = plan.clock.grid().step();
    let flows = (0..plan.platforms.len()).map(|p| flow(plan, world, p, share(p), engine)).collect();
    let (delivered, _, slowdown) = follow(flows, &free, step);
    let limited = slowdown.iter().filter(|s| **s < 1.0 - 1e-9).count();
    (delayed_bits(&wanted, &delivered) * step / 8.0, num::of_usize(limited))
}

fn flow(plan: &Plan, world: &World, p: usize, share: f64, engine: &Engine) -> Flow {
    let platform = &plan.platforms[p];
    let mut flow = Flow::new(engine.starts(platform.automatic).to_vec());
    for (weight, bps) in rates(plan, world, p) {
        let downloads = world.audience * world.residual * world.shares[p] * share;
        flow.add_class(downloads * weight * bps, duration_s(world.bytes[p], bps));
    }
    flow
}
