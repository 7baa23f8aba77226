//! What exporters may send, well-formed and not.
#![expect(clippy::unwrap_used, reason = "helpers of tests may fail")]

use std::net::IpAddr;

use proptest::prelude::*;
use traffix_telemetry::flow::{Decoder, Flow, FlowError, Limits};

const ROUTER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 9));
const NOW_MS: i64 = 1_700_000_000_000;

/// A message of version 9 or 10 from sets of id and contents.
fn message(version: u16, sequence: u32, sets: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let mut body = Vec::new();
    for (id, contents) in sets {
        body.extend(id.to_be_bytes());
        body.extend(u16::try_from(contents.len() + 4).unwrap().to_be_bytes());
        body.extend(contents);
    }
    let secs = u32::try_from(NOW_MS / 1000).unwrap();
    let mut bytes = version.to_be_bytes().to_vec();
    if version == 9 {
        bytes.extend(u16::try_from(sets.len()).unwrap().to_be_bytes());
        bytes.extend(100_000_u32.to_be_bytes());
    } else {
        bytes.extend(u16::try_from(16 + body.len()).unwrap().to_be_bytes());
    }
    bytes.extend(secs.to_be_bytes());
    bytes.extend(sequence.to_be_bytes());
    bytes.extend(7_u32.to_be_bytes());
    bytes.extend(body);
    bytes
}

