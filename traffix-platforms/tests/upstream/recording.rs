//! What is recorded is what is replayed.

use std::sync::Arc;

use traffix_platforms::upstream::{
    Builder, Endpoints, Recorder, Replay, Request, Upstream, UpstreamError, cassette,
};

use crate::server::{Raw, answer, live};

#[tokio::test]
async fn a_recording_answers_like_the_network() {
    let folder = tempfile::tempdir().unwrap();
    let binary: Vec<u8> = (0..=255).collect();
    let server = Raw::answering(vec![
        answer("200 OK", "Content-Type: application/json\r\nETag: \"ä\"\r\n", b"{\"a\": 1}"),
        answer("200 OK", "Content-Type: application/octet-stream\r\n", &binary),
        answer("404 Not Found", "Content-Type: text/html\r\n", b"<html>"),
        answer("204 No Content", "", b""),
        answer("200 OK", "", b"posted"),
        answer("200 OK", "X-Length: 5\r\n", b""),
    ]);
    let requests = [
        server.get("/a").query("b", "c d/é").query("x", 1),
        server.get("/a"),
        server.get("/.."),
        server.get("/empty"),
        server.get("/a").post_json(&serde_json::json!({"q": "ä"})),
        server.get("/a").head(),
    ];
    let recorder = Recorder::open(live(), folder.path(), Arc::default()).unwrap();
    let mut answers = Vec::new();
    for request in &requests {
        answers.push(recorder.send(request).await.unwrap());
    }
    let replay = Replay::open(folder.path()).unwrap();
    for (request, answer) in requests.iter().zip(&answers) {
        assert_eq!(replay.send(request).await.as_ref(), Ok(answer), "{}", request.url);
    }
    assert_eq!(cassette::load(folder.path()).unwrap().len(), requests.len());
    assert_eq!(std::fs::read(body_of(folder.path(), 0)).unwrap(), b"{\"a\": 1}", "byte for byte");
}

fn body_of(folder: &std::path::Path, exchange: usize) -> std::path::PathBuf {
    cassette::load(folder).unwrap().remove(exchange).body_file.unwrap()
}

#[tokio::test]
async fn the_same_request_replaces_and_a_restart_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let server = Raw::answering(vec![
        answer("200 OK", "", b"old"),
        answer("200 OK", "", b"other"),
        answer("200 OK", "", b"new"),
        answer("503 Service Unavailable", "", b"overload"),
    ]);
    let open = || Recorder::open(live(), folder.path(), Arc::default()).unwrap();
    open().send(&server.get("/?a=1&b=2")).await.unwrap();
    open().send(&server.get("/other")).await.unwrap();
    open().send(&server.get("/?b=2&a=1")).await.unwrap();
    let overload = open().send(&server.get("/?a=1&b=2")).await.unwrap_err();
    assert!(matches!(overload, UpstreamError::Status { status: 503, .. }));
    let replay = Replay::open(folder.path()).unwrap();
    assert_eq!(replay.send(&server.get("/?a=1&b=2")).await.unwrap().body, "new");
    assert_eq!(replay.send(&server.get("/other")).await.unwrap().body, "other");
    assert_eq!(cassette::load(folder.path()).unwrap().len(), 2);
    let parts = std::fs::read_dir(folder.path()).unwrap();
    assert!(parts.map(|f| f.unwrap().path()).all(|path| path.extension().is_none_or(|e| e != "part")));
}

#[test]
fn a_broken_list_is_not_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("cassette.toml"), "[[exchange]]\nurl = 3").unwrap();
    let error = Recorder::open(live(), folder.path(), Arc::default()).err().unwrap();
    assert!(matches!(error, UpstreamError::Recording(_)) && error.to_string().contains("cassette.toml"));
}

/// All layers together: fresh answers cost no request, and the recording is complete nevertheless.
#[tokio::test]
async fn the_whole_stack() {
    let (cache, record) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let server = Raw::answering(vec![answer("200 OK", "", b"{}"), answer("200 OK", "", b"{}")]);
    let base = format!("http://{}", server.address);
    let build = |cache: &std::path::Path, record: &std::path::Path| {
        let builder = Builder {
            endpoints: Endpoints::default().with("https://service.example", &base).unwrap(),
            cache: Some(cache.to_owned()),
            record: Some(record.to_owned()),
            ..Builder::default()
        };
        builder.build().unwrap()
    };
    let request = Request::get("https://service.example/x").fresh_for(3_600);
    let (first, _) = build(cache.path(), &record.path().join("1"));
    let served = first.send(&request).await.unwrap();
    let (second, meter) = build(cache.path(), &record.path().join("2"));
    assert_eq!(second.send(&request).await.unwrap(), served);
    assert!(meter.snapshot().is_empty(), "nothing was sent");
    assert_eq!(server.asked().len(), 1);
    for run in ["1", "2"] {
        let replay = Replay::open(record.path().join(run)).unwrap();
        assert_eq!(replay.send(&request).await.unwrap(), served);
    }
}
