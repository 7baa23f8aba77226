//! Exports of a router, made up.

use std::net::IpAddr;

pub(super) const ROUTER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 9));
pub(super) const NOW_MS: i64 = 1_700_000_000_000;
/// Datagrams of one timed pass.
pub(super) const DATAGRAMS: u32 = 200;

/// Fields of a core router's template: id and length.
pub(super) const ROUTER_FIELDS: [(u16, u16); 24] = [
    (8, 4),
    (12, 4),
    (5, 1),
    (4, 1),
    (7, 2),
    (11, 2),
    (32, 2),
    (10, 4),
    (16, 4),
    (17, 4),
    (18, 4),
    (14, 4),
    (1, 8),
    (2, 8),
    (22, 4),
    (21, 4),
    (6, 1),
    (9, 1),
    (13, 1),
    (15, 4),
    (58, 2),
    (61, 1),
    (89, 1),
    (48, 1),
];

fn set(id: u16, contents: &[u8]) -> Vec<u8> {
    let len = u16::try_from(contents.len() + 4).unwrap();
    [&id.to_be_bytes(), &len.to_be_bytes(), contents].concat()
}

fn message(version: u16, sequence: u32, records: u16, sets: &[u8]) -> Vec<u8> {
    let secs = u32::try_from(NOW_MS / 1000).unwrap();
    let second = if version == 9 { records } else { u16::try_from(16 + sets.len()).unwrap() };
    let mut bytes = [version.to_be_bytes(), second.to_be_bytes()].concat();
    if version == 9 {
        bytes.extend(1_000_000_u32.to_be_bytes());
    }
    for word in [secs, sequence, 7] {
        bytes.extend(word.to_be_bytes());
    }
    bytes.extend(sets);
    bytes
}

/// Arbitrary numbers, by Knuth's linear congruence.
#[derive(Clone, Copy)]
pub(super) struct Numbers(pub(super) u64);

impl Numbers {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        self.0 >> 32
    }
}

/// Datagrams of about 1,400 bytes, the fields filled by `value`; the first carries the template.
pub(super) fn datagrams(
    version: u16,
    fields: &[(u16, u16)],
    mut value: impl FnMut(u16) -> u64,
) -> (Vec<Vec<u8>>, u64) {
    let record_len: u16 = fields.iter().map(|(_, len)| len).sum();
    let per_datagram = 1380 / record_len;
    let mut template = [300_u16.to_be_bytes(), u16::try_from(fields.len()).unwrap().to_be_bytes()].concat();
    for (id, len) in fields {
        template.extend([id.to_be_bytes(), len.to_be_bytes()].concat());
    }
    let template_set = set(if version == 9 { 0 } else { 2 }, &template);
    let mut all = vec![message(version, 0, 1, &template_set)];
    for n in 0..DATAGRAMS {
        let mut records = Vec::new();
        for _ in 0..per_datagram {
            for (id, len) in fields {
                records.extend(&value(*id).to_be_bytes()[8 - usize::from(*len)..]);
            }
        }
        let sequence = if version == 9 { n + 1 } else { n * u32::from(per_datagram) };
        all.push(message(version, sequence, per_datagram, &set(300, &records)));
    }
    (all, u64::from(DATAGRAMS) * u64::from(per_datagram))
}
