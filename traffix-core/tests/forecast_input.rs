//! What is refused, and where the finding points.
#![expect(clippy::unwrap_used, reason = "helpers of tests, not only their bodies, may panic")]

use serde_json::{Value, json};
use traffix_core::forecast::{ForecastError, ForecastInput, forecast};
use traffix_core::outlook::{OutlookInput, outlook};

fn base() -> Value {
    json!({
        "ru": {"id": "x", "kind": "update", "release_at": "2026-03-05T10:00:00Z",
               "items": [{"platform": "steam", "bytes": 40e9, "cdn_shares": {"valve": 1.0}}]},
        "network": {"id": "acme", "country": "GB", "tz": "Europe/London", "lines": 1e5,
                    "links": [{"id": "a", "cdns": ["valve"], "kind": "pni", "capacity_bps": 1e11}]},
        "options": {"draws": 16, "horizon_s": 86400}
    })
}

fn set(pointer: &str, value: Value) -> Value {
    let mut document = base();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    document.pointer_mut(parent).unwrap()[key] = value;
    document
}

#[test]
fn every_finding_points_to_its_place() {
    let waves =
        json!([{"at": "2026-03-05T10:00:00Z", "share": 0.5}, {"at": "2026-03-06T10:00:00Z", "share": 0.4}]);
    let cases = [
        ("/network/tz", json!("Mars/Olympus"), "/network/tz"),
        ("/network/lines", json!(-1), "/network/lines"),
        ("/network/lines", json!(1e12), "/network/lines"),
        ("/network/country", json!("gb"), "/network/country"),
        ("/network/platform_mix", json!({"steam": 0.5, "a/b": 0.4}), "/network/platform_mix"),
        ("/network/platform_mix", json!({"a/b": 2.0, "c": -1.0}), "/network/platform_mix/a~1b"),
        ("/network/baseline_bps", json!([1, 2, 3]), "/network/baseline_bps"),
        ("/network/line_rate_bps", json!({"median": 0, "sigma": 0.5}), "/network/line_rate_bps/median"),
        ("/network/classes", json!([{"weight": 0.5, "bps": 1e8}]), "/network/classes"),
        ("/network/links/0/headroom", json!(7), "/network/links/0/headroom"),
        ("/network/links/0/capacity_bps", json!(-1), "/network/links/0/capacity_bps"),
        ("/ru/items/0/bytes", json!(-5), "/ru/items/0/bytes"),
        ("/ru/items/0/bytes", json!(1e19), "/ru/items/0/bytes"),
        ("/ru/items/0/cdn_shares", json!({"valve": 0.3}), "/ru/items/0/cdn_shares"),
        ("/ru/items", json!([]), "/ru/items"),
        ("/ru/preload_at", json!("2026-03-06T10:00:00Z"), "/ru/release_at"),
        ("/ru/unlock_at", json!("0999-03-06T10:00:00Z"), "/ru/unlock_at"),
        ("/ru/waves", waves, "/ru/waves"),
        ("/ru/already_downloaded_share", json!(1.5), "/ru/already_downloaded_share"),
        ("/ru/signals", json!({"mau": -1}), "/ru/signals/mau"),
        ("/options/draws", json!(1_000_000), "/options/draws"),
        ("/options/step_s", json!(0), "/options/step_s"),
        ("/options/horizon_s", json!(4_000_000_000_u32), "/options/horizon_s"),
    ];
    for (pointer, value, expected) in cases {
        let input: ForecastInput = serde_json::from_value(set(pointer, value.clone())).unwrap();
        let Err(ForecastError::Invalid(found)) = forecast(&input) else {
            panic!("{pointer} = {value} is accepted");
        };
        assert!(found.iter().any(|f| f.pointer == expected), "{pointer} = {value}: {found:?}");
    }
}

#[test]
fn not_finite_numbers_are_refused() {
    let mut input: ForecastInput = serde_json::from_value(base()).unwrap();
    (input.network.lines, input.ru.items[0].bytes) = (f64::NAN, Some(f64::INFINITY));
    let places: Vec<String> = input.validate().into_iter().map(|f| f.pointer).collect();
    assert_eq!(places, ["/ru/items/0/bytes", "/network/lines"]);
}

#[test]
fn too_fine_a_question_is_refused() {
    let mut document = base();
    document["options"] = json!({"step_s": 60, "horizon_s": 1_209_600, "draws": 4096});
    let input: ForecastInput = serde_json::from_value(document).unwrap();
    assert!(input.validate().iter().any(|f| f.pointer == "/options"));
}

