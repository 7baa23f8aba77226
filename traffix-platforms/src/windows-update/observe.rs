//! From months, packages and builds to observations.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use traffix_core::catalogue::{
    Build, ByteRange, Content, DownloadSize, Phase, PhaseKind, Precision, Region, RuKind,
};
use traffix_core::{Bytes, Evidence, Fact, SourceKind};

use super::ID;
use super::calendar::{Month, at_ten};
use super::catalog::{Package, variant};
use super::edition::Edition;
use super::msrc::{Remediation, SecurityDocument, Update};
use super::uup::{Files, UupBuild};
use crate::upstream::Fetched;
use crate::{BuildObservation, ListingObservation, phase};

/// Articles of a month whose packages are looked up.
const MAX_ARTICLES: usize = 4;
/// Where the rhythm is announced.
const CALENDAR: &str = "https://learn.microsoft.com/windows/deployment/update/release-cycle";

/// An update of Windows about which nothing else is known yet.
fn update(id: &str, of: Edition, evidence: &Evidence) -> ListingObservation {
    let mut seen = ListingObservation::new(ID, id, evidence.clone());
    seen.kind = RuKind::Update;
    seen.updates = Some(of.id().to_owned());
    seen.content = Content::WindowsPatch;
    seen.publishers = vec!["Microsoft".into()];
    seen
}

/// A month of the list. The list gives the day as midnight in Redmond, and Microsoft announces 10:00 of it.
pub(super) fn month(listed: &Update, evidence: &Evidence) -> ListingObservation {
    let mut seen = update(&listed.id, Edition::Eleven, evidence);
    seen.title.clone_from(&listed.document_title);
    seen.changed_at = listed.current_release_date;
    seen.listing.url = Month::parse(&listed.id)
        .map(|month| format!("https://msrc.microsoft.com/update-guide/releaseNote/{month}"));
    if let Some(published) = listed.initial_release_date {
        let mut evidence = evidence.clone();
        let (at, precision) = match at_ten(published) {
            Some(at) => (at, Precision::Hour),
            None => (published, Precision::Day),
        };
        evidence.confidence = 0.9;
        evidence.note = Some(format!("the list gives the day; published at 10:00 in Redmond: {CALENDAR}"));
        seen.listing.phases = vec![unlock(at, precision, evidence)];
    }
    seen
}

/// A month that is not listed yet: the rhythm has held since 2003, but this one has not happened.
pub(super) fn coming_month(month: Month, observed_at: DateTime<Utc>) -> Option<ListingObservation> {
    let mut evidence = Evidence::new(SourceKind::Inferred, CALENDAR, observed_at);
    evidence.confidence = 0.8;
    evidence.note = Some("second Tuesday of the month, 10:00 in Redmond".into());
    let mut seen = update(&month.to_string(), Edition::Eleven, &evidence);
    seen.title = Some(format!("{month} Security Updates"));
    seen.listing.phases = vec![unlock(month.patch_instant()?, Precision::Hour, evidence)];
    Some(seen)
}

fn unlock(at: DateTime<Utc>, precision: Precision, evidence: Evidence) -> Phase {
    phase(PhaseKind::Unlock, Region::WORLD, (at, precision), evidence)
}

/// Fixes of Windows 10 and 11 on ordinary PCs.
fn client_fixes(document: &SecurityDocument) -> impl Iterator<Item = (&Remediation, &str)> {
    document.remediations.iter().filter_map(|fix| {
        let mut products = fix.products.iter().map(String::as_str);
        let newest =
            products.by_ref().filter(|name| Edition::named_in(name).is_some() && name.contains("x64")).max();
        Some((fix, newest?))
    })
}

/// The articles of a month that concern most PCs, those of the newest Windows first.
pub(super) fn client_articles(document: &SecurityDocument) -> Vec<String> {
    let mut fixes: Vec<_> =
        client_fixes(document).map(|(fix, newest)| (newest, fix.article.as_str())).collect();
    fixes.sort_unstable_by(|a, b| b.cmp(a));
    let mut articles: Vec<String> = Vec::new();
    for (_, article) in fixes {
        if articles.len() < MAX_ARTICLES && !articles.iter().any(|known| known == article) {
            articles.push(article.to_owned());
        }
    }
    articles
}

/// The builds of Windows 10 and 11 that a month brings.
pub(super) fn fixed_builds(
    document: &SecurityDocument,
    live_at: Option<DateTime<Utc>>,
    evidence: &Evidence,
) -> Vec<BuildObservation> {
    let ids = client_fixes(document).filter_map(|(fix, _)| fix.fixed_build.as_deref());
    let ids: std::collections::BTreeSet<_> = ids.filter(|build| build.starts_with("10.0.")).collect();
    let builds = ids.into_iter().map(|id| Build { id: id.to_owned(), version: None, live_at });
    builds.map(|build| BuildObservation::new(build, evidence.clone())).collect()
}

