//! `samples.toml`: what the suite asks.

use std::path::Path;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer};
use traffix_core::catalogue::{Build, Region};

use crate::{Datum, Discover, ListingRef, Vantage};

use super::Law;
use super::question::Question;

/// `samples.toml`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Samples {
    /// Titles whose refresh must succeed.
    refresh: Vec<Refresh>,
    /// Titles whose audience must be told.
    audience: Vec<String>,
    /// Titles that the recordings say do not exist.
    unknown: Vec<String>,
    discover: Option<Window>,
    delivery: Vec<Place>,
    /// What is not checked, and why.
    pub(super) skip: Vec<Skipped>,
}

/// A title, or a title and the build that somebody already has.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Refresh {
    Id(String),
    From { id: String, build: String },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Window {
    #[serde(deserialize_with = "instant")]
    now: DateTime<Utc>,
    #[serde(deserialize_with = "instant")]
    from: DateTime<Utc>,
    #[serde(deserialize_with = "instant")]
    until: DateTime<Utc>,
    #[serde(default = "world")]
    region: Region,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    #[serde(default = "world")]
    region: Region,
    #[serde(default)]
    address: Option<std::net::IpAddr>,
}

/// One `[[skip]]`: a datum that the recordings cannot show, or a law that they cannot prove.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Skipped {
    pub(super) datum: Option<Datum>,
    law: Option<String>,
    pub(super) reason: String,
}

impl Skipped {
    pub(super) fn is_of(&self, law: Law) -> bool {
        self.law.as_deref() == Some(law.name())
    }

    /// The only law that a recording may fail to prove is that of pages: it may end before they do.
    fn mistake(&self) -> Option<String> {
        let one = match (&self.datum, &self.law) {
            (Some(_), None) => true,
            (None, Some(law)) => law == Law::Paging.name(),
            _ => false,
        };
        if !one {
            return Some("a [[skip]] must name a datum, or law = \"paging\"".into());
        }
        self.reason.trim().is_empty().then(|| "a [[skip]] must give its reason".into())
    }
}

fn instant<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DateTime<Utc>, D::Error> {
    let text = toml::value::Datetime::deserialize(deserializer)?.to_string();
    text.parse().map_err(|error| serde::de::Error::custom(format!("{text} must be an instant: {error}")))
}

fn world() -> Region {
    Region::WORLD
}

impl Samples {
    /// Reads the file in `folder`.
    pub(super) fn read(folder: &Path) -> Result<Self, String> {
        let file = folder.join("samples.toml");
        let text = std::fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
        let samples: Self = toml::from_str(&text).map_err(|error| format!("{}: {error}", file.display()))?;
        match samples.skip.iter().find_map(Skipped::mistake) {
            Some(mistake) => Err(format!("{}: {mistake}", file.display())),
            None => Ok(samples),
        }
    }

    /// Everything that must get an answer; of the lists, their first page.
    pub(super) fn questions(&self) -> Vec<Question> {
        let discover = self.discover.iter().map(|window| {
            Question::Discover(Discover {
                now: window.now,
                from: window.from,
                until: window.until,
                region: window.region.clone(),
                cursor: None,
            })
        });
        let refresh = self.refresh.iter().map(|refresh| Question::Refresh(refresh.listing()));
        let audience = self.audience.iter().map(|id| Question::Audience(ListingRef::new(id)));
        let delivery = self.delivery.iter().map(|place| {
            Question::Delivery(Vantage { region: place.region.clone(), address: place.address })
        });
        discover.chain(refresh).chain(audience).chain(delivery).collect()
    }

    /// What must be unknown.
    pub(super) fn unknown(&self) -> impl Iterator<Item = Question> {
        self.unknown.iter().map(|id| Question::Refresh(ListingRef::new(id)))
    }
}

impl Refresh {
    fn listing(&self) -> ListingRef {
        match self {
            Self::Id(id) => ListingRef::new(id),
            Self::From { id, build } => ListingRef {
                external_id: id.clone(),
                build: Some(Build { id: build.clone(), version: None, live_at: None }),
            },
        }
    }
}
