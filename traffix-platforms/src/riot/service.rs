//! Asking Riot's services.

use std::collections::BTreeMap;

use super::manifest::{Manifest, ManifestError};
use super::version::{ManifestAddress, Version};
use super::{ID, wire};
use crate::PlatformError;
use crate::upstream::{Call, Fetched, Method, Request, Upstream};

/// Patches go live within minutes: look that often.
const FRESH_SECS: u32 = 120;
/// What is named by its identifier never changes; how long it is kept is a question of space only.
const MANIFEST_FRESH_SECS: u32 = 7 * 86_400;
/// Largest manifest: those of the largest titles have some ten megabytes.
const MAX_MANIFEST_BYTES: u64 = 128 << 20;
/// The patchline that players get; others are tests.
const PATCHLINE: &str = "live";
/// The system that sizes are taken from.
const SYSTEM: &str = "win";

/// A version set: the artefact that it rolls out beside the one of the patchline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rollouts {
    /// Riot's code of the product.
    pub(super) product: &'static str,
    /// The set of a region.
    pub(super) set: &'static str,
    /// Which artefact of the set.
    pub(super) artefact: &'static str,
}

/// A release that a region gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Offer {
    /// Riot's own code.
    pub(super) region: String,
    pub(super) manifest: ManifestAddress,
}

/// A release of a version set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Artefact {
    pub(super) version: Version,
    /// When the release was created, if it says so.
    pub(super) created_at: Option<chrono::DateTime<chrono::Utc>>,
    pub(super) manifest: ManifestAddress,
}

/// What every region gets of a title on Windows, in the order of the service. Empty if there is no such title.
pub(super) async fn offers(up: &dyn Upstream, title: &str) -> Result<Fetched<Vec<Offer>>, PlatformError> {
    let call = Call::new(ID, "patchlines", up);
    let request = Request::get("https://clientconfig.rpg.riotgames.com/api/v1/config/public")
        .query("namespace", format_args!("keystone.products.{title}.patchlines"))
        .fresh_for(FRESH_SECS);
    let mut answer = call.json::<BTreeMap<String, serde_json::Value>>(request).await?;
    let key = format!("keystone.products.{title}.patchlines.{PATCHLINE}");
    let Some(patchline) = answer.value.remove(&key) else { return Ok(answer.map(|_| Vec::new())) };
    let patchline: wire::Patchline = serde_path_to_error::deserialize(patchline)
        .map_err(|error| call.malformed(key, error.to_string()))?;
    let configurations = patchline.platforms.get(SYSTEM).map(|system| system.configurations.as_slice());
    let mut offers = Vec::new();
    for configuration in configurations.unwrap_or_default() {
        let Some(address) = &configuration.patch_url else { continue };
        let manifest = ManifestAddress::parse(address);
        let manifest =
            manifest.ok_or_else(|| call.malformed("patch_url", format!("{address:?} names no manifest")))?;
        offers.push(Offer { region: configuration.id.clone(), manifest });
    }
    Ok(answer.map(|_| offers))
}

/// The releases of an artefact, by version. Those without an address are not offered yet and left out.
pub(super) async fn artefacts(
    up: &dyn Upstream,
    rollouts: Rollouts,
) -> Result<Fetched<Vec<Artefact>>, PlatformError> {
    let call = Call::new(ID, "version-sets", up);
    let request = Request::get("https://sieve.services.riotcdn.net/api/v1/products")
        .segment(rollouts.product)
        .segment("version-sets")
        .segment(rollouts.set)
        .query("q[platform]", "windows")
        .fresh_for(FRESH_SECS);
    let set = call.json::<wire::VersionSet>(request).await?;
    let of_artefact =
        |rollout: &&wire::Rollout| rollout.release.label("riot:artifact_type_id") == Some(rollouts.artefact);
    let mut found: Vec<Artefact> =
        set.value.releases.iter().filter(of_artefact).filter_map(artefact).collect();
    found.sort_by(|a, b| a.version.cmp(&b.version).then(a.created_at.cmp(&b.created_at)));
    Ok(set.map(|_| found))
}

fn artefact(rollout: &wire::Rollout) -> Option<Artefact> {
    Some(Artefact {
        version: Version::new(rollout.release.label("riot:artifact_version_id")?),
        created_at: rollout.release.created_at.as_deref().and_then(|at| at.parse().ok()),
        manifest: ManifestAddress::parse(rollout.download.as_ref()?.url.as_deref()?)?,
    })
}

/// A manifest; `None` if it is gone.
pub(super) async fn manifest(
    up: &dyn Upstream,
    address: &ManifestAddress,
) -> Result<Option<Fetched<Manifest>>, PlatformError> {
    let call = Call::new(ID, "manifest", up);
    let request = Request::to(Method::Get, address.url().clone())
        .body_limit(MAX_MANIFEST_BYTES)
        .fresh_for(MANIFEST_FRESH_SECS);
    let bytes = match call.bytes(request).await {
        Err(PlatformError::NotFound { .. }) => return Ok(None),
        other => other?,
    };
    let manifest = Manifest::parse(&bytes.value).map_err(|error| match &error {
        ManifestError::Malformed { at, .. } => call.malformed(at.clone(), error.to_string()),
        ManifestError::TooLarge { .. } => call.malformed("header", error.to_string()),
    })?;
    Ok(Some(bytes.map(|_| manifest)))
}
