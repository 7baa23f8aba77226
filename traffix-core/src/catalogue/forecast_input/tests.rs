use super::*;
use crate::catalogue::{Audience, ByteRange, DownloadSize, RegionalWeight, Window};
use crate::forecast::{ForecastInput, Options};
use crate::network::Network;
use crate::{Bytes, Evidence};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn evidence(kind: SourceKind) -> Evidence {
    Evidence::new(kind, "test", at("2026-01-01T00:00:00Z"))
}

fn phase(kind: PhaseKind, start: &str, precision: Precision) -> Phase {
    let window = Window { start: at(start), end: None, precision };
    Phase {
        kind,
        region: Region::WORLD,
        window: Fact::new(window, evidence(SourceKind::Official)),
        status: PhaseStatus::Confirmed,
        share: None,
    }
}

fn listing(platform: &str, gb: u64, kind: SourceKind, phases: Vec<Phase>) -> Listing {
    let range = ByteRange::exactly(Bytes(gb * 1_000_000_000));
    let size =
        DownloadSize { variant: None, wire_bytes: Some(Fact::new(range, evidence(kind))), disk_bytes: None };
    Listing { sizes: vec![size], phases, ..Listing::new(platform.parse().unwrap()) }
}

fn ru(listings: Vec<Listing>) -> Ru {
    Ru {
        id: "x".parse().unwrap(),
        title: "X".into(),
        kind: RuKind::Release,
        release: None,
        content: Content::Game,
        franchise: None,
        publishers: Vec::new(),
        developers: Vec::new(),
        categories: Vec::new(),
        nsfw: false,
        thumbnails: Vec::new(),
        listings,
        evidence: vec![evidence(SourceKind::Official)],
    }
}

fn gb() -> Region {
    "GB".parse().unwrap()
}

fn ask(ru: &Ru) -> RuInput {
    ru.forecast_input(&gb(), &PlatformDefaults::default()).unwrap()
}

