//! Writing the catalogue.

use insta::assert_json_snapshot;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{TestServer, evidence, ru, shown};

const RUS: &str = "/api/v1/rus";

fn new_ru() -> Value {
    ru("new-game", "New Game", "2024-03-01T17:00:00Z", None)
}

#[tokio::test]
async fn creates_edits_and_removes() {
    let server = TestServer::start().await;
    let made = server.edit(Method::POST, RUS).json(&new_ru()).send().await.unwrap();
    assert_eq!(made.headers()["location"], "/api/v1/rus/new-game");
    let first = made.headers()["etag"].clone();
    assert_json_snapshot!("created", shown(made).await);
    let read = server.get("/api/v1/rus/new-game").send().await.unwrap();
    assert_eq!(read.headers()["etag"], first);

    let mut changed = new_ru();
    changed["title"] = json!("New Game: Director's Cut");
    let put = |etag: String| {
        server.edit(Method::PUT, "/api/v1/rus/new-game").header("if-match", etag).json(&changed).send()
    };
    let edited = put(first.to_str().unwrap().to_owned()).await.unwrap();
    assert_eq!(edited.status(), StatusCode::OK);
    let stale = put(first.to_str().unwrap().to_owned()).await.unwrap();
    assert_json_snapshot!("error_stale_edit", shown(stale).await);
    let weak = put("W/\"1\"".into()).await.unwrap();
    assert_eq!(weak.status(), StatusCode::PRECONDITION_FAILED);
    let again = server.edit(Method::POST, RUS).json(&new_ru()).send().await.unwrap();
    assert_json_snapshot!("error_exists", shown(again).await);

    let gone = server.edit(Method::DELETE, "/api/v1/rus/new-game").send().await.unwrap();
    assert_eq!(gone.status(), StatusCode::NO_CONTENT);
    let read = server.get("/api/v1/rus/new-game").send().await.unwrap();
    assert_eq!(read.status(), StatusCode::NOT_FOUND);
    let history = server.json("/api/v1/rus/new-game/history").await;
    let ops: Vec<_> = history["items"].as_array().unwrap().iter().map(|c| c["op"].clone()).collect();
    assert_eq!(ops, ["delete", "update", "create"]);
    assert_eq!(history["items"][0]["actor"], "key:mod");
}

#[tokio::test]
async fn an_update_needs_its_release() {
    let server = TestServer::start().await;
    let mut orphan = ru("orphan", "Orphan", "2024-03-01T17:00:00Z", Some("fortnite"));
    orphan.as_object_mut().unwrap().remove("release");
    let answer = server.edit(Method::POST, RUS).json(&orphan).send().await.unwrap();
    assert_json_snapshot!("error_update_without_release", shown(answer).await);
    orphan["release"] = json!("nothing-known");
    let answer = server.edit(Method::POST, RUS).json(&orphan).send().await.unwrap();
    assert_json_snapshot!("error_update_of_unknown_release", shown(answer).await);
    let used = server.edit(Method::DELETE, "/api/v1/rus/fortnite").send().await.unwrap();
    assert_json_snapshot!("error_release_in_use", shown(used).await);
}

