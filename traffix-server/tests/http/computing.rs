//! Forecasts and outlooks.

use insta::assert_json_snapshot;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{TestServer, shown};

const NETWORK: &str = "example-uk-cable";

fn question() -> Value {
    json!({"ru": "fortnite-og", "network": NETWORK, "options": {"draws": 32, "horizon_s": 172_800}})
}

#[tokio::test]
async fn forecasts_are_made_kept_and_found_again() {
    let server = TestServer::start().await;
    let post = |body: &Value| server.request(Method::POST, "/api/v1/forecasts").json(body).send();
    let made: Value = post(&question()).await.unwrap().json().await.unwrap();
    assert!(made["peak"]["bps"]["p50"].as_f64().unwrap() > 0.0);
    assert_eq!(made["grid"]["bins"], 576);
    let again: Value = post(&question()).await.unwrap().json().await.unwrap();
    assert!(made == again, "the same question gets the same answer");

    let mut keep = question();
    keep["save"] = json!(true);
    assert_eq!(post(&keep).await.unwrap().status(), StatusCode::UNAUTHORIZED);
    let kept = server.edit(Method::POST, "/api/v1/forecasts").json(&keep).send().await.unwrap();
    assert_eq!(kept.status(), StatusCode::CREATED);
    let location = kept.headers()["location"].to_str().unwrap().to_owned();
    let found: Value = server.edit(Method::GET, &location).send().await.unwrap().json().await.unwrap();
    assert_eq!((found["ru"].as_str(), found["network"].as_str()), (Some("fortnite-og"), Some(NETWORK)));
    assert!(found["output"] == made);
    let path = "/api/v1/forecasts?ru=fortnite-og";
    let list: Value = server.edit(Method::GET, path).send().await.unwrap().json().await.unwrap();
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
    let foreign = server.get(&location).bearer_auth(&server.reader).send().await.unwrap();
    assert_eq!(foreign.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_inline_question_is_the_models_own() {
    let server = TestServer::start().await;
    let body = json!({
        "ru": {"id": "x", "kind": "update", "release_at": "2026-03-05T10:00:00Z",
               "items": [{"platform": "steam", "bytes": 20e9}], "signals": {"mau": 5e6}},
        "network": {"id": "acme", "country": "GB", "tz": "Europe/London", "lines": 1e6},
        "options": {"draws": 32, "horizon_s": 86_400},
    });
    let answer = server.request(Method::POST, "/api/v1/forecasts").json(&body).send().await.unwrap();
    let answer: Value = answer.json().await.unwrap();
    let input = serde_json::from_value(body).unwrap();
    let direct = traffix_core::forecast::forecast(&input).unwrap();
    assert_eq!(answer, serde_json::to_value(direct).unwrap());
}

#[tokio::test]
async fn an_outlook_shows_what_comes() {
    let server = TestServer::start().await;
    let path = format!("/api/v1/outlook?network={NETWORK}&days=14");
    let outlook = server.json(&path).await;
    assert_eq!(outlook["grid"]["start"], "2023-11-01T00:00:00Z");
    let ids: Vec<_> = outlook["rus"].as_array().unwrap().iter().map(|ru| ru["ru"].clone()).collect();
    assert!(ids.contains(&json!("fortnite-og")) && ids.contains(&json!("modern-warfare-iii")), "{ids:?}");
    for (name, query) in [
        ("error_outlook_network", "network=none"),
        ("error_outlook_without_network", "days=3"),
        ("error_outlook_days", "network=example-uk-cable&days=999"),
        ("error_outlook_at", "network=example-uk-cable&at=1066-10-14T09:00:00Z"),
    ] {
        let answer = server.get(&format!("/api/v1/outlook?{query}")).send().await.unwrap();
        assert_json_snapshot!(name, shown(answer).await);
    }
}

#[tokio::test]
async fn a_saturated_pool_says_when_to_come_back() {
    let server = TestServer::with(|config| {
        config.compute = traffix_server::config::Compute { workers: 1, queue: 0, timeout_secs: 30 };
        config.limits.enabled = false;
    })
    .await;
    let body = json!({"ru": "fortnite-og", "network": NETWORK});
    let all = (0..12).map(|_| server.request(Method::POST, "/api/v1/forecasts").json(&body).send());
    let (mut made, mut refused) = (0, 0);
    for answer in futures_util::future::join_all(all).await {
        let answer = answer.unwrap();
        match answer.status() {
            StatusCode::OK => made += 1,
            StatusCode::SERVICE_UNAVAILABLE => {
                assert!(answer.headers().contains_key("retry-after"));
                refused += 1;
            }
            other => panic!("{other}"),
        }
    }
    assert!(made >= 1 && refused >= 1, "{made} made, {refused} refused");
}
