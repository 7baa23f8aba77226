use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::input::ForecastInput;
use super::super::output::Quantiles;
use super::super::run::{ForecastError, observed};
use super::super::worlds::Worlds;
use super::by_draw::ByDraw;
use super::*;

const NOTHING: Quantiles = Quantiles { p10: 0.0, p50: 0.0, p90: 0.0, p99: 0.0 };

/// A network where the caches fill, on an evening with much usual traffic.
fn question() -> ForecastInput {
    serde_json::from_value(json!({
        "ru": {"id": "x", "kind": "update", "release_at": "2026-03-05T10:00:00Z",
               "items": [{"platform": "playstation", "bytes": 30e9, "cdn_shares": {"akamai": 0.7, "fastly": 0.3}},
                         {"platform": "steam", "bytes": 40e9, "cdn_shares": {"valve": 0.8, "akamai": 0.2}}],
               "signals": {"mau": 6e7}},
        "network": {"id": "acme", "country": "GB", "tz": "Europe/London", "lines": 1e6, "national_lines": 28.5e6,
               "line_rate_bps": {"median": 70e6, "sigma": 0.8},
               "platform_mix": {"playstation": 0.8, "steam": 0.2}, "baseline_bps": vec![100e9; 168],
               "links": [{"id": "cache", "cdns": ["akamai"], "kind": "embedded-cache", "capacity_bps": 6e10},
                         {"id": "peer", "cdns": ["akamai", "valve"], "kind": "pni", "capacity_bps": 8e10},
                         {"id": "transit", "kind": "transit", "capacity_bps": 1e11, "headroom": 0.1}]},
        "options": {"draws": 64, "horizon_s": 259_200, "step_s": 600}
    }))
    .unwrap()
}

fn scenario(changes: Value) -> Scenario {
    Scenario { name: "what if".into(), changes: serde_json::from_value(changes).unwrap() }
}

fn asked(changes: Value) -> ForecastInput {
    apply(&question(), &scenario(changes)).unwrap()
}

fn compared(input: &ForecastInput, changes: Value) -> (Comparison, Difference) {
    let answer = compare(input, &[scenario(changes)], None).unwrap();
    let difference = answer.scenarios[0].difference.clone();
    (answer, difference)
}

/// The draws of a question, followed where those of the unchanged question are.
fn draws(input: &ForecastInput) -> ByDraw {
    let base = observed(&question(), None, |drawn| ByDraw::of(drawn, None)).unwrap().1;
    observed(input, None, |drawn| ByDraw::of(drawn, Some(&base.followed))).unwrap().1
}

#[test]
fn nothing_changed_is_no_difference_at_all() {
    let (answer, difference) = compared(&question(), json!([]));
    assert_eq!(answer.base, answer.scenarios[0].forecast);
    assert_eq!(answer.base, crate::forecast::forecast(&question()).unwrap());
    assert_eq!(
        (difference.peak_bps, difference.bytes, difference.peak_later_secs),
        (NOTHING, NOTHING, NOTHING)
    );
    assert_eq!(difference.peak_ratio, Some(Quantiles { p10: 1.0, p50: 1.0, p90: 1.0, p99: 1.0 }));
    assert_eq!((difference.delayed_bytes_p50, difference.delayed_bytes_p90), (0.0, 0.0));
    for link in difference.links.values() {
        assert_eq!((link.peak_bps, link.minutes, link.before), (NOTHING, NOTHING, link.after));
        assert_eq!((link.newly_full_probability, link.relieved_probability), (0.0, 0.0));
    }
    let text = serde_json::to_string(&answer.scenarios[0].difference).unwrap();
    assert!(!text.contains("-0"), "{text}");
}

