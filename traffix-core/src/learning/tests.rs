use super::*;
use crate::forecast::{Forecast, forecast, forecast_with};
use crate::learning::{MeasuredCurve, MeasuredEvent, SD_FLOWS};
use crate::samples::Samples;

fn question(franchise: &str, at: &str) -> ForecastInput {
    let mut input: ForecastInput = serde_json::from_str(
        r#"{"ru": {"id": "x", "kind": "update", "release_at": "2026-03-05T10:00:00Z",
             "items": [{"platform": "playstation", "bytes": 30e9}, {"platform": "xbox", "bytes": 40e9}],
             "signals": {"mau": 6e7}},
            "network": {"id": "acme", "country": "GB", "tz": "Europe/London", "lines": 1e6, "national_lines": 28.5e6,
             "line_rate_bps": {"median": 70e6, "sigma": 0.8},
             "links": [{"id": "pni", "cdns": [], "kind": "pni", "capacity_bps": 2e11}]},
            "options": {"draws": 128, "horizon_s": 172800}}"#,
    )
    .unwrap();
    input.ru.franchise = Some(franchise.to_owned());
    input.ru.release_at = Some(at.parse().unwrap());
    input
}

fn event(input: &ForecastInput, ratio: f64) -> Measured {
    Measured::of(input, 1e12, ratio * 1e12, SD_FLOWS).unwrap()
}

fn after(events: &[Measured], input: &ForecastInput) -> Corrections {
    let mut learned = Learned::default();
    for event in events {
        learned.observe(event);
    }
    learned.corrections(input)
}

const AT: &str = "2026-03-05T10:00:00Z";

#[test]
fn an_event_moves_the_next_forecast_towards_it_and_two_more() {
    let input = question("f", AT);
    for ratio in [0.3, 0.8, 1.3, 4.0] {
        let seen = event(&input, ratio);
        let [none, one, two] = [0, 1, 2].map(|n| after(&vec![seen.clone(); n], &input));
        let distance = |c: &Corrections| (c.factor / ratio).ln().abs();
        assert!(distance(&one) < distance(&none) && distance(&two) < distance(&one), "{ratio}");
        assert!((one.factor - 1.0) * (ratio - 1.0) > 0.0 && distance(&two) > 0.0, "no overshoot at {ratio}");
        assert!(one.sigma(0.55) < none.sigma(0.55) && two.sigma(0.55) < one.sigma(0.55));
    }
}

#[test]
fn an_event_as_predicted_only_narrows() {
    let input = question("f", AT);
    let corrections = after(&[event(&input, 1.0)], &input);
    assert!((corrections.factor - 1.0).abs() < 1e-12 && corrections.sigma(0.55) < 0.45);
}

#[test]
fn a_lower_bound_never_moves_down_nor_further_than_a_measurement() {
    let input = question("f", AT);
    for ratio in [1e-6, 0.2, 0.9, 1.0, 1.5, 4.0, 1e6] {
        let bound = after(&[event(&input, ratio).at_least()], &input);
        let measured = after(&[event(&input, ratio)], &input);
        assert!(bound.factor >= 1.0 && bound.factor >= measured.factor, "{ratio}");
        assert!(bound.sigma(0.55) <= 0.55 && bound.sigma_floor >= measured.sigma_floor - 1e-12, "{ratio}");
        let learned = after(&[event(&input, 1.4), event(&input, ratio).at_least()], &input);
        assert!(learned.factor >= after(&[event(&input, 1.4)], &input).factor, "{ratio}");
    }
}

#[test]
fn repeats_on_one_network_narrow_as_the_model_says() {
    let mut effects = Effects::new(&[0.3, 0.25, 0.2]);
    let sd = libm::hypot(RESIDUAL_SD, SD_FLOWS);
    let mut spreads = Vec::new();
    for _ in 0..6 {
        spreads.push(effects.correction(&[1.0; 3], RESIDUAL_SD).sigma_log);
        effects.learn(&[1.0; 3], 0.0, sd);
    }
    for (events, expected) in [(0, 0.51), (1, 0.34), (2, 0.30), (5, 0.28)] {
        assert!((spreads[events] - expected).abs() < 0.01, "{events}: {}", spreads[events]);
    }
}

