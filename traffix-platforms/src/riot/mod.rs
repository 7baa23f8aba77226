//! Riot Client, the launcher of Riot Games.
//!
//! Its services name, per title and region, the manifest of the release that players get. A manifest lists the chunks
//! of every file, so sizes are exact: an update is the chunks that the release before lacked. The game of League of
//! Legends has a manifest of its own beside the one of its client. [`Manifest`] reads and counts.

use std::sync::LazyLock;

use async_trait::async_trait;
use traffix_core::catalogue::{Build, ByteRange, DownloadSize, PlatformId, Region};
use traffix_core::delivery::{Assertion, EvidenceKind, PartialDate, Role, Status, Tenancy};
use traffix_core::{Bytes, Fact};

use crate::embedded::profile;
use crate::upstream::{Fetched, Upstream};
use crate::{
    AudienceObservation, BuildObservation, Datum, Discover, ListingObservation, ListingRef, Page, Platform,
    PlatformError, Profile, UpdateSize, Vantage, unsupported,
};

mod flatbuffer;
mod manifest;
mod service;
#[cfg(test)]
mod tests;
mod version;
mod wire;

pub use manifest::{Device, Manifest, ManifestError};
pub use version::Version;

use service::{Artefact, Offer, Rollouts};
use version::ManifestAddress;

const ID: PlatformId = PlatformId::from_static("riot");

/// The region whose release sizes are taken from, where a title has it.
const REGIONS: [&str; 3] = ["EUW", "eu", "NA"];

static PROFILE: LazyLock<Profile> =
    LazyLock::new(|| profile(ID, include_str!("profile.toml"), include_str!("delivery.tsv")));

/// A title of the launcher: the services cannot be asked for all of them.
struct Title {
    id: &'static str,
    name: &'static str,
    /// What is installed beside the release of the patchline.
    beside: Option<Rollouts>,
}

/// Reviewed 2026-11-21; source: the archives <https://github.com/Morilli/riot-manifests>.
const TITLES: [Title; 4] = [
    Title { id: "bacon", name: "Legends of Runeterra", beside: None },
    Title {
        id: "league_of_legends",
        name: "League of Legends",
        beside: Some(Rollouts { product: "lol", set: "EUW1", artefact: "lol-game-client" }),
    },
    Title { id: "lion", name: "2XKO", beside: None },
    Title { id: "valorant", name: "VALORANT", beside: None },
];

/// Riot Client, the launcher of Riot Games.
pub(crate) struct Riot;

#[async_trait]
impl Platform for Riot {
    fn id(&self) -> PlatformId {
        ID
    }

    fn profile(&self) -> &Profile {
        &PROFILE
    }

    /// The titles that have a release for players, in one page.
    async fn discover(
        &self,
        up: &dyn Upstream,
        _: &Discover,
    ) -> Result<Page<ListingObservation>, PlatformError> {
        let mut items = Vec::new();
        for title in &TITLES {
            let offers = service::offers(up, title.id).await?;
            if !offers.value.is_empty() {
                let mut seen = ListingObservation::new(ID, title.id, offers.evidence());
                seen.title = Some(title.name.into());
                items.push(seen);
            }
        }
        Ok(Page { items, next: None })
    }

    async fn refresh(
        &self,
        up: &dyn Upstream,
        listing: &ListingRef,
    ) -> Result<ListingObservation, PlatformError> {
        let not_found = || PlatformError::NotFound { platform: ID, id: listing.external_id.clone() };
        let title = TITLES.iter().find(|title| title.id == listing.external_id).ok_or_else(not_found)?;
        let offers = service::offers(up, title.id).await?;
        let main = main_offer(&offers.value).ok_or_else(not_found)?;
        let artefacts = match title.beside {
            Some(rollouts) => Some(service::artefacts(up, rollouts).await?),
            None => None,
        };
        let mut seen = ListingObservation::new(ID, title.id, offers.evidence());
        seen.title = Some(title.name.into());
        seen.builds = match &artefacts {
            Some(artefacts) => rollout_builds(&offers, main, artefacts),
            None => offered_builds(&offers),
        };
        let newest = artefacts.as_ref().and_then(|artefacts| artefacts.value.last());
        let current = build(main, newest);
        seen.listing.build = Some(Fact::new(current.clone(), offers.evidence()));

        let addresses: Vec<_> =
            std::iter::once(&main.manifest).chain(newest.map(|artefact| &artefact.manifest)).collect();
        let Some(release) = release(up, &addresses).await? else { return Ok(seen) };
        seen.listing.sizes = sizes(&release);
        let before = listing.build.as_ref().map(|build| build.id.as_str()).filter(|id| *id != current.id);
        if let Some(before) = before
            && let Some(older) = older(&addresses, before)
            && let Some(from) = self::release(up, &older.iter().collect::<Vec<_>>()).await?
        {
            let bytes = update_bytes(&from, &release, &Device::default());
            let update = UpdateSize { from: before.to_owned(), wire_bytes: ByteRange::exactly(Bytes(bytes)) };
            seen.builds.iter_mut().filter(|entry| entry.build.id == current.id).for_each(|entry| {
                entry.update = Some(update.clone());
            });
        }
        Ok(seen)
    }

