use std::collections::BTreeMap;

use chrono::TimeDelta;
use proptest::prelude::*;

use super::*;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn secs(step: u32) -> NonZeroU32 {
    step.try_into().unwrap()
}

/// The mean of every bin, second by second; `place` is where on the axis an instant is.
fn naive(
    samples: &Samples,
    (from, until): (DateTime<Utc>, DateTime<Utc>),
    step: i64,
    bins: usize,
    place: impl Fn(DateTime<Utc>) -> i64,
) -> Vec<Option<f64>> {
    let mut sums = BTreeMap::<i64, (f64, i64)>::new();
    for second in 0..(until - from).num_seconds() {
        let now = from + TimeDelta::seconds(second);
        if let Some(value) = samples.at(now) {
            let (sum, known) = sums.entry(place(now).div_euclid(step)).or_default();
            *sum += value;
            *known += 1;
        }
    }
    let mean = |bin: usize| {
        let (sum, known) = sums.get(&crate::num::to_isize(bin)).copied()?;
        (known * 2 >= step).then(|| sum / crate::num::of_i64(known))
    };
    (0..bins).map(mean).collect()
}

fn assert_same(got: &[Option<f64>], want: &[Option<f64>]) -> Result<(), TestCaseError> {
    prop_assert_eq!(got.len(), want.len());
    for (bin, (got, want)) in got.iter().zip(want).enumerate() {
        let same = match (got, want) {
            (Some(got), Some(want)) => (got - want).abs() <= 1e-9 * want.abs().max(1.0),
            (got, want) => got == want,
        };
        prop_assert!(same, "bin {bin}: {got:?}, not {want:?}");
    }
    Ok(())
}

fn values(bins: impl Into<prop::collection::SizeRange>) -> impl Strategy<Value = Vec<Option<f64>>> {
    prop::collection::vec(prop::option::weighted(0.8, 0.0..1e9), bins)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn elapsed_time_is_that_of_the_seconds(
        values in values(0..40),
        step in prop::sample::select(vec![60_u32, 300, 420]),
        wanted in prop::sample::select(vec![1_u32, 300, 900, 1000]),
        off in -6_000_i64..6_000,
        before in 0_u32..3_000,
        after in 0_u32..3_000,
    ) {
        let start = at("2026-10-25T00:00:00Z");
        let samples = Samples::new(start, secs(step), values);
        let trace = Trace { label: String::new(), t0: start + TimeDelta::seconds(off), samples: &samples, lines: None };
        let window = Window { before_secs: before, after_secs: after, step_secs: secs(wanted) };
        let made = align(std::slice::from_ref(&trace), &window).unwrap();
        prop_assert_eq!(made.step_secs.get(), step.max(wanted));
        let step = i64::from(made.step_secs.get());
        prop_assert!(made.first_secs <= -i64::from(before) && made.first_secs > -i64::from(before) - step);
        prop_assert_eq!(made.first_secs % step, 0);
        let bins = made.curves[0].values.len();
        let from = trace.t0 + TimeDelta::seconds(made.first_secs);
        let until = from + TimeDelta::seconds(step * i64::try_from(bins).unwrap());
        prop_assert!(until >= trace.t0 + TimeDelta::seconds(i64::from(after).max(1)));
        let want = naive(&samples, (from, until), step, bins, |now| (now - from).num_seconds());
        assert_same(&made.curves[0].values, &want)?;
    }

    #[test]
    fn the_wall_clock_is_that_of_the_seconds(
        values in values(100..160),
        zone in prop::sample::select(vec![
            chrono_tz::Europe::London, chrono_tz::Australia::Lord_Howe, chrono_tz::America::Santiago, chrono_tz::UTC,
        ]),
        day in 0_i64..366,
        wanted in prop::sample::select(vec![900_u32, 3600, 7200, 5000]),
    ) {
        let last = at("2026-01-01T12:00:00Z") + TimeDelta::days(day);
        let samples = Samples::new(last - TimeDelta::hours(50), secs(1800), values);
        let days = stretches(zone, Period::Day, last, 3);
        let made = wall_clock(&samples, zone, &days, secs(wanted), None).unwrap();
        for (stretch, curve) in days.iter().zip(&made.curves) {
            let midnight = stretch.first_day.and_hms_opt(0, 0, 0).unwrap();
            let place = |now: DateTime<Utc>| (now.with_timezone(&zone).naive_local() - midnight).num_seconds();
            let step = i64::from(made.step_secs.get());
            let want = naive(&samples, (stretch.from, stretch.until), step, curve.values.len(), place);
            assert_same(&curve.values, &want)?;
        }
        prop_assert!(days.windows(2).all(|pair| pair[0].until == pair[1].from));
        prop_assert!(days[2].from <= last && last < days[2].until);
    }

    #[test]
    fn nothing_breaks_at_the_ends_of_the_calendar(
        start in any::<i64>(), t0 in any::<i64>(), step in any::<NonZeroU32>(), wanted in any::<NonZeroU32>(),
        before in any::<u32>(), after in any::<u32>(), count in any::<usize>(), week in any::<bool>(),
    ) {
        let instant = |secs: i64| DateTime::from_timestamp(secs % 8_200_000_000_000, 0).unwrap();
        let samples = Samples::new(instant(start), step, [Some(1.0), None, Some(f64::MAX)]);
        let trace = Trace { label: String::new(), t0: instant(t0), samples: &samples, lines: Some(1e-300) };
        let _ = align(&[trace], &Window { before_secs: before, after_secs: after, step_secs: wanted });
        let period = if week { Period::Week } else { Period::Day };
        let all = stretches(chrono_tz::Pacific::Apia, period, instant(t0), count % 10);
        let _ = wall_clock(&samples, chrono_tz::Pacific::Apia, &all, wanted, None);
    }
}

