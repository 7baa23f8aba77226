//! Embed the store: import a reviewed document, search it, change it, look back.
//!
//! `cargo run --example embed_store [DATABASE-URL]` (an SQLite database in memory without one)

use std::path::Path;

use chrono::Utc;
use traffix_core::catalogue::document::parse_toml;
use traffix_store::{Actor, Expect, OpenOptions, PageRequest, RuQuery, Written, open};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::args().nth(1).unwrap_or_else(|| "sqlite::memory:".into());
    let store = open(&url, OpenOptions::default()).await?;
    let actor = Actor("example".into());

    // Import, twice: the second time changes nothing.
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("data");
    let read = |path: &str| std::fs::read_to_string(data.join(path));
    let companies = parse_toml(&read("companies.toml")?).map_err(|e| e[0].to_string())?.companies;
    let rus = parse_toml(&read("ru/fortnite.toml")?).map_err(|e| e[0].to_string())?.rus;
    store.put_companies(&companies, &actor).await?;
    println!("first import:  {:?}", store.merge_rus(&rus, &actor).await?);
    println!("second import: {:?}", store.merge_rus(&rus, &actor).await?);

    // Search by words of the title, in the order of release.
    let query = RuQuery { text: Some("season og".into()), ..RuQuery::default() };
    let page = store.rus(&query, &PageRequest::default()).await?;
    for found in &page.items {
        println!(
            "{}  {}",
            found.value.first_at().map_or("unknown".into(), |at| at.to_string()),
            found.value.title
        );
    }

    // Change one, then read it as it was before.
    let found = page.items.first().ok_or("the catalogue holds Fortnite's season OG")?;
    let before = Utc::now();
    let mut edited = found.value.clone();
    edited.nsfw = !edited.nsfw;
    let written = store.put_ru(&edited, Expect::At(found.revision), &actor).await?;
    assert!(matches!(written, Written::Updated(_)));
    let earlier = store.ru(&edited.id, Some(before)).await?.ok_or("it existed before")?;
    assert_eq!(earlier.value, found.value);

    let history = store.history(&edited.id, &PageRequest::default()).await?;
    for change in &history.items {
        println!("change {} at {} by {}: {:?}", change.seq, change.at, change.actor, change.op);
    }
    Ok(())
}
