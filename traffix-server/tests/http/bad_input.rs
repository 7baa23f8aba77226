//! What measurements may get wrong, by name, through every way in: batches by POST and by `traffix import`, series of other
//! systems by `traffix import --unit`, flows by `traffix collect`. Each is handled or refused with a reason, and nothing is
//! counted twice.

#[path = "../support/mod.rs"]
mod support;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use support::{Run, traffix, write};
use tempfile::TempDir;
use traffix_core::measurement::Batch;
use traffix_store::{Dimensions, MeasurementQuery, OpenOptions, Store};

use crate::harness::TestServer;
use crate::history::at;

const NETWORK: &str = r#"{"id": "acme", "tz": "UTC", "lines": 1, "prefixes": ["198.51.100.0/24"]}"#;

/// A minute of `2023-10-31T22:00Z` and later as a batch has it.
fn bin(minute: u32, bytes: i64) -> Value {
    json!({"start": format!("2023-10-31T22:{minute:02}:00Z"), "counters": [{"cdn": "akamai", "bytes": bytes}]})
}

fn batch(id: &str, step_secs: u32, bins: &[Value]) -> Value {
    json!({"id": id, "network": "acme", "step_secs": step_secs, "bins": bins})
}

/// Adds a batch by POST: the status, and where and why it was refused.
async fn post(server: &TestServer, batch: &Value) -> (StatusCode, String) {
    let answer = server.edit(Method::POST, "/api/v1/measurements").json(batch).send().await.unwrap();
    let status = answer.status();
    let body: Value = answer.json().await.unwrap();
    let error = &body["errors"][0];
    (
        status,
        format!("{} {}", error["pointer"].as_str().unwrap_or(""), error["detail"].as_str().unwrap_or("")),
    )
}

async fn assert_refused(server: &TestServer, batch: &Value, says: &str) {
    let (status, why) = post(server, batch).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{why}");
    assert!(why.contains(says), "{why}");
}

/// What the network carried that evening: watched seconds and bytes in bins of `step_secs`.
async fn carried(store: &dyn Store, step_secs: u32) -> Vec<(u32, u64)> {
    let query = MeasurementQuery {
        network: "acme".into(),
        from: at("2023-10-31T20:00:00Z"),
        until: at("2023-11-01T00:00:00Z"),
        step_secs,
        by: Dimensions::default(),
        platform: None,
        cdn: None,
        link: None,
    };
    let found = store.measurements(&query).await.unwrap();
    let bytes = found.series.first().map(|series| series.bytes.clone()).unwrap_or_default();
    found.bins.iter().map(|bin| bin.watched_secs).zip(bytes).collect()
}

/// A folder with a database for the command line.
struct Place {
    dir: TempDir,
    url: String,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", dir.path().join("traffix.db").display());
        Self { dir, url }
    }

    fn run(&self, words: &[&str], name: &str, text: &str) -> Run {
        let file = write(self.dir.path(), name, text);
        traffix(&[words, &[&file, "--json", "--database", &self.url]].concat()).run()
    }

    /// `traffix import` of batches.
    fn batches(&self, batches: &[Value]) -> Run {
        let lines: Vec<String> = batches.iter().map(Value::to_string).collect();
        self.run(&["import"], "unsaved.ndjson", &lines.join("\n"))
    }

    /// `traffix import` of series.
    fn series(&self, unit: &str, text: &str, more: &[&str]) -> Run {
        let words = ["import", "--unit", unit, "--place", "acme/transit", "--source", "test"];
        self.run(&[&words[..], more].concat(), "series.txt", text)
    }

    /// `traffix collect` of what goflow2 wrote.
    fn flows(&self, lines: &str) -> Run {
        let network = write(self.dir.path(), "acme.json", NETWORK);
        self.run(&["collect", "--network", &network, "--goflow2"], "flows.json", lines)
    }

    async fn store(&self) -> std::sync::Arc<dyn Store> {
        traffix_store::open(&self.url, OpenOptions::default()).await.unwrap()
    }

    /// Nothing at all was kept.
    async fn assert_empty(&self) {
        // A command that refuses its files does not open the database.
        traffix(&["migrate", "up", "--database", &self.url]).run().expect(0);
        let store = self.store().await;
        assert_eq!(store.measured_networks().await.unwrap(), []);
        assert_eq!(store.series("traffic_bps", "").await.unwrap(), []);
    }
}

#[track_caller]
fn refused(run: &Run, says: &str) {
    assert!(run.code == 1 && run.stderr.contains(says), "{}: {}", run.code, run.stderr);
}