#[test]
fn the_skipped_hour_is_a_gap_and_the_doubled_one_a_mean() {
    let zone = chrono_tz::Europe::London;
    let hours = |start: &str, count: u32| {
        Samples::new(at(start), secs(3600), (0..count).map(|hour| Some(f64::from(hour))))
    };
    let spring = stretches(zone, Period::Day, at("2026-03-29T12:00:00Z"), 1);
    let made = wall_clock(&hours("2026-03-29T00:00:00Z", 23), zone, &spring, secs(3600), None).unwrap();
    assert_eq!(made.curves[0].values[..4], [Some(0.0), None, Some(1.0), Some(2.0)]);
    assert_eq!(made.curves[0].values[23], Some(22.0));
    let autumn = stretches(zone, Period::Day, at("2026-10-25T12:00:00Z"), 1);
    let made = wall_clock(&hours("2026-10-24T23:00:00Z", 25), zone, &autumn, secs(3600), None).unwrap();
    assert_eq!(made.curves[0].values[..4], [Some(0.0), Some(1.5), Some(3.0), Some(4.0)]);
    assert_eq!(made.curves[0].values.len(), 24);
    // A day whose midnight does not exist begins when its clock does.
    let santiago = stretches(chrono_tz::America::Santiago, Period::Day, at("2026-09-06T12:00:00Z"), 1);
    assert_eq!((santiago[0].until - santiago[0].from).num_hours(), 23);
}

#[test]
fn mistakes_are_named() {
    let samples = Samples::new(at("2026-11-01T00:00:00Z"), secs(60), [Some(1.0)]);
    let trace = |lines| Trace { label: String::new(), t0: samples.start(), samples: &samples, lines };
    let window = |after_secs| Window { before_secs: 0, after_secs, step_secs: secs(60) };
    let places = |traces: &[Trace<'_>], after_secs| -> Vec<String> {
        let found = align(traces, &window(after_secs)).unwrap_err();
        found.into_iter().map(|finding| finding.pointer).collect()
    };
    assert_eq!(places(&[], 60), ["/traces"]);
    assert_eq!(places(&vec![trace(None); 367], 60), ["/traces"]);
    assert_eq!(places(&[trace(None)], u32::MAX), ["/step_secs"]);
    assert_eq!(places(&[trace(Some(0.0))], 60), ["/traces/0/lines"]);
    assert_eq!(places(&[trace(Some(1.0)), trace(None)], 60), ["/traces"]);
    let mut mixed = stretches(chrono_tz::UTC, Period::Day, samples.start(), 1);
    mixed.extend(stretches(chrono_tz::UTC, Period::Week, samples.start(), 1));
    let found = wall_clock(&samples, chrono_tz::UTC, &mixed, secs(60), Some(f64::NAN)).unwrap_err();
    assert_eq!(found.len(), 2, "{found:?}");
}

#[test]
fn peaks_are_the_first_of_equals() {
    let curve = |values: &[Option<f64>]| Curve {
        label: String::new(),
        t0: at("2026-11-01T00:00:00Z"),
        values: values.into(),
    };
    assert_eq!(curve(&[None, Some(2.0), Some(2.0), Some(1.0)]).peak(), Some((1, 2.0)));
    assert_eq!(curve(&[None]).peak(), None);
}
