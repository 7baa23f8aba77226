//! The flat table answers like a scan over the list, one by one, in batches, and from the bytes of a file.
#![expect(clippy::unwrap_used, reason = "helpers of tests may fail")]

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use proptest::prelude::*;
use traffix_core::delivery::lpm::{LpmFileError, LpmMatch, LpmTable, LpmView, MAX_LPM_ID};

/// Addresses crowd around a few places, so that prefixes nest and meet, at both ends of the space too.
fn v4() -> impl Strategy<Value = u32> {
    prop_oneof![0_u32..300, Just(u32::MAX), (0_u32..8).prop_map(|n| 0xc000_0200 + n * 37), any::<u32>()]
}

fn v6() -> impl Strategy<Value = u128> {
    let place =
        prop_oneof![Just(0_u128), Just(0x2001_0db8 << 96), Just(u128::MAX << 64), Just(0x3fff << 112)];
    prop_oneof![
        (place.clone(), 0_u128..300).prop_map(|(place, n)| place | n),
        (place, 0_u128..6, 0_u128..6).prop_map(|(place, n, m)| place.wrapping_add(n << 64) | m << 60),
        Just(u128::MAX),
        any::<u128>()
    ]
}

fn prefix() -> impl Strategy<Value = IpNet> {
    prop_oneof![
        (v4(), 0_u8..=32).prop_map(|(a, n)| IpNet::V4(Ipv4Net::new(a.into(), n).unwrap().trunc())),
        (v6(), 0_u8..=128).prop_map(|(a, n)| IpNet::V6(Ipv6Net::new(a.into(), n).unwrap().trunc())),
    ]
}

/// The slow, obvious table: longest first, then the largest number.
fn scan(list: &[(IpNet, u32)], address: IpAddr) -> Option<LpmMatch> {
    let holding = list.iter().filter(|(net, _)| net.contains(&address));
    holding.map(|(net, id)| (net.prefix_len(), *id)).max().map(|(length, id)| LpmMatch { length, id })
}

fn table(list: &[(IpNet, u32)]) -> LpmTable {
    let mut builder = LpmTable::builder();
    for &(net, id) in list {
        assert!(builder.insert(net, id));
    }
    builder.build()
}

/// Bytes at an address that a file mapped into memory would have.
fn aligned(bytes: &[u8]) -> Vec<u64> {
    let word = |chunk: &[u8]| {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        u64::from_ne_bytes(word)
    };
    bytes.chunks(8).map(word).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 2 } else { 192 }))]

    #[test]
    fn every_way_of_asking_equals_a_linear_scan(
        list in proptest::collection::vec((prefix(), 0_u32..50), 0..80),
        mut four in proptest::collection::vec(v4(), 0..70),
        mut six in proptest::collection::vec(v6(), 0..70),
    ) {
        // The edges of every prefix, and what is beside them.
        for (net, _) in &list {
            match net {
                IpNet::V4(net) => {
                    let (low, high) = (net.network().to_bits(), net.broadcast().to_bits());
                    four.extend([low, high, low.wrapping_sub(1), high.wrapping_add(1)]);
                }
                IpNet::V6(net) => {
                    let (low, high) = (net.network().to_bits(), net.broadcast().to_bits());
                    six.extend([low, high, low.wrapping_sub(1), high.wrapping_add(1)]);
                }
            }
        }
        let table = table(&list);
        let bytes = table.to_bytes();
        let words = aligned(&bytes);
        let file = LpmView::from_bytes(&bytemuck::cast_slice(&words)[..bytes.len()]).unwrap();
        for view in [table.view(), file] {
            let mut found = vec![None; four.len()];
            view.lookup_v4_batch(&four, &mut found);
            for (&address, found) in four.iter().zip(found) {
                let expected = scan(&list, IpAddr::V4(address.into()));
                prop_assert_eq!(view.lookup_v4(address), expected);
                prop_assert_eq!(found, expected);
            }
            let mut found = vec![None; six.len()];
            view.lookup_v6_batch(&six, &mut found);
            for (&address, found) in six.iter().zip(found) {
                let expected = scan(&list, IpAddr::V6(address.into()));
                prop_assert_eq!(view.lookup_v6(address), expected);
                prop_assert_eq!(found, expected);
            }
        }
    }

    #[test]
    fn damaged_files_are_refused_or_safe(
        list in proptest::collection::vec((prefix(), 0_u32..50), 0..20),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        cut in any::<prop::sample::Index>(),
        probes in proptest::collection::vec((v4(), v6()), 1..20),
    ) {
        let mut bytes = table(&list).to_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let cut = if byte.is_multiple_of(4) { cut.index(bytes.len()) } else { bytes.len() };
        let words = aligned(&bytes[..cut]);
        if let Ok(view) = LpmView::from_bytes(&bytemuck::cast_slice(&words)[..cut]) {
            for (four, six) in probes {
                view.lookup_v4(four);
                view.lookup_v6(six);
                view.lookup_v4_batch(&[four; 17], &mut [None; 17]);
                view.lookup_v6_batch(&[six; 17], &mut [None; 17]);
            }
        }
    }
}

#[test]
fn large_lists_need_every_level() {
    // Consecutive /24s and /48s with changing numbers: nothing merges, and the tree of IPv6 is as deep as in a routing table.
    let list: Vec<(IpNet, u32)> = (0..if cfg!(miri) { 64 } else { 1_200_000_u32 })
        .flat_map(|n| {
            let four = Ipv4Net::new((n << 8).into(), 24).unwrap();
            let six = Ipv6Net::new(((0x2a00_u128 << 112) | u128::from(n) << 80).into(), 48).unwrap();
            [(IpNet::V4(four), n % 1000), (IpNet::V6(six), n % 777)]
        })
        .collect();
    let table = table(&list);
    for n in (0..1_200_000_u32)
        .step_by(if cfg!(miri) { 300_000 } else { 997 })
        .filter(|n| (*n as usize) < list.len() / 2)
    {
        let four = table.view().lookup_v4(n << 8 | 0x4d);
        assert_eq!(four, Some(LpmMatch { length: 24, id: n % 1000 }));
        let six = table.view().lookup_v6(0x2a00_u128 << 112 | u128::from(n) << 80 | 5);
        assert_eq!(six, Some(LpmMatch { length: 48, id: n % 777 }));
    }
}

#[test]
fn limits_are_kept() {
    let mut builder = LpmTable::builder();
    assert!(!builder.insert("0.0.0.0/0".parse().unwrap(), MAX_LPM_ID + 1));
    assert!(builder.insert("0.0.0.0/0".parse().unwrap(), MAX_LPM_ID));
    let table = builder.build();
    assert_eq!(table.view().lookup_v4(0), Some(LpmMatch { length: 0, id: MAX_LPM_ID }));
    assert_eq!(table.view().lookup("::1".parse().unwrap()), None);
    assert_eq!(table.view().lookup("::ffff:1.2.3.4".parse().unwrap()).map(|m| m.length), Some(0));
}

#[test]
fn files_tell_what_is_wrong() {
    let bytes = LpmTable::default().to_bytes();
    let words = aligned(&bytes);
    let bytes: &[u8] = &bytemuck::cast_slice(&words)[..bytes.len()];
    assert_eq!(LpmView::from_bytes(&bytes[..40]).unwrap_err(), LpmFileError::Damaged("cut short"));
    let mut other = words.clone();
    other[0] ^= 1;
    assert_eq!(LpmView::from_bytes(bytemuck::cast_slice(&other)).unwrap_err(), LpmFileError::Foreign);
}
