//! Spikes from measurements to a lesson: weeks of usual traffic, and a release of the catalogue on top of them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Timelike as _, Utc};
use chrono_tz::Europe::London;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use traffix_core::catalogue::Ru;
use traffix_core::explanation::question;
use traffix_core::forecast::{Forecast, ForecastInput, Options, forecast};
use traffix_core::measurement::{Batch, Key};
use traffix_core::network::Network;
use traffix_server::{AppState, Config, Server, planning};
use traffix_store::{Actor, Freeze, Lead, PageRequest, SavedForecast, SpikeQuery, Store};

use crate::harness::{TestServer, ru};

const NETWORK: &str = r#"{"id": "acme", "country": "GB", "tz": "Europe/London", "lines": 20000}"#;
const FROM: &str = "2023-10-02T00:00:00Z";
/// The release of the RU in the catalogue.
const RELEASE: &str = "2023-11-03T09:00:00Z";
const AFTER: &str = "2023-11-05T00:00:00Z";
const STEP_SECS: i64 = 300;
const SPIKES: &str =
    "/api/v1/spikes?network=acme&scope=total&from=2023-11-03T09:10:00Z&until=2023-11-03T10:00:00Z";

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// What the model expects of the release on the network: that is what comes.
async fn expected(store: &dyn Store) -> Forecast {
    let network: Network = serde_json::from_str(NETWORK).unwrap();
    let ru = store.ru(&"fortnite-og".parse().unwrap(), None).await.unwrap().unwrap().value;
    let ru = planning::ru_input(&ru, &network).unwrap();
    forecast(&question(&ForecastInput { ru, network, options: Options::default() })).unwrap()
}

/// Even noise of 3 % either way, the same every time.
fn noise(bin: i64) -> f64 {
    let mixed = bin.wrapping_mul(0x9E37_79B9).rotate_left(17).wrapping_mul(0x85EB_CA6B) >> 16;
    f64::from(u8::try_from(mixed & 0xff).unwrap()) / 255.0 * 0.06 - 0.03
}

/// Smooth by the local clock, highest at 19:00.
fn evening(now: DateTime<Utc>) -> f64 {
    let secs = f64::from(now.with_timezone(&London).num_seconds_from_midnight());
    0.8 + 0.2 * ((secs / 3600.0 - 19.0) / 12.0 * std::f64::consts::PI).cos()
}

/// Usual traffic, highest in the evening, and the release by CDN from its start on.
fn batch(id: &str, expected: &Forecast, (from, until): (&str, &str)) -> Batch {
    let mut batch = Batch::new(id, "acme", 300.try_into().unwrap());
    let mut now = at(from);
    let (cdn, steam) = (Some("akamai".parse().unwrap()), Some("steam".parse().unwrap()));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a positive number of bytes")]
    let bytes = |bps: f64| (bps * 300.0 / 8.0) as u64;
    while now < at(until) {
        let bin = now.timestamp() / STEP_SECS;
        let usual = 2.0 * expected.peak.bps.p50 * evening(now) * (1.0 + noise(bin));
        let key = Key { platform: None, cdn: cdn.clone(), link: Some("pni".into()) };
        batch.add(now, key, bytes(usual)).unwrap();
        let since = (now - expected.grid.start).num_seconds() / STEP_SECS;
        for (name, fan) in &expected.cdns {
            let Some(extra) = usize::try_from(since).ok().and_then(|bin| fan.p50.get(bin)) else { continue };
            let key = Key { platform: steam.clone(), cdn: name.parse().ok(), link: Some("pni".into()) };
            batch.add(now, key, bytes(1.2 * extra)).unwrap();
        }
        now += TimeDelta::seconds(STEP_SECS);
    }
    batch
}

fn watched(config: &mut Config, now: &str) {
    config.server.at = Some(at(now));
    config.spikes.interval_secs = 1;
    // What is old by the calendar would become hours.
    config.retention.five_minute_days = 36_500;
    config.retention.hour_days = 36_500;
}

