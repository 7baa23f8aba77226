//! Rules of the catalogue, on a real release.

use serde_json::{Value, json};

use super::*;

fn evidence(kind: &str, source: &str, day: u32) -> Value {
    json!({"source": source, "kind": kind, "observed_at": format!("2024-10-{day:02}T00:00:00Z"), "confidence": 0.9})
}

fn black_ops_6() -> Value {
    json!({
        "id": "black-ops-6", "title": "Call of Duty: Black Ops 6", "kind": "release",
        "publishers": ["activision"], "evidence": [evidence("official", "https://www.callofduty.com", 1)],
        "listings": [{
            "platform": "playstation",
            "sizes": [{"wire_bytes": {"value": {"low": 84_400_000_000_u64, "high": 84_400_000_000_u64},
                                      "evidence": evidence("press", "eurogamer", 18)}}],
            "phases": [
                {"kind": "preload", "window": {"evidence": evidence("official", "blog", 15),
                    "value": {"start": "2024-10-21T16:00:00Z", "precision": "minute"}}},
                {"kind": "unlock", "window": {"evidence": evidence("official", "blog", 15),
                    "value": {"start": "2024-10-25T04:00:00Z", "precision": "minute"}}}]
        }]
    })
}

fn parse(value: &Value) -> Ru {
    serde_json::from_value(value.clone()).unwrap()
}

fn pointers(value: &Value) -> Vec<String> {
    parse(value).findings().into_iter().map(|f| f.pointer).collect()
}

#[test]
fn a_real_release_is_valid_and_round_trips() {
    let ru = parse(&black_ops_6());
    assert_eq!(ru.findings(), []);
    assert_eq!(serde_json::from_value::<Ru>(serde_json::to_value(&ru).unwrap()).unwrap(), ru);
    assert_eq!(ru.first_at().unwrap().to_rfc3339(), "2024-10-21T16:00:00+00:00");
    assert_eq!(ru.released_at().unwrap().to_rfc3339(), "2024-10-25T04:00:00+00:00");
}

#[test]
fn unknown_is_absent_not_null() {
    let text = serde_json::to_string(&parse(&black_ops_6())).unwrap();
    assert!(!text.contains("null"), "{text}");
}

#[test]
fn findings_point_to_the_value() {
    let mut ru = black_ops_6();
    ru["kind"] = json!("update");
    assert_eq!(pointers(&ru), ["/release"]);

    let mut ru = black_ops_6();
    ru["listings"][0]["phases"][0]["window"]["value"]["start"] = json!("2024-10-26T00:00:00Z");
    assert_eq!(pointers(&ru), ["/listings/0/phases/1/window/value/start"]);

    let mut ru = black_ops_6();
    ru["listings"][0]["sizes"][0]["wire_bytes"]["value"]["high"] = json!(10_u64.pow(18));
    ru["listings"][0]["sizes"][0]["wire_bytes"]["evidence"]["confidence"] = json!(1.5);
    let size = "/listings/0/sizes/0/wire_bytes";
    assert_eq!(pointers(&ru), [format!("{size}/value/high"), format!("{size}/evidence/confidence")]);

    let mut ru = black_ops_6();
    ru["listings"] = json!([ru["listings"][0], ru["listings"][0]]);
    assert_eq!(pointers(&ru), ["/listings/1"]);
}

#[test]
fn unknown_fields_are_refused() {
    let mut ru = black_ops_6();
    ru["listings"][0]["size"] = json!(3);
    let error = serde_json::from_value::<Ru>(ru).unwrap_err().to_string();
    assert!(error.contains("unknown field `size`"), "{error}");
}

#[test]
fn merging_keeps_the_stronger_and_shows_the_other() {
    let press = parse(&black_ops_6());
    let mut official = black_ops_6();
    let size = &mut official["listings"][0]["sizes"][0]["wire_bytes"];
    size["value"] = json!({"low": 85_000_000_000_u64, "high": 85_000_000_000_u64});
    size["evidence"] = evidence("official", "store page", 10);
    official["listings"][0]["platform"] = json!("playstation");
    let official = parse(&official);

    let merged = press.clone().merge(official.clone());
    assert_eq!(merged, official.merge(press.clone()));
    let size = merged.listings[0].wire_bytes().unwrap();
    assert_eq!(size.value.mid().to_string(), "85 GB");
    assert_eq!(size.conflicts().count(), 1);
    assert_eq!(merged.clone().merge(press), merged, "merging again changes nothing");
}
