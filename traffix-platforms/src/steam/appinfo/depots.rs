//! Which depots a device downloads, and how many bytes that is.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::Deserialize;
use traffix_core::Bytes;
use traffix_core::catalogue::ByteRange;

use super::wire::{flag, seconds, word};

/// The depots and branches of one app.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DepotTree {
    /// Depots by number.
    pub depots: BTreeMap<u32, Depot>,
    /// Branches by name; players have `public`.
    pub branches: BTreeMap<String, Branch>,
}

/// A set of files that is downloaded together.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Depot {
    /// The systems it is for, separated by commas; absent for all.
    pub systems: Option<String>,
    /// `32` or `64` if only for systems of that word size.
    pub word_bits: Option<String>,
    /// The language it is for; absent for all.
    pub language: Option<String>,
    /// Whether it is the cut of a country that asks for less violence.
    pub low_violence: bool,
    /// The extension that it belongs to.
    pub dlc: Option<u64>,
    /// The app that it is borrowed from.
    pub from_app: Option<u64>,
    /// Whether it is a runtime that is installed once for all games.
    pub shared: bool,
    /// Largest size on disk that the publisher has declared, in bytes.
    pub max_disk_bytes: Option<u64>,
    /// What it holds on each branch.
    pub manifests: BTreeMap<String, Manifest>,
}

/// The content of a depot at one time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Manifest {
    /// Its number.
    pub gid: u64,
    /// Compressed bytes of all its chunks: what a fresh install transfers.
    pub wire_bytes: Option<u64>,
    /// Bytes on disk.
    pub disk_bytes: Option<u64>,
}

/// What a branch delivers.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Branch {
    /// The build.
    #[serde(rename = "buildid", deserialize_with = "word")]
    pub build: Option<String>,
    /// When the branch was pointed at the build: players download from then on.
    #[serde(rename = "timeupdated", deserialize_with = "seconds")]
    pub live_at: Option<DateTime<Utc>>,
    /// When the build was uploaded.
    #[serde(rename = "timebuildupdated", deserialize_with = "seconds")]
    pub uploaded_at: Option<DateTime<Utc>>,
    /// Whether it needs a password.
    #[serde(rename = "pwdrequired", deserialize_with = "flag")]
    pub locked: bool,
}

/// An operating system, as depots name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Os {
    /// Windows.
    Windows,
    /// macOS.
    Macos,
    /// Linux, and with it `SteamOS`.
    Linux,
}

impl Os {
    /// In the order of how many players have them.
    pub const ALL: [Self; 3] = [Self::Windows, Self::Macos, Self::Linux];

    /// As depots write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Windows => "windows",
            Self::Macos => "macos",
            Self::Linux => "linux",
        }
    }
}

/// Who downloads: always with a 64-bit system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Device<'a> {
    /// Its system.
    pub os: Os,
    /// Its language, as depots write it: `english`, `german`, `schinese`.
    pub language: &'a str,
    /// The extension whose files are meant; without one, the files that everybody has.
    pub dlc: Option<u32>,
}

/// Bytes of one device's full download. Absent where a depot in it has no figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transfer {
    /// Compressed bytes on the wire.
    pub wire_bytes: Option<u64>,
    /// Bytes on disk.
    pub disk_bytes: Option<u64>,
}

impl Depot {
    /// Whether `device` downloads it. Shared runtimes and depots of other apps do not count: their bytes are not in
    /// this app's figures.
    pub fn is_for(&self, device: &Device<'_>) -> bool {
        let os = self
            .systems
            .as_deref()
            .is_none_or(|list| list.split(',').any(|os| os.trim() == device.os.as_str()));
        let language =
            self.language.as_deref().is_none_or(|language| language.eq_ignore_ascii_case(device.language));
        let ours = !self.shared && self.from_app.is_none();
        let bits = self.word_bits.as_deref() != Some("32");
        ours && os && bits && language && !self.low_violence && self.dlc == device.dlc.map(u64::from)
    }
}

impl DepotTree {
    /// The depots that `device` downloads on `branch`, with what they hold there.
    pub fn content<'a>(
        &'a self,
        branch: &'a str,
        device: &'a Device<'a>,
    ) -> impl Iterator<Item = (u32, &'a Manifest)> {
        let chosen = self.depots.iter().filter(|(_, depot)| depot.is_for(device));
        chosen.filter_map(move |(id, depot)| depot.manifests.get(branch).map(|manifest| (*id, manifest)))
    }

    /// Bytes of a full download of `branch` by `device`; nothing if it has nothing to download.
    pub fn transfer(&self, branch: &str, device: &Device<'_>) -> Option<Transfer> {
        let mut sum: Option<Transfer> = None;
        for (id, manifest) in self.content(branch, device) {
            let declared = self.depots.get(&id).and_then(|depot| depot.max_disk_bytes);
            let before = sum.unwrap_or(Transfer { wire_bytes: Some(0), disk_bytes: Some(0) });
            sum = Some(Transfer {
                wire_bytes: add(before.wire_bytes, manifest.wire_bytes),
                disk_bytes: add(before.disk_bytes, manifest.disk_bytes.or(declared)),
            });
        }
        // A sum of nothing is a stub, not a download.
        sum.map(|sum| Transfer {
            wire_bytes: sum.wire_bytes.filter(|bytes| *bytes > 0),
            disk_bytes: sum.disk_bytes.filter(|bytes| *bytes > 0),
        })
    }

    /// The system that most players of the app have: the first of [`Os::ALL`] that `branch` has files for.
    pub fn usual_os(&self, branch: &str, dlc: Option<u32>) -> Option<Os> {
        Os::ALL
            .into_iter()
            .find(|os| self.content(branch, &Device { os: *os, language: "english", dlc }).next().is_some())
    }

    /// The languages that depots are divided by.
    pub fn languages(&self) -> BTreeSet<&str> {
        self.depots.values().filter_map(|depot| depot.language.as_deref()).collect()
    }

    /// The name of the branch, other than `public`, that delivers this build.
    pub fn branch_of(&self, build: &str) -> Option<&str> {
        let mut branches = self.branches.iter().filter(|(name, _)| *name != "public");
        branches.find(|(_, branch)| branch.build.as_deref() == Some(build)).map(|(name, _)| name.as_str())
    }
}

fn add(sum: Option<u64>, more: Option<u64>) -> Option<u64> {
    sum?.checked_add(more?)
}

impl Manifest {
    /// Bytes on the wire to get from `old` to this content, as far as the two sums tell: at least what has been
    /// added, at most everything.
    pub fn update_bounds(&self, old: Option<&Self>) -> Option<ByteRange> {
        let all = self.wire_bytes?;
        let low = match old {
            None => all,
            Some(old) if old.gid == self.gid => return Some(ByteRange::exactly(Bytes(0))),
            Some(old) => all.saturating_sub(old.wire_bytes.unwrap_or(all)),
        };
        Some(ByteRange::new(Bytes(low), Bytes(all)))
    }
}
