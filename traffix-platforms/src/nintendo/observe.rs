//! From search results to observations.

use chrono::{DateTime, Utc};
use traffix_core::catalogue::{DownloadSize, PhaseKind, PhaseStatus, Precision, Region, Thumbnail};
use traffix_core::{Evidence, Fact};

use super::ID;
use super::wire::{Doc, Item, data_size, japanese_date, released};
use crate::{ListingObservation, phase};

/// A title of the European site. `None` if it has no number in the shop: then it is not sold there.
pub(super) fn european(doc: &Doc, evidence: &Evidence) -> Option<ListingObservation> {
    let (id, others) = doc.nsuid_txt.split_first()?;
    let mut seen = ListingObservation::new(ID, id.clone(), evidence.clone());
    seen.title.clone_from(&doc.title);
    seen.publishers = text(doc.publisher.as_ref());
    seen.developers = text(doc.developer.as_ref());
    seen.listing.aliases = others.to_vec();
    seen.listing.aliases.sort_unstable();
    let path = doc.url.as_deref().filter(|path| path.starts_with('/'));
    seen.listing.url = path.map(|path| format!("https://www.nintendo.com{path}"));
    let picture = doc.image_url_sq_s.as_deref().filter(|url| url.starts_with("https://"));
    seen.thumbnails = picture
        .map(|url| Thumbnail { url: url.into(), width_px: None, height_px: None })
        .into_iter()
        .collect();
    if let Some(at) = doc.dates_released_dts.iter().filter_map(|text| released(text)).min() {
        let mut evidence = evidence.clone();
        evidence.confidence = 0.8;
        evidence.note = Some("the day in Europe; in the shop most titles come everywhere at once".into());
        seen.listing.phases = vec![phase(PhaseKind::Unlock, Region::WORLD, (at, Precision::Day), evidence)];
    }
    seen.listing.sizes = size(doc, evidence).into_iter().collect();
    Some(seen)
}

fn text(text: Option<&String>) -> Vec<String> {
    text.filter(|text| !text.trim().is_empty()).cloned().into_iter().collect()
}

fn size(doc: &Doc, evidence: &Evidence) -> Option<DownloadSize> {
    let range = doc.datasize_readable_txt.iter().find_map(|text| data_size(text))?;
    let mut evidence = evidence.clone();
    evidence.confidence = 0.6;
    evidence.note = Some("the download size that the shop states, rounded up to its unit".into());
    Some(DownloadSize { variant: None, wire_bytes: Some(Fact::new(range, evidence)), disk_bytes: None })
}

/// A title of the Japanese site. `None` if it has no number in the shop.
pub(super) fn japanese(item: &Item, evidence: &Evidence) -> Option<ListingObservation> {
    let id = item.nsuid.as_deref().filter(|id| !id.is_empty())?;
    let mut seen = ListingObservation::new(ID, id, evidence.clone());
    seen.title.clone_from(&item.title);
    seen.publishers = text(item.maker.as_ref());
    if let (Some(when), Ok(japan)) = (item.sdate.as_deref().and_then(japanese_date), "JP".parse()) {
        seen.listing.phases = vec![phase(PhaseKind::Unlock, japan, when, evidence.clone())];
    }
    Some(seen)
}

/// A date that has passed while the shop still does not sell the title has slipped.
pub(super) fn apply_status(seen: &mut ListingObservation, status: &str, now: DateTime<Utc>) {
    let waiting = ["unreleased", "preorder"].contains(&status);
    for phase in &mut seen.listing.phases {
        // A day is over everywhere a day and a half after it has begun in UTC.
        if waiting && phase.window.value.start + chrono::Duration::hours(36) < now {
            phase.status = PhaseStatus::Slipped;
        }
    }
}
