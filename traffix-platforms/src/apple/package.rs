//! One downloadable package of system software, wherever it is listed.

use std::collections::BTreeMap;

use traffix_core::catalogue::{ByteRange, DownloadSize, RuKind};
use traffix_core::{Bytes, Evidence, Fact};

use crate::UpdateSize;

/// A package that brings devices to a build.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UpdatePackage {
    /// The build it brings: `11D201`.
    pub build: String,
    /// The version it brings: `7.1.1`.
    pub version: Option<String>,
    /// The build that a device must have; `None` for the full package.
    pub from_build: Option<String>,
    /// Models it is for: `iPhone5,1`.
    pub devices: Vec<String>,
    /// Bytes on the wire.
    pub wire_bytes: Option<u64>,
}

/// Builds in the order of their making: `11B651` before `11D50` before `11D167`.
pub(super) fn build_order(build: &str) -> (u32, String, u32, String) {
    let digits = |text: &str| text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (train, rest) = build.split_at(digits(build));
    let letters = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_alphabetic()).len();
    let (letter, rest) = rest.split_at(letters);
    let (number, suffix) = rest.split_at(digits(rest));
    (train.parse().unwrap_or(0), letter.to_owned(), number.parse().unwrap_or(0), suffix.to_owned())
}

/// The full package per model, and as the plain size what most devices fetch: the full package of a new major
/// version, and of a smaller one the difference to the build before it.
pub(super) fn download_sizes(
    packages: &[UpdatePackage],
    kind: RuKind,
    evidence: &Evidence,
) -> Vec<DownloadSize> {
    let full = packages.iter().filter(|package| package.from_build.is_none());
    let mut by_device = BTreeMap::<String, Vec<u64>>::new();
    for package in full.clone() {
        for device in &package.devices {
            by_device.entry(device.to_ascii_lowercase()).or_default().extend(package.wire_bytes);
        }
    }
    let mut sizes = Vec::new();
    let before = newest_start(packages).filter(|_| kind == RuKind::Update);
    if let Some((build, range)) = before.and_then(|build| Some((build, delta(packages, build)?))) {
        let mut evidence = evidence.clone();
        evidence.confidence *= 0.9;
        evidence.note =
            Some(format!("the difference to build {build}; the full package per model beside it"));
        sizes.push(size(None, range, evidence));
    } else if let Some(range) = range(full.filter_map(|package| package.wire_bytes)) {
        sizes.push(size(None, range, evidence.clone()));
    }
    let each = by_device.into_iter().filter_map(|(device, bytes)| Some((device, range(bytes.into_iter())?)));
    sizes.extend(each.map(|(device, range)| size(Some(device), range, evidence.clone())));
    sizes
}

/// The newest build from which there is a difference.
fn newest_start(packages: &[UpdatePackage]) -> Option<&str> {
    let starts = packages.iter().filter(|package| package.wire_bytes.is_some_and(|bytes| bytes > 0));
    starts.filter_map(|package| package.from_build.as_deref()).max_by_key(|build| build_order(build))
}

fn delta(packages: &[UpdatePackage], from: &str) -> Option<ByteRange> {
    let fitting = packages.iter().filter(|package| package.from_build.as_deref() == Some(from));
    range(fitting.filter_map(|package| package.wire_bytes))
}

/// What a device with the build `from` fetches, over all models; `None` if there is no difference from it.
pub(super) fn update_size(packages: &[UpdatePackage], from: &str) -> Option<UpdateSize> {
    Some(UpdateSize { from: from.to_owned(), wire_bytes: delta(packages, from)? })
}

fn size(variant: Option<String>, range: ByteRange, evidence: Evidence) -> DownloadSize {
    DownloadSize { variant, wire_bytes: Some(Fact::new(range, evidence)), disk_bytes: None }
}

fn range(bytes: impl Iterator<Item = u64>) -> Option<ByteRange> {
    let known: Vec<u64> = bytes.filter(|bytes| *bytes > 0).collect();
    Some(ByteRange::new(Bytes(*known.iter().min()?), Bytes(*known.iter().max()?)))
}

#[cfg(test)]
mod tests {
    use super::build_order;

    #[test]
    fn builds_are_ordered_by_number_not_by_text() {
        let mut builds = ["11D167", "11B651", "9A405", "11D50", "11B554a"];
        builds.sort_by_key(|build| build_order(build));
        assert_eq!(builds, ["9A405", "11B554a", "11B651", "11D50", "11D167"]);
        assert_eq!(build_order(""), (0, String::new(), 0, String::new()));
        assert_eq!(build_order("99999999999A99999999999").0, 0);
    }
}
