//! Service status: an update of a live game begins with downtime.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use traffix_core::Evidence;
use traffix_core::catalogue::{PhaseStatus, Precision, Region, RuKind, Window};

use super::ID;
use super::store::{instant, phase};
use super::wire::{Maintenances, WireMaintenance};
use crate::upstream::{Call, Fetched, Placement, Request, Upstream};
use crate::{ListingObservation, PlatformError};

const STATUS_PAGE: &str = "https://status.epicgames.com/api/v2/scheduled-maintenances.json";
const LIGHTSWITCH: &str =
    "https://lightswitch-public-service-prod06.ol.epicgames.com/lightswitch/api/service/bulk/status";
const VERSION_CHECK: &str =
    "https://fortnite-public-service-prod11.ol.epicgames.com/fortnite/api/v2/versioncheck/Windows";

/// Downtime that the status page announces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Maintenance {
    /// The page's identifier of it.
    pub id: String,
    /// Headline.
    pub name: String,
    /// `scheduled`, `in_progress`, `verifying` or `completed`.
    pub status: Option<String>,
    /// When it begins.
    pub start: DateTime<Utc>,
    /// When it should end.
    pub end: Option<DateTime<Utc>>,
    /// Names of what is affected.
    pub components: Vec<String>,
}

impl Maintenance {
    /// The update that downtime usually means, of the release with the identifier `release`: tentative, since the
    /// page announces downtime and not a download.
    pub fn as_update(&self, release: &str, evidence: &Evidence) -> ListingObservation {
        let note = "Announced downtime; downtime usually comes with an update.";
        let evidence = Evidence { confidence: 0.5, note: Some(note.into()), ..evidence.clone() };
        let id = format!("{release}:maintenance:{}", self.id);
        let mut seen = ListingObservation::new(ID, id, evidence.clone());
        seen.kind = RuKind::Update;
        seen.updates = Some(release.to_owned());
        seen.title = Some(self.name.clone());
        let window = Window { start: self.start, end: self.end, precision: Precision::Minute };
        let mut phase = phase(window, &Region::WORLD, evidence);
        phase.status = PhaseStatus::Tentative;
        seen.listing.phases.push(phase);
        seen
    }
}

/// What the status page announces, without a key.
///
/// # Errors
/// [`PlatformError`].
pub async fn maintenances(up: &dyn Upstream) -> Result<Fetched<Vec<Maintenance>>, PlatformError> {
    let call = Call::new(ID, "scheduled-maintenances", up);
    let page = call.json::<Maintenances>(Request::get(STATUS_PAGE).fresh_for(300)).await?;
    Ok(page.map(|page| page.scheduled_maintenances.into_iter().filter_map(maintenance).collect()))
}

fn maintenance(wire: WireMaintenance) -> Option<Maintenance> {
    let start = instant(wire.scheduled_for.as_deref())?;
    let end = instant(wire.scheduled_until.as_deref()).filter(|end| *end > start);
    let components = wire.components.into_iter().flatten().filter_map(|component| component.name).collect();
    let name = wire.name.unwrap_or_else(|| wire.id.clone());
    Some(Maintenance { id: wire.id, name, status: wire.status, start, end, components })
}

/// Whether a service runs.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceStatus {
    /// `fortnite`.
    pub service_instance_id: String,
    /// `UP` or `DOWN`.
    pub status: String,
    /// What players are told.
    #[serde(default)]
    pub message: Option<String>,
}

impl ServiceStatus {
    /// Whether it is down, as it is before a patch.
    pub fn is_down(&self) -> bool {
        self.status.eq_ignore_ascii_case("down")
    }
}

/// Whether `services` run, such as `Fortnite`. Needs the credential `epic`.
///
/// # Errors
/// [`PlatformError`].
pub async fn services(
    up: &dyn Upstream,
    services: &[&str],
) -> Result<Fetched<Vec<ServiceStatus>>, PlatformError> {
    let request = Request::get(LIGHTSWITCH).credential("epic", Placement::Bearer);
    let request = services.iter().fold(request, |request, service| request.query("serviceId", service));
    Call::new(ID, "lightswitch", up).json(request).await
}

/// What Fortnite asks of a client of some version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[non_exhaustive]
pub enum UpdateNeed {
    /// It is current.
    NoUpdate,
    /// It should be updated.
    SoftUpdate,
    /// It must be updated before it may play.
    HardUpdate,
}

#[derive(Deserialize)]
struct VersionCheck {
    #[serde(rename = "type")]
    need: UpdateNeed,
}

/// Whether a Fortnite client of `version` (`++Fortnite+Release-41.00-CL-54618515-Windows`) needs an update. Needs
/// the credential `epic`.
///
/// # Errors
/// [`PlatformError`].
pub async fn fortnite_update(up: &dyn Upstream, version: &str) -> Result<Fetched<UpdateNeed>, PlatformError> {
    let request = Request::get(VERSION_CHECK).query("version", version).credential("epic", Placement::Bearer);
    let check = Call::new(ID, "versioncheck", up).json::<VersionCheck>(request).await?;
    Ok(check.map(|check| check.need))
}
