//! From datagrams to counters.

use core::net::IpAddr;
use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use ipnet::IpNet;
use traffix_core::delivery::lpm::{LpmMatch, LpmView};
use traffix_core::measurement::Key;

use super::cells::Cells;
use super::heard::Heard;
use super::queue::{Entry, Place, Queue};
use super::routers::Routers;
use super::spread::spread;
use super::stats::Counts;
use super::watch::{Ingress, Near};
use super::{Cause, Config, Stats, Watch};
use crate::flow::{Decoder, Direction, Flow, exported_ms};

/// Bytes by key of bins, by the start of the bin: what a [`Batch`](traffix_core::measurement::Batch) holds.
pub type Bins = BTreeMap<DateTime<Utc>, BTreeMap<Key, u64>>;

/// By how much a clock may differ and is left alone, in milliseconds: headers tell whole seconds, and datagrams take time.
const CLOCK_TOLERANCE_MS: i64 = 2_000;
/// How far in the future a flow may end, in milliseconds.
const FUTURE_TOLERANCE_MS: i64 = 5_000;
/// Most bytes of a flow: a link of 800 Gbit/s carries a third of it in an hour.
const MAX_FLOW_BYTES: u64 = 1 << 50;
/// Flows that are looked up together: enough to hide the latency of memory, few enough to stay in the cache.
const BURST: usize = 256;
/// Last instant that is taken for a time of reception, in milliseconds since 1970: the year 2255.
const LAST_MS: i64 = 9_000_000_000_000;

/// What one thread does between its socket and the batches. Time is an argument.
///
/// ```
/// use std::sync::Arc;
/// use traffix_core::network::Network;
/// use traffix_telemetry::collector::{Config, Stage, Watch};
/// // A NetFlow v5 datagram with one record: 1,500 bytes from 192.0.2.1 to 198.51.100.7, seen at 2023-11-14T22:13:20Z.
/// let mut datagram = vec![0; 72];
/// datagram[1] = 5;
/// datagram[3] = 1;
/// datagram[8..12].copy_from_slice(&1_700_000_000_u32.to_be_bytes());
/// datagram[24..28].copy_from_slice(&[192, 0, 2, 1]);
/// datagram[28..32].copy_from_slice(&[198, 51, 100, 7]);
/// datagram[44..48].copy_from_slice(&1_500_u32.to_be_bytes());
///
/// let network: Network = serde_json::from_str(
///     r#"{"id": "acme", "tz": "Europe/London", "lines": 20000, "prefixes": ["198.51.100.0/24"]}"#,
/// )?;
/// let mut stage = Stage::new(&Config::default(), Arc::new(Watch::new(&network, Arc::default())));
/// stage.datagram([203, 0, 113, 9].into(), 1_700_000_000_000, &datagram);
/// let bins = stage.flush();
/// let counters = &bins[&"2023-11-14T22:13:00Z".parse()?];
/// assert_eq!(counters.values().sum::<u64>(), 1_500);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Stage {
    watch: Arc<Watch>,
    accept: Vec<IpNet>,
    times: Times,
    decoder: Decoder,
    routers: Routers,
    v4: Queue<u32>,
    v6: Queue<u128>,
    books: Books,
    heard: Heard,
    /// What was counted against an earlier watch.
    carried: Bins,
}

/// The timing of the configuration, in milliseconds.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_field_names, reason = "names carry units")]
struct Times {
    step_ms: i64,
    grace_ms: i64,
    max_late_ms: i64,
    max_span_ms: i64,
}

/// Where flows end up.
#[derive(Debug)]
struct Books {
    step_ms: i64,
    cells: Cells,
    counts: Counts,
}

