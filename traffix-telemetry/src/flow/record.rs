//! From the values of one record to a flow.

use core::net::{IpAddr, Ipv4Addr};
use core::num::NonZeroU32;

use super::read::{ipv4, ipv6, number};
use super::template::Slot;
use super::{Direction, Flow};

/// Milliseconds from 1900, where NTP counts from, to 1970.
const NTP_TO_UNIX_MS: i64 = 2_208_988_800_000;

/// What the header of a datagram says about time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    /// When the datagram was made, in milliseconds since 1970.
    pub(super) export_ms: i64,
    /// How long the exporter had been up then, in milliseconds; IPFIX headers do not tell.
    pub(super) uptime_ms: Option<u32>,
}

impl Clock {
    /// The instant at which the exporter had been up for `uptime_ms`, which wraps around every 49.7 days.
    pub(super) fn at_uptime(self, uptime_ms: u32, system_init_ms: Option<i64>) -> i64 {
        match (self.uptime_ms, system_init_ms) {
            (Some(now), _) => {
                // The difference as a signed number is right on both sides of the wrap.
                self.export_ms - i64::from(now.wrapping_sub(uptime_ms).cast_signed())
            }
            (None, Some(init)) => init.saturating_add(i64::from(uptime_ms)),
            (None, None) => self.export_ms,
        }
    }
}

/// The values of a record, as they come.
#[derive(Debug, Clone, Copy)]
pub(super) struct Record {
    source: Option<IpAddr>,
    destination: Option<IpAddr>,
    ports: (u16, u16),
    protocol: u8,
    bytes: u64,
    packets: u64,
    /// Counted since the flow began. Of a record that also tells what is new, they are older news.
    totals: (u64, u64),
    has_new: (bool, bool),
    start: Instant,
    end: Instant,
    system_init_ms: Option<i64>,
    interfaces: (u32, u32),
    direction: Option<Direction>,
    /// Sampling as told in the record itself.
    pub(super) interval: Option<u32>,
    /// Which of the exporter's samplers chose the packets.
    pub(super) sampler: Option<u64>,
}

/// A time as exporters tell it.
#[derive(Debug, Clone, Copy)]
enum Instant {
    Unknown,
    Uptime(u32),
    UnixMs(i64),
}

