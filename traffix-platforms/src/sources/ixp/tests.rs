use chrono::{DateTime, Utc};
use proptest::prelude::*;
use traffix_core::delivery::Asn;
use traffix_core::series::{Gap, Point};
use traffix_core::{Evidence, SourceKind};

use super::*;
use crate::PlatformError;
use crate::testing::{answer, damage, recorded, run};
use crate::upstream::Replay;

const FIXTURES: &str = "sources/ixp/fixtures";
const MEMBERS: &str = "https://ixp.example/api/v4/member-export/ixf/1.0";
const LOG: &str = "https://ixp.example/ixp/grapher/ixp?id=1&period=day&category=bits&type=log";

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn site() -> Site {
    Site { name: "Example exchange".into(), base: "https://ixp.example/ixp/".parse().unwrap() }
}

fn export(up: &Replay, list: &str) -> Result<MemberExport, PlatformError> {
    run(members(up, list.parse().unwrap())).map(|fetched| fetched.value)
}

fn day(up: &Replay) -> Result<Traffic, PlatformError> {
    run(traffic(up, &site(), Period::Day))
}

#[test]
fn members_with_speeds() {
    let export = export(&recorded(FIXTURES), MEMBERS).unwrap();
    assert_eq!(export.version.as_deref(), Some("1.0"));
    assert_eq!(export.made_at, Some(at("2020-05-23T08:36:27Z")));
    let names: Vec<_> = export.exchanges.iter().map(|e| (e.id, e.name.as_deref(), e.peeringdb_id)).collect();
    assert_eq!(names, [(1, Some("Infrastructure #1"), Some(48)), (2, Some("Infrastructure #2"), Some(387))]);
    assert_eq!(export.exchanges[0].country.as_ref().unwrap().as_str(), "IE");
    assert_eq!(export.members.len(), 4);
    // Two interfaces of 1 Gbit/s each.
    assert_eq!(export.capacity_bps(1, Asn(1213)), Some(2_000_000_000));
    assert_eq!(export.capacity_bps(2, Asn(25441)), Some(10_000_000_000));
    assert_eq!(export.capacity_bps(2, Asn(42)), None);
    assert!(!serde_json::to_string(&export).unwrap().contains('@'));
}

#[test]
fn members_of_older_lists_without_speeds() {
    let up = recorded(FIXTURES);
    let bcix = export(&up, "https://bcix.example/members.json").unwrap();
    assert_eq!((bcix.version.as_deref(), bcix.members.len()), (Some("0.6"), 6));
    assert_eq!(bcix.members[0].asn, Asn(15169));
    assert_eq!(bcix.members[0].ports, [Port { exchange: Some(0), speed_bps: None }]);
    assert_eq!(bcix.capacity_bps(0, Asn(15169)), None);
    let gr_ix = export(&up, "https://gr-ix.example/members.json").unwrap();
    assert_eq!(gr_ix.members[2].name.as_deref(), Some("Microsoft"));
}

#[test]
fn ports_out_of_use_do_not_count() {
    let list = r#"{"version":"0.4","member_list":[{"asnum":1,"connection_list":[
        {"ixp_id":1,"state":"inactive","if_list":[{"if_speed":100}]},
        {"ixp_id":"1","if_list":[{"if_speed":"1000"},{"if_speed":10}]}]}]}"#;
    let read = export(&answer(MEMBERS, 200, list), MEMBERS).unwrap();
    assert_eq!(read.capacity_bps(1, Asn(1)), Some(1_010_000_000));
    let huge = list.replace("\"1000\"", "18446744073709551615");
    assert_eq!(export(&answer(MEMBERS, 200, huge), MEMBERS).unwrap().capacity_bps(1, Asn(1)), None);
    for body in ["", "<html>", "{}", "[]", r#"{"member_list":[{"asnum":-1}]}"#] {
        let error = export(&answer(MEMBERS, 200, body), MEMBERS).unwrap_err();
        assert!(matches!(error, PlatformError::Malformed { .. }), "{error}");
    }
}

#[test]
fn a_day_of_traffic_as_documented() {
    let Traffic { inbound, outbound } = day(&recorded(FIXTURES)).unwrap();
    assert_eq!((inbound.place.as_str(), inbound.step_secs.get()), ("Example exchange", 300));
    assert_eq!(inbound.evidence.source, LOG);
    let first = Point {
        start: at("2026-09-01T00:00:00Z"),
        average_bps: 1_000_000_000,
        maximum_bps: Some(1_500_000_000),
    };
    assert_eq!(inbound.points[0], first);
    // The row without numbers and the missing row are one gap; a maximum of 0 is none.
    assert_eq!(inbound.points.len(), 5);
    let gap = Gap { from: at("2026-09-01T00:20:00Z"), until: at("2026-09-01T00:30:00Z") };
    assert_eq!((inbound.gaps(), outbound.gaps()), (vec![gap], vec![gap]));
    assert_eq!(outbound.points[4].maximum_bps, None);
    assert_eq!(outbound.points[4].average_bps, 8_000_000_000);
    assert!(inbound.findings(at("2026-09-01T01:00:00Z")).is_empty());
    assert!(!inbound.findings(at("2026-09-01T00:00:00Z")).is_empty());
}

