//! Lists: filters, order, pages, words.

use traffix_core::catalogue::{Content, Ru, RuKind};
use traffix_store::{PageRequest, RuQuery, Store, StoreError};

use crate::catalogue::ids;
use crate::support::rus::{actor, company, day, release, update};
use crate::support::{On, TestDb};

crate::on_every_engine!(
    every_filter_selects,
    order_and_pages,
    windows_ask_for_one_phase,
    words_are_found,
    any_text_is_harmless,
    foreign_cursors_are_refused,
);

fn some() -> Vec<Ru> {
    use serde_json::json;
    vec![
        release("fortnite")
            .publishers(&["epic"])
            .set("developers", &json!(["epic"]))
            .set("categories", &json!(["shooter", "battle-royale"]))
            .on("epic-games", Some(30), &[("unlock", 10, None)])
            .on("playstation", Some(35), &[("unlock", 10, None)])
            .make(),
        update("fortnite-og", "fortnite")
            .publishers(&["epic"])
            .on("epic-games", Some(20), &[("unlock", 40, None)])
            .make(),
        release("halo")
            .publishers(&["xbox"])
            .set("developers", &json!(["studio"]))
            .set("categories", &json!(["shooter"]))
            .on("xbox", Some(90), &[("preload", 18, Some(20)), ("unlock", 20, None)])
            .on("steam", Some(85), &[("preload", 18, Some(20)), ("unlock", 20, None)])
            .make(),
        release("ios-18")
            .set("content", &json!("phone-os"))
            .on("apple", Some(3), &[("unlock", 20, Some(50))])
            .make(),
        release("undated").on("steam", None, &[]).make(),
        release("unlisted").make(),
    ]
}

async fn filled(db: &TestDb) -> std::sync::Arc<dyn Store> {
    let store = db.open().await;
    store.put_companies(&["epic", "xbox", "studio"].map(company), &actor()).await.unwrap();
    store.merge_rus(&some(), &actor()).await.unwrap();
    store
}

async fn list(store: &dyn Store, query: &RuQuery) -> Vec<String> {
    ids(&store.rus(query, &PageRequest::default()).await.unwrap())
}

/// Filters, and what they select.
fn filters() -> Vec<(RuQuery, &'static [&'static str])> {
    let all = RuQuery::default;
    let gb = 1_000_000_000;
    vec![
        (all(), &["fortnite", "halo", "ios-18", "fortnite-og", "undated", "unlisted"]),
        (RuQuery { platform: "steam".parse().ok(), ..all() }, &["halo", "undated"]),
        (RuQuery { platform: "nintendo".parse().ok(), ..all() }, &[]),
        (RuQuery { kind: Some(RuKind::Update), ..all() }, &["fortnite-og"]),
        (RuQuery { content: Some(Content::PhoneOs), ..all() }, &["ios-18"]),
        (RuQuery { publisher: "epic".parse().ok(), ..all() }, &["fortnite", "fortnite-og"]),
        (RuQuery { publisher: "studio".parse().ok(), ..all() }, &[]),
        (RuQuery { developer: "studio".parse().ok(), ..all() }, &["halo"]),
        (RuQuery { category: "shooter".parse().ok(), ..all() }, &["fortnite", "halo"]),
        (RuQuery { release: "fortnite".parse().ok(), ..all() }, &["fortnite-og"]),
        (RuQuery { min_bytes: Some(35 * gb), ..all() }, &["fortnite", "halo"]),
        (RuQuery { max_bytes: Some(20 * gb), ..all() }, &["ios-18", "fortnite-og"]),
        (
            RuQuery { min_bytes: Some(20 * gb), max_bytes: Some(35 * gb), ..all() },
            &["fortnite", "fortnite-og"],
        ),
        (RuQuery { min_bytes: Some(u64::MAX), ..all() }, &[]),
        (RuQuery { from: Some(day(20)), ..all() }, &["halo", "ios-18", "fortnite-og"]),
        (RuQuery { until: Some(day(20)), ..all() }, &["fortnite", "halo"]),
        (RuQuery { text: Some("fort".into()), ..all() }, &["fortnite", "fortnite-og"]),
        (
            RuQuery {
                platform: "epic-games".parse().ok(),
                kind: Some(RuKind::Release),
                content: Some(Content::Game),
                publisher: "epic".parse().ok(),
                developer: "epic".parse().ok(),
                category: "battle-royale".parse().ok(),
                min_bytes: Some(1),
                max_bytes: Some(100 * gb),
                from: Some(day(1)),
                until: Some(day(11)),
                text: Some("FORT".into()),
                ..all()
            },
            &["fortnite"],
        ),
    ]
}

