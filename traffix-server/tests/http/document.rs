//! The OpenAPI document.

use std::path::Path;

use serde_json::Value;

use crate::harness::TestServer;

fn committed() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/openapi.json")
}

#[test]
fn the_committed_document_is_current() {
    let current = traffix_server::openapi_json();
    if std::env::var_os("TRAFFIX_WRITE_OPENAPI").is_some() {
        std::fs::write(committed(), &current).unwrap();
    }
    let stored = std::fs::read_to_string(committed()).unwrap_or_default();
    assert!(stored == current, "docs/openapi.json is stale: run again with TRAFFIX_WRITE_OPENAPI=1");
}

#[test]
fn every_reference_resolves_and_every_operation_is_described() {
    let document: Value = serde_json::from_str(&traffix_server::openapi_json()).unwrap();
    let mut references = Vec::new();
    collect(&document, &mut references);
    for reference in references {
        assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
    }
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            assert!(operation["summary"].is_string(), "{method} {path}");
            assert!(operation["operationId"].is_string(), "{method} {path}");
            assert!(operation["responses"]["default"].is_object(), "{method} {path}");
            // Questions that are too long for an address.
            let asks =
                method == "get" || ["/forecasts", "/scenarios", "/attribution"].contains(&path.as_str());
            assert!(asks || operation["security"].is_array(), "{method} {path} is open to everybody");
        }
    }
}

fn collect(value: &Value, references: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::String(reference)) = fields.get("$ref") {
                references.push(reference.clone());
            }
            fields.values().for_each(|value| collect(value, references));
        }
        Value::Array(items) => items.iter().for_each(|value| collect(value, references)),
        _ => {}
    }
}

#[tokio::test]
async fn the_documentation_works_offline() {
    let server = TestServer::start().await;
    let page = server.get("/docs").send().await.unwrap().text().await.unwrap();
    assert!(page.contains("SwaggerUIBundle") && page.contains("\"operationId\":\"listRus\""));
    for tag in ["<script", "<link", "<img", "<iframe"] {
        for (at, _) in page.match_indices(tag) {
            let end = page[at..].find('>').map_or(page.len(), |end| at + end);
            let source = &page[at..end];
            let external = ["src=\"http", "href=\"http", "src=\"//", "href=\"//"];
            assert!(!external.iter().any(|word| source.contains(word)), "{source}");
        }
    }
    let document = server.json("/api/v1/openapi.json").await;
    assert_eq!(document["openapi"], "3.0.0");
}
