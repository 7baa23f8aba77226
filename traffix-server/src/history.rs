//! Traffic of the past as bit rates on a grid, from measurements or from a stored series: what overlays, baselines and effects
//! are made of.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use traffix_core::Invalid;
use traffix_core::catalogue::{PhaseKind, PlatformId, Ru, RuId};
use traffix_core::delivery::CdnId;
use traffix_core::measurement::Key;
use traffix_core::samples::Samples;
use traffix_store::{Dimensions, Measured, MeasuredSeries, MeasurementQuery, SeriesKey, Store, StoreError};

/// Most bins that are read at once: more than a year of 5 minutes.
pub(crate) const MAX_BINS: i64 = 120_000;

/// Which traffic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// Measured on a network: all of it, or only what fits.
    Measured {
        /// The network, by the id of its profile.
        network: String,
        /// Only of this platform.
        platform: Option<PlatformId>,
        /// Only of this CDN.
        cdn: Option<CdnId>,
        /// Only on this link.
        link: Option<String>,
    },
    /// A series that was imported or pulled.
    Stored {
        /// What is measured; its name ends in `_bps`.
        metric: String,
        /// Of whom.
        subject: String,
        /// Who measured; may be absent if only one did.
        source: Option<String>,
        /// Seconds from one value to the next; of several the shortest if absent.
        step_secs: Option<u32>,
    },
}

/// Why traffic cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HistoryError {
    /// Something about the question, under the name that its parameter has.
    #[error("{}: {}", .0.pointer, .0.detail)]
    Question(Invalid),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn question(parameter: &str, detail: impl Into<String>) -> HistoryError {
    HistoryError::Question(Invalid::new(parameter, detail))
}

/// The traffic between two instants, in bit/s, in bins of `step_secs` or of what is kept if that is longer.
pub(crate) async fn load(
    store: &dyn Store,
    source: &Source,
    (from, until): (DateTime<Utc>, DateTime<Utc>),
    step_secs: u32,
) -> Result<Samples, HistoryError> {
    match source {
        Source::Measured { network, platform, cdn, link } => {
            check_size((from, until), step_secs)?;
            let query = MeasurementQuery {
                network: network.clone(),
                from,
                until,
                step_secs,
                by: Dimensions::default(),
                platform: platform.clone(),
                cdn: cdn.clone(),
                link: link.clone(),
            };
            measured(store, &query).await
        }
        Source::Stored { .. } => {
            let key = key(store, source).await?;
            check_size((from, until), key.step_secs)?;
            let points = store.points(&key, from, until).await?;
            grid(points.into_iter(), (from, until), key.step_secs)
        }
    }
}

fn check_size((from, until): (DateTime<Utc>, DateTime<Utc>), step_secs: u32) -> Result<(), HistoryError> {
    if (until - from).num_seconds() / i64::from(step_secs.max(1)) > MAX_BINS {
        return Err(question("from", format!("gives more than {MAX_BINS} bins; take a shorter time")));
    }
    Ok(())
}

/// All traffic measured on a network between two instants, told apart by something, as [`load`] has it.
pub(crate) async fn load_by(
    store: &dyn Store,
    network: &str,
    by: Dimensions,
    (from, until): (DateTime<Utc>, DateTime<Utc>),
    step_secs: u32,
) -> Result<Vec<(Key, Samples)>, HistoryError> {
    check_size((from, until), step_secs)?;
    let network = network.to_owned();
    let query =
        MeasurementQuery { network, from, until, step_secs, by, platform: None, cdn: None, link: None };
    let found = sums(store, &query).await?;
    let each = found.series.iter().map(|one| Ok((one.key.clone(), rates(&found, Some(one), &query)?)));
    each.collect()
}

async fn measured(store: &dyn Store, query: &MeasurementQuery) -> Result<Samples, HistoryError> {
    let found = sums(store, query).await?;
    // A link or CDN of which nothing ever came has no series, but its bins were watched.
    rates(&found, found.series.first(), query)
}

async fn sums(store: &dyn Store, query: &MeasurementQuery) -> Result<Measured, HistoryError> {
    store.measurements(query).await.map_err(|error| match error {
        StoreError::Invalid(found) => {
            let detail = found.into_iter().next().map(|Invalid { detail, .. }| detail);
            question("step", detail.unwrap_or_default())
        }
        error => error.into(),
    })
}

/// Rates over the part of each bin that was watched.
fn rates(
    found: &Measured,
    series: Option<&MeasuredSeries>,
    query: &MeasurementQuery,
) -> Result<Samples, HistoryError> {
    let bytes = series.map(|series| series.bytes.as_slice()).unwrap_or_default();
    let rates = found.bins.iter().enumerate().filter(|(_, bin)| bin.watched_secs > 0).map(|(i, bin)| {
        let bytes = bytes.get(i).copied().unwrap_or(0);
        #[expect(clippy::cast_precision_loss, reason = "a rate is known to far less than 53 bits")]
        let bps = bytes as f64 * 8.0 / f64::from(bin.watched_secs);
        (bin.start, bps)
    });
    grid(rates, (query.from, query.until), found.step_secs)
}