/// The packages of Windows 10 and 11 by kind of device, of several the largest: a cumulative update of Windows is
/// larger than the one of .NET beside it. The plain size is that of the newest Windows on 64-bit PCs.
pub(super) fn package_sizes(found: &[Fetched<Vec<Package>>]) -> Vec<DownloadSize> {
    let mut by_variant = BTreeMap::<String, (u64, Evidence)>::new();
    for packages in found {
        for package in &packages.value {
            let (Some(label), Some(bytes)) = (variant(&package.title), package.package_bytes) else {
                continue;
            };
            if by_variant.get(&label).is_none_or(|(known, _)| *known < bytes) {
                by_variant.insert(label, (bytes, whole_package(packages.evidence())));
            }
        }
    }
    let plain = by_variant.keys().rev().find(|label| label.ends_with("x64")).cloned();
    let size = |(label, (bytes, evidence)): (String, (u64, Evidence))| DownloadSize {
        variant: (Some(&label) != plain.as_ref()).then_some(label),
        wire_bytes: Some(Fact::new(ByteRange::exactly(Bytes(bytes)), evidence)),
        disk_bytes: None,
    };
    let mut sizes: Vec<_> = by_variant.into_iter().map(size).collect();
    sizes.sort_by(|a, b| a.variant.cmp(&b.variant));
    sizes
}

/// The bytes are exact, but most clients have an earlier package and fetch only what differs.
fn whole_package(mut evidence: Evidence) -> Evidence {
    evidence.confidence = 0.5;
    evidence.note = Some("the whole package; a client with an earlier one fetches less".into());
    evidence
}

/// An article of the knowledge base with its packages; `None` if there are none.
pub(super) fn article(id: &str, found: Fetched<Vec<Package>>) -> Option<ListingObservation> {
    let first = found.value.first()?;
    let evidence = found.evidence();
    let mut seen = update(id, Edition::named_in(&first.title).unwrap_or(Edition::Eleven), &evidence);
    seen.title = Some(first.title.clone());
    seen.changed_at = found.value.iter().filter_map(|package| package.changed_at).max();
    if let Some(day) = found.value.iter().filter_map(|package| package.changed_at).min() {
        let mut evidence = evidence;
        evidence.confidence = 0.8;
        evidence.note = Some("the day of the last change, as a rule that of the publication".into());
        seen.listing.phases = vec![unlock(day, Precision::Day, evidence)];
    }
    seen.listing.sizes = package_sizes(&[found]);
    Some(seen)
}

/// A build in the volunteers' list.
pub(super) fn listed_build(build: &UupBuild, evidence: &Evidence) -> ListingObservation {
    let mut seen = dumped(&build.uuid, build.title.as_deref(), build.build.as_deref(), evidence);
    if let Some(at) = build.seen_at {
        let mut evidence = evidence.clone();
        evidence.confidence = 0.6;
        evidence.note = Some("when volunteers first saw it; it may have reached few devices then".into());
        seen.listing.phases = vec![unlock(at, Precision::Hour, evidence)];
    }
    seen
}

/// A build with the files of one edition and language.
pub(super) fn build(uuid: &str, files: &Files, evidence: &Evidence) -> ListingObservation {
    let mut seen = dumped(uuid, files.title.as_deref(), files.build.as_deref(), evidence);
    if let Some(bytes) = files.total_bytes() {
        let mut evidence = evidence.clone();
        evidence.confidence = 0.7;
        evidence.note =
            Some("all files of the professional edition in English: what a device fetches at most".into());
        let wire_bytes = Some(Fact::new(ByteRange::exactly(Bytes(bytes)), evidence));
        seen.listing.sizes = vec![DownloadSize { variant: None, wire_bytes, disk_bytes: None }];
    }
    seen
}

fn dumped(uuid: &str, title: Option<&str>, number: Option<&str>, evidence: &Evidence) -> ListingObservation {
    let edition = title.and_then(Edition::named_in).unwrap_or(Edition::Eleven);
    let mut seen = update(uuid, edition, evidence);
    seen.title = title.map(str::to_owned);
    let feature = |title: &str| title.starts_with("Windows 1") || title.starts_with("Feature update");
    if title.is_some_and(feature) {
        seen.content = Content::WindowsFeature;
    }
    if let Some(number) = number {
        let build = Build { id: number.to_owned(), version: None, live_at: None };
        seen.listing.build = Some(Fact::new(build.clone(), evidence.clone()));
        seen.builds = vec![BuildObservation::new(build, evidence.clone())];
    }
    seen
}

/// A release with its builds.
pub(super) fn release(edition: Edition, builds: Fetched<Vec<BuildObservation>>) -> ListingObservation {
    let evidence = builds.evidence();
    let mut seen = ListingObservation::new(ID, edition.id(), evidence.clone());
    seen.title = Some(edition.title().to_owned());
    seen.content = Content::WindowsFeature;
    seen.publishers = vec!["Microsoft".into()];
    seen.listing.url = Some(builds.source.clone());
    seen.listing.build = builds.value.last().map(|last| Fact::new(last.build.clone(), last.evidence.clone()));
    seen.builds = builds.value;
    seen
}
