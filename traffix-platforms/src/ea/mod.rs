//! EA: the offers of Origin.
//!
//! Identifiers are offers: `Origin.OFR.50.0001969`. Origin is retired and its successor asks an authenticated service,
//! so [`probe`] tells whether these interfaces still answer: a source that does not can be switched off.

#[cfg(test)]
mod tests;
mod wire;

use std::io::Read;
use std::sync::LazyLock;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use flate2::read::MultiGzDecoder;
use traffix_core::catalogue::{
    Build, ByteRange, DownloadSize, Phase, PhaseKind, PlatformId, Precision, Region, Thumbnail,
};
use traffix_core::delivery::Assertion;
use traffix_core::{Bytes, Evidence, Fact};
use url::Url;

use self::wire::{Download, Offer, Software, Supercat};
use crate::embedded::profile;
use crate::upstream::{Call, Fetched, Method, Request, Upstream};
use crate::{
    AudienceObservation, BuildObservation, Datum, Discover, ListingObservation, ListingRef, Page, Platform,
    PlatformError, Profile, Vantage, phase, unsupported,
};

const ID: PlatformId = PlatformId::from_static("ea");
const OFFERS: &str = "https://api1.origin.com/ecommerce2/public";
const SUPERCAT: &str = "https://api1.origin.com/supercat";
/// Where the paths of packages lie.
const PACKAGES: &str = "https://origin-a.akamaihd.net";
/// An offer that was there for years.
const PROBED_OFFER: &str = "Origin.OFR.50.0001969";
/// Countries with a catalogue in English; the others see that of the United States.
const ENGLISH: [&str; 4] = ["US", "GB", "CA", "AU"];
/// Largest catalogue after decompression. Assumed: several times what 10 thousand offers need.
const SUPERCAT_LIMIT_BYTES: u64 = 256 * 1024 * 1024;
/// The system whose dates and builds count.
const WINDOWS: &str = "PCWIN";

static PROFILE: LazyLock<Profile> =
    LazyLock::new(|| profile(ID, include_str!("profile.toml"), include_str!("delivery.tsv")));

/// The EA app and Origin before it.
pub(crate) struct Ea;

#[async_trait]
impl Platform for Ea {
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
        let country = ENGLISH.into_iter().find(|country| *country == query.region.as_str()).unwrap_or("US");
        let catalogue = supercat(up, country).await?;
        let evidence = catalogue.evidence();
        let games = catalogue
            .value
            .offers
            .into_iter()
            .filter(|offer| offer.origin_display_type.as_deref().is_none_or(|kind| kind == "Full Game"));
        let items = games.map(|offer| {
            let mut seen = ListingObservation::new(ID, offer.offer_id, evidence.clone());
            seen.title = offer.i18n.and_then(|names| names.display_name).or(offer.item_name);
            seen
        });
        Ok(Page { items: items.collect(), next: None })
    }

    async fn refresh(
        &self,
        up: &dyn Upstream,
        listing: &ListingRef,
    ) -> Result<ListingObservation, PlatformError> {
        let offer = offer(up, &listing.external_id).await?;
        let mut seen = described(&offer);
        let Some(current) = current(&offer.value) else { return Ok(seen) };
        if let (Some(build), Some(address)) = (build(current), &current.address) {
            seen.listing.build = Some(Fact::new(build, offer.evidence()));
            seen.listing.sizes = package_size(up, address).await?.into_iter().collect();
        }
        Ok(seen)
    }

    async fn audience(&self, _: &dyn Upstream, _: &ListingRef) -> Result<AudienceObservation, PlatformError> {
        unsupported(self, Datum::Audience)
    }

    async fn delivery(&self, _: &dyn Upstream, _: &Vantage) -> Result<Vec<Assertion>, PlatformError> {
        unsupported(self, Datum::Hosts)
    }
}