async fn every_filter_selects(on: On) {
    let db = TestDb::new(on);
    let store = filled(&db).await;
    for (query, expected) in filters() {
        assert_eq!(list(&*store, &query).await, expected, "{query:?}");
        let mut reversed = list(&*store, &RuQuery { descending: true, ..query.clone() }).await;
        reversed.sort();
        let mut expected = expected.to_vec();
        expected.sort_unstable();
        assert_eq!(reversed, expected, "descending {query:?}");
    }
}

async fn order_and_pages(on: On) {
    let db = TestDb::new(on);
    let store = filled(&db).await;
    let orders: [(bool, [&str; 6]); 2] = [
        (false, ["fortnite", "halo", "ios-18", "fortnite-og", "undated", "unlisted"]),
        (true, ["fortnite-og", "ios-18", "halo", "fortnite", "unlisted", "undated"]),
    ];
    for (descending, expected) in orders {
        let query = RuQuery { descending, ..RuQuery::default() };
        for limit in 1..=7 {
            let mut page = PageRequest { limit, after: None };
            let mut seen = Vec::new();
            loop {
                let got = store.rus(&query, &page).await.unwrap();
                assert!(got.items.len() <= limit as usize && !got.items.is_empty());
                seen.extend(ids(&got));
                page.after = got.next;
                if page.after.is_none() {
                    break;
                }
            }
            assert_eq!(seen, expected, "pages of {limit}");
        }
    }
    let huge = PageRequest { limit: 0, after: None };
    assert_eq!(store.rus(&RuQuery::default(), &huge).await.unwrap().items.len(), 1);
}

async fn windows_ask_for_one_phase(on: On) {
    let db = TestDb::new(on);
    let store = db.open().await;
    let rus = [
        release("two-phases").on("steam", None, &[("preload", 1, Some(2)), ("unlock", 30, None)]).make(),
        release("long").on("steam", None, &[("unlock", 1, Some(30))]).make(),
        release("late").on("steam", None, &[("unlock", 20, None)]).make(),
    ];
    store.merge_rus(&rus, &actor()).await.unwrap();
    let between =
        |from, until| RuQuery { from: Some(day(from)), until: Some(day(until)), ..RuQuery::default() };
    assert_eq!(list(&*store, &between(10, 15)).await, ["long"]);
    assert_eq!(
        list(&*store, &between(20, 21)).await,
        ["long", "late"],
        "an instant is within what starts there"
    );
    assert_eq!(list(&*store, &between(10, 20)).await, ["long"], "and not within what ends there");
    assert_eq!(list(&*store, &between(2, 31)).await, ["long", "two-phases", "late"]);
}

/// Queries, and whose titles they find.
const FOUND: [(&str, &[&str]); 20] = [
    ("pokémon", &["pokemon"]),
    ("POKEMON z", &["pokemon"]),
    ("legendes", &["pokemon"]),
    ("assassins", &["assassins"]),
    ("assassin's", &["assassins"]),
    ("ＣＡＬＬ", &["cod"]),
    ("duty call", &["cod"]),
    ("duty-call", &["cod"]),
    ("warfare 3", &[]),
    ("fare", &[]),
    ("原", &["genshin"]),
    ("spider man", &["hyphen"]),
    ("man-2", &["hyphen"]),
    ("3", &["hyphen"]),
    ("x org", &["hyphen"]),
    ("its", &["hyphen"]),
    ("or", &["hyphen", "or"]),
    ("not and", &["or"]),
    ("near", &["or"]),
    ("call -duty", &["cod"]),
];

