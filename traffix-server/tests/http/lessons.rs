//! What settled events teach: lower bounds, platforms, start laws; and what is in the way of learning.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use serde_json::{Value, json};
use traffix_core::catalogue::Ru;
use traffix_core::measurement::Key;
use traffix_server::proving::Pass;
use traffix_store::{Actor, OutcomeState};

use crate::harness::ru;
use crate::proving::{NEXT, RELEASE, World, at};

fn key(platform: Option<&str>, link: Option<&str>) -> Key {
    let platform = platform.map(|id| id.parse().unwrap());
    Key { platform, cdn: None, link: link.map(Into::into) }
}

/// An update of so many platforms.
fn update(id: &str, release_at: &str, platforms: &[&str]) -> Value {
    let mut ru = ru(id, id, release_at, Some("fortnite"));
    let listing = ru["listings"][0].clone();
    let listings = platforms.iter().map(|platform| {
        let mut listing = listing.clone();
        listing["platform"] = json!(platform);
        listing["external_id"] = json!(format!("{id}-{platform}"));
        listing
    });
    ru["listings"] = listings.collect();
    ru
}

fn fortnite() -> Value {
    ru("fortnite", "Fortnite", "2017-07-21T00:00:00Z", None)
}

/// What so many hours after a release comes of 1 in its first hour.
fn fading(since: TimeDelta, per_hour: f64) -> f64 {
    if since < TimeDelta::zero() { 0.0 } else { per_hour.powf(since.as_seconds_f64() / 3600.0) }
}

#[tokio::test]
async fn a_full_link_makes_a_lower_bound_which_lowers_nothing() {
    let link = json!([{"id": "transit", "cdns": ["*"], "kind": "transit", "capacity_bps": 12e9}]);
    let world = World::with(&[fortnite(), update("og", RELEASE, &["steam"])], &link).await;
    world.pass(at(RELEASE) - TimeDelta::hours(1)).await;
    let prior = world.last_frozen().await["peak"]["bps"]["p50"].as_f64().unwrap();
    // The link takes no more, far below what was expected.
    assert!(prior > 2.5e9, "{prior}");
    world
        .measure_by(|since| {
            let is_on = (0..120).contains(&since.num_minutes());
            vec![(key(None, Some("transit")), if is_on { 10.9e9 } else { 9.5e9 })]
        })
        .await;
    let pass = world.pass(at(RELEASE) + TimeDelta::days(3)).await;
    assert_eq!((pass.learned, pass.pending), (1, 0), "{pass:?}");
    let (state, document) = world.outcome("og").await;
    let observation = &document["measured"]["observation"];
    assert_eq!((state, &observation["at_least"]), (OutcomeState::Learned, &json!(true)));
    assert!(document["detail"].as_str().unwrap().contains("at least"), "{document}");
    assert!(observation["links"]["transit"].as_f64().unwrap() >= 0.98 * 12e9);
    let learned = world.store().await.learned(&world.owner, "home").await.unwrap().unwrap().document;
    let means = learned["mean"].as_array().unwrap();
    assert!(means.iter().all(|mean| mean.as_f64().unwrap() >= 0.0), "{learned}");
}

#[tokio::test]
async fn two_events_at_once_are_told_apart_by_platform() {
    let rus = [
        fortnite(),
        update("on-steam", RELEASE, &["steam"]),
        update("on-playstation", RELEASE, &["playstation"]),
    ];
    let world = World::with(&rus, &json!([])).await;
    world.pass(at(RELEASE) - TimeDelta::hours(1)).await;
    let prior = world.last_frozen().await["peak"]["bps"]["p50"].as_f64().unwrap();
    world
        .measure_by(|since| {
            let is_on = (0..120).contains(&since.num_minutes());
            let extra = |times: f64| if is_on { times * prior } else { 0.0 };
            vec![
                (key(Some("steam"), None), 5e9 + extra(2.0)),
                (key(Some("playstation"), None), 5e9 + extra(0.7)),
                (key(None, None), 5e9),
            ]
        })
        .await;
    let pass = world.pass(at(RELEASE) + TimeDelta::days(3)).await;
    assert_eq!((pass.learned, pass.refused), (2, 0), "{pass:?}");
    for (ru, times) in [("on-steam", 2.0), ("on-playstation", 0.7)] {
        let (_, document) = world.outcome(ru).await;
        let peak = document["measured"]["observation"]["peak_bps"].as_f64().unwrap();
        assert!((peak / (times * prior) - 1.0).abs() < 0.03, "{ru}: {peak} of {prior}");
    }
}

