//! Usual traffic and detection on a recorded series.

mod recorded;

use chrono::TimeDelta;
use recorded::{CALM, WEEKS, at, monday, samples, spikes};

#[test]
fn what_the_eye_sees_is_found_within_three_bins() {
    let all = samples();
    for (week, onset) in [("2004-11-15", "2004-11-21T15:30:00Z"), ("2004-11-29", "2004-11-30T11:30:00Z")] {
        let found = spikes(&all, monday(week));
        let spike = found.iter().find(|spike| spike.start == at(onset)).unwrap();
        assert!(spike.detected_at <= at(onset) + TimeDelta::hours(3), "{spike:?}");
        assert!(spike.share > 0.5, "{spike:?}");
    }
}

#[test]
fn there_is_less_than_an_alarm_a_week() {
    let all = samples();
    let alarms: usize = WEEKS.iter().map(|week| spikes(&all, monday(week)).len()).sum();
    // Six and a half weeks, two of the alarms plain to the eye.
    assert!((2..=6).contains(&alarms), "{alarms} alarms");
}

#[test]
fn rises_are_found_within_three_bins() {
    let all = samples();
    for (share, percent) in [(0.2, 85), (0.5, 90), (1.0, 90)] {
        let delays: Vec<_> = CALM.iter().flat_map(|week| recorded::delays(&all, week, share)).collect();
        let within = delays.iter().flatten().filter(|bins| **bins <= 3).count();
        assert!(delays.len() > 60);
        assert!(
            100 * within >= percent * delays.len(),
            "{within} of {} within three bins at {share}",
            delays.len()
        );
    }
}

#[test]
fn usual_traffic_is_that_of_the_other_weeks() {
    let (n, error, held) = recorded::usual_error(&samples());
    assert!(n > 700 && error < 0.08, "{n}: {error}");
    assert!((0.65..0.91).contains(&held), "{held} within 80 %");
}
