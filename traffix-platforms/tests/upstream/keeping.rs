//! Kept answers, across restarts and damage.

use std::path::Path;

use traffix_platforms::upstream::{Conditional, Live, Request, Upstream, UpstreamError};
use wiremock::matchers::{header, header_exists, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::server::{Raw, answer, live};

fn open(folder: &Path) -> Conditional<Live> {
    Conditional::open(live(), folder, 1_000_000).unwrap()
}

#[tokio::test]
async fn unchanged_answers_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let server = MockServer::start().await;
    let good = ResponseTemplate::new(200).set_body_string("body").insert_header("etag", "\"v1\"");
    Mock::given(header("if-none-match", "\"v1\""))
        .respond_with(ResponseTemplate::new(304).insert_header("x-new", "1"))
        .expect(2)
        .with_priority(1)
        .mount(&server)
        .await;
    Mock::given(path("/x")).respond_with(good).expect(1).mount(&server).await;
    let request = Request::get(&format!("{}/x", server.uri()));
    let first = open(folder.path()).send(&request).await.unwrap();
    let mut seen = first.observed_at;
    for _ in 0..2 {
        let again = open(folder.path()).send(&request).await.unwrap();
        assert_eq!((again.status, &again.body), (200, &first.body));
        assert_eq!((again.header("etag"), again.header("x-new")), (Some("\"v1\""), Some("1")));
        assert!(again.observed_at > seen, "the new date");
        seen = again.observed_at;
    }
}

#[tokio::test]
async fn the_date_of_change_is_a_condition_too() {
    let folder = tempfile::tempdir().unwrap();
    let changed = "Last-Modified: Wed, 21 Oct 2026 07:28:00 GMT\r\n";
    let server = Raw::answering(vec![
        answer("200 OK", changed, b"old"),
        answer("304 Not Modified", "", b""),
        answer("200 OK", changed, b"new"),
        answer("304 Not Modified", "", b""),
    ]);
    let layer = open(folder.path());
    let mut bodies = Vec::new();
    for _ in 0..4 {
        bodies.push(layer.send(&server.get("/")).await.unwrap().body);
    }
    assert_eq!(bodies, ["old", "old", "new", "new"]);
    let asked = server.asked();
    assert!(!asked[0].contains("if-modified-since"));
    assert!(asked[1].contains("if-modified-since: Wed, 21 Oct 2026 07:28:00 GMT\r\n"), "{}", asked[1]);
}

#[tokio::test]
async fn fresh_answers_are_not_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let server = Raw::answering(vec![answer("404 Not Found", "", b"no"), answer("200 OK", "", b"yes")]);
    let request = server.get("/").fresh_for(3_600);
    let first = open(folder.path()).send(&request).await.unwrap();
    assert_eq!(open(folder.path()).send(&request).await.unwrap(), first, "with the date it was served");
    assert_eq!(server.asked().len(), 1);
    // Who wants it fresher asks; the order of parameters is no difference, other parameters are.
    assert_eq!(open(folder.path()).send(&server.get("/")).await.unwrap().body, "yes");
    assert_eq!(server.asked().len(), 2);
}

#[tokio::test]
async fn failures_are_not_kept() {
    let folder = tempfile::tempdir().unwrap();
    let server =
        Raw::answering(vec![answer("500 Internal Server Error", "", b""), answer("200 OK", "", b"yes")]);
    let layer = open(folder.path());
    let request = server.get("/").fresh_for(3_600);
    assert!(layer.send(&request).await.is_err());
    assert_eq!(layer.send(&request).await.unwrap().body, "yes");
}

#[tokio::test]
async fn damaged_files_are_as_good_as_none() {
    for (extension, damage) in
        [("json", &b"{"[..]), ("json", b""), ("body", b"b0dy"), ("body", b""), ("json", b"[1]")]
    {
        let folder = tempfile::tempdir().unwrap();
        let etag = "ETag: \"v1\"\r\n";
        let server = Raw::answering(vec![answer("200 OK", etag, b"body"), answer("200 OK", etag, b"body")]);
        let request = server.get("/").fresh_for(3_600);
        open(folder.path()).send(&request).await.unwrap();
        for file in std::fs::read_dir(folder.path()).unwrap() {
            let file = file.unwrap().path();
            if file.extension().is_some_and(|e| e == extension) {
                std::fs::write(file, damage).unwrap();
            }
        }
        assert_eq!(open(folder.path()).send(&request).await.unwrap().body, "body");
        assert!(!server.asked()[1].contains("if-none-match"));
    }
}

#[tokio::test]
async fn the_folder_stays_small_and_the_newest_stays() {
    let folder = tempfile::tempdir().unwrap();
    let body = vec![b'x'; 1_000];
    let server = Raw::answering(vec![answer("200 OK", "ETag: \"v1\"\r\n", &body); 40]);
    let layer = Conditional::open(live(), folder.path(), 10_000).unwrap();
    let request = |i: usize| server.get("/").query("i", i).fresh_for(3_600);
    for i in 0..30 {
        layer.send(&request(i)).await.unwrap();
    }
    let bytes: u64 =
        std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().metadata().unwrap().len()).sum();
    assert!((5_000..=10_000).contains(&bytes), "{bytes}");
    layer.send(&request(29)).await.unwrap();
    assert_eq!(server.asked().len(), 30, "the newest is there");
    layer.send(&request(0)).await.unwrap();
    assert_eq!(server.asked().len(), 31, "the oldest is gone");
    // A smaller limit counts what is there at once.
    drop(Conditional::open(live(), folder.path(), 3_000).unwrap());
    let left = std::fs::read_dir(folder.path()).unwrap().count();
    assert!((2..=4).contains(&left), "{left} files");
}

#[tokio::test]
async fn a_kept_body_keeps_the_limit() {
    let folder = tempfile::tempdir().unwrap();
    let server = Raw::answering(vec![answer("200 OK", "", b"0123456789")]);
    let layer = open(folder.path());
    let request = server.get("/").fresh_for(3_600);
    layer.send(&request).await.unwrap();
    let error = layer.send(&request.body_limit(9)).await.unwrap_err();
    assert_eq!(error, UpstreamError::TooLarge { limit_bytes: 9 });
}

#[tokio::test]
async fn questions_with_a_body_have_their_own_answers() {
    let folder = tempfile::tempdir().unwrap();
    let server = MockServer::start().await;
    Mock::given(header_exists("content-type"))
        .respond_with(ResponseTemplate::new(200).set_body_string("posted"))
        .mount(&server)
        .await;
    let layer = open(folder.path());
    let post =
        |n: u32| Request::get(&server.uri()).post_json(&serde_json::json!({"n": n, "m": 1})).fresh_for(3_600);
    for n in [1, 2, 1, 2] {
        layer.send(&post(n)).await.unwrap();
    }
    assert_eq!(server.received_requests().await.unwrap().len(), 2);
}
