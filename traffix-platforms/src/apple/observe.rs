//! From versions and packages to observations.

use chrono::{DateTime, Utc};
use traffix_core::catalogue::{Build, Content, Phase, PhaseKind, Precision, Region, RuKind};
use traffix_core::{Evidence, Fact};

use super::ID;
use super::package::{UpdatePackage, download_sizes, update_size};
use super::versions::{Major, System, Version};
use crate::{BuildObservation, ListingObservation, phase};

/// A version after the first of its major version: an update of that.
pub(super) fn update(version: &Version, evidence: &Evidence) -> ListingObservation {
    let mut seen = titled(version.build(), version.major, &version.number, evidence);
    seen.listing.aliases = version.builds.iter().skip(1).cloned().collect();
    seen.changed_at = version.reposted_at();
    if version.is_release() {
        seen.kind = RuKind::Release;
        seen.updates = None;
        seen.listing.aliases.push(version.major.to_string());
    }
    seen.listing.aliases.sort_unstable();
    seen.listing.phases = unlock(version.posted_at(), evidence).into_iter().collect();
    set_builds(&mut seen, vec![build(version, evidence)]);
    seen
}

/// A major version with the builds of all its versions that are still supported; `None` if there are none.
pub(super) fn release(major: Major, versions: &[Version], evidence: &Evidence) -> Option<ListingObservation> {
    let ours: Vec<_> = versions.iter().filter(|version| version.major == major).collect();
    let newest = ours.last()?;
    let id = major.to_string();
    let mut seen = titled(&id, major, &major.number.to_string(), evidence);
    seen.kind = RuKind::Release;
    seen.updates = None;
    seen.changed_at = newest.reposted_at();
    let first = ours.iter().find(|version| version.is_release());
    seen.listing.aliases = first.into_iter().flat_map(|version| version.builds.clone()).collect();
    seen.listing.phases =
        first.and_then(|version| unlock(version.posted_at(), evidence)).into_iter().collect();
    set_builds(&mut seen, ours.iter().map(|version| build(version, evidence)).collect());
    Some(seen)
}

/// A build of which only packages are known; `None` if there are none.
pub(super) fn old_build(
    id: &str,
    packages: &[UpdatePackage],
    evidence: &Evidence,
) -> Option<ListingObservation> {
    let version = packages.iter().find_map(|package| package.version.clone())?;
    let number = version.split('.').next().and_then(|part| part.parse().ok())?;
    let mut seen = titled(id, Major { system: System::Ios, number }, &version, evidence);
    let build = Build { id: id.to_owned(), version: Some(version), live_at: None };
    set_builds(&mut seen, vec![BuildObservation::new(build, evidence.clone())]);
    Some(seen)
}

/// Adds sizes, and to the newest build the bytes for who has the build `from`.
pub(super) fn add_packages(
    seen: &mut ListingObservation,
    packages: &[UpdatePackage],
    from: Option<&Build>,
    evidence: &Evidence,
) {
    seen.listing.sizes = download_sizes(packages, seen.kind, evidence);
    if let (Some(newest), Some(from)) = (seen.builds.last_mut(), from) {
        newest.update = update_size(packages, &from.id);
    }
}

fn titled(id: &str, major: Major, number: &str, evidence: &Evidence) -> ListingObservation {
    let mut seen = ListingObservation::new(ID, id, evidence.clone());
    seen.title = Some(format!("{} {number}", major.system.title()));
    seen.kind = RuKind::Update;
    seen.updates = Some(major.to_string());
    // Figures of phone systems are those of phones: Macs and watches are other devices, and fewer.
    seen.content = if major.system == System::Ios { Content::PhoneOs } else { Content::App };
    seen.publishers = vec!["Apple".into()];
    seen
}

/// The list gives the day only.
fn unlock(posted_at: Option<DateTime<Utc>>, evidence: &Evidence) -> Option<Phase> {
    let mut evidence = evidence.clone();
    evidence.note = Some("the day of posting; usually between 17:00 and 18:00 UTC".into());
    Some(phase(PhaseKind::Unlock, Region::WORLD, (posted_at?, Precision::Day), evidence))
}

fn build(version: &Version, evidence: &Evidence) -> BuildObservation {
    let (id, live_at) = (version.build().to_owned(), version.posted_at());
    let build = Build { id, version: Some(version.number.clone()), live_at };
    BuildObservation::new(build, evidence.clone())
}

fn set_builds(seen: &mut ListingObservation, builds: Vec<BuildObservation>) {
    seen.listing.build = builds.last().map(|last| Fact::new(last.build.clone(), last.evidence.clone()));
    seen.builds = builds;
}
