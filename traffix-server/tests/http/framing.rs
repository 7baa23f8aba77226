//! Conditions, compression, methods, ids, cross-origin requests: what surrounds every answer.

use std::io::Read as _;

use reqwest::{Method, StatusCode};

use crate::harness::TestServer;

const LIST: &str = "/api/v1/rus";

#[tokio::test]
async fn known_pages_are_not_sent_again() {
    let server = TestServer::start().await;
    for path in [LIST, "/api/v1/rus/fortnite", "/api/v1/platforms", "/"] {
        for _ in 0..2 {
            let first = server.get(path).send().await.unwrap();
            let etag = first.headers()["etag"].clone();
            let again = server.get(path).header("if-none-match", &etag).send().await.unwrap();
            assert_eq!(again.status(), StatusCode::NOT_MODIFIED, "{path}");
            assert_eq!(again.headers()["etag"], etag);
            assert!(again.headers().contains_key("vary") && again.headers().contains_key("x-request-id"));
            assert_eq!(again.text().await.unwrap(), "");
            let other = server.get(path).header("if-none-match", "\"other\"").send().await.unwrap();
            assert_eq!(other.status(), StatusCode::OK);
        }
    }
}

#[tokio::test]
async fn bodies_are_compressed_as_negotiated() {
    let server = TestServer::start().await;
    let plain = server.get(LIST).send().await.unwrap().bytes().await.unwrap();
    for (accept, want) in [
        ("gzip, deflate, br, zstd", Some("br")),
        ("gzip", Some("gzip")),
        ("br;q=0.1, gzip", Some("gzip")),
        ("zstd", None),
        ("*;q=0", None),
    ] {
        for _ in 0..2 {
            let response = server.get(LIST).header("accept-encoding", accept).send().await.unwrap();
            let coding = response.headers().get("content-encoding").map(|v| v.to_str().unwrap().to_owned());
            assert_eq!(coding.as_deref(), want, "{accept}");
            assert!(response.headers()["vary"].to_str().unwrap().contains("accept-encoding"));
            let body = response.bytes().await.unwrap();
            let mut text = Vec::new();
            let read = match want {
                Some("br") => brotli::Decompressor::new(&body[..], 4096).read_to_end(&mut text),
                Some(_) => flate2::read::GzDecoder::new(&body[..]).read_to_end(&mut text),
                None => (&body[..]).read_to_end(&mut text),
            };
            assert_eq!(read.unwrap(), plain.len());
            assert!(text == plain, "{accept}");
        }
    }
}

#[tokio::test]
async fn a_strong_tag_differs_between_codings_and_matches_in_all() {
    let server = TestServer::start().await;
    let path = "/api/v1/platforms/steam";
    let ru = "/api/v1/rus/fortnite";
    let tag = server.get(ru).send().await.unwrap().headers()["etag"].clone();
    assert!(!tag.to_str().unwrap().starts_with("W/"));
    let weak = server.get(path).send().await.unwrap().headers()["etag"].clone();
    assert!(weak.to_str().unwrap().starts_with("W/"));
    let again = server.get(ru).header("accept-encoding", "br").header("if-none-match", &tag);
    assert_eq!(again.send().await.unwrap().status(), StatusCode::NOT_MODIFIED);
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let server = TestServer::start().await;
    for path in [LIST, "/api/v1/rus/none", "/docs"] {
        for _ in 0..2 {
            let get = server.get(path).send().await.unwrap();
            let head = server.request(Method::HEAD, path).send().await.unwrap();
            assert_eq!(get.status(), head.status());
            for name in ["content-type", "etag", "cache-control"] {
                assert_eq!(get.headers().get(name), head.headers().get(name), "{path} {name}");
            }
            let length = head.headers()["content-length"].to_str().unwrap().to_owned();
            assert_eq!(head.text().await.unwrap(), "");
            assert_eq!(get.bytes().await.unwrap().len().to_string(), length, "{path}");
        }
    }
}

#[tokio::test]
async fn options_lists_methods() {
    let server = TestServer::start().await;
    let response = server.request(Method::OPTIONS, "/api/v1/rus/fortnite").send().await.unwrap();
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    assert_eq!(response.headers()["allow"], "DELETE, GET, HEAD, OPTIONS, PUT");
}

#[tokio::test]
async fn every_answer_has_a_request_id_and_only_proxies_choose_it() {
    let server = TestServer::start().await;
    for path in [LIST, LIST, "/nothing", "/api/v1/rus?x=1", "/healthz"] {
        let response = server.get(path).header("x-request-id", "mine").send().await.unwrap();
        let id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
        assert_eq!(uuid::Uuid::try_parse(&id).unwrap().get_version_num(), 7, "{path}");
        let body: serde_json::Value = response.json().await.unwrap();
        if let Some(instance) = body.get("instance") {
            assert_eq!(*instance, format!("urn:uuid:{id}"));
        }
    }
    let trusting =
        TestServer::with(|config| config.server.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()]).await;
    let response = trusting.get(LIST).header("x-request-id", "edge-17").send().await.unwrap();
    assert_eq!(response.headers()["x-request-id"], "edge-17");
}

#[tokio::test]
async fn other_origins_are_refused_unless_configured() {
    let closed = TestServer::start().await;
    let answer = closed.get(LIST).header("origin", "https://noc.example").send().await.unwrap();
    assert!(!answer.headers().contains_key("access-control-allow-origin"));

    let open = TestServer::with(|c| c.server.cors_origins = vec!["https://noc.example".into()]).await;
    for (origin, want) in [("https://noc.example", true), ("https://evil.example", false)] {
        for _ in 0..2 {
            let answer = open.get(LIST).header("origin", origin).send().await.unwrap();
            assert_eq!(answer.headers().contains_key("access-control-allow-origin"), want, "{origin}");
            assert!(answer.headers()["vary"].to_str().unwrap().contains("origin"));
        }
        let preflight = open.request(Method::OPTIONS, "/api/v1/rus/fortnite").header("origin", origin);
        let preflight = preflight.header("access-control-request-method", "PUT").send().await.unwrap();
        let methods = preflight.headers().get("access-control-allow-methods");
        assert_eq!(methods.is_some_and(|m| m.to_str().unwrap().contains("PUT")), want, "{origin}");
    }
}

#[tokio::test]
async fn speaks_tls_with_a_certificate_of_its_own() {
    let server = TestServer::with(|config| config.tls.self_signed = true).await;
    let client = reqwest::Client::builder().tls_danger_accept_invalid_certs(true).no_proxy().build().unwrap();
    let url = format!("https://{}/healthz", server.address);
    // poem resets a connection that it accepts before it has polled its certificate for the first time.
    let first = client.get(&url).send().await;
    let answer = if first.is_ok() { first } else { client.get(&url).send().await };
    assert_eq!(answer.unwrap().status(), StatusCode::OK);
}
