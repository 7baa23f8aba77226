//! Writing and reading RUs and companies.

use traffix_core::catalogue::Ru;
use traffix_store::{
    ChangeOp, EntityKind, Expect, ImportReport, Page, PageRequest, RuQuery, StoreError, Versioned, Written,
};

use crate::support::rus::{actor, company, release, update};
use crate::support::{On, TestDb};

crate::on_every_engine!(
    what_is_put_is_read,
    expectations_are_checked,
    references_are_checked,
    deleting_keeps_history,
    companies_are_replaced_and_paged,
    merging_is_idempotent_and_atomic,
);

pub(crate) fn ids(page: &Page<Versioned<Ru>>) -> Vec<String> {
    page.items.iter().map(|item| item.value.id.to_string()).collect()
}

async fn what_is_put_is_read(on: On) {
    let db = TestDb::new(on);
    let store = db.open().await;
    let ru = release("halo").on("steam", Some(80), &[("preload", 1, Some(3)), ("unlock", 3, None)]).make();
    assert_eq!(store.ru(&ru.id, None).await.unwrap(), None);
    assert_eq!(store.put_ru(&ru, Expect::Anything, &actor()).await.unwrap(), Written::Created(1));
    let read = store.ru(&ru.id, None).await.unwrap().unwrap();
    assert_eq!((&read.value, read.revision), (&ru, 1));
    assert_eq!(store.put_ru(&ru, Expect::Anything, &actor()).await.unwrap(), Written::Unchanged(1));
    let newer = release("halo").title("Halo Infinite").make();
    assert_eq!(store.put_ru(&newer, Expect::Anything, &actor()).await.unwrap(), Written::Updated(2));
    assert_eq!(store.ru(&ru.id, None).await.unwrap().unwrap().value, newer);
    assert_eq!(store.sequence().await.unwrap(), 2);

    let changes = store.changes(0, 10).await.unwrap();
    assert_eq!(
        changes.iter().map(|c| (c.seq, c.op)).collect::<Vec<_>>(),
        [(1, ChangeOp::Create), (2, ChangeOp::Update)]
    );
    assert_eq!((changes[0].before.clone(), changes[1].before.clone()), (None, changes[0].after.clone()));
    assert_eq!(serde_json::from_value::<Ru>(changes[1].after.clone().unwrap()).unwrap(), newer);
    assert_eq!(
        (changes[0].entity, changes[0].actor.as_str(), changes[0].id.as_str()),
        (EntityKind::Ru, "test", "halo")
    );
    assert!(changes[0].at < changes[1].at);
    assert_eq!(store.changes(1, 10).await.unwrap(), changes[1..]);
    assert_eq!(store.changes(0, 1).await.unwrap(), changes[..1]);
}

async fn expectations_are_checked(on: On) {
    let db = TestDb::new(on);
    let store = db.open().await;
    let ru = release("halo").make();
    let put = async |ru: &Ru, expect| store.put_ru(ru, expect, &actor()).await;
    let conflict = |result: Result<Written, StoreError>| match result {
        Err(StoreError::Conflict { actual, .. }) => actual,
        other => panic!("{other:?}"),
    };
    assert_eq!(conflict(put(&ru, Expect::At(1)).await), None);
    assert_eq!(put(&ru, Expect::Absent).await.unwrap(), Written::Created(1));
    assert_eq!(conflict(put(&ru, Expect::Absent).await), Some(1));
    let newer = release("halo").title("Halo 2").make();
    assert_eq!(conflict(put(&newer, Expect::At(7)).await), Some(1));
    assert_eq!(put(&newer, Expect::At(1)).await.unwrap(), Written::Updated(2));
    let stale = store.delete_ru(&ru.id, Expect::At(1), &actor()).await;
    assert!(matches!(stale, Err(StoreError::Conflict { actual: Some(2), .. })), "{stale:?}");
    assert_eq!(store.sequence().await.unwrap(), 2, "what is refused is not logged");
}

fn pointers(result: Result<impl std::fmt::Debug, StoreError>) -> Vec<String> {
    match result {
        Err(StoreError::Invalid(found)) => found.into_iter().map(|f| f.pointer).collect(),
        other => panic!("{other:?}"),
    }
}

async fn references_are_checked(on: On) {
    let db = TestDb::new(on);
    let store = db.open().await;
    let put = async |ru: &Ru| store.put_ru(ru, Expect::Anything, &actor()).await;
    assert_eq!(pointers(put(&update("patch", "halo").make()).await), ["/release"]);
    assert_eq!(
        pointers(put(&release("halo").publishers(&["xbox", "bungie"]).make()).await),
        ["/publishers/0", "/publishers/1"]
    );
    store.put_companies(&[company("xbox")], &actor()).await.unwrap();
    assert_eq!(
        pointers(put(&release("halo").publishers(&["xbox", "bungie"]).make()).await),
        ["/publishers/1"]
    );
    put(&release("halo").publishers(&["xbox"]).make()).await.unwrap();
    put(&update("patch", "halo").make()).await.unwrap();
    assert_eq!(pointers(put(&update("patch-of-patch", "patch").make()).await), ["/release"]);
    put(&release("doom").make()).await.unwrap();
    let turned = put(&update("halo", "doom").make()).await;
    assert!(
        matches!(&turned, Err(StoreError::InUse { id, by, .. }) if id == "halo" && by == "patch"),
        "{turned:?}"
    );
    let nul = release("nul").set("thumbnails", &serde_json::json!([{"url": "https://a/\0"}]));
    assert_eq!(pointers(put(&nul.make()).await), ["/thumbnails/0/url"]);
    let mut untitled = release("untitled").make();
    untitled.title.clear();
    assert_eq!(pointers(put(&untitled).await), ["/title"]);
    assert_eq!(store.sequence().await.unwrap(), 4, "what is refused leaves nothing");
    assert_eq!(store.rus(&RuQuery::default(), &PageRequest::default()).await.unwrap().items.len(), 3);
}