    async fn audience(&self, _: &dyn Upstream, _: &ListingRef) -> Result<AudienceObservation, PlatformError> {
        unsupported(self, Datum::Audience)
    }

    async fn delivery(&self, up: &dyn Upstream, from: &Vantage) -> Result<Vec<Assertion>, PlatformError> {
        let mut found: Vec<Assertion> = Vec::new();
        for title in &TITLES {
            let offers = service::offers(up, title.id).await?;
            let hosts = offers.value.iter().filter_map(|offer| assertion(&offers, offer));
            let seen = hosts.filter(|a| {
                from.region == Region::WORLD || a.region.as_ref() == Some(&from.region) || a.region.is_none()
            });
            for assertion in seen {
                if !found.iter().any(|known| known.host == assertion.host && known.region == assertion.region)
                {
                    found.push(assertion);
                }
            }
        }
        Ok(found)
    }
}

fn main_offer(offers: &[Offer]) -> Option<&Offer> {
    let preferred = REGIONS.iter().find_map(|region| offers.iter().find(|offer| offer.region == *region));
    preferred.or(offers.first())
}

/// The manifests of a release: that of the patchline first.
type Release = Vec<Fetched<Manifest>>;

/// All manifests of a release; `None` if one of them is gone.
async fn release(
    up: &dyn Upstream,
    addresses: &[&ManifestAddress],
) -> Result<Option<Release>, PlatformError> {
    let mut release = Vec::new();
    for address in addresses {
        let Some(manifest) = service::manifest(up, address).await? else { return Ok(None) };
        release.push(manifest);
    }
    Ok(Some(release))
}

/// Where the manifests of the build `id` are, if that names as many as there are now.
fn older(addresses: &[&ManifestAddress], id: &str) -> Option<Vec<ManifestAddress>> {
    let ids: Vec<&str> = id.split('+').collect();
    let same = ids.len() == addresses.len();
    same.then(|| addresses.iter().zip(ids).map(|(address, id)| address.of(id)).collect()).flatten()
}

/// Bytes on the wire from one release to another, artefact by artefact.
fn update_bytes(from: &Release, to: &Release, device: &Device) -> u64 {
    from.iter().zip(to).map(|(from, to)| to.value.update_bytes(&from.value, device)).sum()
}

/// Sizes of the ordinary device and in other languages.
fn sizes(release: &Release) -> Vec<DownloadSize> {
    let Some(first) = release.first() else { return Vec::new() };
    let size = |variant: Option<String>, device: &Device| {
        let sum = |bytes: fn(&Manifest, &Device) -> u64| {
            let bytes = release.iter().map(|manifest| bytes(&manifest.value, device)).sum();
            Fact::new(ByteRange::exactly(Bytes(bytes)), first.evidence())
        };
        DownloadSize {
            variant,
            wire_bytes: Some(sum(Manifest::install_bytes)),
            disk_bytes: Some(sum(Manifest::disk_bytes)),
        }
    };
    let ordinary = Device::default();
    let mut locales: Vec<&str> = release.iter().flat_map(|manifest| manifest.value.locales()).collect();
    locales.sort_unstable();
    locales.dedup();
    let others = locales.into_iter().filter(|locale| *locale != ordinary.locale);
    let others = others.map(|locale| {
        let device = Device { locale: locale.into(), ..ordinary.clone() };
        size(Some(language(locale)), &device)
    });
    std::iter::once(size(None, &ordinary)).chain(others).collect()
}