#[test]
fn every_answer_is_a_valid_question() {
    use PhaseKind::{Preload, Unlock, Wave};
    use Precision::{Day, Minute};
    let cases = [
        vec![phase(Unlock, "2026-03-05T10:00:00Z", Minute)],
        vec![phase(Unlock, "2026-03-05T00:00:00Z", Day)],
        vec![phase(Preload, "2026-03-03T00:00:00Z", Day), phase(Unlock, "2026-03-05T00:00:00Z", Day)],
        vec![phase(Preload, "2026-03-05T00:00:00Z", Day), phase(Unlock, "2026-03-05T00:00:00Z", Day)],
        vec![phase(Preload, "2026-03-03T00:00:00Z", Minute)],
        vec![phase(Wave, "2026-03-03T00:00:00Z", Minute), phase(Wave, "2026-03-04T00:00:00Z", Minute)],
    ];
    for phases in cases {
        let ru = ask(&ru(vec![listing("steam", 50, SourceKind::Press, phases)]));
        let network: Network =
            serde_json::from_str(r#"{"id": "n", "country": "GB", "tz": "Europe/London", "lines": 1e6}"#)
                .unwrap();
        let input = ForecastInput { ru, network, options: Options::default() };
        assert_eq!(input.validate(), Vec::new(), "{:?}", input.ru);
    }
}

#[test]
fn a_day_stays_a_day_and_a_month_is_no_date() {
    let day = ru(vec![listing(
        "steam",
        1,
        SourceKind::Press,
        vec![phase(PhaseKind::Unlock, "2026-03-05T00:00:00Z", Precision::Day)],
    )]);
    assert_eq!(ask(&day).release_at.unwrap().to_string(), "2026-03-05");
    let month = ru(vec![listing(
        "steam",
        1,
        SourceKind::Press,
        vec![phase(PhaseKind::Unlock, "2026-03-01T00:00:00Z", Precision::Month)],
    )]);
    let refused = |ru: &Ru| ru.forecast_input(&gb(), &PlatformDefaults::default()).unwrap_err();
    assert_eq!(refused(&month), NotForecastable::VagueDate);
    assert_eq!(refused(&ru(Vec::new())), NotForecastable::NoListing);
    assert_eq!(refused(&ru(vec![Listing::new("steam".parse().unwrap())])), NotForecastable::NoDate);
}

#[test]
fn a_cancelled_phase_does_not_happen() {
    let mut gone = phase(PhaseKind::Unlock, "2026-03-05T10:00:00Z", Precision::Minute);
    gone.status = PhaseStatus::Cancelled;
    let later = phase(PhaseKind::Unlock, "2026-04-05T10:00:00Z", Precision::Minute);
    let ru = ru(vec![listing("steam", 1, SourceKind::Press, vec![gone, later])]);
    assert_eq!(ask(&ru).release_at.unwrap().to_string(), "2026-04-05T10:00:00Z");
}

#[test]
fn the_regions_own_date_wins() {
    let mut own = phase(PhaseKind::Unlock, "2026-03-06T00:00:00Z", Precision::Minute);
    own.region = gb();
    let world = phase(PhaseKind::Unlock, "2026-03-05T00:00:00Z", Precision::Minute);
    let ru = ru(vec![listing("steam", 1, SourceKind::Press, vec![world, own])]);
    assert_eq!(ask(&ru).release_at.unwrap().to_string(), "2026-03-06T00:00:00Z");
}

#[test]
fn waves_share_what_is_not_stated() {
    let wave = |day: &str, share| Phase { share, ..phase(PhaseKind::Wave, day, Precision::Minute) };
    let waves = vec![
        wave("2026-03-05T00:00:00Z", Some(0.2)),
        wave("2026-03-06T00:00:00Z", None),
        wave("2026-03-07T00:00:00Z", None),
    ];
    let asked = ask(&ru(vec![listing("apple", 1, SourceKind::Press, waves)]));
    let shares: Vec<f64> = asked.waves.iter().map(|w| w.share).collect();
    assert!(asked.release_at.is_none());
    assert!(shares.iter().zip([0.2, 0.4, 0.4]).all(|(a, b)| (a - b).abs() < 1e-12), "{shares:?}");
}

#[test]
fn sizes_carry_who_says_them_and_how_wide_they_are() {
    let unlock = || vec![phase(PhaseKind::Unlock, "2026-03-05T10:00:00Z", Precision::Minute)];
    let of = |kind| ask(&ru(vec![listing("steam", 50, kind, unlock())])).items[0].bytes_sigma.unwrap();
    assert!(
        of(SourceKind::Official) < of(SourceKind::Press) && of(SourceKind::Press) < of(SourceKind::Inferred)
    );
    let mut wide = listing("steam", 50, SourceKind::Official, unlock());
    let range = ByteRange::new(Bytes(40_000_000_000), Bytes(60_000_000_000));
    wide.sizes[0].wire_bytes = Some(Fact::new(range, evidence(SourceKind::Official)));
    assert!(ask(&ru(vec![wide.clone()])).items[0].bytes_sigma.unwrap() > 0.15);
    wide.sizes[0].disk_bytes = wide.sizes[0].wire_bytes.take();
    let item = ask(&ru(vec![wide])).items.remove(0);
    assert_eq!((item.bytes, item.disk_bytes), (None, Some(50e9)));
}

#[test]
fn weights_are_the_listings_else_the_defaults_else_unknown() {
    let unlock = || vec![phase(PhaseKind::Unlock, "2026-03-05T10:00:00Z", Precision::Minute)];
    let mut steam = listing("steam", 1, SourceKind::Press, unlock());
    steam.weights =
        vec![RegionalWeight { region: Region::WORLD, share: Fact::new(0.6, evidence(SourceKind::Press)) }];
    let ru = ru(vec![steam, listing("xbox", 1, SourceKind::Press, unlock())]);
    let defaults = PlatformDefaults {
        weights: [("steam".parse().unwrap(), 0.1), ("xbox".parse().unwrap(), 0.2)].into(),
        ..PlatformDefaults::default()
    };
    let asked = ru.forecast_input(&gb(), &defaults).unwrap();
    let weights: Vec<f64> = asked.items.iter().filter_map(|item| item.weight).collect();
    assert!((weights[0] - 0.75).abs() < 1e-12 && (weights[1] - 0.25).abs() < 1e-12, "{weights:?}");
    assert_eq!(ask(&ru).items.iter().filter_map(|item| item.weight).count(), 0);
}

#[test]
fn audience_is_the_largest_figure() {
    let unlock = || vec![phase(PhaseKind::Unlock, "2026-03-05T10:00:00Z", Precision::Minute)];
    let fact = |n: u64| Some(Fact::new(n, evidence(SourceKind::Press)));
    let mut one = listing("steam", 1, SourceKind::Press, unlock());
    one.audience = Audience { mau: fact(5), ..Audience::default() };
    let mut two = listing("xbox", 1, SourceKind::Press, unlock());
    two.audience = Audience { mau: fact(7), wishlists: fact(1), ..Audience::default() };
    let signals = ask(&ru(vec![one, two])).signals;
    assert_eq!((signals.mau, signals.wishlists, signals.followers), (Some(7.0), Some(1.0), None));
}

#[test]
fn one_platforms_head_start_does_not_move_the_preload_of_the_others() {
    use PhaseKind::{Preload, Unlock};
    use Precision::{Day, Minute};
    let on = |platform, preload, precision| {
        let phases = vec![phase(Preload, preload, precision), phase(Unlock, "2023-11-10T05:00:00Z", Minute)];
        listing(platform, 90, SourceKind::Press, phases)
    };
    let ru = ask(&ru(vec![
        on("battlenet", "2023-11-07T00:00:00Z", Day),
        on("playstation", "2023-11-08T18:00:00Z", Minute),
        on("xbox", "2023-11-08T18:00:00Z", Minute),
    ]));
    assert_eq!(ru.preload_at, Some(at("2023-11-08T18:00:00Z")));
}
