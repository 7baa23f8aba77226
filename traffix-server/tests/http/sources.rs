//! Sources and proposals over HTTP.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use traffix_core::catalogue::RuId;
use traffix_store::{ProposalSubject, SourceState};

use crate::harness::TestServer;

#[tokio::test]
async fn sources_say_how_fresh_they_are() {
    let server = TestServer::start().await;
    let never = server.json("/api/v1/sources/steam").await;
    assert_eq!((&never["status"], &never["pulling"]), (&json!("never"), &json!(false)));
    assert!(never.get("succeeded_at").is_none());
    let lease = server.store.lease("steam", "host/1/2", Duration::from_mins(1)).await.unwrap().unwrap();
    let state = SourceState {
        started_at: Some("2023-10-31T23:00:00Z".parse().unwrap()),
        succeeded_at: Some("2023-10-31T23:00:00Z".parse().unwrap()),
        due_at: Some("2023-11-01T01:00:00Z".parse().unwrap()),
        read: 7,
        written: 3,
        ..SourceState::default()
    };
    server.store.put_source(&lease, &state).await.unwrap();
    let one = server.json("/api/v1/sources/steam").await;
    assert_eq!(
        (&one["status"], &one["lag_secs"], &one["pulling"]),
        (&json!("ok"), &json!(3600), &json!(true))
    );
    assert!(!one.to_string().contains("host/1"), "who pulls is nobody's business: {one}");
    let all = server.json("/api/v1/sources").await;
    assert!(all["items"].as_array().unwrap().len() >= 12);
    let metrics = server.get("/metrics").send().await.unwrap().text().await.unwrap();
    for part in [
        "traffix_source_lag_seconds{source=\"steam\"} 3600",
        "traffix_source_last_success_timestamp_seconds{source=\"steam\"} 1698793200",
        "traffix_platform_review_overdue{platform=\"steam\"} 0",
    ] {
        assert!(metrics.contains(part), "{part}\n{metrics}");
    }
    let unknown = server.get("/api/v1/sources/betamax").send().await.unwrap();
    assert_eq!(unknown.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_failing_source_is_seen_and_takes_nobody_out_of_service() {
    let server = TestServer::start().await;
    let lease = server.store.lease("gog", "x", Duration::from_mins(1)).await.unwrap().unwrap();
    let state = SourceState { failures: 2, error: Some("answered 503".into()), ..SourceState::default() };
    server.store.put_source(&lease, &state).await.unwrap();
    let ready = server.json("/readyz").await;
    assert_eq!(ready["parts"]["sources"], json!({"status": "degraded", "failing": ["gog"]}));
    assert_eq!(ready["status"], "ok");
}

#[tokio::test]
async fn facts_past_their_review_date_are_flagged() {
    let server =
        TestServer::with(|config| config.server.at = Some("2099-01-01T00:00:00Z".parse().unwrap())).await;
    let steam = server.json("/api/v1/platforms/steam").await;
    assert_eq!(steam["review_overdue"], true);
    assert!(steam["review_due"].as_str().unwrap() < "2099");
    let all = server.json("/api/v1/platforms").await;
    assert!(all["items"].as_array().unwrap().iter().all(|one| one["review_overdue"] == true), "{all}");
    let metrics = server.get("/metrics").send().await.unwrap().text().await.unwrap();
    assert!(metrics.contains("traffix_platform_review_overdue{platform=\"steam\"} 1\n"), "{metrics}");
    let earlier = TestServer::start().await;
    assert_eq!(earlier.json("/api/v1/platforms/steam").await["review_overdue"], false);
}

async fn propose(server: &TestServer, id: &str, from: &str, into: &str) {
    let subject = ProposalSubject::Merge {
        from: from.parse().unwrap(),
        into: into.parse().unwrap(),
        score: 0.9,
        reasons: vec!["the same title".into()],
    };
    assert_eq!(server.store.propose(&[(id.to_owned(), subject)]).await.unwrap(), 1);
}

async fn decide(server: &TestServer, id: &str, what: &str) -> (StatusCode, Value) {
    let path = format!("/api/v1/proposals/{id}/{what}");
    let answer = server.edit(Method::POST, &path).send().await.unwrap();
    (answer.status(), answer.json().await.unwrap())
}

#[tokio::test]
async fn moderators_merge_what_is_one_title() {
    let server = TestServer::start().await;
    let id = "merge:modern-warfare-iii:fortnite";
    propose(&server, id, "modern-warfare-iii", "fortnite").await;
    let list = |who: &str| server.get("/api/v1/proposals").bearer_auth(who.to_owned()).send();
    assert_eq!(server.get("/api/v1/proposals").send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
    assert_eq!(list(&server.reader).await.unwrap().status(), StatusCode::FORBIDDEN);
    let open: Value = list(&server.moderator).await.unwrap().json().await.unwrap();
    assert_eq!(open["items"][0]["subject"]["kind"], "merge");
    // What is cached must follow.
    assert_eq!(server.json("/api/v1/rus").await["items"].as_array().unwrap().len(), 3);
    let (status, accepted) = decide(&server, id, "accept").await;
    assert_eq!(
        (status, &accepted["status"], &accepted["decided_by"]),
        (StatusCode::OK, &json!("accepted"), &json!("key:mod"))
    );
    assert_eq!(server.json("/api/v1/rus").await["items"].as_array().unwrap().len(), 2);
    let gone: RuId = "modern-warfare-iii".parse().unwrap();
    assert!(server.store.ru(&gone, None).await.unwrap().is_none());
    assert_eq!(decide(&server, id, "accept").await.0, StatusCode::OK, "again is fine");
    assert_eq!(decide(&server, id, "reject").await.0, StatusCode::CONFLICT);
    assert_eq!(decide(&server, "merge:a:b", "accept").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn moderators_assert_what_a_capture_suggests() {
    let server = TestServer::start().await;
    let assertion = json!({
        "platform": "steam", "cdn": "valve", "prefix": "192.0.2.7/32", "role": "origin", "tenancy": "dedicated",
        "status": "current", "evidence": "measurement", "source": "a capture", "confidence": 0.7,
    });
    let assertion = Box::new(serde_json::from_value(assertion).unwrap());
    let subject = ProposalSubject::Assertion { assertion, reasons: vec!["1 GB".into()] };
    let id = "capture:steam:192.0.2.7";
    server.store.propose(&[(id.to_owned(), subject)]).await.unwrap();
    let attribute = async || server.json("/api/v1/attribution/192.0.2.7").await.to_string();
    assert!(!attribute().await.contains("valve"));
    let (status, accepted) = decide(&server, id, "accept").await;
    assert_eq!((status, &accepted["subject"]["kind"]), (StatusCode::OK, &json!("assertion")), "{accepted}");
    assert!(attribute().await.contains("valve"), "attribution follows");
    assert_eq!(decide(&server, id, "accept").await.0, StatusCode::OK, "again is fine");
}

#[tokio::test]
async fn what_is_rejected_is_not_proposed_again() {
    let server = TestServer::start().await;
    let id = "merge:fortnite:modern-warfare-iii";
    propose(&server, id, "fortnite", "modern-warfare-iii").await;
    assert_eq!(decide(&server, id, "reject").await.1["status"], "rejected");
    assert_eq!(decide(&server, id, "accept").await.0, StatusCode::CONFLICT);
    let rejected = server.edit(Method::GET, "/api/v1/proposals?status=rejected").send().await.unwrap();
    let rejected: Value = rejected.json().await.unwrap();
    assert_eq!(rejected["items"][0]["id"], id);
}

#[tokio::test]
async fn a_suggestion_is_answered_as_what_to_import() {
    let server = TestServer::start().await;
    let suggestion = json!({"title": "A game", "size": "80 GB"});
    let subject = ProposalSubject::Suggestion { suggestion: suggestion.clone(), findings: vec![] };
    server.store.propose(&[("github:owner:repo:12".to_owned(), subject)]).await.unwrap();
    let (status, accepted) = decide(&server, "github%3Aowner%3Arepo%3A12", "accept").await;
    assert_eq!((status, &accepted["subject"]["suggestion"]), (StatusCode::OK, &suggestion));
}
