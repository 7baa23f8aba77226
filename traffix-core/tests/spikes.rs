//! Detection on simulated traffic: what it finds, how soon, and how often it cries wolf.
#![expect(clippy::unwrap_used, clippy::cast_precision_loss, reason = "a broken fit should stop these tests")]

mod simulated;

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use simulated::{QUIET, Quiet, at};
use traffix_core::baseline::{Baseline, BaselineOptions};
use traffix_core::samples::Samples;
use traffix_core::spike::{DetectOptions, Spike, detect, excess};

const LONDON: chrono_tz::Tz = chrono_tz::Europe::London;
/// A Thursday at seven in the evening, in the last of eight weeks.
const ONSET: usize = 7 * 2016 + 3 * 288 + 216;

fn monday() -> DateTime<Utc> {
    at("2026-06-01T00:00:00Z")
}

/// The spikes of a series whose baseline was fitted to its first six weeks.
fn spikes(samples: &Samples) -> Vec<Spike> {
    let six = samples.bin_at(monday() + TimeDelta::weeks(6)).unwrap();
    let past = Samples::new(monday(), samples.step_secs(), samples.iter().take(six));
    let baseline = Baseline::fit(&past, &BaselineOptions::new(LONDON)).unwrap();
    detect(samples, &baseline, &DetectOptions::default())
}

/// Eight weeks with `share` more for `bins` bins from [`ONSET`] on, after a rise of `ramp` bins.
fn released(quiet: &Quiet, share: f64, ramp: usize, bins: usize) -> Samples {
    let mut values = quiet.values(monday());
    for (i, value) in values.iter_mut().skip(ONSET).take(bins).enumerate() {
        *value *= 1.0 + share * ((i + 1) as f64 / (ramp + 1) as f64).min(1.0);
    }
    quiet.of(monday(), values)
}

fn onset() -> DateTime<Utc> {
    monday() + TimeDelta::minutes(5 * i64::try_from(ONSET).unwrap())
}

#[test]
fn noise_alone_gives_no_more_alarms_than_wished() {
    let (mut alarms, mut weeks) = (0, 0);
    for seed in 0..60 {
        let quiet = Quiet { seed, ..QUIET };
        alarms += spikes(&quiet.samples(monday())).len();
        weeks += quiet.weeks;
    }
    // One in four weeks is wished for; the confirmation and the smallest share make it rarer.
    println!("{alarms} alarms in {weeks} weeks");
    assert!(alarms * 4 <= weeks, "{alarms} alarms in {weeks} weeks");
}

#[test]
fn releases_are_found_within_three_bins() {
    for (share, ramp) in [(0.2, 0), (0.5, 0), (0.5, 2), (1.0, 3)] {
        let mut delays = Vec::new();
        for seed in 0..30 {
            let samples = released(&Quiet { seed, ..QUIET }, share, ramp, 36);
            let found = spikes(&samples);
            let spike = found.iter().find(|s| (s.start - onset()).num_minutes().abs() <= 30);
            delays.extend(spike.map(|spike| (spike.detected_at - onset()).num_minutes() / 5));
        }
        delays.sort_unstable();
        println!("{share} {ramp}: {} of 30, bins {delays:?}", delays.len());
        assert!(delays.len() >= 29 && delays[delays.len() * 9 / 10] <= 3, "{share} {ramp}: {delays:?}");
    }
}

#[test]
fn bytes_peak_and_end_are_those_of_what_came() {
    let mut inside = 0;
    for seed in 0..40 {
        let quiet = Quiet { seed, ..QUIET };
        let (usual, samples) = (quiet.values(monday()), released(&quiet, 0.5, 0, 36));
        let truth: f64 = usual[ONSET..ONSET + 36].iter().map(|bps| 0.5 * bps * 300.0 / 8.0).sum();
        let found = spikes(&samples);
        let spike = found.iter().find(|s| s.start == onset()).unwrap();
        assert_eq!(spike.end, Some(onset() + TimeDelta::hours(3)));
        assert!((onset()..onset() + TimeDelta::hours(3)).contains(&spike.peak_at));
        assert!(((spike.share - 0.5) / 0.5).abs() < 0.5, "{spike:?}");
        inside += usize::from((spike.excess_bytes - truth).abs() < 1.2816 * spike.excess_sd_bytes);
    }
    // 80 % by the law of the spread, within three standard deviations of 40 draws.
    println!("{inside} of 40 within the 80 % interval");
    assert!((25..=39).contains(&inside), "{inside}");
}

#[test]
fn one_wild_bin_and_an_outage_are_none() {
    let mut values = QUIET.values(monday());
    values[ONSET] *= 3.0;
    values[ONSET + 50..ONSET + 62].fill(0.0);
    let mut expected = QUIET.values(monday());
    expected[ONSET] = expected[ONSET - 1];
    assert_eq!(spikes(&QUIET.of(monday(), values)).len(), spikes(&QUIET.of(monday(), expected)).len());
}

