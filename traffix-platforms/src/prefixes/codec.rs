//! The file format of the embedded prefixes.
//!
//! ```text
//! file    = "TFXP" version:u8(1) body_bytes:u32le zstd(body)
//! body    = strings groups lengths deltas                           nothing may follow
//! strings = count { bytes text:UTF-8 }*
//! groups  = count { cdn asn kind source observed ipv4 ipv6 }*
//!             cdn, source, observed: index into strings
//!             asn: 0 if unknown            kind: 0 bgp-origin, 1 official-list
//!             ipv4, ipv6: number of prefixes of the group in each family
//! lengths = one byte a prefix: prefix length; group by group, IPv4 before IPv6
//! deltas  = one number a prefix, in the same order
//! ```
//!
//! Every number is an unsigned LEB128 of at most 128 bits. Prefixes are sorted by address, then by length, in each
//! group and family. With `shift` = family bits - length, the delta is `(address >> shift) - (previous address >>
//! shift)`, the first address of each family being 0: neighbours of one size differ by 1, and lengths and deltas as
//! columns compress to about a byte a prefix. An encoder must write groups and strings in a canonical order
//! ([`encode`] sorts), so that equal content is equal bytes for one version of zstd.
//!
//! [`decode`] treats its input as hostile: sizes are limited before memory is reserved, and every defect is a
//! [`DecodeError`].

use std::collections::BTreeSet;
use std::io::Read;
use std::sync::Arc;

use ipnet::IpNet;
use traffix_core::delivery::{Asn, PrefixKind};

use super::PrefixGroup;
use super::cursor::{Cursor, push_number};
use super::family::Family;

const MAGIC: [u8; 4] = *b"TFXP";
const VERSION: u8 = 1;
const HEADER_BYTES: usize = 9;
/// Largest body that is unpacked: a table of all routes of the Internet is about a fifth of it.
const MAX_BODY_BYTES: u32 = 64 << 20;
/// Compression level; unpacking costs the same at all of them.
const ZSTD_LEVEL: i32 = 19;