impl Stage {
    /// A stage that has heard nothing yet. Of the configuration it uses who may export, timing and limits.
    pub fn new(config: &Config, watch: Arc<Watch>) -> Self {
        let timing = config.timing;
        let ms = |secs: u32| i64::from(secs) * 1000;
        let times = Times {
            step_ms: ms(timing.step_secs.get()),
            grace_ms: ms(timing.grace_secs),
            max_late_ms: ms(timing.max_late_secs),
            max_span_ms: ms(timing.max_span_secs).max(1),
        };
        Self {
            accept: config.accept.clone(),
            decoder: Decoder::new(config.limits),
            routers: Routers::new(config.limits.exporters),
            v4: Queue::default(),
            v6: Queue::default(),
            books: Books { step_ms: times.step_ms, cells: times.cells(&watch), counts: Counts::default() },
            heard: Heard::default(),
            carried: Bins::new(),
            times,
            watch,
        }
    }

    /// Measures against another profile or table from now on; what was counted stays counted as it was.
    pub fn watch(&mut self, watch: Arc<Watch>) {
        self.settle();
        let mut carried = std::mem::take(&mut self.carried);
        self.take_cells(i64::MAX, &mut carried);
        self.carried = carried;
        self.books.cells = self.times.cells(&watch);
        self.routers.forget_interfaces();
        self.watch = watch;
    }

    /// Decodes a datagram of an exporter, received at `received_ms` (milliseconds since 1970). Its flows are counted at
    /// the latest by the next [`settle`](Self::settle).
    pub fn datagram(&mut self, exporter: IpAddr, received_ms: i64, datagram: &[u8]) {
        let (exporter, received_ms) = (exporter.to_canonical(), received_ms.clamp(0, LAST_MS));
        let counts = &mut self.books.counts;
        counts.datagrams += 1;
        counts.datagram_bytes += datagram.len() as u64;
        if !self.accept.is_empty() && !self.accept.iter().any(|net| net.contains(&exporter)) {
            counts.not_accepted += 1;
            return;
        }
        let behind_ms = exported_ms(datagram).map(|exported_ms| received_ms - exported_ms);
        let corrected = Corrected { behind_ms, received_ms, times: self.times };
        let before = (self.v4.entries.len(), self.v6.entries.len());
        let (v4, v6) = (&mut self.v4, &mut self.v6);
        let decoded = self.decoder.decode(exporter, received_ms, datagram, |flow| {
            if let Some(entry) = corrected.entry(&flow, counts) {
                match (flow.source, flow.destination) {
                    (IpAddr::V4(from), IpAddr::V4(to)) => v4.push(from.to_bits(), to.to_bits(), entry),
                    (from, to) => push_v6(v4, v6, (from, to), entry),
                }
            }
        });
        match decoded {
            Ok(_) => self.heard.note(received_ms.div_euclid(self.times.step_ms)),
            Err(_) => self.books.counts.decode_errors += 1,
        }
        let router = self.routers.heard(exporter, received_ms, behind_ms, &self.watch);
        if router.is_mapped {
            let view = self.decoder.view(exporter);
            router.learn_names(view.as_ref().map_or(0, crate::flow::ExporterView::named_interfaces));
            for entry in self.v4.entries[before.0..].iter_mut().chain(&mut self.v6.entries[before.1..]) {
                entry.ingress = router.ingress(entry.index, |index| {
                    let told = index.and_then(|index| view?.interface_name(index.get()));
                    self.watch.ingress(exporter, index, told)
                });
            }
        }
        if self.v4.entries.len() + self.v6.entries.len() >= BURST {
            self.settle();
        }
    }

