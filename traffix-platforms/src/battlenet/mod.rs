//! Battle.net, the launcher of Blizzard and of Call of Duty on PCs.
//!
//! Its patch service publishes for every product which build is live in which region, and its CDNs hold the manifests
//! of every build. So sizes are exact: a sum over the files for a device, and for an update over those files that the
//! build before lacked. [`delta`] counts, [`DownloadManifest`], [`PatchManifest`], [`EncodingTable`],
//! [`InstallManifest`] and [`SizeManifest`] read, [`blte`] unpacks, [`versions`], [`cdns`] and [`summary`] ask.
//!
//! No table carries a date: a build that was not there a minute ago went live within that minute.

use std::sync::LazyLock;

use async_trait::async_trait;
use traffix_core::catalogue::{ByteRange, PlatformId};
use traffix_core::delivery::Assertion;
use traffix_core::{Bytes, Fact};

use crate::embedded::profile;
use crate::upstream::Upstream;
use crate::{
    AudienceObservation, Datum, Discover, ListingObservation, ListingRef, Page, Platform, PlatformError,
    Profile, UpdateSize, Vantage, unsupported,
};

#[cfg(test)]
mod assemble;
pub mod blte;
pub mod bpsv;
mod config;
pub mod delta;
mod download;
mod encoding;
mod error;
mod hosts;
mod install;
mod key;
mod listing;
mod patch;
mod products;
mod reader;
mod service;
pub mod size;
mod tables;
mod tags;
#[cfg(test)]
mod tests;

pub use config::{BuildConfig, CdnConfig, Config, FileRef};
pub use download::{DownloadEntry, DownloadManifest, PLAYABLE_PRIORITY};
pub use encoding::{ContentEntry, EncodingEntry, EncodingTable};
pub use error::TactError;
pub use install::{InstallFile, InstallManifest};
pub use key::{ConfigKey, ContentKey, EncodingKey, ParseKeyError};
pub use patch::{Patch, PatchManifest, PatchedFile};
pub use products::{PRODUCTS, Product};
pub use service::{Interface, background, cdns, summary, versions};
pub use size::SizeManifest;
pub use tables::{Cdn, Cdns, ProductTable, Summary, SummaryRow, Version, Versions, region};
pub use tags::{Device, FileSet, Tag, Tags};

const ID: PlatformId = PlatformId::from_static("battlenet");

/// The form in which tables are asked: HTTPS, because the digests in the tables vouch for everything that follows.
pub const INTERFACE: Interface = Interface::HttpsV2;

/// The region whose build and CDNs sizes are taken from. Every region's service answers for all regions.
const REGION: &str = "us";

/// The product whose CDNs stand for all: every product has its own table, with the same hosts.
const DELIVERY_PRODUCT: &str = "wow";

static PROFILE: LazyLock<Profile> =
    LazyLock::new(|| profile(ID, include_str!("profile.toml"), include_str!("delivery.tsv")));

/// Battle.net, the launcher of Blizzard and of Call of Duty on PCs.
pub(crate) struct Battlenet;

#[async_trait]
impl Platform for Battlenet {
    fn id(&self) -> PlatformId {
        ID
    }

    fn profile(&self) -> &Profile {
        &PROFILE
    }

    /// All products in one page: the service lists them in one table.
    async fn discover(
        &self,
        up: &dyn Upstream,
        _: &Discover,
    ) -> Result<Page<ListingObservation>, PlatformError> {
        let summary = summary(up).await?;
        let listing = |code: &str| {
            let mut seen = ListingObservation::new(ID, code, listing::listed(&summary, code));
            describe(&mut seen, code);
            seen
        };
        Ok(Page { items: summary.value.products().into_iter().map(listing).collect(), next: None })
    }

    async fn refresh(
        &self,
        up: &dyn Upstream,
        listing: &ListingRef,
    ) -> Result<ListingObservation, PlatformError> {
        let product = listing.external_id.as_str();
        let live = versions(up, product).await?;
        let ahead = background(up, product).await?;
        let mut seen = ListingObservation::new(ID, product, live.evidence());
        describe(&mut seen, product);
        seen.builds = listing::live_builds(&live);
        if let Some(ahead) = &ahead {
            seen.builds.extend(listing::ahead_builds(ahead, &live.value));
        }
        let Some(current) = live.value.of(REGION) else { return Ok(seen) };
        seen.listing.build = Some(Fact::new(listing::build(current), live.evidence()));
        let cdns = cdns(up, product).await?;
        let Some(store) = service::Store::new(up, &cdns.value) else { return Ok(seen) };
        let Some(build) = store.build(current.build_config).await? else { return Ok(seen) };
        seen.listing.sizes = listing::sizes(&build.download);

        let before = listing.build.as_ref().and_then(|before| before.id.parse::<ConfigKey>().ok());
        if let Some(before) = before.filter(|before| *before != current.build_config)
            && let Some(from) = store.build(before).await?
        {
            let update =
                UpdateSize { from: before.to_string(), wire_bytes: update(&store, &from, &build).await? };
            listing::set_update(&mut seen.builds, &current.build_config.to_string(), &update);
        }
        let next = ahead.as_ref().and_then(|ahead| ahead.value.of(REGION)).map(|next| next.build_config);
        if let Some(next) = next.filter(|next| *next != current.build_config)
            && let Some(to) = store.build(next).await?
        {
            let wire_bytes = update(&store, &build, &to).await?;
            let update = UpdateSize { from: current.build_config.to_string(), wire_bytes };
            listing::set_update(&mut seen.builds, &next.to_string(), &update);
        }
        Ok(seen)
    }

    async fn audience(&self, _: &dyn Upstream, _: &ListingRef) -> Result<AudienceObservation, PlatformError> {
        unsupported(self, Datum::Audience)
    }

    async fn delivery(&self, up: &dyn Upstream, from: &Vantage) -> Result<Vec<Assertion>, PlatformError> {
        let cdns = cdns(up, DELIVERY_PRODUCT).await?;
        Ok(hosts::assertions(&cdns, &from.region))
    }
}

/// What is known of a product by its code.
fn describe(seen: &mut ListingObservation, code: &str) {
    if let Some(product) = products::find(code) {
        seen.title = Some(product.title.into());
        seen.content = product.content;
    }
}

/// Bytes on the wire from one build to another for the ordinary device.
async fn update(
    store: &service::Store<'_>,
    from: &service::Build,
    to: &service::Build,
) -> Result<ByteRange, PlatformError> {
    let device = Device::default();
    let (old, new) = (&from.download.value, &to.download.value);
    let Some(patches) = store.patches(&to.config.value).await? else {
        return Ok(ByteRange::exactly(Bytes(delta::update_bytes(old, new, &device))));
    };
    let encoding = store.encoding(&to.config.value).await?;
    Ok(delta::patched_update_bytes(old, new, &device, &patches, encoding.as_ref()))
}