#[test]
fn what_was_learned_of_one_franchise_tells_less_of_another_and_fades() {
    let (own, other) = (question("f", AT), question("g", AT));
    let seen = [event(&own, 2.0)];
    assert!(after(&seen, &own).factor > after(&seen, &other).factor);
    assert!(after(&seen, &other).factor > 1.0);
    let later = question("f", "2029-03-05T10:00:00Z");
    assert!(after(&seen, &later).sigma(0.55) > after(&seen, &own).sigma(0.55));
    let much_later = question("f", "2090-03-05T10:00:00Z");
    assert!(after(&seen, &much_later).sigma(0.55) <= 0.55);
}

#[test]
fn what_is_not_known_of_the_title_stays_wide() {
    let input = question("f", AT);
    let corrections = after(&vec![event(&input, 1.0); 5], &input);
    assert!(corrections.sigma(0.55) < 0.35 && corrections.sigma(1.3) > 1.15);
}

#[test]
fn corrected_draws_are_the_corrected_quantiles_and_say_why() {
    let input = question("f", AT);
    let before = forecast(&input).unwrap();
    let p50 = before.peak.bps.p50;
    let mut learned = Learned::default();
    for _ in 0..2 {
        learned.observe(&Measured::of(&input, p50, 1.8 * p50, SD_FLOWS).unwrap());
    }
    let corrections = learned.corrections(&input);
    let answer = forecast_with(&input, Some(&corrections)).unwrap();
    let expected = corrections.apply(&before.peak.bps);
    for (got, expected) in [
        (answer.peak.bps.p10, expected.p10),
        (answer.peak.bps.p50, expected.p50),
        (answer.peak.bps.p90, expected.p90),
        (answer.peak.bps.p99, expected.p99),
    ] {
        assert!((got / expected - 1.0).abs() < 0.02, "{got} {expected}");
    }
    let top = |f: &Forecast| f.total.p50.iter().fold(0.0_f64, |a, b| a.max(*b));
    assert!(top(&answer) > 1.2 * top(&before));
    assert!(answer.links["pni"].peak_bps.p50 > 1.2 * before.links["pni"].peak_bps.p50);
    assert!(answer.sigma_budget.total < before.sigma_budget.total);
    let product: f64 = answer.corrections.iter().map(|c| c.factor).product();
    assert!((product / corrections.factor - 1.0).abs() < 1e-9);
    let franchise = answer.corrections.iter().find(|c| c.effect == "franchise:f").unwrap();
    assert!(franchise.detail.starts_with("Events of f came out 1.") && franchise.detail.contains("2 events"));
}

#[test]
fn nothing_learned_changes_nothing() {
    let input = question("f", AT);
    let same = forecast_with(&input, Some(&Learned::default().corrections(&input))).unwrap();
    assert!(same == forecast(&input).unwrap());
}

#[test]
fn platforms_and_start_laws_reach_the_forecast() {
    let mut input = question("f", AT);
    input.network.platform_mix = None;
    let before = forecast(&input).unwrap();
    let mut learned = Learned::default();
    let bytes = |ps: f64, xbox: f64| {
        BTreeMap::from([("playstation".to_owned(), ps * 30e9), ("xbox".to_owned(), xbox * 40e9)])
    };
    for _ in 0..4 {
        learned.observe_platforms(&input, &bytes(100.0, 900.0));
    }
    let after = forecast_with(&input, Some(&learned.corrections(&input))).unwrap();
    let top = |f: &Forecast, p: &str| f.platforms[p].p50.iter().fold(0.0_f64, |a, b| a.max(*b));
    assert!(top(&after, "xbox") > 1.5 * top(&before, "xbox"));
    assert!(top(&after, "playstation") < 0.7 * top(&before, "playstation"));

    let slow = Shape { masses: [0.4, 0.3, 19.3], events: 1, ..Shape::default() };
    *learned.shape_mut() = slow;
    let slower = forecast_with(&input, Some(&learned.corrections(&input))).unwrap();
    assert!(slower.peak.bps.p50 < after.peak.bps.p50);
}