#[test]
fn gaps_neither_begin_nor_end_a_spike() {
    let samples = released(&QUIET, 0.5, 0, 36);
    let gap = |bin: usize| (ONSET + 4..ONSET + 10).contains(&bin);
    let holed = samples.iter().enumerate().map(|(bin, value)| value.filter(|_| !gap(bin)));
    let holed = Samples::new(monday(), samples.step_secs(), holed);
    let whole = spikes(&samples).into_iter().find(|s| s.start == onset()).unwrap();
    let found = spikes(&holed).into_iter().find(|s| s.start == onset()).unwrap();
    assert_eq!((found.end, found.detected_at), (whole.end, whole.detected_at));
    assert!((found.excess_bytes / whole.excess_bytes - 30.0 / 36.0).abs() < 0.05);
    // Nobody looked for two days: the spike ended with the last that was seen.
    let dark = samples.iter().enumerate().map(|(bin, value)| value.filter(|_| !(ONSET + 4..ONSET + 580).contains(&bin)));
    let found = spikes(&Samples::new(monday(), samples.step_secs(), dark));
    let cut = found.into_iter().find(|s| s.start == onset()).unwrap();
    assert_eq!(cut.end, Some(onset() + TimeDelta::minutes(20)));
}

#[test]
fn what_still_runs_has_no_end_and_a_new_level_is_cut() {
    let samples = released(&QUIET, 0.5, 0, 36);
    let now = Samples::new(monday(), samples.step_secs(), samples.iter().take(ONSET + 12));
    let running = spikes(&now).pop().unwrap();
    assert_eq!((running.start, running.end), (onset(), None));
    let mut quiet = QUIET;
    quiet.weeks = 10;
    let moved = spikes(&released(&quiet, 0.5, 0, usize::MAX));
    let cut: Vec<_> = moved.iter().filter(|s| s.start >= onset() - TimeDelta::hours(1)).collect();
    assert_eq!(cut[0].end, Some(onset() + TimeDelta::weeks(1)));
    assert!(cut.len() <= 2, "{cut:?}");
}

#[test]
fn the_excess_of_a_spike_is_what_was_added() {
    let samples = released(&QUIET, 0.5, 0, 36);
    let usual = QUIET.values(monday());
    let past = Samples::new(monday(), samples.step_secs(), samples.iter().take(6 * 2016));
    let baseline = Baseline::fit(&past, &BaselineOptions::new(LONDON)).unwrap();
    let found = excess(&samples, &baseline, onset());
    let sum: f64 = (ONSET..ONSET + 36).map(|bin| found.bps.get(bin).unwrap()).sum();
    let truth: f64 = usual[ONSET..ONSET + 36].iter().map(|bps| 0.5 * bps).sum();
    assert!((sum / truth - 1.0).abs() < 0.15, "{sum} {truth}");
    assert!(found.sigma_bps > 1e10 && found.sigma_bps < 1e11);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    /// Any series: spikes are in order, apart, inside, and finite.
    #[test]
    fn whatever_comes_gives_ordered_spikes(
        wild in proptest::collection::vec((0_usize..4032, 0.0..50.0_f64, 1_usize..80), 0..12),
        gaps in proptest::collection::vec((0_usize..4032, 1_usize..600), 0..6),
    ) {
        let quiet = Quiet { weeks: 2, ..QUIET };
        let mut values: Vec<Option<f64>> = quiet.values(monday()).into_iter().map(Some).collect();
        for (from, factor, bins) in wild {
            values.iter_mut().skip(from).take(bins).flatten().for_each(|value| *value *= factor);
        }
        for (from, bins) in gaps {
            values.iter_mut().skip(from).take(bins).for_each(|value| *value = None);
        }
        let baseline = Baseline::fit(&quiet.samples(monday()), &BaselineOptions::new(LONDON)).unwrap();
        let samples = Samples::new(monday(), 300.try_into().unwrap(), values);
        let found = detect(&samples, &baseline, &DetectOptions::default());
        for pair in found.windows(2) {
            prop_assert!(pair[0].end.unwrap() <= pair[1].start);
        }
        for spike in &found {
            let end = spike.end.unwrap_or(monday() + TimeDelta::weeks(2));
            prop_assert!(monday() <= spike.start && spike.start < spike.detected_at && spike.start < end);
            prop_assert!((spike.start..end).contains(&spike.peak_at));
            prop_assert!(spike.peak_bps.is_finite() && spike.excess_bytes.is_finite() && spike.excess_sd_bytes > 0.0);
        }
    }
}
