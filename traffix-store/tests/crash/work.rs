//! What the child does: one operation after the other, each known by its number.

use std::io::Write as _;

use chrono::TimeDelta;
use traffix_core::catalogue::Ru;
use traffix_core::measurement::{Batch, Key};
use traffix_store::{Expect, OpenOptions, Store, StoreError, open};

use crate::support::rus::{actor, day, many, many_companies, release};

/// An operation.
pub(crate) enum Op {
    Put(Ru),
    Delete(Ru),
    Import(Vec<Ru>),
}

/// The n-th operation. Imports are small and, now and then, large.
pub(crate) fn op(n: usize) -> Op {
    let single = |n: usize| {
        let start = i64::try_from(n % 900).unwrap();
        release(&format!("single-{}", n % 7))
            .title(&format!("title number{n}"))
            .publishers(&[&format!("company-{}", n % 5)])
            .on(["steam", "gog"][n % 2], Some(1 + n as u64 % 90), &[("unlock", start, None)])
            .make()
    };
    match n % 20 {
        19 => Op::Import(many(n * 20, n * 20 + 400)),
        4 | 9 | 14 => Op::Import(many(n * 20, n * 20 + 50)),
        7 | 17 => Op::Delete(single(n)),
        _ => Op::Put(single(n)),
    }
}

/// Bytes that the n-th batch has under each of its keys.
pub(crate) const BATCH_BYTES: u64 = 1_000;

/// What is measured with the n-th operation: two links in a minute, and a third in the same minute of the next day.
pub(crate) fn measured(n: usize) -> Batch {
    let mut batch = Batch::new(format!("batch/{n}"), "acme", 60.try_into().unwrap());
    let minute = i64::try_from(n % 1_440).unwrap();
    for (bin, link) in [(minute, "a"), (minute, "b"), (minute + 1_440, "c")] {
        let key = Key { link: Some(link.into()), ..Key::default() };
        batch.add(day(0) + TimeDelta::minutes(bin), key, BATCH_BYTES).unwrap();
    }
    batch
}

/// Does one operation; one that was done before already is fine.
async fn apply(store: &dyn Store, op: &Op) -> Result<(), StoreError> {
    match op {
        Op::Put(ru) => store.put_ru(ru, Expect::Anything, &actor()).await.map(|_| ()),
        Op::Import(rus) => store.merge_rus(rus, &actor()).await.map(|_| ()),
        Op::Delete(ru) => match store.delete_ru(&ru.id, Expect::Anything, &actor()).await {
            Err(StoreError::NotFound { .. }) => Ok(()),
            other => other,
        },
    }
}

/// Works until it is killed or loses its database; says what is done only when it is done.
pub(crate) async fn forever(url: &str, first: usize) {
    let store = open(url, OpenOptions::default()).await.unwrap();
    store.put_companies(&many_companies(), &actor()).await.unwrap();
    for n in first.. {
        if apply(&*store, &op(n)).await.is_err() || store.add_batch(&measured(n)).await.is_err() {
            return;
        }
        let mut out = std::io::stdout().lock();
        writeln!(out, "ACK {n}").and_then(|()| out.flush()).unwrap();
    }
}
