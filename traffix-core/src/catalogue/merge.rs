//! How two descriptions of one RU become one. Pure, and independent of the order of arrival.

use super::{Audience, DownloadSize, Listing, Phase, RegionalWeight, Ru, Stream};
use crate::evidence::merge_options;
use crate::{Evidence, Fact};

impl Ru {
    /// What both descriptions say together.
    ///
    /// Facts are merged by [`Fact::merge`]. Of the plain fields, those of the description with the stronger
    /// evidence win; what only the other knows is filled in. Lists of listings, phases and sizes are united
    /// by platform, by kind and region, and by variant.
    #[must_use]
    pub fn merge(self, other: Self) -> Self {
        let other_wins = strongest(&self.evidence)
            .zip(strongest(&other.evidence))
            .is_some_and(|(mine, theirs)| mine.strength(theirs).is_lt());
        let (base, patch) = if other_wins { (other, self) } else { (self, other) };
        Self {
            id: base.id,
            title: base.title,
            kind: base.kind,
            release: base.release,
            content: base.content,
            franchise: base.franchise.or(patch.franchise),
            publishers: known(base.publishers, patch.publishers),
            developers: known(base.developers, patch.developers),
            categories: known(base.categories, patch.categories),
            nsfw: base.nsfw || patch.nsfw,
            thumbnails: known(base.thumbnails, patch.thumbnails),
            listings: unite(base.listings, patch.listings, |l| l.platform.clone(), Listing::merge),
            evidence: merge_evidence(base.evidence, patch.evidence),
        }
    }
}

impl Listing {
    /// What both descriptions of one listing say together; `self` is the stronger.
    #[must_use]
    pub fn merge(self, other: Self) -> Self {
        Self {
            aliases: aliases(&self, &other),
            platform: self.platform,
            external_id: self.external_id.or(other.external_id),
            url: self.url.or(other.url),
            sizes: unite(self.sizes, other.sizes, |s| s.variant.clone(), DownloadSize::merge),
            phases: unite(self.phases, other.phases, |p| (p.kind, p.region.clone()), Phase::merge),
            build: merge_options(self.build, other.build),
            stream: self.stream.merge(other.stream),
            weights: unite(self.weights, other.weights, |w| w.region.clone(), RegionalWeight::merge),
            audience: self.audience.merge(other.audience),
        }
    }
}

impl Stream {
    fn merge(self, other: Self) -> Self {
        Self {
            bitrate_bps: merge_options(self.bitrate_bps, other.bitrate_bps),
            runtime_secs: merge_options(self.runtime_secs, other.runtime_secs),
        }
    }
}

impl DownloadSize {
    fn merge(self, other: Self) -> Self {
        Self {
            variant: self.variant,
            wire_bytes: merge_options(self.wire_bytes, other.wire_bytes),
            disk_bytes: merge_options(self.disk_bytes, other.disk_bytes),
        }
    }
}

impl Phase {
    fn merge(self, other: Self) -> Self {
        let other_wins = self.window.evidence.strength(&other.window.evidence).is_lt();
        let status = if other_wins { other.status } else { self.status };
        let share = if other_wins { other.share.or(self.share) } else { self.share.or(other.share) };
        Self { window: self.window.merge(other.window), status, share, ..self }
    }
}

impl RegionalWeight {
    fn merge(self, other: Self) -> Self {
        Self { region: self.region, share: self.share.merge(other.share) }
    }
}

impl Audience {
    fn merge(self, other: Self) -> Self {
        let join = merge_options::<u64>;
        Self {
            concurrent_peak: join(self.concurrent_peak, other.concurrent_peak),
            mau: join(self.mau, other.mau),
            wishlists: join(self.wishlists, other.wishlists),
            followers: join(self.followers, other.followers),
            rank: join(self.rank, other.rank),
            popularity: merge_options(self.popularity, other.popularity),
        }
    }
}

/// All identifiers of both but the first, sorted: the first of `mine`, or of `theirs`, stays the main one.
fn aliases(mine: &Listing, theirs: &Listing) -> Vec<String> {
    let main = mine.external_id.as_deref().or(theirs.external_id.as_deref());
    let all = mine.external_ids().chain(theirs.external_ids()).filter(|id| Some(*id) != main);
    all.collect::<std::collections::BTreeSet<_>>().into_iter().map(str::to_owned).collect()
}

fn strongest(evidence: &[Evidence]) -> Option<&Evidence> {
    evidence.iter().max_by(|a, b| a.strength(b))
}

/// One piece of evidence per source, the strongest first.
fn merge_evidence(mine: Vec<Evidence>, theirs: Vec<Evidence>) -> Vec<Evidence> {
    let facts = mine.into_iter().chain(theirs).map(|evidence| Fact::new((), evidence));
    let Some(all) = facts.reduce(Fact::merge) else { return Vec::new() };
    let rest = all.also.into_iter().map(|other| other.evidence);
    std::iter::once(all.evidence).chain(rest).collect()
}

fn known<T>(mine: Vec<T>, theirs: Vec<T>) -> Vec<T> {
    if mine.is_empty() { theirs } else { mine }
}

/// Unites two lists by key; equal keys are joined, the result is in the order of the keys.
fn unite<T, K: Ord>(mine: Vec<T>, theirs: Vec<T>, key: impl Fn(&T) -> K, join: impl Fn(T, T) -> T) -> Vec<T> {
    let mut by_key = std::collections::BTreeMap::new();
    for item in mine.into_iter().chain(theirs) {
        let joined = match by_key.remove(&key(&item)) {
            Some(earlier) => join(earlier, item),
            None => item,
        };
        by_key.insert(key(&joined), joined);
    }
    by_key.into_values().collect()
}
