//! Frozen forecasts, outcomes of events, and what they taught.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{NaiveDate, TimeDelta};
use proptest::prelude::*;
use serde_json::json;
use traffix_store::{
    Event, Freeze, Frozen, FrozenQuery, Lead, Lesson, Outcome, OutcomeState, PageRequest, SavedForecast,
    Store, StoreError,
};
use uuid::Uuid;

use crate::support::rus::day;
use crate::support::{On, StoppedClock, TestDb};

crate::on_every_engine!(
    the_first_frozen_forecast_stays,
    a_slipped_release_is_another_event,
    an_event_is_settled_once,
    a_lesson_follows_the_one_before,
    a_race_has_one_winner,
    strange_names_are_refused_or_unknown,
);

fn date(n: i64) -> NaiveDate {
    day(n).date_naive()
}

fn event(owner: &str, ru: &str, n: i64) -> Event {
    Event { owner: owner.into(), network: "acme".into(), ru: ru.parse().unwrap(), release_day: date(n) }
}

fn forecast(id: u128, event: &Event, lead: Lead) -> SavedForecast {
    let release_at = event.release_day.and_hms_opt(17, 0, 0).unwrap().and_utc();
    let due_at = release_at - lead.before();
    SavedForecast {
        id: Uuid::from_u128(id),
        ru: event.ru.clone(),
        network: event.network.clone(),
        made_at: due_at + TimeDelta::minutes(5),
        model_version: "1".to_owned(),
        input: json!({"share": 1e16}),
        output: json!({"id": id.to_string()}),
        frozen: Some(Freeze { lead, release_day: event.release_day, release_at, due_at, late: false }),
    }
}

fn outcome(event: &Event, state: OutcomeState, text: &str) -> Outcome {
    Outcome { event: event.clone(), state, at: day(50), document: json!({"reason": text, "bps": 1e16}) }
}

fn lesson(n: u32, after: Option<i64>) -> Lesson {
    Lesson { document: json!({"events": n, "mean": 1e-7}), after }
}

async fn listed(store: &dyn Store, query: &FrozenQuery) -> Vec<Frozen> {
    let mut page = PageRequest { limit: 2, after: None };
    let mut all = Vec::new();
    loop {
        let got = store.frozen(query, &page).await.unwrap();
        all.extend(got.items);
        page.after = got.next;
        if page.after.is_none() {
            return all;
        }
    }
}

fn ids(all: &[Frozen]) -> Vec<u128> {
    all.iter().map(|one| one.id.as_u128()).collect()
}

fn conflict<T>(result: &Result<T, StoreError>) {
    assert!(matches!(result, Err(StoreError::Conflict { .. })));
}

async fn the_first_frozen_forecast_stays(on: On) {
    let db = TestDb::new(on);
    let store = db.open().await;
    let halo = event("me", "halo", 40);
    for (id, lead) in (1..).zip(Lead::ALL) {
        store.save_forecast("me", &forecast(id, &halo, lead)).await.unwrap();
    }
    conflict(&store.save_forecast("me", &forecast(9, &halo, Lead::Days7)).await);
    conflict(&store.save_forecast("me", &forecast(2, &event("me", "halo", 41), Lead::Days7)).await);
    assert_eq!(store.forecast("me", Uuid::from_u128(9)).await.unwrap(), None, "nothing of it is kept");
    let kept = store.forecast("me", Uuid::from_u128(2)).await.unwrap().unwrap();
    assert_eq!(kept, forecast(2, &halo, Lead::Days7));
    store.save_forecast("you", &forecast(10, &halo, Lead::Days7)).await.unwrap();
    store.save_forecast("me", &forecast(11, &event("me", "doom", 40), Lead::Days7)).await.unwrap();
    let asked = SavedForecast { frozen: None, ..forecast(12, &halo, Lead::Days7) };
    store.save_forecast("me", &asked).await.unwrap();
    let both = store.forecasts("me", &halo.ru, &PageRequest::default()).await.unwrap().items;
    assert_eq!((both.len(), both.iter().filter(|one| one.frozen.is_none()).count()), (6, 1));

    let mine = FrozenQuery { owner: Some("me".into()), ..FrozenQuery::default() };
    assert_eq!(ids(&listed(&*store, &mine).await), [5, 4, 3, 11, 2, 1], "the latest due first");
    assert_eq!(ids(&listed(&*store, &FrozenQuery::default()).await), [5, 4, 3, 11, 10, 2, 1]);
    let one = FrozenQuery {
        network: Some("acme".into()),
        ru: Some(halo.ru.clone()),
        lead: Some(Lead::Days7),
        release_day: Some(halo.release_day),
        ..mine
    };
    let [one] = &listed(&*store, &one).await[..] else { panic!("one") };
    let expected = Frozen {
        id: kept.id,
        event: halo,
        made_at: kept.made_at,
        model_version: kept.model_version,
        freeze: kept.frozen.unwrap(),
        score: None,
        outcome: None,
    };
    assert_eq!(one, &expected);
}

