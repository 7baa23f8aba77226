//! A secret reaches the service and nothing else.

use std::sync::Arc;

use traffix_platforms::upstream::{
    Conditional, Credentials, Endpoints, Live, LiveOptions, Placement, Recorder, Replay, Request, Secret,
    Secrets, Upstream, UpstreamError,
};

use crate::server::{Raw, answer, live, options};

const SECRET: &str = "S3cr3t+Key/0123456789";
const ESCAPED: &str = "S3cr3t%2BKey%2F0123456789";

fn secrets() -> Arc<Secrets> {
    let hex = ("vita".to_owned(), Secret::new("00ff00ff"));
    Arc::new([("shop".to_owned(), Secret::new(SECRET)), hex].into_iter().collect())
}

fn assert_clean(text: &str) {
    assert!(!text.contains(SECRET) && !text.contains(ESCAPED), "{text}");
}

#[tokio::test]
async fn every_place_gets_its_secret() {
    let places = [
        (Placement::Query("key"), format!("GET /x?a=1&key={ESCAPED} ")),
        (Placement::Header("x-api-key"), format!("x-api-key: {SECRET}\r\n")),
        (Placement::Bearer, format!("authorization: Bearer {SECRET}\r\n")),
    ];
    for (placement, expected) in places {
        let server = Raw::answering(vec![answer("200 OK", "", b"x")]);
        let request = server.get("/x").query("a", 1).credential("shop", placement);
        Credentials::new(live(), secrets()).send(&request).await.unwrap();
        let asked = server.asked().remove(0);
        assert!(asked.contains(&expected), "{asked}");
    }
    let server = Raw::answering(vec![answer("200 OK", "", b"x")]);
    let request = server.get("/np/{hmac}/v.xml").credential("vita", Placement::HmacSha256Path("np_X".into()));
    Credentials::new(live(), secrets()).send(&request).await.unwrap();
    let asked = server.asked().remove(0);
    let code = asked.split('/').nth(2).unwrap();
    assert!(code.len() == 64 && code.bytes().all(|b| b.is_ascii_hexdigit()), "{asked}");
}

#[tokio::test]
async fn what_is_missing_is_named_before_anything_is_sent() {
    let server = Raw::answering(vec![answer("200 OK", "", b"x")]);
    let layer = Credentials::new(live(), Arc::default());
    let request = server.get("/").credential("shop", Placement::Query("key"));
    let error = layer.send(&request).await.unwrap_err();
    assert_eq!(error, UpstreamError::MissingCredential("shop"));
    assert!(error.to_string().contains("TRAFFIX__CREDENTIALS__SHOP"), "{error}");
    assert!(server.asked().is_empty());
    let request = server.get("/").optional_credential("shop", Placement::Query("key"));
    assert!(layer.send(&request).await.is_ok());
}

#[test]
fn secrets_load_from_toml_and_json_and_do_not_print() {
    let toml: Secrets = toml::from_str(&format!("shop = \"{SECRET}\"")).unwrap();
    let json: Secrets = serde_json::from_str(&format!("{{\"shop\": \"{SECRET}\"}}")).unwrap();
    for secrets in [toml, json] {
        assert_clean(&format!("{secrets:?} {secrets:#?}"));
        assert_clean(&format!("{:?}", secrets.get("shop").unwrap()));
    }
}

/// The service repeats the secret wherever it can: in its body, its headers and in redirects.
#[tokio::test]
async fn what_repeats_the_secret_leaves_without_it() {
    let echo = format!("Location: /?{ESCAPED}\r\nX-Echo: {SECRET}\r\n");
    let body = format!("bad key {SECRET}, in /?key={ESCAPED}");
    let folder = tempfile::tempdir().unwrap();
    for placement in [Placement::Query("key"), Placement::Header("x-api-key"), Placement::Bearer] {
        let server = Raw::answering(vec![answer("403 Forbidden", &echo, body.as_bytes())]);
        let layers =
            Recorder::open(Credentials::new(live(), secrets()), folder.path(), Arc::default()).unwrap();
        let request = server.get("/x").credential("shop", placement);
        let response = layers.send(&request).await.unwrap();
        assert_clean(&format!("{response:?}"));
        assert!(String::from_utf8(response.body.to_vec()).unwrap().starts_with("bad key [secret removed]"));
    }
    assert_no_file_holds_it(folder.path());
}

fn assert_no_file_holds_it(folder: &std::path::Path) {
    let mut files = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        assert_clean(&String::from_utf8(std::fs::read(&path).unwrap()).unwrap());
        assert_clean(path.to_str().unwrap());
        files += 1;
    }
    assert!(files >= 2, "{files} files");
}