/// Start and value of the points of a series that was imported.
async fn points(place: &Place, step_secs: u32) -> Vec<(i64, f64)> {
    let store = place.store().await;
    let mut keys = store.series("traffic_bps", "acme/transit").await.unwrap();
    keys.retain(|key| key.step_secs == step_secs);
    let points =
        store.points(&keys[0], at("2000-01-01T00:00:00Z"), at("2026-01-01T00:00:00Z")).await.unwrap();
    points.into_iter().map(|(at, bps)| (at.timestamp() - 1_698_789_600, bps)).collect()
}

/// A flow of Valve's in goflow2's words, received and ended so many seconds after 2023-10-31T22:00Z.
fn flow(received: i64, end: i64, bytes: i64) -> String {
    let ns = |secs: i64| (1_698_789_600 + secs) * 1_000_000_000;
    format!(
        r#"{{"time_received_ns":{},"sampling_rate":1,"sampler_address":"203.0.113.9","time_flow_start_ns":{},"time_flow_end_ns":{},"bytes":{bytes},"packets":1,"src_addr":"155.133.226.70","dst_addr":"198.51.100.20","proto":"TCP","in_if":1}}"#,
        ns(received),
        ns(end),
        ns(end)
    ) + "\n"
}

fn prometheus(values: &Value) -> String {
    let result = json!([{"metric": {"ifName": "et-0"}, "values": values}]);
    json!({"status": "success", "data": {"resultType": "matrix", "result": result}}).to_string()
}

#[tokio::test]
async fn negative_bytes_are_refused() {
    let (server, place) = (TestServer::start().await, Place::new());
    let negative = batch("a/1", 60, &[bin(0, 7), bin(1, -1)]);
    assert_refused(&server, &negative, "/bins/1/counters/0/bytes").await;
    assert_eq!(carried(&*server.store, 60).await, []);
    refused(&place.batches(&[negative]), "bins[1].counters[0].bytes: invalid value: integer `-1`");
    refused(&place.series("bps", "time,value\n1698789600,1\n1698789900,-5\n", &[]), ":3: -5 is negative");
    refused(&place.series("bps", &prometheus(&json!([[1_698_789_600, "-5"]])), &[]), "-5 is negative");
    refused(
        &place.series("bps", "  in\n\n1698789600: 1.0e+00\n1698789900: -5.0e+00\n", &[]),
        "-5 is negative",
    );
    let counter = place.series("octets-counter", "time,value\n1698789600,-7\n1698789900,5\n", &[]);
    refused(&counter, ":2: -7 is negative");
    let flows = place.flows(&flow(0, 0, -1)).json();
    assert_eq!((&flows["refused"], &flows["batches"]), (&json!(1), &json!(0)), "{flows}");
    place.assert_empty().await;
}

#[tokio::test]
async fn future_bins_are_refused() {
    let (server, place) = (TestServer::start().await, Place::new());
    let future = |start: &str| batch("a/1", 60, &[bin(0, 7), json!({"start": start, "counters": []})]);
    assert_refused(&server, &future("2023-11-01T00:06:00Z"), "/bins/1/start lies in the future").await;
    assert_eq!(carried(&*server.store, 60).await, [], "nor what is right of the batch");
    // Clocks of collectors may be five minutes ahead.
    assert_eq!(post(&server, &future("2023-11-01T00:05:00Z")).await.0, StatusCode::CREATED);
    refused(&place.batches(&[future("2999-01-01T00:00:00Z")]), "lies in the future");
    refused(
        &place.series("bps", "time,value\n1698789600,1\n32472144000,5\n", &[]),
        ":3: 2999-01-01T00:00:00Z",
    );
    refused(&place.series("bps", &prometheus(&json!([[32_472_144_000_i64, "5"]])), &[]), "in the future");
    place.assert_empty().await;
    // A flow that ends after it was received is left out; the other one counts.
    let flows = place.flows(&(flow(0, 0, 40) + &flow(0, 3600, 50))).json();
    assert_eq!((&flows["flows"], &flows["bytes"]), (&json!(2), &json!(40)), "{flows}");
    // What was received in the future cannot be: the database refuses the batch.
    let in_2100 = 4_102_444_800 - 1_698_789_600;
    refused(&place.flows(&flow(in_2100, in_2100, 60)), "future");
    assert_eq!(carried(&*place.store().await, 14_400).await, [(60, 40)]);
}

