//! An invented catalogue: pages of 100 are about 60 kB.

use serde_json::{Value, json};
use traffix_core::catalogue::Ru;
use traffix_store::{Actor, OpenOptions};

use crate::Outcome;

/// Entries.
const RUS: u32 = 1_000;

/// Fills a new database.
pub(crate) async fn fill(url: &str) -> Outcome<()> {
    let store = traffix_store::open(url, OpenOptions::default()).await?;
    let rus: Vec<Ru> = (0..RUS).map(|n| serde_json::from_value(ru(n))).collect::<Result<_, _>>()?;
    store.merge_rus(&rus, &Actor("load".into())).await?;
    Ok(())
}

fn ru(n: u32) -> Value {
    let evidence = json!({
        "source": "https://example.org/", "kind": "press", "observed_at": "2023-10-20T00:00:00Z", "confidence": 0.9,
    });
    let bytes = 1_000_000_000 + 1_000_000 * u64::from(n);
    let start = format!("20{:02}-{:02}-{:02}T17:00:00Z", 10 + n % 20, 1 + n % 12, 1 + n % 28);
    json!({
        "id": format!("load-{n}"), "title": format!("Load Game {n}"), "kind": "release",
        "listings": [{
            "platform": "steam",
            "sizes": [{"wire_bytes": {"value": {"low": bytes, "high": bytes}, "evidence": evidence}}],
            "phases": [{
                "kind": "unlock",
                "window": {"value": {"start": start, "precision": "hour"}, "evidence": evidence},
            }],
        }],
        "evidence": [evidence],
    })
}
