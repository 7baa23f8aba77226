//! Steam, the store and launcher of Valve.
//!
//! [`Platform`] gives what is common to all stores. Steam tells more: the functions here give charts by country, lists
//! of all apps, product info with every depot and branch, the size of an update between two manifests, and where its
//! games are played.

mod api;
mod app_list;
mod appinfo;
mod audience;
mod content_servers;
mod dates;
mod discover;
mod game_servers;
mod news;
mod players;
mod refresh;
mod requirements;
mod store;
mod vdf;
mod wire;

#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use async_trait::async_trait;
use traffix_core::catalogue::PlatformId;
use traffix_core::delivery::Assertion;

use crate::embedded::profile;
use crate::upstream::Upstream;
use crate::{
    AudienceObservation, Discover, ListingObservation, ListingRef, Page, Platform, PlatformError, Profile,
    Vantage,
};

pub use api::{depot_patch_size, product_info};
pub use app_list::{AppRow, KnownApps, ListEnd, Novelty, read_app_list};
pub use appinfo::{AppInfo, Branch, Common, Depot, DepotTree, Device, Manifest, Os, Transfer};
pub use audience::{Chart, ChartRank, FeaturedApp, chart, current_players, featured, top_sellers};
pub use dates::release_date;
pub use game_servers::{
    Condition, FakeAddress, GameServer, PlayTime, ServerFilter, ServerStatus, game_servers, required_version,
    server_players, server_rules, server_status, servers_at_address,
};
pub use news::{Post, news};
pub use players::{PlayerState, PointOfPresence, Relay, Visibility, play_relays, player_states};
pub use requirements::storage_text;
pub use vdf::parse_vdf;

const ID: PlatformId = PlatformId::from_static("steam");

static PROFILE: LazyLock<Profile> =
    LazyLock::new(|| profile(ID, include_str!("profile.toml"), include_str!("delivery.tsv")));

/// Steam, the store and launcher of Valve.
pub(crate) struct Steam;

#[async_trait]
impl Platform for Steam {
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
        discover::discover(up, query).await
    }

    async fn refresh(
        &self,
        up: &dyn Upstream,
        listing: &ListingRef,
    ) -> Result<ListingObservation, PlatformError> {
        refresh::refresh(up, listing).await
    }

    async fn audience(
        &self,
        up: &dyn Upstream,
        listing: &ListingRef,
    ) -> Result<AudienceObservation, PlatformError> {
        audience::audience(up, listing).await
    }

    async fn delivery(&self, up: &dyn Upstream, from: &Vantage) -> Result<Vec<Assertion>, PlatformError> {
        content_servers::delivery(up, from).await
    }
}

/// The number of an app. What is no number is the identifier of no app.
fn app_id(external_id: &str) -> Result<u32, PlatformError> {
    let unknown = || PlatformError::NotFound { platform: ID, id: external_id.chars().take(80).collect() };
    external_id.parse().map_err(|_| unknown())
}