#[tokio::test]
async fn sources_add_sizes_and_phases() {
    let server = TestServer::start().await;
    let fact = |value: Value, kind: &str, source: &str| {
        let mut evidence = evidence();
        evidence["kind"] = json!(kind);
        evidence["source"] = json!(source);
        json!({"value": value, "evidence": evidence})
    };
    let bytes = |n: u64| json!({"low": n, "high": n});
    let path = "/api/v1/rus/fortnite-og/listings/steam";
    let size = json!({"wire_bytes": fact(bytes(25_000_000_000), "official", "https://example.org/patch")});
    let answer = server.edit(Method::POST, &format!("{path}/sizes")).json(&size).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let listing: Value = answer.json().await.unwrap();
    let wire = &listing["sizes"][0]["wire_bytes"];
    assert_eq!(wire["value"]["low"], 25_000_000_000_u64, "the official source decides");
    assert_eq!(wire["also"][0]["value"]["low"], 20_000_000_000_u64, "the other stays visible");

    let preload = |at: &str| {
        let window = json!({"start": at, "precision": "hour"});
        json!({"kind": "preload", "window": fact(window, "press", "https://example.org/preload")})
    };
    let add = |body: Value| server.edit(Method::POST, &format!("{path}/phases")).json(&body).send();
    let good = add(preload("2023-11-02T17:00:00Z")).await.unwrap();
    assert_eq!(good.status(), StatusCode::OK);
    let late = json!({"kind": "preload", "region": "GB", "window": fact(json!({"start": "2024-01-01T00:00:00Z",
        "end": "2023-01-01T00:00:00Z", "precision": "day"}), "press", "x")});
    assert_json_snapshot!("error_phase", shown(add(late).await.unwrap()).await);
    let read = server.json(path).await;
    assert_eq!(read["phases"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn listings_are_replaced_and_removed() {
    let server = TestServer::start().await;
    let path = "/api/v1/rus/fortnite-og/listings/epic";
    let listing = json!({"platform": "epic", "external_id": "fn"});
    let made = server.edit(Method::PUT, path).json(&listing).send().await.unwrap();
    assert_eq!(made.status(), StatusCode::CREATED);
    let same = server.edit(Method::PUT, path).json(&listing).send().await.unwrap();
    assert_eq!(same.status(), StatusCode::OK);
    let wrong = server.edit(Method::PUT, path).json(&json!({"platform": "gog"})).send().await.unwrap();
    assert_json_snapshot!("error_other_platform", shown(wrong).await);
    for want in [StatusCode::NO_CONTENT, StatusCode::NOT_FOUND] {
        assert_eq!(server.edit(Method::DELETE, path).send().await.unwrap().status(), want);
    }
}

#[tokio::test]
async fn parallel_edits_lose_nothing() {
    let server = TestServer::start().await;
    let edits = (0..8).map(|n| {
        let body = json!({
            "variant": format!("v{n}"),
            "disk_bytes": {"value": {"low": 1, "high": 2}, "evidence": evidence()},
        });
        server.edit(Method::POST, "/api/v1/rus/fortnite-og/listings/steam/sizes").json(&body).send()
    });
    let mut done = 0;
    for answer in futures_util::future::join_all(edits).await {
        let status = answer.unwrap().status();
        assert!(status == StatusCode::OK || status.as_u16() == 412, "{status}");
        done += usize::from(status == StatusCode::OK);
    }
    let listing = server.json("/api/v1/rus/fortnite-og/listings/steam").await;
    assert_eq!(listing["sizes"].as_array().unwrap().len(), 1 + done);
    assert!(done >= 5, "{done}");
}

#[tokio::test]
async fn a_repeated_post_gets_the_first_answer_again() {
    let server = TestServer::start().await;
    let post =
        |body: Value| server.edit(Method::POST, RUS).header("idempotency-key", "abc").json(&body).send();
    let first = post(new_ru()).await.unwrap();
    assert_eq!(first.status(), StatusCode::CREATED);
    let first = first.text().await.unwrap();
    let second = post(new_ru()).await.unwrap();
    assert_eq!(
        (second.status(), &second.headers()["idempotency-replayed"]),
        (StatusCode::CREATED, &"true".parse().unwrap())
    );
    assert_eq!(second.text().await.unwrap(), first);
    let mut other = new_ru();
    other["title"] = json!("Other");
    assert_json_snapshot!("error_idempotency", shown(post(other).await.unwrap()).await);
    let changes = server.json("/api/v1/rus/new-game/history").await;
    assert_eq!(changes["items"].as_array().unwrap().len(), 1);
    let parallel = (0..6).map(|_| {
        let body = ru("parallel", "Parallel", "2024-03-01T17:00:00Z", None);
        server.edit(Method::POST, RUS).header("idempotency-key", "p").json(&body).send()
    });
    for answer in futures_util::future::join_all(parallel).await {
        assert_eq!(answer.unwrap().status(), StatusCode::CREATED);
    }
}