/// Why bytes are not a prefix file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The first four bytes are others.
    #[error("not a prefix file")]
    Magic,
    /// Written by a later program.
    #[error("version {0} is not known, only 1 is")]
    Version(u8),
    /// The compressed part is damaged.
    #[error("compressed body: {0}")]
    Compression(#[from] std::io::Error),
    /// The body is not as long as the header says, or longer than 64 MiB.
    #[error("the body must have the announced length, at most 64 MiB")]
    BodyLength,
    /// The body ends in the middle of something.
    #[error("truncated in {0}")]
    Truncated(&'static str),
    /// A number, index, length or address is out of range.
    #[error("out of range: {0}")]
    Range(&'static str),
    /// A text is not UTF-8, a slug or a date where it must be.
    #[error("malformed text in {0}")]
    Text(&'static str),
    /// Bytes follow the last prefix.
    #[error("{0} bytes follow the last prefix")]
    Trailing(usize),
}

/// Groups of prefixes as a file. Order of input does not matter; equal groups are not merged.
///
/// # Errors
/// If the compressor fails, or the body would exceed 64 MiB.
///
/// # Example
/// ```
/// use traffix_platforms::prefixes::{decode, embedded, encode};
/// let bytes = encode(embedded().to_vec())?;
/// assert_eq!(decode(&bytes)?, embedded());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn encode(mut groups: Vec<PrefixGroup>) -> std::io::Result<Vec<u8>> {
    for group in &mut groups {
        group.prefixes = group.prefixes.iter().map(IpNet::trunc).collect();
        group.prefixes.sort_unstable_by_key(Family::sort_key);
    }
    groups.sort_by(|a, b| a.key().cmp(&b.key()).then_with(|| a.prefixes.cmp(&b.prefixes)));

    let mut body = Vec::new();
    push_head(&mut body, &groups);
    body.extend(groups.iter().flat_map(|group| &group.prefixes).map(IpNet::prefix_len));
    for group in &groups {
        push_deltas(&mut body, &group.prefixes);
    }
    let length = u32::try_from(body.len())
        .ok()
        .filter(|&length| length <= MAX_BODY_BYTES)
        .ok_or_else(|| std::io::Error::other("more than 64 MiB of prefixes"))?;
    let mut file = Vec::from(MAGIC);
    file.push(VERSION);
    file.extend(length.to_le_bytes());
    file.extend(zstd::bulk::compress(&body, ZSTD_LEVEL)?);
    Ok(file)
}

fn push_head(body: &mut Vec<u8>, groups: &[PrefixGroup]) {
    let texts: BTreeSet<String> = groups.iter().flat_map(PrefixGroup::texts).collect();
    push_number(body, texts.len() as u128);
    for text in &texts {
        push_number(body, text.len() as u128);
        body.extend(text.as_bytes());
    }
    let index = |wanted: &String| texts.iter().position(|text| text == wanted).unwrap_or_default() as u128;
    push_number(body, groups.len() as u128);
    for group in groups {
        let [cdn, source, observed] = group.texts();
        let ipv4 = group.prefixes.iter().filter(|prefix| matches!(prefix, IpNet::V4(_))).count();
        for number in [
            index(&cdn),
            u128::from(group.asn.map_or(0, |asn| asn.0)),
            u128::from(group.kind == PrefixKind::OfficialList),
            index(&source),
            index(&observed),
            ipv4 as u128,
            (group.prefixes.len() - ipv4) as u128,
        ] {
            push_number(body, number);
        }
    }
}

fn push_deltas(body: &mut Vec<u8>, prefixes: &[IpNet]) {
    let mut previous = (Family::V4, 0);
    for prefix in prefixes {
        let (family, address) = Family::split(prefix);
        if family != previous.0 {
            previous = (family, 0);
        }
        let before = family.above(previous.1, prefix.prefix_len());
        push_number(body, family.above(address, prefix.prefix_len()) - before);
        previous.1 = address;
    }
}

/// Reads what [`encode`] wrote.
///
/// # Errors
/// [`DecodeError`] for anything else. No input makes it panic or reserve more than a small multiple of 64 MiB.
pub fn decode(file: &[u8]) -> Result<Vec<PrefixGroup>, DecodeError> {
    let body = unpack(file)?;
    let mut cursor = Cursor::new(&body);
    let texts = read_texts(&mut cursor)?;
    let mut groups = read_groups(&mut cursor, &texts)?;
    let total = groups
        .iter()
        .flat_map(|(_, counts)| counts)
        .try_fold(0_usize, |sum, count| sum.checked_add(*count))
        .ok_or(DecodeError::Range("prefixes"))?;
    let mut lengths = cursor.bytes(total, "lengths")?.iter().copied();
    for (group, counts) in &mut groups {
        for (family, count) in [Family::V4, Family::V6].into_iter().zip(counts) {
            read_prefixes(&mut cursor, &mut group.prefixes, family, lengths.by_ref().take(*count))?;
        }
    }
    match cursor.left() {
        0 => Ok(groups.into_iter().map(|(group, _)| group).collect()),
        more => Err(DecodeError::Trailing(more)),
    }
}

fn unpack(file: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let (header, packed) = file.split_at_checked(HEADER_BYTES).ok_or(DecodeError::Magic)?;
    if header[..4] != MAGIC {
        return Err(DecodeError::Magic);
    }
    if header[4] != VERSION {
        return Err(DecodeError::Version(header[4]));
    }
    let length = u32::from_le_bytes([header[5], header[6], header[7], header[8]]);
    if length > MAX_BODY_BYTES {
        return Err(DecodeError::BodyLength);
    }
    let mut body = Vec::new();
    let mut decoder = zstd::Decoder::new(packed)?;
    decoder.window_log_max(27)?;
    decoder.take(u64::from(length) + 1).read_to_end(&mut body)?;
    if u32::try_from(body.len()) != Ok(length) {
        return Err(DecodeError::BodyLength);
    }
    Ok(body)
}

fn read_texts<'body>(cursor: &mut Cursor<'body>) -> Result<Vec<&'body str>, DecodeError> {
    let count = cursor.count("strings")?;
    (0..count)
        .map(|_| {
            let length = cursor.count("string")?;
            let bytes = cursor.bytes(length, "string")?;
            std::str::from_utf8(bytes).map_err(|_| DecodeError::Text("string"))
        })
        .collect()
}

