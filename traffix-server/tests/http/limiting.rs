//! Rate limits, with real clients in parallel.

use insta::assert_json_snapshot;
use reqwest::StatusCode;

use crate::harness::{TestServer, shown};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn parallel_clients_get_their_quota_and_no_more() {
    let server = TestServer::with(|config| config.limits.anonymous_per_minute = 60).await;
    let started = std::time::Instant::now();
    let all = (0..200).map(|n| {
        let path = ["/api/v1/rus", "/nothing", "/api/v1/rus/fortnite", "/healthz"][n % 4];
        server.get(path).send()
    });
    let answers = futures_util::future::join_all(all).await;
    let refused = answers.iter().filter(|a| a.as_ref().unwrap().status() == StatusCode::TOO_MANY_REQUESTS);
    let passed = 200 - refused.count();
    // One more for every second that it took.
    let most = 60 + usize::try_from(started.elapsed().as_secs()).unwrap() + 1;
    assert!((60..=most).contains(&passed), "{passed} of 200 passed");
    // A key has its own quota.
    let keyed = server.get("/api/v1/rus").bearer_auth(&server.reader).send().await.unwrap();
    assert_eq!(
        keyed.status(),
        StatusCode::TOO_MANY_REQUESTS,
        "an unseen key is looked up at the address's cost"
    );
}

#[tokio::test]
async fn headers_tell_the_standing() {
    let server = TestServer::with(|config| config.limits.anonymous_per_minute = 3).await;
    for remaining in [2, 1, 0] {
        let answer = server.get("/healthz").send().await.unwrap();
        assert_eq!(answer.headers()["ratelimit-policy"], "\"requests\";q=3;w=60");
        let standing = answer.headers()["ratelimit"].to_str().unwrap().to_owned();
        assert!(standing.starts_with(&format!("\"requests\";r={remaining};t=")), "{standing}");
    }
    let refused = server.get("/healthz").send().await.unwrap();
    let wait: u64 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=20).contains(&wait), "{wait}");
    assert!(refused.headers()["ratelimit"].to_str().unwrap().starts_with("\"requests\";r=0"));
    let redactions = [(".headers.retry-after", "[seconds]"), (".body.detail", "[detail]")];
    let mut shown = shown(refused).await;
    for (pointer, word) in redactions {
        let pointer = pointer.replace('.', "/");
        *shown.pointer_mut(&pointer).unwrap() = word.into();
    }
    assert_json_snapshot!("error_quota", shown);
}

#[tokio::test]
async fn keys_have_a_quota_of_their_own() {
    let server = TestServer::with(|config| {
        config.limits.anonymous_per_minute = 50;
        config.limits.key_per_minute = 5;
    })
    .await;
    let keyed = || server.get("/api/v1/rus").bearer_auth(&server.reader).send();
    for _ in 0..5 {
        assert_eq!(keyed().await.unwrap().status(), StatusCode::OK);
    }
    assert_eq!(keyed().await.unwrap().status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(server.get("/api/v1/rus").send().await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn computations_cost_more() {
    let server = TestServer::with(|config| config.limits.anonymous_per_minute = 100).await;
    let answer = server.get("/api/v1/outlook?network=none").send().await.unwrap();
    assert!(answer.headers()["ratelimit"].to_str().unwrap().starts_with("\"requests\";r=90"));
}

#[tokio::test]
async fn only_trusted_proxies_speak_for_others() {
    let forwarded = |server: &TestServer, client: &str| {
        server.get("/healthz").header("x-forwarded-for", client.to_owned()).send()
    };
    let direct = TestServer::with(|config| config.limits.anonymous_per_minute = 2).await;
    let behind = TestServer::with(|config| {
        config.limits.anonymous_per_minute = 2;
        config.server.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    })
    .await;
    for n in 0..4 {
        let client = format!("203.0.113.{n}");
        let answer = forwarded(&direct, &client).await.unwrap();
        assert_eq!(answer.status().is_success(), n < 2, "a stranger cannot be many clients");
        assert!(forwarded(&behind, &client).await.unwrap().status().is_success());
        let same = format!("2001:db8:1:2::{n}");
        assert_eq!(forwarded(&behind, &same).await.unwrap().status().is_success(), n < 2, "a /64 is one");
    }
}

#[tokio::test]
async fn limits_can_be_switched_off() {
    let server = TestServer::with(|config| {
        config.limits.anonymous_per_minute = 1;
        config.limits.enabled = false;
    })
    .await;
    for _ in 0..5 {
        let answer = server.get("/healthz").send().await.unwrap();
        assert!(answer.status().is_success() && !answer.headers().contains_key("ratelimit"));
    }
}
