//! Serves a small invented catalogue from a temporary database, for tools that test the API.
//!
//! Prints two lines that a shell can evaluate, the address and a moderator's key, and serves until interrupted:
//! `cargo run -p traffix-server --example sample_server`. Settings come from the environment as usual.

use std::sync::Arc;

use serde_json::{Value, json};
use traffix_core::catalogue::{Company, Ru};
use traffix_server::{AppState, Server, auth, config, server};
use traffix_store::{Actor, OpenOptions, Role};

/// Releases in the sample.
const RELEASES: u32 = 150;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let url = format!("sqlite:{}", folder.path().join("sample.db").display());
    let store = traffix_store::open(&url, OpenOptions::default()).await?;
    let actor = Actor("sample".into());
    let company: Company = serde_json::from_value(json!({
        "id": "acme", "name": "Acme Games", "evidence": [evidence()],
    }))?;
    store.put_companies(&[company], &actor).await?;
    let rus = (0..RELEASES).map(release).chain((0..RELEASES / 3).map(update));
    let rus: Vec<Ru> = rus.map(serde_json::from_value).collect::<Result<_, _>>()?;
    store.merge_rus(&rus, &actor).await?;
    let key = auth::create_key(store.as_ref(), "sample", Role::Moderator, None).await?;
    let config = config::load(None, [("server.listen", "127.0.0.1:0".to_owned())])?;
    traffix_server::logging::start(&config.log)?;
    let running = Server::bind(AppState::new(config, Arc::clone(&store))?).await?;
    println!("BASE_URL={}\nAPI_KEY={key}", running.url());
    running.run(server::stop_signal()).await?;
    Ok(())
}

fn evidence() -> Value {
    json!({
        "source": "https://example.org/", "kind": "press", "observed_at": "2023-10-20T00:00:00Z",
        "confidence": 0.9,
    })
}

fn fact(value: &Value) -> Value {
    json!({"value": value, "evidence": evidence()})
}

fn listing(platform: &str, month: u32, bytes: u64) -> Value {
    json!({
        "platform": platform,
        "sizes": [{"wire_bytes": fact(&json!({"low": bytes, "high": bytes + bytes / 10}))}],
        "phases": [{
            "kind": "unlock",
            "window": fact(&json!({"start": format!("2024-{month:02}-15T17:00:00Z"), "precision": "hour"})),
        }],
    })
}

fn release(n: u32) -> Value {
    let (month, bytes) = (1 + n % 12, 1_000_000_000 * u64::from(1 + n % 90));
    json!({
        "id": format!("sample-{n}"), "title": format!("Sample Game {n}"), "kind": "release",
        "publishers": ["acme"], "categories": ["shooter"],
        "listings": [listing("steam", month, bytes), listing("playstation", month, bytes + 7)],
        "evidence": [evidence()],
    })
}

fn update(n: u32) -> Value {
    let mut update = release(n);
    update["id"] = json!(format!("sample-{n}-update"));
    update["title"] = json!(format!("Sample Game {n}: second season"));
    update["kind"] = json!("update");
    update["release"] = json!(format!("sample-{n}"));
    update
}
