//! Laws over the registry of platforms and their assertions.
#![expect(clippy::unwrap_used, reason = "helpers of tests may fail")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use chrono::NaiveDate;
use traffix_core::catalogue::{PlatformId, Region};
use traffix_core::delivery::{Asn, PartialDate, Role, Status};
use traffix_platforms::profile::{Basis, PlatformKind};
use traffix_platforms::{PLATFORMS, PlatformExt, cdn, default_weights, delivery, docs};

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

#[test]
fn slugs_are_unique_sorted_and_match_the_folders() {
    let slugs: Vec<String> = PLATFORMS.iter().map(|platform| platform.id().to_string()).collect();
    assert!(slugs.is_sorted() && slugs.windows(2).all(|pair| pair[0] != pair[1]), "{slugs:?}");
    let mut folders: Vec<String> = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("profile.toml").exists())
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    folders.sort();
    assert_eq!(slugs, folders);
}

/// `cargo fmt` does not see modules that a macro declares, and the registry's macro declares these.
#[test]
fn folders_are_formatted() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = PLATFORMS.iter().map(|platform| root.join("src").join(platform.id().as_str()).join("mod.rs"));
    let mut rustfmt = std::process::Command::new("rustfmt");
    let done = rustfmt.args(["--check", "--edition", "2024"]).args(files).current_dir(root).output().unwrap();
    assert!(done.status.success(), "run rustfmt on:\n{}", String::from_utf8_lossy(&done.stdout));
}

/// Slugs are in files and databases of users: one that has been released never changes.
#[test]
fn slugs_are_stable() {
    let released = [
        "apple",
        "battlenet",
        "ea",
        "epic",
        "gog",
        "nintendo",
        "playstation",
        "riot",
        "steam",
        "tmdb",
        "tvmaze",
        "ubisoft",
        "windows-update",
        "xbox",
    ];
    for slug in released {
        assert!(traffix_platforms::platform(slug).is_ok(), "{slug}");
    }
    let names: BTreeSet<&str> = PLATFORMS.iter().map(|platform| platform.profile().name.as_str()).collect();
    assert_eq!(names.len(), PLATFORMS.len());
}

#[test]
fn profiles_belong_to_their_platform_and_every_fact_has_a_source() {
    for platform in PLATFORMS {
        let profile = platform.profile();
        assert_eq!(profile.id, platform.id());
        assert!(!profile.provenances().is_empty(), "{platform:?}");
        for (what, provenance) in profile.provenances() {
            assert!(!provenance.source.is_empty(), "{platform:?} {what}");
            assert!(
                provenance.date.first_day() <= profile.reviewed,
                "{platform:?} {what}: dated after the review"
            );
            assert!((0.0..=1.0).contains(&provenance.confidence), "{platform:?} {what}");
            let assumed = provenance.basis == Basis::Assumed;
            assert!(
                !assumed || provenance.confidence <= 0.5,
                "{platform:?} {what}: an assumption cannot be sure"
            );
        }
        let days = (profile.review_due - profile.reviewed).num_days();
        assert!((30..=400).contains(&days), "{platform:?}: reviewed again after {days} days");
        assert!(profile.reviewed >= day("2026-11-01"));
    }
}

/// Misspelt members would be lost silently where facts are flattened.
#[test]
fn profiles_have_no_members_that_nobody_reads() {
    const KNOWN: [&str; 9] =
        ["value", "basis", "source", "date", "confidence", "note", "region", "share", "group"];
    fn walk(value: &toml::Value, place: &str) {
        if let toml::Value::Table(table) = value {
            for (key, inner) in table {
                let fine = !table.contains_key("basis") || KNOWN.contains(&key.as_str()) || key == "parts";
                assert!(fine, "{place}: nobody reads {key}");
                walk(inner, place);
            }
        } else if let toml::Value::Array(items) = value {
            for item in items {
                walk(item, place);
            }
        }
    }
    for platform in PLATFORMS {
        let path = format!("{}/src/{}/profile.toml", env!("CARGO_MANIFEST_DIR"), platform.id());
        let text = std::fs::read_to_string(&path).unwrap();
        walk(&toml::Value::Table(text.parse().unwrap()), &path);
    }
}

