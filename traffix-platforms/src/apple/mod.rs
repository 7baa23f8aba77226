//! Apple's system software.
//!
//! Major versions are releases with identifiers such as `ios-26`; every version after the first is an update of one,
//! with its build as identifier (`23G83`). Versions come as several builds for devices of different history: the
//! shortest is the identifier, the others are aliases. iOS and iPadOS are [`Content::PhoneOs`]; the other systems
//! are [`Content::App`], because what is known about phones says nothing about Macs, watches and boxes.
//!
//! The list of versions lies on a host whose certificate chains to Apple's own root, which public stores lack: an
//! operator has to trust that root for `gdmf.apple.com`.
//!
//! [`Content::PhoneOs`]: traffix_core::catalogue::Content::PhoneOs
//! [`Content::App`]: traffix_core::catalogue::Content::App

mod assets;
mod observe;
mod package;
mod property_list;
#[cfg(test)]
mod tests;
mod versions;
mod volunteers;

use std::sync::LazyLock;

use async_trait::async_trait;
use traffix_core::catalogue::PlatformId;
use traffix_core::delivery::Assertion;

use crate::embedded::profile;
use crate::upstream::{Call, Upstream};
use crate::{
    AudienceObservation, Datum, Discover, ListingObservation, ListingRef, Page, Platform, PlatformError,
    Profile, Vantage, unsupported,
};
pub use assets::{Device, IOS_AUDIENCE, offers};
pub use package::UpdatePackage;
pub use property_list::{Installer, installers, old_packages};
use versions::{Major, Version, versions};
pub use volunteers::packages_of_model;

const ID: PlatformId = PlatformId::from_static("apple");

static PROFILE: LazyLock<Profile> =
    LazyLock::new(|| profile(ID, include_str!("profile.toml"), include_str!("delivery.tsv")));

/// Apple's system software.
pub(crate) struct Apple;

/// A build that the list no longer holds, from the packages of old systems.
async fn refresh_old(up: &dyn Upstream, listing: &ListingRef) -> Result<ListingObservation, PlatformError> {
    let id = listing.external_id.as_str();
    let mut found = property_list::old_packages(up).await?;
    found.value.retain(|package| package.build == id);
    let evidence = found.evidence();
    let seen = observe::old_build(id, &found.value, &evidence);
    let mut seen = seen.ok_or_else(|| Call::new(ID, "mesu", up).not_found(id))?;
    observe::add_packages(&mut seen, &found.value, listing.build.as_ref(), &evidence);
    Ok(seen)
}

/// Adds the sizes of the newest phone and tablet; models that volunteers do not know yet add nothing.
async fn add_sizes(
    up: &dyn Upstream,
    seen: &mut ListingObservation,
    version: &Version,
    listing: &ListingRef,
) -> Result<(), PlatformError> {
    let mut packages = Vec::new();
    let mut evidence = None;
    for model in volunteers::typical(&version.devices) {
        match packages_of_model(up, model).await {
            Ok(found) => {
                evidence.get_or_insert_with(|| volunteers::evidence(&found));
                packages.extend(
                    found.value.into_iter().filter(|package| version.builds.contains(&package.build)),
                );
            }
            Err(PlatformError::NotFound { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    if let Some(evidence) = evidence {
        observe::add_packages(seen, &packages, listing.build.as_ref(), &evidence);
    }
    Ok(())
}

#[async_trait]
impl Platform for Apple {
    fn id(&self) -> PlatformId {
        ID
    }

    fn profile(&self) -> &Profile {
        &PROFILE
    }

    /// Versions posted in the window, and the major versions that they belong to.
    async fn discover(
        &self,
        up: &dyn Upstream,
        query: &Discover,
    ) -> Result<Page<ListingObservation>, PlatformError> {
        let list = versions(up).await?;
        let evidence = list.evidence();
        let in_window =
            |version: &&Version| version.posted_at().is_none_or(|at| query.from <= at && at < query.until);
        let wanted: Vec<_> = list.value.iter().filter(in_window).collect();
        let mut majors: Vec<_> = wanted.iter().map(|version| version.major).collect();
        majors.sort_unstable();
        majors.dedup();
        let releases = majors.into_iter().filter_map(|major| observe::release(major, &list.value, &evidence));
        let updates = wanted.into_iter().filter(|version| !version.is_release());
        let updates = updates.map(|version| observe::update(version, &evidence));
        Ok(Page { items: releases.chain(updates).collect(), next: None })
    }

    async fn refresh(
        &self,
        up: &dyn Upstream,
        listing: &ListingRef,
    ) -> Result<ListingObservation, PlatformError> {
        let id = listing.external_id.as_str();
        let list = versions(up).await?;
        let evidence = list.evidence();
        let (mut seen, version) = if let Some(major) = Major::parse(id) {
            let newest = list.value.iter().rfind(|version| version.major == major);
            let seen = observe::release(major, &list.value, &evidence);
            seen.zip(newest).ok_or_else(|| Call::new(ID, "pmv", up).not_found(id))?
        } else if let Some(version) = list.value.iter().find(|version| version.builds.iter().any(|b| b == id))
        {
            (observe::update(version, &evidence), version)
        } else {
            return refresh_old(up, listing).await;
        };
        add_sizes(up, &mut seen, version, listing).await?;
        Ok(seen)
    }

    async fn audience(&self, _: &dyn Upstream, _: &ListingRef) -> Result<AudienceObservation, PlatformError> {
        unsupported(self, Datum::Audience)
    }

    async fn delivery(&self, _: &dyn Upstream, _: &Vantage) -> Result<Vec<Assertion>, PlatformError> {
        unsupported(self, Datum::Hosts)
    }
}
