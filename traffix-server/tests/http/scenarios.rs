//! What if.

use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use traffix_core::forecast::ForecastInput;
use traffix_core::forecast::scenario::{Scenario, compare};

use crate::harness::TestServer;

fn question(scenarios: &Value) -> Value {
    json!({
        "ru": {"id": "x", "kind": "update", "release_at": "2026-03-05T10:00:00Z",
               "items": [{"platform": "steam", "bytes": 20e9, "cdn_shares": {"akamai": 0.5, "valve": 0.5}}],
               "signals": {"mau": 5e6}},
        "network": {"id": "acme", "country": "GB", "tz": "Europe/London", "lines": 1e6,
               "links": [{"id": "peer", "cdns": ["akamai"], "kind": "pni", "capacity_bps": 2e10},
                         {"id": "transit", "kind": "transit", "capacity_bps": 5e10}]},
        "options": {"draws": 32, "horizon_s": 86_400},
        "scenarios": scenarios,
    })
}

fn post(server: &TestServer, body: &Value) -> RequestBuilder {
    server.request(Method::POST, "/api/v1/scenarios").json(body)
}

#[tokio::test]
async fn scenarios_are_the_models_own() {
    let server = TestServer::start().await;
    let scenarios = json!([
        {"name": "lost peer", "changes": [{"remove_link": {"link": "peer"}}]},
        {"name": "double adoption", "changes": [{"scale_audience": {"by": 2}}]},
    ]);
    let body = question(&scenarios);
    let answer = post(&server, &body).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(answer.headers()["ratelimit"].to_str().unwrap().contains("r="));
    let answer: Value = answer.json().await.unwrap();
    let mut asked = body;
    asked.as_object_mut().unwrap().remove("scenarios");
    let input: ForecastInput = serde_json::from_value(asked.clone()).unwrap();
    let scenarios: Vec<Scenario> = serde_json::from_value(scenarios).unwrap();
    assert_eq!(answer, serde_json::to_value(compare(&input, &scenarios, None).unwrap()).unwrap());
    assert_eq!(answer["scenarios"][1]["difference"]["peak_bps"], answer["base"]["peak"]["bps"]);
    let links = &answer["scenarios"][0]["difference"]["links"];
    assert!(links["peer"].get("after").is_none() && links["transit"]["peak_bps"]["p50"].as_f64() > Some(0.0));
    // The base is the forecast of the same question.
    let request = server.request(Method::POST, "/api/v1/forecasts").json(&asked);
    let alone: Value = request.send().await.unwrap().json().await.unwrap();
    assert_eq!(alone, answer["base"]);
}

#[tokio::test]
async fn bases_are_named_like_those_of_forecasts() {
    let server = TestServer::start().await;
    let mut body = json!({
        "ru": "fortnite-og", "network": "example-uk-cable", "options": {"draws": 16, "horizon_s": 86_400},
        "scenarios": [{"name": "later", "changes": [{"shift": {"by_secs": 3600}}]}],
    });
    let answer = post(&server, &body).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK, "{}", answer.text().await.unwrap());
    // A network belongs to the key that saved it.
    let own = json!({"id": "own", "tz": "Europe/London", "lines": 1000});
    let saved = server.edit(Method::PUT, "/api/v1/networks/own").json(&own).send().await.unwrap();
    assert!(saved.status().is_success(), "{}", saved.text().await.unwrap());
    body["network"] = json!("own");
    let mine = post(&server, &body).bearer_auth(&server.moderator).send().await.unwrap();
    assert_eq!(mine.status(), StatusCode::OK);
    for stranger in [post(&server, &body), post(&server, &body).bearer_auth(&server.reader)] {
        let refused = stranger.send().await.unwrap();
        assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY);
        let problem: Value = refused.json().await.unwrap();
        assert_eq!(problem["errors"][0]["pointer"], "/network");
    }
}

#[tokio::test]
async fn mistakes_are_named_by_pointer() {
    let server = TestServer::with(|config| config.limits.enabled = false).await;
    let one = |changes: Value| json!([{"name": "x", "changes": changes}]);
    let many: Vec<Value> = (0..9).map(|i| json!({"name": i.to_string(), "changes": []})).collect();
    for (scenarios, place) in [
        (json!([]), "/scenarios"),
        (json!(many), "/scenarios"),
        (json!("lost peer"), "/scenarios"),
        (json!([{"name": "", "changes": []}]), "/scenarios/0/name"),
        (json!([{"name": "x".repeat(300), "changes": []}]), "/scenarios/0/name"),
        (one(json!(vec![json!({"shift": {"by_secs": 1}}); 65])), "/scenarios/0/changes"),
        (one(json!([{"lose_link": {"link": "peer"}}])), "/scenarios/0/changes/0"),
        (one(json!([{"remove_link": {}}])), "/scenarios/0/changes/0/remove_link"),
        (one(json!([{"remove_link": {"link": "nope"}}])), "/scenarios/0/changes/0/remove_link/link"),
        (
            one(json!([{"shift": {"by_secs": 0}}, {"scale_size": {"by": 0}}])),
            "/scenarios/0/changes/1/scale_size/by",
        ),
        (one(json!([{"scale_size": {"by": "twice"}}])), "/scenarios/0/changes/0/scale_size/by"),
        (
            one(json!([{"stagger": {"waves": 4_000_000_000_u32, "every_secs": 1}}])),
            "/scenarios/0/changes/0/stagger/waves",
        ),
        (
            one(json!([{"add_preload": {"before_secs": 4_000_000_000_u32}}])),
            "/scenarios/0/changes/0/add_preload",
        ),
    ] {
        let answer = post(&server, &question(&scenarios)).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY, "{scenarios}");
        let problem: Value = answer.json().await.unwrap();
        assert_eq!(problem["errors"][0]["pointer"], place, "{scenarios}: {problem}");
    }
    let mut heavy = question(&json!(many[..8]));
    heavy["options"] = json!({"draws": 4096, "horizon_s": 300 * 4000});
    let problem: Value = post(&server, &heavy).send().await.unwrap().json().await.unwrap();
    assert_eq!(problem["errors"][0]["pointer"], "/options", "{problem}");
}
