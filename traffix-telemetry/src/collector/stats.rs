//! What a collector did, and what it left out and why.

use core::net::IpAddr;
use core::ops::AddAssign;
use std::collections::BTreeMap;

use crate::flow::ExporterView;

/// Why bytes were left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Cause {
    /// Seen on the way out of an interface; counted where it came in.
    Egress,
    /// Came in by an interface that no link of the profile has, on a router for which the profile names interfaces.
    OtherInterface,
    /// Came in by an interface whose name the router has not told yet, and the profile names interfaces by name.
    UnnamedInterface,
    /// Came from the network itself.
    Internal,
    /// Went to addresses that are not the network's.
    Outbound,
    /// Ended too long ago.
    TooOld,
    /// Ended in the future, even by the exporter's own clock.
    FromFuture,
    /// More bytes than any flow or counter can have.
    Implausible,
    /// Counted, but no room was left to keep it while the sink was away.
    NoRoom,
    /// Counted, but the sink refused the batch for good.
    Refused,
}

impl Cause {
    /// All causes.
    pub const ALL: [Self; 10] = [
        Self::Egress,
        Self::OtherInterface,
        Self::UnnamedInterface,
        Self::Internal,
        Self::Outbound,
        Self::TooOld,
        Self::FromFuture,
        Self::Implausible,
        Self::NoRoom,
        Self::Refused,
    ];

    /// The word used in metrics: `egress`, `other-interface`, `unnamed-interface`, `internal`, `outbound`, `too-old`,
    /// `from-future`, `implausible`, `no-room`, `refused`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Egress => "egress",
            Self::OtherInterface => "other-interface",
            Self::UnnamedInterface => "unnamed-interface",
            Self::Internal => "internal",
            Self::Outbound => "outbound",
            Self::TooOld => "too-old",
            Self::FromFuture => "from-future",
            Self::Implausible => "implausible",
            Self::NoRoom => "no-room",
            Self::Refused => "refused",
        }
    }

    /// Whether measured traffic was lost, and not only left out because it does not belong here.
    pub fn is_loss(self) -> bool {
        matches!(
            self,
            Self::UnnamedInterface
                | Self::TooOld
                | Self::FromFuture
                | Self::Implausible
                | Self::NoRoom
                | Self::Refused
        )
    }
}

/// Flows and their bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Flows; 0 where only bytes are known.
    pub flows: u64,
    /// Bytes, scaled by sampling.
    pub bytes: u64,
}

impl Tally {
    /// Counts one flow.
    pub fn add(&mut self, bytes: u64) {
        self.flows += 1;
        self.bytes = self.bytes.saturating_add(bytes);
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.flows += other.flows;
        self.bytes = self.bytes.saturating_add(other.bytes);
    }
}

/// What a collector did since its start.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stats {
    /// Datagrams received.
    pub datagrams: u64,
    /// Bytes of them.
    pub datagram_bytes: u64,
    /// Datagrams with an error in them; what came before it was counted.
    pub decode_errors: u64,
    /// Datagrams from addresses that may not export.
    pub not_accepted: u64,
    /// Attempts to receive that failed.
    pub receive_errors: u64,
    /// Datagrams that the kernel dropped because nobody read them in time; `None` where it does not tell.
    pub kernel_drops: Option<u64>,
    /// Flows decoded; each of them is in `counted` or in `left_out`.
    pub decoded: Tally,
    /// Flows counted.
    pub counted: Tally,
    /// Of the counted ones, those of no known CDN.
    pub unattributed: Tally,
    /// Of the counted ones, those on no known link.
    pub without_link: Tally,
    /// Of the counted ones, those longer than [`Timing::max_span_secs`](super::Timing::max_span_secs), put into the last
    /// so many seconds.
    pub shortened: Tally,
    /// Left out, by cause.
    pub left_out: BTreeMap<Cause, Tally>,
    /// Addresses looked up in the prefix tables.
    pub lookups: u64,
    /// Exporters that were forgotten to make room for others.
    pub exporters_forgotten: u64,
    /// By exporter.
    pub exporters: BTreeMap<IpAddr, ExporterStats>,
    /// Batches kept by the sink.
    pub batches_kept: u64,
    /// Offers that the sink did not take.
    pub batches_failed: u64,
    /// Counters that wait for the sink.
    pub pending_counters: usize,
    /// When the sink last kept a batch, in milliseconds since 1970.
    pub kept_ms: Option<i64>,
    /// What the sink said last if it did not keep a batch, until it keeps one.
    pub sink_error: Option<String>,
}

