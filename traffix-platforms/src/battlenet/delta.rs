//! How many bytes a client fetches: of a whole build, and of a build for somebody who has another one.
//!
//! What a client has is named by encoding keys, so an update is the difference of two sets of keys. The manifests'
//! own bytes (the encoding table above all) come on top and are not counted.

use std::collections::BTreeMap;

use traffix_core::Bytes;
use traffix_core::catalogue::ByteRange;

use super::download::{DownloadEntry, DownloadManifest, PLAYABLE_PRIORITY};
use super::encoding::{ContentEntry, EncodingTable};
use super::key::EncodingKey;
use super::patch::PatchManifest;
use super::tags::Device;

/// Bytes on the wire of a fresh install.
pub fn install_bytes(manifest: &DownloadManifest, device: &Device) -> u64 {
    sum(files_for(manifest, device))
}

/// Bytes on the wire until a fresh install can be played.
pub fn playable_bytes(manifest: &DownloadManifest, device: &Device) -> u64 {
    sum(files_for(manifest, device).filter(|file| file.priority <= PLAYABLE_PRIORITY))
}

/// Bytes on the wire for a device that has the build `from`, if it does not patch: an upper bound.
///
/// ```
/// # use traffix_platforms::battlenet::{Device, DownloadManifest, delta};
/// # let file = include_bytes!("fixtures/download_manifest_wow_classic_era_100entries.bin");
/// let build = DownloadManifest::parse(file.as_slice().into())?;
/// let device = Device::default();
/// assert_eq!(delta::install_bytes(&build, &device), 152_268);
/// assert_eq!(delta::update_bytes(&build, &build, &device), 0);
/// # Ok::<(), traffix_platforms::battlenet::TactError>(())
/// ```
pub fn update_bytes(from: &DownloadManifest, to: &DownloadManifest, device: &Device) -> u64 {
    let has = KeySet::of(from, device);
    sum(files_for(to, device).filter(|file| !has.contains(file.key)))
}

/// The same if the device patches what `patches`, which belong to the build `to`, allow.
///
/// Patches are listed by content; with the encoding table of the build `to` the answer is exact. Without it nobody
/// knows which of the files would be patched, and the lower end supposes that every patchable file is needed and would
/// otherwise be as large on the wire as it is unpacked.
pub fn patched_update_bytes(
    from: &DownloadManifest,
    to: &DownloadManifest,
    device: &Device,
    patches: &PatchManifest,
    encoding: Option<&EncodingTable>,
) -> ByteRange {
    let has = KeySet::of(from, device);
    let missing = files_for(to, device).filter(|file| !has.contains(file.key));
    let ways = patches.files.iter().filter_map(|file| {
        let usable = file.patches.iter().filter(|patch| has.contains(patch.from));
        Some((file, usable.map(|patch| patch.wire_bytes).min()?))
    });
    let Some(encoding) = encoding else {
        let most =
            ways.map(|(file, patch)| file.decoded_bytes.saturating_sub(patch)).fold(0, u64::saturating_add);
        let high = sum(missing);
        return ByteRange::new(Bytes(high.saturating_sub(most)), Bytes(high));
    };
    let mut patched = BTreeMap::<EncodingKey, u64>::new();
    for (file, patch) in ways {
        for key in encoding.content(file.content).iter().flat_map(ContentEntry::encodings) {
            let best = patched.entry(key).or_insert(patch);
            *best = patch.min(*best);
        }
    }
    let bytes = missing
        .map(|file| patched.get(&file.key).map_or(file.wire_bytes, |patch| file.wire_bytes.min(*patch)));
    ByteRange::exactly(Bytes(bytes.fold(0, u64::saturating_add)))
}

fn files_for(manifest: &DownloadManifest, device: &Device) -> impl Iterator<Item = DownloadEntry> {
    let chosen = manifest.tags().files_for(device);
    manifest.entries().enumerate().filter(move |(index, _)| chosen.contains(*index)).map(|(_, file)| file)
}

fn sum(files: impl Iterator<Item = DownloadEntry>) -> u64 {
    files.map(|file| file.wire_bytes).fold(0, u64::saturating_add)
}

/// A set of keys in 17 bytes each, half of a hash table's, and without one that a stranger could fill with collisions.
///
/// Keys are digests, so their leading bits spread them evenly over small groups; within a group they are sorted.
struct KeySet {
    keys: Vec<u128>,
    /// Where each group starts, and the end of the last.
    starts: Vec<usize>,
    /// How many leading bits name the group.
    bits: u32,
}

/// How many keys share a group on average, as a power of two: a few, so that one look finds them in one cache line.
const GROUP_BITS: u32 = 3;

impl KeySet {
    /// The files of a build that a device has.
    fn of(manifest: &DownloadManifest, device: &Device) -> Self {
        let chosen = manifest.tags().files_for(device);
        let count = chosen.len();
        let bits = count.checked_ilog2().unwrap_or_default().saturating_sub(GROUP_BITS).clamp(1, 26);
        let group = |key: u128| group(key, bits);
        let keys = || {
            let files = manifest.entries().enumerate().filter(|(index, _)| chosen.contains(*index));
            files.map(|(_, file)| file.key.as_u128())
        };
        let mut starts = vec![0; (1 << bits) + 1];
        keys().for_each(|key| starts[group(key) + 1] += 1);
        (1..starts.len()).for_each(|index| starts[index] += starts[index - 1]);
        let mut next = starts.clone();
        let mut sorted = vec![0; count];
        for key in keys() {
            let place = &mut next[group(key)];
            sorted[*place] = key;
            *place += 1;
        }
        for ends in starts.windows(2) {
            sorted[ends[0]..ends[1]].sort_unstable();
        }
        Self { keys: sorted, starts, bits }
    }

    fn contains(&self, key: EncodingKey) -> bool {
        let group = group(key.as_u128(), self.bits);
        let keys = &self.keys[self.starts[group]..self.starts[group + 1]];
        keys.binary_search(&key.as_u128()).is_ok()
    }
}

/// The leading bits of a key.
fn group(key: u128, bits: u32) -> usize {
    usize::try_from(key >> (128 - bits)).unwrap_or_default()
}
