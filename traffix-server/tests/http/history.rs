//! Overlays of what was measured: four weeks of a known shape with a clock change, a gap and an event.

use chrono::{DateTime, Datelike as _, TimeDelta, Timelike as _, Utc};
use chrono_tz::Europe::London;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use traffix_core::measurement::{Batch, Key};
use traffix_store::SeriesKey;

use crate::harness::TestServer;

const STEP_SECS: i64 = 900;
/// Monday; four weeks and two days before the harness' clock.
const FROM: &str = "2023-10-02T00:00:00Z";
/// London's clocks go back on 29 October.
const UNTIL: &str = "2023-11-01T00:00:00Z";
/// The event: +6 Gbit/s for six hours on a Friday evening.
const EVENT: &str = "2023-10-20T18:00:00Z";
pub(crate) const EXTRA_BPS: f64 = 6e9;
/// Nobody watched on this local day.
const GAP_DAY: u32 = 10;

pub(crate) fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// Usual traffic by the local clock: more by the hour, and more on weekends.
pub(crate) fn usual_bps(now: DateTime<Utc>) -> f64 {
    let local = now.with_timezone(&London);
    let weekend = if local.weekday().num_days_from_monday() >= 5 { 1e9 } else { 0.0 };
    10e9 + weekend + f64::from(local.hour()) * 1e8
}

fn extra_bps(now: DateTime<Utc>) -> f64 {
    let since = now - at(EVENT);
    if since >= TimeDelta::zero() && since < TimeDelta::hours(6) { EXTRA_BPS } else { 0.0 }
}

fn is_gap(now: DateTime<Utc>) -> bool {
    now.with_timezone(&London).date_naive() == chrono::NaiveDate::from_ymd_opt(2023, 10, GAP_DAY).unwrap()
}

fn starts() -> impl Iterator<Item = DateTime<Utc>> {
    let bins = (at(UNTIL) - at(FROM)).num_seconds() / STEP_SECS;
    (0..bins).map(|bin| at(FROM) + TimeDelta::seconds(bin * STEP_SECS))
}

/// A server with the network in the moderator's profiles, its measurements, and the same as a stored series.
pub(crate) async fn server() -> TestServer {
    let server = TestServer::start().await;
    let profile = json!({"id": "acme", "country": "GB", "tz": "Europe/London", "lines": 20_000});
    let saved = server.edit(Method::POST, "/api/v1/networks").json(&profile).send().await.unwrap();
    assert_eq!(saved.status(), StatusCode::CREATED);
    let mut batch = Batch::new("history", "acme", 900.try_into().unwrap());
    let key = Key { platform: None, cdn: Some("akamai".parse().unwrap()), link: Some("pni".into()) };
    let mut points = Vec::new();
    for now in starts().filter(|now| !is_gap(*now)) {
        let bps = usual_bps(now) + extra_bps(now);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a positive number of bytes"
        )]
        batch.add(now, key.clone(), (bps * 900.0 / 8.0) as u64).unwrap();
        points.push((now, bps));
    }
    server.store.add_batch(&batch).await.unwrap();
    let key = SeriesKey {
        metric: "traffic_bps".into(),
        subject: "acme/pni".into(),
        source: "grafana".into(),
        step_secs: 900,
    };
    server.store.put_points(&key, &points).await.unwrap();
    server
}

pub(crate) async fn get(server: &TestServer, path: &str) -> Value {
    let answer = server.edit(Method::GET, path).send().await.unwrap();
    let status = answer.status();
    let body = answer.json().await.unwrap();
    assert_eq!(status, StatusCode::OK, "{path}: {body}");
    body
}

fn curve(answer: &Value, index: usize) -> Vec<Option<f64>> {
    serde_json::from_value(answer["curves"][index]["values"].clone()).unwrap()
}

#[track_caller]
fn near(got: Option<f64>, want: f64) {
    assert!(got.is_some_and(|got| (got - want).abs() < 1e-6 * want), "{got:?}, not {want}");
}