/// What one exporter sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ExporterStats {
    /// Datagrams decoded to their end.
    pub datagrams: u64,
    /// Datagrams with an error in them.
    pub errors: u64,
    /// Flows decoded.
    pub flows: u64,
    /// Flows, records or datagrams (as the protocol counts) that never came, by the gaps in sequence numbers.
    pub lost: u64,
    /// Sets whose template was not known when they came.
    pub template_misses: u64,
    /// Sets given up because their template did not come in time.
    pub given_up: u64,
    /// Bytes of data that wait for their templates.
    pub waiting_bytes: usize,
    /// When it was last heard, in milliseconds since 1970.
    pub heard_ms: i64,
    /// How far its clock was behind the collector's in its last datagram, in milliseconds; `None` for sFlow, which
    /// carries no time. Up to two seconds are left alone.
    pub clock_behind_ms: Option<i64>,
}

/// Totals of one thread, as it counts them.
#[derive(Debug, Clone, Default)]
pub(super) struct Counts {
    pub(super) datagrams: u64,
    pub(super) datagram_bytes: u64,
    pub(super) decode_errors: u64,
    pub(super) not_accepted: u64,
    pub(super) decoded: Tally,
    pub(super) counted: Tally,
    pub(super) unattributed: Tally,
    pub(super) without_link: Tally,
    pub(super) shortened: Tally,
    pub(super) lookups: u64,
    pub(super) left_out: [Tally; Cause::ALL.len()],
}

impl Counts {
    /// The totals, without anything about exporters.
    pub(super) fn stats(&self) -> Stats {
        let left_out =
            Cause::ALL.into_iter().zip(self.left_out).filter(|(_, tally)| *tally != Tally::default());
        Stats {
            datagrams: self.datagrams,
            datagram_bytes: self.datagram_bytes,
            decode_errors: self.decode_errors,
            not_accepted: self.not_accepted,
            decoded: self.decoded,
            counted: self.counted,
            unattributed: self.unattributed,
            without_link: self.without_link,
            shortened: self.shortened,
            lookups: self.lookups,
            left_out: left_out.collect(),
            ..Stats::default()
        }
    }
}

/// What the decoder knows of an exporter, with when it was heard and how far its clock was behind.
pub(super) fn exporter(
    view: ExporterView<'_>,
    (heard_ms, clock_behind_ms): (i64, Option<i64>),
) -> ExporterStats {
    let counters = view.counters();
    ExporterStats {
        datagrams: counters.datagrams,
        errors: counters.errors,
        flows: counters.flows,
        lost: counters.lost,
        template_misses: counters.template_misses,
        given_up: counters.given_up,
        waiting_bytes: view.waiting_bytes(),
        heard_ms,
        clock_behind_ms,
    }
}

impl ExporterStats {
    /// Adds what another thread knows of the same exporter.
    pub(super) fn merge(&mut self, other: &Self) {
        if other.heard_ms >= self.heard_ms {
            (self.heard_ms, self.clock_behind_ms) = (other.heard_ms, other.clock_behind_ms);
        }
        self.datagrams += other.datagrams;
        self.errors += other.errors;
        self.flows += other.flows;
        self.lost += other.lost;
        self.template_misses += other.template_misses;
        self.given_up += other.given_up;
        self.waiting_bytes += other.waiting_bytes;
    }
}

impl Stats {
    /// Flows and bytes left out by a cause.
    pub fn left_out(&self, cause: Cause) -> Tally {
        self.left_out.get(&cause).copied().unwrap_or_default()
    }

    /// Adds what another thread did.
    pub(super) fn merge(&mut self, other: &Self) {
        self.datagrams += other.datagrams;
        self.datagram_bytes += other.datagram_bytes;
        self.decode_errors += other.decode_errors;
        self.not_accepted += other.not_accepted;
        self.receive_errors += other.receive_errors;
        self.decoded += other.decoded;
        self.counted += other.counted;
        self.unattributed += other.unattributed;
        self.without_link += other.without_link;
        self.shortened += other.shortened;
        self.lookups += other.lookups;
        self.exporters_forgotten += other.exporters_forgotten;
        for (cause, tally) in &other.left_out {
            *self.left_out.entry(*cause).or_default() += *tally;
        }
        for (address, exporter) in &other.exporters {
            self.exporters.entry(*address).or_default().merge(exporter);
        }
    }
}
