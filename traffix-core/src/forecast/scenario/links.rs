//! Links that come, go and grow, and where usual traffic goes then.

use super::apply::{Wrong, names};
use crate::network::{Link, LinkKind, Network};

/// Hours of a week.
const WEEK_HOURS: usize = 168;

pub(super) fn add(network: &mut Network, link: &Link) {
    pin_usual(network);
    let mut link = link.clone();
    // Else the network's usual traffic would be divided anew over all links.
    if network.baseline_bps.is_some() && link.baseline_bps.is_none() {
        link.baseline_bps = Some(vec![0.0; WEEK_HOURS]);
    }
    network.links.push(link);
}

pub(super) fn remove(network: &mut Network, id: &str) -> Result<(), Wrong> {
    let l = position(network, id)?;
    pin_usual(network);
    let lost = network.links.remove(l);
    if let Some(usual) = &lost.baseline_bps {
        let own = |link: &Link| takes(link, &lost);
        let any = network.links.iter().any(own);
        move_usual(network, usual, |link| if any { own(link) } else { link.kind == LinkKind::Transit });
    }
    Ok(())
}

/// True if a CDN of a lost link can arrive on another.
fn takes(link: &Link, lost: &Link) -> bool {
    let any = |link: &Link| link.cdns.iter().any(|cdn| cdn == "*");
    let transit = link.kind == LinkKind::Transit && link.cdns.is_empty();
    let lost_any = (lost.cdns.is_empty() || any(lost)) && link.kind != LinkKind::EmbeddedCache;
    any(link) || transit || lost_any || link.cdns.iter().any(|cdn| lost.cdns.contains(cdn))
}

/// Adds usual traffic to links whose own is known, in proportion to their capacity.
fn move_usual(network: &mut Network, usual: &[f64], to: impl Fn(&Link) -> bool) {
    let to = |link: &Link| link.baseline_bps.is_some() && to(link);
    let total_bps: f64 = network.links.iter().filter(|link| to(link)).map(|link| link.capacity_bps).sum();
    if total_bps <= 0.0 {
        return;
    }
    for link in network.links.iter_mut().filter(|link| to(link)) {
        let share = link.capacity_bps / total_bps;
        for (own, moved) in link.baseline_bps.iter_mut().flatten().zip(usual) {
            *own += moved * share;
        }
    }
}

pub(super) fn capacity(network: &mut Network, id: &str, to: impl Fn(f64) -> f64) -> Result<(), Wrong> {
    let l = position(network, id)?;
    pin_usual(network);
    let link = &mut network.links[l];
    link.capacity_bps = to(link.capacity_bps);
    Ok(())
}

fn position(network: &Network, id: &str) -> Result<usize, Wrong> {
    network.links.iter().position(|link| link.id == id).ok_or_else(|| {
        let known: Vec<&str> = network.links.iter().map(|link| link.id.as_str()).collect();
        ("/link", format!("no link is called {id:?}: {}", names(&known)))
    })
}

/// Gives every link the usual traffic that it is taken to have, before links change: the network's by capacity.
fn pin_usual(network: &mut Network) {
    let Some(week) = &network.baseline_bps else { return };
    let total_bps: f64 = network.links.iter().map(|link| link.capacity_bps).sum();
    if total_bps <= 0.0 {
        return;
    }
    for link in network.links.iter_mut().filter(|link| link.baseline_bps.is_none()) {
        let share = |bps: &f64| bps * link.capacity_bps / total_bps;
        link.baseline_bps = Some(week.iter().map(share).collect());
    }
}
