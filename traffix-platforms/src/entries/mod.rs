//! From what platforms say to entries of a catalogue: pure functions, no I/O.
//!
//! - [`entry`] joins one observation with the stored entry. What is known already keeps its evidence of first sight,
//!   so the same bytes read twice are the same entry, to the byte.
//! - [`Entry::updates`] are the updates that new builds make of a title.
//! - [`news`] says in words what a write changes: a new title, a new build, a size revised, a date slipped.
//! - [`titles`] finds entries that may be the same title. It only proposes; people merge.

mod builds;
mod companies;
mod ids;
mod news;
mod restamp;
#[cfg(test)]
mod tests;
pub mod titles;

use traffix_core::catalogue::{Listing, PhaseStatus, Ru, RuId, RuKind};

use crate::ListingObservation;

pub use companies::CompanyNames;
pub use ids::{distinct_id, ru_id};
pub use news::{News, NewsKind, moved, news};

/// What surrounds an observation.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// Identifier of the entry, should it be new.
    pub id: &'a RuId,
    /// Of an update: the release in the catalogue.
    pub release: Option<&'a RuId>,
    /// The companies of the catalogue.
    pub companies: &'a CompanyNames,
}

/// An entry as it should be now.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The title itself; equal to the stored one if nothing is new.
    pub ru: Ru,
    /// Updates of it that a new or announced build makes.
    pub updates: Vec<Ru>,
}

/// Whether there is something to forecast: a date, a size, a build or a stream.
pub fn is_forecastable(said: &ListingObservation) -> bool {
    let listing = &said.listing;
    let bare = listing.sizes.is_empty()
        && listing.phases.is_empty()
        && listing.build.is_none()
        && listing.stream.is_empty()
        && said.builds.is_empty();
    !bare
}

/// Joins an observation with what is stored about its title, if anything is.
///
/// `None` if there is too little for a new entry: no title, nothing to forecast, or an update whose release is not
/// in the catalogue.
pub fn entry(stored: Option<&Ru>, said: &ListingObservation, context: Context<'_>) -> Option<Entry> {
    let before = stored.and_then(|ru| ru.listing(&said.listing.platform));
    let listing = match before {
        Some(before) => restamp::only_news(said.listing.clone(), before),
        None => said.listing.clone(),
    };
    let ru = match stored {
        Some(ru) => joined(ru, &listing, said, context),
        None => created(listing, said, context)?,
    };
    let updates = builds::updates(before, &ru, said);
    Some(Entry { ru, updates })
}

/// Joins an update that a build makes with what is stored about it.
pub fn update_entry(stored: Option<&Ru>, update: Ru) -> Ru {
    let Some(stored) = stored else { return update };
    let mut next = stored.clone();
    for listing in update.listings {
        join_listing(&mut next, |before| restamp::only_news(listing.clone(), before), &listing);
    }
    next
}

fn created(listing: Listing, said: &ListingObservation, context: Context<'_>) -> Option<Ru> {
    let title = said.title.clone().filter(|title| !title.trim().is_empty())?;
    let orphan = said.kind == RuKind::Update && context.release.is_none();
    if orphan || !is_forecastable(said) {
        return None;
    }
    Some(Ru {
        id: context.id.clone(),
        title,
        kind: said.kind,
        release: context.release.filter(|_| said.kind == RuKind::Update).cloned(),
        content: said.content,
        franchise: None,
        publishers: context.companies.ids(&said.publishers),
        developers: context.companies.ids(&said.developers),
        categories: Vec::new(),
        nsfw: said.nsfw.unwrap_or(false),
        thumbnails: said.thumbnails.clone(),
        listings: vec![listing],
        evidence: vec![said.evidence.clone()],
    })
}

fn joined(stored: &Ru, listing: &Listing, said: &ListingObservation, context: Context<'_>) -> Ru {
    let mut next = stored.clone();
    join_listing(&mut next, |_| listing.clone(), listing);
    if next.publishers.is_empty() {
        next.publishers = context.companies.ids(&said.publishers);
    }
    if next.developers.is_empty() {
        next.developers = context.companies.ids(&said.developers);
    }
    if next.thumbnails.is_empty() {
        next.thumbnails.clone_from(&said.thumbnails);
    }
    next.nsfw |= said.nsfw.unwrap_or(false);
    // A reviewed entry keeps its title. One that a platform made follows what the platform calls it.
    let platform = &said.listing.platform;
    let made = |id: &str| [ru_id(platform, id), distinct_id(platform, id)].contains(&stored.id);
    let own = stored.listings.len() == 1 && said.listing.external_ids().any(made);
    if let Some(title) = said.title.as_ref().filter(|title| own && **title != stored.title) {
        let newer = stored.evidence.iter().all(|old| old.observed_at < said.evidence.observed_at);
        if newer && !title.trim().is_empty() {
            next.title.clone_from(title);
            next.evidence.retain(|old| old.source != said.evidence.source);
            next.evidence.insert(0, said.evidence.clone());
        }
    }
    next
}

/// Merges a listing into an entry and marks the phases that its source has moved.
fn join_listing(ru: &mut Ru, news: impl Fn(&Listing) -> Listing, whole: &Listing) {
    let Some(before) = ru.listings.iter_mut().find(|one| one.platform == whole.platform) else {
        ru.listings.push(whole.clone());
        return;
    };
    let mut after = before.clone().merge(news(before));
    for phase in &mut after.phases {
        let earlier = before.phases.iter().find(|old| old.kind == phase.kind && old.region == phase.region);
        let slipped = earlier.is_some_and(|old| {
            old.status != PhaseStatus::Tentative
                && old.window.evidence.source == phase.window.evidence.source
                && moved(&old.window.value, &phase.window.value)
        });
        if slipped && phase.status == PhaseStatus::Confirmed {
            phase.status = PhaseStatus::Slipped;
        }
    }
    // Merging puts lists in order, which alone is no news.
    if after != before.clone().merge(before.clone()) {
        *before = after;
    }
}
