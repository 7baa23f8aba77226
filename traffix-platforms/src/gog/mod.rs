//! GOG: its store and the content system of its client.
//!
//! Identifiers are product numbers: `1207664663`. Sizes of the ordinary variant are those of the client's depots where
//! a build has them, else of the installer for Windows in English; installers are variants besides.

mod content;
mod downlink;
mod lists;
#[cfg(test)]
mod tests;
mod wire;

use std::sync::LazyLock;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use traffix_core::catalogue::{
    ByteRange, DownloadSize, Phase, PhaseKind, PlatformId, Precision, Region, Window,
};
use traffix_core::delivery::{Assertion, HostPattern};
use traffix_core::{Bytes, Evidence, Fact};

pub use self::content::old_depot_bytes;
pub use self::downlink::{Downlink, DownlinkChunk};
pub use self::lists::catalogue;
use crate::embedded::profile;
use crate::upstream::{Call, Fetched, Request, Upstream};
use crate::{
    AudienceObservation, BuildObservation, Datum, Discover, ListingObservation, ListingRef, Page, Platform,
    PlatformError, Profile, Vantage, delivery, phase, unsupported,
};

const ID: PlatformId = PlatformId::from_static("gog");
const PRODUCTS: &str = "https://api.gog.com/products";
const CLIENT_CONFIG: &str = "https://cfg.gog.com/desktop-galaxy-client/config.json";
/// Most installers of a product that become variants.
const MAX_INSTALLERS: usize = 32;

static PROFILE: LazyLock<Profile> =
    LazyLock::new(|| profile(ID, include_str!("profile.toml"), include_str!("delivery.tsv")));

/// GOG.
pub(crate) struct Gog;

#[async_trait]
impl Platform for Gog {
    fn id(&self) -> PlatformId {
        ID
    }

    fn profile(&self) -> &Profile {
        &PROFILE
    }

    async fn discover(
        &self,
        up: &dyn Upstream,
        query: &Discover,
    ) -> Result<Page<ListingObservation>, PlatformError> {
        lists::page(up, query).await
    }

    async fn refresh(
        &self,
        up: &dyn Upstream,
        listing: &ListingRef,
    ) -> Result<ListingObservation, PlatformError> {
        let id = &listing.external_id;
        let unknown = |_| PlatformError::NotFound { platform: ID, id: id.clone() };
        let product: u64 = id.parse().map_err(unknown)?;
        let fetched = product_page(up, product).await?;
        let mut seen = described(id, &fetched);
        let systems = fetched.value.content_system_compatibility.as_ref();
        if let Some(system) =
            systems.and_then(|s| if s.windows { Some("windows") } else { s.osx.then_some("osx") })
        {
            add_builds(up, product, system, listing, &mut seen).await?;
        }
        let evidence = fetched.evidence();
        add_installers(&fetched.value, &evidence, &mut seen.listing.sizes);
        Ok(seen)
    }

    async fn audience(&self, _: &dyn Upstream, _: &ListingRef) -> Result<AudienceObservation, PlatformError> {
        unsupported(self, Datum::Audience)
    }

    async fn delivery(&self, up: &dyn Upstream, _: &Vantage) -> Result<Vec<Assertion>, PlatformError> {
        let call = Call::new(ID, "config", up);
        let config = call.json::<wire::ClientConfig>(Request::get(CLIENT_CONFIG).fresh_for(86_400)).await?;
        let points = [&config.value.end_points.cdn, &config.value.end_points.files].into_iter().flatten();
        let hosts = points.filter_map(|host| host.parse::<HostPattern>().ok());
        Ok(hosts.map(|host| delivery::official(&PROFILE, host, &config.source, config.observed_at)).collect())
    }
}

async fn product_page(up: &dyn Upstream, product: u64) -> Result<Fetched<wire::Product>, PlatformError> {
    let request = Request::get(PRODUCTS)
        .segment(product)
        .query("expand", "downloads,expanded_dlcs,description,changelog")
        .fresh_for(3_600);
    Call::new(ID, "products", up).about(product.to_string()).json(request).await
}

