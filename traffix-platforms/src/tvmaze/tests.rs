#![expect(clippy::float_cmp, reason = "values are read, not computed")]

use proptest::prelude::*;
use traffix_core::Evidence;
use traffix_core::catalogue::{Content, Precision, RuKind};

use super::*;
use crate::testing::{answer, damage, recorded, run};
use crate::upstream::Replay;

const FIXTURES: &str = "tvmaze/fixtures";

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn query(region: &str, cursor: Option<&str>) -> Discover {
    Discover {
        now: at("2026-09-01T00:00:00Z"),
        from: at("2026-09-04T00:00:00Z"),
        until: at("2026-09-05T00:00:00Z"),
        region: region.parse().unwrap(),
        cursor: cursor.map(str::to_owned),
    }
}

fn refresh(up: &Replay, id: &str) -> Result<ListingObservation, PlatformError> {
    run(TvMaze.refresh(up, &ListingRef::new(id)))
}

/// Region, start and precision of the only phase.
fn unlock(seen: &ListingObservation) -> (String, DateTime<Utc>, Precision) {
    assert_eq!(seen.listing.phases.len(), 1, "{seen:?}");
    let phase = &seen.listing.phases[0];
    (phase.region.to_string(), phase.window.value.start, phase.window.value.precision)
}

fn runtime_secs(seen: &ListingObservation) -> Option<u64> {
    seen.listing.stream.runtime_secs.as_ref().map(|secs| secs.value)
}

#[test]
fn a_broadcast_schedule() {
    let day = "2018-11-03".parse().unwrap();
    let seen = run(schedule(&recorded(FIXTURES), &"US".parse().unwrap(), day)).unwrap();
    assert_eq!(seen.len(), 12);
    let duck = &seen[2];
    assert_eq!(duck.title.as_deref(), Some("DuckTales: season 2, episode 3"));
    assert_eq!((duck.kind, duck.updates.as_deref()), (RuKind::Update, Some("19621")));
    assert_eq!(duck.listing.external_id.as_deref(), Some("19621-e1546190"));
    assert_eq!(duck.publishers, ["DisneyNOW"]);
    assert_eq!(unlock(duck), ("US".into(), at("2018-11-03T11:30:00Z"), Precision::Minute));
    assert_eq!(runtime_secs(duck), Some(1_800));
    assert_eq!(duck.listing.audience.popularity.as_ref().unwrap().value, 96.0);
    assert_eq!(seen[0].listing.url.as_deref(), Some("https://www.tvmaze.com/shows/38162/night-flight"));
    assert!(seen.iter().all(|seen| seen.content == Content::Media && seen.listing.findings().is_empty()));
    assert!(
        seen.iter().all(|seen| seen.listing.sizes.is_empty() && seen.listing.stream.bitrate_bps.is_none())
    );
}

#[test]
fn the_audience_of_a_streaming_show() {
    let seen = run(TvMaze.audience(&recorded(FIXTURES), &ListingRef::new("45499"))).unwrap();
    let popularity = seen.audience.popularity.unwrap();
    assert_eq!(popularity.value, 85.0);
    let Evidence { note, source, confidence, .. } = popularity.evidence;
    assert_eq!(note.as_deref(), Some("TVmaze, CC BY-SA 4.0; weight on the site, 0 to 100"));
    assert_eq!((source.as_str(), confidence), ("https://api.tvmaze.com/shows/45499", 0.8));
    assert_eq!(seen.players_now, None);
}

#[test]
fn a_show_found_by_title_is_known_to_the_day() {
    let seen = run(find(&recorded(FIXTURES), "The Flash")).unwrap().unwrap();
    assert_eq!(seen.listing.external_id.as_deref(), Some("13"));
    assert_eq!((seen.kind, seen.title.as_deref()), (RuKind::Release, Some("The Flash")));
    assert_eq!(unlock(&seen), ("US".into(), at("2014-10-07T00:00:00Z"), Precision::Day));
    assert_eq!(runtime_secs(&seen), Some(3_600));
    assert_eq!(seen.changed_at, Some(at("2017-03-26T00:39:49Z")));
    let url = "https://api.tvmaze.com/singlesearch/shows?q=x&embed=seasons";
    assert_eq!(run(find(&answer(url, 404, "null"), "x")), Ok(None));
}

#[test]
fn a_show_and_its_second_season_as_documented() {
    let up = recorded(FIXTURES);
    let show = refresh(&up, "45499").unwrap();
    assert_eq!((show.kind, show.title.as_deref()), (RuKind::Release, Some("The Midnight Gospel")));
    // No time of day: the noon that the guide fills in is no instant.
    assert_eq!(unlock(&show), ("world".into(), at("2020-04-20T00:00:00Z"), Precision::Day));
    let runtime = show.listing.stream.runtime_secs.as_ref().unwrap();
    assert_eq!(runtime.value, 1_500);
    assert!(runtime.evidence.note.as_deref().unwrap().ends_with("one of 3 episodes that come together"));
    let season = refresh(&up, "45499-e9000010").unwrap();
    assert_eq!((season.kind, season.updates.as_deref()), (RuKind::Update, Some("45499")));
    assert_eq!(season.title.as_deref(), Some("The Midnight Gospel: season 2"));
    assert_eq!(unlock(&season), ("world".into(), at("2021-05-07T13:00:00Z"), Precision::Minute));
}