impl Record {
    pub(super) const EMPTY: Self = Self {
        source: None,
        destination: None,
        ports: (0, 0),
        protocol: 0,
        bytes: 0,
        packets: 0,
        totals: (0, 0),
        has_new: (false, false),
        start: Instant::Unknown,
        end: Instant::Unknown,
        system_init_ms: None,
        interfaces: (0, 0),
        direction: None,
        interval: None,
        sampler: None,
    };

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "fields of other widths than their type's are cut")]
    pub(super) fn set(&mut self, slot: Slot, bytes: &[u8], clock: Clock) {
        match slot {
            Slot::Bytes => (self.bytes, self.has_new.0) = (number(bytes), true),
            Slot::Packets => (self.packets, self.has_new.1) = (number(bytes), true),
            // Some exporters fill only one of the pair, the other with 0.
            Slot::BytesOut => self.bytes = self.bytes.max(number(bytes)),
            Slot::PacketsOut => self.packets = self.packets.max(number(bytes)),
            Slot::BytesTotal => self.totals.0 = number(bytes),
            Slot::PacketsTotal => self.totals.1 = number(bytes),
            Slot::Protocol => self.protocol = number(bytes) as u8,
            Slot::SourcePort => self.ports.0 = number(bytes) as u16,
            Slot::DestinationPort => self.ports.1 = number(bytes) as u16,
            Slot::Source4 => set_address(&mut self.source, ipv4(bytes)),
            Slot::Destination4 => set_address(&mut self.destination, ipv4(bytes)),
            Slot::Source6 => set_address(&mut self.source, ipv6(bytes)),
            Slot::Destination6 => set_address(&mut self.destination, ipv6(bytes)),
            Slot::Ingress => self.interfaces.0 = number(bytes) as u32,
            Slot::Egress => self.interfaces.1 = number(bytes) as u32,
            Slot::Direction => self.direction = direction(number(bytes)),
            Slot::SamplingInterval => self.interval = Some(number(bytes) as u32),
            Slot::SamplerId => self.sampler = Some(number(bytes)),
            Slot::PacketInterval | Slot::PacketSpace | Slot::InterfaceName => {}
            time => self.set_time(time, number(bytes), clock),
        }
    }

    fn set_time(&mut self, slot: Slot, value: u64, clock: Clock) {
        let signed = i64::try_from(value).unwrap_or(i64::MAX);
        let before_export = |us: i64| Instant::UnixMs(clock.export_ms.saturating_sub(us / 1000));
        let uptime = u32::try_from(value).unwrap_or(u32::MAX);
        match slot {
            Slot::FirstUptime => self.start = Instant::Uptime(uptime),
            Slot::LastUptime => self.end = Instant::Uptime(uptime),
            Slot::StartSecs => self.start = Instant::UnixMs(signed.saturating_mul(1000)),
            Slot::EndSecs => self.end = Instant::UnixMs(signed.saturating_mul(1000)),
            Slot::StartMs => self.start = Instant::UnixMs(signed),
            Slot::EndMs => self.end = Instant::UnixMs(signed),
            Slot::StartNtp => self.start = Instant::UnixMs(ntp_ms(value)),
            Slot::EndNtp => self.end = Instant::UnixMs(ntp_ms(value)),
            Slot::StartDeltaUs => self.start = before_export(signed),
            Slot::EndDeltaUs => self.end = before_export(signed),
            Slot::SystemInitMs => self.system_init_ms = Some(signed),
            _ => {}
        }
    }

    /// The flow, sampled once in `sampling`; nothing if the record is about no addresses, such as a counter.
    #[inline]
    pub(super) fn flow(&self, clock: Clock, sampling: u32) -> Option<Flow> {
        let (source, destination) = (self.source?, self.destination?);
        let at = |instant: Instant| match instant {
            Instant::Unknown => None,
            Instant::Uptime(uptime) => Some(clock.at_uptime(uptime, self.system_init_ms)),
            Instant::UnixMs(ms) => Some(ms),
        };
        let end_ms = at(self.end).unwrap_or(clock.export_ms);
        Some(Flow {
            source,
            destination,
            source_port: self.ports.0,
            destination_port: self.ports.1,
            protocol: self.protocol,
            bytes: if self.has_new.0 { self.bytes } else { self.bytes.max(self.totals.0) },
            packets: if self.has_new.1 { self.packets } else { self.packets.max(self.totals.1) },
            sampling: sampling.max(1),
            start_ms: at(self.start).unwrap_or(end_ms),
            end_ms,
            ingress: NonZeroU32::new(self.interfaces.0),
            egress: NonZeroU32::new(self.interfaces.1),
            direction: self.direction,
        })
    }
}

/// Exporters with one template for both families send the address of the other as zeros: it does not count.
fn set_address(slot: &mut Option<IpAddr>, address: IpAddr) {
    if slot.is_none_or(|known| known.is_unspecified()) || !address.is_unspecified() {
        *slot = Some(match address {
            IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(address, |v4: Ipv4Addr| IpAddr::V4(v4)),
            IpAddr::V4(_) => address,
        });
    }
}

fn direction(value: u64) -> Option<Direction> {
    match value {
        0 => Some(Direction::Ingress),
        1 => Some(Direction::Egress),
        _ => None,
    }
}

/// An NTP timestamp: seconds since 1900 and a binary fraction.
fn ntp_ms(value: u64) -> i64 {
    let (secs, fraction) = (value >> 32, value & 0xffff_ffff);
    let ms = secs * 1000 + ((fraction * 1000) >> 32);
    i64::try_from(ms).unwrap_or(i64::MAX).saturating_sub(NTP_TO_UNIX_MS)
}
