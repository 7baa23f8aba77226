//! Keys: who may do what, and where secrets never appear.

use reqwest::{Method, StatusCode};
use traffix_server::auth;
use traffix_store::Role;

use crate::harness::{TestServer, ru};

#[tokio::test]
async fn reading_is_open_and_writing_is_not() {
    let server = TestServer::start().await;
    let new = ru("new", "New", "2024-01-01T00:00:00Z", None);
    let post = |key: Option<&str>| {
        let request = server.request(Method::POST, "/api/v1/rus").json(&new);
        key.map_or(request.try_clone().unwrap(), |key| request.bearer_auth(key)).send()
    };
    let anonymous = post(None).await.unwrap();
    assert_eq!(anonymous.status(), StatusCode::UNAUTHORIZED);
    assert!(anonymous.headers()["www-authenticate"].to_str().unwrap().starts_with("Bearer"));
    assert_eq!(post(Some(&server.reader)).await.unwrap().status(), StatusCode::FORBIDDEN);
    assert_eq!(post(Some(&server.moderator)).await.unwrap().status(), StatusCode::CREATED);
}

#[tokio::test]
async fn wrong_expired_and_revoked_keys_are_refused_even_for_reading() {
    let server = TestServer::start().await;
    let past = Some("2020-01-01T00:00:00Z".parse().unwrap());
    let expired = auth::create_key(server.store.as_ref(), "old", Role::Admin, past).await.unwrap();
    let revoked = auth::create_key(server.store.as_ref(), "gone", Role::Admin, None).await.unwrap();
    let id = revoked.strip_prefix("trfx_live_").unwrap().split('_').next().unwrap();
    server.store.revoke_key(id).await.unwrap();
    let mut forged = server.moderator.clone();
    let last = if forged.ends_with('0') { '1' } else { '0' };
    forged.pop();
    forged.push(last);
    for key in [expired, revoked, forged, "trfx_live_x_y".into(), "sesame".into()] {
        let answer = server.get("/api/v1/rus").bearer_auth(&key).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
        let body = answer.text().await.unwrap();
        assert!(!body.contains(&key) && !body.contains(&key[key.len().saturating_sub(20)..]), "{body}");
    }
}

#[tokio::test]
async fn a_closed_server_wants_a_key_for_reading_hot_pages_too() {
    let server = TestServer::with(|config| config.auth.open_reading = false).await;
    for _ in 0..2 {
        assert_eq!(server.get("/api/v1/rus").send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
        let known = server.get("/api/v1/rus").bearer_auth(&server.reader).send().await.unwrap();
        assert_eq!(known.status(), StatusCode::OK);
        assert!(known.headers()["cache-control"].to_str().unwrap().starts_with("private"));
    }
    assert_eq!(server.get("/healthz").send().await.unwrap().status(), StatusCode::OK);
}

/// The invariant "no secret in logs, errors or Debug": everything that is logged while keys are used.
#[tokio::test]
async fn no_secret_is_ever_logged() {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);
    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    let sink = Sink::default();
    let writer = sink.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    // For the whole process: a subscriber of one thread is not asked about what other tests have met before.
    tracing::subscriber::set_global_default(subscriber).expect("no other test of this binary listens");
    let server =
        TestServer::with(|config| config.log.requests = traffix_server::config::LogRequests::All).await;
    let secret = server.moderator.rsplit('_').next().unwrap().to_owned();
    for path in ["/api/v1/rus", "/api/v1/networks", "/nothing"] {
        server.edit(Method::GET, path).send().await.unwrap();
    }
    let broken = format!("{}x", server.moderator);
    server.get("/api/v1/rus").bearer_auth(broken).send().await.unwrap();
    let logged = String::from_utf8_lossy(&sink.0.lock().unwrap()).into_owned();
    assert!(logged.contains("request.route"), "{logged}");
    assert!(!logged.contains(&secret));
}

#[test]
fn printed_configuration_masks_secrets() {
    let mut config = traffix_server::Config::default();
    config.database.url = "postgres://traffix:hunter2@db.example/traffix".into();
    let printed = config.print_config();
    assert!(printed.contains("traffix:***@db.example") && !printed.contains("hunter2"), "{printed}");
    assert!(!format!("{config:?}").contains("hunter2"));
}
