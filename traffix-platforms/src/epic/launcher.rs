//! The launcher: which build an item has, how large it is, and from where it comes.

use std::fmt;

use serde_json::json;
use traffix_core::catalogue::{Build, ByteRange, DownloadSize};
use traffix_core::delivery::{Assertion, HostPattern};
use traffix_core::{Bytes, Evidence, Fact};
use url::Url;

use super::ids::LauncherItem;
use super::manifest::{Manifest, Sizes};
use super::wire::{AndroidAnswer, Asset, DistributionPoints, ItemBuild, ItemBuilds};
use super::{ID, PROFILE};
use crate::upstream::{Call, Fetched, Placement, Request, Upstream};
use crate::{BuildObservation, ListingObservation, PlatformError, UpdateSize, delivery};

const LAUNCHER: &str = "https://launcher-public-service-prod06.ol.epicgames.com/launcher/api/public";
/// Largest manifest that is fetched. Assumed: several times those of the largest games.
const MANIFEST_LIMIT_BYTES: u64 = 256 * 1024 * 1024;
/// A manifest never changes: its address holds a hash.
const MANIFEST_FRESH_SECS: u32 = 30 * 86_400;
/// Most variants of a size that a listing gets.
const MAX_VARIANTS: usize = 32;

/// The build that the launcher installs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LauncherBuild {
    /// The launcher's name of the build: `++Fortnite+Release-41.00-CL-54618515-Windows`.
    pub version: String,
    /// Where its manifest is.
    pub manifest: Option<SignedAddress>,
    /// Whether it is offered ahead of its unlock; absent in older answers.
    pub preloaded: Option<bool>,
}

/// An address whose query is a short-lived token: it is sent but never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct SignedAddress(Url);

impl SignedAddress {
    /// The path on the server: `Builds/Fortnite/CloudDir/….manifest`. It names the build, on whichever server.
    pub fn path(&self) -> &str {
        self.0.path().trim_start_matches('/')
    }

    /// The same signature for another path.
    fn sibling(&self, path: &str) -> Self {
        let mut url = self.0.clone();
        url.set_path(path);
        Self(url)
    }
}

impl fmt::Debug for SignedAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.0.host_str().unwrap_or_default(), self.path())
    }
}

/// The live Windows build of `item`. Needs the credential `epic`, a bearer token of a launcher.
///
/// # Errors
/// [`PlatformError`]; without the credential an upstream error that names it.
pub async fn build(up: &dyn Upstream, item: &LauncherItem) -> Result<Fetched<LauncherBuild>, PlatformError> {
    let call = Call::new(ID, "assets/v2", up);
    let request = Request::get(&format!("{LAUNCHER}/assets/v2/platform/Windows"))
        .segment("namespace")
        .segment(&item.namespace)
        .segment("catalogItem")
        .segment(&item.catalog_item)
        .segment("app")
        .segment(&item.app)
        .segment("label")
        .segment("Live")
        .credential("epic", Placement::Bearer);
    let builds = match call.json::<ItemBuilds>(request).await {
        Err(PlatformError::NotFound { .. }) => return older_build(up, item).await,
        builds => builds?,
    };
    let (source, observed_at) = (builds.source, builds.observed_at);
    let first = builds.value.elements.into_iter().flatten().next();
    let build = first.ok_or_else(|| call.not_found(item.external_id()))?;
    Ok(Fetched { value: newer(&call, build)?, source, observed_at })
}

fn newer(call: &Call<'_>, build: ItemBuild) -> Result<LauncherBuild, PlatformError> {
    let address = |uri: &str| address(call, uri);
    let manifest = match build.manifests.into_iter().flatten().next() {
        None => None,
        Some(signed) => {
            let mut url = address(&signed.uri)?;
            for param in signed.query_params.into_iter().flatten() {
                url.query_pairs_mut().append_pair(&param.name, &param.value);
            }
            Some(SignedAddress(url))
        }
    };
    Ok(LauncherBuild { version: build.build_version, manifest, preloaded: build.is_preloaded })
}

