//! Any sequence of datagrams: decoded or refused, within the limits, and every flow is counted.
//!
//! Input: datagrams, each after its exporter (one byte), what time passed since the last one (one byte, in minutes)
//! and its length (two bytes, big-endian).
#![no_main]

use std::net::IpAddr;

use libfuzzer_sys::fuzz_target;
use traffix_telemetry::flow::{Decoder, Limits, exported_ms};

fuzz_target!(|input: &[u8]| {
    let limits = Limits { exporters: 3, templates: 8, entries: 8, waiting_bytes: 2_000, ..Limits::default() };
    let mut decoder = Decoder::new(limits);
    let mut now_ms = 1_700_000_000_000;
    let mut rest = input;
    while let Some((&[exporter, minutes, high, low], left)) = rest.split_first_chunk() {
        let len = usize::from(u16::from_be_bytes([high, low])).min(left.len());
        let (datagram, after) = left.split_at(len);
        rest = after;
        now_ms += i64::from(minutes) * 60_000;
        let exporter = IpAddr::from([192, 0, 2, exporter % 5]);
        let before = decoder.view(exporter).map_or(0, |view| view.counters().flows);
        let mut flows = 0;
        let decoded = decoder.decode(exporter, now_ms, datagram, |flow| {
            flows += 1;
            let _ = (flow.scaled_bytes(), flow.end_ms.checked_sub(flow.start_ms));
        });
        let view = decoder.view(exporter).expect("an exporter that sent is known");
        assert!(decoded.is_err() || decoded.is_ok_and(|decoded| decoded.flows == flows));
        // An exporter may have been forgotten in between and begins anew.
        assert!(view.counters().flows == before + flows || decoder.forgotten() > 0);
        assert!(view.waiting_bytes() <= limits.waiting_bytes);
        assert!(view.named_interfaces() <= limits.entries);
        assert!(decoder.exporters().count() <= limits.exporters);
        exported_ms(datagram);
    }
});
