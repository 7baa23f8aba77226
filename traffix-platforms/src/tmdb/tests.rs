#![expect(clippy::float_cmp, reason = "values are read, not computed")]

use proptest::prelude::*;
use traffix_core::catalogue::RuKind;

use super::*;
use crate::testing::{answer, damage, recorded, run};

const FIXTURES: &str = "tmdb/fixtures";

fn query(region: &str, cursor: Option<&str>) -> Discover {
    let at = |text: &str| text.parse().unwrap();
    Discover {
        now: at("2026-09-01T00:00:00Z"),
        from: at("2026-09-01T00:00:00Z"),
        until: at("2026-12-01T00:00:00Z"),
        region: region.parse().unwrap(),
        cursor: cursor.map(str::to_owned),
    }
}

fn refresh(up: &dyn Upstream, id: &str) -> Result<ListingObservation, PlatformError> {
    run(Tmdb.refresh(up, &ListingRef::new(id)))
}

/// Region and day of every unlock.
fn unlocks(seen: &ListingObservation) -> Vec<(String, String)> {
    let phase = |phase: &Phase| {
        assert_eq!((phase.kind, phase.window.value.precision), (PhaseKind::Unlock, Precision::Day));
        (phase.region.to_string(), phase.window.value.start.to_rfc3339())
    };
    seen.listing.phases.iter().map(phase).collect()
}

fn pair(region: &str, day: &str) -> (String, String) {
    (region.into(), format!("{day}T00:00:00+00:00"))
}

#[test]
fn a_film_without_a_digital_release() {
    let seen = refresh(&recorded(FIXTURES), "603").unwrap();
    assert_eq!((seen.title.as_deref(), seen.kind), (Some("The Matrix"), RuKind::Release));
    assert_eq!(seen.listing.stream.runtime_secs.as_ref().unwrap().value, 136 * 60);
    assert_eq!(seen.nsfw, Some(false));
    // 1999-03-30 is the day of the cinemas.
    assert_eq!(unlocks(&seen), []);
    let popularity = seen.listing.audience.popularity.unwrap();
    assert_eq!(popularity.value, 34.568_523);
    assert_eq!(popularity.evidence.kind, SourceKind::Community);
    assert!(popularity.evidence.note.unwrap().ends_with("open scale from 0, changes daily"));
    let audience = run(Tmdb.audience(&recorded(FIXTURES), &ListingRef::new("603"))).unwrap();
    assert_eq!(audience.audience.popularity.unwrap().value, 34.568_523);
}

#[test]
fn films_in_cinemas_and_found_have_no_date() {
    let up = recorded(FIXTURES);
    let playing = run(now_playing(&up, &"US".parse().unwrap(), None)).unwrap();
    assert_eq!(playing.next, None);
    assert_eq!(playing.items[0].listing.external_id.as_deref(), Some("667538"));
    assert_eq!(playing.items[1].title.as_deref(), Some("Knights of the Zodiac"));
    assert_eq!(playing.items[1].listing.audience.popularity.as_ref().unwrap().value, 2_233.242);
    let found = run(search(&up, "The Matrix", None)).unwrap();
    assert_eq!((found.items.len(), found.next.as_deref()), (8, Some("2")));
    let upcoming = run(upcoming(&up, &"DE".parse().unwrap(), None)).unwrap();
    assert!(
        [playing, found, upcoming].iter().flat_map(|page| &page.items).all(|seen| unlocks(seen).is_empty())
    );
}

#[test]
fn the_first_digital_day_of_every_country_as_documented() {
    let seen = refresh(&recorded(FIXTURES), "9000001").unwrap();
    assert_eq!(unlocks(&seen), [pair("DE", "2026-09-08"), pair("US", "2026-07-14")]);
    assert!(seen.listing.findings().is_empty());
}

#[test]
fn digital_releases_of_a_country_as_documented() {
    let up = recorded(FIXTURES);
    let first = run(Tmdb.discover(&up, &query("DE", None))).unwrap();
    assert_eq!(unlocks(&first.items[0]), [pair("DE", "2026-09-08")]);
    let second = run(Tmdb.discover(&up, &query("DE", first.next.as_deref()))).unwrap();
    assert_eq!((second.items.len(), second.next), (1, None));
    assert_eq!(unlocks(&second.items[0]), []);
    assert!(run(Tmdb.discover(&up, &query("DE", Some("x")))).is_err());
}

#[test]
fn seen_from_the_world_there_are_titles_and_no_dates() {
    let url = "https://api.themoviedb.org/3/discover/movie?with_release_type=4&sort_by=popularity.desc&release_date.gte=2026-09-01&release_date.lte=2026-12-01&page=1";
    let body = r#"{"page":1,"results":[{"id":5,"release_date":"2026-09-02"}],"total_pages":4294967295}"#;
    let page = run(Tmdb.discover(&answer(url, 200, body), &query("world", None))).unwrap();
    assert_eq!(unlocks(&page.items[0]), []);
    assert_eq!(page.next.as_deref(), Some("2"));
}

#[test]
fn every_request_names_the_credential() {
    for request in [get("movie"), get("discover/movie")] {
        let credential = request.credential.unwrap();
        assert_eq!((credential.name, credential.required), ("tmdb", true));
        assert_eq!(Tmdb.profile().credentials[0].name, credential.name);
    }
    assert_eq!(get("movie/upcoming").url.as_str(), "https://api.themoviedb.org/3/movie/upcoming");
}

#[test]
fn odd_answers_are_typed() {
    let up = recorded(FIXTURES);
    for id in ["999999999", "", "x", "1/2"] {
        assert_eq!(refresh(&up, id), Err(PlatformError::NotFound { platform: ID, id: id.into() }));
    }
    let url = "https://api.themoviedb.org/3/movie/7?append_to_response=release_dates";
    for (status, body) in [(200, ""), (200, "<html>"), (200, "{\"id\":7"), (401, "{\"status_code\":7}")] {
        let error = refresh(&answer(url, status, body), "7").unwrap_err();
        assert!(matches!(error, PlatformError::Malformed { operation: "movie", .. }), "{error}");
    }
    let body = r#"{"id":7,"runtime":0,"status":"Canceled","release_dates":{"results":[{"iso_3166_1":"DE","release_dates":[{"type":4,"release_date":"2026-01-02T00:00:00.000Z"}]}]}}"#;
    let seen = refresh(&answer(url, 200, body), "7").unwrap();
    assert_eq!(seen.listing.phases[0].status, PhaseStatus::Cancelled);
    assert!(seen.listing.stream.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn damaged_recordings_give_values_or_typed_errors(damage in damage()) {
        let up = damage.replay(FIXTURES);
        for id in ["603", "9000001"] {
            if let Ok(seen) = refresh(&up, id) {
                prop_assert!(seen.listing.audience.popularity.is_none_or(|p| p.value >= 0.0));
            }
        }
        let _ = run(Tmdb.discover(&up, &query("DE", None)));
        let _ = run(search(&up, "The Matrix", None));
        let _ = run(now_playing(&up, &"US".parse().unwrap(), None));
    }
}
