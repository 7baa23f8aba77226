//! Bad input: every case is a problem document that names the place and says what is allowed.

use reqwest::header::CONTENT_TYPE;
use reqwest::{Body, Method, Response};
use serde_json::{Value, json};

use crate::harness::{TestServer, ru};

/// Checks the form of a problem and gives its status and its first place.
async fn problem(response: Response, case: &str) -> (u16, String) {
    let status = response.status().as_u16();
    assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json", "{case}");
    let id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["status"], status, "{case}");
    assert_eq!(body["instance"], format!("urn:uuid:{id}"), "{case}");
    for member in ["type", "title", "detail"] {
        assert!(body[member].as_str().is_some_and(|text| !text.is_empty()), "{case}: {member}: {body}");
    }
    let first = &body["errors"][0];
    let place = ["pointer", "parameter", "header"].iter().find_map(|name| first[*name].as_str());
    if let Some(detail) = first["detail"].as_str() {
        assert!(detail.len() > 5, "{case}: {body}");
    }
    (status, place.unwrap_or("-").to_owned())
}

/// A question whose value at a pointer is replaced.
fn question(pointer: &str, value: Value) -> String {
    let mut body = json!({
        "ru": {
            "id": "x", "kind": "update", "release_at": "2026-03-05T10:00:00Z",
            "preload_at": "2026-03-04T10:00:00Z", "unlock_at": "2026-03-05T10:00:00Z",
            "waves": [], "items": [{"platform": "steam", "bytes": 20e9, "cdn_shares": {"akamai": 1.0}}],
            "signals": {"mau": 5e6},
        },
        "network": {
            "id": "acme", "country": "GB", "tz": "Europe/London", "lines": 1e6,
            "platform_mix": {"steam": 1.0}, "line_rate_bps": {"median": 1e8, "sigma": 0.5},
            "links": [{"id": "pni", "cdns": ["akamai"], "kind": "pni", "capacity_bps": 1e11}],
        },
        "options": {"step_s": 300, "horizon_s": 86_400, "draws": 32, "seed": 1},
    });
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    match body.pointer_mut(parent).unwrap() {
        Value::Array(items) => items[name.parse::<usize>().unwrap()] = value,
        object => object[name] = value,
    }
    body.to_string()
}

#[tokio::test]
async fn bad_questions_are_named_by_pointer() {
    let server = TestServer::with(|config| config.limits.enabled = false).await;
    for (pointer, value, status) in [
        ("/network/platform_mix", json!({"steam": 0.7, "epic": 0.7}), 422),
        ("/ru/unlock_at", json!("2026-03-01T10:00:00Z"), 422),
        ("/ru/items/0/bytes", json!(-1), 422),
        ("/ru/items/0/bytes", json!(1e300), 422),
        ("/ru/items/0/cdn_shares", json!({"akamai": 0.4}), 422),
        ("/network/lines", json!(1e12), 422),
        ("/network/lines", json!("many"), 422),
        ("/network/tz", json!("Mars/Olympus"), 422),
        ("/network/links/0/capacity_bps", json!(-1), 422),
        ("/network/links/0/headroom", json!(7), 422),
        ("/network/links/0/kind", json!("pigeon"), 422),
        ("/network/links/0/colour", json!("red"), 422),
        ("/options/draws", json!(1_000_000), 422),
        ("/options/step_s", json!(0), 422),
        ("/options/horizon_s", json!(4_000_000_000_u32), 422),
        ("/ru/kind", json!("party"), 422),
        ("/ru/release_at", json!("tomorrow"), 422),
        ("/ru/items", json!([]), 422),
        ("/surprise", json!(1), 422),
        ("/ru", json!(17), 422),
        ("/ru", json!("no-such-ru"), 422),
        ("/network", json!("no-such-network"), 422),
        ("/network", json!(null), 422),
    ] {
        let body = question(pointer, value.clone());
        let request = server.request(Method::POST, "/api/v1/forecasts");
        let response = request.header(CONTENT_TYPE, "application/json").body(body).send().await.unwrap();
        let case = format!("{pointer} = {value}");
        assert_eq!(problem(response, &case).await, (status, pointer.to_owned()), "{case}");
    }
}

#[tokio::test]
async fn large_but_possible_numbers_are_answered() {
    let server = TestServer::with(|config| config.limits.enabled = false).await;
    for (pointer, value) in [
        ("/ru/items/0/bytes", json!(1_000_000_000_000_000_000_u64)),
        ("/network/lines", json!(1_000_000_000)),
        ("/network/lines", json!(0)),
        ("/ru/items/0/bytes", json!(0)),
    ] {
        let request = server.request(Method::POST, "/api/v1/forecasts");
        let body = question(pointer, value.clone());
        let response = request.header(CONTENT_TYPE, "application/json").body(body).send().await.unwrap();
        let status = response.status();
        let text = response.text().await.unwrap();
        assert!(status.is_success(), "{pointer} = {value}: {text}");
        assert!(!text.contains("null"), "{pointer} = {value}");
    }
}

