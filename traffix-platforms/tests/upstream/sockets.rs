//! What comes over a socket: good bodies, broken ones, too long ones, late ones.

use std::time::Duration;

use traffix_platforms::PlatformError;
use traffix_platforms::upstream::{Call, LiveOptions, Request, Response, Upstream, UpstreamError};
use wiremock::matchers::{body_json, header, method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::server::{Raw, answer, gzip, live, options};

async fn send(request: Request) -> Result<Response, UpstreamError> {
    live().send(&request).await
}

#[tokio::test]
async fn a_request_arrives_as_it_was_built() {
    let server = MockServer::start().await;
    let question = serde_json::json!({"query": "{ games }"});
    Mock::given(method("POST"))
        .and(path("/graphql"))
        .and(query_param("region", "GB"))
        .and(header("x-client", "tests"))
        .and(header("content-type", "application/json"))
        .and(body_json(&question))
        .respond_with(ResponseTemplate::new(200).set_body_string("yes").insert_header("X-Thing", "1"))
        .expect(1)
        .mount(&server)
        .await;
    let request = Request::get(&format!("{}/graphql", server.uri()))
        .query("region", "GB")
        .header("x-client", "tests")
        .post_json(&question);
    let response = send(request).await.unwrap();
    assert_eq!((response.status, &*response.body), (200, &b"yes"[..]));
    assert_eq!(response.header("x-thing"), Some("1"));
}

#[tokio::test]
async fn the_program_names_itself() {
    let server = Raw::answering(vec![answer("200 OK", "", b"x")]);
    send(server.get("/")).await.unwrap();
    let asked = server.asked().remove(0).to_ascii_lowercase();
    assert!(asked.contains("user-agent: traffix/"), "{asked}");
    assert!(asked.contains("gzip") && asked.contains("br") && asked.contains("zstd"), "{asked}");
}

#[tokio::test]
async fn answers_below_500_are_answers() {
    for status in ["204 No Content", "304 Not Modified", "400 Bad Request", "403 Forbidden", "404 Not Found"]
    {
        let server = Raw::answering(vec![answer(status, "", b"")]);
        let response = send(server.get("/")).await.unwrap();
        assert_eq!(response.status.to_string(), status[..3]);
    }
}

#[tokio::test]
async fn refusals_and_failures_are_errors_with_the_wait() {
    let asked_to_wait = async |status: &str, headers: &str| {
        let server = Raw::answering(vec![answer(status, headers, b"<html>")]);
        let error = send(server.get("/")).await.unwrap_err();
        assert!(error.is_retryable() && matches!(error, UpstreamError::Status { .. }), "{error}");
        error.retry_after()
    };
    let secs = asked_to_wait("429 Too Many Requests", "Retry-After: 120\r\n").await;
    assert_eq!(secs, Some(Duration::from_mins(2)));
    let date = "Retry-After: Fri, 01 Jan 2100 00:00:00 GMT\r\n";
    let decades = asked_to_wait("503 Service Unavailable", date).await.unwrap();
    assert!(decades.as_secs() > 1_000_000_000, "{decades:?}");
    assert_eq!(asked_to_wait("500 Internal Server Error", "").await, None);
    assert_eq!(asked_to_wait("503 Service Unavailable", "Retry-After: soon\r\n").await, None);
}

#[tokio::test]
async fn bodies_come_decompressed() {
    let text = "0123456789".repeat(1_000);
    let brotli = {
        use brotli::enc::BrotliEncoderParams;
        let mut out = Vec::new();
        brotli::BrotliCompress(&mut text.as_bytes(), &mut out, &BrotliEncoderParams::default()).unwrap();
        out
    };
    let zstd = zstd::encode_all(text.as_bytes(), 3).unwrap();
    for (encoding, body) in [("gzip", gzip(text.as_bytes())), ("br", brotli), ("zstd", zstd)] {
        let head = format!("Content-Encoding: {encoding}\r\n");
        let server = Raw::answering(vec![answer("200 OK", &head, &body)]);
        let response = send(server.get("/")).await.unwrap();
        assert_eq!(response.body, text.as_bytes(), "{encoding}");
    }
}

#[tokio::test]
async fn truncated_bodies_are_broken_and_may_be_asked_for_again() {
    let whole = gzip("0123456789".repeat(1_000).as_bytes());
    let half = &whole[..whole.len() / 2];
    let short = answer("200 OK", "", b"0123456789");
    let garbage = answer("200 OK", "Content-Encoding: gzip\r\n", b"this is no gzip at all, not even nearly");
    for bytes in
        [answer("200 OK", "Content-Encoding: gzip\r\n", half), short[..short.len() - 4].to_vec(), garbage]
    {
        let server = Raw::answering(vec![bytes]);
        let error = send(server.get("/")).await.unwrap_err();
        assert!(matches!(error, UpstreamError::Body(_)) && error.is_retryable(), "{error:?}");
    }
}

#[tokio::test]
async fn too_long_bodies_are_cut_off() {
    let chunked =
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n10\r\n0123456789abcdef\r\n10\r\n0123";
    // Ten megabytes of zeros in ten kilobytes.
    let bomb = gzip(&vec![0; 10_000_000]);
    assert!(bomb.len() < 20_000);
    let declared = "HTTP/1.1 200 OK\r\ncontent-length: 4000000000\r\n\r\n";
    // The servers say no more after that: whoever waits for the rest runs into the timeout instead.
    for bytes in [
        declared.as_bytes().to_vec(),
        chunked.to_vec(),
        answer("200 OK", "Content-Encoding: gzip\r\n", &bomb),
        answer("200 OK", "", b"01234567890123456"),
    ] {
        let server = Raw::stalling(vec![bytes]);
        let error = send(server.get("/").body_limit(16)).await.unwrap_err();
        assert_eq!(error, UpstreamError::TooLarge { limit_bytes: 16 });
        assert!(!error.is_retryable());
    }
    let server = Raw::answering(vec![answer("200 OK", "", b"0123456789abcdef")]);
    assert!(send(server.get("/").body_limit(16)).await.is_ok());
}

#[tokio::test]
async fn headers_alone_have_no_body_to_limit() {
    let head = b"HTTP/1.1 200 OK\r\ncontent-length: 4000000000\r\netag: \"x\"\r\n\r\n";
    let server = Raw::answering(vec![head.to_vec()]);
    let response = send(server.get("/").head()).await.unwrap();
    assert_eq!(response.header("content-length"), Some("4000000000"));
    assert!(response.body.is_empty());
}

#[tokio::test]
async fn whoever_is_late_is_given_up() {
    let whole = answer("200 OK", "", b"0123456789");
    for part in [&b""[..], &whole[..20], &whole[..whole.len() - 1]] {
        let server = Raw::stalling(vec![part.to_vec()]);
        let limit = Duration::from_millis(100);
        let options = LiveOptions { total_timeout: limit, allow_private: true, ..options() };
        let live = traffix_platforms::upstream::Live::new(options).unwrap();
        let error = live.send(&server.get("/")).await.unwrap_err();
        assert_eq!(error, UpstreamError::Timeout(limit));
        assert!(error.is_retryable());
    }
}

#[tokio::test]
async fn nobody_there() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = send(Request::get(&format!("http://{free}/?key=word"))).await.unwrap_err();
    assert!(matches!(error, UpstreamError::Connection(_)) && error.is_retryable());
    assert!(!error.to_string().contains("word"), "{error}");
    let rubbish = Raw::answering(vec![b"SSH-2.0-OpenSSH\r\n\r\n".to_vec()]);
    assert!(matches!(send(rubbish.get("/")).await, Err(UpstreamError::Connection(_))));
}

#[tokio::test]
async fn a_page_instead_of_json_is_named_as_such() {
    let server = Raw::answering(vec![answer("200 OK", "", b"\n<!DOCTYPE html><html></html>")]);
    let live = live();
    let call = Call::new("steam".parse().unwrap(), "test", &live);
    let error = call.json::<serde_json::Value>(server.get("/")).await.unwrap_err();
    assert!(matches!(&error, PlatformError::Malformed { at, .. } if at == "byte 0"), "{error}");
    assert!(error.to_string().contains("HTML"), "{error}");
}
