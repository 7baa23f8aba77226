//! Forecasts frozen before a release, measured, scored and learned from, over restarts and with a clock of its own.

use std::sync::{Arc, Mutex};

use chrono::{DateTime, TimeDelta, Timelike as _, Utc};
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use traffix_core::catalogue::{Company, Ru};
use traffix_core::measurement::{Batch, Key};
use traffix_server::auth;
use traffix_server::proving::{Memory, Pass, prove};
use traffix_store::{Actor, Expect, FrozenQuery, OpenOptions, OutcomeState, PageRequest, Role, Store};

use crate::harness::{TestServer, evidence, ru};

pub(crate) const RELEASE: &str = "2026-03-05T10:00:00Z";
pub(crate) const NEXT: &str = "2026-03-26T10:00:00Z";

pub(crate) fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// A database in which releases are known for weeks.
pub(crate) struct World {
    folder: TempDir,
    now: Arc<Mutex<DateTime<Utc>>>,
    pub(crate) owner: String,
    key: String,
}

impl World {
    /// An update and the one after it.
    async fn new() -> Self {
        let rus = [
            ru("fortnite", "Fortnite", "2017-07-21T00:00:00Z", None),
            ru("fortnite-og", "Fortnite OG", RELEASE, Some("fortnite")),
            ru("fortnite-two", "Fortnite Two", NEXT, Some("fortnite")),
        ];
        Self::with(&rus, &json!([])).await
    }

    pub(crate) async fn with(rus: &[Value], links: &Value) -> Self {
        let now = Arc::new(Mutex::new(at("2026-02-01T00:00:00Z")));
        let mut world =
            Self { folder: tempfile::tempdir().unwrap(), now, owner: String::new(), key: String::new() };
        let store = world.store().await;
        let actor = Actor("import".into());
        let company = json!({"id": "acme", "name": "Acme Games", "evidence": [evidence()]});
        let company: Company = serde_json::from_value(company).unwrap();
        store.put_companies(&[company], &actor).await.unwrap();
        let rus: Vec<Ru> = rus.iter().map(|ru| serde_json::from_value(ru.clone()).unwrap()).collect();
        store.merge_rus(&rus, &actor).await.unwrap();
        world.key = auth::create_key(store.as_ref(), "me", Role::Moderator, None).await.unwrap();
        world.owner.clone_from(&store.keys().await.unwrap()[0].key.id);
        let profile =
            json!({"id": "home", "country": "GB", "tz": "Europe/London", "lines": 200_000, "links": links});
        store.put_network(&world.owner, "home", &profile, Expect::Anything).await.unwrap();
        world
    }

    fn url(&self) -> String {
        format!("sqlite:{}", self.folder.path().join("test.db").display())
    }

    pub(crate) async fn store(&self) -> Arc<dyn Store> {
        let now = Arc::clone(&self.now);
        let clock = Arc::new(move || *now.lock().unwrap());
        traffix_store::open(&self.url(), OpenOptions { clock, ..OpenOptions::default() }).await.unwrap()
    }

    /// A pass of a server that has just started.
    pub(crate) async fn pass(&self, now: DateTime<Utc>) -> Pass {
        *self.now.lock().unwrap() = now;
        prove(self.store().await.as_ref(), now, &mut Memory::default()).await.unwrap()
    }

    /// Four weeks of usual traffic and the days of the event, on which so much more came for two hours.
    async fn measure(&self, extra_bps: f64) {
        let nothing = Key { platform: None, cdn: None, link: None };
        self.measure_by(|since| {
            let is_on = (0..120).contains(&since.num_minutes());
            vec![(nothing.clone(), 10e9 + if is_on { extra_bps } else { 0.0 })]
        })
        .await;
    }