async fn words_are_found(on: On) {
    let db = TestDb::new(on);
    let store = db.open().await;
    let titles = [
        ("pokemon", "Pokémon™ Légendes: Z-A"),
        ("assassins", "Assassin’s Creed® Valhalla"),
        ("cod", "Call of Duty: Modern Warfare III"),
        ("genshin", "原神 (Genshin Impact)"),
        ("hyphen", "Spider-Man 2: it's e.g. http://x.org/ -3.5"),
        ("or", "OR and NOT near"),
    ];
    let rus: Vec<Ru> = titles.iter().map(|(id, title)| release(id).title(title).make()).collect();
    store.merge_rus(&rus, &actor()).await.unwrap();
    for (text, expected) in FOUND {
        assert_eq!(
            list(&*store, &RuQuery { text: Some(text.into()), ..RuQuery::default() }).await,
            expected,
            "{text}"
        );
    }
    // The index follows the title.
    store
        .put_ru(&release("cod").title("Black Ops").make(), traffix_store::Expect::Anything, &actor())
        .await
        .unwrap();
    for (text, expected) in [("call", vec![]), ("ops", vec!["cod"])] {
        assert_eq!(list(&*store, &RuQuery { text: Some(text.into()), ..RuQuery::default() }).await, expected);
    }
}

async fn any_text_is_harmless(on: On) {
    let db = TestDb::new(on);
    let store = filled(&db).await;
    let everything = list(&*store, &RuQuery::default()).await;
    for text in ["", " ", "\0", "\"", "'", "''\\", "* ^ : ( ) { } - + ! & | < > ~", "\u{301}", "%_", "🎮"] {
        let query = RuQuery { text: Some(text.into()), ..RuQuery::default() };
        assert_eq!(list(&*store, &query).await, everything, "{text:?} asks for nothing");
    }
    let hostile = [
        "fort*",
        "\"fort",
        "fort OR halo NOT x",
        "words:fort",
        "'fort':*",
        "fort & | !",
        "NEAR(fort halo)",
        "fort\0halo",
    ];
    for text in hostile {
        let query = RuQuery { text: Some(text.into()), ..RuQuery::default() };
        store.rus(&query, &PageRequest::default()).await.unwrap();
    }
    for text in ["x".repeat(100_000), "ﷺ".repeat(200), "a ".repeat(10_000)] {
        store
            .rus(&RuQuery { text: Some(text), ..RuQuery::default() }, &PageRequest::default())
            .await
            .unwrap();
    }
    let many = (0..100).map(|n| format!("{n}w")).collect::<Vec<_>>().join(" ");
    let refused =
        store.rus(&RuQuery { text: Some(many), ..RuQuery::default() }, &PageRequest::default()).await;
    assert!(matches!(refused, Err(StoreError::Invalid(found)) if found[0].pointer == "/text"));
    let long = release("long-title").title(&"ﷺ".repeat(99)).make();
    store.put_ru(&long, traffix_store::Expect::Anything, &actor()).await.unwrap();
}

async fn foreign_cursors_are_refused(on: On) {
    let db = TestDb::new(on);
    let store = filled(&db).await;
    let page = |after: &str| PageRequest { limit: 1, after: Some(after.to_owned()) };
    let query = RuQuery::default();
    let ascending = store.rus(&query, &PageRequest { limit: 1, after: None }).await.unwrap().next.unwrap();
    let descending = RuQuery { descending: true, ..RuQuery::default() };
    for bad in ["", "x", "AAAA", "W10", "%00", "../", &ascending[1..], &"A".repeat(100_000)] {
        let refused = store.rus(&query, &page(bad)).await;
        assert!(matches!(refused, Err(StoreError::Cursor)), "{bad:.20} {refused:?}");
    }
    assert!(matches!(store.rus(&descending, &page(&ascending)).await, Err(StoreError::Cursor)));
    assert!(matches!(store.companies(&page(&ascending)).await, Err(StoreError::Cursor)));
    assert!(matches!(store.networks("me", &page(&ascending)).await, Err(StoreError::Cursor)));
}
