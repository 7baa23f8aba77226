//! From the curves of all draws to quantile curves, and what links see in every draw.

use super::output::Fan;
use super::plan::Plan;
use super::pouring::{Pouring, TILE, Tile};
use super::run::Curves;
use super::select::{Columns, Ranks};
use super::world::{Sample, World};

/// What one link sees in every draw.
#[derive(Default)]
pub(super) struct LinkDraws {
    pub(super) peak: Vec<f64>,
    /// Bins above the full capacity, and above the capacity less headroom.
    pub(super) above: [Vec<f64>; 2],
}

/// Quantile curves and functionals of links.
pub(super) struct Reduced {
    pub(super) total: Fan,
    pub(super) platforms: Vec<Fan>,
    pub(super) cdns: Vec<Fan>,
    pub(super) links: Vec<Fan>,
    pub(super) link_draws: Vec<LinkDraws>,
}

impl Reduced {
    pub(super) fn new(plan: &Plan, sample: &Sample, curves: &Curves) -> Self {
        let (platforms, bins, count) = (plan.platforms.len(), plan.bins(), sample.count());
        let (cdns, links) = (plan.routes.cdns.len(), plan.routes.links.len());
        let fans = |n: usize| vec![Fan::default(); n];
        let mut result = Self {
            total: Fan::default(),
            platforms: fans(platforms),
            cdns: fans(cdns),
            links: fans(links),
            link_draws: (0..links).map(|_| LinkDraws::new(count)).collect(),
        };
        // A single platform or CDN carries the total: no need to reduce it again.
        let (own_platforms, own_cdns) = (platforms > 1, cdns > 1);
        let mut columns: Vec<Columns> =
            (0..1 + platforms + cdns + links).map(|_| Columns::new(count)).collect();
        let ranks = Ranks::new(count);
        let mut world = World::median(plan);
        let mut pouring = Pouring::new(&plan.routes);
        let mut tiles = vec![[0.0; TILE]; platforms];
        for first in (0..bins).step_by(TILE) {
            let size = TILE.min(bins - first);
            for i in 0..count {
                sample.put(i, &mut world);
                let total = load(curves, (first / TILE, count, i), &mut tiles);
                columns[0].put(i, &total);
                if own_platforms {
                    tiles.iter().zip(&mut columns[1..]).for_each(|(tile, column)| column.put(i, tile));
                }
                if !own_cdns && links == 0 {
                    continue;
                }
                pouring.run(&plan.routes, world.paths(), first, &tiles);
                let (by_cdn, by_link) = columns[1 + platforms..].split_at_mut(cdns);
                if own_cdns {
                    pouring.cdns.iter().zip(by_cdn).for_each(|(tile, column)| column.put(i, tile));
                }
                pouring.routed.iter().zip(by_link).for_each(|(tile, column)| column.put(i, tile));
                for (l, seen) in result.link_draws.iter_mut().enumerate() {
                    seen.see((plan, l), (i, first, size), &pouring.offered[l], world.baseline);
                }
            }
            result.reduce(&mut columns, &ranks, size);
        }
        result.copy_single();
        result
    }

    /// Appends the quantiles of a block to every fan.
    fn reduce(&mut self, columns: &mut [Columns], ranks: &Ranks, size: usize) {
        let (own_platforms, own_cdns) = (self.platforms.len() > 1, self.cdns.len() > 1);
        let mut columns = columns.iter_mut();
        let mut reduce = |fan: &mut Fan, wanted: bool| {
            if let Some(columns) = columns.next().filter(|_| wanted) {
                columns.reduce(ranks, size, fan);
            }
        };
        reduce(&mut self.total, true);
        self.platforms.iter_mut().for_each(|fan| reduce(fan, own_platforms));
        self.cdns.iter_mut().for_each(|fan| reduce(fan, own_cdns));
        self.links.iter_mut().for_each(|fan| reduce(fan, true));
    }

    /// A single platform or CDN carries the total.
    fn copy_single(&mut self) {
        for fans in [&mut self.platforms, &mut self.cdns] {
            if let [only] = &mut fans[..] {
                only.clone_from(&self.total);
            }
        }
    }
}

/// Loads a block of all platforms of a draw; returns their sum.
fn load(curves: &Curves, (block, count, draw): (usize, usize, usize), tiles: &mut [Tile]) -> Tile {
    let mut total = [0.0; TILE];
    let platforms = tiles.len();
    for (p, tile) in tiles.iter_mut().enumerate() {
        let place = ((block * platforms + p) * count + draw) * TILE;
        let stored = &curves.flat[place..place + TILE];
        for ((x, sum), from) in tile.iter_mut().zip(&mut total).zip(stored) {
            *x = f64::from(*from);
            *sum += *x;
        }
    }
    total
}

impl LinkDraws {
    fn new(count: usize) -> Self {
        let zeros = || vec![0.0; count];
        Self { peak: zeros(), above: [zeros(), zeros()] }
    }

    fn see(
        &mut self,
        (plan, l): (&Plan, usize),
        (draw, first, size): (usize, usize, usize),
        offered: &Tile,
        baseline: f64,
    ) {
        let link = &plan.routes.links[l];
        let usable = link.capacity_bps * (1.0 - link.headroom);
        let (mut loads, mut most) = ([0.0; TILE], 0.0);
        for (b, extra) in offered.iter().enumerate().take(size) {
            if *extra > self.peak[draw] {
                self.peak[draw] = *extra;
            }
            let load = link.baseline[first + b] * baseline + extra;
            // Usual traffic alone above a capacity is no effect of the RU.
            loads[b] = if *extra > 0.0 { load } else { 0.0 };
            most = if loads[b] > most { loads[b] } else { most };
        }
        for (limit, above) in [link.capacity_bps, usable].into_iter().zip(&mut self.above) {
            if most > limit {
                above[draw] += loads.iter().map(|x| f64::from(u8::from(*x > limit))).sum::<f64>();
            }
        }
    }
}
