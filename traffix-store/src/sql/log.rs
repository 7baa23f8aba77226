//! The change log's writing end: one transaction, one instant, one sequence.

use serde_json::value::RawValue;

use super::SqlStore;
use super::document::tag;
use crate::db::{Engine, Insert, Micros, Statement, Tx};
use crate::{Actor, ChangeOp, EntityKind, Revision, Sequence, StoreError};

type Result<T> = std::result::Result<T, StoreError>;

/// Serialises the writers of the catalogue on PostgreSQL: the lock is held until the commit is visible, so a
/// reader that has seen a change has seen all earlier ones. The number is `traffix` in ASCII.
const WRITER_LOCK: i64 = 0x74_7261_6666_6978;

/// A write transaction of the catalogue.
pub(super) struct Writer {
    pub(super) tx: Tx,
    /// The last change before this transaction.
    pub(super) base: Sequence,
    seq: Sequence,
    at: Micros,
    actor: String,
}

/// An entry of the change log to be written.
pub(super) struct Entry<'a> {
    pub(super) entity: EntityKind,
    pub(super) id: &'a str,
    pub(super) prev: Option<Revision>,
    pub(super) doc: Option<Box<RawValue>>,
}

impl Entry<'_> {
    fn op(&self) -> ChangeOp {
        match (self.prev, &self.doc) {
            (None, _) => ChangeOp::Create,
            (Some(_), Some(_)) => ChangeOp::Update,
            (Some(_), None) => ChangeOp::Delete,
        }
    }
}

impl Writer {
    pub(super) async fn begin(store: &SqlStore, actor: &Actor) -> Result<Self> {
        let mut tx = store.db.begin().await?;
        if tx.engine() == Engine::Postgres {
            tx.execute(Statement::new("SELECT pg_advisory_xact_lock($1)").bind(WRITER_LOCK)).await?;
        }
        let sql = "SELECT seq, at FROM change ORDER BY seq DESC LIMIT 1";
        let (base, last_at) =
            tx.fetch_optional::<(i64, Micros)>(Statement::new(sql)).await?.unwrap_or((0, Micros(i64::MIN)));
        // Every transaction has an instant of its own, later than all before it, so that `as_of` never sees half
        // of one, whatever the clock does.
        let at = store.now().max(Micros(last_at.0.saturating_add(1)));
        // PostgreSQL cannot hold NUL; no honest name has one.
        let actor = actor.0.replace('\0', "");
        Ok(Self { tx, base, seq: base, at, actor })
    }

    /// The last change written.
    pub(super) fn revision(&self) -> Revision {
        self.seq
    }

    pub(super) async fn commit(self) -> Result<()> {
        self.tx.commit().await
    }

    /// Appends to the change log; returns the first sequence number, the others follow.
    pub(super) async fn append(&mut self, entries: Vec<Entry<'_>>) -> Result<Sequence> {
        let first = self.seq + 1;
        let columns = &["seq", "at", "actor", "entity", "id", "op", "prev", "doc"];
        let mut rows = Insert::new("change", columns);
        for entry in entries {
            self.seq += 1;
            let op = tag(&entry.op());
            rows.push(vec![
                self.seq.into(),
                self.at.into(),
                self.actor.as_str().into(),
                tag(&entry.entity).into(),
                entry.id.into(),
                op.into(),
                entry.prev.into(),
                entry.doc.into(),
            ]);
        }
        self.tx.insert(rows).await?;
        Ok(first)
    }
}
