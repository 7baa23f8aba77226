//! Measurements over HTTP: added once, summed, and shown to those who may see them.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::TestServer;

const DAY: &str = "network=acme&from=2023-10-31T22:00:00Z&until=2023-10-31T23:00:00Z";

/// A watched minute of `2023-10-31T22:00Z` and later, with bytes by CDN and link.
fn minute(minute: u32, counters: &[(&str, Option<&str>, u64)]) -> Value {
    let counter = |(cdn, link, bytes): &(&str, Option<&str>, u64)| {
        let mut counter = json!({"cdn": cdn, "bytes": bytes});
        if let Some(link) = link {
            counter["link"] = json!(link);
        }
        counter
    };
    json!({
        "start": format!("2023-10-31T22:{minute:02}:00Z"),
        "counters": counters.iter().map(counter).collect::<Vec<_>>(),
    })
}

fn batch(id: &str, bins: &[Value]) -> Value {
    json!({"id": id, "network": "acme", "step_secs": 60, "bins": bins})
}

async fn add(server: &TestServer, batch: &Value) -> (StatusCode, Value) {
    let answer = server.edit(Method::POST, "/api/v1/measurements").json(batch).send().await.unwrap();
    (answer.status(), answer.json().await.unwrap())
}

async fn get(server: &TestServer, path: &str) -> Value {
    let answer = server.get(path).bearer_auth(&server.reader).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK, "{path}");
    answer.json().await.unwrap()
}

#[tokio::test]
async fn batches_are_added_once_and_summed() {
    let server = TestServer::start().await;
    let first = batch("a/1", &[minute(0, &[("akamai", Some("pni"), 6_000)]), minute(1, &[])]);
    assert_eq!(add(&server, &first).await, (StatusCode::CREATED, json!({"id": "a/1", "added": true})));
    assert_eq!(add(&server, &first).await, (StatusCode::OK, json!({"id": "a/1", "added": false})));
    let second = [minute(1, &[("akamai", Some("pni"), 1_500), ("valve", None, 750)]), minute(10, &[])];
    assert_eq!(add(&server, &batch("b/1", &second)).await.0, StatusCode::CREATED);

    let found = get(&server, &format!("/api/v1/measurements?{DAY}&step=60&by=cdn,link")).await;
    assert_eq!((&found["bins"], &found["step_secs"]), (&json!(60), &json!(60)));
    assert_eq!(found["watched_secs"].as_array().unwrap()[..3], [json!(60), json!(60), json!(null)]);
    let items = found["items"].as_array().unwrap();
    assert_eq!(items.len(), 2, "{found}");
    let akamai = items.iter().find(|item| item["cdn"] == "akamai").unwrap();
    assert_eq!((&akamai["link"], &akamai["bytes"]), (&json!("pni"), &json!(7_500)));
    let bins = akamai["bin_bytes"].as_array().unwrap();
    assert_eq!(bins[..3], [json!(6_000), json!(1_500), json!(null)], "nobody watched the third minute");
    assert_eq!(bins[10], 0, "the eleventh was watched and had none");
    assert_eq!(bins.iter().filter(|bin| !bin.is_null()).count(), 3);
    // 7,500 bytes in three watched minutes; 6,000 in the busiest.
    assert_eq!(
        (akamai["mean_bps"].as_f64(), akamai["max_bps"].as_f64()),
        (Some(7_500.0 * 8.0 / 180.0), Some(800.0))
    );
    // Of two five-minute bins, one with two watched minutes.
    assert_eq!(akamai["p95_bps"].as_f64(), Some(7_500.0 * 8.0 / 120.0));

    let coarse = get(&server, &format!("/api/v1/measurements?{DAY}&step=3600")).await;
    assert_eq!(coarse["items"][0]["bytes"], 8_250);
    assert_eq!((&coarse["watched_secs"], &coarse["items"][0]["bin_bytes"]), (&json!([180]), &json!([8_250])));
    let one = get(&server, &format!("/api/v1/measurements?{DAY}&cdn=valve&by=platform")).await;
    assert_eq!(one["items"][0]["bytes"], 750);
    assert!(one["items"][0].get("platform").is_none(), "whose it was is unknown");
    let networks = get(&server, "/api/v1/measurements/networks").await;
    assert_eq!(networks["items"][0]["network"], "acme");
    assert_eq!(networks["items"][0]["last"], "2023-10-31T22:10:00Z");
    let other = get(&server, &format!("/api/v1/measurements?{}", DAY.replace("acme", "nobody"))).await;
    assert!(other["watched_secs"].as_array().unwrap().iter().all(Value::is_null), "{other}");
}