#[test]
fn unknown_identifiers_are_not_found() {
    let up = recorded(FIXTURES);
    for id in ["999999999", "45499-e1", "", "x", "-e", "45499-e", "1/2"] {
        let expected = PlatformError::NotFound { platform: ID, id: id.into() };
        assert_eq!(refresh(&up, id), Err(expected), "{id:?}");
    }
}

#[test]
fn streaming_schedules_hold_first_showings_as_documented() {
    let up = recorded(FIXTURES);
    let page = run(TvMaze.discover(&up, &query("GB", None))).unwrap();
    assert_eq!(page.next, None);
    let ids: Vec<_> = page.items.iter().map(|seen| seen.listing.external_id.as_deref().unwrap()).collect();
    // Neither the news nor the trailer.
    assert_eq!(ids, ["100001", "100002-e9100003", "100004-e9100005", "100005-e9200001"]);
    let kinds: Vec<_> = page.items.iter().map(|seen| seen.kind).collect();
    assert_eq!(kinds, [RuKind::Release, RuKind::Update, RuKind::Update, RuKind::Update]);
    assert_eq!(unlock(&page.items[0]), ("world".into(), at("2026-09-04T00:00:00Z"), Precision::Day));
    assert_eq!(unlock(&page.items[3]), ("GB".into(), at("2026-09-04T19:00:00Z"), Precision::Minute));
    // Without a running time of its own, the usual one of the show.
    assert_eq!(
        page.items.iter().map(runtime_secs).collect::<Vec<_>>(),
        [Some(3_000), Some(2_700), Some(1_860), Some(3_600)]
    );
    assert_eq!(run(TvMaze.discover(&up, &query("world", None))).unwrap().items.len(), 3);
}

#[test]
fn paging_ends_within_the_period_and_within_three_months() {
    let url = "https://api.tvmaze.com/schedule/web?date=2026-12-04&country=";
    let mut query = query("world", Some("2026-12-04"));
    query.until = at("2036-01-01T00:00:00Z");
    let next = |day: &str, query: &Discover| {
        let up = answer(&url.replace("2026-12-04", day), 200, "[]");
        run(TvMaze.discover(&up, &Discover { cursor: Some(day.into()), ..query.clone() })).unwrap().next
    };
    assert_eq!(next("2026-12-04", &query).as_deref(), Some("2026-12-05"));
    assert_eq!(next("2026-12-05", &query), None);
    query.until = at("2026-09-05T00:00:00Z");
    assert_eq!(next("2026-09-04", &query), None);
    let error = run(TvMaze.discover(&recorded(FIXTURES), &Discover { cursor: Some("x".into()), ..query }));
    assert!(matches!(error, Err(PlatformError::Malformed { .. })));
}

#[test]
fn changes_of_a_day_as_documented() {
    let changed = run(changed_today(&recorded(FIXTURES))).unwrap();
    assert_eq!(changed["45499"], at("2026-08-29T11:40:00Z"));
    assert_eq!(changed.len(), 2);
}

#[test]
fn odd_answers_are_typed() {
    let url = "https://api.tvmaze.com/shows/7?embed=episodes";
    for body in ["", "<html>busy</html>", "{\"id\":7", "{\"id\":\"seven\"}", "[]"] {
        let error = refresh(&answer(url, 200, body), "7").unwrap_err();
        assert!(matches!(error, PlatformError::Malformed { operation: "shows", .. }), "{error}");
    }
    assert!(refresh(&answer(url, 429, ""), "7").unwrap_err().is_retryable());
    // A country that there is not leaves the place unknown, and a phase needs one.
    let body = r#"{"id":7,"premiered":"2026-01-01","webChannel":{"country":{"code":"XXX"}},"runtime":0}"#;
    let seen = refresh(&answer(url, 200, body), "7").unwrap();
    assert!(seen.listing.phases.is_empty() && seen.listing.stream.is_empty() && seen.title.is_none());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn damaged_recordings_give_values_or_typed_errors(damage in damage()) {
        let up = damage.replay(FIXTURES);
        let _ = run(schedule(&up, &"US".parse().unwrap(), "2018-11-03".parse().unwrap()));
        let _ = run(TvMaze.discover(&up, &query("GB", None)));
        let _ = run(changed_today(&up));
        let _ = run(find(&up, "The Flash"));
        if let Ok(seen) = refresh(&up, "45499") {
            prop_assert!(seen.listing.stream.runtime_secs.is_none_or(|secs| secs.value > 0));
        }
    }
}
