//! Properties of whole forecasts: what must hold whatever is asked.
#![expect(clippy::unwrap_used, reason = "helpers of tests, not only their bodies, may panic")]

use proptest::prelude::*;
use traffix_core::forecast::{
    Fan, Forecast, ForecastInput, Item, RuKind, Signals, Worlds, curve, forecast, quantile,
};

fn question() -> ForecastInput {
    serde_json::from_str(
        r#"{"ru": {"id": "x", "kind": "update", "release_at": "2026-03-05T10:00:00Z",
             "items": [{"platform": "playstation", "bytes": 30e9, "cdn_shares": {"akamai": 0.7, "fastly": 0.3}},
                       {"platform": "steam", "bytes": 40e9, "cdn_shares": {"valve": 0.8, "akamai": 0.2}}],
             "signals": {"mau": 6e7}},
            "network": {"id": "acme", "country": "GB", "tz": "Europe/London", "lines": 1e6, "national_lines": 28.5e6,
             "line_rate_bps": {"median": 70e6, "sigma": 0.8}, "platform_mix": {"playstation": 0.8, "steam": 0.2},
             "links": [{"id": "cache", "cdns": ["akamai"], "kind": "embedded-cache", "capacity_bps": 1e11},
                       {"id": "pni", "cdns": ["akamai", "valve"], "kind": "pni", "capacity_bps": 2e11, "headroom": 0.1},
                       {"id": "transit", "cdns": [], "kind": "transit", "capacity_bps": 1e11}]},
            "options": {"draws": 64, "horizon_s": 259200}}"#,
    )
    .unwrap()
}

fn fans(forecast: &Forecast) -> Vec<&Fan> {
    let links = forecast.links.values().map(|l| &l.extra);
    std::iter::once(&forecast.total)
        .chain(forecast.platforms.values())
        .chain(forecast.cdns.values())
        .chain(links)
        .collect()
}

fn width(forecast: &Forecast) -> f64 {
    (forecast.peak.bps.p90 / forecast.peak.bps.p10).ln()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn quantiles_ordered(lines in 10.0..1e7_f64, bytes in 1e6..2e11_f64, seed in any::<u64>()) {
        let mut input = question();
        (input.network.lines, input.options.seed) = (lines, seed);
        input.ru.items[0].bytes = Some(bytes);
        let answer = forecast(&input).unwrap();
        for fan in fans(&answer) {
            prop_assert_eq!(fan.p50.len(), answer.grid.bins);
            for k in 0..answer.grid.bins {
                prop_assert!(0.0 <= fan.p10[k] && fan.p10[k] <= fan.p50[k]);
                prop_assert!(fan.p50[k] <= fan.p90[k] && fan.p90[k] <= fan.p99[k] && fan.p99[k].is_finite());
            }
        }
        let at = answer.peak.at;
        prop_assert!(at.p10 <= at.p50 && at.p50 <= at.p90);
        for link in answer.links.values() {
            prop_assert!(link.exceed.iter().all(|e| (0.0..=1.0).contains(&e.probability)));
            prop_assert!(link.delayed_bytes_p50 >= 0.0);
        }
    }

    #[test]
    fn non_decreasing_in_the_size_draw_by_draw(factor in 1.0..10.0_f64, draw in 0..64_usize) {
        let small = question();
        let mut large = question();
        for item in &mut large.ru.items {
            item.bytes = item.bytes.map(|b| b * factor);
        }
        let (a, b) = (Worlds::new(&small).unwrap().total(draw), Worlds::new(&large).unwrap().total(draw));
        let top = b.iter().fold(0.0_f64, |m, x| m.max(*x));
        prop_assert!(a.iter().zip(&b).all(|(x, y)| *y >= x - 1e-9 * top));
    }

    #[test]
    fn linear_in_the_audience_draw_by_draw(factor in 0.01..50.0_f64, draw in 0..64_usize) {
        let base = question();
        let mut scaled = question();
        // Lines of the network and of the country: every estimator of the audience scales with the former.
        scaled.network.lines *= factor;
        let (a, b) = (Worlds::new(&base).unwrap().total(draw), Worlds::new(&scaled).unwrap().total(draw));
        let top = b.iter().fold(0.0_f64, |m, x| m.max(*x));
        prop_assert!(a.iter().zip(&b).all(|(x, y)| (x * factor - y).abs() <= 1e-9 * top));
    }

    #[test]
    fn links_carry_the_total(capacity in 1e8..1e13_f64) {
        let mut input = question();
        for link in &mut input.network.links {
            link.capacity_bps = capacity;
        }
        // Medians do not add up exactly, and what overflows moves between them: compared loosely.
        let answer = forecast(&input).unwrap();
        let bytes = |fan: &Fan| fan.p50.iter().sum::<f64>();
        let links: f64 = answer.links.values().map(|l| bytes(&l.extra)).sum();
        let cdns: f64 = answer.cdns.values().map(bytes).sum();
        prop_assert!((links / cdns - 1.0).abs() < 0.35, "{links} {cdns}");
    }
}

#[test]
fn same_seed_same_bytes() {
    let text = |seed: u64| {
        let mut input = question();
        input.options.seed = seed;
        serde_json::to_string(&forecast(&input).unwrap()).unwrap()
    };
    assert_eq!(text(1), text(1));
    assert_ne!(text(1), text(2));
}

#[test]
fn the_answer_reads_back() {
    let answer = forecast(&question()).unwrap();
    let text = serde_json::to_string(&answer).unwrap();
    assert!(text.contains("\"start\":\"2026-03-05T10:00:00Z\""));
    let back: Forecast = serde_json::from_str(&text).unwrap();
    assert!(back.total == answer.total && back.links == answer.links && back.peak == answer.peak);
}

