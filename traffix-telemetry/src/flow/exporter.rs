//! What is remembered of an exporter between datagrams, within limits.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::record::Clock;
use super::template::Template;

/// How much is remembered. What exceeds a limit is forgotten, the oldest first, and counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Exporters known at a time; every source address is one, so that forged ones cannot fill the memory.
    pub exporters: usize,
    /// Templates of one exporter.
    pub templates: usize,
    /// Observation domains, samplers, interfaces and waiting sets of one exporter, each.
    pub entries: usize,
    /// Bytes of data of one exporter that wait for their templates.
    pub waiting_bytes: usize,
    /// How long data waits for its template, in milliseconds.
    pub waiting_ms: i64,
    /// How long a template holds that is not announced again, in milliseconds; it never ends over TCP.
    pub template_ms: i64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            exporters: 4096,
            templates: 1024,
            entries: 4096,
            waiting_bytes: 256 * 1024,
            waiting_ms: 5 * 60 * 1000,
            // Exporters repeat templates every few minutes; RFC 7011 section 8.4 asks for three times that interval.
            template_ms: 2 * 3600 * 1000,
        }
    }
}

/// What happened to an exporter's data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Datagrams decoded to their end.
    pub datagrams: u64,
    /// Datagrams with an error in them.
    pub errors: u64,
    /// Flows handed out.
    pub flows: u64,
    /// Records about no addresses.
    pub without_address: u64,
    /// Templates announced for the first time or changed.
    pub templates: u64,
    /// Sets whose template was not known when they came.
    pub template_misses: u64,
    /// Sets given up because their template did not come in time or no room was left to keep them.
    pub given_up: u64,
    /// Flows, records or datagrams (as the protocol counts) that never came, by the gaps in sequence numbers.
    pub lost: u64,
    /// Datagrams out of order, or exporters restarted.
    pub out_of_order: u64,
}

/// A read-only look at an exporter.
#[derive(Debug, Clone, Copy)]
pub struct ExporterView<'a>(&'a Exporter);

impl<'a> ExporterView<'a> {
    pub(super) fn new(exporter: &'a Exporter) -> Self {
        Self(exporter)
    }

    /// What happened to its data.
    pub fn counters(&self) -> Counters {
        self.0.counters
    }

    /// Names of its interfaces by SNMP index, as far as it told them.
    pub fn interface_names(&self) -> impl Iterator<Item = (u32, &'a str)> {
        self.0.interfaces.iter().map(|(index, name)| (*index, name.as_str()))
    }

    /// Name of an interface by SNMP index, if the exporter told it.
    pub fn interface_name(&self, index: u32) -> Option<&'a str> {
        self.0.interfaces.get(&index).map(String::as_str)
    }

    /// Of how many interfaces it told the name.
    pub fn named_interfaces(&self) -> usize {
        self.0.interfaces.len()
    }

    /// Bytes of data that wait for their templates.
    pub fn waiting_bytes(&self) -> usize {
        self.0.waiting_bytes
    }
}

/// A template's place: protocol version, observation domain, id.
pub(super) type TemplateKey = (u16, u32, u16);
/// A counted stream of datagrams: protocol version and domain or engine.
pub(super) type StreamKey = (u16, u32);

/// Data whose template is not known yet.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) key: TemplateKey,
    pub(super) clock: Clock,
    pub(super) bytes: Box<[u8]>,
}

/// By how much a sequence number goes back at least if the exporter was restarted.
const RESTART: i32 = 10_000;

/// The last datagram of a stream.
#[derive(Debug, Clone, Copy)]
struct Sequence {
    number: u32,
    counted: u32,
    is_inclusive: bool,
}

/// What is remembered of one exporter.
#[derive(Debug, Default)]
pub(super) struct Exporter {
    pub(super) templates: BTreeMap<TemplateKey, Template>,
    /// Sampling by stream, and within it by sampler; `None` is what holds for all.
    sampling: BTreeMap<(StreamKey, Option<u64>), u32>,
    interfaces: BTreeMap<u32, String>,
    sequences: BTreeMap<StreamKey, Sequence>,
    /// Streams whose sequence numbers are followed at most.
    pub(super) max_streams: usize,
    waiting: Vec<Waiting>,
    waiting_bytes: usize,
    /// The time by which data was last given up.
    given_up_ms: Option<i64>,
    pub(super) counters: Counters,
    pub(super) seen_ms: i64,
}