/// The key of the one series that a question means.
async fn key(store: &dyn Store, wanted: &Source) -> Result<SeriesKey, HistoryError> {
    let Source::Stored { metric, subject, source, step_secs } = wanted else {
        return Err(question("metric", "must be given"));
    };
    if !metric.ends_with("_bps") {
        return Err(question("metric", "must be one of bit rates, whose names end in _bps"));
    }
    let mut found = store.series(metric, subject).await?;
    found.retain(|key| {
        key.subject == *subject
            && source.as_ref().is_none_or(|source| key.source == *source)
            && step_secs.is_none_or(|step| key.step_secs == step)
    });
    let Some(finest) = found.iter().min_by_key(|key| key.step_secs) else {
        return Err(question("subject", "names no series that is kept; the list of series has the keys"));
    };
    if let Some(other) = found.iter().find(|key| key.source != finest.source) {
        let detail = format!("must be given: there are {:?} and {:?}", finest.source, other.source);
        return Err(question("source", detail));
    }
    Ok(finest.clone())
}

/// Points in their bins, nothing in the others.
pub(crate) fn grid(
    points: impl Iterator<Item = (DateTime<Utc>, f64)>,
    (from, until): (DateTime<Utc>, DateTime<Utc>),
    step_secs: u32,
) -> Result<Samples, HistoryError> {
    let kept = std::num::NonZeroU32::new(step_secs);
    let kept = kept.ok_or_else(|| question("step", "what is kept has no step"))?;
    let step = i64::from(step_secs);
    let first = from.timestamp().div_euclid(step);
    let end = (until.timestamp() + i64::from(until.timestamp_subsec_nanos() > 0) + step - 1).div_euclid(step);
    let mut values = vec![None; usize::try_from(end - first).unwrap_or(0)];
    for (at, value) in points {
        let place = usize::try_from(at.timestamp().div_euclid(step) - first).ok();
        if let Some(slot) = place.and_then(|place| values.get_mut(place)) {
            *slot = Some(value);
        }
    }
    let start = DateTime::from_timestamp(first * step, 0).unwrap_or(from);
    Ok(Samples::new(start, kept, values))
}

/// The instant that is an RU's T0: the earliest start of a kind of phase, or its release if none is wanted.
pub(crate) fn t0(ru: &Ru, phase: Option<PhaseKind>) -> Option<DateTime<Utc>> {
    let Some(kind) = phase else { return ru.released_at().or_else(|| ru.first_at()) };
    let phases = ru.listings.iter().flat_map(|listing| &listing.phases);
    phases.filter(|phase| phase.kind == kind).map(|phase| phase.window.value.start).min()
}

/// What happened, and when: an RU of the catalogue, or an instant with a label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    /// An RU; its T0 is the instant.
    Ru(RuId),
    /// Anything else.
    At(String, DateTime<Utc>),
}

impl FromStr for Event {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some((label, at)) = text.rsplit_once('@') else {
            let id = text.parse().map(Self::Ru);
            return id.map_err(|_| format!("{text:?} is neither the id of an RU nor LABEL@INSTANT"));
        };
        let instant = at.parse().ok().filter(|at: &DateTime<Utc>| {
            // The calendar of bins is smaller than that of instants.
            (0..253_402_300_800).contains(&at.timestamp())
        });
        let instant = instant.ok_or_else(|| format!("{at:?} is no instant such as 2026-11-20T18:00:00Z"))?;
        let label = if label.is_empty() { at } else { label };
        let fits = label.len() <= 200 && !label.contains(char::is_control);
        if !fits {
            return Err("a label has at most 200 printable bytes".into());
        }
        Ok(Self::At(label.to_owned(), instant))
    }
}

/// A window of time around an instant, within the calendar of bins.
pub(crate) fn around(at: DateTime<Utc>, before_secs: u32, after_secs: u32) -> (DateTime<Utc>, DateTime<Utc>) {
    let secs = at.timestamp();
    let instant = |secs: i64| DateTime::from_timestamp(secs.clamp(0, 253_402_300_799), 0).unwrap_or(at);
    (instant(secs - i64::from(before_secs)), instant(secs + i64::from(after_secs)))
}

/// The bins to read for an axis with bins of `step_secs`: short enough to be cut where days and events begin.
pub(crate) const fn finer(step_secs: u32) -> u32 {
    if step_secs.is_multiple_of(900) {
        900
    } else if step_secs.is_multiple_of(300) {
        300
    } else {
        60
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_rus_or_labelled_instants() {
        let event = |text: &str| text.parse::<Event>();
        assert_eq!(event("fortnite-og"), Ok(Event::Ru("fortnite-og".parse().unwrap())));
        let at: DateTime<Utc> = "2023-11-03T09:00:00Z".parse().unwrap();
        assert_eq!(event("a@b@2023-11-03T09:00:00Z"), Ok(Event::At("a@b".into(), at)));
        assert_eq!(
            event("@2023-11-03T10:00:00+01:00"),
            Ok(Event::At("2023-11-03T10:00:00+01:00".into(), at))
        );
        for wrong in ["", "Fortnite OG", "x@soon", "x@1969-12-31T00:00:00Z", "\u{7}@2023-11-03T09:00:00Z"] {
            assert!(event(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn the_finer_step_divides_the_wanted_one() {
        for step in [60, 300, 420, 600, 900, 1800, 2400, 3600, 86_400] {
            assert!(step % finer(step) == 0, "{step}");
        }
    }
}
