//! The watch: two cumulative sums, a confirmation, an end.

use chrono::{DateTime, Utc};

use super::day::{Day, Log, Logs};
use super::{DetectOptions, Spike, after, num};
use crate::baseline::Baseline;
use crate::samples::Samples;

/// What each sum takes off: half of the rise, in standard deviations of what is new in a bin, that it sees best.
const SLACKS: [f64; 2] = [0.5, 2.0];
/// Mean overshoot of a sum over its limit, both ends. Published (Siegmund 1985).
const OVERSHOOT: f64 = 1.166;
/// Spreads of days by which the level may be wrong for hours without an alarm: days change while they are followed, and
/// the baseline knows its half-hours from a handful of weeks. Assumed (2026-12).
const LEVEL_ERROR: f64 = 2.0;
/// Share of a rise that the bin after must still show.
const STAYS: f64 = 0.5;
/// Under so many standard deviations of a bin, in the mean, traffic is usual again.
const USUAL: f64 = 1.0;
/// After a gap of so long nobody knows whether a spike still runs, s.
const LONGEST_GAP_S: u32 = 86_400;

/// Limit of a sum with slack `k` so that noise passes it once in `bins` in the mean.
fn limit(k: f64, bins: f64) -> f64 {
    // Siegmund: bins = (exp(2 k b) - 2 k b - 1) / (2 k^2). The left side grows with b, so the root is bracketed.
    let mean = |b: f64| (libm::expm1(2.0 * k * b) - 2.0 * k * b) / (2.0 * k * k);
    let (mut low, mut high) = (0.0, 350.0 / k);
    for _ in 0..80 {
        let middle = f64::midpoint(low, high);
        if mean(middle) < bins { low = middle } else { high = middle }
    }
    (high - OVERSHOOT).max(0.0)
}

/// A cumulative sum, and where it last began to rise.
#[derive(Debug, Clone, Copy)]
struct Sum {
    slack: f64,
    limit: f64,
    height: f64,
    since: usize,
}

impl Sum {
    /// Takes what is new in a bin; whether the limit is passed.
    fn take(&mut self, bin: usize, new: f64) -> bool {
        if self.height <= 0.0 {
            self.since = bin;
        }
        self.height = (self.height + new - self.slack).max(0.0);
        self.height > self.limit
    }
}

/// A limit was passed; the next bin has to confirm it.
#[derive(Debug, Clone, Copy)]
struct Alarm {
    since: usize,
    x: f64,
}

/// A spike that runs.
struct Running {
    spike: Spike,
    since: usize,
    /// Start of the usual bins at its end.
    calm_since: Option<usize>,
    last_known: usize,
    /// Sum of usual rates, and of their squares.
    usual: (f64, f64),
    /// Excess of the bins since `calm_since`, and their usual rates, which do not count if it has ended.
    tail: (f64, f64, f64),
    /// Sum of what is left of these bins, in standard deviations.
    calm: f64,
}

pub(super) struct Watch<'a> {
    samples: &'a Samples,
    logs: Logs<'a>,
    options: &'a DetectOptions,
    day: Day,
    sums: [Sum; 2],
    /// What was left of the bin before, if it is known.
    before: Option<f64>,
    alarm: Option<Alarm>,
    running: Option<Running>,
    found: Vec<Spike>,
}

impl<'a> Watch<'a> {
    pub(super) fn new(samples: &'a Samples, baseline: &'a Baseline, options: &'a DetectOptions) -> Self {
        let mut logs = Logs::new(samples, baseline);
        let day = Day::new(&mut logs, samples.len());
        let days = if options.false_alarm_days > 0.0 { options.false_alarm_days } else { 1.0 };
        // Two sums share the false alarms.
        let bins = 2.0 * days * 86_400.0 / f64::from(samples.step_secs().get());
        // A level that is wrong by what days differ by must not look like something that goes on coming.
        let noise = logs.noise();
        let bias = LEVEL_ERROR * noise.day_sigma_log * (1.0 - noise.ar1) / noise.innovation_sigma_log;
        let sums =
            SLACKS.map(|slack| Sum { slack: slack + bias, limit: limit(slack, bins), height: 0.0, since: 0 });
        Self {
            samples,
            logs,
            options,
            day,
            sums,
            before: None,
            alarm: None,
            running: None,
            found: Vec::new(),
        }
    }

