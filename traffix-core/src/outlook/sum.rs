//! The joint draws: sums of short forms, poured into the links.

use crate::forecast::engine_parts::{Columns, Paths, Pouring, Ranks, Routes, TILE, Tile, fill_shares};
use crate::forecast::{Fan, Item};

/// CDNs in groups of equal paths.
pub(super) struct PathGroups {
    pub(super) cdns: Vec<String>,
    pub(super) group_of: Vec<usize>,
    pub(super) groups: usize,
}

/// One RU on the outlook's grid.
pub(super) struct Member {
    pub(super) id: String,
    /// Median curve by platform, flat, on the outlook's grid.
    pub(super) curves: Vec<f64>,
    /// Factor of every draw.
    pub(super) factors: Vec<f64>,
    /// Share of the platforms' traffic by group of CDNs, flat.
    shares: Vec<f64>,
    pub(super) platforms: usize,
}

impl Member {
    pub(super) fn new(
        id: &str,
        curves: Vec<f64>,
        factors: Vec<f64>,
        (items, paths): (&[Item], &PathGroups),
    ) -> Self {
        let (cdns, groups) = (paths.cdns.len(), paths.groups.max(1));
        let mut shares = vec![0.0; items.len() * groups];
        let mut row = vec![0.0; cdns];
        for (item, grouped) in items.iter().zip(shares.chunks_exact_mut(groups)) {
            row.fill(0.0);
            fill_shares(item, &paths.cdns, &mut row);
            for (share, group) in row.iter().zip(&paths.group_of) {
                grouped[*group] += share;
            }
        }
        Self { id: id.to_owned(), curves, factors, shares, platforms: items.len() }
    }

    /// Median curve of all platforms.
    pub(super) fn total(&self, bins: usize) -> Vec<f64> {
        let mut total = vec![0.0; bins];
        for curve in self.curves.chunks_exact(bins) {
            total.iter_mut().zip(curve).for_each(|(sum, x)| *sum += x);
        }
        total
    }

    /// Median curve by CDN, for a block of bins.
    fn by_cdn(&self, (first, size, bins): (usize, usize, usize), cdns: usize) -> Vec<(usize, Tile)> {
        let mut result: Vec<(usize, Tile)> = Vec::new();
        for c in 0..cdns {
            let mut tile = [0.0; TILE];
            let mut any = false;
            for p in 0..self.platforms {
                let share = self.shares[p * cdns + c];
                if share > 0.0 {
                    let part = &self.curves[p * bins + first..p * bins + first + size];
                    tile.iter_mut().zip(part).for_each(|(sum, x)| *sum += share * x);
                    any |= part.iter().any(|x| *x > 0.0);
                }
            }
            if any {
                result.push((c, tile));
            }
        }
        result
    }
}

/// What one link sees, over all draws.
pub(super) struct LinkSums {
    pub(super) load: Fan,
    /// Bins above every threshold, by threshold and draw.
    pub(super) above: Vec<Vec<f64>>,
    /// Draws above the full capacity, by bin.
    pub(super) full: Vec<f64>,
}

/// Fans and counts of the joint draws.
pub(super) struct Sums {
    pub(super) extra: Fan,
    pub(super) links: Vec<LinkSums>,
    /// Largest bin of the extra traffic, by draw.
    pub(super) peaks: Vec<f64>,
}

