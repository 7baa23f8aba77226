//! Which CDN carries a platform, and which links a CDN arrives on.

use std::collections::BTreeSet;

use super::UNKNOWN_CDN;
use super::clock::{Clock, hour_of_week, hours_of_week};
use super::draws::Draws;
use super::input::{ForecastInput, Item};
use super::output::Missing;
use super::plan::Plan;
use super::priors;
use crate::network::{Link, LinkKind, Network, Series};
use crate::num;

/// A link ready to compute with.
#[derive(Debug, Clone)]
pub(crate) struct Route {
    pub(crate) id: String,
    pub(crate) capacity_bps: f64,
    pub(crate) headroom: f64,
    /// Largest share of a CDN's traffic; none on a cache means it is drawn.
    pub(crate) max_share: Option<f64>,
    /// CDNs that arrive here, by index.
    pub(crate) cdns: Vec<usize>,
    /// Usual traffic by bin.
    pub(crate) baseline: Vec<f64>,
}

impl Route {
    /// Largest share in a world.
    pub(crate) fn max_share(&self, drawn: f64) -> f64 {
        self.max_share.unwrap_or(drawn)
    }
}

/// CDNs, shares and links of a question.
#[derive(Debug, Clone, Default)]
pub(crate) struct Routes {
    pub(crate) cdns: Vec<String>,
    /// Links in order of preference.
    pub(crate) links: Vec<Route>,
    /// Mean share by platform and CDN, flat.
    shares: Vec<f64>,
    /// True where a platform's shares are uncertain.
    uncertain: Vec<bool>,
}

impl Routes {
    pub(crate) fn new(input: &ForecastInput, clock: &Clock, missing: &mut Vec<Missing>) -> Self {
        let cdns = cdn_names(&input.ru.items, missing);
        let mut shares = vec![0.0; input.ru.items.len() * cdns.len()];
        for (item, row) in input.ru.items.iter().zip(shares.chunks_exact_mut(cdns.len())) {
            fill_shares(item, &cdns, row);
        }
        let several = |row: &[f64]| row.iter().filter(|share| **share > 0.0).count() > 1;
        let uncertain = shares.chunks_exact(cdns.len()).map(several).collect();
        let links = links(&input.network, clock, &cdns, missing);
        Self { cdns, links, shares, uncertain }
    }

    /// The CDNs of many items and the links of a network, for sums over several RUs.
    pub(crate) fn of_many<'a>(
        items: impl IntoIterator<Item = &'a Item>,
        network: &Network,
        clock: &Clock,
        missing: &mut Vec<Missing>,
    ) -> Self {
        let cdns = cdn_names(items, &mut Vec::new());
        let links = links(network, clock, &cdns, missing);
        Self { cdns, links, shares: Vec::new(), uncertain: Vec::new() }
    }

    /// The same with CDNs that use the same links made one (all in one without links), and which CDN went where.
    /// Pouring is linear in CDNs of equal paths, so nothing changes for the links.
    pub(crate) fn merged(mut self) -> (Self, Vec<String>, Vec<usize>) {
        let paths = |c: usize| -> Vec<usize> {
            (0..self.links.len()).filter(|l| self.links[*l].cdns.contains(&c)).collect()
        };
        let mut groups: Vec<Vec<usize>> = Vec::new();
        let mut group_of = Vec::new();
        for c in 0..self.cdns.len() {
            let path = paths(c);
            let known = groups.iter().position(|g| *g == path);
            group_of.push(known.unwrap_or(groups.len()));
            if known.is_none() {
                groups.push(path);
            }
        }
        for (l, link) in self.links.iter_mut().enumerate() {
            link.cdns = (0..groups.len()).filter(|g| groups[*g].contains(&l)).collect();
        }
        let names = std::mem::replace(&mut self.cdns, vec![String::new(); groups.len()]);
        (self, names, group_of)
    }

    /// Mean share by platform and CDN, flat.
    pub(crate) fn mean_shares(&self) -> &[f64] {
        &self.shares
    }

    /// Shares by draw, platform and CDN, flat.
    pub(crate) fn draw_shares(&self, plan: &Plan, draws: &Draws<'_>) -> Vec<f64> {
        let (cdns, cells) = (self.cdns.len(), self.shares.len());
        let mut flat: Vec<f64> = self.shares.iter().copied().cycle().take(cells * draws.count).collect();
        for (p, platform) in plan.platforms.iter().enumerate().filter(|(p, _)| self.uncertain[*p]) {
            let names: Vec<String> =
                self.cdns.iter().map(|cdn| format!("cdn/{}/{cdn}", platform.id)).collect();
            let mean = &self.shares[p * cdns..(p + 1) * cdns];
            let drawn = draws.shares(&names, mean, priors::CDN_STRENGTH);
            for (i, row) in drawn.chunks_exact(cdns).enumerate() {
                flat[i * cells + p * cdns..][..cdns].copy_from_slice(row);
            }
        }
        flat
    }
}

/// Writes the shares of an item over `cdns` (sorted) into `row`.
pub(crate) fn fill_shares(item: &Item, cdns: &[String], row: &mut [f64]) {
    let mut put = |cdn: &str, share: f64| {
        if let Some(x) = cdns.binary_search_by(|c| c.as_str().cmp(cdn)).ok().and_then(|c| row.get_mut(c)) {
            *x = share;
        }
    };
    match &item.cdn_shares {
        Some(shares) => {
            let total: f64 = shares.values().sum();
            for (cdn, share) in shares {
                put(cdn, share / total);
            }
        }
        None => put(UNKNOWN_CDN, 1.0),
    }
}