    pub(super) fn run(mut self) -> Vec<Spike> {
        for bin in 0..self.samples.len() {
            match self.logs.at(bin) {
                None => self.gap(bin),
                Some(log) if self.running.is_some() => self.runs(bin, log),
                Some(log) => self.quiet(bin, log),
            }
        }
        if let Some(running) = self.running.take() {
            let bins = self.samples.len() - running.since;
            self.found.push(self.closed(running, bins));
        }
        self.found
    }

    fn reset(&mut self) {
        for sum in &mut self.sums {
            sum.height = 0.0;
        }
    }

    fn secs(&self, bins: usize) -> f64 {
        num::of_usize(bins) * f64::from(self.samples.step_secs().get())
    }

    fn start_of(&self, bin: usize) -> DateTime<Utc> {
        after(self.samples.start(), bin, self.samples.step_secs().get())
    }

    fn gap(&mut self, bin: usize) {
        self.before = None;
        let lost = |running: &Running| self.secs(bin - running.last_known) > f64::from(LONGEST_GAP_S);
        if self.running.as_ref().is_some_and(lost)
            && let Some(running) = self.running.take()
        {
            let end = running.last_known + 1;
            self.finish(running, end);
        }
    }

    /// A bin while nothing runs.
    fn quiet(&mut self, bin: usize, log: Log) {
        let x = log.x(self.day.level());
        let noise = *self.logs.noise();
        // What fell comes back: that is no rise.
        let low = -2.0 * noise.sigma_log * log.wide;
        let new = match self.before {
            Some(before) => (x - noise.ar1 * before.max(low)) / noise.innovation_sigma_log,
            None => x / noise.sigma_log,
        } / log.wide;
        self.before = Some(x);
        if x <= 0.0 {
            self.reset();
            self.alarm = None;
            self.day.follow(x);
            return;
        }
        if let Some(alarm) = self.alarm.take() {
            if x >= STAYS * alarm.x {
                return self.begin(alarm.since, bin);
            }
            self.reset();
        }
        let least = log.bps >= (1.0 + self.options.least_share) * log.usual_bps(self.day.level());
        // Both sums see every bin; the one that began to rise last tells the start best.
        let passed = self.sums.iter_mut().filter_map(|sum| sum.take(bin, new).then_some(sum.since));
        let since = passed.max();
        if let Some(since) = since.filter(|_| least) {
            self.alarm = Some(Alarm { since, x });
        } else {
            self.day.follow(x);
        }
    }

    /// A spike is confirmed in a bin; what came since its start belongs to it.
    fn begin(&mut self, since: usize, confirmed: usize) {
        let start = self.start_of(since);
        let spike = Spike {
            start,
            detected_at: self.start_of(confirmed + 1),
            end: None,
            peak_at: start,
            peak_bps: f64::NEG_INFINITY,
            usual_at_peak_bps: 0.0,
            share: 0.0,
            excess_bytes: 0.0,
            excess_sd_bytes: 0.0,
        };
        let (usual, tail) = ((0.0, 0.0), (0.0, 0.0, 0.0));
        let (calm_since, last_known) = (None, since);
        self.running = Some(Running { spike, since, calm_since, last_known, usual, tail, calm: 0.0 });
        for bin in since..=confirmed {
            if let (Some(log), Some(running)) = (self.logs.at(bin), &mut self.running) {
                let usual = log.usual_bps(self.day.level());
                running.add(
                    (log.bps - usual, usual),
                    bin,
                    after(start, bin - since, self.samples.step_secs().get()),
                );
            }
        }
    }

