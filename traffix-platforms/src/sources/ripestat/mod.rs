//! RIPEstat: the prefixes that a network announces (<https://stat.ripe.net/docs/data-api/>).
//!
//! At most eight requests at once; a request says who asks.

use chrono::{DateTime, NaiveDateTime, Utc};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use traffix_core::catalogue::PlatformId;
use traffix_core::delivery::Asn;

use crate::PlatformError;
use crate::upstream::{Call, Fetched, Request, Upstream};

const ID: PlatformId = PlatformId::from_static("ripestat");

/// A prefix that a network announces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announced {
    /// The prefix.
    pub prefix: IpNet,
    /// Since when, within the time that was asked for.
    pub since: Option<DateTime<Utc>>,
    /// When it was last seen.
    pub last_seen: Option<DateTime<Utc>>,
}

/// Reads what a network announces, as at least ten of the route collectors' peers see it, sorted.
///
/// `app` says who asks: a short name, as RIPEstat's rules want it.
///
/// # Errors
/// [`PlatformError::Malformed`] with the path if the answer is no such list or one of its prefixes is none,
/// [`PlatformError::Upstream`] if there is no answer.
pub async fn announced_prefixes(
    up: &dyn Upstream,
    asn: Asn,
    app: &str,
) -> Result<Fetched<Vec<Announced>>, PlatformError> {
    let call = Call::new(ID, "announced-prefixes", up);
    let request = Request::get("https://stat.ripe.net/data/announced-prefixes/data.json")
        .query("resource", asn)
        .query("sourceapp", app)
        .body_limit(64 * 1024 * 1024)
        .fresh_for(28_800);
    let fetched = call.json::<Answer>(request).await?;
    // An error comes with status 200 too, then without data.
    let Some(data) = &fetched.value.data else {
        let status = fetched.value.status.as_deref().unwrap_or("no status");
        return Err(call.malformed("data", format!("none, status {status:?}")));
    };
    let mut prefixes = Vec::with_capacity(data.prefixes.len());
    for (index, wire) in data.prefixes.iter().enumerate() {
        let prefix = wire.prefix.parse::<IpNet>().ok().filter(|prefix| *prefix == prefix.trunc());
        let prefix = prefix.ok_or_else(|| {
            call.malformed(
                format!("data.prefixes[{index}].prefix"),
                format!("{:?} is no prefix", wire.prefix),
            )
        })?;
        let starts = wire.timelines.iter().filter_map(|line| instant(line.starttime.as_deref()));
        let ends = wire.timelines.iter().filter_map(|line| instant(line.endtime.as_deref()));
        prefixes.push(Announced { prefix, since: starts.min(), last_seen: ends.max() });
    }
    prefixes.sort_unstable_by_key(|announced| announced.prefix);
    prefixes.dedup_by_key(|announced| announced.prefix);
    Ok(fetched.map(|_| prefixes))
}

#[derive(Deserialize)]
struct Answer {
    status: Option<String>,
    data: Option<Data>,
}

#[derive(Deserialize)]
struct Data {
    prefixes: Vec<WirePrefix>,
}

#[derive(Deserialize)]
struct WirePrefix {
    prefix: String,
    #[serde(default)]
    timelines: Vec<Timeline>,
}

#[derive(Deserialize)]
struct Timeline {
    starttime: Option<String>,
    endtime: Option<String>,
}

/// `2020-12-12T16:00:00`, or with a space in version 1.0; UTC.
fn instant(text: Option<&str>) -> Option<DateTime<Utc>> {
    let text = text?.replacen(' ', "T", 1);
    NaiveDateTime::parse_from_str(&text, "%Y-%m-%dT%H:%M:%S").ok().map(|time| time.and_utc())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{answer, damage, recorded, run};
    use crate::upstream::Replay;

    const FIXTURES: &str = "sources/ripestat/fixtures";
    const URL: &str =
        "https://stat.ripe.net/data/announced-prefixes/data.json?resource=AS3333&sourceapp=traffix";

    fn ask(up: &Replay, asn: u32) -> Result<Vec<Announced>, PlatformError> {
        run(announced_prefixes(up, Asn(asn), "traffix")).map(|fetched| fetched.value)
    }

    fn texts(found: &[Announced]) -> Vec<[String; 3]> {
        let time = |at: Option<DateTime<Utc>>| at.map_or_else(String::new, |at| at.to_rfc3339());
        found.iter().map(|one| [one.prefix.to_string(), time(one.since), time(one.last_seen)]).collect()
    }

    #[test]
    fn both_versions_of_the_answer() {
        let old = ask(&recorded(FIXTURES), 3333).unwrap();
        let times = ["2023-07-03T15:49:57+00:00", "2025-06-16T16:00:00+00:00"];
        let row = |prefix: &str, times: [&str; 2]| [prefix, times[0], times[1]].map(str::to_owned);
        assert_eq!(texts(&old), [row("193.0.0.0/21", times), row("193.0.10.0/23", times)]);
        let new = ask(&recorded(FIXTURES), 24940).unwrap();
        let times = ["2020-12-12T16:00:00+00:00", "2022-03-14T08:00:00+00:00"];
        assert_eq!(texts(&new), [row("185.171.224.0/22", times), row("185.209.124.0/22", times)]);
    }

    #[test]
    fn odd_answers_are_typed() {
        for (body, place) in [
            ("", "."),
            ("<html>", "byte 0"),
            (r#"{"status":"error","data":null}"#, "data"),
            (r#"{"data":{}}"#, "data"),
            (
                r#"{"data":{"prefixes":[{"prefix":"10.0.0.0/8"},{"prefix":"10.0.0.1/8"}]}}"#,
                "data.prefixes[1].prefix",
            ),
            (r#"{"data":{"prefixes":[{"prefix":"all"}]}}"#, "data.prefixes[0].prefix"),
        ] {
            match ask(&answer(URL, 200, body), 3333) {
                Err(PlatformError::Malformed { at, .. }) => assert_eq!(at, place, "{body}"),
                other => panic!("{other:?}"),
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn damaged_recordings_give_values_or_typed_errors(damage in damage()) {
            let up = damage.replay(FIXTURES);
            for asn in [3333, 24940] {
                if let Ok(found) = ask(&up, asn) {
                    prop_assert!(found.is_sorted_by_key(|one| one.prefix));
                }
            }
        }
    }
}