/// Groups without their prefixes yet, and how many of each family follow.
fn read_groups(
    cursor: &mut Cursor<'_>,
    texts: &[&str],
) -> Result<Vec<(PrefixGroup, [usize; 2])>, DecodeError> {
    let count = cursor.count("groups")?;
    (0..count).map(|_| read_group(cursor, texts)).collect()
}

fn read_group(cursor: &mut Cursor<'_>, texts: &[&str]) -> Result<(PrefixGroup, [usize; 2]), DecodeError> {
    fn text<'t>(cursor: &mut Cursor<'_>, texts: &[&'t str]) -> Result<&'t str, DecodeError> {
        let index = usize::try_from(cursor.number("group")?).ok();
        index.and_then(|index| texts.get(index)).copied().ok_or(DecodeError::Range("string index"))
    }
    let cdn = text(cursor, texts)?.parse().map_err(|_| DecodeError::Text("cdn"))?;
    let asn = u32::try_from(cursor.number("asn")?).map_err(|_| DecodeError::Range("asn"))?;
    let kind = match cursor.number("kind")? {
        0 => PrefixKind::BgpOrigin,
        1 => PrefixKind::OfficialList,
        _ => return Err(DecodeError::Range("kind")),
    };
    let source = Arc::from(text(cursor, texts)?);
    let observed = text(cursor, texts)?.parse().map_err(|_| DecodeError::Text("observed"))?;
    let counts = [cursor.count("prefixes")?, cursor.count("prefixes")?];
    let asn = (asn != 0).then_some(Asn(asn));
    // Nothing is reserved for the prefixes yet: the counts are only claims until the lengths are there.
    Ok((PrefixGroup { cdn, asn, kind, source, observed, prefixes: Vec::new() }, counts))
}

fn read_prefixes(
    cursor: &mut Cursor<'_>,
    prefixes: &mut Vec<IpNet>,
    family: Family,
    lengths: impl Iterator<Item = u8>,
) -> Result<(), DecodeError> {
    let mut previous = 0;
    for length in lengths {
        let delta = cursor.number("deltas")?;
        let prefix = family.join(previous, delta, length).ok_or(DecodeError::Range("prefix"))?;
        previous = Family::split(&prefix).1;
        prefixes.push(prefix);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn group(n: u8, prefixes: Vec<IpNet>) -> PrefixGroup {
        PrefixGroup {
            cdn: format!("cdn-{}", n % 3).parse().unwrap(),
            asn: (n > 0).then_some(Asn(u32::from(n) * 70_000)),
            kind: if n.is_multiple_of(2) { PrefixKind::BgpOrigin } else { PrefixKind::OfficialList },
            source: format!("source {}", n % 2).into(),
            observed: "2026-10".parse().unwrap(),
            prefixes,
        }
    }

    fn prefix() -> impl Strategy<Value = IpNet> {
        prop_oneof![
            (any::<u32>(), 0_u8..=32)
                .prop_map(|(a, l)| IpNet::new(std::net::Ipv4Addr::from(a).into(), l).unwrap()),
            (any::<u128>(), 0_u8..=128)
                .prop_map(|(a, l)| IpNet::new(std::net::Ipv6Addr::from(a).into(), l).unwrap()),
        ]
    }

    proptest! {
        #[test]
        fn round_trip(lists in prop::collection::vec(prop::collection::vec(prefix(), 0..30), 0..6)) {
            let groups: Vec<PrefixGroup> = (0_u8..).zip(lists).map(|(n, list)| group(n, list)).collect();
            let decoded = decode(&encode(groups.clone()).unwrap()).unwrap();
            let mut wanted = groups;
            for group in &mut wanted {
                group.prefixes = group.prefixes.iter().map(IpNet::trunc).collect();
                group.prefixes.sort_unstable_by_key(Family::sort_key);
            }
            wanted.sort_by(|a, b| a.key().cmp(&b.key()).then_with(|| a.prefixes.cmp(&b.prefixes)));
            prop_assert_eq!(decoded, wanted);
        }

        #[test]
        fn any_bytes_are_an_error_and_never_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(decode(&bytes).is_err());
            // The same behind a valid envelope, where the parser proper sees them.
            let _ = decode(&envelope(&bytes));
        }

        #[test]
        fn mutated_bodies_never_panic(edits in prop::collection::vec((any::<usize>(), any::<u8>()), 1..8)) {
            let file = encode(vec![
                group(0, vec!["10.0.0.0/8".parse().unwrap(), "192.0.2.0/24".parse().unwrap()]),
                group(1, vec!["2001:db8::/32".parse().unwrap(), "2001:db8:1::/48".parse().unwrap()]),
            ]).unwrap();
            let mut body = unpack(&file).unwrap();
            for (place, value) in edits {
                let place = place % body.len();
                body[place] = value;
            }
            let _ = decode(&envelope(&body));
        }
    }

    fn envelope(body: &[u8]) -> Vec<u8> {
        let mut file = Vec::from(MAGIC);
        file.push(VERSION);
        file.extend(u32::try_from(body.len()).unwrap().to_le_bytes());
        file.extend(zstd::bulk::compress(body, 1).unwrap());
        file
    }

    #[test]
    fn order_of_input_does_not_matter() {
        let a = group(1, vec!["10.0.0.0/8".parse().unwrap(), "2001:db8::/32".parse().unwrap()]);
        let b = group(2, vec!["10.0.0.0/9".parse().unwrap()]);
        assert_eq!(encode(vec![a.clone(), b.clone()]).unwrap(), encode(vec![b, a]).unwrap());
    }

    #[test]
    fn defects_have_names() {
        let good = encode(vec![group(1, vec!["10.0.0.0/8".parse().unwrap()])]).unwrap();
        let body = unpack(&good).unwrap();
        assert!(matches!(decode(b""), Err(DecodeError::Magic)));
        assert!(matches!(decode(&[b'T', b'F', b'X', b'P', 9, 0, 0, 0, 0]), Err(DecodeError::Version(9))));
        assert!(matches!(decode(&good[..good.len() - 3]), Err(DecodeError::Compression(_))));
        assert!(matches!(decode(&envelope(&body[..body.len() - 1])), Err(DecodeError::Truncated("deltas"))));
        let mut long = body.clone();
        long.push(0);
        assert!(matches!(decode(&envelope(&long)), Err(DecodeError::Trailing(1))));
        let mut bomb = envelope(&vec![0; 1000]);
        bomb[5] = 1;
        bomb[6] = 0;
        assert!(matches!(decode(&bomb), Err(DecodeError::BodyLength)));
        bomb[8] = 255;
        assert!(matches!(decode(&bomb), Err(DecodeError::BodyLength)));
        let mut wide = body;
        let place = wide.len() - 2;
        wide[place] = 33;
        assert!(matches!(decode(&envelope(&wide)), Err(DecodeError::Range("prefix"))));
        let claims = [1, 1, b'a', 0xff, 0xff, 0xff, 0xff, 0x0f];
        assert!(matches!(decode(&envelope(&claims)), Err(DecodeError::Truncated("groups"))));
    }
}
