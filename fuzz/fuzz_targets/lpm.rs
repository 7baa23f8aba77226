//! A prefix table answers like a scan over its list: one by one, in batches, and from the bytes of a file.
//!
//! Input: number of prefixes, then each as family and length (one byte), number (one byte) and address; then addresses.
#![no_main]

use std::net::IpAddr;

use ipnet::IpNet;
use libfuzzer_sys::fuzz_target;
use traffix_core::delivery::lpm::{LpmMatch, LpmTable, LpmView};

/// Takes an address from the input: few different bytes, so that prefixes nest and meet.
fn address(input: &mut &[u8], is_v6: bool) -> Option<IpAddr> {
    if is_v6 {
        let (bytes, rest) = input.split_first_chunk::<16>()?;
        *input = rest;
        Some(IpAddr::from(*bytes))
    } else {
        let (bytes, rest) = input.split_first_chunk::<4>()?;
        *input = rest;
        Some(IpAddr::from(*bytes))
    }
}

fn scan(list: &[(IpNet, u32)], address: IpAddr) -> Option<LpmMatch> {
    let holding = list.iter().filter(|(net, _)| net.contains(&address));
    holding.map(|(net, id)| (net.prefix_len(), *id)).max().map(|(length, id)| LpmMatch { length, id })
}

fn check(view: &LpmView<'_>, list: &[(IpNet, u32)], four: &[u32], six: &[u128]) {
    let mut found = vec![None; four.len().max(six.len())];
    view.lookup_v4_batch(four, &mut found);
    for (&address, found) in four.iter().zip(&found) {
        let expected = scan(list, IpAddr::V4(address.into()));
        assert_eq!((view.lookup_v4(address), *found), (expected, expected));
    }
    view.lookup_v6_batch(six, &mut found);
    for (&address, found) in six.iter().zip(&found) {
        let expected = scan(list, IpAddr::V6(address.into()));
        assert_eq!((view.lookup_v6(address), *found), (expected, expected));
    }
}

fuzz_target!(|input: &[u8]| {
    let mut rest = input;
    let Some((&count, left)) = rest.split_first() else { return };
    rest = left;
    let (mut list, mut four, mut six) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..count {
        let Some((&[kind, id], left)) = rest.split_first_chunk() else { return };
        rest = left;
        let (is_v6, length) = (kind >= 33, if kind >= 33 { (kind - 33).min(128) } else { kind });
        let Some(address) = address(&mut rest, is_v6) else { return };
        let Ok(net) = IpNet::new(address, length) else { return };
        list.push((net.trunc(), u32::from(id)));
    }
    let mut builder = LpmTable::builder();
    for &(net, id) in &list {
        builder.insert(net, id);
        match net {
            IpNet::V4(net) => four.extend([net.network().to_bits(), net.broadcast().to_bits()]),
            IpNet::V6(net) => six.extend([net.network().to_bits(), net.broadcast().to_bits()]),
        }
    }
    while let Some(IpAddr::V6(address)) = address(&mut rest, true) {
        six.push(address.to_bits());
    }
    while let Some(IpAddr::V4(address)) = address(&mut rest, false) {
        four.push(address.to_bits());
    }
    let beside4 = four.iter().flat_map(|a| [a.wrapping_sub(1), a.wrapping_add(1)]).collect::<Vec<_>>();
    let beside6 = six.iter().flat_map(|a| [a.wrapping_sub(1), a.wrapping_add(1)]).collect::<Vec<_>>();
    four.extend(beside4);
    six.extend(beside6);
    let table = builder.build();
    check(&table.view(), &list, &four, &six);
    // A file is several megabytes, so it is written for some inputs only.
    if input.len() % 16 == 0 {
        let bytes = table.to_bytes();
        let mut words = vec![0_u64; bytes.len().div_ceil(8)];
        bytemuck::cast_slice_mut(&mut words)[..bytes.len()].copy_from_slice(&bytes);
        let file = LpmView::from_bytes(&bytemuck::cast_slice(&words)[..bytes.len()]).expect("what was written is read");
        check(&file, &list, &four, &six);
    }
});
