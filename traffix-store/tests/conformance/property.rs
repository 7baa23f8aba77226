//! Random writes and queries on both engines against a naive model in memory.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use proptest::prelude::*;
use serde_json::json;
use traffix_core::catalogue::{Ru, RuId, RuKind};
use traffix_store::{Expect, PageRequest, RuQuery, Store, StoreError};

use crate::support::rus::{actor, company, day, release, update};
use crate::support::{On, TestDb};

#[derive(Debug, Clone)]
enum Op {
    Put(Ru),
    Delete(RuId),
    Merge(Vec<Ru>),
    /// The first becomes part of the second.
    Unite(RuId, RuId),
    Query(RuQuery, u32),
    /// A query about the state after the n-th write, counted backwards.
    Past(RuQuery, u32, usize),
}

const IDS: [&str; 6] = ["a", "a-b", "ab", "b", "c", "c-1"];
const WORDS: [&str; 5] = ["Call", "of", "Duty", "call", "II"];
const PLATFORMS: [&str; 3] = ["steam", "xbox", "gog"];
/// The last one is not stored.
const COMPANIES: [&str; 3] = ["one", "two", "unknown"];

fn ru() -> impl Strategy<Value = Ru> {
    let phases = prop::collection::vec((0_i64..30, prop::option::weighted(0.3, 1_i64..20)), 0..3);
    let listings =
        prop::collection::btree_map(0..PLATFORMS.len(), (prop::option::of(1_u64..9), phases), 0..3);
    let title = prop::collection::vec(prop::sample::select(&WORDS[..]), 1..4);
    let companies = prop::collection::btree_set(prop::sample::select(&COMPANIES[..]), 0..2);
    let id = prop::sample::select(&IDS[..]);
    let of = prop::option::weighted(0.3, prop::sample::select(&IDS[..]));
    let rest = (prop::sample::select(vec!["official", "press"]), 0_i64..5, any::<bool>());
    (id, of, title, companies, listings, rest).prop_map(|(id, of, title, companies, listings, (kind, n, shooter))| {
        let mut maker = match of {
            Some(of) if of != id => update(id, of),
            _ => release(id),
        };
        maker = maker.title(&title.join(" ")).set("publishers", &json!(companies));
        maker = maker.set("evidence", &json!([{"source": format!("{kind} site"), "kind": kind, "observed_at": day(n), "confidence": 1.0}]));
        if shooter {
            maker = maker.set("categories", &json!(["shooter"]));
        }
        for (platform, (gb, phases)) in listings {
            let kinds = ["early-access", "wave"];
            let phases: Vec<_> = phases.iter().zip(kinds).map(|((start, length), kind)| (kind, *start, length.map(|l| start + l))).collect();
            maker = maker.on(PLATFORMS[platform], gb, &phases);
        }
        maker.make()
    })
}

fn query() -> impl Strategy<Value = RuQuery> {
    let slug = |from: &'static [&'static str]| {
        prop::option::weighted(0.2, prop::sample::select(from).prop_map(|s| s.parse().unwrap()))
    };
    let platform =
        prop::option::weighted(0.3, prop::sample::select(&PLATFORMS[..]).prop_map(|s| s.parse().unwrap()));
    let publisher =
        prop::option::weighted(0.2, prop::sample::select(&COMPANIES[..]).prop_map(|s| s.parse().unwrap()));
    let category = prop::option::weighted(0.2, Just("shooter".parse().unwrap()));
    let kind = prop::option::weighted(0.2, prop::sample::select(vec![RuKind::Release, RuKind::Update]));
    let text =
        prop::option::weighted(0.3, prop::sample::select(vec!["cal", "du of", "I", "call call", "xyz", "!"]));
    let instants = (prop::option::weighted(0.3, 0_i64..40), prop::option::weighted(0.3, 0_i64..40));
    let bytes = (prop::option::weighted(0.2, 0_u64..9), prop::option::weighted(0.2, 0_u64..9));
    (platform, publisher, category, kind, slug(&IDS), text, instants, bytes, any::<bool>()).prop_map(
        |(platform, publisher, category, kind, release, text, (from, until), (min, max), descending)| {
            RuQuery {
                platform,
                publisher,
                category,
                kind,
                release,
                text: text.map(str::to_owned),
                from: from.map(day),
                until: until.map(day),
                min_bytes: min.map(|gb| gb * 1_000_000_000),
                max_bytes: max.map(|gb| gb * 1_000_000_000),
                descending,
                ..RuQuery::default()
            }
        },
    )
}