#[test]
fn a_state_reads_back_and_damage_is_refused() {
    let input = question("f", AT);
    let mut learned = Learned::default();
    learned.observe(&event(&input, 1.7));
    learned.observe_platforms(&input, &BTreeMap::from([("xbox".to_owned(), 1e15)]));
    let text = serde_json::to_string(&learned).unwrap();
    assert_eq!(serde_json::from_str::<Learned>(&text).unwrap(), learned);
    assert!(text.len() < 4000, "{} bytes", text.len());
    let mut value: serde_json::Value = serde_json::from_str(&text).unwrap();
    value["covariance"][1] = 7.0.into();
    assert!(serde_json::from_value::<Learned>(value.clone()).unwrap_err().to_string().contains("damaged"));
    value["covariance"] = serde_json::json!([]);
    assert!(serde_json::from_value::<Learned>(value).is_err());
}

#[test]
fn effects_are_bounded_in_number() {
    let mut learned = Learned::default();
    for i in 0..2 * MAX_EFFECTS {
        learned.observe(&event(&question(&format!("f{i}"), AT), 1.1));
    }
    assert_eq!(learned.effects().count(), MAX_EFFECTS);
}

#[test]
fn measurements_that_are_none_teach_nothing() {
    let input = question("f", AT);
    for observed in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(Measured::of(&input, 1e12, observed, SD_FLOWS).is_none());
    }
    let broken = Measured { log_ratio: f64::NAN, ..event(&input, 1.0) };
    assert_eq!(after(&[broken], &input), after(&[], &input));
}

#[test]
fn an_outlook_is_corrected_as_a_forecast_is() {
    use crate::outlook::{OutlookInput, OutlookOptions, outlook, outlook_with};
    let input = question("f", AT);
    let mut learned = Learned::default();
    (0..3).for_each(|_| learned.observe(&event(&input, 1.8)));
    let options = OutlookOptions::from_instant("2026-03-04T00:00:00Z".parse().unwrap());
    let asked = OutlookInput { network: input.network.clone(), rus: vec![input.ru.clone()], options };
    let (before, after) = (outlook(&asked).unwrap(), outlook_with(&asked, Some(&learned)).unwrap());
    let corrections = learned.corrections(&input);
    let [plain, corrected] = [&before, &after].map(|o| o.rus[0].short.clone());
    assert!((corrected.peak_bps.p50 / plain.peak_bps.p50 / corrections.factor - 1.0).abs() < 1e-6);
    let spread = |short: &crate::outlook::ShortForecast| short.sigma_budget.total;
    assert!((spread(&corrected) - corrections.sigma(spread(&plain))).abs() < 1e-9);
    assert!((corrected.bytes_p50 / plain.bytes_p50 / corrections.factor - 1.0).abs() < 1e-6);
    assert!(after.peak_bps.p50 > 1.2 * before.peak_bps.p50 && !corrected.corrections.is_empty());
    assert_eq!(
        outlook_with(&asked, Some(&Learned::default())).unwrap(),
        before,
        "nothing learned, nothing changed"
    );
}

#[test]
fn a_measured_curve_moves_the_start_laws_towards_it() {
    let input = question("f", AT);
    let (mut early, mut steady) = (Learned::default(), Learned::default());
    let at = AT.parse().unwrap();
    let rush: Vec<f64> = (0..288).map(|bin| (-f64::from(bin) / 8.0).exp()).collect();
    early.observe_curve(&input, (at, 900), &rush);
    steady.observe_curve(&input, (at, 900), &[1.0; 288]);
    let share = |learned: &Learned| {
        let [automatic, rush, back] = learned.shape().masses;
        rush / (automatic + rush + back)
    };
    assert!(share(&early) > share(&Learned::default()) && share(&steady) < share(&early));
    early.observe_curve(&input, (at, 900), &[]);
    assert_eq!((early.shape().events, steady.told().len()), (1, 1));
}

fn mix(learned: &Learned) -> BTreeMap<String, f64> {
    serde_json::from_value(serde_json::to_value(learned).unwrap()["platforms"].clone()).unwrap()
}

