//! From products and packages to observations.

use chrono::{DateTime, Datelike, NaiveTime, Utc};
use traffix_core::catalogue::{Build, ByteRange, Phase, PhaseKind, Precision, Region, RuKind, Thumbnail};
use traffix_core::{Bytes, Evidence, Fact};

use super::ID;
use super::title_id::TitleId;
use super::updates::{TitleUpdates, UpdatePackage};
use super::wire::{Container, Media, Product};
use crate::{BuildObservation, ListingObservation, UpdateSize, phase};

/// Pictures that stand for the title.
const COVERS: [&str; 3] = ["MASTER", "GAMEHUB_COVER_ART", "EDITION_KEY_ART"];

/// Classes of products that hold the title itself; everything else adds to one.
const EDITIONS: [&str; 4] = ["FULL_GAME", "PREMIUM_EDITION", "GAME_BUNDLE", "BUNDLE"];

/// A product of the store.
pub(super) fn product(product: &Product, evidence: &Evidence) -> ListingObservation {
    let mut seen = named(&product.id, product.name.as_deref(), evidence);
    seen.publishers = text(product.publisher_name.as_deref()).into_iter().collect();
    seen.thumbnails = product.media.iter().filter_map(thumbnail).take(3).collect();
    seen.listing.phases = unlock(product.release_date.as_deref(), evidence).into_iter().collect();
    // `PPSA08340_00`: the number of the title is the same in all its products.
    let title = product.np_title_id.as_deref().and_then(|id| id.split_once('_')).map(|(title, _)| title);
    let Some(title) = title.and_then(TitleId::parse) else { return seen };
    let class = product.store_display_classification.as_deref();
    if class.is_none_or(|class| EDITIONS.contains(&class)) {
        seen.listing.aliases = vec![title.text.to_owned()];
    } else {
        // An add-on carries the number of the title that it extends.
        seen.kind = RuKind::Update;
        seen.updates = Some(title.text.to_owned());
    }
    seen
}

/// A product of the older interface. Its `size` counts children and is no size.
pub(super) fn container(container: &Container, evidence: &Evidence) -> ListingObservation {
    let mut seen = named(&container.id, container.name.as_deref(), evidence);
    seen.publishers = text(container.provider_name.as_deref()).into_iter().collect();
    seen.listing.phases = unlock(container.release_date.as_deref(), evidence).into_iter().collect();
    seen.listing.aliases =
        TitleId::of_product(&container.id).map(|title| title.text.to_owned()).into_iter().collect();
    let millis =
        container.timestamp.and_then(|millis| i64::try_from(millis).ok()).filter(|millis| *millis > 0);
    seen.changed_at = millis.and_then(DateTime::from_timestamp_millis);
    seen
}

fn named(id: &str, name: Option<&str>, evidence: &Evidence) -> ListingObservation {
    let mut seen = ListingObservation::new(ID, id, evidence.clone());
    seen.title = text(name);
    if TitleId::of_product(id).is_some() {
        seen.listing.url = Some(format!("https://store.playstation.com/en-us/product/{id}"));
    }
    seen
}

fn text(text: Option<&str>) -> Option<String> {
    text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

fn thumbnail(media: &Media) -> Option<Thumbnail> {
    let is_cover = media.role.as_deref().is_some_and(|role| COVERS.contains(&role));
    let url = media.url.clone().filter(|url| url.starts_with("https://"))?;
    (is_cover && media.r#type.as_deref() == Some("IMAGE")).then_some(Thumbnail {
        url,
        width_px: None,
        height_px: None,
    })
}

/// Midnight is a day, and dates far ahead are the store's word for "not known".
fn unlock(date: Option<&str>, evidence: &Evidence) -> Option<Phase> {
    let start: DateTime<Utc> = date?.parse().ok()?;
    let known = (1994..2090).contains(&start.year());
    let precision = if start.time() == NaiveTime::MIN { Precision::Day } else { Precision::Minute };
    known.then(|| phase(PhaseKind::Unlock, Region::WORLD, (start, precision), evidence.clone()))
}

/// A title of which only the updates are known.
pub(super) fn title(updates: &TitleUpdates, evidence: &Evidence) -> ListingObservation {
    let mut seen = ListingObservation::new(ID, updates.title_id.clone(), evidence.clone());
    seen.title.clone_from(&updates.title);
    seen
}

/// Adds the versions of a title. The newest has the bytes from the version `from`, if that is known; every other has
/// those from the version before it.
pub(super) fn add_updates(
    seen: &mut ListingObservation,
    updates: &TitleUpdates,
    from: Option<&Build>,
    evidence: &Evidence,
) {
    let mut before: Option<&UpdatePackage> = None;
    for package in &updates.packages {
        let bytes = package.wire_bytes.map(|bytes| ByteRange::exactly(Bytes(bytes)));
        let update = before
            .zip(bytes)
            .map(|(before, wire_bytes)| UpdateSize { from: before.version.clone(), wire_bytes });
        let id = package.version.clone();
        let build = Build { version: Some(id.clone()), id, live_at: None };
        seen.builds.push(BuildObservation { update, ..BuildObservation::new(build, evidence.clone()) });
        before = Some(package);
    }
    let Some(newest) = seen.builds.last_mut() else { return };
    if let Some(size) = from.and_then(|from| since(updates, &from.id)) {
        newest.update = Some(size);
    }
    seen.listing.build = Some(Fact::new(newest.build.clone(), evidence.clone()));
}

/// What a console with the version `from` fetches to be up to date; `None` if it already is, or a size is missing.
fn since(updates: &TitleUpdates, from: &str) -> Option<UpdateSize> {
    // Versions have leading zeros and equal length: `01.07` is before `01.33`.
    let newer: Vec<_> = updates.packages.iter().filter(|package| package.version.as_str() > from).collect();
    let needed = if updates.cumulative { newer.last().map(std::slice::from_ref)? } else { newer.as_slice() };
    let mut sizes = needed.iter().map(|package| package.wire_bytes);
    let bytes = sizes.try_fold(0_u64, |sum, size| sum.checked_add(size?)).filter(|bytes| *bytes > 0)?;
    Some(UpdateSize { from: from.to_owned(), wire_bytes: ByteRange::exactly(Bytes(bytes)) })
}