    /// A bin of a spike.
    fn runs(&mut self, bin: usize, log: Log) {
        let Some(mut running) = self.running.take() else { return };
        let (day, noise) = (self.day.level(), *self.logs.noise());
        let (x, usual) = (log.x(day), log.usual_bps(day));
        let above = log.bps - usual;
        running.add((above, usual), bin, self.start_of(bin));
        // In the mean: one bin that strays does not make a spike go on.
        running.calm += x / (noise.sigma_log * log.wide);
        let calm_since = running.calm_since.unwrap_or(bin);
        if running.calm >= USUAL * num::of_usize(bin + 1 - calm_since) {
            (running.calm_since, running.tail, running.calm) = (None, (0.0, 0.0, 0.0), 0.0);
        } else {
            running.calm_since = Some(calm_since);
            running.tail.0 += above;
            running.tail.1 += usual;
            running.tail.2 += usual * usual;
        }
        let calm = running.calm_since.filter(|since| {
            bin - since >= 2 && self.secs(bin + 1 - since) >= f64::from(self.options.calm_secs)
        });
        if let Some(calm) = calm {
            running.forget_tail();
            self.finish(running, calm);
        } else if self.secs(bin + 1 - running.since) >= f64::from(self.options.longest_secs) {
            self.day.becomes(x);
            self.finish(running, bin + 1);
        } else {
            self.running = Some(running);
        }
    }

    fn finish(&mut self, running: Running, end: usize) {
        let bins = end - running.since;
        let mut spike = self.closed(running, bins);
        spike.end = Some(self.start_of(end));
        self.found.push(spike);
        self.before = None;
        self.reset();
    }

    /// The sums of a spike as bytes.
    fn closed(&self, running: Running, bins: usize) -> Spike {
        let noise = self.logs.noise();
        let bytes = f64::from(self.samples.step_secs().get()) / 8.0;
        let (sum, squares) = running.usual;
        // Neighbouring bins err together; the day is known at the start and anybody's guess a day later.
        let lasting = (1.0 + noise.ar1) / (1.0 - noise.ar1);
        let day = noise.day_sigma_log * libm::sqrt((self.secs(bins) / 86_400.0).min(1.0));
        let sd = libm::hypot(sum * day, noise.sigma_log * libm::sqrt(squares * lasting));
        let mut spike = running.spike;
        spike.excess_bytes *= bytes;
        spike.excess_sd_bytes = sd * bytes;
        spike
    }
}

impl Running {
    fn add(&mut self, (above, usual): (f64, f64), bin: usize, at: DateTime<Utc>) {
        self.last_known = bin;
        self.spike.excess_bytes += above;
        self.usual.0 += usual;
        self.usual.1 += usual * usual;
        if above > self.spike.peak_bps {
            self.spike.peak_bps = above;
            self.spike.usual_at_peak_bps = usual;
            self.spike.share = above / usual;
            self.spike.peak_at = at;
        }
    }

    fn forget_tail(&mut self) {
        self.spike.excess_bytes -= self.tail.0;
        self.usual.0 -= self.tail.1;
        self.usual.1 -= self.tail.2;
    }
}

#[cfg(test)]
mod tests {
    use super::limit;

    #[test]
    fn limits_are_those_of_the_literature() {
        // Montgomery, "Introduction to Statistical Quality Control" (2009), table 9.3: one side, k = 1/2, h = 4 and
        // h = 5: 336 and 930 bins (two sides: 168 and 465).
        assert!((limit(0.5, 336.0) - 4.0).abs() < 0.05, "{}", limit(0.5, 336.0));
        assert!((limit(0.5, 930.0) - 5.0).abs() < 0.05, "{}", limit(0.5, 930.0));
        // A sum that one bin must pass alone is nearly a limit for single bins: 1 in 8064 is 3.66 sigma.
        assert!((limit(2.0, 8064.0) + 2.0 - 3.66).abs() < 0.1, "{}", limit(2.0, 8064.0));
    }
}
