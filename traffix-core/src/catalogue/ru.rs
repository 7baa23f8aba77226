//! Releases and updates.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{CategoryId, CompanyId, Listing, PhaseKind, PlatformId, RuId};
use crate::Evidence;

/// Release or update.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum RuKind {
    /// Something new to install or to stream.
    Release,
    /// A change to a release: patch, season, expansion. It names the release.
    Update,
}

/// What is delivered; it decides how people come to download it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Content {
    /// A game.
    #[default]
    Game,
    /// An application.
    App,
    /// The operating system of a phone or tablet.
    PhoneOs,
    /// A monthly security update of Windows.
    WindowsPatch,
    /// A feature update or new version of Windows.
    WindowsFeature,
    /// A film, an episode or a broadcast to stream.
    Media,
}

/// A release or an update: the unit that people download and networks notice.
///
/// Categories, NSFW flag and companies are its own; an update inherits nothing from its release silently.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Ru {
    /// Stable identifier.
    pub id: RuId,
    /// Title as published.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 300)))]
    pub title: String,
    /// Release or update.
    pub kind: RuKind,
    /// The release that this updates; present exactly if `kind` is `update`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<RuId>,
    /// What is delivered.
    #[serde(default)]
    pub content: Content,
    /// Series whose past events resemble each other, such as `call-of-duty`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub franchise: Option<CategoryId>,
    /// Who publishes it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub publishers: Vec<CompanyId>,
    /// Who makes it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub developers: Vec<CompanyId>,
    /// Its own categories.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<CategoryId>,
    /// Not safe for work: pictures are blurred.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub nsfw: bool,
    /// Pictures.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub thumbnails: Vec<Thumbnail>,
    /// Where it can be had.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub listings: Vec<Listing>,
    /// Sources of title, companies, categories and of the fact that it exists.
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub evidence: Vec<Evidence>,
}

impl Ru {
    /// The listing on `platform`.
    pub fn listing(&self, platform: &PlatformId) -> Option<&Listing> {
        self.listings.iter().find(|l| l.platform == *platform)
    }

    /// The earliest start of any phase: when the first byte may flow.
    pub fn first_at(&self) -> Option<DateTime<Utc>> {
        self.starts().min()
    }

    /// The earliest unlock; without one, the earliest phase of another kind than preload.
    pub fn released_at(&self) -> Option<DateTime<Utc>> {
        let start_of = |wanted: fn(PhaseKind) -> bool| {
            let phases = self.listings.iter().flat_map(|l| &l.phases);
            phases.filter(|p| wanted(p.kind)).map(|p| p.window.value.start).min()
        };
        start_of(|kind| kind == PhaseKind::Unlock).or_else(|| start_of(|kind| kind != PhaseKind::Preload))
    }

    /// The latest start of any phase.
    pub fn last_at(&self) -> Option<DateTime<Utc>> {
        self.starts().max()
    }

    fn starts(&self) -> impl Iterator<Item = DateTime<Utc>> {
        self.listings.iter().flat_map(|l| &l.phases).map(|p| p.window.value.start)
    }
}

/// A picture of an RU, by address: pictures are never copied into the catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Thumbnail {
    /// `https` address.
    pub url: String,
    /// Width in pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width_px: Option<u32>,
    /// Height in pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height_px: Option<u32>,
}

/// A publisher or developer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Company {
    /// Stable identifier.
    pub id: CompanyId,
    /// Name as the company writes it.
    pub name: String,
    /// Its site.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Sources.
    pub evidence: Vec<Evidence>,
}
