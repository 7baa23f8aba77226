use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const RECORDED: &str = include_str!("../fixtures/info_413150.json");

fn stardew() -> AppInfo {
    let answer: BTreeMap<String, serde_json::Value> = serde_json::from_str(RECORDED).unwrap();
    AppInfo::from_json(answer["data"]["413150"].to_string().as_bytes()).unwrap()
}

fn device(os: Os) -> Device<'static> {
    Device { os, language: "english", dlc: None }
}

#[test]
fn the_recorded_tree_gives_the_bytes_of_each_system() {
    let info = stardew();
    assert_eq!(info.common.name.as_deref(), Some("Stardew Valley"));
    assert_eq!(info.common.developers(), ["ConcernedApe"]);
    assert_eq!(info.common.released_at.unwrap().to_rfc3339(), "2016-02-26T17:59:00+00:00");
    let bytes = |os| info.depots.transfer("public", &device(os)).unwrap();
    let (windows, linux) = (bytes(Os::Windows), bytes(Os::Linux));
    assert_eq!((windows.wire_bytes, windows.disk_bytes), (Some(453_699_840), Some(691_846_347)));
    assert_eq!((linux.wire_bytes, linux.disk_bytes), (Some(457_681_328), Some(708_901_690)));
    assert_eq!(bytes(Os::Macos).wire_bytes, Some(456_794_576));
    let public = &info.depots.branches["public"];
    assert_eq!(public.build.as_deref(), Some("16826371"));
    assert_eq!(public.live_at.unwrap().to_rfc3339(), "2024-12-22T00:19:35+00:00");
    assert_eq!(info.depots.branch_of("16375315"), Some("previous_version"));
    assert_eq!(info.depots.branch_of("16826371"), None);
}

#[test]
fn the_recorded_text_is_the_same_kind_of_tree() {
    let info = AppInfo::from_vdf(include_str!("../fixtures/appinfo_480.vdf")).unwrap();
    assert_eq!(info.common.name.as_deref(), Some("Spacewar"));
    assert_eq!(info.common.publishers(), ["Telltale Games"]);
    let bytes = info.depots.transfer("public", &device(Os::Windows)).unwrap();
    assert_eq!((bytes.wire_bytes, bytes.disk_bytes), (Some(797_632), Some(1_906_055)));
    assert!(info.depots.depots[&229_006].shared);
    assert!(info.depots.branches["private"].locked);
    assert!(info.depots.transfer("private", &device(Os::Windows)).is_none());
}

#[test]
fn a_missing_and_a_restricted_app_have_no_depots() {
    let read = |text: &str, id: &str| {
        let answer: serde_json::Value = serde_json::from_str(text).unwrap();
        AppInfo::from_json(answer["data"][id].to_string().as_bytes()).unwrap()
    };
    assert_eq!(read(include_str!("../fixtures/info_999999999.json"), "999999999"), AppInfo::default());
    let restricted = read(include_str!("../fixtures/info_3065170.json"), "3065170");
    assert!(restricted.restricted && restricted.depots == DepotTree::default());
}

