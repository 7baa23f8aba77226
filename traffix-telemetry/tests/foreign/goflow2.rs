//! Streams of goflow2, written by hand from its documented fields.

use std::net::IpAddr;
use std::num::NonZeroU32;

use proptest::prelude::*;
use traffix_core::measurement::{Batch, Sums};
use traffix_telemetry::collector::{Cause, Config, SinkError};
use traffix_telemetry::foreign::goflow2::{Contents, count, name, read};
use traffix_telemetry::foreign::{ForeignError, Received};

use super::watch;

/// 14 November 2023, 22:13:20 UTC.
const AT_NS: u64 = 1_700_000_000_000_000_000;

/// A message to be written in both formats.
#[derive(Clone)]
struct Message {
    bytes: u64,
    rate: u64,
    source: &'static str,
    destination: &'static str,
    in_if: u32,
    at_ns: u64,
}

const DOWN: Message = Message {
    bytes: 1500,
    rate: 1000,
    source: "198.18.0.7",
    destination: "198.51.100.20",
    in_if: 7,
    at_ns: AT_NS,
};

impl Message {
    /// As goflow2's JSON renderer writes it: numbers plain, addresses and known protocols as text.
    fn json(&self) -> String {
        let Self { bytes, rate, source, destination, in_if, at_ns } = self;
        format!(
            r#"{{"type":"SFLOW_5","time_received_ns":{at_ns},"sequence_num":42,"sampling_rate":{rate},"sampler_address":"203.0.113.9","time_flow_start_ns":{at_ns},"time_flow_end_ns":{at_ns},"bytes":{bytes},"packets":1,"src_addr":"{source}","dst_addr":"{destination}","etype":"IPv4","proto":"TCP","src_port":443,"dst_port":50001,"in_if":{in_if},"out_if":9,"src_mac":"02:00:00:00:00:01","as_path":[],"layer_stack":["Ethernet","IPv4","TCP"]}}"#
        )
    }

    /// The same in protobuf, fields in the order of their numbers, with a length before it.
    fn protobuf(&self) -> Vec<u8> {
        fn varint(mut value: u64, to: &mut Vec<u8>) {
            while value >= 0x80 {
                to.push(u8::try_from(value & 0x7f).unwrap() | 0x80);
                value >>= 7;
            }
            to.push(u8::try_from(value).unwrap());
        }
        let address = |text: &str| match text.parse::<IpAddr>().unwrap() {
            IpAddr::V4(ip) => ip.octets().to_vec(),
            IpAddr::V6(ip) => ip.octets().to_vec(),
        };
        let mut fields: Vec<(u32, Result<u64, Vec<u8>>)> = vec![
            (1, Ok(1)),
            (3, Ok(self.rate)),
            (4, Ok(42)),
            (6, Err(address(self.source))),
            (7, Err(address(self.destination))),
            (9, Ok(self.bytes)),
            (10, Ok(1)),
            (11, Err(address("203.0.113.9"))),
            (18, Ok(self.in_if.into())),
            (19, Ok(9)),
            (20, Ok(6)),
            (21, Ok(443)),
            (22, Ok(50_001)),
            (30, Ok(0x800)),
        ];
        fields.extend([110, 111, 112].map(|number| (number, Ok(self.at_ns))));
        let mut body = Vec::new();
        for (number, value) in fields {
            match value {
                Ok(value) => {
                    varint(u64::from(number) << 3, &mut body);
                    varint(value, &mut body);
                }
                Err(bytes) => {
                    varint((u64::from(number) << 3) | 2, &mut body);
                    varint(bytes.len() as u64, &mut body);
                    body.extend(bytes);
                }
            }
        }
        let mut message = Vec::new();
        varint(body.len() as u64, &mut message);
        message.extend(body);
        message
    }
}

fn json(messages: &[Message]) -> Vec<u8> {
    messages.iter().map(|message| message.json() + "\n").collect::<String>().into_bytes()
}

fn protobuf(messages: &[Message]) -> Vec<u8> {
    messages.iter().flat_map(Message::protobuf).collect()
}

fn all(stream: &[u8]) -> Result<(Vec<Received>, Contents), ForeignError> {
    let mut found = Vec::new();
    let contents = read(stream, |received| {
        found.push(*received);
        Ok(())
    })?;
    Ok((found, contents))
}

#[test]
fn both_formats_say_the_same() {
    let v6 = Message { source: "2001:db8:a::1", destination: "2001:db8:1::5", rate: 0, in_if: 0, ..DOWN };
    let mapped = Message { source: "::ffff:198.18.0.7", ..DOWN };
    let messages = [DOWN, v6, mapped];
    let (from_json, contents) = all(&json(&messages)).unwrap();
    assert_eq!(contents, Contents { flows: 3, ..Contents::default() });
    assert_eq!(all(&protobuf(&messages)).unwrap(), (from_json.clone(), contents));

    let Received { exporter, received_ms, flow } = from_json[0];
    assert_eq!((exporter.to_string().as_str(), received_ms), ("203.0.113.9", 1_700_000_000_000));
    assert_eq!((flow.scaled_bytes(), flow.packets, flow.protocol), (1_500_000, 1, 6));
    assert_eq!((flow.source_port, flow.destination_port), (443, 50_001));
    assert_eq!((flow.ingress, flow.egress), (NonZeroU32::new(7), NonZeroU32::new(9)));
    assert_eq!((from_json[1].flow.sampling, from_json[1].flow.ingress), (1, None), "0 is not told");
    assert_eq!(from_json[2].flow, flow, "mapped addresses are those they stand for");
}