#[test]
fn an_event_on_some_platforms_says_nothing_of_the_others() {
    let both = question("f", AT);
    let mut learned = Learned::default();
    learned.observe_platforms(&both, &BTreeMap::from([("xbox".to_owned(), 1e15)]));
    let before = mix(&learned);
    let mut one = both.clone();
    one.ru.items.truncate(1);
    learned.observe_platforms(&one, &BTreeMap::from([("playstation".to_owned(), 1e15)]));
    let after = mix(&learned);
    for (id, share) in &before {
        assert!((after[id] - share).abs() < 1e-12, "{before:?} {after:?}");
    }
    // A platform that is new joins beside those that are known.
    let mut third = both.clone();
    third.ru.items[0].platform = "steam".to_owned();
    learned
        .observe_platforms(&third, &BTreeMap::from([("steam".to_owned(), 1e15), ("xbox".to_owned(), 1e15)]));
    let joined = mix(&learned);
    assert!((joined.values().sum::<f64>() - 1.0).abs() < 1e-12 && joined["steam"] > 0.0, "{joined:?}");
    let ratio = |mix: &BTreeMap<String, f64>| mix["playstation"] / (mix["playstation"] + mix["xbox"]);
    assert!((ratio(&joined) - ratio(&after)).abs() < 0.1, "{after:?} {joined:?}");
}

#[test]
fn what_curves_and_platforms_explain_is_no_effect() {
    let input = question("f", AT);
    let p50 = forecast(&input).unwrap().peak.bps.p50;
    let rush = (0..48).map(|bin| 1e12 * (-f64::from(bin) / 8.0).exp()).collect();
    let curve = MeasuredCurve { at: AT.parse().unwrap(), step_s: 900, bytes: rush };
    let event = MeasuredEvent { peak_bps: 1.8 * p50, sd: SD_FLOWS, ..MeasuredEvent::default() };
    let (mut peaks, mut all) = (Learned::default(), Learned::default());
    peaks.learn(&input, &event).unwrap();
    all.learn(&input, &MeasuredEvent { curve: Some(curve.clone()), ..event.clone() }).unwrap();
    // A rush makes a higher peak of the same bytes.
    let factor = |learned: &Learned| learned.corrections(&input).factor;
    assert!(factor(&all) < factor(&peaks), "{} {}", factor(&all), factor(&peaks));
    let after = |learned: &Learned| {
        forecast_with(&input, Some(&learned.corrections(&input))).unwrap().peak.bps.p50 / p50
    };
    assert!((after(&all) / after(&peaks)).ln().abs() < 0.15, "{} {}", after(&all), after(&peaks));

    // A lower bound says nothing of who started when.
    let mut bound = Learned::default();
    bound.learn(&input, &MeasuredEvent { curve: Some(curve), at_least: true, ..event }).unwrap();
    assert_eq!(bound.shape().events, 0);
    let nothing = MeasuredEvent { sd: SD_FLOWS, ..MeasuredEvent::default() };
    bound = Learned::default();
    bound.learn(&input, &nothing).unwrap();
    assert_eq!(bound, Learned::default());
}

#[test]
fn a_curve_ends_where_noise_begins() {
    let at = "2026-03-05T10:05:00Z".parse().unwrap();
    let start = "2026-03-05T09:00:00Z".parse().unwrap();
    let falling = |bin: i32| if bin < 13 { 0.0 } else { 100.0 * 0.9_f64.powi(bin - 13) };
    let excess = |last: i32, gap: Option<i32>| {
        let bins = (0..last).map(|bin| (Some(bin) != gap).then(|| falling(bin)));
        Samples::new(start, 300.try_into().unwrap(), bins.collect::<Vec<_>>())
    };
    let told = |excess: &Samples, noise: f64| MeasuredCurve::told_apart(excess, at, noise);
    let curve = told(&excess(288, None), 2.0).unwrap();
    assert!((curve.bytes[0] - 100.0 * 300.0 / 8.0).abs() < 1e-9);
    // The mean of an hour is below 2 when its first bin is below 3.4.
    assert_eq!(curve.bytes.len(), 33, "{:?}", curve.bytes);
    assert_eq!(told(&excess(288, Some(33)), 2.0).unwrap().bytes.len(), 20);
    assert!(told(&excess(288, None), 30.0).is_none(), "the peak does not stand out");
    assert!(told(&excess(288, Some(15)), 2.0).is_none(), "too little is known");
    assert!(MeasuredCurve::told_apart(&excess(5, None), at, 2.0).is_none());
}