#[tokio::test]
async fn bodies_that_are_no_json_are_refused() {
    let server = TestServer::with(|config| config.limits.enabled = false).await;
    let deep = "[".repeat(100_000);
    for (name, body, status) in [
        ("empty", &b""[..], 400),
        ("cut off", b"{\"ru\": {", 400),
        ("NaN", b"{\"ru\": NaN}", 400),
        ("malformed UTF-8", b"{\"ru\": \"\xff\xfe\"}", 400),
        ("lone surrogate", b"{\"ru\": \"\\ud800\"}", 400),
        ("not an object", b"[1, 2]", 422),
        ("null", b"null", 422),
        ("a repeated member", b"{\"ru\": \"a\", \"ru\": \"b\"}", 422),
        ("deep nesting", deep.as_bytes(), 422),
        ("something behind", b"{\"ru\": \"x\", \"network\": \"y\"} {}", 400),
        ("NUL bytes", b"\0\0\0", 400),
    ] {
        let request = server.request(Method::POST, "/api/v1/forecasts");
        let request = request.header(CONTENT_TYPE, "application/json").body(body.to_vec());
        let found = problem(request.send().await.unwrap(), name).await;
        assert_eq!(found.0, status, "{name}");
    }
    for content_type in [None, Some("text/plain"), Some("application/xml"), Some("é")] {
        let request = server.request(Method::POST, "/api/v1/forecasts").body("{}");
        let request = match content_type {
            Some(kind) => request.header(CONTENT_TYPE, kind.as_bytes()),
            None => request,
        };
        let found = problem(request.send().await.unwrap(), "content type").await;
        assert_eq!(found, (415, "Content-Type".to_owned()), "{content_type:?}");
    }
}

#[tokio::test]
async fn bad_catalogue_entries_are_named_by_pointer() {
    let server = TestServer::with(|config| config.limits.enabled = false).await;
    let size = "/listings/0/sizes/0/wire_bytes/value";
    for (set, value, place) in [
        ("/title", json!(""), "/title"),
        ("/title", json!("a\u{0}b"), "/title"),
        ("/title", json!(7), "/title"),
        ("/id", json!("Not A Slug"), "/id"),
        ("/kind", json!("update"), "/release"),
        ("/kind", json!("sequel"), "/kind"),
        ("/publishers", json!(["nobody-known"]), "/publishers/0"),
        ("/evidence", json!([]), "/evidence"),
        ("/evidence/0/confidence", json!(2), "/evidence/0/confidence"),
        ("/evidence/0/observed_at", json!("yesterday"), "/evidence/0/observed_at"),
        ("/listings/0/platform", json!("No Slug"), "/listings/0/platform"),
        ("/listings/0/sizes/0", json!({}), "/listings/0/sizes/0"),
        (size, json!({"low": 5, "high": 1}), "/listings/0/sizes/0/wire_bytes/value/low"),
        (
            size,
            json!({"low": 1, "high": 1_000_000_000_000_000_000_u64}),
            "/listings/0/sizes/0/wire_bytes/value/high",
        ),
        (size, json!({"low": 1, "high": -1}), "/listings/0/sizes/0/wire_bytes/value/high"),
        (size, json!({"low": 1, "high": 1.5}), "/listings/0/sizes/0/wire_bytes/value/high"),
        ("/listings/0/phases/0/share", json!(3), "/listings/0/phases/0/share"),
        ("/listings/0/phases/0/surprise", json!(3), "/listings/0/phases/0/surprise"),
        ("/thumbnails", json!([{"url": "http://plain.example/"}]), "/thumbnails/0/url"),
    ] {
        let mut body = ru("bad", "Bad", "2024-01-01T00:00:00Z", None);
        let (parent, name) = set.rsplit_once('/').unwrap();
        match body.pointer_mut(parent).unwrap() {
            Value::Array(items) => items[name.parse::<usize>().unwrap()] = value.clone(),
            object => object[name] = value.clone(),
        }
        let case = format!("{set} = {value}");
        let response = server.edit(Method::POST, "/api/v1/rus").json(&body).send().await.unwrap();
        assert_eq!(problem(response, &case).await, (422, place.to_owned()), "{case}");
    }
}

#[tokio::test]
async fn absurd_parameters_are_named() {
    let server = TestServer::with(|config| config.limits.enabled = false).await;
    for (query, status, place) in [
        ("limit=0", 400, "limit"),
        ("limit=-1", 400, "limit"),
        ("limit=99999999999999999999", 400, "limit"),
        ("limit=NaN", 400, "limit"),
        ("limit=1&limit=2", 400, "limit"),
        ("limit", 400, "limit"),
        ("nonsense=1", 400, "nonsense"),
        ("kind=party", 400, "kind"),
        ("platform=Steam!", 400, "platform"),
        ("from=yesterday", 400, "from"),
        ("from=2024-01-01T00:00:00Z&until=2023-01-01T00:00:00Z", 422, "until"),
        ("min_bytes=-5", 400, "min_bytes"),
        ("min_bytes=1e18", 400, "min_bytes"),
        ("min_bytes=9&max_bytes=1", 422, "max_bytes"),
        ("q=%ff%fe", 400, "q"),
        ("q=%00", 400, "q"),
        ("after=%27%3B%20DROP%20TABLE%20rus", 400, "after"),
        ("after=AAAA", 422, "after"),
        ("as_of=3000000-01-01T00:00:00Z", 400, "as_of"),
        ("order=sideways", 400, "order"),
    ] {
        let response = server.get(&format!("/api/v1/rus?{query}")).send().await.unwrap();
        assert_eq!(problem(response, query).await, (status, place.to_owned()), "{query}");
    }
}