/// Whether the interface of offers still answers as it did. `Ok(false)` is a reason to switch this source off: the
/// address is gone or answers with something else.
///
/// # Errors
/// [`PlatformError::Upstream`] if nothing answered, so nothing is known.
pub async fn probe(up: &dyn Upstream) -> Result<bool, PlatformError> {
    match offer(up, PROBED_OFFER).await {
        Ok(_) => Ok(true),
        Err(PlatformError::NotFound { .. } | PlatformError::Malformed { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

async fn offer(up: &dyn Upstream, id: &str) -> Result<Fetched<Offer>, PlatformError> {
    let call = Call::new(ID, "ecommerce2/public", up).about(id);
    let well_formed = |b: u8| b.is_ascii_alphanumeric() || b".:_-".contains(&b);
    if id.is_empty() || id.bytes().all(|b| b == b'.') || !id.bytes().all(well_formed) {
        return Err(call.not_found(id));
    }
    let request = Request::get(OFFERS).segment(id).segment("en_US").query("country", "US").fresh_for(21_600);
    call.json(request).await
}

/// The catalogue of a country, which is compressed even where the transport does not say so.
async fn supercat(up: &dyn Upstream, country: &str) -> Result<Fetched<Supercat>, PlatformError> {
    let call = Call::new(ID, "supercat", up);
    let locale = format!("en_{country}");
    let file = format!("supercat-PCWIN_MAC-{country}-{locale}.json.gz");
    let request = Request::get(SUPERCAT).segment(country).segment(&locale).segment(&file);
    let fetched = call.bytes(request.body_limit(SUPERCAT_LIMIT_BYTES).fresh_for(86_400)).await?;
    let catalogue = if fetched.value.starts_with(&[0x1f, 0x8b]) {
        let mut text = Vec::new();
        let read = MultiGzDecoder::new(&*fetched.value).take(SUPERCAT_LIMIT_BYTES).read_to_end(&mut text);
        read.map_err(|error| call.malformed("the compressed body", error.to_string()))?;
        call.parse_json(&text)?
    } else {
        call.parse_json(&fetched.value)?
    };
    Ok(fetched.map(|_| catalogue))
}

fn described(fetched: &Fetched<Offer>) -> ListingObservation {
    let (offer, evidence) = (&fetched.value, fetched.evidence());
    let mut seen = ListingObservation::new(ID, &*offer.id, evidence.clone());
    seen.title = offer.localizable_attributes.as_ref().and_then(|texts| texts.display_name.clone());
    seen.thumbnails = picture(offer).into_iter().collect();
    seen.changed_at = offer.updated_date;
    seen.listing.phases = phases(offer, &evidence);
    seen.builds = downloads(offer)
        .filter_map(build)
        .map(|build| BuildObservation::new(build, evidence.clone()))
        .collect();
    seen.builds.sort_by_key(|seen| seen.build.live_at);
    seen
}

fn picture(offer: &Offer) -> Option<Thumbnail> {
    let server = offer.custom_attributes.as_ref()?.image_server.as_deref()?;
    let path = offer.localizable_attributes.as_ref()?.pack_art_large.as_deref()?;
    let url = Url::parse(&format!("{server}{path}")).ok().filter(|url| url.scheme() == "https")?;
    Some(Thumbnail { url: url.into(), width_px: None, height_px: None })
}

/// The unlock, and the preload if it begins before.
fn phases(offer: &Offer, evidence: &Evidence) -> Vec<Phase> {
    let dates = offer.publishing.as_ref().and_then(|publishing| publishing.software_control_dates.as_ref());
    let dates = dates.into_iter().flat_map(|dates| dates.software_control_date.iter().flatten());
    let Some(dates) = dates.into_iter().find(|dates| dates.platform.as_deref().is_none_or(|p| p == WINDOWS))
    else {
        return Vec::new();
    };
    let phase = |kind, start: DateTime<Utc>, end| {
        let mut phase = phase(kind, Region::WORLD, (start, Precision::Minute), evidence.clone());
        phase.window.value.end = end;
        phase
    };
    let unlock = dates.release_date;
    let preload = dates.download_start_date.filter(|start| unlock.is_some_and(|unlock| *start < unlock));
    let preload = preload.map(|start| phase(PhaseKind::Preload, start, unlock));
    preload.into_iter().chain(unlock.map(|start| phase(PhaseKind::Unlock, start, None))).collect()
}

fn downloads(offer: &Offer) -> impl Iterator<Item = &Download> {
    let list = offer.publishing.as_ref().and_then(|publishing| publishing.software_list.as_ref());
    let software = list.into_iter().flat_map(|list| list.software.iter().flatten());
    let windows = |software: &&Software| software.software_platform.as_deref().is_none_or(|p| p == WINDOWS);
    let urls = software.filter(windows).filter_map(|software| software.download_urls.as_ref());
    urls.flat_map(|urls| urls.download_url.iter().flatten())
}

/// The build that is delivered: the newest that is live, not one that is staged for later.
fn current(offer: &Offer) -> Option<&Download> {
    downloads(offer).filter(|d| d.kind.as_deref() == Some("live")).max_by_key(|d| d.effective_date)
}

fn build(download: &Download) -> Option<Build> {
    let id = download.build_release_version.clone()?;
    Some(Build { version: Some(id.clone()), id, live_at: download.effective_date })
}

/// The length of a package that the CDN states; `None` if it does not answer for the package any more.
async fn package_size(up: &dyn Upstream, address: &str) -> Result<Option<DownloadSize>, PlatformError> {
    let call = Call::new(ID, "package", up);
    let base = Request::get(PACKAGES).url;
    let Some(url) = base.join(address).ok().filter(|url| url.scheme() == "https") else { return Ok(None) };
    let request = Request::to(Method::Get, url).head().fresh_for(86_400);
    let response = call.response(&request).await?;
    let length = response.header("content-length").and_then(|length| length.parse::<u64>().ok());
    let Some(bytes) = length.filter(|bytes| response.status == 200 && *bytes > 0) else { return Ok(None) };
    let note = "The length of the package; a client may fetch only parts of it.";
    let source = request.url.to_string();
    let mut evidence = Evidence::new(traffix_core::SourceKind::Official, source, response.observed_at);
    (evidence.confidence, evidence.note) = (0.8, Some(note.into()));
    let wire_bytes = Some(Fact::new(ByteRange::exactly(Bytes(bytes)), evidence));
    Ok(Some(DownloadSize { variant: None, wire_bytes, disk_bytes: None }))
}
