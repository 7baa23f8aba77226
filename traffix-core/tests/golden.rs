//! The golden cases, and that a wrong number in them is noticed.

use serde_json::Value;
use traffix_core::golden::{Document, GoldenError};

const FILES: [(&str, &str); 4] = [
    ("curves", include_str!("golden/curves.json")),
    ("links", include_str!("golden/links.json")),
    ("uncertainty", include_str!("golden/uncertainty.json")),
    ("learning", include_str!("golden/learning.json")),
];

#[test]
fn every_golden_case_passes() {
    let mut failures = Vec::new();
    let mut count = 0;
    for (file, text) in FILES {
        for outcome in Document::parse(text).unwrap().run() {
            count += 1;
            if !outcome.passed() {
                failures.push(format!("{file}: {outcome}"));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    // 37 cases, of which one serves twice because the sampled case builds on it.
    assert_eq!(count, 38);
}

/// Multiplies the first non-zero number below `value` by 1.5; false if there is none.
fn spoil(value: &mut Value) -> bool {
    match value {
        Value::Number(n) => {
            let x = n.as_f64().unwrap_or(1.0);
            *value = Value::from(if x == 0.0 { 5.0 } else { x * 1.5 });
            true
        }
        Value::Array(items) => items.iter_mut().any(spoil),
        Value::Object(map) => map.values_mut().any(spoil),
        _ => false,
    }
}

#[test]
fn a_corrupted_expectation_fails_and_says_where() {
    for (file, text) in FILES {
        let original: Value = serde_json::from_str(text).unwrap();
        for i in 0..original["cases"].as_array().unwrap().len() {
            let mut spoilt = original.clone();
            assert!(spoil(&mut spoilt["cases"][i]["expect"]), "{file} {i}");
            let report = Document::parse(&spoilt.to_string()).unwrap().run();
            assert!(!report[i].passed(), "{file}: {} passes with a wrong number", report[i].id);
            assert!(report[i].to_string().contains("expected"), "{}", report[i]);
        }
    }
}

#[test]
fn unusable_documents_are_refused_and_broken_cases_fail() {
    assert!(matches!(Document::parse("{"), Err(GoldenError::Json(_))));
    assert!(matches!(Document::parse(r#"{"schema":"x"}"#), Err(GoldenError::Schema(_))));
    assert!(matches!(Document::parse(r#"{"schema":"traffix-model-cases/1"}"#), Err(GoldenError::NoCases)));
    let text = r#"{"schema":"traffix-model-cases/1","cases":[
        {"id":"a","kind":"nonsense","rel_tol":1e-6,"input":{},"expect":{"x":1}},
        {"id":"b","kind":"curve","rel_tol":1e-6,"input":{"tz":"Mars/Olympus"},"expect":{}},
        {"id":"c","kind":"free_capacity","rel_tol":1e-6,"input":{"rows":[]},"expect":{}},
        {"id":"d","kind":"free_capacity"}, 17]}"#;
    let report = Document::parse(text).unwrap().run();
    assert_eq!(report.len(), 5);
    assert!(report.iter().all(|outcome| !outcome.passed() && outcome.to_string().starts_with("FAIL")));
}