    /// Takes a flow that somebody else decoded, of an exporter, received at `received_ms` (milliseconds since 1970), and by
    /// which interface it came in, if that is known by name. No clock is corrected. It is counted at the latest by the next
    /// [`settle`](Self::settle).
    pub fn flow(&mut self, exporter: IpAddr, received_ms: i64, flow: &Flow, interface: Option<&str>) {
        let (exporter, received_ms) = (exporter.to_canonical(), received_ms.clamp(0, LAST_MS));
        let corrected = Corrected { behind_ms: None, received_ms, times: self.times };
        self.heard.note(received_ms.div_euclid(self.times.step_ms));
        let Some(mut entry) = corrected.entry(flow, &mut self.books.counts) else { return };
        let router = self.routers.heard(exporter, received_ms, None, &self.watch);
        if router.is_mapped {
            entry.ingress = match (entry.index, interface) {
                (None, Some(name)) => self.watch.ingress_by_name(exporter, name),
                (index, told) => self.watch.ingress(exporter, index, told),
            };
        }
        match (flow.source, flow.destination) {
            (IpAddr::V4(from), IpAddr::V4(to)) => self.v4.push(from.to_bits(), to.to_bits(), entry),
            (from, to) => push_v6(&mut self.v4, &mut self.v6, (from, to), entry),
        }
        if self.v4.entries.len() + self.v6.entries.len() >= BURST {
            self.settle();
        }
    }

    /// Counts what was decoded: look-ups are made together, so call it once per burst of datagrams.
    pub fn settle(&mut self) {
        let Self { watch, books, v4, v6, .. } = self;
        if !v4.entries.is_empty() {
            let lookup = |table: &LpmView<'_>, at: &[u32], found: &mut [Option<LpmMatch>]| {
                table.lookup_v4_batch(at, found);
            };
            let lookups =
                v4.settle(watch, (lookup, Near::may_hold_v4), |entry, place| books.enter(entry, place));
            books.counts.lookups += lookups;
        }
        if !v6.entries.is_empty() {
            let lookup = |table: &LpmView<'_>, at: &[u128], found: &mut [Option<LpmMatch>]| {
                table.lookup_v6_batch(at, found);
            };
            let lookups =
                v6.settle(watch, (lookup, Near::may_hold_v6), |entry, place| books.enter(entry, place));
            books.counts.lookups += lookups;
        }
    }

    /// Hands out the bins that are over by their grace at `now_ms`, and what came late for older ones. Bins without
    /// traffic are there if they were watched.
    pub fn drain(&mut self, now_ms: i64) -> Bins {
        self.take((now_ms.clamp(0, LAST_MS) - self.times.grace_ms).div_euclid(self.times.step_ms))
    }

    /// Hands out everything, open bins too.
    pub fn flush(&mut self) -> Bins {
        let watched = self.heard.last().map_or(0, |last| last + 1);
        let mut bins = self.take(watched);
        bins.append(&mut self.carried);
        self.take_cells(i64::MAX, &mut bins);
        bins
    }

    /// What it did so far.
    pub fn stats(&self) -> Stats {
        let mut stats = self.books.counts.stats();
        stats.exporters_forgotten = self.decoder.forgotten();
        stats.exporters =
            self.decoder.exporters().map(|(at, view)| (at, self.routers.stats(at, view))).collect();
        stats
    }

    /// Hands out the bins below `until`.
    fn take(&mut self, until: i64) -> Bins {
        self.settle();
        self.routers.forget_interfaces_told();
        let later = self.carried.split_off(&self.start_of(until));
        let mut bins = std::mem::replace(&mut self.carried, later);
        let reach = (self.times.grace_ms + self.times.step_ms - 1) / self.times.step_ms;
        for bin in self.heard.take(until, reach) {
            bins.entry(self.start_of(bin)).or_default();
        }
        self.take_cells(until, &mut bins);
        bins
    }

    /// Adds the counters of the bins below `until` to `bins`.
    fn take_cells(&mut self, until: i64, bins: &mut Bins) {
        let (watch, counts, step_ms) = (&self.watch, &mut self.books.counts, self.times.step_ms);
        self.books.cells.take(until, |bin, link, class, bytes| {
            let counters = bins.entry(start_of(bin, step_ms)).or_default();
            let counter = counters.entry(watch.key(class, link)).or_default();
            match counter.checked_add(bytes) {
                Some(sum) => *counter = sum,
                None => counts.left_out[Cause::Implausible as usize].bytes += bytes,
            }
        });
    }

    fn start_of(&self, bin: i64) -> DateTime<Utc> {
        start_of(bin, self.times.step_ms)
    }
}

