//! What of an observation is news. What a source has said before keeps its evidence of first sight.

use chrono::TimeDelta;
use traffix_core::catalogue::{Audience, Build, DownloadSize, Listing, Phase, PhaseKind, Region};
use traffix_core::{Evidence, Fact};

use super::news::{end, moved};

/// A slow signal is written again when it has changed by more than this share …
const DRIFT: f64 = 0.05;
/// … or when what is stored is older than this.
const STALE: TimeDelta = TimeDelta::days(7);

/// The observation with the evidence that the catalogue holds already for what it holds already.
pub(super) fn only_news(mut said: Listing, stored: &Listing) -> Listing {
    for size in &mut said.sizes {
        spell_as_known(&mut size.variant, &stored.sizes);
        if let Some(old) = stored.sizes.iter().find(|old| old.variant == size.variant) {
            restamp_size(size, old);
        }
    }
    let known =
        |kind, region: &Region| stored.phases.iter().find(|old| old.kind == kind && old.region == *region);
    said.phases.retain_mut(|phase| match known(phase.kind, &phase.region) {
        _ if is_early_access(phase, stored) => false,
        Some(old) => restamp_phase(phase, old),
        // What holds everywhere needs no repetition for a country.
        None => {
            known(phase.kind, &Region::WORLD).is_none_or(|world| world.window.value != phase.window.value)
        }
    });
    for weight in &mut said.weights {
        if let Some(old) = stored.weights.iter().find(|old| old.region == weight.region) {
            restamp(&mut weight.share, &old.share, PartialEq::eq);
        }
    }
    if let (Some(build), Some(old)) = (&mut said.build, &stored.build) {
        restamp(build, old, same_build);
    }
    if is_older_build(said.build.as_ref(), stored.build.as_ref()) {
        said.build = None;
    }
    optional(&mut said.stream.bitrate_bps, stored.stream.bitrate_bps.as_ref());
    optional(&mut said.stream.runtime_secs, stored.stream.runtime_secs.as_ref());
    restamp_audience(&mut said.audience, &stored.audience);
    said
}

/// An interface is its address without the query: the same one asked for another page is the same source.
fn interface(source: &str) -> &str {
    source.split(['?', '#']).next().unwrap_or(source)
}

/// What a stored fact holds of the same source.
fn earlier<'a, T>(stored: &'a Fact<T>, new: &Evidence) -> Option<(&'a T, &'a Evidence)> {
    let also = stored.also.iter().map(|other| (&other.value, &other.evidence));
    let mut all = std::iter::once((&stored.value, &stored.evidence)).chain(also);
    let exact = all.clone().find(|(_, old)| old.source == new.source);
    exact.or_else(|| all.find(|(_, old)| interface(&old.source) == interface(&new.source)))
}

/// Gives every statement of `new` that says the same as its source did before the evidence of then.
fn restamp<T: Clone>(new: &mut Fact<T>, stored: &Fact<T>, same: impl Fn(&T, &T) -> bool) {
    let restamp_one = |value: &mut T, evidence: &mut Evidence| {
        let Some((old, first)) = earlier(stored, evidence) else { return };
        if same(value, old) {
            *value = old.clone();
            *evidence = first.clone();
        } else {
            evidence.source.clone_from(&first.source);
        }
    };
    restamp_one(&mut new.value, &mut new.evidence);
    for other in &mut new.also {
        restamp_one(&mut other.value, &mut other.evidence);
    }
}

fn optional<T: Clone + PartialEq>(new: &mut Option<Fact<T>>, stored: Option<&Fact<T>>) {
    if let (Some(new), Some(stored)) = (new, stored) {
        restamp(new, stored, PartialEq::eq);
    }
}

fn restamp_size(size: &mut DownloadSize, old: &DownloadSize) {
    optional(&mut size.wire_bytes, old.wire_bytes.as_ref());
    optional(&mut size.disk_bytes, old.disk_bytes.as_ref());
}

/// Whether an unlock is the day on which early access is known to begin.
///
/// Platforms state one date per offer: that of an edition with early access, or of a title that is sold before it is
/// finished, is not the day on which everybody may start.
fn is_early_access(phase: &Phase, stored: &Listing) -> bool {
    let is_other =
        |old: &Phase| old.kind == PhaseKind::EarlyAccess && !moved(&old.window.value, &phase.window.value);
    let own = stored.phases.iter().any(|old| {
        let unlock = old.kind == PhaseKind::Unlock && old.region == phase.region;
        unlock && !moved(&old.window.value, &phase.window.value)
    });
    phase.kind == PhaseKind::Unlock && !own && stored.phases.iter().any(is_other)
}

/// `PC` and `pc` are one variant, written as it was first.
fn spell_as_known(variant: &mut Option<String>, stored: &[DownloadSize]) {
    let Some(said) = variant else { return };
    let known = || stored.iter().filter_map(|size| size.variant.as_ref());
    if known().all(|old| old != said)
        && let Some(old) = known().find(|old| old.eq_ignore_ascii_case(said))
    {
        said.clone_from(old);
    }
}

/// Whether the phase says more than the stored one: the day of an instant that is known to the minute does not.
fn restamp_phase(phase: &mut Phase, old: &Phase) -> bool {
    restamp(&mut phase.window, &old.window, PartialEq::eq);
    let (new, known) = (&phase.window, &old.window);
    let vaguer = new.value.precision > known.value.precision && new.evidence.kind <= known.evidence.kind;
    let within = new.value.start <= known.value.start && known.value.start < end(&new.value);
    !(vaguer && within)
}

/// Whether both are one build; what only one of them tells about it does not matter.
fn same_build(new: &Build, old: &Build) -> bool {
    let agree = |new: &Option<String>, old: &Option<String>| new.is_none() || new == old;
    let live = new.live_at.is_none() || new.live_at == old.live_at;
    new.id == old.id && agree(&new.version, &old.version) && live
}

/// Some interfaces lag behind others: a build that went live before the known one is no news.
fn is_older_build(new: Option<&Fact<Build>>, stored: Option<&Fact<Build>>) -> bool {
    let Some((new, stored)) = new.zip(stored) else { return false };
    let live = new.value.live_at.zip(stored.value.live_at);
    new.value.id != stored.value.id && live.is_some_and(|(new, stored)| new < stored)
}

fn restamp_audience(new: &mut Audience, stored: &Audience) {
    let signals = [
        (&mut new.concurrent_peak, &stored.concurrent_peak),
        (&mut new.mau, &stored.mau),
        (&mut new.wishlists, &stored.wishlists),
        (&mut new.followers, &stored.followers),
        (&mut new.rank, &stored.rank),
    ];
    for (new, stored) in signals {
        if let (Some(new), Some(stored)) = (new, stored) {
            let fresh = is_fresh(stored, &new.evidence);
            restamp(new, stored, |a, b| a == b || (fresh && is_near(approximate(*a), approximate(*b))));
        }
    }
    if let (Some(new), Some(stored)) = (&mut new.popularity, &stored.popularity) {
        let fresh = is_fresh(stored, &new.evidence);
        restamp(new, stored, |a, b| a.total_cmp(b).is_eq() || (fresh && is_near(*a, *b)));
    }
}

fn is_fresh<T>(stored: &Fact<T>, new: &Evidence) -> bool {
    earlier(stored, new).is_some_and(|(_, old)| new.observed_at - old.observed_at < STALE)
}

fn is_near(new: f64, old: f64) -> bool {
    (new - old).abs() <= DRIFT * old.abs()
}

#[expect(clippy::cast_precision_loss, reason = "compared to within 5 %")]
fn approximate(count: u64) -> f64 {
    count as f64
}
