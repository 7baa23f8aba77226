//! From tables and manifests to what a catalogue keeps.

use traffix_core::catalogue::{Build, ByteRange, DownloadSize, Region};
use traffix_core::{Bytes, Evidence, Fact, SourceKind};

use super::delta;
use super::download::DownloadManifest;
use super::tables::{Version, Versions, region};
use super::tags::Device;
use crate::upstream::Fetched;
use crate::{BuildObservation, UpdateSize};

/// Sizes of a build: the ordinary device, the part until it can be played, other languages, the other system.
pub(super) fn sizes(download: &Fetched<DownloadManifest>) -> Vec<DownloadSize> {
    let manifest = &download.value;
    let device = Device::default();
    let all = delta::install_bytes(manifest, &device);
    let playable = delta::playable_bytes(manifest, &device);
    let size = |variant: Option<String>, bytes: u64| DownloadSize {
        variant,
        wire_bytes: Some(Fact::new(ByteRange::exactly(Bytes(bytes)), download.evidence())),
        disk_bytes: None,
    };
    let mut sizes = vec![size(None, all)];
    if playable < all {
        sizes.push(size(Some("playable part".into()), playable));
    }
    for locale in manifest.tags().locales().filter(|locale| *locale != device.locale) {
        let bytes = delta::install_bytes(manifest, &device.clone().in_locale(locale));
        sizes.push(size(Some(language(locale)), bytes));
    }
    if manifest.tags().get("OSX").is_some_and(|tag| !tag.files().is_empty()) {
        let mut mac = device.on("OSX");
        if manifest.tags().get("arm64").is_some_and(|tag| !tag.files().is_empty()) {
            mac.architecture = "arm64".into();
        }
        sizes.push(size(Some("macos".into()), delta::install_bytes(manifest, &mac)));
    }
    // A build that has nothing for a device says nothing about its size.
    sizes.retain(|size| size.wire_bytes.as_ref().is_some_and(|fact| fact.value.high.0 > 0));
    sizes
}

/// A short name of a locale.
fn language(locale: &str) -> String {
    let name = match locale {
        "deDE" => "german",
        "enGB" => "british",
        "esES" => "spanish",
        "esMX" => "mexican spanish",
        "frFR" => "french",
        "itIT" => "italian",
        "jaJP" => "japanese",
        "koKR" => "korean",
        "plPL" => "polish",
        "ptBR" => "brazilian portuguese",
        "ptPT" => "portuguese",
        "ruRU" => "russian",
        "thTH" => "thai",
        "trTR" => "turkish",
        "zhCN" => "chinese",
        "zhTW" => "traditional chinese",
        other => return other.to_ascii_lowercase(),
    };
    name.into()
}

/// The build of a row.
pub(super) fn build(version: &Version) -> Build {
    Build { id: version.build_config.to_string(), version: version.name.clone(), live_at: None }
}

/// The builds that are live, oldest first: one entry if it is the same everywhere, else one per region.
pub(super) fn live_builds(versions: &Fetched<Versions>) -> Vec<BuildObservation> {
    builds(versions, versions.value.rows.iter(), &versions.evidence())
}

/// The builds that are downloaded ahead of becoming live.
///
/// The tables carry no dates: what is certain is that the download was open when the table was read.
pub(super) fn ahead_builds(ahead: &Fetched<Versions>, live: &Versions) -> Vec<BuildObservation> {
    let is_live = |row: &Version| {
        live.rows.iter().any(|l| l.region == row.region && l.build_config == row.build_config)
    };
    let found = builds(ahead, ahead.value.rows.iter().filter(|row| !is_live(row)), &ahead.evidence());
    found.into_iter().map(BuildObservation::open_ahead).collect()
}

fn builds<'a>(
    table: &Fetched<Versions>,
    rows: impl Iterator<Item = &'a Version>,
    evidence: &Evidence,
) -> Vec<BuildObservation> {
    let mut rows: Vec<_> = rows.filter_map(|row| Some((region(&row.region)?, row))).collect();
    rows.sort_by_key(|(_, row)| row.build_id);
    let same = rows.windows(2).all(|pair| pair[0].1.build_config == pair[1].1.build_config);
    if same && rows.len() == table.value.rows.iter().filter(|row| region(&row.region).is_some()).count() {
        rows.truncate(1);
        if let Some((region, _)) = rows.first_mut() {
            *region = Region::WORLD;
        }
    }
    let rows = rows.into_iter();
    rows.map(|(region, row)| BuildObservation {
        region,
        ..BuildObservation::new(build(row), evidence.clone())
    })
    .collect()
}

/// Notes on every entry of the build `id` what it costs those who have `update.from`.
pub(super) fn set_update(builds: &mut [BuildObservation], id: &str, update: &UpdateSize) {
    for entry in builds.iter_mut().filter(|entry| entry.build.id == id) {
        entry.update = Some(update.clone());
    }
}

/// Evidence that the service lists a product, with the state it is in.
pub(super) fn listed(summary: &Fetched<super::tables::Summary>, product: &str) -> Evidence {
    use super::tables::ProductTable::{BackgroundDownload, Versions};
    let mut evidence = Evidence::new(SourceKind::Official, summary.source.clone(), summary.observed_at);
    let has = |table| summary.value.has(product, table);
    evidence.note = match (has(Versions), has(BackgroundDownload)) {
        (false, false) => Some("CDNs are assigned, no build is live".into()),
        (false, true) => Some("a build is downloaded ahead, none is live".into()),
        (true, true) => Some("a build is downloaded ahead".into()),
        (true, false) => None,
    };
    evidence
}
