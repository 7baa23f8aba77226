//! Flows as IPFIX datagrams (RFC 7011), each with its template: so that any order and any loss leaves the rest readable.

use core::net::IpAddr;

use crate::flow::{Direction, Flow};

/// Flows of a datagram at most: with 15 of IPv6 it has 1,314 bytes, which links carry whole.
const MAX_FLOWS: usize = 15;
/// Entities of the IANA registry and their lengths, after the addresses: ports, protocol, bytes, packets, start and end in
/// milliseconds, interfaces, direction, sampling interval.
const FIELDS: [(u16, u16); 11] =
    [(7, 2), (11, 2), (4, 1), (1, 8), (2, 8), (152, 8), (153, 8), (10, 4), (14, 4), (61, 1), (34, 4)];

/// Flows of one exporter and one address family on their way into a datagram.
#[derive(Debug, Default)]
pub(super) struct Message {
    is_v6: bool,
    flows: u16,
    records: Vec<u8>,
}

impl Message {
    /// Whether a flow fits in beside those that are there.
    pub(super) fn takes(&self, flow: &Flow) -> bool {
        self.flows == 0 || (usize::from(self.flows) < MAX_FLOWS && self.is_v6 == flow.source.is_ipv6())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.flows == 0
    }

    pub(super) fn push(&mut self, flow: &Flow) {
        self.is_v6 = flow.source.is_ipv6();
        self.flows += 1;
        let records = &mut self.records;
        for address in [flow.source, flow.destination] {
            match address {
                IpAddr::V4(address) => records.extend(address.octets()),
                IpAddr::V6(address) => records.extend(address.octets()),
            }
        }
        records.extend(flow.source_port.to_be_bytes());
        records.extend(flow.destination_port.to_be_bytes());
        records.push(flow.protocol);
        for word in [flow.bytes, flow.packets, flow.start_ms.cast_unsigned(), flow.end_ms.cast_unsigned()] {
            records.extend(word.to_be_bytes());
        }
        for index in [flow.ingress, flow.egress] {
            records.extend(index.map_or(0, u32::from).to_be_bytes());
        }
        // Neither of the two that are defined where nothing is known.
        records.push(match flow.direction {
            Some(Direction::Ingress) => 0,
            Some(Direction::Egress) => 1,
            None => 0xff,
        });
        records.extend(flow.sampling.to_be_bytes());
    }

    /// The datagram, sent at `at_ms` after `sequence` flows of the same domain; and how many flows are in it.
    pub(super) fn finish(&mut self, at_ms: i64, domain: u32, sequence: u32) -> (Vec<u8>, u16) {
        let (addresses, width, id) = if self.is_v6 { ([27, 28], 16, 301_u16) } else { ([8, 12], 4, 300) };
        let fields = addresses.map(|field| (field, width)).into_iter().chain(FIELDS);
        let mut template = [id, len(2 + FIELDS.len())].map(u16::to_be_bytes).concat();
        fields.for_each(|(field, width)| template.extend([field, width].map(u16::to_be_bytes).concat()));
        let body = [set(2, &template), set(id, &self.records)].concat();
        let secs = u32::try_from(at_ms.div_euclid(1000)).unwrap_or(0);
        let mut datagram = [10, len(16 + body.len())].map(u16::to_be_bytes).concat();
        datagram.extend([secs, sequence, domain].map(u32::to_be_bytes).concat());
        datagram.extend(body);
        self.records.clear();
        (datagram, std::mem::take(&mut self.flows))
    }
}

fn set(id: u16, contents: &[u8]) -> Vec<u8> {
    [&[id, len(4 + contents.len())].map(u16::to_be_bytes).concat(), contents].concat()
}

/// A length, which the number of flows bounds.
fn len(bytes: usize) -> u16 {
    u16::try_from(bytes).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::Decoder;

    #[test]
    fn what_is_encoded_is_decoded() {
        let flow = |n: u8, is_v6: bool| Flow {
            source: if is_v6 { [n; 16].into() } else { [n; 4].into() },
            destination: if is_v6 { [7; 16].into() } else { [7; 4].into() },
            source_port: 443,
            destination_port: 50_000,
            protocol: 6,
            bytes: 1 << 40,
            packets: 1 << 30,
            sampling: 1 + u32::from(n % 2),
            start_ms: 1_700_000_000_123,
            end_ms: 1_700_000_000_456,
            ingress: u32::from(n).try_into().ok(),
            egress: None,
            direction: [Some(Direction::Ingress), Some(Direction::Egress), None][usize::from(n % 3)],
        };
        let flows: Vec<Flow> = (1..60).map(|n| flow(n, n % 10 > 5)).collect();
        let (mut decoder, mut decoded, mut message, mut sequence) =
            (Decoder::default(), Vec::new(), Message::default(), 0);
        let exporter = [192, 0, 2, 9].into();
        let mut decode = |message: &mut Message| {
            let (datagram, count) = message.finish(1_700_000_001_000, 5, sequence);
            sequence += u32::from(count);
            decoder.decode(exporter, 0, &datagram, |flow| decoded.push(flow)).unwrap();
            let counters = decoder.view(exporter).unwrap().counters();
            assert_eq!((counters.lost, counters.out_of_order), (0, 0));
        };
        for flow in &flows {
            if !message.takes(flow) {
                decode(&mut message);
            }
            message.push(flow);
        }
        decode(&mut message);
        assert!(message.is_empty());
        assert_eq!(decoded, flows);
    }
}
