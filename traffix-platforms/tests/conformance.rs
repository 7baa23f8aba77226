//! The conformance suite over the whole registry.
#![cfg(feature = "conformance")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use traffix_platforms::PLATFORMS;
use traffix_platforms::conformance::{self, Law, Report};

/// Platforms that may have no network methods yet. The list only shrinks: whoever reads a platform's interfaces
/// takes it out.
const MAY_BE_OFFLINE: [&str; 1] = ["ubisoft"];

fn folder(slug: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(slug)
}

fn reports() -> Vec<Report> {
    let check = |platform: &&dyn traffix_platforms::Platform| {
        conformance::check(*platform, &folder(platform.id().as_str()).join("fixtures"))
    };
    PLATFORMS.iter().map(check).collect()
}

#[test]
fn every_platform_keeps_the_laws() {
    let reports = reports();
    for report in &reports {
        print!("{report}");
    }
    let online = reports.iter().filter(|report| report.online).count();
    let skipped: usize =
        reports.iter().filter(|report| report.online).map(|report| report.skipped.len()).sum();
    println!("{online} of {} platforms with network methods, {skipped} skips listed", reports.len());
    for report in reports.iter().filter(|report| !report.online) {
        let slug = report.platform.as_str();
        assert!(MAY_BE_OFFLINE.contains(&slug), "{slug} has no network methods");
        assert_eq!(report.passed, Law::OFFLINE, "{report}");
    }
    let broken: Vec<String> = reports.iter().filter(|r| !r.is_ok()).map(ToString::to_string).collect();
    assert!(broken.is_empty(), "\n{}", broken.concat());
}

/// Fixtures that nobody registered would be checked by nobody.
#[test]
fn every_folder_with_fixtures_is_registered() {
    let registered: BTreeSet<String> = PLATFORMS.iter().map(|platform| platform.id().to_string()).collect();
    let entries = std::fs::read_dir(folder("")).unwrap().map(|entry| entry.unwrap().path());
    let with_fixtures =
        entries.filter(|path| path.join("fixtures").exists() || path.join("profile.toml").exists());
    let folders: BTreeSet<String> =
        with_fixtures.map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect();
    assert_eq!(folders, registered);
}