fn id() -> impl Strategy<Value = RuId> {
    prop::sample::select(&IDS[..]).prop_map(|id| id.parse().unwrap())
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => ru().prop_map(Op::Put),
        1 => id().prop_map(Op::Delete),
        2 => prop::collection::vec(ru(), 1..5).prop_map(Op::Merge),
        1 => (id(), id()).prop_map(|(from, into)| Op::Unite(from, into)),
        4 => (query(), 1_u32..4).prop_map(|(query, limit)| Op::Query(query, limit)),
        2 => (query(), 1_u32..4, 0_usize..8).prop_map(|(query, limit, back)| Op::Past(query, limit, back)),
    ]
}

type State = BTreeMap<RuId, Ru>;

/// What a write came to, in a word.
fn word<T>(result: &Result<T, StoreError>) -> &'static str {
    match result {
        Ok(_) => "ok",
        Err(StoreError::Invalid(_)) => "invalid",
        Err(StoreError::InUse { .. }) => "in use",
        Err(StoreError::NotFound { .. }) => "not found",
        Err(other) => panic!("{other}"),
    }
}

/// The obvious way to do all that.
#[derive(Default)]
struct Model {
    now: State,
    /// Every state that was committed, with its instant.
    past: Vec<(DateTime<Utc>, State)>,
    changes: usize,
}

impl Model {
    fn write(&mut self, rus: &[Ru], merge: bool) -> &'static str {
        let mut next = self.now.clone();
        let mut input = State::new();
        for ru in rus {
            if ru.publishers.iter().any(|p| p.as_str() == "unknown") {
                return "invalid";
            }
            let joined = input.remove(&ru.id).map_or_else(|| ru.clone(), |first: Ru| first.merge(ru.clone()));
            input.insert(ru.id.clone(), joined);
        }
        for (id, ru) in input {
            let value = match next.get(&id) {
                // Merging puts lists in order, which alone is no news.
                Some(old) if merge => Some(old.clone().merge(ru))
                    .filter(|merged| *merged != old.clone().merge(old.clone()))
                    .unwrap_or_else(|| old.clone()),
                _ => ru,
            };
            next.insert(id, value);
        }
        let of = |ru: &Ru| ru.release.as_ref().map(|r| next.get(r).map(|r| r.kind));
        let touched = |id: &RuId| rus.iter().any(|ru| ru.id == *id);
        let bad = |ru: &&Ru| of(ru).is_some_and(|kind| kind != Some(RuKind::Release));
        if next.values().filter(bad).any(|ru| touched(&ru.id) && self.now.get(&ru.id) != Some(ru)) {
            return "invalid";
        }
        if next.values().any(|ru| bad(&ru)) {
            return "in use";
        }
        self.changes += next.iter().filter(|(id, ru)| self.now.get(*id) != Some(ru)).count();
        self.now = next;
        "ok"
    }

    fn unite(&mut self, from: &RuId, into: &RuId) -> &'static str {
        if from == into {
            return "invalid";
        }
        let (Some(old), Some(kept)) = (self.now.get(from), self.now.get(into)) else { return "not found" };
        let merged = kept.clone().merge(old.clone());
        let united = Ru { id: into.clone(), release: kept.release.clone(), ..merged };
        if old.kind != kept.kind || !united.findings().is_empty() {
            return "invalid";
        }
        if united != kept.clone().merge(kept.clone()) {
            self.now.insert(into.clone(), united);
            self.changes += 1;
        }
        for update in self.now.values_mut().filter(|ru| ru.release.as_ref() == Some(from)) {
            update.release = Some(into.clone());
            self.changes += 1;
        }
        self.now.remove(from);
        self.changes += 1;
        "ok"
    }

    fn delete(&mut self, id: &RuId) -> &'static str {
        if !self.now.contains_key(id) {
            return "not found";
        }
        if self.now.values().any(|ru| ru.release.as_ref() == Some(id)) {
            return "in use";
        }
        self.now.remove(id);
        self.changes += 1;
        "ok"
    }
}

