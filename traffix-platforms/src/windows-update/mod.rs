//! Windows Update: monthly patches and feature updates.
//!
//! External identifiers are of four kinds:
//!
//! | identifier | what | from |
//! |---|---|---|
//! | `windows-11` | a release with its builds | the release-health page |
//! | `2024-Mar` | the security updates of a month; months to come are computed | the Security Response Center, sizes from the Update Catalog |
//! | `KB5025239` | the packages of an article | the Update Catalog |
//! | `fe47c57f-a77f-41e3-9012-00b4187e3462` | a build with the files of one edition | UUP dump, a volunteer service |
//!
//! Everything but a release is an update of `windows-11` or `windows-10`.

mod calendar;
mod catalog;
mod edition;
mod health;
mod msrc;
mod observe;
#[cfg(test)]
mod tests;
mod uup;

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
use calendar::Month;
pub use catalog::{Package, PackageDetails, package_details, packages};
use edition::Edition;
pub use msrc::{Deployment, Remediation, SecurityDocument, deployments, security_document};
pub use uup::{UupBuild, uup_builds};

const ID: PlatformId = PlatformId::from_static("windows-update");
/// Months ahead that are computed.
const MONTHS_AHEAD: i32 = 24;
/// The cursor of the second page of discovery: the volunteers' list of builds.
const BUILDS: &str = "builds";

static PROFILE: LazyLock<Profile> =
    LazyLock::new(|| profile(ID, include_str!("profile.toml"), include_str!("delivery.tsv")));

/// Windows Update.
pub(crate) struct WindowsUpdate;

/// What an external identifier stands for.
#[derive(Debug, PartialEq, Eq)]
enum Title<'a> {
    Release(Edition),
    Month(Month),
    Article(&'a str),
    Build(&'a str),
}

impl<'a> Title<'a> {
    fn parse(id: &'a str) -> Option<Self> {
        let hex = |part: &str| part.bytes().all(|byte| byte.is_ascii_hexdigit());
        match id {
            "windows-10" => Some(Self::Release(Edition::Ten)),
            "windows-11" => Some(Self::Release(Edition::Eleven)),
            _ if id.len() == 36 && id.split('-').all(hex) => Some(Self::Build(id)),
            _ => match id.strip_prefix("KB") {
                Some(number) if msrc::is_article(number) => Some(Self::Article(id)),
                _ => Month::parse(id).map(Self::Month),
            },
        }
    }
}

/// A month: date from the list, articles and builds from its document, bytes from the Update Catalog.
async fn refresh_month(
    up: &dyn Upstream,
    id: &str,
    month: Month,
) -> Result<ListingObservation, PlatformError> {
    let list = msrc::updates(up).await?;
    let Some(listed) = list.value.iter().find(|listed| listed.id == id) else {
        let newest = list.value.iter().filter_map(|listed| Month::parse(&listed.id)).max();
        let ahead = newest.map(|newest| month.ordinal() - newest.ordinal());
        let coming = ahead.filter(|ahead| (1..=MONTHS_AHEAD).contains(ahead));
        let coming = coming.and_then(|_| observe::coming_month(month, list.observed_at));
        return coming.ok_or_else(|| Call::new(ID, "msrc/updates", up).not_found(id));
    };
    let mut seen = observe::month(listed, &list.evidence());
    let document = msrc::security_document(up, id).await?;
    let mut found = Vec::new();
    for article in observe::client_articles(&document.value) {
        found.push(catalog::packages(up, &format!("KB{article}")).await?);
    }
    seen.listing.sizes = observe::package_sizes(&found);
    let live_at = seen.listing.phases.first().map(|phase| phase.window.value.start);
    seen.builds = observe::fixed_builds(&document.value, live_at, &document.evidence());
    Ok(seen)
}

/// Listed months in the window, then those that the calendar promises.
async fn months(up: &dyn Upstream, query: &Discover) -> Result<Vec<ListingObservation>, PlatformError> {
    let list = msrc::updates(up).await?;
    let evidence = list.evidence();
    let within = |seen: &ListingObservation| {
        let start = seen.listing.phases.first().map(|phase| phase.window.value.start);
        start.is_none_or(|start| query.from <= start && start < query.until)
    };
    let listed = list.value.iter().filter(|listed| !listed.id.is_empty());
    let mut seen: Vec<_> = listed.map(|listed| observe::month(listed, &evidence)).filter(within).collect();
    let newest = list.value.iter().filter_map(|listed| Month::parse(&listed.id)).max();
    // A month that is over without being in the list did not happen, or the list is old: promise only what comes.
    let mut month = newest.map_or(Month::of(query.now), Month::next).max(Month::of(query.now));
    for _ in 0..MONTHS_AHEAD {
        seen.extend(observe::coming_month(month, list.observed_at).filter(within));
        month = month.next();
    }
    Ok(seen)
}

/// Builds for 64-bit PCs that volunteers first saw in the window; previews for testers are left out.
async fn builds(up: &dyn Upstream, query: &Discover) -> Result<Vec<ListingObservation>, PlatformError> {
    let list = uup::uup_builds(up, None).await?;
    let evidence = uup::evidence(&list);
    let wanted = list.value.iter().filter(|build| {
        let public = !build.title.as_deref().unwrap_or_default().contains("Insider");
        let in_time = build.seen_at.is_some_and(|at| query.from <= at && at < query.until);
        public && in_time && build.arch.as_deref() == Some("amd64")
    });
    Ok(wanted.map(|build| observe::listed_build(build, &evidence)).collect())
}

#[async_trait]
impl Platform for WindowsUpdate {
    fn id(&self) -> PlatformId {
        ID
    }

    fn profile(&self) -> &Profile {
        &PROFILE
    }

    /// First the months, then the builds.
    async fn discover(
        &self,
        up: &dyn Upstream,
        query: &Discover,
    ) -> Result<Page<ListingObservation>, PlatformError> {
        match query.cursor.as_deref() {
            None => Ok(Page { items: months(up, query).await?, next: Some(BUILDS.to_owned()) }),
            Some(BUILDS) => Ok(Page { items: builds(up, query).await?, next: None }),
            Some(other) => Err(Call::new(ID, "discover", up).malformed("cursor", format!("{other:?}"))),
        }
    }

    async fn refresh(
        &self,
        up: &dyn Upstream,
        listing: &ListingRef,
    ) -> Result<ListingObservation, PlatformError> {
        let id = listing.external_id.as_str();
        let not_found = || Call::new(ID, "refresh", up).not_found(id);
        match Title::parse(id).ok_or_else(not_found)? {
            Title::Release(edition) => Ok(observe::release(edition, health::builds(up, edition).await?)),
            Title::Month(month) => refresh_month(up, id, month).await,
            Title::Article(article) => {
                observe::article(article, catalog::packages(up, article).await?).ok_or_else(not_found)
            }
            Title::Build(uuid) => {
                let files = uup::files(up, uuid).await?;
                Ok(observe::build(uuid, &files.value, &uup::evidence(&files)))
            }
        }
    }

    async fn audience(&self, _: &dyn Upstream, _: &ListingRef) -> Result<AudienceObservation, PlatformError> {
        unsupported(self, Datum::Audience)
    }

    async fn delivery(&self, _: &dyn Upstream, _: &Vantage) -> Result<Vec<Assertion>, PlatformError> {
        unsupported(self, Datum::Hosts)
    }
}
