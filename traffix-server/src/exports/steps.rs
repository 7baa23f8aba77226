//! From samples to bit rates on fixed steps.

use std::collections::BTreeMap;

use chrono::DateTime;

use super::{Asked, MAX_AHEAD, Rates, Sample, Samples, Stamp, Unit, Wrong, instant, shown};

/// Seconds of a day; steps divide it.
const DAY_SECS: u32 = 86_400;
/// Places that are reported of a broken file.
const MAX_WRONG: usize = 20;
/// Largest rate accepted, in bit/s: a hundred times the largest exchange of 2026. Assumed.
const MAX_BPS: f64 = 1e16;
/// So many equal distances in a row, longer than the step, are another step and no gaps.
const OTHER_STEP: usize = 3;

impl Samples {
    /// Bit rates on fixed steps.
    ///
    /// # Errors
    /// Values below zero or beyond any link, instants in the future, two values for one instant, mixed steps, with
    /// their places.
    pub(crate) fn rates(mut self, asked: &Asked) -> Result<Rates, Vec<Wrong>> {
        let unit = asked.unit;
        if self.only_rates && unit == Unit::OctetsCounter {
            let detail = "rrdtool keeps rates, also of counters: say --unit Bps or --unit bps";
            return Err(vec![Wrong::whole(detail)]);
        }
        self.check(asked)?;
        self.values.sort_by_key(|sample| sample.at_secs);
        let repeated = self.unite()?;
        let step_secs = match asked.step_secs {
            Some(step_secs) => step_secs,
            None => self.found_step()?,
        };
        if step_secs == 0 || !DAY_SECS.is_multiple_of(step_secs) {
            let detail = format!("has steps of {step_secs} s, which do not divide a day");
            return Err(vec![Wrong::whole(detail)]);
        }
        let stamp = asked.stamp.filter(|_| !self.stamp.1).unwrap_or(self.stamp.0);
        let (rates, resets) = match unit {
            Unit::BitsPerSec => (self.means(1.0, stamp, step_secs), 0),
            Unit::BytesPerSec => (self.means(8.0, stamp, step_secs), 0),
            Unit::OctetsCounter => self.differences(step_secs, asked),
        };
        let points = self.on_grid(&rates, step_secs, asked.step_secs.is_some())?;
        let steps = points.first().zip(points.last()).map_or(0, |(first, last)| {
            let secs = (last.0 - first.0).num_seconds().unsigned_abs();
            secs / u64::from(step_secs) + 1
        });
        let gaps = steps - points.len() as u64;
        Ok(Rates { step_secs, points, gaps, resets, repeated })
    }

    /// What no value may be.
    fn check(&self, asked: &Asked) -> Result<(), Vec<Wrong>> {
        let latest = asked.now.checked_add_signed(MAX_AHEAD).unwrap_or(asked.now).timestamp();
        let largest = match asked.unit {
            Unit::BitsPerSec => MAX_BPS,
            Unit::BytesPerSec => MAX_BPS / 8.0,
            Unit::OctetsCounter => f64::MAX,
        };
        let wrong = |sample: &Sample| {
            let detail = match sample.value {
                Some(value) if value < 0.0 => format!("{value} is negative, which no traffic is"),
                Some(value) if value > largest => {
                    format!("{value} is more than any place has: is --unit right?")
                }
                _ if sample.at_secs > latest => {
                    format!("{} lies in the future", shown(sample.at_secs))
                }
                _ => return None,
            };
            Some(self.wrong(sample.index, detail))
        };
        some_or_ok(self.values.iter().filter_map(wrong))
    }

    /// Joins values for the same instant, which must be equal; how many that were.
    fn unite(&mut self) -> Result<u64, Vec<Wrong>> {
        let mut wrong = Vec::new();
        for pair in self.values.windows(2) {
            let differs = pair[0].value.map(f64::to_bits) != pair[1].value.map(f64::to_bits);
            if pair[0].at_secs == pair[1].at_secs && differs {
                let (at, first) = (shown(pair[0].at_secs), pair[0].index);
                wrong.push(self.wrong(pair[1].index, format!("has another value for {at} than {first}")));
            }
        }
        some_or_ok(wrong.into_iter())?;
        let before = self.values.len();
        self.values.dedup_by_key(|sample| sample.at_secs);
        Ok((before - self.values.len()) as u64)
    }

