//! What is being downloaded at an instant.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Listing, Phase, PhaseStatus, Precision};

/// How long after a phase has begun for the last people its downloads still stand out. Assumed (2026-11): on the model's
/// curves most of a release's bytes move within three days.
pub const RUNS_FOR: TimeDelta = TimeDelta::days(3);

impl Listing {
    /// Whether some phase is under way: it has begun, and at most [`RUNS_FOR`] ago for the last people.
    ///
    /// ```
    /// use traffix_core::catalogue::Listing;
    /// let listing: Listing = serde_json::from_value(serde_json::json!({
    ///     "platform": "steam",
    ///     "phases": [{"kind": "unlock", "window": {
    ///         "value": {"start": "2023-11-10T00:00:00Z", "precision": "hour"},
    ///         "evidence": {"source": "a page", "kind": "official", "observed_at": "2023-10-01T00:00:00Z", "confidence": 1},
    ///     }}],
    /// })).unwrap();
    /// let runs = |at: &str| listing.runs_at(at.parse().unwrap());
    /// assert!(!runs("2023-11-09T23:59:59Z") && runs("2023-11-10T00:00:00Z"));
    /// assert!(runs("2023-11-12T23:59:59Z") && !runs("2023-11-13T00:00:00Z"));
    /// ```
    pub fn runs_at(&self, at: DateTime<Utc>) -> bool {
        self.phases.iter().any(|phase| phase.runs_at(at))
    }
}

impl Phase {
    /// Whether it has begun, and at most [`RUNS_FOR`] ago for the last people. A day begins as a whole. What is only
    /// rumoured or cancelled, or not known to the day, never runs.
    pub fn runs_at(&self, at: DateTime<Utc>) -> bool {
        self.runs().is_some_and(|(from, until)| from <= at && at < until)
    }

    /// From when until when it runs in the sense of [`runs_at`](Self::runs_at); `None` if never.
    pub fn runs(&self) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
        let window = &self.window.value;
        let firm = matches!(self.status, PhaseStatus::Confirmed | PhaseStatus::Slipped);
        let begins_within = match window.precision {
            Precision::Minute | Precision::Hour => TimeDelta::zero(),
            Precision::Day => TimeDelta::days(1),
            Precision::Month | Precision::Quarter | Precision::Year => return None,
        };
        let last = window.end.unwrap_or(window.start).max(window.start);
        let over = last.checked_add_signed(begins_within + RUNS_FOR).unwrap_or(DateTime::<Utc>::MAX_UTC);
        firm.then_some((window.start, over))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A confirmed phase from a start to an end.
    fn phase(start: &str, end: Option<&str>, precision: Precision) -> Phase {
        let evidence =
            r#"{"source": "s", "kind": "press", "observed_at": "2023-10-01T00:00:00Z", "confidence": 1}"#;
        let window = format!(r#"{{"start": "{start}", "precision": "hour"}}"#);
        let text =
            format!(r#"{{"kind": "unlock", "window": {{"value": {window}, "evidence": {evidence}}}}}"#);
        let mut phase: Phase = serde_json::from_str(&text).unwrap();
        phase.window.value.end = end.map(|end| end.parse().unwrap());
        phase.window.value.precision = precision;
        phase
    }

    #[track_caller]
    fn runs_until(phase: &Phase, end: &str) {
        let end: DateTime<Utc> = end.parse().unwrap();
        assert!(phase.runs_at(end - TimeDelta::seconds(1)) && !phase.runs_at(end));
        let start = phase.window.value.start;
        assert!(phase.runs_at(start) && !phase.runs_at(start - TimeDelta::seconds(1)));
    }

    #[test]
    fn precision_and_end_lengthen_a_phase() {
        let (start, end) = ("2023-11-10T00:00:00Z", "2023-11-20T00:00:00Z");
        runs_until(&phase(start, None, Precision::Minute), "2023-11-13T00:00:00Z");
        runs_until(&phase(start, None, Precision::Day), "2023-11-14T00:00:00Z");
        runs_until(&phase(start, Some(end), Precision::Hour), "2023-11-23T00:00:00Z");
        // An end before the start is a mistake of the source, and none.
        runs_until(&phase(start, Some("2023-01-01T00:00:00Z"), Precision::Hour), "2023-11-13T00:00:00Z");
        let mut endless = phase(start, None, Precision::Hour);
        endless.window.value.end = Some(DateTime::<Utc>::MAX_UTC);
        assert!(endless.runs_at("2262-01-01T00:00:00Z".parse().unwrap()));
    }

    #[test]
    fn only_what_is_firm_and_known_to_the_day_runs() {
        let start = "2023-11-01T00:00:00Z";
        let later = "2023-11-01T12:00:00Z".parse().unwrap();
        assert!(!phase(start, None, Precision::Month).runs_at(later));
        for (status, expected) in [
            (PhaseStatus::Confirmed, true),
            (PhaseStatus::Slipped, true),
            (PhaseStatus::Tentative, false),
            (PhaseStatus::Cancelled, false),
        ] {
            let phase = Phase { status, ..phase(start, None, Precision::Hour) };
            assert_eq!(phase.runs_at(later), expected, "{status:?}");
        }
    }
}
