//! The list of supported versions: which builds exist, since when, for which models.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use serde::Deserialize;

use super::ID;
use super::package::build_order;
use crate::PlatformError;
use crate::upstream::{Call, Fetched, Request, Upstream};

/// The answer of `/v2/pmv`: lists by set, and in a set by system.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Versions {
    public_asset_sets: BTreeMap<String, Vec<Entry>>,
    asset_sets: BTreeMap<String, Vec<Entry>>,
    public_background_security_improvements: BTreeMap<String, Vec<Entry>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Entry {
    product_version: String,
    product_version_extra: Option<String>,
    build: String,
    posting_date: Option<NaiveDate>,
    supported_devices: Vec<String>,
}

/// An operating system of Apple's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum System {
    Ios,
    Macos,
    Watchos,
    Tvos,
    Visionos,
    Audioos,
}

impl System {
    const ALL: [Self; 6] = [Self::Ios, Self::Macos, Self::Watchos, Self::Tvos, Self::Visionos, Self::Audioos];

    /// The list calls everything `iOS` that is no Mac; the models tell what it is.
    fn of(set: &str, devices: &[String]) -> Option<Self> {
        let first = devices.first().map_or("", String::as_str);
        let by_device = [
            ("Watch", Self::Watchos),
            ("AppleTV", Self::Tvos),
            ("AudioAccessory", Self::Audioos),
            ("RealityDevice", Self::Visionos),
        ];
        match set {
            "macOS" => Some(Self::Macos),
            "visionOS" | "xrOS" => Some(Self::Visionos),
            "iOS" => {
                let known = by_device.into_iter().find(|(prefix, _)| first.starts_with(prefix));
                Some(known.map_or(Self::Ios, |(_, system)| system))
            }
            _ => None,
        }
    }

    /// As in `ios-26`.
    pub(super) fn slug(self) -> &'static str {
        match self {
            Self::Ios => "ios",
            Self::Macos => "macos",
            Self::Watchos => "watchos",
            Self::Tvos => "tvos",
            Self::Visionos => "visionos",
            Self::Audioos => "audioos",
        }
    }

    /// As in `iOS 26`.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Ios => "iOS",
            Self::Macos => "macOS",
            Self::Watchos => "watchOS",
            Self::Tvos => "tvOS",
            Self::Visionos => "visionOS",
            Self::Audioos => "HomePod software",
        }
    }
}

/// A major version: `ios-26`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Major {
    pub(super) system: System,
    pub(super) number: u32,
}

impl Major {
    pub(super) fn parse(id: &str) -> Option<Self> {
        let (slug, number) = id.split_once('-')?;
        let system = System::ALL.into_iter().find(|system| system.slug() == slug)?;
        Some(Self { system, number: number.parse().ok()? })
    }
}

impl std::fmt::Display for Major {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.system.slug(), self.number)
    }
}

/// One version with its builds: updates of the same version come as several builds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Version {
    pub(super) major: Major,
    /// `26.6.1`, and `26.3.1 (a)` for a background improvement.
    pub(super) number: String,
    /// Shortest first: the one that people know.
    pub(super) builds: Vec<String>,
    /// First and last day on which it was posted.
    pub(super) posted: Option<(NaiveDate, NaiveDate)>,
    pub(super) devices: Vec<String>,
}

impl Version {
    /// Whether it is the first of its major version.
    pub(super) fn is_release(&self) -> bool {
        let mut parts = self.number.split('.').skip(1);
        parts.all(|part| part.bytes().all(|byte| byte == b'0'))
    }

    pub(super) fn build(&self) -> &str {
        self.builds.first().map_or("", String::as_str)
    }

    /// The first instant of the day of posting.
    pub(super) fn posted_at(&self) -> Option<DateTime<Utc>> {
        midnight(self.posted?.0)
    }

    /// The first instant of the day of the last posting.
    pub(super) fn reposted_at(&self) -> Option<DateTime<Utc>> {
        midnight(self.posted?.1)
    }
}

fn midnight(day: NaiveDate) -> Option<DateTime<Utc>> {
    Some(day.and_hms_opt(0, 0, 0)?.and_utc())
}

/// All supported versions, in the order of posting.
pub(super) async fn versions(up: &dyn Upstream) -> Result<Fetched<Vec<Version>>, PlatformError> {
    let request = Request::get("https://gdmf.apple.com/v2/pmv").fresh_for(900);
    let found: Fetched<Versions> = Call::new(ID, "pmv", up).json(request).await?;
    Ok(found.map(group))
}

fn group(lists: Versions) -> Vec<Version> {
    let mut by_version = BTreeMap::<(Major, String), Version>::new();
    let sets = [lists.public_asset_sets, lists.asset_sets, lists.public_background_security_improvements];
    for (set, entry) in sets
        .into_iter()
        .flatten()
        .flat_map(|(set, entries)| entries.into_iter().map(move |entry| (set.clone(), entry)))
    {
        add(&mut by_version, &set, entry);
    }
    let mut versions: Vec<_> = by_version.into_values().collect();
    for version in &mut versions {
        version.builds.sort_by_key(|build| (build.len(), build_order(build)));
        version.devices.sort_unstable();
    }
    versions.sort_by(|a, b| (a.posted, a.major, &a.number).cmp(&(b.posted, b.major, &b.number)));
    versions
}

fn add(versions: &mut BTreeMap<(Major, String), Version>, set: &str, entry: Entry) {
    let Some(system) = System::of(set, &entry.supported_devices) else { return };
    let Some(number) = entry.product_version.split('.').next().and_then(|part| part.parse().ok()) else {
        return;
    };
    if entry.build.is_empty() {
        return;
    }
    let major = Major { system, number };
    let extra = entry.product_version_extra.map(|extra| format!(" {extra}")).unwrap_or_default();
    let number = format!("{}{extra}", entry.product_version);
    let version = versions.entry((major, number.clone())).or_insert_with(|| Version {
        major,
        number,
        builds: Vec::new(),
        posted: None,
        devices: Vec::new(),
    });
    if !version.builds.contains(&entry.build) {
        version.builds.push(entry.build);
    }
    for device in entry.supported_devices {
        if !version.devices.contains(&device) {
            version.devices.push(device);
        }
    }
    if let Some(day) = entry.posting_date {
        let (first, last) = version.posted.unwrap_or((day, day));
        version.posted = Some((first.min(day), last.max(day)));
    }
}