fn described(id: &str, fetched: &Fetched<wire::Product>) -> ListingObservation {
    let (product, evidence) = (&fetched.value, fetched.evidence());
    let mut seen = ListingObservation::new(ID, id, evidence.clone());
    seen.title = product.title.as_deref().map(|title| title.trim().to_owned());
    // Additions name no release that they belong to, so only their kind is told.
    if product.game_type.as_deref() == Some("dlc") {
        seen.evidence.note = Some("An addition to another title.".into());
    }
    let card = product.links.as_ref().and_then(|links| links.product_card.clone());
    seen.listing.url = card.filter(|url| url.starts_with("https://"));
    let logo = product.images.as_ref().and_then(|images| images.logo.as_deref());
    seen.thumbnails = logo.and_then(lists::thumbnail).into_iter().collect();
    if let Some(start) = product.release_date.as_deref().and_then(instant) {
        seen.listing.phases.push(unlock(Window { start, end: None, precision: Precision::Hour }, evidence));
    }
    seen
}

/// Builds, the sizes of the current one, and of the update from the known one.
async fn add_builds(
    up: &dyn Upstream,
    product: u64,
    system: &str,
    listing: &ListingRef,
    seen: &mut ListingObservation,
) -> Result<(), PlatformError> {
    let builds = match content::builds(up, product, system).await {
        // Titles without builds have installers only.
        Err(PlatformError::NotFound { .. }) => return Ok(()),
        builds => builds?,
    };
    let evidence = builds.evidence();
    let observed = |item| BuildObservation::new(content::build(item), evidence.clone());
    seen.builds = builds.value.iter().map(observed).collect();
    let Some(current) = builds.value.last() else { return Ok(()) };
    seen.listing.build = Some(Fact::new(content::build(current), evidence.clone()));
    seen.listing.sizes = content::sizes(up, current, &evidence).await?;
    let known = listing.build.as_ref().filter(|known| known.id != current.build_id);
    let old = known.and_then(|known| builds.value.iter().find(|item| item.build_id == known.id));
    if let (Some(old), Some(last)) = (old, seen.builds.last_mut()) {
        last.update = content::update(up, old, current).await?;
    }
    Ok(())
}

/// Installers as variants; the one for Windows in English is the ordinary size if the client has none.
fn add_installers(product: &wire::Product, evidence: &Evidence, sizes: &mut Vec<DownloadSize>) {
    let note = "The installer for use without the client, rounded to whole MiB.";
    let evidence = Evidence { confidence: 0.9, note: Some(note.into()), ..evidence.clone() };
    let installers = product.downloads.iter().flat_map(|downloads| downloads.installers.iter().flatten());
    let mut without_client = Vec::new();
    for installer in installers.take(MAX_INSTALLERS) {
        let (Some(bytes), Some(system)) = (installer.total_size.filter(|bytes| *bytes > 0), &installer.os)
        else {
            continue;
        };
        let language = installer.language.as_deref().unwrap_or("any");
        let wire_bytes = Some(Fact::new(ByteRange::exactly(Bytes(bytes)), evidence.clone()));
        let ordinary = sizes.is_empty() && system == "windows" && language == "en";
        let variant =
            (!ordinary).then(|| format!("installer {} {}", system.to_lowercase(), language.to_lowercase()));
        without_client.push(DownloadSize { variant, wire_bytes, disk_bytes: None });
    }
    sizes.extend(without_client);
}

fn unlock(window: Window, evidence: Evidence) -> Phase {
    phase(PhaseKind::Unlock, Region::WORLD, (window.start, window.precision), evidence)
}

/// `2016-03-09T10:16:11+0000`, which is not quite RFC 3339.
fn instant(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%z").ok().map(|at| at.to_utc())
}
