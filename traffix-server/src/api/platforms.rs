//! Platforms and the CDNs behind them. Data-as-code: changed by review, not through the API.
#![expect(clippy::unused_async, reason = "the framework wants asynchronous handlers")]

use std::sync::Arc;
use std::time::Duration;

use chrono::NaiveDate;
use poem_openapi::OpenApi;
use schemars::JsonSchema;
use serde::Serialize;
use traffix_core::catalogue::{PlatformId, Region};
use traffix_core::delivery::{Asn, Assertion, CdnId};
use traffix_platforms::cdn::{self, Cdn};
use traffix_platforms::{PLATFORMS, Platform, PlatformExt, prefixes};

use super::Chapter;
use super::views::{Loose, word};
use crate::AppState;
use crate::http::{Answer, Path, PathParam, Problem};

pub(crate) struct PlatformApi(pub(crate) Arc<AppState>);

/// How long an answer with a date in it holds.
const FRESH: Duration = Duration::from_mins(1);

impl PathParam for CdnId {
    const NAME: &'static str = "cdn";
}

/// A distribution platform.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Platform")]
pub(crate) struct PlatformView {
    /// Stable slug.
    id: PlatformId,
    /// Name for people.
    name: String,
    /// Company that runs it.
    owner: String,
    /// What sort of platform it is.
    kind: String,
    /// When somebody last went through all facts.
    reviewed: String,
    /// When somebody should do so again.
    review_due: String,
    /// Whether that day is past: the facts may be old.
    review_overdue: bool,
    /// The delivery networks that serve it today.
    cdns: Vec<CdnId>,
    /// What else is known, each with its source: client behaviour, default weights, CDN shares, what the
    /// platform publishes.
    profile: Loose,
}

/// All platforms.
#[derive(Serialize, JsonSchema)]
pub(crate) struct PlatformPage {
    items: Vec<PlatformView>,
}

/// A CDN that serves a platform.
#[derive(Serialize, JsonSchema)]
pub(crate) struct PlatformCdn {
    /// The delivery network.
    cdn: CdnId,
    /// Its assumed share of the platform's bytes in the world, where one is stated.
    #[serde(skip_serializing_if = "Option::is_none")]
    share: Option<f64>,
    /// Who says that it delivers for the platform, and how.
    assertions: Vec<Assertion>,
}

/// The CDNs of a platform.
#[derive(Serialize, JsonSchema)]
pub(crate) struct PlatformCdnPage {
    items: Vec<PlatformCdn>,
}

/// A delivery network.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Cdn")]
pub(crate) struct CdnView {
    /// Stable slug.
    id: CdnId,
    /// Name for people.
    name: String,
    /// What sort of network it is.
    kind: String,
    /// Who shares its servers: `dedicated`, `shared` or `embedded`.
    tenancy: String,
    /// Whether it delivers today.
    status: String,
    /// Its autonomous systems.
    asns: Vec<Asn>,
    /// How many prefixes are known.
    prefixes: usize,
    /// The platforms that it serves today.
    platforms: Vec<PlatformId>,
    /// Where this is written.
    source: String,
    /// When it was looked up there.
    observed: String,
}

/// All delivery networks.
#[derive(Serialize, JsonSchema)]
pub(crate) struct CdnPage {
    items: Vec<CdnView>,
}

#[OpenApi(tag = "Chapter::Delivery")]
impl PlatformApi {
    /// Distribution platforms, by slug.
    #[oai(path = "/platforms", method = "get", operation_id = "listPlatforms")]
    async fn platforms(&self) -> Result<Answer<PlatformPage>, Problem> {
        let today = self.0.clock.now().date_naive();
        let items = PLATFORMS.iter().map(|platform| platform_view(*platform, today)).collect();
        Ok(Answer::json(&PlatformPage { items })?.public_for(FRESH))
    }

    /// One platform.
    #[oai(path = "/platforms/:platform", method = "get", operation_id = "getPlatform")]
    async fn platform(&self, Path(platform): Path<PlatformId>) -> Result<Answer<PlatformView>, Problem> {
        let today = self.0.clock.now().date_naive();
        Ok(Answer::json(&platform_view(find(&platform)?, today))?.public_for(FRESH))
    }

    /// The CDNs of a platform, with shares and evidence.
    #[oai(path = "/platforms/:platform/cdns", method = "get", operation_id = "listPlatformCdns")]
    async fn platform_cdns(
        &self,
        Path(platform): Path<PlatformId>,
    ) -> Result<Answer<PlatformCdnPage>, Problem> {
        let platform = find(&platform)?;
        let items = platform.cdns().into_iter().map(|cdn| platform_cdn(platform, cdn)).collect();
        Ok(Answer::json(&PlatformCdnPage { items })?.public())
    }

    /// Delivery networks, by slug.
    #[oai(path = "/cdns", method = "get", operation_id = "listCdns")]
    async fn cdns(&self) -> Result<Answer<CdnPage>, Problem> {
        let items = cdn::cdns().iter().map(cdn_view).collect();
        Ok(Answer::json(&CdnPage { items })?.public())
    }

    /// One delivery network.
    #[oai(path = "/cdns/:cdn", method = "get", operation_id = "getCdn")]
    async fn cdn(&self, Path(cdn): Path<CdnId>) -> Result<Answer<CdnView>, Problem> {
        let found = cdn::find(&cdn).ok_or_else(|| Problem::missing("cdn", "cdn", cdn.as_str()))?;
        Ok(Answer::json(&cdn_view(found))?.public())
    }
}

fn find(id: &PlatformId) -> Result<&'static dyn Platform, Problem> {
    let missing = |_| Problem::missing("platform", "platform", id.as_str());
    traffix_platforms::platform(id.as_str()).map_err(missing)
}

fn platform_view(platform: &dyn Platform, today: NaiveDate) -> PlatformView {
    let profile = platform.profile();
    let told = ["id", "name", "owner", "kind", "reviewed", "review_due", "assertions"];
    PlatformView {
        id: platform.id(),
        name: profile.name.clone(),
        owner: profile.owner.clone(),
        kind: word(&profile.kind),
        reviewed: profile.reviewed.to_string(),
        review_due: profile.review_due.to_string(),
        review_overdue: profile.review_due < today,
        cdns: platform.cdns(),
        profile: Loose::of(profile).without(&told),
    }
}

fn platform_cdn(platform: &dyn Platform, cdn: CdnId) -> PlatformCdn {
    let shares = platform.cdn_shares(&Region::WORLD).map(|shares| shares.parts.as_slice());
    let stated = shares.unwrap_or_default().iter().find(|part| part.cdn.as_ref() == Some(&cdn));
    let about = |assertion: &&Assertion| assertion.cdn.as_ref() == Some(&cdn);
    let assertions = platform.profile().assertions.iter().filter(about).cloned().collect();
    PlatformCdn { share: stated.map(|part| part.share), assertions, cdn }
}

fn cdn_view(cdn: &Cdn) -> CdnView {
    let serves = |platform: &&&dyn Platform| platform.cdns().contains(&cdn.id);
    CdnView {
        id: cdn.id.clone(),
        name: cdn.name.clone(),
        kind: word(&cdn.kind),
        tenancy: word(&cdn.tenancy),
        status: word(&cdn.status),
        asns: cdn.asns().map(|record| record.asn).collect(),
        prefixes: prefixes::of_cdn(&cdn.id).map(|group| group.prefixes.len()).sum(),
        platforms: PLATFORMS.iter().filter(serves).map(|platform| platform.id()).collect(),
        source: cdn.source.clone(),
        observed: cdn.observed.to_string(),
    }
}