fn tree(json: &str) -> DepotTree {
    AppInfo::from_json(format!(r#"{{"depots":{json}}}"#).as_bytes()).unwrap().depots
}

#[test]
fn languages_extensions_word_sizes_and_violence_choose_depots() {
    let tree = tree(
        r#"{"1":{"manifests":{"public":{"gid":"1","size":"10","download":"5"}}},
            "2":{"config":{"language":"german"},"manifests":{"public":{"gid":"2","size":"20","download":"7"}}},
            "3":{"config":{"osarch":"32"},"manifests":{"public":{"gid":"3","size":"30","download":"30"}}},
            "4":{"dlcappid":"99","manifests":{"public":{"gid":"4","size":"40","download":"11"}}},
            "5":{"config":{"lowviolence":"1"},"manifests":{"public":{"gid":"5","size":"50","download":"50"}}},
            "6":{"depotfromapp":"7","sharedinstall":"1","manifests":{"public":{"gid":"6","size":"60","download":"60"}}},
            "baselanguages":"english","overridescddb":"1","branches":{"public":{"buildid":"8"}}}"#,
    );
    let wire = |device| tree.transfer("public", &device).unwrap().wire_bytes;
    let windows = device(Os::Windows);
    assert_eq!(wire(windows), Some(5));
    assert_eq!(wire(Device { language: "german", ..windows }), Some(12));
    assert_eq!(wire(Device { dlc: Some(99), ..windows }), Some(11));
    assert!(tree.transfer("public", &Device { dlc: Some(98), ..windows }).is_none());
    assert_eq!(tree.languages().into_iter().collect::<Vec<_>>(), ["german"]);
}

#[test]
fn an_old_tree_has_manifests_without_sizes() {
    let tree = tree(r#"{"1":{"maxsize":"900","manifests":{"public":"77"}}}"#);
    let bytes = tree.transfer("public", &device(Os::Windows)).unwrap();
    assert_eq!((bytes.wire_bytes, bytes.disk_bytes), (None, Some(900)));
}

#[test]
fn sums_neither_overflow_nor_call_a_stub_a_download() {
    let huge = tree(&format!(
        r#"{{"1":{{"manifests":{{"public":{{"gid":"1","download":"{0}","size":"0"}}}}}},
             "2":{{"manifests":{{"public":{{"gid":"2","download":"{0}","size":"0"}}}}}}}}"#,
        u64::MAX
    ));
    let bytes = huge.transfer("public", &device(Os::Windows)).unwrap();
    assert_eq!((bytes.wire_bytes, bytes.disk_bytes), (None, None));
}

#[test]
fn the_bounds_of_an_update_follow_from_the_sums() {
    let manifest = |gid, bytes| Manifest { gid, wire_bytes: bytes, disk_bytes: None };
    let bounds = |new: Manifest, old| new.update_bounds(old).map(|range| (range.low.0, range.high.0));
    let old = manifest(1, Some(60));
    assert_eq!(bounds(manifest(1, Some(60)), Some(&old)), Some((0, 0)));
    assert_eq!(bounds(manifest(2, Some(100)), Some(&old)), Some((40, 100)));
    assert_eq!(bounds(manifest(2, Some(50)), Some(&old)), Some((0, 50)));
    assert_eq!(bounds(manifest(2, Some(50)), None), Some((50, 50)));
    assert_eq!(bounds(manifest(2, None), Some(&old)), None);
    assert_eq!(bounds(manifest(2, Some(100)), Some(&manifest(1, None))), Some((0, 100)));
}

#[test]
fn mistakes_say_where_they_are() {
    let error = |json: &str| AppInfo::from_json(json.as_bytes()).unwrap_err().detail;
    assert!(
        error(r#"{"depots":{"1":{"manifests":{"public":{"size":"1"}}}}}"#).contains("missing field `gid`")
    );
    assert!(error(r#"{"depots":{"1":{"manifests":{"public":"x"}}}}"#).starts_with("depots"));
    assert!(error(r#"{"depots":{"branches":{"public":{"timeupdated":"soon"}}}}"#).contains("branches"));
}

proptest! {
    #[test]
    fn mutations_never_panic(at in 0..RECORDED.len(), len in 0_usize..20, new in "[\"{}:,0-9a]{0,6}") {
        let mut bytes = RECORDED.as_bytes().to_vec();
        bytes.splice(at..(at + len).min(RECORDED.len()), new.bytes());
        let text = String::from_utf8_lossy(&bytes);
        if let Ok(answer) = serde_json::from_str::<serde_json::Value>(&text)
            && let Ok(info) = AppInfo::from_json(answer["data"]["413150"].to_string().as_bytes())
        {
            for os in Os::ALL {
                info.depots.transfer("public", &device(os));
            }
        }
    }
}