#[tokio::test]
async fn two_events_at_once_on_one_platform_teach_nothing() {
    let rus =
        [fortnite(), update("one", RELEASE, &["steam"]), update("two", RELEASE, &["steam", "playstation"])];
    let world = World::with(&rus, &json!([])).await;
    world.pass(at(RELEASE) - TimeDelta::hours(1)).await;
    world.measure_by(|_| vec![(key(None, None), 10e9)]).await;
    let pass = world.pass(at(RELEASE) + TimeDelta::days(3)).await;
    assert_eq!((pass.learned, pass.refused), (0, 2), "{pass:?}");
    let (_, document) = world.outcome("one").await;
    assert!(document["detail"].as_str().unwrap().contains("two was there at the same time"), "{document}");
}

#[tokio::test]
async fn a_release_that_moved_is_frozen_anew_and_not_scored_by_the_old_day() {
    let world = World::with(&[fortnite(), update("og", RELEASE, &["steam"])], &json!([])).await;
    let before = at(RELEASE) - TimeDelta::days(2);
    assert_eq!(world.pass(before).await, Pass { frozen: 3, ..Pass::default() });
    let moved: Ru = serde_json::from_value(update("og", NEXT, &["steam"])).unwrap();
    let store = world.store().await;
    store.put_ru(&moved, traffix_store::Expect::Anything, &Actor("editor".into())).await.unwrap();
    // The window of the old day is over, the new day is two weeks ahead.
    let later = at(NEXT) - TimeDelta::days(14) + TimeDelta::minutes(1);
    assert_eq!(world.pass(later).await, Pass { frozen: 1, refused: 1, ..Pass::default() });
    let query = traffix_store::FrozenQuery::default();
    let all = store.frozen(&query, &traffix_store::PageRequest::default()).await.unwrap().items;
    let old = all.iter().find(|one| one.freeze.release_at == at(RELEASE)).unwrap();
    let said = old.outcome.as_ref().unwrap().document["detail"].as_str().unwrap().to_owned();
    assert!(said.contains("the release moved to 2026-03-26"), "{said}");
    assert_eq!(store.learned(&world.owner, "home").await.unwrap(), None);
}

#[tokio::test]
async fn platforms_and_start_laws_are_learned_from_what_was_measured() {
    let both = ["steam", "playstation"];
    let rus = [fortnite(), update("og", RELEASE, &both), update("next", NEXT, &both)];
    let world = World::with(&rus, &json!([])).await;
    world.pass(at(RELEASE) - TimeDelta::hours(1)).await;
    let made = world.last_frozen().await;
    let prior = made["peak"]["bps"]["p50"].as_f64().unwrap();
    // Nine tenths come by Steam, half of all in the first three hours.
    world
        .measure_by(|since| {
            let extra = prior * fading(since, 0.8);
            vec![
                (key(Some("steam"), None), 5e9 + 0.9 * extra),
                (key(Some("playstation"), None), 5e9 + 0.1 * extra),
            ]
        })
        .await;
    let pass = world.pass(at(RELEASE) + TimeDelta::days(3)).await;
    assert_eq!(pass.learned, 1, "{pass:?}");
    let (_, document) = world.outcome("og").await;
    let bytes: BTreeMap<String, f64> =
        serde_json::from_value(document["measured"]["observation"]["platforms"].clone()).unwrap();
    assert!((bytes["steam"] / bytes["playstation"] / 9.0 - 1.0).abs() < 0.05, "{bytes:?}");

    world.pass(at(NEXT) - TimeDelta::days(14) + TimeDelta::minutes(1)).await;
    let next = world.last_frozen().await;
    let share = |made: &Value| {
        let sum = |id: &str| -> f64 {
            made["platforms"][id]["p50"].as_array().unwrap().iter().filter_map(Value::as_f64).sum()
        };
        sum("steam") / (sum("steam") + sum("playstation"))
    };
    assert!(share(&next) > share(&made) + 0.1, "{} then {}", share(&made), share(&next));
    let told: Vec<&str> =
        next["corrections"].as_array().unwrap().iter().map(|one| one["effect"].as_str().unwrap()).collect();
    assert!(told.contains(&"platforms") && told.contains(&"starts"), "{told:?}");
}