    /// Four weeks before the release and four days after it, bit/s by the time since the release. Days have a shape of
    /// their own.
    pub(crate) async fn measure_by(&self, bps: impl Fn(TimeDelta) -> Vec<(Key, f64)>) {
        let store = self.store().await;
        let release = at(RELEASE);
        *self.now.lock().unwrap() = release + TimeDelta::days(5);
        for day in -28..4 {
            let first = release + TimeDelta::days(day);
            let mut batch = Batch::new(format!("day {day}"), "home", 300.try_into().unwrap());
            for bin in 0..288 {
                let now = first + TimeDelta::minutes(5 * bin);
                for (key, bps) in bps(now - release) {
                    let bps = bps + f64::from(now.hour()) * 1e8;
                    #[expect(
                        clippy::cast_possible_truncation,
                        clippy::cast_sign_loss,
                        reason = "a positive number of bytes"
                    )]
                    let bytes = (bps * 300.0 / 8.0) as u64;
                    batch.add(now, key, bytes).unwrap();
                }
            }
            store.add_batch(&batch).await.unwrap();
        }
    }

    /// The answer of the frozen forecast that was due last.
    pub(crate) async fn last_frozen(&self) -> Value {
        let store = self.store().await;
        let found = store.frozen(&FrozenQuery::default(), &PageRequest::default()).await.unwrap();
        store.forecast(&self.owner, found.items[0].id).await.unwrap().unwrap().output
    }

    async fn state(&self) -> (OutcomeState, String) {
        let (state, document) = self.outcome("fortnite-og").await;
        (state, document["detail"].as_str().unwrap().to_owned())
    }

    /// What became of the event of an RU.
    pub(crate) async fn outcome(&self, ru: &str) -> (OutcomeState, Value) {
        let store = self.store().await;
        let query = FrozenQuery { ru: Some(ru.parse().unwrap()), ..FrozenQuery::default() };
        let found = store.frozen(&query, &PageRequest::default()).await.unwrap();
        let outcome = found.items[0].outcome.clone().unwrap();
        (outcome.state, outcome.document)
    }
}

#[tokio::test]
async fn an_event_is_frozen_scored_and_learned_once() {
    let world = World::new().await;
    let release = at(RELEASE);
    for days in [14, 7, 3, 1, 0] {
        let now = release - TimeDelta::days(days);
        assert_eq!(world.pass(now - TimeDelta::minutes(1)).await, Pass::default(), "{days} days before");
        let one = Pass { frozen: 1, ..Pass::default() };
        assert_eq!(world.pass(now + TimeDelta::minutes(1)).await, one, "{days} days before");
    }
    let prior = world.last_frozen().await["peak"]["bps"]["p50"].as_f64().unwrap();
    assert_eq!(world.pass(release + TimeDelta::days(1)).await, Pass::default(), "it is not over");
    let later = release + TimeDelta::days(3);
    assert_eq!(world.pass(later).await, Pass { pending: 1, ..Pass::default() });
    let (state, why) = world.state().await;
    assert!(state == OutcomeState::Pending && why.contains("usual traffic is not known"), "{why}");

    world.measure(2.0 * prior).await;
    assert_eq!(world.pass(later).await, Pass { learned: 1, ..Pass::default() });
    let first = world.store().await.learned(&world.owner, "home").await.unwrap().unwrap();
    assert_eq!(world.pass(later).await, Pass::default(), "an event teaches once");
    let second = world.store().await.learned(&world.owner, "home").await.unwrap().unwrap();
    assert_eq!(first, second);

    // The forecast of the next update knows of it.
    let next = world.pass(at(NEXT) - TimeDelta::days(14)).await;
    assert_eq!(next, Pass { frozen: 1, ..Pass::default() });
    assert!(!world.last_frozen().await["corrections"].as_array().unwrap().is_empty());
    shown(world).await;
}