#[test]
fn double_adoption_doubles_every_draw() {
    let (base, doubled) = (draws(&question()), draws(&asked(json!([{"scale_audience": {"by": 2}}]))));
    let twice: Vec<f64> = base.peak_bps.iter().map(|peak| 2.0 * peak).collect();
    assert_eq!(twice, doubled.peak_bps);
    assert_eq!(base.peak_at_s, doubled.peak_at_s);
    let (answer, difference) = compared(&question(), json!([{"scale_audience": {"by": 2}}]));
    assert_eq!((difference.peak_bps, difference.bytes), (answer.base.peak.bps, answer.base.bytes));
    assert!(difference.delayed_bytes_p90 > 0.0);
    // Also where chance among few downloads counts, and with a learned correction.
    let mut small = question();
    small.network.lines = 900.0;
    let learned = crate::forecast::Corrections { factor: 0.5, variance_removed: 0.1, ..Default::default() };
    let double = scenario(json!([{"scale_audience": {"by": 2}}]));
    let answer = compare(&small, &[double], Some(&learned)).unwrap();
    assert!(answer.base.sigma_budget.cv > 0.0);
    let doubled = answer.scenarios[0].difference.peak_bps;
    assert!((doubled.p50 - answer.base.peak.bps.p50).abs() <= 1.0, "{doubled:?}");
}

#[test]
fn a_lost_peer_moves_its_traffic_and_changes_no_total() {
    let (answer, difference) = compared(&question(), json!([{"remove_link": {"link": "peer"}}]));
    let without = &answer.scenarios[0].forecast;
    assert_eq!(
        (&without.total, without.peak, without.bytes),
        (&answer.base.total, answer.base.peak, answer.base.bytes)
    );
    assert_eq!(difference.peak_bps, NOTHING);
    let (peer, transit) = (&difference.links["peer"], &difference.links["transit"]);
    assert!(peer.after.is_none() && peer.peak_bps.p50 < 0.0);
    assert!(transit.peak_bps.p50 > 0.0 && transit.minutes.p50 > 0.0);
    assert!(transit.newly_full_probability + transit.before.unwrap().full_probability > 0.5);
    assert!(difference.delayed_bytes_p90 > 0.0);
    // Usual traffic too: the three links carry what the network does, before and after.
    let usual = |input: &ForecastInput| -> f64 {
        input.network.links.iter().map(|l| l.baseline_bps.as_ref().unwrap()[0]).sum()
    };
    let lost = asked(json!([{"remove_link": {"link": "peer"}}]));
    assert!((usual(&lost) / 100e9 - 1.0).abs() < 1e-12);
}

#[test]
fn links_can_be_pinned_without_any_effect() {
    let same = asked(json!([{"scale_capacity": {"link": "peer", "by": 1}}]));
    assert!(same.network.links.iter().all(|link| link.baseline_bps.is_some()));
    let (a, b) = (crate::forecast::forecast(&question()).unwrap(), crate::forecast::forecast(&same).unwrap());
    assert_eq!((a.links, a.total), (b.links, b.total));
}

#[test]
fn a_preload_lowers_the_peak_and_keeps_the_end() {
    let (answer, difference) = compared(&question(), json!([{"add_preload": {"before_secs": 172_800}}]));
    let (base, with) = (&answer.base.grid, &answer.scenarios[0].forecast.grid);
    assert_eq!(with.bins, base.bins + 288);
    assert_eq!(base.start - with.start, chrono::TimeDelta::days(2));
    assert!(difference.peak_bps.p90 < 0.0 && difference.peak_lower_probability > 0.9, "{difference:?}");
    let back = apply(
        &question(),
        &scenario(json!([{"add_preload": {"before_secs": 172_800}}, {"remove_preload": {}}])),
    );
    assert_eq!(back.unwrap(), question());
}

#[test]
fn a_shift_by_a_week_only_shifts() {
    let (_, difference) = compared(&question(), json!([{"shift": {"by_secs": 604_800}}]));
    assert_eq!((difference.peak_bps, difference.bytes), (NOTHING, NOTHING));
    let week = Quantiles { p10: 604_800.0, p50: 604_800.0, p90: 604_800.0, p99: 604_800.0 };
    assert_eq!(difference.peak_later_secs, week);
}