/// A server that saw all of it, with the network in the moderator's profiles and something else in the catalogue that was
/// due half an hour later.
async fn server(now: &str) -> TestServer {
    let server = TestServer::with(|config| watched(config, now)).await;
    let other = ru("other-update", "Other Update", "2023-11-03T09:30:00Z", Some("fortnite"));
    let mut other: Ru = serde_json::from_value(other).unwrap();
    other.listings[0].external_id = Some("4712".into());
    server.store.merge_rus(&[other], &Actor("import".into())).await.unwrap();
    let expected = expected(&*server.store).await;
    server.store.add_batch(&batch("history", &expected, (FROM, now))).await.unwrap();
    let profile: Value = serde_json::from_str(NETWORK).unwrap();
    let saved = server.edit(Method::POST, "/api/v1/networks").json(&profile).send().await.unwrap();
    assert_eq!(saved.status(), StatusCode::CREATED);
    server
}

/// Another server on the same database, as after a restart or as a second replica.
async fn another(store: &Arc<dyn Store>, now: &str) -> tokio::task::JoinHandle<()> {
    let mut config = Config::default();
    config.server.listen = "127.0.0.1:0".parse().unwrap();
    watched(&mut config, now);
    let server = Server::bind(AppState::new(config, Arc::clone(store)).unwrap()).await.unwrap();
    tokio::spawn(async move { server.run(std::future::pending()).await.unwrap() })
}

async fn get(server: &TestServer, path: &str) -> Value {
    let answer = server.edit(Method::GET, path).send().await.unwrap();
    let status = answer.status();
    let body = answer.json().await.unwrap();
    assert_eq!(status, StatusCode::OK, "{path}: {body}");
    body
}