/// Names of all CDNs of the items, sorted.
fn cdn_names<'a>(items: impl IntoIterator<Item = &'a Item>, missing: &mut Vec<Missing>) -> Vec<String> {
    let mut names = BTreeSet::new();
    for (i, item) in items.into_iter().enumerate() {
        if let Some(shares) = &item.cdn_shares {
            names.extend(shares.keys().cloned());
        } else {
            names.insert(UNKNOWN_CDN.to_owned());
            missing.push(Missing {
                pointer: format!("/ru/items/{i}/cdn_shares"),
                detail: format!("CDNs of {} not known: counted as {UNKNOWN_CDN:?}", item.platform),
            });
        }
    }
    names.into_iter().collect()
}

fn links(network: &Network, clock: &Clock, cdns: &[String], missing: &mut Vec<Missing>) -> Vec<Route> {
    let mut order: Vec<&Link> = network.links.iter().collect();
    order.sort_by_key(|link| link.kind);
    let carried = carriers(&order, cdns, missing);
    let total_bps: f64 = order.iter().map(|l| l.capacity_bps).sum();
    let shared = baseline(network, clock);
    if order.iter().any(|l| l.baseline_bps.is_none()) {
        missing.push(Missing {
            pointer: "/network/links".into(),
            detail: match shared {
                Some(_) => "usual traffic per link not given: that of the network divided by capacity".into(),
                None => "usual traffic not given: links taken as empty before the event".into(),
            },
        });
    }
    let route = |(link, cdns): (&&Link, Vec<usize>)| Route {
        id: link.id.clone(),
        capacity_bps: link.capacity_bps,
        headroom: link.headroom,
        max_share: match (link.max_share, link.kind) {
            (None, LinkKind::EmbeddedCache) => None,
            (share, _) => Some(share.unwrap_or(1.0)),
        },
        cdns,
        baseline: match (&link.baseline_bps, &shared) {
            (Some(week), _) => by_week(week, clock),
            (None, Some(all)) if total_bps > 0.0 => {
                all.iter().map(|bps| bps * link.capacity_bps / total_bps).collect()
            }
            _ => vec![0.0; clock.grid().bins()],
        },
    };
    order.iter().zip(carried).map(route).collect()
}

/// CDNs by link: those it names; CDNs that no link names use transit, unknown ones any link but caches.
fn carriers(order: &[&Link], cdns: &[String], missing: &mut Vec<Missing>) -> Vec<Vec<usize>> {
    let mut carried: Vec<Vec<usize>> = vec![Vec::new(); order.len()];
    if order.is_empty() {
        return carried;
    }
    for (c, cdn) in cdns.iter().enumerate() {
        let named = |link: &Link| link.cdns.iter().any(|name| name == cdn || name == "*");
        let fallback = |link: &Link| match cdn.as_str() {
            UNKNOWN_CDN => link.kind != LinkKind::EmbeddedCache,
            _ => link.kind == LinkKind::Transit,
        };
        let any_named = order.iter().any(|l| named(l));
        for (link, list) in order.iter().zip(&mut carried) {
            if named(link)
                || (link.kind == LinkKind::Transit && link.cdns.is_empty())
                || (!any_named && fallback(link))
            {
                list.push(c);
            }
        }
        let catch_all = order.iter().any(|l| l.kind == LinkKind::Transit && l.cdns.is_empty());
        if any_named || (catch_all && cdn != UNKNOWN_CDN) {
            continue;
        }
        let anywhere = carried.iter().any(|list| list.contains(&c));
        let detail = if anywhere {
            format!("no link names the CDN {cdn:?}: it uses transit, or every link but caches if unknown")
        } else {
            format!("no link can carry the CDN {cdn:?}: its traffic is in the total but on no link")
        };
        missing.push(Missing { pointer: "/network/links".into(), detail });
    }
    carried
}

/// Usual traffic of the network by bin.
pub(crate) fn baseline(network: &Network, clock: &Clock) -> Option<Vec<f64>> {
    match (&network.baseline_bps, &network.series) {
        (Some(week), _) => Some(by_week(week, clock)),
        (None, Some(series)) => Some(by_series(series, clock)),
        (None, None) => None,
    }
}

fn by_week(week: &[f64], clock: &Clock) -> Vec<f64> {
    let hours = hours_of_week(clock.tz(), clock.grid());
    hours.into_iter().map(|hour| week.get(hour).copied().unwrap_or(0.0)).collect()
}

/// The value of the series at the bin; outside it, the mean of the same local hour of week, else of all.
fn by_series(series: &Series, clock: &Clock) -> Vec<f64> {
    let (mut sums, mut counts) = ([0.0; 168], [0.0; 168]);
    let step = i64::from(series.step_s.max(1));
    for (i, bps) in series.bps.iter().enumerate() {
        let at_s = series.start.timestamp().saturating_add(step.saturating_mul(num::to_isize(i)));
        let hour = hour_of_week(clock.tz(), at_s);
        sums[hour] += bps;
        counts[hour] += 1.0;
    }
    let mean = sums.iter().sum::<f64>() / counts.iter().sum::<f64>().max(1.0);
    let grid = clock.grid();
    let value = |k: usize| {
        let at_s = grid.edge_s(k);
        let index = (at_s - series.start.timestamp()).div_euclid(step);
        let own = usize::try_from(index).ok().and_then(|i| series.bps.get(i)).copied();
        let hour = hour_of_week(clock.tz(), at_s);
        own.unwrap_or(if counts[hour] > 0.0 { sums[hour] / counts[hour] } else { mean })
    };
    (0..grid.bins()).map(value).collect()
}