/// What the command line and the API show of it.
async fn shown(world: World) {
    let url = world.url();
    let run = |more: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_traffix"));
        let run = command.args(["scores", "--database", &url]).args(more).output().unwrap();
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        String::from_utf8(run.stdout).unwrap()
    };
    let text = run(&[]);
    assert!(
        text.contains("t-14d") && text.contains("fortnite-og on home learned: the peak was 2.0"),
        "{text}"
    );
    let json: Value = serde_json::from_str(&run(&["--json", "--network", "home"])).unwrap();
    assert_eq!((&json["summary"]["release"]["n"], json["items"].as_array().unwrap().len()), (&json!(1), 6));
    let none: Value = serde_json::from_str(&run(&["--json", "--network", "other"])).unwrap();
    assert_eq!(none["items"], json!([]));

    let (store, key, World { folder, .. }) = (world.store().await, world.key.clone(), world);
    let server = TestServer::over(folder, store, |config| config.proof.enabled = false).await;
    let get = async |path: &str| -> Value {
        let answer = server.request(Method::GET, path).bearer_auth(&key).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        answer.json().await.unwrap()
    };
    let scores = get("/api/v1/scores?network=home&ru=fortnite-og&lead=t-3d").await;
    let one = &scores["items"][0];
    let factor = one["score"]["factor_error"].as_f64().unwrap();
    assert!(scores["items"].as_array().unwrap().len() == 1 && (factor - 2.0).abs() < 0.05, "{scores}");
    assert_eq!((&one["state"], &scores["summary"]["t-3d"]["n"]), (&json!("learned"), &json!(1)));
    let learned = get("/api/v1/networks/home/learned").await;
    assert!(learned["effects"][0]["detail"].as_str().unwrap().contains("1 event"), "{learned}");

    let ask = async |learn: bool| -> Value {
        let question =
            json!({"ru": "fortnite-two", "network": "home", "learn": learn, "options": {"draws": 64}});
        let request = server.request(Method::POST, "/api/v1/forecasts").bearer_auth(&key).json(&question);
        request.send().await.unwrap().json().await.unwrap()
    };
    let p50 = |made: &Value| made["peak"]["bps"]["p50"].as_f64().unwrap();
    let (with, without) = (ask(true).await, ask(false).await);
    assert!(
        p50(&with) > 1.2 * p50(&without) && without["corrections"] == json!([]),
        "{}",
        with["corrections"]
    );
    let stranger = server.get("/api/v1/scores").bearer_auth(&server.reader).send().await.unwrap();
    assert_eq!(stranger.json::<Value>().await.unwrap()["items"], json!([]));
}

#[tokio::test]
async fn after_downtime_forecasts_are_late_and_never_scored() {
    let world = World::new().await;
    let pass = world.pass(at(RELEASE) + TimeDelta::hours(2)).await;
    assert_eq!(pass, Pass { late: 5, refused: 1, ..Pass::default() });
    world.measure(5e9).await;
    assert_eq!(world.pass(at(RELEASE) + TimeDelta::days(3)).await, Pass::default());
    assert!(world.state().await.1.contains("after the release"));
    assert_eq!(world.store().await.learned(&world.owner, "home").await.unwrap(), None);
}

#[tokio::test]
async fn what_nobody_measured_is_refused_after_a_week() {
    let world = World::new().await;
    let pass = world.pass(at(RELEASE) - TimeDelta::hours(2)).await;
    assert_eq!(pass, Pass { frozen: 4, ..Pass::default() });
    let pass = world.pass(at(RELEASE) + TimeDelta::days(6)).await;
    assert_eq!(pass, Pass { late: 1, pending: 1, ..Pass::default() });
    let pass = world.pass(at(RELEASE) + TimeDelta::days(12)).await;
    // Meanwhile the next update has come near.
    assert_eq!(pass, Pass { frozen: 1, refused: 1, ..Pass::default() });
    assert_eq!(world.state().await.0, OutcomeState::Refused);
}

#[tokio::test]
async fn two_servers_freeze_a_forecast_once() {
    let world = World::new().await;
    let now = at(RELEASE) - TimeDelta::hours(2);
    let (one, two) = tokio::join!(world.pass(now), world.pass(now));
    assert_eq!(one.frozen + two.frozen, 4);
}