#[tokio::test]
async fn days_and_weeks_lie_over_each_other_by_the_local_clock() {
    let server = server().await;
    let path = "/api/v1/overlays?network=acme&period=day&count=4&step=3600&until=2023-10-30T12:00:00Z";
    let days = get(&server, path).await;
    assert_eq!((&days["tz"], &days["unit"]), (&json!("Europe/London"), &json!("bps")));
    let labels: Vec<_> = days["curves"].as_array().unwrap().iter().map(|curve| &curve["label"]).collect();
    assert_eq!(labels, ["2023-10-27", "2023-10-28", "2023-10-29", "2023-10-30"]);
    // Before, on and after the day of 25 hours 18:00 is in one place, and so are Saturday and Sunday.
    for (day, bps) in [(0, 11.8e9), (1, 12.8e9), (2, 12.8e9), (3, 11.8e9)] {
        assert_eq!(curve(&days, day).len(), 24);
        near(curve(&days, day)[18], bps);
    }
    assert_eq!(days["curves"][3]["t0"], "2023-10-30T00:00:00Z");
    assert_eq!(days["curves"][2]["t0"], "2023-10-28T23:00:00Z");

    let path = "/api/v1/overlays?network=acme&period=week&count=4&step=3600&until=2023-10-27T12:00:00Z";
    let weeks = get(&server, path).await;
    let gap: Vec<_> =
        curve(&weeks, 1).iter().enumerate().filter(|(_, v)| v.is_none()).map(|(h, _)| h).collect();
    assert_eq!(gap, (24..48).collect::<Vec<_>>(), "nobody watched on that Tuesday");
    let usual: Vec<_> = curve(&weeks, 0);
    let excess = curve(&weeks, 2)[4 * 24 + 19].unwrap() - usual[4 * 24 + 19].unwrap();
    assert!((excess - EXTRA_BPS).abs() < 1e5, "Friday 19:00, in the event: {excess}");
}

#[tokio::test]
async fn events_lie_over_each_other_per_line() {
    let server = server().await;
    let events = "event@2023-10-20T18:00:00Z,a%20week%20later@2023-10-27T18:00:00Z";
    let window = "before=3600&after=28800&step=3600&per_1000_lines=true";
    let measured = get(&server, &format!("/api/v1/overlays?network=acme&events={events}&{window}")).await;
    assert_eq!((&measured["unit"], &measured["first_secs"]), (&json!("bps-per-1000-lines"), &json!(-3600)));
    let (event, later) = (curve(&measured, 0), curve(&measured, 1));
    assert_eq!((event.len(), later.len()), (9, 9));
    near(event[1].zip(later[1]).map(|(event, later)| event - later), EXTRA_BPS / 20.0);
    near(event[0], later[0].unwrap());
    near(event[8], later[8].unwrap());
    assert!(measured.get("tz").is_none());
    // The stored series says the same; it has no profile, so the lines are said.
    let stored = "metric=traffic_bps&subject=acme/pni&lines=20000";
    let stored = get(&server, &format!("/api/v1/overlays?{stored}&events={events}&{window}")).await;
    for (stored, measured) in curve(&stored, 0).into_iter().zip(event) {
        near(stored, measured.unwrap());
    }
    // An RU's release is its T0; the part of the time that has not come yet is unknown.
    let ru = get(&server, "/api/v1/overlays?network=acme&events=fortnite-og&before=259200&step=3600").await;
    assert_eq!(ru["curves"][0]["t0"], "2023-11-03T09:00:00Z");
    assert!(curve(&ru, 0)[0].is_some() && curve(&ru, 0).last().unwrap().is_none());
    // A link that nothing came on was watched; one that another CDN uses is not the sum of all.
    let other =
        get(&server, &format!("/api/v1/overlays?network=acme&link=other&events={events}&{window}")).await;
    assert_eq!(curve(&other, 0)[0], Some(0.0));
}

#[tokio::test]
async fn questions_that_cannot_be_answered_name_their_parameter() {
    let server = server().await;
    let path = "/api/v1/overlays?network=acme&period=day";
    assert_eq!(server.get(path).send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
    for (query, name) in [
        ("network=acme", "events"),
        ("network=acme&period=day&events=fortnite", "period"),
        ("network=acme&period=month", "period"),
        ("network=acme&period=day&count=0", "count"),
        ("network=acme&period=day&count=367", "count"),
        ("network=acme&period=day&count=366&step=60", "from"),
        ("network=acme&period=week&count=300&step=900", "from"),
        ("network=acme&period=day&until=0001-01-01T00:00:00Z", "until"),
        ("network=acme&period=day&step=61", "step"),
        ("network=acme&events=nothing-like-it", "events"),
        ("network=acme&events=x@soon", "events"),
        ("network=acme&events=fortnite-og&phase=preload", "events"),
        ("network=acme&events=fortnite-og&after=99999999", "after"),
        ("network=nobody&period=day", "tz"),
        ("network=nobody&period=day&tz=Mars/Olympus", "tz"),
        ("network=nobody&events=fortnite-og&per_1000_lines=true", "lines"),
        ("network=nobody&events=fortnite-og&lines=0", "lines"),
        ("events=fortnite-og", "network"),
        ("metric=traffic_bps&events=fortnite-og", "subject"),
        ("metric=traffic_bps&subject=nobody&events=fortnite-og", "subject"),
        ("metric=players&subject=steam/440&events=fortnite-og", "metric"),
        ("network=acme&period=day&colour=red", "colour"),
    ] {
        let answer = server.edit(Method::GET, &format!("/api/v1/overlays?{query}")).send().await.unwrap();
        assert!(answer.status().is_client_error(), "{query}");
        let problem: Value = answer.json().await.unwrap();
        assert_eq!(problem["errors"][0]["parameter"], name, "{query}: {problem}");
    }
}
