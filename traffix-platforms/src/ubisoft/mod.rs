//! Ubisoft Connect.
//!
//! Everything about it needs a signed-in connection, so no network method is supported. Somebody who has a download
//! manifest can read it with [`Manifest`].

mod manifest;

use std::sync::LazyLock;

use async_trait::async_trait;
use traffix_core::catalogue::PlatformId;
use traffix_core::delivery::Assertion;

pub use self::manifest::Manifest;
use crate::embedded::profile;
use crate::upstream::Upstream;
use crate::{
    AudienceObservation, Datum, Discover, ListingObservation, ListingRef, Page, Platform, PlatformError,
    Profile, Vantage, unsupported,
};

const ID: PlatformId = PlatformId::from_static("ubisoft");

static PROFILE: LazyLock<Profile> =
    LazyLock::new(|| profile(ID, include_str!("profile.toml"), include_str!("delivery.tsv")));

/// Ubisoft Connect, formerly Uplay.
pub(crate) struct Ubisoft;

#[async_trait]
impl Platform for Ubisoft {
    fn id(&self) -> PlatformId {
        ID
    }

    fn profile(&self) -> &Profile {
        &PROFILE
    }

    async fn discover(
        &self,
        _: &dyn Upstream,
        _: &Discover,
    ) -> Result<Page<ListingObservation>, PlatformError> {
        unsupported(self, Datum::Listings)
    }

    async fn refresh(&self, _: &dyn Upstream, _: &ListingRef) -> Result<ListingObservation, PlatformError> {
        unsupported(self, Datum::ReleaseInstant)
    }

    async fn audience(&self, _: &dyn Upstream, _: &ListingRef) -> Result<AudienceObservation, PlatformError> {
        unsupported(self, Datum::Audience)
    }

    async fn delivery(&self, _: &dyn Upstream, _: &Vantage) -> Result<Vec<Assertion>, PlatformError> {
        unsupported(self, Datum::Hosts)
    }
}