#[test]
fn waves_lose_no_bytes_but_those_after_the_end() {
    let days = |days: u32| {
        let mut input = question();
        input.options.horizon_s = days * 86_400;
        draws(&input).bytes
    };
    let mut input = question();
    input.options.horizon_s = 20 * 86_400;
    let waves = apply(&input, &scenario(json!([{"stagger": {"waves": 3, "every_secs": 604_800}}]))).unwrap();
    assert_eq!(waves.ru.waves.len(), 3);
    assert!(draws(&waves).peak_bps.iter().zip(&draws(&input).peak_bps).all(|(waves, one)| waves < one));
    // Weeks are alike: each wave has the bytes of the one release until as long after it.
    let (whole, two, one) = (days(20), days(13), days(6));
    for (i, bytes) in draws(&waves).bytes.iter().enumerate() {
        let parts = (whole[i] + two[i] + one[i]) / 3.0;
        assert!((bytes / parts - 1.0).abs() < 1e-9, "draw {i}: {bytes} {parts}");
    }
}

#[test]
fn a_throttle_delivers_no_byte_earlier_and_loses_none() {
    let held = asked(json!([{"throttle": {"max_bps": 2e7}}]));
    let (free, held) = (Worlds::new(&question()).unwrap(), Worlds::new(&held).unwrap());
    for draw in 0..free.len() {
        let (mut early, mut late) = (0.0, 0.0);
        let mut behind = 0.0_f64;
        for (free, held) in free.total(draw).iter().zip(&held.total(draw)) {
            (early, late) = (early + free, late + held);
            behind = behind.max((early - late) / early.max(1.0));
            assert!(late <= early * (1.0 + 1e-9), "draw {draw}: {late} {early}");
        }
        assert!(behind > 0.05 && late > 0.9 * early, "draw {draw}: {behind} {late} {early}");
    }
}

#[test]
fn sizes_and_lines_leave_the_audience_of_a_past_event_alone() {
    let mut input = question();
    input.ru.signals = serde_json::from_value(json!({"past": [
        {"network": "acme", "bytes": 5e15, "at": "2025-12-01T00:00:00Z"},
        {"network": "other", "bytes": 7e15, "at": "2025-12-02T00:00:00Z"}]}))
    .unwrap();
    let larger = apply(&input, &scenario(json!([{"scale_size": {"by": 2}}]))).unwrap();
    let (a, b) = (draws(&input), draws(&larger));
    let horizon_bound =
        a.bytes.iter().zip(&b.bytes).all(|(a, b)| *b > 1.8 * a && *b <= 2.0 * a * (1.0 + 1e-9));
    assert!(horizon_bound);
    let lines = apply(&input, &scenario(json!([{"scale_lines": {"by": 4}}]))).unwrap();
    for (a, b) in a.peak_bps.iter().zip(&draws(&lines).peak_bps) {
        assert!((4.0 * a / b - 1.0).abs() < 1e-9);
    }
    assert_eq!(lines.ru.signals.past[1], input.ru.signals.past[1]);
}

#[test]
fn another_mix_of_cdns_moves_links_only() {
    let mix = json!([{"cdn_mix": {"platform": "playstation", "shares": {"fastly": 1.0}}}]);
    let (answer, difference) = compared(&question(), mix);
    assert_eq!(difference.peak_bps, NOTHING);
    assert!(difference.links["cache"].peak_bps.p50 < 0.0 && difference.links["transit"].peak_bps.p50 > 0.0);
    assert_eq!(answer.base.total, answer.scenarios[0].forecast.total);
}