    /// The step that the file states, or the shortest distance, of which every other must be a multiple.
    fn found_step(&self) -> Result<u32, Vec<Wrong>> {
        if let Some(step) = self.step_secs {
            return Ok(step);
        }
        let distances = || self.values.windows(2).map(|pair| (&pair[1], pair[1].at_secs - pair[0].at_secs));
        let Some(step) = distances().map(|(_, secs)| secs).min() else {
            let detail = "has one value only, which tells no step: say --step-secs";
            return Err(vec![Wrong::whole(detail)]);
        };
        let (mut run, mut before) = (0, step);
        let mut wrong = Vec::new();
        for (sample, secs) in distances() {
            run = if secs == before && secs > step { run + 1 } else { usize::from(secs > step) };
            before = secs;
            if secs % step != 0 || run == OTHER_STEP {
                let detail = format!(
                    "comes {secs} s after the value before, in a file with steps of {step} s; split files with mixed \
                     steps, or say --step-secs"
                );
                wrong.push(self.wrong(sample.index, detail));
            }
        }
        some_or_ok(wrong.into_iter())?;
        u32::try_from(step).map_err(|_| vec![Wrong::whole("has steps of more than a day")])
    }

    /// Values that are means of steps already: start of the step, value.
    fn means(&self, factor: f64, stamp: Stamp, step_secs: u32) -> Vec<Sample> {
        let back = if stamp == Stamp::End { i64::from(step_secs) } else { 0 };
        let known = self.values.iter().filter_map(|sample| {
            Some(Sample { at_secs: sample.at_secs - back, value: Some(sample.value? * factor), ..*sample })
        });
        known.collect()
    }

    /// Rates from values one step apart; how many counters began anew.
    fn differences(&self, step_secs: u32, asked: &Asked) -> (Vec<Sample>, u64) {
        let (mut rates, mut resets) = (Vec::new(), 0);
        for pair in self.values.windows(2) {
            let (Some(first), Some(second)) = (pair[0].value, pair[1].value) else { continue };
            let secs = pair[1].at_secs - pair[0].at_secs;
            // Readings come some seconds early or late; one that is missing leaves two steps unknown.
            if secs * 2 > i64::from(step_secs) * 3 {
                continue;
            }
            let Some(octets) = increase(first, second, asked.counter_bits) else {
                resets += 1;
                continue;
            };
            #[expect(clippy::cast_precision_loss, reason = "the seconds of one step")]
            let bps = octets * 8.0 / secs as f64;
            if bps <= MAX_BPS {
                rates.push(Sample { value: Some(bps), ..pair[0] });
            } else {
                resets += 1;
            }
        }
        (rates, resets)
    }

    /// The rates at starts of steps since midnight. Instants between are moved: back, or to the nearest if the step was
    /// stated.
    fn on_grid(
        &self,
        rates: &[Sample],
        step_secs: u32,
        nearest: bool,
    ) -> Result<Vec<(DateTime<chrono::Utc>, f64)>, Vec<Wrong>> {
        let step = i64::from(step_secs);
        let shift = if nearest { step / 2 } else { 0 };
        let (mut placed, mut wrong) = (BTreeMap::new(), Vec::new());
        for rate in rates {
            let start = (rate.at_secs + shift).div_euclid(step) * step;
            let (Some(at), Some(value)) = (instant(start), rate.value) else { continue };
            if placed.insert(at, value).is_some() {
                let detail = format!("is the second value in the step at {} of {step} s", shown(start));
                wrong.push(self.wrong(rate.index, detail));
            }
        }
        some_or_ok(wrong.into_iter())?;
        Ok(placed.into_iter().collect())
    }
}

/// What a counter counted between two readings; nothing if it began anew.
///
/// A counter of 32 bits that fell has passed its end if that takes less than half of its range, which at 100 Mbit/s is three
/// minutes; otherwise it began anew, as one of 64 bits always did.
fn increase(first: f64, second: f64, bits: u8) -> Option<f64> {
    if second >= first {
        return Some(second - first);
    }
    let range = f64::from(u32::MAX) + 1.0;
    let wrapped = second + range - first;
    (bits == 32 && first < range && wrapped < range / 2.0).then_some(wrapped)
}

fn some_or_ok(wrong: impl Iterator<Item = Wrong>) -> Result<(), Vec<Wrong>> {
    let some: Vec<_> = wrong.take(MAX_WRONG).collect();
    if some.is_empty() { Ok(()) } else { Err(some) }
}