/// A short name of a language.
fn language(locale: &str) -> String {
    let name = match locale {
        "de_DE" => "german",
        "es_ES" => "spanish",
        "es_MX" => "mexican spanish",
        "fr_FR" => "french",
        "it_IT" => "italian",
        "ja_JP" => "japanese",
        "ko_KR" => "korean",
        "pl_PL" => "polish",
        "pt_BR" => "brazilian portuguese",
        "ru_RU" => "russian",
        "tr_TR" => "turkish",
        "zh_TW" => "traditional chinese",
        other => return other.to_ascii_lowercase(),
    };
    name.into()
}

/// The build that consists of these releases, named by their manifests: with that, old ones can be found again.
fn build(offer: &Offer, beside: Option<&Artefact>) -> Build {
    let ids: Vec<&str> =
        offer.manifest.id().into_iter().chain(beside.and_then(|artefact| artefact.manifest.id())).collect();
    Build {
        id: ids.join("+"),
        version: beside.map(|artefact| artefact.version.to_string()),
        live_at: beside.and_then(|artefact| artefact.created_at),
    }
}

/// The builds of a title whose game has releases of its own, oldest first.
fn rollout_builds(
    offers: &Fetched<Vec<Offer>>,
    main: &Offer,
    artefacts: &Fetched<Vec<Artefact>>,
) -> Vec<BuildObservation> {
    let region = if same_everywhere(&offers.value) { Some(Region::WORLD) } else { region(&main.region) };
    let Some(region) = region else { return Vec::new() };
    let mut evidence = artefacts.evidence();
    evidence.confidence = 0.8;
    evidence.note = Some("the instant is that of the release's creation".into());
    let observed = |artefact| {
        let build = BuildObservation::new(build(main, Some(artefact)), evidence.clone());
        BuildObservation { region: region.clone(), ..build }
    };
    artefacts.value.iter().map(observed).collect()
}

/// The builds of any other title: one entry if it is the same everywhere, else one per region.
fn offered_builds(offers: &Fetched<Vec<Offer>>) -> Vec<BuildObservation> {
    let entry = |offer: &Offer, region: Region| BuildObservation {
        region,
        ..BuildObservation::new(build(offer, None), offers.evidence())
    };
    if same_everywhere(&offers.value) {
        return offers.value.first().map(|offer| entry(offer, Region::WORLD)).into_iter().collect();
    }
    let mut builds: Vec<BuildObservation> = Vec::new();
    for offer in &offers.value {
        let Some(region) = region(&offer.region) else { continue };
        let new = entry(offer, region);
        if !builds.iter().any(|known| known.region == new.region && known.build == new.build) {
            builds.push(new);
        }
    }
    builds
}

fn same_everywhere(offers: &[Offer]) -> bool {
    offers.windows(2).all(|pair| pair[0].manifest.id() == pair[1].manifest.id())
}

/// The country, or `EU`, that a code of Riot's stands for; nothing for continents and groups of countries.
fn region(code: &str) -> Option<Region> {
    let region = match code.to_ascii_uppercase().as_str() {
        "EU" | "EUW" | "EUW1" | "EUNE" | "EUN1" => "EU",
        "NA" | "NA1" => "US",
        "BR" | "BR1" => "BR",
        "JP" | "JP1" => "JP",
        "KR" => "KR",
        "RU" => "RU",
        "TR" | "TR1" => "TR",
        "TW" | "TW2" => "TW",
        "VN" | "VN2" => "VN",
        _ => return None,
    };
    region.parse().ok()
}

/// That the host of a manifest, which is that of its bundles, delivers to a region.
fn assertion(offers: &Fetched<Vec<Offer>>, offer: &Offer) -> Option<Assertion> {
    let host = offer.manifest.url().host_str()?.parse().ok()?;
    Some(Assertion {
        platform: Some(ID),
        cdn: None,
        asn: None,
        prefix: None,
        host: Some(host),
        role: Role::Cdn,
        tenancy: Tenancy::Shared,
        region: region(&offer.region),
        site: None,
        status: Status::Current,
        evidence: EvidenceKind::Official,
        source: offers.source.as_str().into(),
        observed: Some(PartialDate::day(offers.observed_at.date_naive())),
        valid_from: None,
        valid_until: None,
        confidence: EvidenceKind::Official.confidence(),
        share_hint: None,
        note: Some(format!("named for Riot's region {}; several CDNs serve the name", offer.region).into()),
    })
}