#[test]
fn unknown_fields_and_kinds_are_refused_on_reading() {
    for (pointer, value) in [
        ("/ru/sise", json!(1)),
        ("/network/linse", json!(1)),
        ("/options/x", json!(1)),
        ("/ru/kind", json!("dlc")),
    ] {
        assert!(serde_json::from_value::<ForecastInput>(set(pointer, value)).is_err(), "{pointer}");
    }
}

#[test]
fn every_kind_wave_and_date_gives_a_forecast() {
    for kind in ["release", "update", "phone-os", "windows-patch", "windows-feature", "app", "media"] {
        let input: ForecastInput = serde_json::from_value(set("/ru/kind", json!(kind))).unwrap();
        assert!(forecast(&input).unwrap().peak.bps.p50 > 0.0, "{kind}");
    }
    let mut document = base();
    document["ru"]["waves"] = json!([{"region": "NZ", "at": "2026-03-05T10:00:00Z", "share": 0.5},
                                     {"region": "GB", "at": "2026-03-06T10:00:00Z", "share": 0.5}]);
    document["options"]["horizon_s"] = json!(259_200);
    let answer = forecast(&serde_json::from_value(document).unwrap()).unwrap();
    assert_eq!(
        answer.grid.start.to_rfc3339(),
        "2026-03-06T10:00:00+00:00",
        "only the wave of the country counts"
    );
    let mut document = base();
    document["ru"]["release_at"] = Value::Null;
    document["ru"]["preload_at"] = json!("2026-03-05T10:00:00Z");
    let answer = forecast(&serde_json::from_value(document).unwrap()).unwrap();
    assert!(answer.missing.iter().any(|m| m.pointer == "/ru/release_at"));
}

fn days(rus: &Value) -> OutlookInput {
    let network = base()["network"].clone();
    serde_json::from_value(
        json!({"network": network, "rus": rus, "options": {"from": "2026-03-01T00:00:00Z"}}),
    )
    .unwrap()
}

#[test]
fn an_outlook_sums_draws_and_names_clashes() {
    let ru = |id: &str, at: &str, mau: f64| {
        json!({"id": id, "kind": "update", "release_at": at, "signals": {"mau": mau},
               "items": [{"platform": "steam", "bytes": 40e9, "cdn_shares": {"valve": 1.0}}]})
    };
    let rus = json!([
        ru("a", "2026-03-05T17:00:00Z", 5e7),
        ru("b", "2026-03-05T18:00:00Z", 4e7),
        ru("late", "2026-03-12T18:00:00Z", 1e7),
        ru("over", "2025-11-01T00:00:00Z", 1e7),
        ru("far", "2027-01-01T00:00:00Z", 1e7),
        ru("running", "2026-02-26T18:00:00Z", 1e7)
    ]);
    let answer = outlook(&days(&rus)).unwrap();
    let skipped: Vec<&str> = answer.skipped.iter().map(|s| s.ru.as_str()).collect();
    assert_eq!(skipped, ["over", "far"]);
    assert_eq!(answer.rus.len(), 4);
    let clash = &answer.clashes[0];
    assert_eq!(clash.rus, ["a", "b"]);
    assert!(clash.amplification > 1.2 && clash.link.as_deref() == Some("a"));
    let link = &answer.links["a"];
    assert!(link.thresholds.windows(2).all(|t| t[0].probability >= t[1].probability));
    assert!(link.load.p90.iter().zip(&link.load.p50).all(|(a, b)| a >= b));
    assert!(answer.extra.p50[0] > 0.0, "what began before the horizon still runs");
    // An RU alone has the same draws as in company.
    let alone = outlook(&days(&json!([rus[0]]))).unwrap();
    assert_eq!(alone.rus[0], answer.rus.iter().find(|r| r.ru == "a").cloned().unwrap());
    assert!(alone.peak_bps.p50 <= answer.peak_bps.p50);
}

#[test]
fn an_empty_outlook_is_quiet_and_a_wrong_one_points() {
    let answer = outlook(&days(&json!([]))).unwrap();
    assert!(answer.rus.is_empty() && answer.extra.p99.iter().all(|x| *x <= 0.0));
    let mut wrong = days(&json!([{"id": "a", "kind": "update", "items": [{"platform": "steam"}]}]));
    wrong.options.thresholds = vec![-1.0];
    let places: Vec<String> = wrong.validate().into_iter().map(|f| f.pointer).collect();
    assert_eq!(places, ["/rus/0/release_at", "/options/thresholds"]);
}