/// The same by the interface before.
async fn older_build(
    up: &dyn Upstream,
    item: &LauncherItem,
) -> Result<Fetched<LauncherBuild>, PlatformError> {
    let call = Call::new(ID, "assets", up).about(item.external_id());
    let request = Request::get(&format!("{LAUNCHER}/assets/Windows"))
        .segment(&item.catalog_item)
        .segment(&item.app)
        .query("label", "Live")
        .credential("epic", Placement::Bearer);
    let asset = call.json::<Asset>(request).await?;
    let (source, observed_at, asset) = (asset.source, asset.observed_at, asset.value);
    let manifest = match asset.items.and_then(|items| items.manifest) {
        None => None,
        Some(item) => {
            let mut url = address(&call, &item.distribution)?;
            url.set_path(&item.path);
            url.set_query(item.signature.as_deref());
            Some(SignedAddress(url))
        }
    };
    let value = LauncherBuild { version: asset.build_version, manifest, preloaded: None };
    Ok(Fetched { value, source, observed_at })
}

fn address(call: &Call<'_>, text: &str) -> Result<Url, PlatformError> {
    let url = Url::parse(text).ok().filter(|url| url.scheme() == "https" && url.host_str().is_some());
    url.ok_or_else(|| call.malformed("address of the manifest", "no https address"))
}

/// The manifest at `address`; `None` if it is not there or the signature has expired.
///
/// # Errors
/// [`PlatformError`]: not reached, or not a manifest.
pub async fn manifest(up: &dyn Upstream, address: &SignedAddress) -> Result<Option<Manifest>, PlatformError> {
    let call = Call::new(ID, "manifest", up);
    let request =
        Request::signed(address.0.clone()).body_limit(MANIFEST_LIMIT_BYTES).fresh_for(MANIFEST_FRESH_SECS);
    let response = call.response(&request).await?;
    match response.status {
        200 => Manifest::parse(&response.body)
            .map(Some)
            .map_err(|error| call.malformed(format!("{address:?}"), error.to_string())),
        // A server that has no such object, or only for fresh signatures, says one of these.
        403 | 404 | 410 => Ok(None),
        status => Err(call.malformed("status", status.to_string())),
    }
}

/// Everything the launcher says about `item`.
pub(super) async fn refresh(
    up: &dyn Upstream,
    item: &LauncherItem,
    known: Option<&Build>,
) -> Result<ListingObservation, PlatformError> {
    let fetched = build(up, item).await?;
    let mut evidence = fetched.evidence();
    let found = fetched.value;
    let manifest = match &found.manifest {
        Some(address) => manifest(up, address).await?,
        None => None,
    };
    let mut seen = ListingObservation::new(ID, item.external_id(), evidence.clone());
    // The version may be reused when a build is rolled back; the manifest's path is the build.
    let id = found.manifest.as_ref().map_or(&*found.version, SignedAddress::path).to_owned();
    let current = Build { id, version: Some(found.version.clone()), live_at: None };
    seen.listing.build = Some(Fact::new(current.clone(), evidence.clone()));
    let mut update = None;
    if let (Some(new), Some(address)) = (&manifest, &found.manifest) {
        evidence.note = Some(format!("Sums over the manifest {address:?}."));
        seen.listing.sizes = sizes(new, &evidence);
        update = update_size(up, new, address, known).await?;
    }
    let new_to_us = known.is_none_or(|known| known.id != current.id);
    let build = BuildObservation { update, ..BuildObservation::new(current, evidence) };
    let ahead = found.preloaded == Some(true) && new_to_us;
    seen.builds.push(if ahead { build.open_ahead() } else { build });
    Ok(seen)
}