#[tokio::test]
async fn measurements_need_a_key_unless_they_are_opened() {
    let server = TestServer::start().await;
    let paths = [
        format!("/api/v1/measurements?{DAY}"),
        "/api/v1/measurements/networks".into(),
        "/api/v1/series?metric=traffic_bps".into(),
        "/api/v1/series/points?metric=a&subject=b&source=c&step=300".into(),
    ];
    for path in &paths {
        assert_eq!(server.get(path).send().await.unwrap().status(), StatusCode::UNAUTHORIZED, "{path}");
        get(&server, path).await;
    }
    let body = batch("a/1", &[minute(0, &[])]);
    let post =
        |request: reqwest::RequestBuilder| async { request.json(&body).send().await.unwrap().status() };
    let path = "/api/v1/measurements";
    assert_eq!(post(server.request(Method::POST, path)).await, StatusCode::UNAUTHORIZED);
    let reader = server.request(Method::POST, path).bearer_auth(&server.reader);
    assert_eq!(post(reader).await, StatusCode::FORBIDDEN);
    let open = TestServer::with(|config| config.measurements.open_reading = true).await;
    for path in &paths {
        open.json(path).await;
    }
}

#[tokio::test]
async fn broken_batches_are_refused_with_a_reason() {
    let server = TestServer::start().await;
    let good = batch("a/1", &[minute(0, &[("akamai", None, 1)])]);
    for (pointer, value, says) in [
        ("/bins/0/counters/0/bytes", json!(-1), "/bins/0/counters/0/bytes"),
        ("/bins/0/counters/0/bytes", json!(1.5), "/bins/0/counters/0/bytes"),
        ("/bins/0/start", json!("2023-11-01T00:06:00Z"), "/bins/0/start"),
        ("/bins/0/start", json!("2023-10-31T22:00:30Z"), "/bins/0/start"),
        ("/step_secs", json!(0), "/step_secs"),
        ("/step_secs", json!(7), "/step_secs"),
        ("/id", json!(""), "/id"),
        ("/network", json!("a\nb"), "/network"),
        ("/bins", json!([minute(0, &[]), minute(0, &[])]), "/bins/1/start"),
        ("/bins", json!([minute(0, &[("akamai", None, 1), ("akamai", None, 1)])]), "/bins/0/counters/1"),
    ] {
        let mut wrong = good.clone();
        *wrong.pointer_mut(pointer).unwrap() = value;
        let (status, problem) = add(&server, &wrong).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{problem}");
        assert_eq!(problem["errors"][0]["pointer"], says, "{problem}");
    }
    // The id of another batch is no repetition.
    assert_eq!(add(&server, &good).await.0, StatusCode::CREATED);
    let (status, problem) = add(&server, &batch("a/1", &[minute(0, &[("akamai", None, 2)])])).await;
    assert_eq!((status, &problem["errors"][0]["pointer"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("/id")));
    // A sum that no counter holds.
    let huge = batch("a/2", &[minute(0, &[("akamai", None, u64::MAX)])]);
    assert_eq!(add(&server, &huge).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    let found = get(&server, &format!("/api/v1/measurements?{DAY}")).await;
    assert_eq!(found["items"][0]["bytes"], 1, "what is refused adds nothing");
}

#[tokio::test]
async fn steps_may_be_mixed_and_are_summed_to_what_fits_all() {
    let server = TestServer::start().await;
    let seconds = json!({"id": "s", "network": "acme", "step_secs": 1, "bins": [
        {"start": "2023-10-31T22:00:01Z", "counters": [{"bytes": 10}]},
        {"start": "2023-10-31T22:00:59Z", "counters": [{"bytes": 5}]}]});
    assert_eq!(add(&server, &seconds).await.0, StatusCode::CREATED);
    let minutes = get(&server, &format!("/api/v1/measurements?{DAY}&step=60")).await;
    assert_eq!(minutes["items"][0]["bin_bytes"][0], 15);
    let hour = json!({"id": "h", "network": "acme", "step_secs": 3600, "bins": [
        {"start": "2023-10-31T22:00:00Z", "counters": [{"bytes": 100}]}]});
    assert_eq!(add(&server, &hour).await.0, StatusCode::CREATED);
    let found = get(&server, &format!("/api/v1/measurements?{DAY}&step=60")).await;
    assert_eq!((&found["step_secs"], &found["items"][0]["bin_bytes"]), (&json!(3600), &json!([115])));
    assert!(found["items"][0].get("p95_bps").is_none(), "there are no five minutes any more");
}

#[tokio::test]
async fn questions_that_make_no_sense_name_their_parameter() {
    let server = TestServer::start().await;
    for (query, name) in [
        ("from=2023-11-01T00:00:00Z", "network"),
        ("network=acme&step=90", "step"),
        ("network=acme&step=0", "step"),
        ("network=acme&by=cdn,asn", "by"),
        ("network=acme&from=2023-11-01T00:00:00Z&until=2023-10-01T00:00:00Z", "from"),
        ("network=acme&from=1960-11-01T00:00:00Z", "from"),
        ("network=acme&from=1990-01-01T00:00:00Z&step=60", "step"),
        ("network=acme&cdn=NO", "cdn"),
    ] {
        let path = format!("/api/v1/measurements?{query}");
        let answer = server.get(&path).bearer_auth(&server.reader).send().await.unwrap();
        assert!(answer.status().is_client_error(), "{query}");
        let problem: Value = answer.json().await.unwrap();
        assert!(
            problem.to_string().contains(&format!("\"{name}\""))
                || problem["detail"].as_str().unwrap().contains(name),
            "{query}: {problem}"
        );
    }
}

#[tokio::test]
async fn an_answer_is_fresh_and_knows_whether_it_changed() {
    let server = TestServer::start().await;
    add(&server, &batch("a/1", &[minute(0, &[("akamai", None, 1)])])).await;
    let ask = |tag: Option<String>| {
        let path = format!("/api/v1/measurements?{DAY}&by=cdn");
        let request = server.get(&path).bearer_auth(&server.reader);
        let request = tag.into_iter().fold(request, |request, tag| request.header("if-none-match", tag));
        async { request.send().await.unwrap() }
    };
    let first = ask(None).await;
    let tag = first.headers()["etag"].to_str().unwrap().to_owned();
    assert!(first.headers()["cache-control"].to_str().unwrap().starts_with("private"));
    assert_eq!(ask(Some(tag.clone())).await.status(), StatusCode::NOT_MODIFIED);
    add(&server, &batch("a/2", &[minute(0, &[("akamai", None, 1)])])).await;
    let second = ask(Some(tag)).await;
    assert_eq!(second.status(), StatusCode::OK, "the catalogue did not change, the measurements did");
    assert_eq!(second.json::<Value>().await.unwrap()["items"][0]["bytes"], 2);
    let path = format!("/api/v1/measurements?{DAY}&by=cdn,link&step=60");
    let csv =
        server.get(&path).bearer_auth(&server.reader).header("accept", "text/csv").send().await.unwrap();
    assert_eq!(csv.headers()["content-type"], "text/csv; charset=utf-8");
    let text = csv.text().await.unwrap();
    assert_eq!(
        text,
        "start,step_secs,watched_secs,cdn,link,bytes\r\n2023-10-31T22:00:00Z,60,60,akamai,,2\r\n"
    );
}

#[tokio::test]
async fn stored_series_are_listed_and_read() {
    let server = TestServer::start().await;
    let key = traffix_store::SeriesKey {
        metric: "traffic_bps".into(),
        subject: "acme/transit-1".into(),
        source: "grafana-export".into(),
        step_secs: 300,
    };
    let at = |text: &str| text.parse().unwrap();
    let points = [(at("2023-10-31T22:00:00Z"), 1.5), (at("2023-10-31T22:10:00Z"), 2.5)];
    server.store.put_points(&key, &points).await.unwrap();
    let list = get(&server, "/api/v1/series?metric=traffic_bps&subject=acme/").await;
    assert_eq!(list["items"][0]["subject"], "acme/transit-1");
    assert_eq!(get(&server, "/api/v1/series?metric=traffic_bps&subject=ixp/").await["items"], json!([]));
    let path = "/api/v1/series/points?metric=traffic_bps&subject=acme/transit-1&source=grafana-export&step=300\
                &from=2023-10-31T21:58:00Z&until=2023-10-31T22:15:00Z";
    let found = get(&server, path).await;
    assert_eq!(found["from"], "2023-10-31T22:00:00Z");
    assert_eq!((&found["steps"], &found["values"]), (&json!(3), &json!([1.5, null, 2.5])));
}

#[tokio::test]
async fn a_server_without_a_collector_says_so() {
    let server = TestServer::start().await;
    assert_eq!(server.json("/readyz").await["parts"]["collector"], json!({"status": "off"}));
}
