//! What must hold after a crash.

use std::collections::BTreeMap;

use sqlx::Connection as _;
use traffix_core::catalogue::{Ru, RuId};
use traffix_store::{
    Change, Dimensions, EntityKind, MeasurementQuery, OpenOptions, PageRequest, RuQuery, Sequence, Store,
    open,
};

use crate::support::rus::{actor, day};
use crate::work::{BATCH_BYTES, Op, measured as batch, op};

type State = BTreeMap<RuId, Ru>;

fn apply(state: &mut State, op: Op) {
    match op {
        Op::Put(ru) => drop(state.insert(ru.id.clone(), ru)),
        Op::Delete(ru) => drop(state.remove(&ru.id)),
        // Of the RUs that are imported there is one version only.
        Op::Import(rus) => state.extend(rus.into_iter().map(|ru| (ru.id.clone(), ru))),
    }
}

/// What is known from the rounds before, so that each round checks what is new and not all again.
#[derive(Default)]
pub(crate) struct Checker {
    /// The state after all operations before `next`.
    done: State,
    next: usize,
    /// The state that the change log tells, up to `seq`.
    log: State,
    seq: Sequence,
}

impl Checker {
    /// Everything before operation `next` is there; `next` itself is there wholly or not at all; the change log,
    /// the documents, the side tables and the index of titles agree.
    pub(crate) async fn check(&mut self, store: &dyn Store, next: usize) {
        self.replay(store).await;
        (self.next..next).for_each(|n| apply(&mut self.done, op(n)));
        self.next = next;
        if self.log != self.done {
            let mut with = self.done.clone();
            apply(&mut with, op(next));
            assert!(self.log == with, "operation {next}: neither done nor undone, or an earlier one is lost");
        }
        agree(store, &self.log).await;
        measured(store, next).await;
    }

    async fn replay(&mut self, store: &dyn Store) {
        loop {
            let changes = store.changes(self.seq, 1_000).await.unwrap();
            if changes.is_empty() {
                assert_eq!(self.seq, store.sequence().await.unwrap(), "no change is lost");
                return;
            }
            for change in changes {
                assert_eq!(change.seq, self.seq + 1, "no number is missing, so no transaction is half there");
                self.seq = change.seq;
                if change.entity == EntityKind::Ru {
                    self.redo(change);
                }
            }
        }
    }

    fn redo(&mut self, change: Change) {
        let id: RuId = change.id.parse().unwrap();
        let before = change.before.map(|doc| serde_json::from_value::<Ru>(doc).unwrap());
        assert_eq!(self.log.get(&id), before.as_ref(), "before of {}", change.seq);
        match change.after {
            Some(doc) => drop(self.log.insert(id, serde_json::from_value(doc).unwrap())),
            None => drop(self.log.remove(&id)),
        }
    }
}

async fn listed(store: &dyn Store, query: &RuQuery) -> State {
    let mut page = PageRequest { limit: 500, after: None };
    let mut state = State::new();
    loop {
        let got = store.rus(query, &page).await.unwrap();
        state.extend(got.items.into_iter().map(|item| (item.value.id.clone(), item.value)));
        page.after = got.next;
        if page.after.is_none() {
            return state;
        }
    }
}

/// The lists, which read the documents, the side tables and the index of titles, tell what the change log tells.
async fn agree(store: &dyn Store, log: &State) {
    assert_eq!(listed(store, &RuQuery::default()).await, *log, "documents and change log");
    let fits = |fits: &dyn Fn(&Ru) -> bool| -> State {
        log.iter().filter(|(_, ru)| fits(ru)).map(|(id, ru)| (id.clone(), ru.clone())).collect()
    };
    let all = RuQuery::default;
    let gog = "gog".parse().unwrap();
    let query = RuQuery { platform: Some("gog".parse().unwrap()), ..all() };
    assert_eq!(listed(store, &query).await, fits(&|ru| ru.listing(&gog).is_some()), "platforms");
    let company = "company-3".parse().unwrap();
    let query = RuQuery { publisher: Some("company-3".parse().unwrap()), ..all() };
    assert_eq!(listed(store, &query).await, fits(&|ru| ru.publishers.contains(&company)), "companies");
    let dark = "dark".parse().unwrap();
    let query = RuQuery { category: Some("dark".parse().unwrap()), ..all() };
    assert_eq!(listed(store, &query).await, fits(&|ru| ru.categories.contains(&dark)), "categories");
    let query = RuQuery { text: Some("number".into()), ..all() };
    assert_eq!(listed(store, &query).await, fits(&|ru| ru.title.contains("number")), "titles");
}

/// The batches before `next` are there, once; that of `next` is wholly there or not at all; days and hours agree.
async fn measured(store: &dyn Store, next: usize) {
    let mut of_links = Vec::new();
    for step_secs in [60, 3_600] {
        let query = MeasurementQuery {
            network: "acme".into(),
            from: day(0),
            until: day(2),
            step_secs,
            by: Dimensions { link: true, ..Dimensions::default() },
            platform: None,
            cdn: None,
            link: None,
        };
        let measured = store.measurements(&query).await.unwrap();
        of_links.push(measured.series.iter().map(|series| series.bytes.iter().sum()).collect::<Vec<u64>>());
    }
    let of = |batches: usize| vec![vec![BATCH_BYTES * batches as u64; 3]; 2];
    assert!(of_links == of(next) || of_links == of(next + 1), "{next} batches: {of_links:?}");
}

/// SQLite's own checks of the file, of references and of the index of titles.
pub(crate) async fn sqlite(url: &str) {
    let mut connection = sqlx::SqliteConnection::connect(url).await.unwrap();
    let (fine,): (String,) =
        sqlx::query_as("PRAGMA integrity_check").fetch_one(&mut connection).await.unwrap();
    assert_eq!(fine, "ok");
    let dangling = sqlx::query("PRAGMA foreign_key_check").fetch_all(&mut connection).await.unwrap();
    assert_eq!(dangling.len(), 0);
    let titles = "INSERT INTO ru_title (ru_title, rank) VALUES ('integrity-check', 1)";
    sqlx::query(titles).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

/// Every import once more: what was interrupted is completed, the rest changes nothing, and then nothing does.
pub(crate) async fn converges(url: &str, next: usize) {
    let store = open(url, OpenOptions::default()).await.unwrap();
    let imports = || {
        (0..=next).filter_map(|n| match op(n) {
            Op::Import(rus) => Some((n, rus)),
            _ => None,
        })
    };
    Checker::default().check(&*store, next).await;
    for (n, rus) in imports() {
        let report = store.merge_rus(&rus, &actor()).await.unwrap();
        assert!(n == next || report.unchanged == report.read, "{n}: {report:?}");
    }
    for n in 0..=next {
        let new = store.add_batch(&batch(n)).await.unwrap();
        assert!(n == next || !new, "batch {n} was acknowledged and is not known");
    }
    measured(&*store, next + 1).await;
    let sequence = store.sequence().await.unwrap();
    for (_, rus) in imports() {
        store.merge_rus(&rus, &actor()).await.unwrap();
    }
    assert_eq!(store.sequence().await.unwrap(), sequence, "the second time nothing changes");
}
