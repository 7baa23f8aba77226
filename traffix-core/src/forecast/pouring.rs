//! Pours the CDNs of one draw into the links, bin by bin, for a block of bins.

use super::routes::Routes;

/// Bins handled at once.
pub(crate) const TILE: usize = 64;

/// A block of bins of one series.
pub(crate) type Tile = [f64; TILE];

/// What a world says about paths.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Paths<'a> {
    /// Shares by platform and CDN, flat.
    pub(crate) shares: &'a [f64],
    /// Share of what a full CDN cannot serve that moves to others.
    pub(crate) overflow: f64,
    /// Largest share of a CDN's traffic a cache serves.
    pub(crate) cache_share: f64,
    /// Multiplies the usual traffic.
    pub(crate) baseline: f64,
}

/// Working memory of one block.
pub(crate) struct Pouring {
    /// Traffic by CDN, after any overflow to others.
    pub(crate) cdns: Vec<Tile>,
    /// Traffic routed to every link, what no path takes included on the last.
    pub(crate) routed: Vec<Tile>,
    /// Traffic that would like to use every link.
    pub(crate) offered: Vec<Tile>,
    left: Vec<Tile>,
    free: Vec<Tile>,
    /// What every link took of every CDN, flat.
    taken: Vec<Tile>,
    /// Last link of every CDN.
    last: Vec<Option<usize>>,
}

/// The smaller of two amounts, not below zero. Plain comparisons, which run on vector units.
fn room(a: f64, b: f64) -> f64 {
    let smaller = if a < b { a } else { b };
    if smaller > 0.0 { smaller } else { 0.0 }
}

impl Pouring {
    pub(crate) fn new(routes: &Routes) -> Self {
        let (cdns, links) = (routes.cdns.len(), routes.links.len());
        let last = (0..cdns).map(|c| routes.links.iter().rposition(|l| l.cdns.contains(&c))).collect();
        Self {
            cdns: vec![[0.0; TILE]; cdns],
            routed: vec![[0.0; TILE]; links],
            offered: vec![[0.0; TILE]; links],
            left: vec![[0.0; TILE]; cdns],
            free: vec![[0.0; TILE]; links],
            taken: vec![[0.0; TILE]; links * cdns],
            last,
        }
    }

    /// Routes a block that begins at bin `first`. `platforms` holds the traffic of every platform.
    pub(crate) fn run(&mut self, routes: &Routes, paths: Paths<'_>, first: usize, platforms: &[Tile]) {
        self.split(paths.shares, platforms);
        self.run_cdns(routes, paths, first, platforms);
    }

    /// Routes a block whose traffic by CDN is in `cdns` already.
    pub(crate) fn run_cdns(&mut self, routes: &Routes, paths: Paths<'_>, first: usize, platforms: &[Tile]) {
        if routes.links.is_empty() {
            return;
        }
        self.left.copy_from_slice(&self.cdns);
        self.taken.fill([0.0; TILE]);
        for (l, link) in routes.links.iter().enumerate() {
            self.routed[l] = [0.0; TILE];
            self.offered[l] = [0.0; TILE];
            let usable = link.capacity_bps * (1.0 - link.headroom);
            for (b, free) in self.free[l].iter_mut().enumerate() {
                let usual = link.baseline.get(first + b).copied().unwrap_or(0.0) * paths.baseline;
                *free = (usable - usual).max(0.0);
            }
        }
        self.pour(routes, paths.cache_share);
        if self.unserved() && !platforms.is_empty() {
            self.overflow(paths, platforms);
            self.pour(routes, paths.cache_share);
        }
        for (c, last) in self.last.iter().enumerate() {
            let Some(l) = *last else { continue };
            for (routed, left) in self.routed[l].iter_mut().zip(&self.left[c]) {
                *routed += left;
            }
        }
    }

    fn split(&mut self, shares: &[f64], platforms: &[Tile]) {
        let count = self.cdns.len();
        for (c, cdn) in self.cdns.iter_mut().enumerate() {
            *cdn = [0.0; TILE];
            for (p, platform) in platforms.iter().enumerate() {
                let share = shares[p * count + c];
                if share > 0.0 {
                    for (sum, x) in cdn.iter_mut().zip(platform) {
                        *sum += share * x;
                    }
                }
            }
        }
    }

    /// Pours `left` into what is free, link by link in order of preference; CDNs on one link share it in
    /// proportion to what they bring. May be called again after `left` has grown: largest shares and capacities
    /// count what the calls before took.
    fn pour(&mut self, routes: &Routes, cache_share: f64) {
        let count = self.cdns.len();
        for (l, link) in routes.links.iter().enumerate() {
            let most = link.max_share(cache_share);
            let mut wanted = [0.0; TILE];
            for &c in &link.cdns {
                let taken = &self.taken[l * count + c];
                for (b, sum) in wanted.iter_mut().enumerate() {
                    *sum += room(self.left[c][b], most * self.cdns[c][b] - taken[b]);
                }
            }
            let mut part = [0.0; TILE];
            for (b, part) in part.iter_mut().enumerate() {
                let taken = room(wanted[b], self.free[l][b]);
                *part = if wanted[b] > 0.0 { taken / wanted[b] } else { 0.0 };
                // After overflow a link is asked for less: what it was asked for first counts.
                self.offered[l][b] = self.offered[l][b].max(self.routed[l][b] + wanted[b]);
                self.routed[l][b] += taken;
                self.free[l][b] -= taken;
            }
            for &c in &link.cdns {
                let taken = &mut self.taken[l * count + c];
                for (b, part) in part.iter().enumerate() {
                    let own = room(self.left[c][b], most * self.cdns[c][b] - taken[b]) * part;
                    taken[b] += own;
                    self.left[c][b] = (self.left[c][b] - own).max(0.0);
                }
            }
        }
    }

    /// True if some CDN with a path has more than its paths take.
    fn unserved(&self) -> bool {
        let significant = |(left, all): (&f64, &f64)| *left > 1e-9 * all;
        let over = |c: usize| self.left[c].iter().zip(&self.cdns[c]).any(significant);
        self.last.iter().enumerate().any(|(c, last)| last.is_some() && over(c))
    }

    /// Moves part of what a full CDN cannot serve to the other CDNs of its platforms.
    fn overflow(&mut self, paths: Paths<'_>, platforms: &[Tile]) {
        let count = self.cdns.len();
        let mut moved = vec![[0.0; TILE]; count];
        for c in (0..count).filter(|c| self.last[*c].is_some()) {
            for b in 0..TILE {
                if self.left[c][b] <= 1e-9 * self.cdns[c][b] {
                    continue;
                }
                let over = paths.overflow * self.left[c][b] / self.cdns[c][b];
                for (p, platform) in platforms.iter().enumerate() {
                    let row = &paths.shares[p * count..(p + 1) * count];
                    let others = 1.0 - row[c];
                    if row[c] <= 0.0 || others <= 1e-9 {
                        continue;
                    }
                    let amount = over * row[c] * platform[b];
                    moved[c][b] -= amount;
                    for (d, share) in row.iter().enumerate().filter(|(d, _)| *d != c) {
                        moved[d][b] += amount * share / others;
                    }
                }
            }
        }
        for (c, moved) in moved.iter().enumerate() {
            for (b, amount) in moved.iter().enumerate() {
                self.left[c][b] = (self.left[c][b] + amount).max(0.0);
                self.cdns[c][b] = (self.cdns[c][b] + amount).max(0.0);
            }
        }
    }
}