async fn a_slipped_release_is_another_event(on: On) {
    let db = TestDb::new(on);
    let store = db.open().await;
    let (planned, slipped) = (event("me", "halo", 40), event("me", "halo", 47));
    store.save_forecast("me", &forecast(1, &planned, Lead::Days7)).await.unwrap();
    store.save_forecast("me", &forecast(2, &slipped, Lead::Days7)).await.unwrap();
    let open = async |until, after: Option<&Event>, limit| {
        store.open_events(date(until), after, limit).await.unwrap()
    };
    assert_eq!(open(39, None, 9).await, []);
    assert_eq!(open(46, None, 9).await, std::slice::from_ref(&planned));
    assert_eq!(open(47, None, 9).await, [planned.clone(), slipped.clone()]);
    assert_eq!(open(47, None, 1).await, std::slice::from_ref(&planned));
    assert_eq!(open(47, Some(&planned), 9).await, std::slice::from_ref(&slipped));
    store.settle(&outcome(&planned, OutcomeState::Pending, "early"), &[], None).await.unwrap();
    assert_eq!(open(47, None, 9).await.len(), 2, "pending is open");
    store.settle(&outcome(&planned, OutcomeState::Refused, "slipped"), &[], None).await.unwrap();
    assert_eq!(open(47, None, 9).await, [slipped]);
}

async fn an_event_is_settled_once(on: On) {
    let db = TestDb::new(on);
    let store = db.open().await;
    let halo = event("me", "halo", 40);
    store.save_forecast("me", &forecast(1, &halo, Lead::Days7)).await.unwrap();
    let late = SavedForecast {
        frozen: Some(Freeze { late: true, ..forecast(2, &halo, Lead::Days3).frozen.unwrap() }),
        ..forecast(2, &halo, Lead::Days3)
    };
    store.save_forecast("me", &late).await.unwrap();
    store.save_forecast("me", &forecast(3, &event("me", "doom", 40), Lead::Days3)).await.unwrap();
    assert_eq!(store.outcome(&halo).await.unwrap(), None);
    let pending = outcome(&halo, OutcomeState::Pending, "half of the bins are unknown");
    store.settle(&pending, &[], None).await.unwrap();
    store.settle(&pending, &[], None).await.unwrap();
    assert_eq!(store.outcome(&halo).await.unwrap(), Some(pending.clone()));

    let learned = outcome(&halo, OutcomeState::Learned, "");
    let score = |id| vec![(Uuid::from_u128(1), json!({"crps": 1e16})), (Uuid::from_u128(id), json!({}))];
    for (scores, lesson) in [
        (score(2), Some(lesson(1, None))),
        (score(3), Some(lesson(1, None))),
        (score(4), Some(lesson(1, None))),
        (score(1), None),
    ] {
        let refused = store.settle(&learned, &scores, lesson.as_ref()).await;
        assert!(matches!(refused, Err(StoreError::Invalid(_))), "{refused:?}");
        assert_eq!(store.outcome(&halo).await.unwrap(), Some(pending.clone()), "nothing of it is kept");
    }
    let unlearned = outcome(&halo, OutcomeState::Scored, "");
    let refused = store.settle(&unlearned, &[], Some(&lesson(1, None))).await;
    assert!(matches!(refused, Err(StoreError::Invalid(_))), "{refused:?}");
    assert_eq!(store.learned("me", "acme").await.unwrap(), None);

    store.settle(&learned, &score(1)[..1], Some(&lesson(1, None))).await.unwrap();
    for again in [&learned, &pending, &unlearned] {
        let lesson = (again.state == OutcomeState::Learned).then(|| lesson(2, Some(1)));
        conflict(&store.settle(again, &[], lesson.as_ref()).await);
    }
    let all = listed(&*store, &FrozenQuery { ru: Some(halo.ru.clone()), ..FrozenQuery::default() }).await;
    assert_eq!(all[1].score, Some(json!({"crps": 1e16})));
    assert_eq!((all[0].score.clone(), all[0].outcome.clone()), (None, Some(learned)));
    assert_eq!(store.sequence().await.unwrap(), 0, "none of it is in the change log");
}