#[test]
fn the_order_of_scenarios_does_not_matter() {
    let one = Scenario { name: "one".into(), ..scenario(json!([{"scale_audience": {"by": 1.5}}])) };
    let two = Scenario { name: "two".into(), ..scenario(json!([{"remove_link": {"link": "cache"}}])) };
    let ahead = compare(&question(), &[one.clone(), two.clone()], None).unwrap();
    let back = compare(&question(), &[two, one], None).unwrap();
    assert_eq!(ahead.base, back.base);
    assert_eq!((&ahead.scenarios[0], &ahead.scenarios[1]), (&back.scenarios[1], &back.scenarios[0]));
}

#[test]
fn what_a_link_is_asked_for_does_not_depend_on_what_others_cannot_take() {
    // Without room on transit, traffic of the full CDN moves to others, which must not hide that the cache is full.
    let tight = draws(&asked(json!([{"set_capacity": {"link": "transit", "capacity_bps": 2e9}}])));
    let wide = draws(&asked(json!([{"set_capacity": {"link": "transit", "capacity_bps": 2e13}}])));
    for (tight, wide) in tight.links["cache"].minutes.iter().zip(&wide.links["cache"].minutes) {
        assert!(tight >= wide, "{tight} {wide}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn more_capacity_never_delays_more(link in 0..3_usize, by in 1.0..8.0_f64, lines in 2e5..4e6_f64) {
        let mut input = question();
        input.network.lines = lines;
        let id = input.network.links[link].id.clone();
        let wider = scenario(json!([{"scale_capacity": {"link": &id, "by": by}}]));
        let (narrow, wide) = (draws(&input), draws(&apply(&input, &wider).unwrap()));
        for (before, after) in narrow.delayed_bytes.iter().zip(&wide.delayed_bytes) {
            prop_assert!(*after <= before * (1.0 + 1e-9), "{} {}", before, after);
        }
        // The link itself is full for no longer.
        for (before, after) in narrow.links[&id].minutes.iter().zip(&wide.links[&id].minutes) {
            prop_assert!(after <= before, "{} {}", before, after);
        }
    }

    #[test]
    fn any_factor_of_the_audience_scales_every_draw(by in 0.01..50.0_f64) {
        let (base, scaled) = (draws(&question()), draws(&asked(json!([{"scale_audience": {"by": by}}]))));
        for (a, b) in base.peak_bps.iter().zip(&scaled.peak_bps) {
            prop_assert!((a * by / b - 1.0).abs() < 1e-9);
        }
    }
}

/// Findings of a list of changes: places and words.
fn wrong(changes: Value) -> Vec<(String, String)> {
    let found = apply(&question(), &scenario(changes)).unwrap_err();
    found.into_iter().map(|f| (f.pointer, f.detail)).collect()
}

#[test]
fn every_mistake_has_its_place() {
    let found = wrong(json!([
        {"remove_link": {"link": "nope"}},
        {"add_link": {"id": "cache", "kind": "pni", "capacity_bps": -1}},
        {"set_capacity": {"link": "peer", "capacity_bps": 0}},
        {"cdn_mix": {"platform": "xbox", "shares": {"akamai": 1}}},
        {"cdn_mix": {"shares": {"akamai": 0.4}}},
        {"scale_audience": {"by": -2}},
        {"scale_audience": {"by": 1e9}},
        {"remove_preload": {}},
        {"stagger": {"every_secs": 60}},
        {"stagger": {"waves": 65, "every_secs": 60}},
        {"stagger": {"shares": [0.5, 0.4], "every_secs": 60}},
        {"shift": {"by_secs": i64::MAX}},
        {"set_release": {"at": "1066-10-14T09:00:00Z"}},
        {"throttle": {"max_bps": 0}},
        {"set_lines": {"lines": 1e12}},
    ]));
    let places: Vec<&str> = found.iter().map(|(place, _)| place.as_str()).collect();
    assert_eq!(
        places,
        [
            "/changes/0/remove_link/link",
            "/changes/1/add_link/id",
            "/changes/1/add_link/capacity_bps",
            "/changes/2/set_capacity/capacity_bps",
            "/changes/3/cdn_mix/platform",
            "/changes/4/cdn_mix",
            "/changes/4/cdn_mix",
            "/changes/5/scale_audience/by",
            "/changes/6/scale_audience",
            "/changes/7/remove_preload",
            "/changes/8/stagger",
            "/changes/9/stagger/waves",
            "/changes/10/stagger",
            "/changes/11/shift/by_secs",
            "/changes/12/set_release",
            "/changes/13/throttle",
            "/changes/13/throttle",
            "/changes/14/set_lines",
        ]
    );
    assert_eq!(found[0].1, "no link is called \"nope\": there are \"cache\", \"peer\", \"transit\"");
    assert!(found[3].1.starts_with("must be a number above 0"), "{}", found[3].1);
    assert!(found[5].1.starts_with("leaves /ru/items/0/cdn_shares: "), "{}", found[5].1);
}

#[test]
fn a_day_is_neither_split_nor_moved_by_hours() {
    let mut input = question();
    input.ru.release_at = Some("2026-03-05".parse().unwrap());
    let ask = |changes: Value| apply(&input, &scenario(changes));
    let waves = ask(json!([{"stagger": {"waves": 2, "every_secs": 60}}])).unwrap_err();
    assert!(waves[0].detail.contains("set_release"), "{}", waves[0]);
    assert_eq!(ask(json!([{"shift": {"by_secs": 60}}])).unwrap_err()[0].pointer, "/changes/0/shift/by_secs");
    let next = ask(json!([{"shift": {"by_secs": -86_400}}])).unwrap();
    assert_eq!(next.ru.release_at, Some("2026-03-04".parse().unwrap()));
    let preload = ask(json!([{"add_preload": {"before_secs": 3600}}])).unwrap();
    assert_eq!(preload.ru.preload_at, Some("2026-03-04T23:00:00Z".parse().unwrap()));
}

#[test]
fn a_comparison_is_bounded() {
    let many = |count: usize| -> Vec<Scenario> {
        (0..count).map(|i| Scenario { name: i.to_string(), changes: Vec::new() }).collect()
    };
    let refused = |input: &ForecastInput, scenarios: &[Scenario]| match compare(input, scenarios, None) {
        Err(ForecastError::Invalid(found)) => found.into_iter().map(|f| f.pointer).collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(&question(), &many(0)), ["/scenarios"]);
    assert_eq!(refused(&question(), &many(limits::SCENARIOS + 1)), ["/scenarios"]);
    let twice = [many(1), many(1)].concat();
    assert_eq!(refused(&question(), &twice), ["/scenarios/1/name"]);
    let long = [scenario(json!(vec![json!({"shift": {"by_secs": 0}}); limits::CHANGES + 1]))];
    assert_eq!(refused(&question(), &long), ["/scenarios/0/changes"]);
    let mut fine = question();
    fine.options.draws = 4096;
    fine.options.horizon_s = 600 * 4096;
    assert!(fine.validate().is_empty());
    assert_eq!(refused(&fine, &many(1)), ["/options"]);
    let mut wide = question();
    wide.options.draws = 16;
    wide.options.horizon_s = 600 * 20_160;
    let mut link = wide.network.links[2].clone();
    for i in 3..100 {
        link.id = i.to_string();
        wide.network.links.push(link.clone());
    }
    assert_eq!(refused(&wide, &many(1)), ["/options"]);
}

#[test]
fn unknown_words_are_refused() {
    for text in [
        r#"{"name": "x", "changes": [], "more": 1}"#,
        r#"{"name": "x", "changes": [{"lose_link": {}}]}"#,
        r#"{"name": "x", "changes": [{"remove_link": {"link": "a", "why": "b"}}]}"#,
        r#"{"name": "x", "changes": [{"remove_preload": {"x": 1}}]}"#,
        r#"{"name": "x", "changes": [{"stagger": {"waves": 2, "every_s": 3}}]}"#,
    ] {
        assert!(serde_json::from_str::<Scenario>(text).is_err(), "{text}");
    }
}