/// The spike of all traffic in the hour after the release, once it is as it should be.
async fn spike(server: &TestServer, is_right: impl Fn(&Value) -> bool) -> Value {
    let begun = Instant::now();
    loop {
        let found = get(server, SPIKES).await;
        let items = found["items"].as_array().unwrap();
        if let [one] = &items[..]
            && is_right(one)
        {
            return one.clone();
        }
        assert!(begun.elapsed() < Duration::from_mins(2), "{found}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn explained(spike: &Value) -> bool {
    spike["explanation"].is_object()
}

/// Spikes that the server says it has found.
async fn counted(server: &TestServer) -> u32 {
    let metrics = server.get("/metrics").send().await.unwrap().text().await.unwrap();
    let count = metrics.lines().find_map(|line| line.strip_prefix("traffix_spikes_found_total ")).unwrap();
    count.parse().unwrap()
}

/// Names of the causes, the likeliest first; all probabilities must be 1 together.
fn causes(spike: &Value) -> Vec<&str> {
    let causes = spike["explanation"]["causes"].as_array().unwrap();
    let unknown = spike["explanation"]["unknown"].as_f64().unwrap();
    let named: f64 = causes.iter().map(|cause| cause["probability"].as_f64().unwrap()).sum();
    assert!(unknown > 0.0 && (named + unknown - 1.0).abs() < 1e-6, "{spike}");
    causes.iter().map(|cause| cause["ru"].as_str().unwrap()).collect()
}

/// Whose the network is.
async fn owner(server: &TestServer) -> String {
    let all = server.store.all_networks(&traffix_store::PageRequest::default()).await.unwrap();
    all.items.into_iter().find(|saved| saved.id == "acme").unwrap().owner
}

async fn decide(server: &TestServer, id: &str, word: &str, ru: &str) -> (StatusCode, Value) {
    let path = format!("/api/v1/spikes/{id}/{word}");
    let answer = server.edit(Method::POST, &path).json(&json!({"ru": ru})).send().await.unwrap();
    (answer.status(), answer.json().await.unwrap())
}

#[tokio::test]
async fn a_release_is_found_named_and_learned_once() {
    let server = server(AFTER).await;
    let found = spike(&server, explained).await;
    let id = found["id"].as_str().unwrap().to_owned();
    let start = at(found["spike"]["start"].as_str().unwrap());
    assert!((start - at(RELEASE)).abs() <= TimeDelta::minutes(30), "{found}");
    assert_eq!(causes(&found)[0], "fortnite-og", "{found}");
    assert!(causes(&found).contains(&"other-update"), "{found}");
    assert!(found["explanation"]["causes"][0]["probability"].as_f64().unwrap() > 0.5, "{found}");

    // Ruled out, it is not named any more.
    let (status, after) = decide(&server, &id, "reject", "other-update").await;
    assert_eq!(
        (status, &after["taught"], &after["rejected"]),
        (StatusCode::OK, &json!(false), &json!(["other-update"]))
    );
    assert_eq!((causes(&after), &after["decided_by"]), (vec!["fortnite-og"], &json!("key:mod")));
    let (status, again) = decide(&server, &id, "reject", "other-update").await;
    assert_eq!((status, &again["explanation"]), (StatusCode::OK, &after["explanation"]));
    assert_eq!(decide(&server, &id, "confirm", "other-update").await.0, StatusCode::CONFLICT);

    let owner = owner(&server).await;
    let (status, confirmed) = decide(&server, &id, "confirm", "fortnite-og").await;
    assert_eq!(
        (status, &confirmed["taught"], &confirmed["confirmed"]),
        (StatusCode::OK, &json!(true), &json!("fortnite-og")),
        "{confirmed}"
    );
    let learned = server.store.learned(&owner, "acme").await.unwrap().unwrap();
    assert_eq!(learned.revision, 1);
    let (status, repeated) = decide(&server, &id, "confirm", "fortnite-og").await;
    assert_eq!((status, &repeated["taught"]), (StatusCode::OK, &json!(false)));
    assert_eq!(server.store.learned(&owner, "acme").await.unwrap().unwrap(), learned, "once");
    assert_eq!(decide(&server, &id, "reject", "fortnite-og").await.0, StatusCode::CONFLICT);
    assert_eq!(decide(&server, &id, "confirm", "modern-warfare-iii").await.0, StatusCode::CONFLICT);

    // What came was 1.2 times what was expected, and that is about what was learned.
    let event = traffix_store::Event {
        owner: owner.clone(),
        network: "acme".into(),
        ru: "fortnite-og".parse().unwrap(),
        release_day: at(RELEASE).date_naive(),
    };
    let outcome = server.store.outcome(&event).await.unwrap().unwrap();
    let ratio = outcome.document["log_ratio"].as_f64().unwrap().exp();
    assert!((ratio / 1.2 - 1.0).abs() < 0.25, "{ratio}");

    elsewhere_nothing_is_taught(&server).await;
    assert_eq!(server.store.learned(&owner, "acme").await.unwrap().unwrap(), learned);
}

/// The same event in the spike of a link.
async fn elsewhere_nothing_is_taught(server: &TestServer) {
    assert!(counted(server).await >= 1);
    // The link carried all of it; nothing explains that spike, but it may be decided about: nothing is learned twice.
    let links = get(server, &format!("{}&open=true", SPIKES.replace("total", "link:pni"))).await;
    let link = links["items"][0]["id"].as_str().unwrap();
    assert!(links["items"][0].get("explanation").is_none());
    let (status, kept) = decide(server, link, "confirm", "fortnite-og").await;
    assert_eq!((status, &kept["taught"]), (StatusCode::OK, &json!(false)));
}

/// A forecast of the release, frozen a week before.
fn frozen() -> SavedForecast {
    let freeze = Freeze {
        lead: Lead::Days7,
        release_day: at(RELEASE).date_naive(),
        release_at: at(RELEASE),
        due_at: at(RELEASE) - Lead::Days7.before(),
        late: false,
    };
    SavedForecast {
        id: uuid::Uuid::now_v7(),
        ru: "fortnite-og".parse().unwrap(),
        network: "acme".into(),
        made_at: freeze.due_at,
        model_version: "1".into(),
        input: json!({}),
        output: json!({}),
        frozen: Some(freeze),
    }
}

#[tokio::test]
async fn a_running_spike_is_followed_over_restarts_and_by_two_replicas() {
    let mut server = server("2023-11-03T11:00:00Z").await;
    let running = spike(&server, explained).await;
    assert_eq!((&running["running"], running["spike"]["end"].is_null()), (&json!(true), true), "{running}");
    assert_eq!(running["until"], "2023-11-03T11:00:00Z");
    let expected = expected(&*server.store).await;
    let more = batch("more", &expected, ("2023-11-03T11:00:00Z", AFTER));
    server.store.add_batch(&more).await.unwrap();
    let store = Arc::clone(&server.store);
    let replicas = [another(&store, AFTER).await, another(&store, AFTER).await];
    let later = at("2023-11-03T12:00:00Z");
    let ended = spike(&server, |one| explained(one) && at(one["until"].as_str().unwrap()) > later).await;
    assert_eq!(ended["id"], running["id"]);
    // Its forecast was frozen before the release, so the event is measured and learned with that: not by the decision.
    let owner = owner(&server).await;
    store.save_forecast(&owner, &frozen()).await.unwrap();
    let (status, kept) = decide(&server, ended["id"].as_str().unwrap(), "confirm", "fortnite-og").await;
    assert_eq!((status, &kept["taught"]), (StatusCode::OK, &json!(false)), "{kept}");
    assert_eq!(store.learned(&owner, "acme").await.unwrap(), None);
    // Whoever looks, and however often, finds the same spikes.
    server.stop();
    let ids = async || {
        let all = store.spikes(&SpikeQuery::default(), &PageRequest::default()).await.unwrap();
        all.items.into_iter().map(|one| (one.id, one.found.scope, one.verdict)).collect::<Vec<_>>()
    };
    let before = ids().await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(ids().await, before);
    for replica in replicas {
        replica.abort();
    }
}

#[tokio::test]
async fn spikes_are_private_and_can_be_turned_off() {
    let server = TestServer::with(|config| {
        watched(config, AFTER);
        config.spikes.enabled = false;
    })
    .await;
    assert_eq!(server.get("/api/v1/spikes").send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
    let spike = traffix_store::FoundSpike {
        owner: "somebody".into(),
        network: "acme".into(),
        scope: traffix_store::SpikeScope::Total,
        start: at(RELEASE),
        until: at(AFTER),
        running: false,
        detected_at: at(RELEASE),
        document: json!({
            "start": RELEASE, "detected_at": RELEASE, "end": AFTER, "peak_at": RELEASE, "peak_bps": 1e9,
            "usual_at_peak_bps": 1e9, "share": 1.0, "excess_bytes": 1e12, "excess_sd_bytes": 1e10,
        }),
    };
    let id = server.store.put_spike(&spike).await.unwrap().1.id;
    let read = async |key: &str, path: &str| {
        let answer = server.get(path).bearer_auth(key).send().await.unwrap();
        (answer.status(), answer.json::<Value>().await.unwrap())
    };
    let path = format!("/api/v1/spikes/{id}");
    assert_eq!(read(&server.reader, "/api/v1/spikes").await.1["items"], json!([]));
    assert_eq!(read(&server.reader, &path).await.0, StatusCode::NOT_FOUND);
    assert_eq!(read(&server.moderator, &path).await.1["scope"], "total");
    for (body, status) in [
        (json!({"ru": "nothing-like-it"}), StatusCode::UNPROCESSABLE_ENTITY),
        (json!({"ru": "No Slug"}), StatusCode::UNPROCESSABLE_ENTITY),
        (json!({}), StatusCode::UNPROCESSABLE_ENTITY),
    ] {
        let answer = server.edit(Method::POST, &format!("{path}/confirm")).json(&body).send().await.unwrap();
        assert_eq!(answer.status(), status, "{body}");
    }
    // Nothing is known of the network any more: the decision is kept all the same.
    let (status, kept) = decide(&server, &id.to_string(), "confirm", "fortnite-og").await;
    assert_eq!(
        (status, &kept["taught"], &kept["confirmed"]),
        (StatusCode::OK, &json!(false), &json!("fortnite-og"))
    );
    filters_are_checked(&server).await;
}

/// Of one confirmed spike of all traffic.
async fn filters_are_checked(server: &TestServer) {
    for (query, want) in
        [("open=true", 0), ("open=false", 1), ("scope=cdn:x", 0), ("from=2023-11-05T00:00:00Z", 0)]
    {
        let found = get(server, &format!("/api/v1/spikes?{query}")).await;
        assert_eq!(found["items"].as_array().unwrap().len(), want, "{query}");
    }
    for (query, status) in [
        ("scope=akamai", 422),
        ("scope=cdn:X", 422),
        ("open=maybe", 400),
        ("network=", 400),
        ("colour=red", 400),
    ] {
        let answer = server.edit(Method::GET, &format!("/api/v1/spikes?{query}")).send().await.unwrap();
        assert_eq!(answer.status(), status, "{query}");
    }
}