/// Sums the members over all draws. `baseline` multiplies the usual traffic, by draw.
pub(super) fn sum(
    members: &[Member],
    routes: &Routes,
    (bins, baseline): (usize, &[f64]),
    thresholds: &[f64],
) -> Sums {
    let count = baseline.len();
    let link = |_| LinkSums {
        load: Fan::default(),
        above: vec![vec![0.0; count]; thresholds.len()],
        full: vec![0.0; bins],
    };
    let mut sums = Sums {
        extra: Fan::default(),
        links: (0..routes.links.len()).map(link).collect(),
        peaks: vec![0.0; count],
    };
    let ranks = Ranks::new(count);
    let mut columns: Vec<Columns> = (0..=routes.links.len()).map(|_| Columns::new(count)).collect();
    let mut pouring = Pouring::new(routes);
    for first in (0..bins).step_by(TILE) {
        let size = TILE.min(bins - first);
        let parts = parts(members, (first, size, bins), routes.cdns.len());
        for (i, usual) in baseline.iter().enumerate() {
            let mut total = [0.0; TILE];
            for (tile, parts) in pouring.cdns.iter_mut().zip(&parts) {
                *tile = weighted(members, parts, i);
                total.iter_mut().zip(&*tile).for_each(|(sum, x)| *sum += x);
            }
            sums.peaks[i] = total.iter().fold(sums.peaks[i], |a, &b| a.max(b));
            columns[0].put(i, &total);
            if !routes.links.is_empty() {
                let paths = Paths { shares: &[], overflow: 0.0, cache_share: CACHE_SHARE, baseline: *usual };
                pouring.run_cdns(routes, paths, first, &[]);
                let at = Block { first, size, draw: i, usual: *usual };
                see_links(&mut sums, &mut columns, (routes, &pouring), (&at, thresholds));
            }
        }
        let mut columns = columns.iter_mut();
        if let Some(extra) = columns.next() {
            extra.reduce(&ranks, size, &mut sums.extra);
        }
        for (link, columns) in sums.links.iter_mut().zip(columns) {
            columns.reduce(&ranks, size, &mut link.load);
        }
    }
    sums
}

/// Median curves of a block by group of CDNs: member and traffic.
type Parts = Vec<Vec<(usize, Tile)>>;

fn parts(members: &[Member], block: (usize, usize, usize), cdns: usize) -> Parts {
    let mut parts: Parts = vec![Vec::new(); cdns];
    for (m, member) in members.iter().enumerate() {
        for (c, tile) in member.by_cdn(block, cdns) {
            parts[c].push((m, tile));
        }
    }
    parts
}

/// Sum of the parts, each times its member's factor in a draw; four per pass.
fn weighted(members: &[Member], parts: &[(usize, Tile)], draw: usize) -> Tile {
    let mut sum = [0.0; TILE];
    let factor = |m: usize| members[m].factors[draw];
    let (fours, rest) = parts.as_chunks::<4>();
    for [(a, x), (b, y), (c, z), (d, w)] in fours {
        let [a, b, c, d] = [*a, *b, *c, *d].map(factor);
        for k in 0..TILE {
            sum[k] += (a * x[k] + b * y[k]) + (c * z[k] + d * w[k]);
        }
    }
    for (m, x) in rest {
        let f = factor(*m);
        sum.iter_mut().zip(x).for_each(|(sum, x)| *sum += f * x);
    }
    sum
}

/// Mean of the largest share a cache serves, where a link does not say.
const CACHE_SHARE: f64 = 0.95;

/// Where in the grid and the draws we are.
struct Block {
    first: usize,
    size: usize,
    draw: usize,
    usual: f64,
}

/// How many values lie above a limit; `most` is the largest of them.
fn count_above(values: &Tile, limit: f64, most: f64) -> f64 {
    if most <= limit {
        return 0.0;
    }
    values.iter().map(|x| f64::from(u8::from(*x > limit))).sum()
}

fn see_links(
    sums: &mut Sums,
    columns: &mut [Columns],
    (routes, pouring): (&Routes, &Pouring),
    (at, thresholds): (&Block, &[f64]),
) {
    for (l, link) in routes.links.iter().enumerate() {
        let (mut load, mut wanted) = ([0.0; TILE], [0.0; TILE]);
        for b in 0..at.size {
            let usual = link.baseline[at.first + b] * at.usual;
            load[b] = usual + pouring.routed[l][b];
            wanted[b] = usual + pouring.offered[l][b];
        }
        let seen = &mut sums.links[l];
        let most = wanted.iter().fold(0.0_f64, |a, &b| if b > a { b } else { a });
        for (share, above) in thresholds.iter().zip(&mut seen.above) {
            above[at.draw] += count_above(&wanted, share * link.capacity_bps, most);
        }
        if most > link.capacity_bps {
            for (full, wanted) in seen.full[at.first..at.first + at.size].iter_mut().zip(&wanted) {
                *full += f64::from(u8::from(*wanted > link.capacity_bps));
            }
        }
        columns[1 + l].put(at.draw, &load);
    }
}