#[tokio::test]
async fn absurd_addresses_are_problems() {
    let server = TestServer::with(|config| config.limits.enabled = false).await;
    let long = "a".repeat(20_000);
    for (path, status) in [
        (format!("/api/v1/rus?q={}", "a".repeat(300)), 400),
        (format!("/api/v1/rus?q={long}"), 414),
        (format!("/{long}"), 414),
        ("/api/v1/rus/%ff%fe".into(), 400),
        ("/api/v1/rus/%00".into(), 400),
        ("/api/v1//rus".into(), 404),
        ("/api/v1/rus/".into(), 404),
        ("/api/v2/rus".into(), 404),
        ("/api/v1/rus/../../etc/passwd".into(), 404),
        ("/api/v1/forecasts/not-a-uuid".into(), 401),
        ("/api/v1/attribution/::1%25eth0".into(), 400),
        ("/api/v1/attribution/1.2.3".into(), 400),
    ] {
        let response = server.get(&path).send().await.unwrap();
        let case: String = path.chars().take(60).collect();
        assert_eq!(problem(response, &case).await.0, status, "{case}");
    }
    for max in ["18446744073709551615", "9223372036854775808"] {
        let page = server.json(&format!("/api/v1/rus?max_bytes={max}")).await;
        assert_eq!(page["items"].as_array().unwrap().len(), 3);
    }
}

#[tokio::test]
async fn huge_bodies_are_refused_without_being_read() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    let server = TestServer::start().await;
    // Announced: refused by the header alone.
    let request = server.edit(Method::POST, "/api/v1/rus").header(CONTENT_TYPE, "application/json");
    let announced = request.body(vec![b' '; 100_000_000]).send().await;
    if let Ok(response) = announced {
        assert_eq!(problem(response, "announced").await.0, 413);
    }
    // Not announced: refused once the limit is passed. The connection may break while we still send.
    let sent = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&sent);
    let chunks = futures_util::stream::iter(0..1_600).map(move |_| {
        count.fetch_add(65_536, Ordering::Relaxed);
        Ok::<_, std::io::Error>(vec![b' '; 65_536])
    });
    let request = server.edit(Method::POST, "/api/v1/rus").header(CONTENT_TYPE, "application/json");
    let streamed = request.body(Body::wrap_stream(chunks)).send().await;
    if let Ok(response) = streamed {
        assert_eq!(problem(response, "streamed").await.0, 413);
    }
    assert!(sent.load(Ordering::Relaxed) < 50_000_000, "{} bytes were taken", sent.load(Ordering::Relaxed));
    assert!(server.get("/healthz").send().await.unwrap().status().is_success());
}

use futures_util::StreamExt as _;

#[tokio::test]
async fn bytes_that_are_no_http_do_no_harm() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let server = TestServer::start().await;
    for bytes in [
        &b"\0\0\0\0"[..],
        b"GET / HTTP/9.9\r\n\r\n",
        b"\xff\xfe\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nhost: x\r\n\r\n",
    ] {
        let mut socket = tokio::net::TcpStream::connect(server.address).await.unwrap();
        socket.write_all(bytes).await.unwrap();
        socket.shutdown().await.unwrap();
        let mut answer = Vec::new();
        let _ = socket.read_to_end(&mut answer).await;
        assert!(!String::from_utf8_lossy(&answer).contains(" 500 "));
    }
    assert!(server.get("/healthz").send().await.unwrap().status().is_success());
}

#[tokio::test]
async fn conditions_that_cannot_be_read_are_refused() {
    let server = TestServer::start().await;
    let body = ru("fortnite", "Fortnite", "2017-07-21T00:00:00Z", None);
    for (name, value, want) in [
        ("if-match", "nonsense", (400, "If-Match")),
        ("if-match", "\"999999\"", (412, "-")),
        ("if-none-match", "\"1\"", (400, "If-None-Match")),
        ("if-none-match", "*", (412, "-")),
    ] {
        let request = server.edit(Method::PUT, "/api/v1/rus/fortnite").header(name, value);
        let found = problem(request.json(&body).send().await.unwrap(), value).await;
        assert_eq!((found.0, found.1.as_str()), want, "{name}: {value}");
    }
    for key in ["", "ключ"] {
        let request = server.edit(Method::POST, "/api/v1/rus").header("idempotency-key", key.as_bytes());
        let found = problem(request.json(&body).send().await.unwrap(), key).await;
        assert_eq!(found, (400, "Idempotency-Key".to_owned()), "{key:?}");
    }
}
