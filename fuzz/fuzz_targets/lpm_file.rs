//! Bytes that claim to be a table: refused, or safe to look up in.
//!
//! Input: how to begin (one byte), what to change in the file of a small table (place of three bytes counted from the
//! ends of the arrays, value of one), then the addresses. Without a table to begin with, the input is the file.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use traffix_core::delivery::lpm::{LpmTable, LpmView};

/// The file of a table with three levels of IPv6, divided /24s and /64s.
static FILE: LazyLock<Vec<u64>> = LazyLock::new(|| {
    let mut builder = LpmTable::builder();
    for n in 0..600_u32 {
        let six = u128::from(0x2001_0db8_u32 + n * 3) << 96 | u128::from(n) << 60;
        builder.insert(ipnet::Ipv6Net::new_assert(six.into(), 32 + (n % 90) as u8).into(), n);
        builder.insert(ipnet::Ipv4Net::new_assert((n * 0x0012_3457).into(), 8 + (n % 25) as u8).into(), n);
    }
    let bytes = builder.build().to_bytes();
    let mut words = vec![0; bytes.len().div_ceil(8)];
    bytemuck::cast_slice_mut(&mut words)[..bytes.len()].copy_from_slice(&bytes);
    words
});

fn look_up(file: &[u8], addresses: &[u8]) {
    let Ok(view) = LpmView::from_bytes(file) else { return };
    let six: Vec<u128> = addresses.as_chunks::<16>().0.iter().map(|bytes| u128::from_be_bytes(*bytes)).collect();
    let four: Vec<u32> = addresses.as_chunks::<4>().0.iter().map(|bytes| u32::from_be_bytes(*bytes)).collect();
    let mut found = vec![None; four.len()];
    view.lookup_v4_batch(&four, &mut found);
    assert!(four.iter().zip(&found).all(|(&address, found)| view.lookup_v4(address) == *found));
    view.lookup_v6_batch(&six, &mut found);
    assert!(six.iter().zip(&found).all(|(&address, found)| view.lookup_v6(address) == *found));
}

fuzz_target!(|input: &[u8]| {
    let Some((&start, rest)) = input.split_first() else { return };
    let mut words;
    let len;
    if start == 0 {
        words = vec![0; rest.len().div_ceil(8)];
        len = rest.len();
        bytemuck::cast_slice_mut(&mut words)[..len].copy_from_slice(rest);
    } else {
        words = FILE.clone();
        let bytes: &mut [u8] = bytemuck::cast_slice_mut(&mut words);
        let (changes, _) = rest.as_chunks::<4>();
        for &[high, middle, low, value] in &changes[..changes.len().min(usize::from(start % 8))] {
            let place = u32::from_be_bytes([0, high & 0x7f, middle, low]) as usize;
            // From the end or from the beginning, where the smaller arrays and the header are.
            let place = if high & 0x80 == 0 { place } else { bytes.len().wrapping_sub(place + 1) };
            if let Some(byte) = bytes.get_mut(place) {
                *byte = value;
            }
        }
        len = bytes.len() - if start & 0x80 == 0 { 0 } else { usize::from(start & 0x7f) };
    }
    look_up(&bytemuck::cast_slice(&words)[..len], rest);
});
