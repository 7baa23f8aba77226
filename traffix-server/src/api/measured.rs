//! From sums of the store to what answers show: one axis of time, rates, percentiles, CSV.

use std::collections::HashMap;
use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use traffix_core::measurement::Key;
use traffix_store::{Dimensions, Measured, MeasuredSeries, MeasurementQuery};

/// Bins of which percentiles are made, as transit is billed.
pub(super) const P95_STEP_SECS: u32 = 300;

/// All bins of an answer, watched or not.
pub(super) struct Axis {
    /// Start of the first.
    pub(super) from: DateTime<Utc>,
    /// End of the last.
    pub(super) until: DateTime<Utc>,
    /// How many there are.
    pub(super) bins: usize,
    /// Where each watched bin stands.
    places: Vec<usize>,
}

impl Axis {
    /// The bins that the time of a question touches.
    pub(super) fn of(found: &Measured, query: &MeasurementQuery) -> Self {
        let step = i64::from(found.step_secs.max(1));
        let first = query.from.timestamp().div_euclid(step);
        let partly = i64::from(query.until.timestamp_subsec_nanos() > 0);
        let end = (query.until.timestamp() + partly + step - 1).div_euclid(step);
        let at = |bin: i64| DateTime::from_timestamp(bin * step, 0).unwrap_or(query.from);
        let place = |start: DateTime<Utc>| usize::try_from(start.timestamp().div_euclid(step) - first);
        Self {
            from: at(first),
            until: at(end),
            bins: usize::try_from(end - first).unwrap_or(0),
            places: found.bins.iter().map(|bin| place(bin.start).unwrap_or(usize::MAX)).collect(),
        }
    }

    /// Values of watched bins in their places, nothing in the others.
    pub(super) fn spread<T: Copy>(&self, values: impl Iterator<Item = T>) -> Vec<Option<T>> {
        let mut all = vec![None; self.bins];
        for (place, value) in self.places.iter().zip(values) {
            if let Some(slot) = all.get_mut(*place) {
                *slot = Some(value);
            }
        }
        all
    }
}

/// Mean rate of each watched bin, over the part of it that was watched, bit/s.
pub(super) fn rates<'a>(found: &'a Measured, series: &'a MeasuredSeries) -> impl Iterator<Item = f64> + 'a {
    let watched = found.bins.iter().zip(&series.bytes).filter(|(bin, _)| bin.watched_secs > 0);
    watched.map(|(bin, bytes)| bps(*bytes, u64::from(bin.watched_secs)))
}

/// Mean over all that was watched, bit/s; nothing if nothing was.
pub(super) fn mean(found: &Measured, series: &MeasuredSeries) -> Option<f64> {
    let secs: u64 = found.bins.iter().map(|bin| u64::from(bin.watched_secs)).sum();
    let bytes = series.bytes.iter().fold(0_u64, |sum, bytes| sum.saturating_add(*bytes));
    (secs > 0).then(|| bps(bytes, secs))
}

fn bps(bytes: u64, secs: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a rate is known to far less than 53 bits")]
    let bps = bytes as f64 * 8.0 / secs as f64;
    bps
}

/// The 95th percentile of the rates of each key: the lowest that 95 % of the watched bins do not exceed.
pub(super) fn p95(found: &Measured) -> HashMap<Key, f64> {
    let each = found.series.iter().filter_map(|series| {
        let mut rates: Vec<f64> = rates(found, series).collect();
        rates.sort_by(f64::total_cmp);
        let rank = (rates.len() * 95).div_ceil(100).checked_sub(1)?;
        Some((series.key.clone(), *rates.get(rank)?))
    });
    each.collect()
}

/// A line for every watched bin and key (RFC 4180, with a header line). Bins that nobody watched have no line.
pub(super) fn csv(found: &Measured, by: Dimensions) -> String {
    let columns = [("platform", by.platform), ("cdn", by.cdn), ("link", by.link)];
    let mut text = String::from("start,step_secs,watched_secs");
    for (name, _) in columns.iter().filter(|(_, wanted)| *wanted) {
        text.push(',');
        text.push_str(name);
    }
    text.push_str(",bytes\r\n");
    for series in &found.series {
        let Key { platform, cdn, link } = &series.key;
        let fields = [
            platform.as_ref().map(ToString::to_string),
            cdn.as_ref().map(ToString::to_string),
            link.as_deref().map(quoted),
        ];
        let wanted = columns.iter().zip(fields).filter(|((_, wanted), _)| *wanted);
        let key: String = wanted.map(|(_, field)| field.unwrap_or_default() + ",").collect();
        for (bin, bytes) in found.bins.iter().zip(&series.bytes) {
            let (at, step, watched) =
                (bin.start.format("%Y-%m-%dT%H:%M:%SZ"), found.step_secs, bin.watched_secs);
            // Writing into a String does not fail.
            let _ = write!(text, "{at},{step},{watched},{key}{bytes}\r\n");
        }
    }
    text
}

fn quoted(field: &str) -> String {
    if field.contains(['"', ',']) { format!("\"{}\"", field.replace('"', "\"\"")) } else { field.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use traffix_store::WatchedBin;

    fn at(secs: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(secs, 0).unwrap()
    }

    fn measured(bins: &[(i64, u32)], bytes: &[u64]) -> Measured {
        let bins = bins
            .iter()
            .map(|(start, watched_secs)| WatchedBin { start: at(*start), watched_secs: *watched_secs });
        let series = MeasuredSeries { key: Key::default(), bytes: bytes.to_vec() };
        Measured { step_secs: 300, bins: bins.collect(), series: vec![series] }
    }

    #[test]
    fn unwatched_bins_are_null_and_partial_ones_have_the_rate_of_their_part() {
        let found = measured(&[(300, 300), (900, 60)], &[300, 60]);
        let query = MeasurementQuery {
            network: "acme".into(),
            from: at(10),
            until: at(1201),
            step_secs: 300,
            by: Dimensions::default(),
            platform: None,
            cdn: None,
            link: None,
        };
        let axis = Axis::of(&found, &query);
        assert_eq!((axis.from, axis.until, axis.bins), (at(0), at(1500), 5));
        assert_eq!(axis.spread([1, 2].into_iter()), [None, Some(1), None, Some(2), None]);
        assert_eq!(rates(&found, &found.series[0]).collect::<Vec<_>>(), [8.0, 8.0]);
        assert_eq!(mean(&found, &found.series[0]), Some(8.0));
        assert_eq!(csv(&found, Dimensions { link: true, ..Dimensions::default() }).lines().count(), 3);
    }

    #[test]
    fn one_of_twenty_bins_may_be_higher_than_the_percentile() {
        for (n, rank) in [(1_u64, 1_u64), (19, 19), (20, 19), (100, 95), (8_640, 8_208)] {
            let bins: Vec<_> = (0..n).map(|i| (i64::try_from(i).unwrap() * 300, 300)).collect();
            let bytes: Vec<u64> = (1..=n).rev().map(|i| i * 300).collect();
            let found = measured(&bins, &bytes);
            #[expect(clippy::cast_precision_loss, reason = "small")]
            let want = rank as f64 * 8.0;
            assert_eq!(p95(&found), HashMap::from([(Key::default(), want)]), "{n}");
        }
        assert!(p95(&measured(&[], &[])).is_empty());
    }
}