#[test]
fn what_is_no_flow_is_counted_and_passed_over() {
    let arp = r#"{"type":"SFLOW_5","time_received_ns":1,"src_addr":"","dst_addr":"","bytes":60,"proto":0}"#;
    let text = format!("{}\n\nnonsense\n{arp}\n{{\"bytes\":-1}}\n{}", DOWN.json(), DOWN.json());
    let (found, contents) = all(text.as_bytes()).unwrap();
    assert_eq!((found.len(), contents.flows, contents.without_addresses, contents.refused), (2, 2, 1, 2));
    assert!(contents.first_refused.unwrap().starts_with("message 2: expected"));
}

#[test]
fn a_stream_that_breaks_off_or_has_no_lengths_is_an_error() {
    let whole = protobuf(&[DOWN, DOWN]);
    let error = all(&whole[..whole.len() - 1]).unwrap_err();
    assert_eq!(error.to_string(), "message 2 is none: it breaks off");
    let error = all(&[0xff; 20]).unwrap_err();
    assert!(error.to_string().contains("more than 64 KiB"), "{error}");
    assert_eq!(all(b"").unwrap().1, Contents::default());
}

/// Counts a stream and says what came of it.
fn counted(stream: &[u8], sums: &mut Sums) -> (u64, u64, Vec<(Cause, u64)>) {
    let config = Config::default();
    let name = name(stream, "acme", &config).unwrap();
    let mut new = 0;
    let mut keep = |batch: &Batch| {
        new += u64::from(sums.add(batch).map_err(|error| SinkError::Refused(error.to_string()))?);
        Ok(())
    };
    let counted = count(stream, &name, &config, &watch(), &mut keep).unwrap();
    let left = counted.stats.left_out.iter().map(|(cause, tally)| (*cause, tally.flows));
    (counted.batches, new, left.filter(|(_, flows)| *flows > 0).collect())
}

#[test]
fn what_came_in_is_counted_by_bin_cdn_and_link_once() {
    let minute = 60_000_000_000;
    let messages = [
        DOWN,
        Message { at_ns: AT_NS + 1, ..DOWN },
        // Elsewhere, inside, by another interface, of nobody.
        Message { destination: "192.0.2.9", ..DOWN },
        Message { source: "198.51.100.1", ..DOWN },
        Message { in_if: 8, ..DOWN },
        Message { source: "192.0.2.1", ..DOWN },
        // Much later, so that the first bin is written before.
        Message { at_ns: AT_NS + 10 * minute, bytes: 7, ..DOWN },
    ];
    for stream in [json(&messages), protobuf(&messages)] {
        let mut sums = Sums::default();
        let (batches, new, left) = counted(&stream, &mut sums);
        assert_eq!((batches, new), (2, 2));
        assert_eq!(left, [(Cause::OtherInterface, 1), (Cause::Internal, 1), (Cause::Outbound, 1)]);
        let link = |platform: Option<&str>| traffix_core::measurement::Key {
            platform: None,
            cdn: platform.map(|cdn| cdn.parse().unwrap()),
            link: Some("pni".into()),
        };
        let at = |secs: i64| chrono::DateTime::from_timestamp(secs, 0).unwrap();
        assert_eq!(sums.bytes("acme", at(1_699_999_980), &link(Some("valve"))), Some(3_000_000));
        assert_eq!(sums.bytes("acme", at(1_699_999_980), &link(None)), Some(1_500_000));
        assert_eq!(sums.bytes("acme", at(1_700_000_580), &link(Some("valve"))), Some(7_000));
        // The same file again is nothing new.
        let before = sums.clone();
        assert_eq!(counted(&stream, &mut sums).1, 0);
        assert_eq!(sums, before);
    }
}

proptest! {
    #[test]
    fn mutated_streams(
        as_json in any::<bool>(),
        wrong in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..10),
        end in any::<prop::sample::Index>(),
    ) {
        let mut stream = if as_json { json(&[DOWN, DOWN, DOWN]) } else { protobuf(&[DOWN, DOWN, DOWN]) };
        for (at, byte) in &wrong {
            let at = at.index(stream.len());
            stream[at] = *byte;
        }
        stream.truncate(end.index(stream.len()) + 1);
        let _ = all(&stream);
        let config = Config::default();
        let _ = count(stream.as_slice(), "x", &config, &watch(), &mut |_: &Batch| Ok(()));
    }
}