async fn a_lesson_follows_the_one_before(on: On) {
    let (db, clock) = (TestDb::new(on), StoppedClock::default());
    let store = db.open_at(&clock).await;
    let settle = async |n: i64, lesson: Lesson| {
        store.settle(&outcome(&event("me", "halo", n), OutcomeState::Learned, ""), &[], Some(&lesson)).await
    };
    conflict(&settle(1, lesson(1, Some(1))).await);
    settle(1, lesson(1, None)).await.unwrap();
    conflict(&settle(2, lesson(2, None)).await);
    conflict(&settle(2, lesson(2, Some(2))).await);
    assert_eq!(store.outcome(&event("me", "halo", 2)).await.unwrap(), None, "all or nothing");
    clock.advance(60);
    settle(2, lesson(2, Some(1))).await.unwrap();
    let saved = store.learned("me", "acme").await.unwrap().unwrap();
    assert_eq!((saved.document, saved.revision), (lesson(2, None).document, 2));
    assert_eq!(saved.updated_at, clock.now());
    assert_eq!(store.learned("you", "acme").await.unwrap(), None);
}

async fn a_race_has_one_winner(on: On) {
    let db = TestDb::new(on);
    let one = db.open().await;
    let other = if on == On::Memory { Arc::clone(&one) } else { db.open().await };
    let stores = [one, other];
    for round in 1..=10_u32 {
        let tasks = (0..8_u32).map(|n| {
            let store = Arc::clone(&stores[n as usize % 2]);
            tokio::spawn(async move {
                let halo = event("me", "halo", round.into());
                let frozen = forecast(u128::from(round * 100 + n), &halo, Lead::Release);
                let frozen = store.save_forecast("me", &frozen).await.is_ok();
                let after = (round > 1).then(|| i64::from(round) - 1);
                let learned = outcome(&halo, OutcomeState::Learned, "");
                let learned = store.settle(&learned, &[], Some(&lesson(n, after))).await.is_ok();
                (u32::from(frozen), u32::from(learned))
            })
        });
        let (mut frozen, mut learned) = (0, 0);
        for task in tasks.collect::<Vec<_>>() {
            let (f, l) = task.await.unwrap();
            (frozen, learned) = (frozen + f, learned + l);
        }
        assert_eq!((frozen, learned), (1, 1));
        assert_eq!(stores[0].learned("me", "acme").await.unwrap().unwrap().revision, i64::from(round));
    }
}

async fn strange_names_are_refused_or_unknown(on: On) {
    let db = TestDb::new(on);
    let store = db.open().await;
    for bad in ["", "nul\0", &"x".repeat(201)] {
        let odd = Event { network: bad.to_owned(), ..event("me", "halo", 1) };
        for odd in [odd, event(bad, "halo", 1)] {
            assert_eq!(store.outcome(&odd).await.unwrap(), None);
            let refused = store.settle(&outcome(&odd, OutcomeState::Pending, ""), &[], None).await;
            assert!(matches!(refused, Err(StoreError::Invalid(_))));
            assert_eq!(store.open_events(date(9), Some(&odd), 9).await.unwrap(), []);
        }
        assert_eq!(store.learned(bad, "acme").await.unwrap(), None);
        let query = FrozenQuery { owner: Some(bad.to_owned()), ..FrozenQuery::default() };
        assert_eq!(listed(&*store, &query).await, []);
    }
}

/// What happens in the model: names and numbers are small, so that things meet.
#[derive(Debug, Clone)]
enum Op {
    /// Owner, RU, day, lead, late.
    Freeze(usize, usize, i64, usize, bool),
    /// Owner, RU, day, state, and whether the revision is the right one.
    Settle(usize, usize, i64, usize, bool),
}

const OWNERS: [&str; 2] = ["me", "you"];
const RUS: [&str; 2] = ["halo", "doom"];
const STATES: [OutcomeState; 4] =
    [OutcomeState::Pending, OutcomeState::Refused, OutcomeState::Scored, OutcomeState::Learned];

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let names = (0_usize..2, 0_usize..2, 0_i64..3);
    let freeze = (names.clone(), 0_usize..5, any::<bool>());
    let settle = (names, 0_usize..4, prop::bool::weighted(0.8));
    let op = prop_oneof![
        freeze.prop_map(|((o, r, d), lead, late)| Op::Freeze(o, r, d, lead, late)),
        settle.prop_map(|((o, r, d), state, right)| Op::Settle(o, r, d, state, right)),
    ];
    prop::collection::vec(op, 1..30)
}