#[test]
fn shares_sum_to_one_everywhere_and_name_networks_that_serve_the_platform() {
    for platform in PLATFORMS {
        for shares in &platform.profile().shares {
            let sum: f64 = shares.parts.iter().map(|part| part.share).sum();
            assert!((sum - 1.0).abs() < 1e-9, "{platform:?} {}: {sum}", shares.region);
            let named: f64 = shares.named().iter().map(|(_, share)| share).sum();
            assert!((named - 1.0).abs() < 1e-9, "{platform:?} {}: {named}", shares.region);
            for part in shares.parts.iter().filter_map(|part| part.cdn.as_ref()) {
                assert!(platform.cdns().contains(part), "{platform:?}: no current assertion names {part}");
                let network = cdn::find(part).unwrap();
                assert_ne!(network.status, Status::Historical, "{platform:?}: {part} is gone");
            }
        }
        let delivers = platform.profile().kind != PlatformKind::Guide;
        assert_eq!(platform.cdn_shares(&"GB".parse().unwrap()).is_some(), delivers, "{platform:?}");
    }
}

#[test]
fn default_weights_sum_to_one_for_every_pair() {
    for a in PLATFORMS {
        for b in PLATFORMS {
            let weights = default_weights(&[a.id(), b.id()], &Region::WORLD);
            let sum: f64 = weights.iter().map(|(_, weight)| weight).sum();
            assert!((sum - 1.0).abs() < 1e-12 && weights.iter().all(|(_, weight)| *weight > 0.0));
        }
    }
    assert!(default_weights(&[], &Region::WORLD).is_empty());
    let all: Vec<PlatformId> =
        ["playstation", "xbox", "steam", "nintendo", "apple"].map(|s| s.parse().unwrap()).into();
    let weights: BTreeMap<_, _> = default_weights(&all, &Region::WORLD).into_iter().collect();
    assert!((weights[&all[0]] - 0.47).abs() < 1e-12);
    assert!((weights[&all[2]] - 0.10).abs() < 1e-12);
}

#[test]
fn assertions_are_complete_and_refer_to_known_networks() {
    assert_eq!(delivery::assertions().count(), 413);
    let mut of_kind = BTreeMap::<_, usize>::new();
    for assertion in delivery::assertions() {
        assert!(assertion.check().is_empty(), "{assertion:?}");
        assert!(assertion.cdn.as_ref().is_none_or(|id| cdn::find(id).is_some()), "{assertion:?}");
        assert!(assertion.asn.is_none_or(Asn::is_public), "{assertion:?}");
        let due = assertion.review_due();
        assert_eq!(due.is_none(), assertion.status == Status::Historical);
        assert!(due.is_none_or(|due| due < day("2028-01-01")), "{assertion:?}");
        let seen = assertion.observed.map(PartialDate::first_day);
        assert!(
            seen.is_none_or(|seen| (day("2000-01-01")..=day("2026-11-21")).contains(&seen)),
            "{assertion:?}"
        );
        *of_kind.entry((assertion.role, assertion.status)).or_default() += 1;
    }
    assert_eq!(of_kind[&(Role::Cdn, Status::Current)], 273);
    assert_eq!(of_kind[&(Role::Origin, Status::Current)], 70);
    assert_eq!(of_kind[&(Role::EmbeddedCache, Status::Current)], 29);
}

/// A platform whose facts are older than its review period is flagged from the day on which the review is due.
#[test]
fn old_facts_are_flagged() {
    for platform in PLATFORMS {
        let profile = platform.profile();
        let flagged = |day: NaiveDate| {
            let due = docs::reviews_due(day);
            due.iter().any(|due| due.platform == profile.id && due.profile_since == Some(profile.review_due))
        };
        assert!(flagged(profile.review_due), "{platform:?}");
        assert!(!flagged(profile.review_due.pred_opt().unwrap()), "{platform:?}");
    }
}

#[test]
fn the_document_lists_support_credentials_and_sources() {
    let text = docs::support_markdown();
    let row = "| TVmaze | published | published | unavailable | unavailable | unavailable | unavailable | published | unavailable |";
    assert!(text.contains(row));
    assert!(text.contains("\n| `tmdb` | The Movie Database | Every request. |"));
    assert!(text.contains("\n| `github` (optional) | GitHub issues |"));
    assert!(text.contains("| terms | CC BY-SA 4.0"));
    assert!(text.contains("\n# Other sources\n"));
    let mut names = BTreeSet::new();
    for profile in PLATFORMS.iter().map(|platform| platform.profile()) {
        assert!(
            profile.credentials.iter().all(|need| names.insert((&profile.id, &need.name))),
            "{}",
            profile.id
        );
    }
}

#[test]
fn the_document_names_every_platform_and_network() {
    let text = traffix_platforms::docs::support_markdown();
    for platform in PLATFORMS {
        assert!(text.contains(&format!("\n## {}\n", platform.profile().name)));
    }
    assert!(cdn::cdns().iter().all(|cdn| text.contains(&format!("| `{}` |", cdn.id))));
    assert!(text.contains("21559 IPv4 and 14588 IPv6 prefixes, 413 assertions"));
}
