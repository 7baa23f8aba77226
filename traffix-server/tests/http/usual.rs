//! Usual traffic of a known week, and the effect of an event of known size.

use chrono::TimeDelta;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::history::{EXTRA_BPS, at, get, server, usual_bps};

const PATH: &str = "/api/v1/baseline?network=acme&until=2023-11-01T00:00:00Z";
const EVENT: &str = "event=evening@2023-10-20T18:00:00Z&during=21600";

fn numbers(value: &Value) -> Vec<Option<f64>> {
    serde_json::from_value(value.clone()).unwrap()
}

#[tokio::test]
async fn the_usual_week_is_that_of_the_local_clock() {
    let server = server().await;
    let levels = "levels_from=2023-11-02T17:30:00Z&levels_until=2023-11-02T18:30:00Z&step=1800";
    let found = get(&server, &format!("{PATH}&{levels}")).await;
    let hours = numbers(&found["hour_bps"]);
    assert_eq!((hours.len(), numbers(&found["half_hour_bps"]).len()), (168, 336));
    for (hour, bps) in hours.into_iter().enumerate() {
        let now = at("2023-10-30T00:00:00Z") + TimeDelta::hours(i64::try_from(hour).unwrap());
        assert!((bps.unwrap() / usual_bps(now) - 1.0).abs() < 1e-4, "{hour}: {bps:?}");
    }
    assert_eq!((&found["tz"], &found["trend_per_week"]), (&json!("Europe/London"), &json!(0.0)));
    // Of eight weeks four and two days were watched, less a day.
    assert!((found["weeks"].as_f64().unwrap() - 29.0 / 7.0).abs() < 0.01, "{}", found["weeks"]);
    assert!((found["coverage"].as_f64().unwrap() - 29.0 / 56.0).abs() < 0.01, "{}", found["coverage"]);
    assert_eq!(found["left_out"], json!([]));
    let window = &found["window"];
    assert_eq!((&window["from"], &window["step_secs"]), (&json!("2023-11-02T17:30:00Z"), &json!(1800)));
    assert_eq!((numbers(&window["bps"]).len(), numbers(&window["sigma_log"]).len()), (2, 2));
    // The stored series is the same traffic.
    let stored =
        "/api/v1/baseline?metric=traffic_bps&subject=acme/pni&tz=Europe/London&until=2023-11-01T00:00:00Z";
    let stored = get(&server, stored).await;
    assert_eq!(
        stored["hour_bps"][20].as_f64().map(f64::round),
        found["hour_bps"][20].as_f64().map(f64::round)
    );
}

#[tokio::test]
async fn events_of_the_catalogue_and_what_is_asked_for_are_left_out() {
    let server = server().await;
    let path = PATH.replace("2023-11-01T", "2023-11-06T");
    let found = get(&server, &path).await;
    let runs = json!({"ru": "fortnite-og", "from": "2023-11-03T09:00:00Z", "until": "2023-11-06T00:00:00Z"});
    assert_eq!(found["left_out"], json!([runs]));
    let span = "2023-10-20T00:00:00Z/2023-10-21T00:00:00Z";
    let found = get(&server, &format!("{path}&keep_events=true&exclude={span}&holidays=2023-10-23")).await;
    assert_eq!(found["left_out"], json!([{"from": "2023-10-20T00:00:00Z", "until": "2023-10-21T00:00:00Z"}]));
}

#[tokio::test]
async fn an_effect_is_the_excess_that_was_added() {
    let server = server().await;
    let found = get(&server, &format!("/api/v1/effect?network=acme&{EVENT}")).await;
    assert_eq!((&found["label"], &found["t0"]), (&json!("evening"), &json!("2023-10-20T18:00:00Z")));
    let number = |pointer: &str| found.pointer(pointer).unwrap().as_f64().unwrap();
    let near = |pointer: &str, want: f64| {
        let got = number(pointer);
        assert!((got / want - 1.0).abs() < 0.02, "{pointer}: {got}, not {want}");
    };
    near("/during/excess/mean_bps/p50", EXTRA_BPS);
    near("/during/excess/bytes/p50", EXTRA_BPS * 6.0 * 3600.0 / 8.0);
    // Its last bin is the last of a Friday, whose level runs into that of Saturday.
    let peak = number("/during/excess/peak/excess_bps/p50");
    assert!((EXTRA_BPS..1.1 * EXTRA_BPS).contains(&peak), "{peak}");
    near("/before/excess/ratio/p50", 1.0);
    near("/after/excess/ratio/p50", 1.0);
    assert!(number("/during/excess/mean_bps/p10") < number("/during/excess/mean_bps/p90"));
    assert_eq!(
        (&found["during"]["known"], &found["during"]["until"]),
        (&json!(1.0), &json!("2023-10-21T00:00:00Z"))
    );
    assert_eq!(found["also_ran"], json!([]));
    // What was not watched is not told.
    let gap = get(
        &server,
        "/api/v1/effect?network=acme&event=x@2023-10-09T23:00:00Z&during=86400&after=0&keep_events=true",
    );
    let gap = gap.await;
    assert_eq!((&gap["during"]["known"], &gap["during"]["excess"]), (&json!(0.0), &json!(null)));
    assert_eq!(gap["before"]["known"], json!(1.0));
}

#[tokio::test]
async fn questions_that_cannot_be_answered_name_their_parameter() {
    let server = server().await;
    assert_eq!(server.get(PATH).send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
    for (query, name) in [
        ("baseline?network=acme&weeks=0", "weeks"),
        ("baseline?network=acme&weeks=53", "weeks"),
        ("baseline?network=acme&until=2023-10-04T00:00:00Z", "weeks"),
        ("baseline?network=acme&until=0001-01-01T00:00:00Z", "until"),
        ("baseline?network=acme&holidays=christmas", "holidays"),
        ("baseline?network=acme&exclude=2023-10-20T00:00:00Z", "exclude"),
        ("baseline?network=acme&levels_until=2023-11-01T00:00:00Z", "levels_from"),
        (
            "baseline?network=acme&levels_from=2023-11-01T00:00:00Z&levels_until=2023-11-01T00:00:00Z",
            "levels_until",
        ),
        ("baseline?network=acme&link=other", "network"),
        ("baseline?network=nobody", "tz"),
        ("baseline?network=acme&colour=red", "colour"),
        ("effect?network=acme", "event"),
        ("effect?network=acme&event=nothing-like-it", "event"),
        ("effect?network=acme&event=fortnite-og&phase=preload", "event"),
        ("effect?network=acme&event=fortnite-og&during=99999999", "during"),
    ] {
        let answer = server.edit(Method::GET, &format!("/api/v1/{query}")).send().await.unwrap();
        assert!(answer.status().is_client_error(), "{query}: {}", answer.status());
        let problem: Value = answer.json().await.unwrap();
        assert_eq!(problem["errors"][0]["parameter"], name, "{query}: {problem}");
    }
}
