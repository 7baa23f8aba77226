//! The short way from a record to a flow, for templates that hold only the usual fields once: every value is read from
//! its known place, with nothing to decide per field. The [general way](super::record) gives the same flows.

use core::num::NonZeroU32;

use super::read::{ipv4, ipv6, number};
use super::record::Clock;
use super::template::{Op, Slot};
use super::{Direction, Flow};

/// Where a value is in the record; of length 0 if the template has none.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    at: u16,
    len: u16,
}

impl Place {
    #[inline]
    fn bytes(self, record: &[u8]) -> &[u8] {
        let at = usize::from(self.at);
        &record[at..at + usize::from(self.len)]
    }

    #[inline]
    fn number(self, record: &[u8]) -> u64 {
        number(self.bytes(record))
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "fields of other widths than their type's are cut")]
    fn number32(self, record: &[u8]) -> u32 {
        self.number(record) as u32
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "fields of other widths than their type's are cut")]
    fn port(self, record: &[u8]) -> u16 {
        self.number(record) as u16
    }
}

/// How the ends of a flow are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Times {
    /// In milliseconds since the exporter started.
    Uptime,
    /// In milliseconds since 1970.
    UnixMs,
}

/// The places of a template's values.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    is_v6: bool,
    source: Place,
    destination: Place,
    ports: (Place, Place),
    protocol: Place,
    bytes: Place,
    packets: Place,
    interfaces: (Place, Place),
    times: Times,
    start: Place,
    end: Place,
    direction: Place,
    sampler: Place,
}

impl Plan {
    /// The plan of a template of fixed length; nothing if it holds anything that needs the general way.
    pub(super) fn new(ops: &[Op]) -> Option<Self> {
        let mut seen: Vec<Slot> = ops.iter().map(|op| op.slot).collect();
        seen.sort_unstable_by_key(|slot| *slot as u8);
        let usual = seen.windows(2).all(|pair| pair[0] != pair[1]) && seen.iter().all(|slot| is_usual(*slot));
        let has = |slot: Slot| seen.contains(&slot);
        let place = |slot: Slot| {
            ops.iter()
                .find(|op| op.slot == slot)
                .map(|op| Place { at: op.at, len: op.len })
                .unwrap_or_default()
        };
        let is_v6 = has(Slot::Source6);
        let (addresses, width) = if is_v6 {
            ((place(Slot::Source6), place(Slot::Destination6)), 16)
        } else {
            ((place(Slot::Source4), place(Slot::Destination4)), 4)
        };
        let both_families = is_v6 && (has(Slot::Source4) || has(Slot::Destination4));
        let whole = addresses.0.len == width && addresses.1.len == width;
        let times = if has(Slot::FirstUptime) { Times::Uptime } else { Times::UnixMs };
        let (start, end) = match times {
            Times::Uptime => (Slot::FirstUptime, Slot::LastUptime),
            Times::UnixMs => (Slot::StartMs, Slot::EndMs),
        };
        let one_clock =
            has(start) && has(end) && !(times == Times::Uptime && (has(Slot::StartMs) || has(Slot::EndMs)));
        (usual && whole && !both_families && one_clock).then(|| Self {
            is_v6,
            source: addresses.0,
            destination: addresses.1,
            ports: (place(Slot::SourcePort), place(Slot::DestinationPort)),
            protocol: place(Slot::Protocol),
            bytes: place(Slot::Bytes),
            packets: place(Slot::Packets),
            interfaces: (place(Slot::Ingress), place(Slot::Egress)),
            times,
            start: place(start),
            end: place(end),
            direction: place(Slot::Direction),
            sampler: place(Slot::SamplerId),
        })
    }

    /// The sampler of a record, if the template names one.
    #[inline]
    pub(super) fn sampler(&self, record: &[u8]) -> Option<u64> {
        (self.sampler.len > 0).then(|| self.sampler.number(record))
    }

    /// The flow of a record, sampled once in `sampling`.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "a protocol has one byte")]
    pub(super) fn flow(&self, record: &[u8], clock: Clock, sampling: u32) -> Flow {
        let address = if self.is_v6 { ipv6 } else { ipv4 };
        let instant = |place: Place| match self.times {
            Times::Uptime => clock.at_uptime(place.number32(record), None),
            Times::UnixMs => i64::try_from(place.number(record)).unwrap_or(i64::MAX),
        };
        let direction = match (self.direction.len, self.direction.number(record)) {
            (1.., 0) => Some(Direction::Ingress),
            (1.., 1) => Some(Direction::Egress),
            _ => None,
        };
        Flow {
            source: address(self.source.bytes(record)),
            destination: address(self.destination.bytes(record)),
            source_port: self.ports.0.port(record),
            destination_port: self.ports.1.port(record),
            protocol: self.protocol.number(record) as u8,
            bytes: self.bytes.number(record),
            packets: self.packets.number(record),
            sampling: sampling.max(1),
            start_ms: instant(self.start),
            end_ms: instant(self.end),
            ingress: NonZeroU32::new(self.interfaces.0.number32(record)),
            egress: NonZeroU32::new(self.interfaces.1.number32(record)),
            direction,
        }
    }
}

fn is_usual(slot: Slot) -> bool {
    matches!(
        slot,
        Slot::Source4
            | Slot::Source6
            | Slot::Destination4
            | Slot::Destination6
            | Slot::SourcePort
            | Slot::DestinationPort
            | Slot::Protocol
            | Slot::Bytes
            | Slot::Packets
            | Slot::Ingress
            | Slot::Egress
            | Slot::FirstUptime
            | Slot::LastUptime
            | Slot::StartMs
            | Slot::EndMs
            | Slot::Direction
            | Slot::SamplerId
    )
}