#[tokio::test]
async fn duplicated_batches_count_once() {
    let (server, place) = (TestServer::start().await, Place::new());
    let one = batch("a/1", 60, &[bin(0, 7), bin(1, 8)]);
    assert_eq!(post(&server, &one).await.0, StatusCode::CREATED);
    assert_eq!(post(&server, &one).await.0, StatusCode::OK);
    assert_refused(&server, &batch("a/1", 60, &[bin(0, 9)]), "/id").await;
    assert_refused(
        &server,
        &batch("a/2", 60, &[bin(0, 9), bin(0, 9)]),
        "/bins/1/start is in the batch twice",
    )
    .await;
    assert_eq!(carried(&*server.store, 60).await, [(60, 7), (60, 8)]);
    // In one file, in a second one, and as another collector's of the same name.
    let added = |run: Run| run.json()["batches"]["added"].clone();
    assert_eq!(
        (added(place.batches(&[one.clone(), one.clone()])), added(place.batches(&[one]))),
        (json!(1), json!(0))
    );
    refused(&place.batches(&[batch("a/1", 60, &[bin(0, 9)])]), "another batch");
    assert_eq!(carried(&*place.store().await, 60).await, [(60, 7), (60, 8)]);
    // Rows and files of series, also those that overlap.
    let rows = "time,value\n1698789600,1\n1698789900,5\n1698789900,5\n1698790200,6\n";
    let report = |run: Run| run.json()["series"][0].clone();
    let first = report(place.series("bps", rows, &[]));
    assert_eq!((&first["points"], &first["changed"], &first["repeated"]), (&json!(3), &json!(3), &json!(1)));
    assert_eq!(report(place.series("bps", rows, &[]))["changed"], 0);
    let more = "time,value\n1698789900,5\n1698790200,6\n1698790500,7\n";
    assert_eq!(report(place.series("bps", more, &[]))["changed"], 1);
    assert_eq!(points(&place, 300).await, [(0, 1.0), (300, 5.0), (600, 6.0), (900, 7.0)]);
    refused(&place.series("bps", "time,value\n1698789600,1\n1698789600,2\n", &[]), ":3: has another value");
    // A file of flows.
    let (first, again) =
        (place.flows(&flow(7200, 7199, 40)).json(), place.flows(&flow(7200, 7199, 40)).json());
    assert_eq!(
        (&first["batches"], &again["batches"], &again["known_batches"]),
        (&json!(1), &json!(0), &json!(1))
    );
    assert_eq!(carried(&*place.store().await, 14_400).await, [(180, 7 + 8 + 40)]);
}

#[tokio::test]
async fn clock_jumps_lose_and_invent_nothing() {
    let (server, place) = (TestServer::start().await, Place::new());
    // A clock that was set back: the collector counts in a bin that it had sent. The bin was watched once.
    for (id, bins) in [("a/1", [bin(0, 7), bin(1, 8)]), ("a/2", [bin(1, 30), bin(2, 9)])] {
        assert_eq!(post(&server, &batch(id, 60, &bins)).await.0, StatusCode::CREATED);
        place.batches(&[batch(id, 60, &bins)]).expect(0);
    }
    let both = [(60, 7), (60, 38), (60, 9)];
    assert_eq!(carried(&*server.store, 60).await, both);
    assert_eq!(carried(&*place.store().await, 60).await, both);
    // A clock that was never set.
    let unset = batch("a/3", 60, &[json!({"start": "1970-01-01T00:01:00Z", "counters": []})]);
    assert_refused(&server, &unset, "/bins/0/start lies before 2000; check the collector's clock").await;
    refused(&place.batches(&[unset]), "lies before 2000");
    // Rows out of order are put in order; rows off the grid are refused, or moved if the step is stated.
    place.series("bps", "time,value\n1698790200,3\n1698789600,1\n1698789900,2\n", &[]).expect(0);
    assert_eq!(points(&place, 300).await, [(0, 1.0), (300, 2.0), (600, 3.0)]);
    let jumps = "time,value\n1698790500,4\n1698790800,5\n1698791137,6\n";
    refused(&place.series("bps", jumps, &[]), ":4: comes 337 s after");
    place.series("bps", jumps, &["--step-secs", "300"]).expect(0);
    assert_eq!(points(&place, 300).await[3..], [(900, 4.0), (1200, 5.0), (1500, 6.0)]);
    // Local hours that the clock shows twice.
    let twice = "time,value\n2023-10-29 02:30:00,1\n2023-10-29 03:30:00,1\n";
    refused(&place.series("bps", twice, &["--zone", "Europe/Berlin"]), "comes twice");
    // A recorder whose clock goes an hour back and a day forth: every flow counts once, where its time is.
    let flows: String =
        [0, 60, -3540, -3480, 86_400 - 7200, 120].iter().map(|at| flow(*at, *at, 100)).collect();
    let before = carried(&*place.store().await, 14_400).await[0].1;
    let counted = place.flows(&flows).json();
    assert_eq!((&counted["flows"], &counted["bytes"]), (&json!(6), &json!(600)), "{counted}");
    assert_eq!(carried(&*place.store().await, 14_400).await[0].1, before + 500, "one is of the next day");
}