/// The start of a bin. Times of reception are bounded, and flows are near them, so there is one.
fn start_of(bin: i64, step_ms: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(bin.saturating_mul(step_ms)).unwrap_or_default()
}

#[cold]
fn push_v6(v4: &mut Queue<u32>, v6: &mut Queue<u128>, (from, to): (IpAddr, IpAddr), entry: Entry) {
    let bits = |address: IpAddr| match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    };
    match (from.to_canonical(), to.to_canonical()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => v4.push(from.to_bits(), to.to_bits(), entry),
        (from, to) => v6.push(bits(from), bits(to), entry),
    }
}

impl Times {
    fn cells(&self, watch: &Watch) -> Cells {
        let (classes, links) = watch.size();
        let bins = (self.max_late_ms + self.max_span_ms + self.grace_ms) / self.step_ms + 4;
        // A day of seconds, at most.
        Cells::new(links, classes, usize::try_from(bins.min(86_400)).unwrap_or(1))
    }
}

/// A datagram's times by the collector's clock.
#[derive(Clone, Copy)]
struct Corrected {
    behind_ms: Option<i64>,
    received_ms: i64,
    times: Times,
}

impl Corrected {
    /// What is counted of a flow; nothing if it is left out whoever sent it.
    #[inline]
    fn entry(&self, flow: &Flow, counts: &mut Counts) -> Option<Entry> {
        let bytes = flow.scaled_bytes();
        counts.decoded.add(bytes);
        if is_on_its_way_out(flow) {
            counts.left_out[Cause::Egress as usize].add(bytes);
            return None;
        }
        let correction = self.behind_ms.filter(|ms| ms.abs() > CLOCK_TOLERANCE_MS).unwrap_or(0);
        let end_ms = flow.end_ms.saturating_add(correction);
        let mut start_ms = flow.start_ms.saturating_add(correction).min(end_ms);
        let misplaced = if bytes > MAX_FLOW_BYTES {
            Some(Cause::Implausible)
        } else if end_ms > self.received_ms + FUTURE_TOLERANCE_MS {
            Some(Cause::FromFuture)
        } else if end_ms < self.received_ms - self.times.max_late_ms {
            Some(Cause::TooOld)
        } else {
            None
        };
        if misplaced.is_none() && end_ms - self.times.max_span_ms > start_ms {
            counts.shortened.add(bytes);
            start_ms = end_ms - self.times.max_span_ms;
        }
        Some(Entry { bytes, start_ms, end_ms, index: flow.ingress, ingress: Ingress::Unmapped, misplaced })
    }
}

/// Whether a flow was seen where it left a router. Probes on a line have one interface or none, and tell by the direction
/// only the sides of a conversation apart, softflowd by the order of the addresses: theirs are not.
#[inline]
fn is_on_its_way_out(flow: &Flow) -> bool {
    flow.direction == Some(Direction::Egress) && flow.egress.is_some() && flow.egress != flow.ingress
}

impl Books {
    #[inline]
    fn enter(&mut self, entry: &Entry, place: Result<Place, Cause>) {
        let (class, link) = match place {
            Ok(place) => place,
            Err(cause) => return self.counts.left_out[cause as usize].add(entry.bytes),
        };
        let (cells, mut refused) = (&mut self.cells, 0);
        spread(entry.start_ms, entry.end_ms, entry.bytes, self.step_ms, |bin, part| {
            if cells.add(bin, link as usize, class as usize, part).is_err() {
                refused += part;
            }
        });
        self.counts.left_out[Cause::Implausible as usize].bytes += refused;
        let counted = entry.bytes - refused;
        self.counts.counted.add(counted);
        if class == 0 {
            self.counts.unattributed.add(counted);
        }
        if link == 0 {
            self.counts.without_link.add(counted);
        }
    }
}