/// A recorder over something else than [`Credentials`] knows the secrets itself.
#[tokio::test]
async fn the_recorder_writes_no_secret_whoever_sent_it() {
    let folder = tempfile::tempdir().unwrap();
    let server = Raw::answering(vec![answer("200 OK", &format!("X-Echo: {SECRET}\r\n"), SECRET.as_bytes())]);
    let recorder = Recorder::open(live(), folder.path(), secrets()).unwrap();
    recorder.send(&server.get("/x").query("key", SECRET)).await.unwrap();
    assert_no_file_holds_it(folder.path());
    let list = std::fs::read_to_string(folder.path().join("cassette.toml")).unwrap();
    assert!(list.contains("scrubbed = \"secrets removed\""), "{list}");
}

/// A service hands out a signed address; what is then asked there is recorded and kept without its signature.
#[tokio::test]
async fn a_signature_is_sent_and_never_written() {
    const TOKEN: &str = "exp=1700000000~acl=/*~hmac=0123456789abcdef";
    let folder = tempfile::tempdir().unwrap();
    let (tape, cache) = (folder.path().join("tape"), folder.path().join("cache"));
    let told = format!("{{\"queryParams\":[{{\"name\":\"token\",\"value\":\"{TOKEN}\"}}]}}");
    let answers = [told.as_bytes(), b"first", b"second"].map(|body| answer("200 OK", "", body));
    let server = Raw::answering(answers.into());
    let live = Conditional::open(live(), &cache, 1 << 20).unwrap();
    let layers = Recorder::open(live, &tape, Arc::default()).unwrap();
    layers.send(&server.get("/address")).await.unwrap();
    for token in [TOKEN, "exp=1800000000~acl=/*~hmac=fedcba9876543210"] {
        let mut url = server.get("/build.manifest").url;
        url.query_pairs_mut().append_pair("token", token);
        let request = Request::signed(url).fresh_for(3_600);
        assert!(!format!("{request:?}").contains("hmac"), "{request:?}");
        // The second signature finds the answer to the first.
        assert_eq!(layers.send(&request).await.unwrap().body, "first");
    }
    let asked = server.asked();
    assert_eq!(asked.len(), 2);
    assert!(asked[1].starts_with("GET /build.manifest?token=exp%3D1700000000%7E"), "{}", asked[1]);
    for folder in [&tape, &cache] {
        for file in std::fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            let text = String::from_utf8(std::fs::read(&path).unwrap()).unwrap();
            assert!(!text.contains("hmac") && !path.to_str().unwrap().contains("hmac"), "{path:?}: {text}");
        }
    }
    let replay = Replay::open(&tape).unwrap();
    let again =
        Request::signed(format!("{}?token=another", server.get("/build.manifest").url).parse().unwrap());
    assert_eq!(replay.send(&again).await.unwrap().body, "first");
}

/// An expired signature is refused; the next one must not find that refusal.
#[tokio::test]
async fn a_refused_signature_is_not_kept() {
    let folder = tempfile::tempdir().unwrap();
    let answers = vec![answer("403 Forbidden", "", b"expired"), answer("200 OK", "", b"build")];
    let server = Raw::answering(answers);
    let kept = Conditional::open(live(), folder.path(), 1 << 20).unwrap();
    for (token, status) in [("old", 403), ("new", 200), ("newer", 200)] {
        let url = server.get("/build.manifest").query("token", token).url;
        let response = kept.send(&Request::signed(url).fresh_for(3_600)).await.unwrap();
        assert_eq!(response.status, status, "{token}");
    }
    assert_eq!(server.asked().len(), 2);
}

#[tokio::test]
async fn errors_hold_no_secret() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let refused = answer("302 Found", &format!("Location: https://{SECRET}.example/?k={SECRET}\r\n"), b"");
    let server = Raw::answering(vec![refused]);
    let stalled = Raw::stalling(vec![Vec::new()]);
    let targets = [free.to_string(), server.address.to_string(), stalled.address.to_string()];
    let wild = Secrets::from_iter([("shop".to_owned(), Secret::new("line\nbreak is no header value"))]);
    for target in &targets {
        for secrets in [secrets(), Arc::new(wild.clone())] {
            for placement in [Placement::Query("key"), Placement::Header("x-api-key"), Placement::Bearer] {
                let base = format!("http://{target}");
                let endpoints = Endpoints::default().with("https://service.example", &base).unwrap();
                let live = Live::new(LiveOptions { endpoints, ..options() }).unwrap();
                let request = Request::get("https://service.example/").credential("shop", placement);
                let sent = tokio::time::timeout(std::time::Duration::from_millis(200), async {
                    Credentials::new(live, Arc::clone(&secrets)).send(&request).await
                })
                .await;
                let Ok(sent) = sent else { continue };
                let error = sent.unwrap_err();
                assert_clean(&format!("{error} {error:?}"));
                assert!(!error.to_string().contains("break is no"), "{error}");
            }
        }
    }
}