#[test]
fn a_week_has_one_resolution_as_documented() {
    let week = run(traffic(&recorded(FIXTURES), &site(), Period::Week)).unwrap().inbound;
    assert_eq!(week.step_secs.get(), 1_800);
    let points: Vec<_> = week.points.iter().map(|point| (point.average_bps, point.maximum_bps)).collect();
    assert_eq!(points, [(100, Some(110)), (300, Some(330)), (2_100, Some(3_960))]);
    assert_eq!(week.gaps(), []);
}

#[test]
fn a_summary_as_documented() {
    let summary = run(summary(&recorded(FIXTURES), &site(), Period::Day)).unwrap().value;
    assert_eq!(summary.average_in_bps, Some(4_000_000_000));
    assert_eq!(summary.maximum_out_bps, Some(9_100_000_000));
    assert_eq!(summary.maximum_in_at, Some(at("2026-09-01T00:05:00Z")));
    assert_eq!(summary.maximum_out_at, None);
}

#[test]
fn odd_logs_are_typed() {
    for body in [
        "",
        "{}",
        "<html>",
        "[[1,2]]",
        "[[null,1,2]]",
        "[[-1,1,2]]",
        "[[1,-1,2]]",
        "[[1e300,1,2]]",
        "[[1,1e300,2]]",
    ] {
        let error = day(&answer(LOG, 200, body)).unwrap_err();
        assert!(matches!(error, PlatformError::Malformed { operation: "grapher log", .. }), "{body} {error}");
    }
    assert!(matches!(day(&answer(LOG, 404, "")), Err(PlatformError::NotFound { .. })));
    assert!(day(&answer(LOG, 200, "[]")).unwrap().inbound.points.is_empty());
}

#[test]
fn tables_name_the_line_of_a_mistake() {
    let read = |csv: &str| {
        let evidence = Evidence::new(SourceKind::Measurement, "here", at("2026-01-01T00:00:00Z"));
        traffic_from_csv("x", &evidence, csv.as_bytes())
    };
    let good = read("# ours\nTime, out ,in\n1788220800,1,2.5\n1788221100,3,4\n1788221700,,6\n").unwrap();
    assert_eq!(good.inbound.points.iter().map(|p| p.average_bps).collect::<Vec<_>>(), [2, 4, 6]);
    assert_eq!((good.outbound.points.len(), good.outbound.step_secs.get()), (2, 300));
    assert_eq!(good.inbound.gaps().len(), 1);
    for (csv, says) in [
        ("time,in\n", "line 1: column \"out\" is missing"),
        ("time,in,out\n", "line 0: needs two rows"),
        ("time,in,out\n1,1,1\nsoon,1,1\n", "line 3: time must be"),
        ("time,in,out\n2,1,1\n1,1,1\n", "line 3: time must lie after"),
        ("time,in,out\n1,1,1\n2,-1,1\n", "line 3: rates must be"),
        ("time,in,out\n1,1,1\n2,NaN,1\n", "line 3: rates must be"),
    ] {
        let message = read(csv).unwrap_err().to_string();
        assert!(message.starts_with(says), "{message}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn damaged_recordings_give_values_or_typed_errors(damage in damage()) {
        let up = damage.replay(FIXTURES);
        for list in [MEMBERS, "https://bcix.example/members.json", "https://gr-ix.example/members.json"] {
            if let Ok(export) = export(&up, list) {
                let _ = export.capacity_bps(1, Asn(1213));
            }
        }
        for period in [Period::Day, Period::Week] {
            if let Ok(traffic) = run(traffic(&up, &site(), period)) {
                prop_assert!(traffic.inbound.points.is_sorted_by_key(|point| point.start));
            }
        }
        let _ = run(summary(&up, &site(), Period::Day));
        let csv = damage.apply(b"time,in,out\n1788220800,1,2.5\n2026-09-01T00:05:00Z,3,4\n1788221700,,6\n");
        let evidence = Evidence::new(SourceKind::Measurement, "here", DateTime::UNIX_EPOCH);
        let _ = traffic_from_csv("x", &evidence, &*csv);
    }
}
