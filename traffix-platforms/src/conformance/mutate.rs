//! Damaged bodies: seeded, so that a finding is found again.

use std::collections::BTreeSet;

use bytes::Bytes;

use crate::Platform;
use crate::upstream::Replay;

use super::probe::{Fault, Plan, Probe};
use super::question::{Question, Trouble};
use super::{Law, Report};

/// Most damaged copies of one body.
const MAX_COPIES: usize = 300;
/// Fewest of them.
const MIN_COPIES: usize = 4;
/// How many bytes all copies of one body may make a platform read, so that large bodies stay affordable.
const BUDGET_BYTES: usize = 4_000_000;
/// What numbers are replaced with: zero, negative, too large for this and that, none at all.
const NUMBERS: [&str; 8] =
    ["0", "-1", "4294967296", "9223372036854775808", "18446744073709551616", "1e999", "null", "\"\""];

/// Marsaglia's xorshift: good enough to damage files, and the same everywhere.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A number below `bound`, or 0.
    fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound.max(1)).unwrap_or(u64::MAX);
        usize::try_from(self.next() % bound).unwrap_or_default()
    }
}

/// Asks the question over damaged copies of every body that it gets and that was not damaged before.
pub(super) fn check(
    platform: &dyn Platform,
    replay: &Replay,
    question: &Question,
    done: &mut BTreeSet<String>,
    report: &mut Report,
) {
    let probe = Probe::new(replay, Plan::Good);
    let _ = question.ask(platform, &probe);
    let seen = probe.seen();
    let total: usize = seen.iter().filter_map(|(_, good)| good.as_ref()).map(|good| good.body.len()).sum();
    let copies = (BUDGET_BYTES / total.max(1)).clamp(MIN_COPIES, MAX_COPIES);
    for (number, (request, good)) in seen.iter().enumerate() {
        let Some(good) = good.as_ref().filter(|good| !good.body.is_empty()) else { continue };
        if !done.insert(format!("{} {:?}", request.url, request.body)) {
            continue;
        }
        for copy in 0..copies {
            let mut random = Random::new(u64::try_from(copy).unwrap_or_default() + 1);
            let fault = Fault::Body(Bytes::from(damaged(&good.body, &mut random)));
            report.counts.mutations += 1;
            let answer = question.ask(platform, &Probe::new(replay, Plan::One(number, &fault)));
            if let Err(trouble @ (Trouble::Panic(_) | Trouble::Waits)) = answer {
                report.fail(Law::Mutations, format!("{question}, copy {copy} of {}: {trouble}", request.url));
            }
        }
    }
}

/// A copy with one to four places damaged.
pub(super) fn damaged(body: &[u8], random: &mut Random) -> Vec<u8> {
    let mut copy = body.to_vec();
    for _ in 0..=random.below(4) {
        let place = random.below(copy.len());
        match random.below(6) {
            0 => {
                if let Some(byte) = copy.get_mut(place) {
                    *byte ^= 1 << random.below(8);
                }
            }
            1 => copy.insert(place, u8::try_from(random.below(256)).unwrap_or_default()),
            2 => {
                let end = (place + 1 + random.below(40)).min(copy.len());
                copy.drain(place..end);
            }
            3 if random.below(4) == 0 => copy.truncate(place),
            _ => swap_number(&mut copy, place, random),
        }
    }
    copy
}

/// Replaces the number at or after `place`.
fn swap_number(copy: &mut Vec<u8>, place: usize, random: &mut Random) {
    let Some(start) = copy.iter().skip(place).position(u8::is_ascii_digit).map(|at| place + at) else {
        return;
    };
    let length = copy.iter().skip(start).take_while(|byte| byte.is_ascii_digit()).count();
    let number = NUMBERS.get(random.below(NUMBERS.len())).copied().unwrap_or_default();
    copy.splice(start..start + length, number.bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_differ_and_are_the_same_next_time() {
        let body = br#"{"size": 123456, "at": "2026-09-01", "items": [1, 2, 3]}"#;
        let copies: Vec<_> = (1..=100).map(|seed| damaged(body, &mut Random::new(seed))).collect();
        let again: Vec<_> = (1..=100).map(|seed| damaged(body, &mut Random::new(seed))).collect();
        assert_eq!(copies, again);
        let distinct: BTreeSet<_> = copies.iter().filter(|copy| *copy != body).collect();
        assert!(distinct.len() > 80, "{}", distinct.len());
        assert!(copies.iter().any(|copy| copy.windows(9).any(|part| part == b"429496729" as &[u8])));
        for seed in 1..100 {
            damaged(b"", &mut Random::new(seed));
        }
    }
}
