//! Saved networks: whose they are, and what is refused.

use insta::assert_json_snapshot;
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::harness::{TestServer, shown};

#[tokio::test]
async fn networks_belong_to_their_key() {
    let server = TestServer::start().await;
    let network = json!({"id": "mine", "tz": "Europe/London", "country": "GB", "lines": 20_000.0});
    let path = "/api/v1/networks/mine";
    let reader = |method: Method, path: &str| server.request(method, path).bearer_auth(&server.reader);
    let made = reader(Method::POST, "/api/v1/networks").json(&network).send().await.unwrap();
    assert_json_snapshot!("network_created", shown(made).await);
    assert_json_snapshot!("network", shown(reader(Method::GET, path).send().await.unwrap()).await);
    let all = reader(Method::GET, "/api/v1/networks").send().await.unwrap();
    assert_json_snapshot!("networks", shown(all).await);
    // Another key, even a mightier one, does not see it; nor does anybody without one.
    let other = server.edit(Method::GET, path).send().await.unwrap();
    assert_eq!(other.status(), StatusCode::NOT_FOUND);
    assert_eq!(server.get(path).send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
    let again = reader(Method::POST, "/api/v1/networks").json(&network).send().await.unwrap();
    assert_eq!(again.status(), StatusCode::CONFLICT);
    let stale = reader(Method::PUT, path).header("if-match", "\"77\"").json(&network).send().await.unwrap();
    assert_eq!(stale.status(), StatusCode::PRECONDITION_FAILED);
    let used = "/api/v1/outlook?network=mine&days=2";
    assert_eq!(reader(Method::GET, used).send().await.unwrap().status(), StatusCode::OK);
    assert_json_snapshot!("error_foreign_network", shown(server.get(used).send().await.unwrap()).await);
    for want in [StatusCode::NO_CONTENT, StatusCode::NOT_FOUND] {
        assert_eq!(reader(Method::DELETE, path).send().await.unwrap().status(), want);
    }
}

#[tokio::test]
async fn examples_are_for_everybody_and_their_ids_are_taken() {
    let server = TestServer::start().await;
    let examples = server.json("/api/v1/example-networks").await;
    let id = examples["items"][0]["id"].as_str().unwrap();
    let body = json!({"id": id, "tz": "UTC", "lines": 1.0});
    let answer = server.edit(Method::POST, "/api/v1/networks").json(&body).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY);
}