/// The size of the update from `known`, if that build's manifest is still there.
async fn update_size(
    up: &dyn Upstream,
    new: &Manifest,
    address: &SignedAddress,
    known: Option<&Build>,
) -> Result<Option<UpdateSize>, PlatformError> {
    let older = known.filter(|known| known.id.ends_with(".manifest") && known.id != address.path());
    let Some(older) = older else { return Ok(None) };
    let Some(old) = manifest(up, &address.sibling(&older.id)).await? else { return Ok(None) };
    let bytes = new.update_bytes(&old);
    Ok(bytes.map(|bytes| UpdateSize { from: older.id.clone(), wire_bytes: ByteRange::exactly(Bytes(bytes)) }))
}

/// Everything under no variant, then what each tag adds to the files without a tag.
fn sizes(manifest: &Manifest, evidence: &Evidence) -> Vec<DownloadSize> {
    let fact = |bytes| Some(Fact::new(ByteRange::exactly(Bytes(bytes)), evidence.clone()));
    let mut sizes = vec![DownloadSize {
        variant: None,
        wire_bytes: manifest.download_bytes().and_then(fact),
        disk_bytes: fact(manifest.install_bytes()),
    }];
    let by_tag = manifest.by_tag();
    if manifest.download_bytes().is_some() && (2..=MAX_VARIANTS).contains(&by_tag.len()) {
        sizes.extend(by_tag.into_iter().map(|(tag, Sizes { wire_bytes, disk_bytes })| DownloadSize {
            variant: Some(tag.map_or("untagged".into(), |tag| format!("tag {}", tag.to_lowercase()))),
            wire_bytes: fact(wire_bytes),
            disk_bytes: fact(disk_bytes),
        }));
    }
    sizes
}

/// The servers that the launcher is told to download from.
pub(super) async fn distribution_points(up: &dyn Upstream) -> Result<Vec<Assertion>, PlatformError> {
    let call = Call::new(ID, "distributionpoints", up);
    let request = Request::get(&format!("{LAUNCHER}/distributionpoints/")).fresh_for(3_600);
    let points = call.json::<DistributionPoints>(request).await?;
    let hosts = points.value.distributions.iter().filter_map(|base| Url::parse(base).ok());
    let hosts = hosts.filter_map(|url| url.host_str().and_then(|host| host.parse::<HostPattern>().ok()));
    Ok(hosts.map(|host| delivery::official(&PROFILE, host, &points.source, points.observed_at)).collect())
}

/// What the launcher for Android downloads of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AndroidBuild {
    /// `<namespace>/<catalogue item>`.
    pub item: String,
    /// The build.
    pub version: Option<String>,
    /// Bytes on the wire of the first package; the game fetches more when it runs.
    pub wire_bytes: Option<u64>,
}

/// The live Android builds of `items`. Needs the credential `epic`, a bearer token of a launcher.
///
/// # Errors
/// [`PlatformError`].
pub async fn android_builds(
    up: &dyn Upstream,
    items: &[LauncherItem],
) -> Result<Fetched<Vec<AndroidBuild>>, PlatformError> {
    let call = Call::new(ID, "android/metadata", up);
    let keys: Vec<_> = items
        .iter()
        .map(|item| json!({ "namespace": item.namespace, "catalogItemId": item.catalog_item, "label": "Live" }))
        .collect();
    let body = json!({ "androidMetadataKeys": keys, "attributes": { "platform": "Android", "abis": ["arm64-v8a"] } });
    let request = Request::get(&format!("{LAUNCHER}/android/v1/metadata/bulk"))
        .post_json(&body)
        .credential("epic", Placement::Bearer);
    let answer = call.json::<AndroidAnswer>(request).await?;
    Ok(answer.map(|answer| {
        let results = answer.results.into_iter().flatten();
        let build = |result: super::wire::AndroidResult| AndroidBuild {
            item: format!("{}/{}", result.namespace, result.catalog_item_id),
            version: result.metadata.as_ref().and_then(|metadata| metadata.build_version.clone()),
            wire_bytes: result.metadata.and_then(|metadata| metadata.download_size_bytes),
        };
        results.map(build).collect()
    }))
}