fn matches(ru: &Ru, query: &RuQuery) -> bool {
    let bytes = ru
        .listings
        .iter()
        .flat_map(|l| &l.sizes)
        .filter_map(|s| Some(s.wire_bytes.as_ref()?.value.high.0))
        .max();
    let mut phases = ru.listings.iter().flat_map(|l| &l.phases).map(|p| p.window.value);
    let words: Vec<String> = ru.title.split(' ').map(str::to_lowercase).collect();
    let wanted = query.text.clone().unwrap_or_default().to_lowercase();
    query.platform.as_ref().is_none_or(|p| ru.listing(p).is_some())
        && query.publisher.as_ref().is_none_or(|p| ru.publishers.contains(p))
        && query.category.as_ref().is_none_or(|c| ru.categories.contains(c))
        && query.kind.is_none_or(|k| ru.kind == k)
        && query.release.as_ref().is_none_or(|r| ru.release.as_ref() == Some(r))
        && query.min_bytes.is_none_or(|min| bytes.is_some_and(|b| b >= min))
        && query.max_bytes.is_none_or(|max| bytes.is_some_and(|b| b <= max))
        && wanted.split(' ').all(|w| w == "!" || words.iter().any(|word| word.starts_with(w)))
        && (query.from.is_none() && query.until.is_none()
            || phases.any(|w| {
                query.from.is_none_or(|from| w.end.unwrap_or(w.start) >= from)
                    && query.until.is_none_or(|until| w.start < until)
            }))
}

fn expected(state: &State, query: &RuQuery) -> Vec<Ru> {
    let mut found: Vec<Ru> = state.values().filter(|ru| matches(ru, query)).cloned().collect();
    found.sort_by_key(|ru| (ru.first_at(), ru.id.clone()));
    if query.descending {
        found.reverse();
    }
    found.sort_by_key(|ru| ru.first_at().is_none());
    found
}

/// All pages of a list.
async fn pages(store: &dyn Store, query: &RuQuery, limit: u32, at: Option<DateTime<Utc>>) -> Vec<Ru> {
    let mut page = PageRequest { limit, after: None };
    let mut seen = Vec::new();
    loop {
        let got = match at {
            None => store.rus(query, &page).await.unwrap(),
            Some(at) => store.rus_as_of(query, at, &page).await.unwrap(),
        };
        assert!(
            got.next.is_none() || got.items.len() == limit as usize,
            "a page is full unless it is the last"
        );
        seen.extend(got.items.into_iter().map(|item| item.value));
        page.after = got.next;
        if page.after.is_none() {
            return seen;
        }
    }
}

async fn apply(store: &dyn Store, model: &mut Model, op: &Op) {
    let (got, wanted) = match op {
        Op::Put(ru) => (
            word(&store.put_ru(ru, Expect::Anything, &actor()).await),
            model.write(std::slice::from_ref(ru), false),
        ),
        Op::Merge(rus) => (word(&store.merge_rus(rus, &actor()).await), model.write(rus, true)),
        Op::Unite(from, into) => {
            (word(&store.merge_into(from, into, &actor()).await), model.unite(from, into))
        }
        Op::Delete(id) => (word(&store.delete_ru(id, Expect::Anything, &actor()).await), model.delete(id)),
        Op::Query(query, limit) => {
            assert_eq!(pages(store, query, *limit, None).await, expected(&model.now, query), "{query:?}");
            return;
        }
        Op::Past(query, limit, back) => {
            if let Some((at, state)) = model.past.iter().rev().nth(*back) {
                assert_eq!(
                    pages(store, query, *limit, Some(*at)).await,
                    expected(state, query),
                    "{query:?} at {at}"
                );
            }
            return;
        }
    };
    assert_eq!(got, wanted, "{op:?}");
    if let Some(last) = store.changes(store.sequence().await.unwrap() - 1, 1).await.unwrap().pop() {
        model.past.push((last.at, model.now.clone()));
    }
}

async fn run(on: On, ops: &[Op]) {
    let db = TestDb::new(on);
    let store = db.open().await;
    let report = store.put_companies(&[company("one"), company("two")], &actor()).await.unwrap();
    let mut model = Model::default();
    for op in ops {
        apply(&*store, &mut model, op).await;
    }
    let everything = pages(&*store, &RuQuery::default(), 2, None).await;
    assert_eq!(everything, expected(&model.now, &RuQuery::default()));
    let written = store.sequence().await.unwrap() - i64::try_from(report.created).unwrap();
    assert_eq!(written, i64::try_from(model.changes).unwrap(), "every write has exactly one change");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 200, ..ProptestConfig::default() })]
    #[test]
    fn both_engines_answer_like_the_model(ops in prop::collection::vec(op(), 1..40)) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        for on in [On::Memory, On::Postgres] {
            runtime.block_on(run(on, &ops));
        }
    }
}
