//! RUs and companies to store.

use chrono::{DateTime, Duration, Utc};
use serde_json::json;
use traffix_core::catalogue::{Company, Ru};
use traffix_store::Actor;

pub(crate) fn actor() -> Actor {
    Actor("test".to_owned())
}

/// The first instant of a day of 2024.
pub(crate) fn day(n: i64) -> DateTime<Utc> {
    "2024-01-01T00:00:00Z".parse::<DateTime<Utc>>().unwrap() + Duration::days(n)
}

fn evidence(kind: &str, source: &str, n: i64) -> serde_json::Value {
    json!({"source": source, "kind": kind, "observed_at": day(n), "confidence": 0.9})
}

pub(crate) fn company(id: &str) -> Company {
    let value = json!({"id": id, "name": id.to_uppercase(), "evidence": [evidence("official", "site", 0)]});
    serde_json::from_value(value).unwrap()
}

/// A builder of RUs in which only what matters is said.
#[derive(Clone)]
pub(crate) struct Maker(serde_json::Value);

pub(crate) fn release(id: &str) -> Maker {
    Maker(json!({
        "id": id, "title": id.replace('-', " "), "kind": "release", "evidence": [evidence("official", "site", 0)],
    }))
}

pub(crate) fn update(id: &str, of: &str) -> Maker {
    release(id).set("kind", &json!("update")).set("release", &json!(of))
}

impl Maker {
    pub(crate) fn set(mut self, field: &str, value: &serde_json::Value) -> Self {
        self.0[field] = value.clone();
        self
    }

    pub(crate) fn title(self, title: &str) -> Self {
        self.set("title", &json!(title))
    }

    pub(crate) fn publishers(self, ids: &[&str]) -> Self {
        self.set("publishers", &json!(ids))
    }

    /// Adds a listing: platform, size in GB and phases as (kind, first day, last day).
    pub(crate) fn on(mut self, platform: &str, gb: Option<u64>, phases: &[(&str, i64, Option<i64>)]) -> Self {
        let mut listing = json!({"platform": platform, "external_id": format!("{platform}-1")});
        if let Some(gb) = gb {
            let bytes = gb * 1_000_000_000;
            listing["sizes"] = json!([{"wire_bytes": {"value": {"low": bytes, "high": bytes},
                                                      "evidence": evidence("press", "paper", 1)}}]);
        }
        let phases = phases.iter().map(|(kind, start, end)| {
            let mut window = json!({"start": day(*start), "precision": "day"});
            if let Some(end) = end {
                window["end"] = json!(day(*end));
            }
            json!({"kind": kind, "window": {"value": window, "evidence": evidence("official", "blog", 2)}})
        });
        listing["phases"] = phases.collect();
        match self.0.get_mut("listings").and_then(|l| l.as_array_mut()) {
            Some(listings) => listings.push(listing),
            None => self.0["listings"] = json!([listing]),
        }
        self
    }

    /// Adds a listing with the platform's identifier and its aliases.
    pub(crate) fn listed(self, platform: &str, id: &str, aliases: &[&str]) -> Self {
        let mut maker = self.on(platform, None, &[]);
        let listing = maker.0["listings"].as_array_mut().and_then(|listings| listings.last_mut()).unwrap();
        listing["external_id"] = json!(id);
        listing["aliases"] = json!(aliases);
        maker
    }

    pub(crate) fn make(&self) -> Ru {
        let ru: Ru = serde_json::from_value(self.0.clone()).unwrap();
        assert_eq!(ru.findings(), [], "{}", self.0);
        ru
    }
}

/// The companies that [`many`] names.
pub(crate) fn many_companies() -> Vec<Company> {
    (0..200).map(|n| company(&format!("company-{n}"))).collect()
}

/// RUs with three listings each, as large and as varied as real ones.
pub(crate) fn many(from: usize, to: usize) -> Vec<Ru> {
    const WORDS: [&str; 16] = [
        "shadow",
        "legends",
        "of",
        "the",
        "frontier",
        "rising",
        "season",
        "chronicles",
        "war",
        "kingdom",
        "racing",
        "manager",
        "island",
        "dark",
        "star",
        "zero",
    ];
    let one = |n: usize| {
        let word = |k: usize| WORDS[(n.wrapping_mul(2_654_435_761) >> (4 * k + 3)) % WORDS.len()];
        let start = i64::try_from(n % 4_000).unwrap_or(0);
        let gb = 1 + u64::try_from(n % 150).unwrap_or(0);
        let phases = [("preload", start, Some(start + 2)), ("unlock", start + 2, None)];
        let companies = [format!("company-{}", n % 200), format!("company-{}", n % 37)];
        release(&format!("ru-{n:06}"))
            .title(&format!("{} {} {} {n}", word(0), word(1), word(2)))
            .publishers(&[&companies[0]])
            .set("developers", &json!([companies[1]]))
            .set(
                "categories",
                &json!(
                    [WORDS[n % 16], WORDS[(n / 16) % 16]].iter().collect::<std::collections::BTreeSet<_>>()
                ),
            )
            .on("steam", Some(gb), &phases)
            .on("playstation", Some(gb + 2), &phases)
            .on("microsoft", None, &phases[1..])
            .make()
    };
    (from..to).map(one).collect()
}
