//! The store's and the web API's documents as they come. Unknown members are ignored, everything but identifiers is
//! optional.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::wire::{count, unix};

/// The envelope of most methods of the web API.
#[derive(Debug, Deserialize)]
pub(super) struct Enveloped<T> {
    pub(super) response: T,
}

/// One entry of `appdetails`, by app id.
#[derive(Debug, Deserialize)]
pub(super) struct DetailsEntry {
    #[serde(default)]
    pub(super) success: bool,
    #[serde(default)]
    pub(super) data: Option<Details>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Details {
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    pub(super) name: Option<String>,
    pub(super) fullgame: Option<FullGame>,
    pub(super) header_image: Option<String>,
    pub(super) pc_requirements: Option<Requirements>,
    pub(super) mac_requirements: Option<Requirements>,
    pub(super) linux_requirements: Option<Requirements>,
    pub(super) developers: Vec<String>,
    pub(super) publishers: Vec<String>,
    pub(super) release_date: Option<ReleaseDate>,
    pub(super) content_descriptors: Option<Descriptors>,
}

#[derive(Debug, Deserialize)]
pub(super) struct FullGame {
    #[serde(default, deserialize_with = "count")]
    pub(super) appid: Option<u64>,
}

/// Texts as HTML, or an empty list where there are none.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Requirements {
    Texts {
        #[serde(default)]
        minimum: Option<String>,
        #[serde(default)]
        recommended: Option<String>,
    },
    None([IgnoredAny; 0]),
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ReleaseDate {
    pub(super) coming_soon: bool,
    pub(super) date: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Descriptors {
    #[serde(default)]
    pub(super) ids: Vec<u32>,
}

/// `GetItems`.
#[derive(Debug, Deserialize)]
pub(super) struct Items {
    #[serde(default)]
    pub(super) store_items: Vec<Item>,
}

/// An item that is found has `success` 1.
#[derive(Debug, Deserialize)]
pub(super) struct Item {
    pub(super) id: u32,
    #[serde(default)]
    pub(super) success: Option<u32>,
    #[serde(default)]
    pub(super) name: Option<String>,
    #[serde(default, rename = "type")]
    pub(super) kind: Option<u32>,
    #[serde(default)]
    pub(super) content_descriptorids: Option<Vec<u32>>,
    #[serde(default)]
    pub(super) related_items: Option<Related>,
    #[serde(default)]
    pub(super) basic_info: Option<BasicInfo>,
    #[serde(default)]
    pub(super) assets: Option<Assets>,
    #[serde(default)]
    pub(super) release: Option<Release>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Related {
    #[serde(default)]
    pub(super) parent_appid: Option<u32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct BasicInfo {
    pub(super) publishers: Vec<Named>,
    pub(super) developers: Vec<Named>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Named {
    #[serde(default)]
    pub(super) name: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Assets {
    #[serde(default)]
    pub(super) asset_url_format: Option<String>,
    #[serde(default)]
    pub(super) header: Option<String>,
}

/// `StoreItem.ReleaseInfo` of the protocol.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Release {
    #[serde(deserialize_with = "unix")]
    pub(super) steam_release_date: Option<DateTime<Utc>>,
    pub(super) is_coming_soon: bool,
    pub(super) is_preload: bool,
    /// How much of the date the store shows: `date_full`, `date_month`, `date_quarter`, `date_year`, `text_…`.
    pub(super) coming_soon_display: Option<String>,
}

/// `search/results` with `infinite=1`.
#[derive(Debug, Deserialize)]
pub(super) struct Search {
    pub(super) results_html: String,
    #[serde(default, deserialize_with = "count")]
    pub(super) total_count: Option<u64>,
}

/// `GetNewsForApp`; an app without a feed gets an empty object.
#[derive(Debug, Deserialize)]
pub(super) struct NewsAnswer {
    #[serde(default)]
    pub(super) appnews: Option<News>,
}

#[derive(Debug, Deserialize)]
pub(super) struct News {
    #[serde(default)]
    pub(super) newsitems: Vec<NewsItem>,
}

/// The author is a person and is not read.
#[derive(Debug, Deserialize)]
pub(super) struct NewsItem {
    #[serde(default)]
    pub(super) title: String,
    #[serde(default)]
    pub(super) url: Option<String>,
    #[serde(default, deserialize_with = "unix")]
    pub(super) date: Option<DateTime<Utc>>,
    /// 1: the developer's own, 0: the press.
    #[serde(default)]
    pub(super) feed_type: Option<u32>,
    #[serde(default)]
    pub(super) tags: Vec<String>,
}

/// `GetNumberOfCurrentPlayers`.
#[derive(Debug, Deserialize)]
pub(super) struct Players {
    #[serde(default)]
    pub(super) player_count: Option<u64>,
    #[serde(default)]
    pub(super) result: Option<u32>,
}

/// The charts and the weekly top sellers.
#[derive(Debug, Deserialize)]
pub(super) struct Ranks {
    #[serde(default)]
    pub(super) ranks: Vec<Place>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Place {
    pub(super) rank: u64,
    pub(super) appid: u32,
    #[serde(default)]
    pub(super) last_week_rank: Option<u64>,
    #[serde(default)]
    pub(super) consecutive_weeks: Option<u64>,
    #[serde(default, deserialize_with = "count")]
    pub(super) concurrent_in_game: Option<u64>,
    #[serde(default, deserialize_with = "count")]
    pub(super) peak_in_game: Option<u64>,
}

/// `GetDepotPatchInfo`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct PatchInfo {
    pub(super) is_available: bool,
    #[serde(deserialize_with = "count")]
    pub(super) patch_size: Option<u64>,
}

/// `GetServersForSteamPipe`.
#[derive(Debug, Deserialize)]
pub(super) struct SteamPipe {
    pub(super) servers: Vec<ContentServer>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ContentServer {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) host: String,
    #[serde(default)]
    pub(super) vhost: Option<String>,
    #[serde(default)]
    pub(super) weighted_load: Option<f64>,
    #[serde(default)]
    pub(super) num_entries_in_client_list: Option<u32>,
    #[serde(default)]
    pub(super) steam_china_only: bool,
    #[serde(default)]
    pub(super) https_support: Option<String>,
    #[serde(default)]
    pub(super) allowed_app_ids: Vec<u32>,
}

/// `featuredcategories`: sections with items, among other members.
pub(super) type Featured = BTreeMap<String, Section>;

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Section {
    Items { items: Vec<FeaturedItem> },
    Other(IgnoredAny),
}

/// An item of type 0 is an app.
#[derive(Debug, Deserialize)]
pub(super) struct FeaturedItem {
    pub(super) id: u32,
    #[serde(default, rename = "type")]
    pub(super) kind: Option<u32>,
    #[serde(default)]
    pub(super) name: Option<String>,
}