fn words(words: &[u16]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

/// Source, destination, bytes in 4, packets in 4: a template under `id`.
fn template(id: u16) -> Vec<u8> {
    words(&[id, 4, 8, 4, 12, 4, 1, 4, 2, 4])
}

/// A record for it.
fn record(bytes: u32) -> Vec<u8> {
    [vec![192, 0, 2, 1, 198, 51, 100, 7], bytes.to_be_bytes().to_vec(), 3_u32.to_be_bytes().to_vec()].concat()
}

fn decode(decoder: &mut Decoder, datagram: &[u8]) -> Vec<Flow> {
    let mut flows = Vec::new();
    decoder.decode(ROUTER, NOW_MS, datagram, |flow| flows.push(flow)).unwrap();
    flows
}

#[test]
fn data_waits_for_its_template() {
    for (version, template_set) in [(9, 0), (10, 2)] {
        let mut decoder = Decoder::default();
        let early = decode(&mut decoder, &message(version, 0, &[(300, record(500)), (301, record(600))]));
        assert!(early.is_empty());
        assert_eq!(decoder.view(ROUTER).unwrap().waiting_bytes(), 32);
        let late =
            decode(&mut decoder, &message(version, 1, &[(template_set, template(300)), (300, record(700))]));
        assert_eq!(late.iter().map(|flow| flow.bytes).collect::<Vec<_>>(), [500, 700]);
        let view = decoder.view(ROUTER).unwrap();
        assert_eq!((view.counters().template_misses, view.waiting_bytes()), (2, 16));
    }
}

#[test]
fn running_totals_are_no_news_beside_what_is_new() {
    let addresses = [192, 0, 2, 1, 198, 51, 100, 7];
    let record = |numbers: &[u32]| {
        let numbers = numbers.iter().flat_map(|number| number.to_be_bytes());
        addresses.into_iter().chain(numbers).collect::<Vec<u8>>()
    };
    let mut decoder = Decoder::default();
    // Source, destination, new bytes, all bytes of the flow so far.
    let both = words(&[300, 4, 8, 4, 12, 4, 1, 4, 85, 4]);
    let flows = decode(
        &mut decoder,
        &message(10, 0, &[(2, both), (300, record(&[700, 700])), (300, record(&[0, 700]))]),
    );
    assert_eq!(flows.iter().map(|flow| flow.bytes).collect::<Vec<_>>(), [700, 0]);
    let totals = words(&[301, 3, 8, 4, 12, 4, 85, 4]);
    let flows = decode(&mut decoder, &message(10, 2, &[(2, totals), (301, record(&[900]))]));
    assert_eq!(flows.iter().map(|flow| flow.bytes).collect::<Vec<_>>(), [900]);
}

#[test]
fn waiting_data_is_bounded_and_counted() {
    let limits = Limits { waiting_bytes: 40, ..Limits::default() };
    let mut decoder = Decoder::new(limits);
    for sequence in 0..5 {
        decode(&mut decoder, &message(9, sequence, &[(300, record(1))]));
    }
    let view = decoder.view(ROUTER).unwrap();
    assert_eq!((view.waiting_bytes(), view.counters().given_up), (32, 3));
    let flows = decode(&mut decoder, &message(9, 5, &[(0, template(300))]));
    assert_eq!(flows.len(), 2);
}

#[test]
fn a_changed_template_replaces_the_old_one_and_a_repeated_one_is_no_news() {
    let mut decoder = Decoder::default();
    decode(&mut decoder, &message(10, 0, &[(2, template(300))]));
    decode(&mut decoder, &message(10, 0, &[(2, template(300))]));
    assert_eq!(decoder.view(ROUTER).unwrap().counters().templates, 1);
    // Now bytes are 8 wide and come first.
    let other = words(&[300, 3, 1, 8, 8, 4, 12, 4]);
    let data = [7_000_000_000_u64.to_be_bytes().to_vec(), vec![192, 0, 2, 1, 198, 51, 100, 7]].concat();
    let flows = decode(&mut decoder, &message(10, 0, &[(2, other), (300, data)]));
    assert_eq!(flows[0].bytes, 7_000_000_000);
    assert_eq!(decoder.view(ROUTER).unwrap().counters().templates, 2);
}

#[test]
fn withdrawn_and_expired_templates_are_not_used() {
    let mut decoder = Decoder::default();
    decode(&mut decoder, &message(10, 0, &[(2, [template(300), template(301)].concat())]));
    assert_eq!(decode(&mut decoder, &message(10, 0, &[(300, record(1))])).len(), 1);
    decode(&mut decoder, &message(10, 1, &[(2, words(&[300, 0]))]));
    assert!(decode(&mut decoder, &message(10, 1, &[(300, record(1))])).is_empty());
    assert_eq!(decode(&mut decoder, &message(10, 1, &[(301, record(1))])).len(), 1);
    decode(&mut decoder, &message(10, 2, &[(2, words(&[2, 0]))]));
    assert!(decode(&mut decoder, &message(10, 2, &[(301, record(1))])).is_empty());

    let mut decoder = Decoder::new(Limits { template_ms: -1, ..Limits::default() });
    assert!(decode(&mut decoder, &message(9, 0, &[(0, template(300)), (300, record(1))])).is_empty());
}

#[test]
fn sampling_and_interface_names_come_from_options() {
    // Version 9: scope "interface" of 4 bytes; options: name of 8 bytes.
    let names = words(&[400, 4, 4, 2, 4, 82, 8]);
    let name = [5_u32.to_be_bytes().to_vec(), b"ge-0/0/5".to_vec()].concat();
    // Scope "system"; sampler 9 chooses one packet in 1,000.
    let samplers = words(&[401, 4, 8, 1, 4, 48, 1, 50, 4]);
    let sampler = [1_u32.to_be_bytes().to_vec(), vec![9], 1000_u32.to_be_bytes().to_vec()].concat();
    let flows = words(&[402, 4, 8, 4, 12, 4, 1, 4, 48, 1]);
    let flow = [vec![192, 0, 2, 1, 198, 51, 100, 7], 1500_u32.to_be_bytes().to_vec(), vec![9]].concat();
    let mut decoder = Decoder::default();
    let sets = [(1, names), (1, samplers), (0, flows), (400, name), (401, sampler), (402, flow)];
    let flows = decode(&mut decoder, &message(9, 0, &sets));
    assert_eq!((flows[0].sampling, flows[0].scaled_bytes()), (1000, 1_500_000));
    let view = decoder.view(ROUTER).unwrap();
    assert_eq!(view.interface_names().collect::<Vec<_>>(), [(5, "ge-0/0/5")]);

    // IPFIX: of 64 packets one is chosen and 63 are skipped (RFC 5477), for everything from this domain.
    let options = words(&[500, 3, 1, 149, 4, 305, 4, 306, 4]);
    let told = [7_u32, 1, 63].iter().flat_map(|n| n.to_be_bytes()).collect();
    let mut decoder = Decoder::default();
    let sets = [(3, options), (2, template(300)), (500, told), (300, record(10))];
    let flows = decode(&mut decoder, &message(10, 0, &sets));
    assert_eq!(flows[0].sampling, 64);
}

#[test]
fn variable_lengths_enterprise_fields_and_reduced_sizes() {
    // An application name of variable length, an enterprise's field, bytes in 3.
    let mut fields = words(&[300, 5, 96, 0xffff, 8, 4, 12, 4, 0x8000 | 1, 2]);
    fields.extend(29305_u32.to_be_bytes());
    fields.extend(words(&[1, 3]));
    let one = |name: &[u8], bytes: u32| {
        let len = if name.len() < 255 {
            vec![u8::try_from(name.len()).unwrap()]
        } else {
            [vec![255], u16::try_from(name.len()).unwrap().to_be_bytes().to_vec()].concat()
        };
        [
            len,
            name.to_vec(),
            vec![192, 0, 2, 1, 198, 51, 100, 7, 0xab, 0xcd],
            bytes.to_be_bytes()[1..].to_vec(),
        ]
        .concat()
    };
    let data = [one(b"steam", 70_000), one(&[b'x'; 300], 80_000), one(b"", 90_000)].concat();
    let mut decoder = Decoder::default();
    let flows = decode(&mut decoder, &message(10, 0, &[(2, fields), (300, data)]));
    assert_eq!(flows.iter().map(|flow| flow.bytes).collect::<Vec<_>>(), [70_000, 80_000, 90_000]);
}

#[test]
fn gaps_in_sequence_numbers_are_losses() {
    let mut decoder = Decoder::default();
    for sequence in [10, 11, 15, 16, 14] {
        decode(&mut decoder, &message(9, sequence, &[]));
    }
    // 12 to 14 were missed, then 14 came late.
    let counters = decoder.view(ROUTER).unwrap().counters();
    assert_eq!((counters.lost, counters.out_of_order), (2, 1));

    let mut decoder = Decoder::default();
    decode(&mut decoder, &message(10, 0, &[(2, template(300)), (300, [record(1), record(2)].concat())]));
    decode(&mut decoder, &message(10, 2, &[(300, record(1))]));
    decode(&mut decoder, &message(10, 8, &[(300, record(1))]));
    assert_eq!(decoder.view(ROUTER).unwrap().counters().lost, 5);
}

#[test]
fn up_time_wraps_around() {
    // Up for 100,000 ms as the header says; the flow began 50 s before the counter wrapped.
    let fields = words(&[300, 4, 8, 4, 12, 4, 22, 4, 21, 4]);
    let first = 0_u32.wrapping_sub(50_000);
    let data = [
        vec![192, 0, 2, 1, 198, 51, 100, 7],
        first.to_be_bytes().to_vec(),
        40_000_u32.to_be_bytes().to_vec(),
    ]
    .concat();
    let flows = decode(&mut Decoder::default(), &message(9, 0, &[(0, fields), (300, data)]));
    assert_eq!((flows[0].start_ms, flows[0].end_ms), (NOW_MS - 150_000, NOW_MS - 60_000));
}

#[test]
fn forged_exporters_and_templates_cannot_fill_the_memory() {
    let limits = Limits { exporters: 10, templates: 20, ..Limits::default() };
    let mut decoder = Decoder::new(limits);
    for n in 0..1000_u16 {
        let [high, low] = n.to_be_bytes();
        let forged = IpAddr::from([10, 0, high, low]);
        decoder.decode(forged, NOW_MS + i64::from(n), &message(9, 0, &[(0, template(300))]), |_| ()).unwrap();
    }
    assert_eq!((decoder.exporters().count(), decoder.forgotten()), (10, 990));
    for n in 256..5000 {
        decode(&mut decoder, &message(9, 0, &[(0, template(n))]));
    }
    let remembered =
        (256..5000).filter(|id| !decode(&mut decoder, &message(9, 0, &[(*id, record(1))])).is_empty());
    assert_eq!(remembered.count(), 20);
}

#[test]
fn errors_say_what_and_where() {
    let mut decoder = Decoder::default();
    let mut refuse = |bytes: &[u8]| decoder.decode(ROUTER, NOW_MS, bytes, |_| ()).unwrap_err();
    assert_eq!(refuse(&[0, 7, 0, 0]), FlowError::Version(7));
    assert_eq!(refuse(&[]), FlowError::Short { what: "the version", at: 0 });
    assert_eq!(refuse(&[0, 5, 0, 1]), FlowError::Short { what: "the header", at: 2 });
    // A set that is longer than the message.
    let mut cut = message(10, 0, &[(300, record(1))]);
    cut[19] = 200;
    assert_eq!(refuse(&cut), FlowError::Short { what: "a set", at: 20 });
    // More fields than there are bytes.
    let fields = message(9, 0, &[(0, words(&[300, 60_000, 8, 4]))]);
    assert_eq!(refuse(&fields), FlowError::Impossible { what: "a number of fields", at: 28 });
    assert_eq!(refuse(&fields).to_string(), "a number of fields at byte 28 is not possible");
}

fn any_message() -> impl Strategy<Value = Vec<u8>> {
    let contents = prop_oneof![
        Just(template(300)),
        Just(record(9)),
        Just(words(&[401, 4, 8, 1, 4, 48, 1, 50, 4])),
        proptest::collection::vec(any::<u8>(), 0..60),
    ];
    let set = (prop_oneof![0_u16..5, 298_u16..303, Just(401_u16)], contents);
    let version = prop_oneof![Just(9_u16), Just(10_u16)];
    let sets = (version, any::<u32>(), proptest::collection::vec(set, 0..6));
    let plain = sets.prop_map(|(version, sequence, sets)| message(version, sequence, &sets));
    let broken = (
        plain,
        proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        any::<prop::sample::Index>(),
    );
    prop_oneof![
        broken.prop_map(|(mut bytes, changes, cut)| {
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            bytes.truncate(cut.index(bytes.len() + 1).max(bytes.len() / 2));
            bytes
        }),
        proptest::collection::vec(any::<u8>(), 0..200),
        proptest::collection::vec(any::<u8>(), 0..200).prop_map(|rest| [vec![0, 0, 0, 5], rest].concat()),
        proptest::collection::vec(any::<u8>(), 0..200).prop_map(|rest| [vec![0, 5], rest].concat()),
    ]
}

/// A template of usual fields in any order and width, and records for it.
fn usual() -> impl Strategy<Value = (Vec<(u16, u16)>, Vec<u8>)> {
    let v4 = vec![(8, 4), (12, 4)];
    let v6 = vec![(27, 16), (28, 16)];
    let clocks = prop_oneof![Just(vec![(22, 4), (21, 4)]), Just(vec![(152, 8), (153, 8)])];
    let width = || prop_oneof![Just(1_u16), Just(2), Just(3), Just(4), Just(8)];
    let optional = proptest::sample::subsequence(vec![1_u16, 2, 4, 7, 10, 11, 14, 48, 61, 999], 0..10);
    let others = (optional, proptest::collection::vec(width(), 10));
    let others = others.prop_map(|(ids, widths)| ids.into_iter().zip(widths).collect::<Vec<_>>());
    (prop_oneof![Just(v4), Just(v6)], clocks, others).prop_flat_map(|(addresses, clock, others)| {
        let fields = Just([addresses, clock, others].concat()).prop_shuffle();
        fields.prop_flat_map(|fields| {
            let len: u16 = fields.iter().map(|(_, len)| len).sum();
            (Just(fields), proptest::collection::vec(any::<u8>(), usize::from(len)))
        })
    })
}

#[test]
fn sets_that_wait_are_few_however_small() {
    let limits = Limits { entries: 3, ..Limits::default() };
    let mut decoder = Decoder::new(limits);
    let small: Vec<(u16, Vec<u8>)> = (0..5).map(|n| (300 + n, vec![0; 4])).collect();
    decode(&mut decoder, &message(9, 0, &small));
    let counters = decoder.view(ROUTER).unwrap().counters();
    assert_eq!((counters.template_misses, counters.given_up), (5, 2));

    // Sets without data have nothing to wait with.
    let mut decoder = Decoder::new(limits);
    let empty: Vec<(u16, Vec<u8>)> = (0..5).map(|n| (300 + n, Vec::new())).collect();
    decode(&mut decoder, &message(10, 0, &empty));
    let view = decoder.view(ROUTER).unwrap();
    assert_eq!((view.waiting_bytes(), view.counters().given_up), (0, 0));
}

#[test]
fn streams_of_an_exporter_are_followed_up_to_a_limit() {
    let lost = |domains: u8| {
        let mut decoder = Decoder::new(Limits { entries: 2, ..Limits::default() });
        for domain in 0..domains {
            for sequence in [1, 12] {
                let mut datagram = message(9, sequence, &[]);
                datagram[19] = domain;
                decode(&mut decoder, &datagram);
            }
        }
        decoder.view(ROUTER).unwrap().counters().lost
    };
    assert_eq!((lost(1), lost(2), lost(3)), (10, 20, 20));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn the_short_way_and_the_general_way_give_the_same_flow((fields, record) in usual()) {
        // A field that needs the general way, and says nothing in version 9: when the exporter started.
        let with_more = [fields.clone(), vec![(160, 8)]].concat();
        let flow = |fields: &[(u16, u16)], record: Vec<u8>| {
            let mut template = words(&[300, u16::try_from(fields.len()).unwrap()]);
            template.extend(fields.iter().flat_map(|(id, len)| words(&[*id, *len])));
            decode(&mut Decoder::default(), &message(9, 0, &[(0, template), (300, record)]))
        };
        let short = flow(&fields, record.clone());
        prop_assert_eq!(short.len(), 1);
        prop_assert_eq!(short, flow(&with_more, [record, vec![0; 8]].concat()));
    }

    #[test]
    fn any_bytes_are_decoded_or_refused(datagrams in proptest::collection::vec(any_message(), 1..12)) {
        let limits = Limits { waiting_bytes: 100, templates: 3, entries: 3, ..Limits::default() };
        let mut decoder = Decoder::new(limits);
        let (mut handed, mut good, mut bad) = (0, 0, 0);
        for datagram in &datagrams {
            match decoder.decode(ROUTER, NOW_MS, datagram, |_| handed += 1) {
                Ok(_) => good += 1,
                Err(_) => bad += 1,
            }
        }
        let view = decoder.view(ROUTER).unwrap();
        let counters = view.counters();
        prop_assert_eq!((counters.flows, counters.datagrams, counters.errors), (handed, good, bad));
        prop_assert!(view.waiting_bytes() <= 100);
        prop_assert!(view.interface_names().count() <= 3);
    }
}