#[tokio::test]
async fn mixed_steps_are_summed_or_kept_apart() {
    let (server, place) = (TestServer::start().await, Place::new());
    let second = json!({"start": "2023-10-31T22:00:01Z", "counters": [{"bytes": 10}]});
    let mixed = [batch("s", 1, &[second]), batch("h", 3600, &[bin(0, 100)])];
    for one in &mixed {
        assert_eq!(post(&server, one).await.0, StatusCode::CREATED);
    }
    place.batches(&mixed).expect(0);
    for store in [&server.store, &place.store().await] {
        // Nothing finer than an hour is left, and nothing was watched for longer than it lasts.
        assert_eq!(carried(&**store, 60).await, [(3600, 110)]);
        let day = Batch::new("d", "acme", 86_400.try_into().unwrap());
        assert!(store.add_batch(&day).await.unwrap());
    }
    assert_refused(&server, &batch("w", 60, &[json!({"start": "2023-10-31T22:00:01Z"})]), "multiple of 60")
        .await;
    let seconds = "time,value\n1698789600,1\n1698789601,2\n1698789602,3\n";
    let hours = "1698793200,4\n1698796800,5\n1698800400,6\n1698804000,7\n";
    refused(&place.series("bps", &format!("{seconds}{hours}"), &[]), "split files with mixed steps");
    place.series("bps", seconds, &[]).expect(0);
    place.series("bps", &format!("time,value\n1698789600,9\n{hours}"), &[]).expect(0);
    assert_eq!(points(&place, 1).await, [(0, 1.0), (1, 2.0), (2, 3.0)]);
    assert_eq!(points(&place, 3600).await.len(), 5, "the hour is a series of its own");
}

#[tokio::test]
async fn counters_that_reset_give_no_value() {
    let place = Place::new();
    // A restart between the third and the fourth reading, and a reading that is missing after the fifth.
    let rows =
        [(0, 3_000_000_000_u64), (300, 3_000_300_000), (600, 3_000_900_000), (900, 50_000), (1200, 350_000)];
    let rows: Vec<(u64, u64)> = [&rows[..], &[(1800, 950_000), (2100, 1_250_000)]].concat();
    let want = [(0, 8_000.0), (300, 16_000.0), (900, 8_000.0), (1800, 8_000.0)];
    let line = |(at, octets): &(u64, u64)| format!("{},{octets}", 1_698_789_600 + at);
    let csv = rows.iter().map(line).collect::<Vec<_>>().join("\n");
    let values: Vec<Value> =
        rows.iter().map(|(at, octets)| json!([1_698_789_600 + at, octets.to_string()])).collect();
    for text in [format!("time,value\n{csv}"), prometheus(&json!(values))] {
        let place = Place::new();
        let report = place.series("octets-counter", &text, &[]).json()["series"][0].clone();
        assert_eq!((&report["resets"], &report["gaps"]), (&json!(1), &json!(3)), "{report}");
        assert_eq!(points(&place, 300).await, want);
    }
    // 2^32 - 1000, then 2000: a wrap only if counters are said to be so short.
    let wraps = "time,value\n1698789600,4294966296\n1698789900,2000\n1698790200,5000\n";
    let report = place.series("octets-counter", wraps, &["--counter-bits", "32"]).json()["series"][0].clone();
    assert_eq!((&report["resets"], points(&place, 300).await), (&json!(0), vec![(0, 80.0), (300, 80.0)]));
    let place = Place::new();
    place.series("octets-counter", wraps, &[]).expect(0);
    assert_eq!(points(&place, 300).await, [(300, 80.0)]);
    // rrdtool made rates of its counters already.
    let fetch = "  in\n\n1698789600: 1.0e+00\n1698789900: 5.0e+00\n";
    refused(&place.series("octets-counter", fetch, &[]), "keeps rates");
}