/// The same in maps.
#[derive(Default)]
struct Model {
    frozen: BTreeMap<(Event, Lead), SavedForecast>,
    scores: BTreeMap<Uuid, serde_json::Value>,
    outcomes: BTreeMap<Event, Outcome>,
    revisions: BTreeMap<String, i64>,
}

impl Model {
    fn scores(&self, event: &Event, n: usize) -> Vec<(Uuid, serde_json::Value)> {
        let of_event = self.frozen.iter().filter(|((e, _), f)| e == event && !f.frozen.unwrap().late);
        of_event.map(|(_, f)| (f.id, json!({"n": n}))).collect()
    }

    fn listed(&self) -> Vec<Frozen> {
        let mut all: Vec<Frozen> = self
            .frozen
            .iter()
            .map(|((event, _), f)| Frozen {
                id: f.id,
                event: event.clone(),
                made_at: f.made_at,
                model_version: f.model_version.clone(),
                freeze: f.frozen.unwrap(),
                score: self.scores.get(&f.id).cloned(),
                outcome: self.outcomes.get(event).cloned(),
            })
            .collect();
        all.sort_by_key(|f| std::cmp::Reverse((f.freeze.due_at, f.id)));
        all
    }

    fn open(&self) -> Vec<Event> {
        let settled = |e: &Event| self.outcomes.get(e).is_some_and(|o| o.state != OutcomeState::Pending);
        let mut open: Vec<Event> =
            self.frozen.keys().map(|(event, _)| event.clone()).filter(|e| !settled(e)).collect();
        open.sort_by_key(|e| (e.release_day, e.clone()));
        open.dedup();
        open
    }
}

async fn answers_like_the_model(on: On, ops: &[Op]) {
    let db = TestDb::new(on);
    let store = db.open().await;
    let mut model = Model::default();
    for (n, op) in ops.iter().enumerate() {
        match op {
            Op::Freeze(owner, ru, day, lead, late) => {
                let event = event(OWNERS[*owner], RUS[*ru], *day);
                let mut forecast = forecast(n as u128, &event, Lead::ALL[*lead]);
                forecast.frozen.as_mut().unwrap().late = *late;
                let kept = store.save_forecast(&event.owner, &forecast).await;
                let key = (event, Lead::ALL[*lead]);
                assert_eq!(kept.is_ok(), !model.frozen.contains_key(&key), "{kept:?}");
                model.frozen.entry(key).or_insert(forecast);
            }
            Op::Settle(owner, ru, day, state, right) => {
                let event = event(OWNERS[*owner], RUS[*ru], *day);
                let outcome = outcome(&event, STATES[*state], &n.to_string());
                let scores = model.scores(&event, n);
                let rev = model.revisions.get(&event.owner).copied();
                let after = if *right { rev } else { Some(rev.unwrap_or(0) + 1) };
                let lesson = (outcome.state == OutcomeState::Learned)
                    .then(|| lesson(u32::try_from(n).unwrap(), after));
                let done = store.settle(&outcome, &scores, lesson.as_ref()).await;
                let open = model.outcomes.get(&event).is_none_or(|o| o.state == OutcomeState::Pending);
                let fits = open && (lesson.is_none() || *right);
                assert_eq!(done.is_ok(), fits, "{done:?}");
                if fits {
                    model.scores.extend(scores);
                    if lesson.is_some() {
                        *model.revisions.entry(event.owner.clone()).or_default() += 1;
                    }
                    model.outcomes.insert(event, outcome);
                }
            }
        }
    }
    assert_eq!(listed(&*store, &FrozenQuery::default()).await, model.listed());
    assert_eq!(store.open_events(date(9), None, 99).await.unwrap(), model.open());
    for owner in OWNERS {
        let saved = store.learned(owner, "acme").await.unwrap();
        assert_eq!(saved.map(|saved| saved.revision), model.revisions.get(owner).copied());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, max_shrink_iters: 200, ..ProptestConfig::default() })]
    #[test]
    fn proof_answers_like_maps_in_memory(ops in ops()) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        for on in [On::Memory, On::Postgres] {
            runtime.block_on(answers_like_the_model(on, &ops));
        }
    }
}