impl Exporter {
    /// Compares a sequence number with the one that was expected. `counted` is by how much the datagram lets it grow.
    ///
    /// The number counts what was sent before the datagram; softflowd's IPFIX counts the datagram's own flows too, which
    /// shows from the second datagram on.
    pub(super) fn sequence(&mut self, stream: StreamKey, number: u32, counted: u32, own_flows: u32) {
        let streams = self.sequences.len();
        let mut entry = match self.sequences.entry(stream) {
            Entry::Occupied(entry) => entry,
            Entry::Vacant(entry) => {
                if streams < self.max_streams {
                    entry.insert(Sequence { number, counted, is_inclusive: false });
                }
                return;
            }
        };
        let last = entry.get();
        let (exclusive, inclusive) =
            (last.number.wrapping_add(last.counted), last.number.wrapping_add(own_flows));
        let is_inclusive = number != exclusive && (last.is_inclusive || number == inclusive);
        let expected = if is_inclusive { inclusive } else { exclusive };
        let gap = number.wrapping_sub(expected).cast_signed();
        if gap < 0 {
            self.counters.out_of_order += 1;
            // A late datagram fills a gap that was counted as lost; far back means a restart.
            if gap > -RESTART {
                self.counters.lost = self.counters.lost.saturating_sub(u64::from(counted));
                return;
            }
        } else {
            self.counters.lost += u64::from(gap.unsigned_abs());
        }
        entry.insert(Sequence { number, counted, is_inclusive });
    }

    /// Learns a template, and says whether it is news. Nothing is learnt beyond the limit.
    pub(super) fn learn(&mut self, key: TemplateKey, template: Template, limits: &Limits) -> bool {
        if let Some(known) = self.templates.get_mut(&key)
            && known.fields == template.fields
            && known.is_options == template.is_options
        {
            known.seen_ms = template.seen_ms;
            return false;
        }
        if self.templates.len() >= limits.templates && !self.templates.contains_key(&key) {
            let oldest = self.templates.iter().min_by_key(|(_, t)| t.seen_ms).map(|(key, _)| *key);
            oldest.map(|key| self.templates.remove(&key));
        }
        self.counters.templates += 1;
        self.templates.insert(key, template);
        true
    }

    /// The template that holds at `now_ms`.
    pub(super) fn has_template(&mut self, key: TemplateKey, now_ms: i64, limits: &Limits) -> bool {
        match self.templates.entry(key) {
            Entry::Occupied(entry) if now_ms - entry.get().seen_ms > limits.template_ms => {
                entry.remove();
                false
            }
            Entry::Occupied(_) => true,
            Entry::Vacant(_) => false,
        }
    }

    /// Keeps data for a template that may still come.
    pub(super) fn wait(&mut self, waiting: Waiting, limits: &Limits) {
        self.counters.template_misses += 1;
        if waiting.bytes.is_empty() {
            return;
        }
        // Once per datagram is enough, and costs the same however many sets are in it.
        if self.given_up_ms != Some(waiting.clock.export_ms) {
            self.given_up_ms = Some(waiting.clock.export_ms);
            self.give_up(waiting.clock.export_ms, limits);
        }
        let is_full = self.waiting_bytes + waiting.bytes.len() > limits.waiting_bytes;
        if is_full || self.waiting.len() >= limits.entries {
            self.counters.given_up += 1;
            return;
        }
        self.waiting_bytes += waiting.bytes.len();
        self.waiting.push(waiting);
    }

    fn give_up(&mut self, now_ms: i64, limits: &Limits) {
        let before = self.waiting.len();
        self.waiting.retain(|w| now_ms.saturating_sub(w.clock.export_ms) <= limits.waiting_ms);
        self.counters.given_up += (before - self.waiting.len()) as u64;
        self.waiting_bytes = self.waiting.iter().map(|w| w.bytes.len()).sum();
    }

    /// The data that waited for a template.
    pub(super) fn arrived(&mut self, key: TemplateKey) -> Vec<Waiting> {
        if self.waiting.iter().all(|waiting| waiting.key != key) {
            return Vec::new();
        }
        let (ready, rest) = std::mem::take(&mut self.waiting).into_iter().partition(|w| w.key == key);
        self.waiting = rest;
        self.waiting_bytes = self.waiting.iter().map(|w| w.bytes.len()).sum();
        ready
    }

    /// Remembers what an options record says. Implausible values and what exceeds the limit are passed over.
    pub(super) fn note_sampling(
        &mut self,
        stream: StreamKey,
        sampler: Option<u64>,
        rate: u32,
        limits: &Limits,
    ) {
        let key = (stream, sampler);
        if rate > 0 && (self.sampling.len() < limits.entries || self.sampling.contains_key(&key)) {
            self.sampling.insert(key, rate);
        }
    }

    pub(super) fn note_interface(&mut self, index: u32, name: &[u8], limits: &Limits) {
        let name = name.split(|&byte| byte == 0).next().unwrap_or_default();
        let full = self.interfaces.len() >= limits.entries && !self.interfaces.contains_key(&index);
        if !name.is_empty() && !full {
            self.interfaces.insert(index, String::from_utf8_lossy(&name[..name.len().min(255)]).into_owned());
        }
    }

    /// Packets on the wire for each one counted by `sampler` of a stream: what was told for it, else for all.
    pub(super) fn sampling(&self, stream: StreamKey, sampler: Option<u64>) -> u32 {
        if self.sampling.is_empty() {
            return 1;
        }
        let of = |sampler: Option<u64>| self.sampling.get(&(stream, sampler)).copied();
        sampler.and_then(|id| of(Some(id))).or_else(|| of(None)).unwrap_or(1)
    }
}