async fn deleting_keeps_history(on: On) {
    let db = TestDb::new(on);
    let store = db.open().await;
    let halo = release("halo").on("steam", Some(80), &[("unlock", 3, None)]).make();
    let patch = update("patch", "halo").make();
    for ru in [&halo, &patch] {
        store.put_ru(ru, Expect::Absent, &actor()).await.unwrap();
    }
    let used = store.delete_ru(&halo.id, Expect::Anything, &actor()).await;
    assert!(matches!(&used, Err(StoreError::InUse { by, .. }) if by == "patch"), "{used:?}");
    store.delete_ru(&patch.id, Expect::At(2), &actor()).await.unwrap();
    store.delete_ru(&halo.id, Expect::Anything, &actor()).await.unwrap();
    let missing = store.delete_ru(&halo.id, Expect::Anything, &actor()).await;
    assert!(matches!(missing, Err(StoreError::NotFound { .. })), "{missing:?}");
    assert_eq!(store.ru(&halo.id, None).await.unwrap(), None);
    assert_eq!(store.put_ru(&halo, Expect::Absent, &actor()).await.unwrap(), Written::Created(5));

    let page = PageRequest { limit: 2, after: None };
    let first = store.history(&halo.id, &page).await.unwrap();
    assert_eq!(
        first.items.iter().map(|c| (c.seq, c.op)).collect::<Vec<_>>(),
        [(5, ChangeOp::Create), (4, ChangeOp::Delete)]
    );
    assert!(first.items[1].before.is_some() && first.items[1].after.is_none());
    let rest = store.history(&halo.id, &PageRequest { after: first.next, ..page }).await.unwrap();
    assert_eq!((rest.items.len(), rest.items[0].seq, rest.next), (1, 1, None));
}

async fn companies_are_replaced_and_paged(on: On) {
    let db = TestDb::new(on);
    let store = db.open().await;
    let companies: Vec<_> = ["ubisoft", "a-b", "ab", "a1", "activision"].map(company).into();
    let report = store.put_companies(&companies, &actor()).await.unwrap();
    assert_eq!(report, ImportReport { read: 5, created: 5, updated: 0, unchanged: 0 });
    let mut newer = companies.clone();
    newer[0].name.push_str(" Entertainment");
    let report = store.put_companies(&newer, &actor()).await.unwrap();
    assert_eq!(report, ImportReport { read: 5, created: 0, updated: 1, unchanged: 4 });
    assert_eq!(store.sequence().await.unwrap(), 6);
    assert_eq!(store.company(&newer[0].id).await.unwrap().unwrap(), newer[0]);
    let mut page = PageRequest { limit: 2, after: None };
    let mut seen = Vec::new();
    loop {
        let got = store.companies(&page).await.unwrap();
        seen.extend(got.items.into_iter().map(|c| c.id.to_string()));
        page.after = got.next;
        if page.after.is_none() {
            break;
        }
    }
    assert_eq!(seen, ["a-b", "a1", "ab", "activision", "ubisoft"], "by bytes, whatever the locale");
}

async fn merging_is_idempotent_and_atomic(on: On) {
    let db = TestDb::new(on);
    let store = db.open().await;
    store.put_companies(&[company("xbox")], &actor()).await.unwrap();
    // The update comes before its release, and one RU comes twice.
    let rus = [
        update("patch", "halo").on("xbox", None, &[("unlock", 9, None)]).make(),
        release("halo").publishers(&["xbox"]).on("steam", Some(80), &[("unlock", 3, None)]).make(),
        release("halo").on("xbox", Some(90), &[("unlock", 3, None)]).make(),
        release("doom").on("steam", None, &[("unlock", 1, None)]).on("gog", Some(3), &[]).make(),
    ];
    let report = store.merge_rus(&rus, &actor()).await.unwrap();
    assert_eq!(report, ImportReport { read: 4, created: 3, updated: 0, unchanged: 1 });
    let halo = store.ru(&rus[1].id, None).await.unwrap().unwrap().value;
    assert_eq!(halo.listings.len(), 2);
    for _ in 0..2 {
        let report = store.merge_rus(&rus, &actor()).await.unwrap();
        assert_eq!(report, ImportReport { read: 4, created: 0, updated: 0, unchanged: 4 });
    }
    assert_eq!(store.sequence().await.unwrap(), 4, "merging again logs nothing");

    let news = release("doom").on("steam", Some(50), &[("unlock", 1, None)]).make();
    let report = store.merge_rus(&[news], &actor()).await.unwrap();
    assert_eq!((report.updated, report.unchanged), (1, 0));
    let doom = store.ru(&rus[3].id, None).await.unwrap().unwrap();
    assert_eq!(doom.value.listings.len(), 2);

    let bad = [release("new").make(), update("lost", "nowhere").make()];
    assert_eq!(pointers(store.merge_rus(&bad, &actor()).await), ["/1/release"]);
    let bad = [release("new").make(), release("newer").publishers(&["nobody"]).make()];
    assert_eq!(pointers(store.merge_rus(&bad, &actor()).await), ["/1/publishers/0"]);
    assert_eq!(store.ru(&bad[0].id, None).await.unwrap(), None, "all of a merge or nothing");
    let listed = store.rus(&RuQuery::default(), &PageRequest::default()).await.unwrap();
    assert_eq!(ids(&listed), ["doom", "halo", "patch"]);
    assert_eq!(store.sequence().await.unwrap(), 5);
}