#[test]
fn shifted_by_whole_weeks() {
    let mut later = question();
    later.ru.release_at = Some("2026-03-12T10:00:00Z".parse().unwrap());
    let (a, b) = (forecast(&question()).unwrap(), forecast(&later).unwrap());
    assert_eq!(a.total, b.total);
    assert_eq!(b.peak.at.p50 - a.peak.at.p50, chrono::TimeDelta::weeks(1));
}

/// Removes one fact from a question.
type Forget = fn(&mut ForecastInput);

#[test]
fn missing_input_never_narrows() {
    let mut full = question();
    full.options.draws = 512;
    let known = forecast(&full).unwrap();
    let forgets: [(&str, Forget); 8] = [
        ("size of one platform", |i| i.ru.items[0].bytes = None),
        ("all sizes", |i| i.ru.items.iter_mut().for_each(|item| item.bytes = None)),
        ("audience", |i| i.ru.signals = Signals::default()),
        ("line rates", |i| i.network.line_rate_bps = None),
        ("country", |i| i.network.country = None),
        ("national lines", |i| i.network.national_lines = None),
        ("platform mix", |i| i.network.platform_mix = None),
        ("hour of the release", |i| i.ru.release_at = Some("2026-03-05".parse().unwrap())),
    ];
    for (what, forget) in forgets {
        let mut input = full.clone();
        forget(&mut input);
        let unknown = forecast(&input).unwrap();
        assert!(unknown.missing.len() > known.missing.len(), "{what} is not reported as missing");
        // One part in fifty for the draws: what is forgotten also moves the level and with it other effects.
        assert!(width(&unknown) > 0.98 * width(&known), "{what}: {} {}", width(&unknown), width(&known));
    }
}

#[test]
fn a_bare_listing_is_small_and_wide_until_a_fact_is_entered() {
    let mut bare = question();
    bare.ru.kind = RuKind::Release;
    bare.ru.signals = Signals::default();
    bare.ru.items.remove(0);
    bare.ru.items[0].bytes = None;
    let small = forecast(&bare).unwrap();
    assert!(small.peak.bps.p50 < 1e8, "{:?}", small.peak.bps);
    assert!(small.missing.iter().any(|m| m.detail.starts_with("only its listing on Steam is known")));
    let facts: [(&str, Forget); 4] = [
        ("size", |i| i.ru.items[0].bytes = Some(60e9)),
        ("franchise", |i| i.ru.franchise = Some("f".into())),
        ("followers", |i| i.ru.signals.followers = Some(2e5)),
        ("another platform", |i| {
            let item = Item { platform: "xbox".into(), ..i.ru.items[0].clone() };
            i.ru.items.push(item);
        }),
    ];
    for (what, enter) in facts {
        let mut input = bare.clone();
        enter(&mut input);
        let known = forecast(&input).unwrap();
        assert!(known.peak.bps.p50 > 30.0 * small.peak.bps.p50, "{what}");
        assert!(width(&known) < width(&small), "{what}");
    }
}

#[test]
fn the_sampler_equals_the_naive_way() {
    let input = question();
    let worlds = Worlds::new(&input).unwrap();
    let draws: Vec<Vec<f64>> =
        (0..worlds.len()).map(|i| curve(worlds.clock(), &worlds.cohorts(i)).bps).collect();
    let answer = forecast(&input).unwrap();
    let top = answer.peak.bps.p99;
    for k in 0..answer.grid.bins {
        let column: Vec<f64> = draws.iter().map(|d| d[k]).collect();
        assert!((quantile(&column, 0.9) - answer.total.p90[k]).abs() < 2e-4 * top);
    }
}

#[test]
fn doubling_the_capacity_never_raises_the_chance_of_a_full_link() {
    let mut wide = question();
    wide.network.links.iter_mut().for_each(|l| l.capacity_bps *= 2.0);
    let (tight, wide) = (forecast(&question()).unwrap(), forecast(&wide).unwrap());
    for (id, link) in &tight.links {
        assert!(wide.links[id].exceed[0].probability <= link.exceed[0].probability, "{id}");
        assert!(wide.links[id].delayed_bytes_p50 <= link.delayed_bytes_p50 + 1.0, "{id}");
    }
}

#[test]
fn extremes_stay_finite_and_nothing_gives_zeros() {
    for (lines, bytes) in [(1e9, 1e18), (0.0, 30e9), (1e6, 0.0), (1e9, 1.0), (0.25, 1e18)] {
        let mut input = question();
        input.network.lines = lines;
        input.ru.items.iter_mut().for_each(|item| item.bytes = Some(bytes));
        let answer = forecast(&input).unwrap();
        assert!(fans(&answer).iter().all(|f| f.p99.iter().all(|x| x.is_finite())), "{lines} {bytes}");
        assert!(answer.bytes.p99.is_finite());
        if lines == 0.0 || bytes == 0.0 {
            assert!(answer.peak.bps.p99 <= 0.0 && answer.bytes.p99 <= 0.0);
        } else {
            assert!(answer.peak.bps.p50 > 0.0 || answer.bytes.p50 >= 0.0);
        }
    }
}

#[test]
fn no_links_gives_totals_only() {
    let mut input = question();
    input.network.links.clear();
    let answer = forecast(&input).unwrap();
    assert!(answer.links.is_empty() && answer.peak.bps.p50 > 0.0);
}
