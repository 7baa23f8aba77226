//! Single documents and the change log.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::FromRow;
use sqlx::types::Json;
use traffix_core::catalogue::{Ru, RuId};

use super::Result;
use crate::db::{Db, Micros, Statement};
use crate::sql::document::from_tag;
use crate::{Change, Page, PageRequest, Sequence, Versioned};

/// Most changes of one answer.
const MAX_CHANGES: u32 = 1_000;

/// One version of an RU.
#[derive(FromRow)]
pub(super) struct RuRow {
    pub(super) seq: i64,
    pub(super) at: Micros,
    pub(super) doc: Json<Ru>,
}

impl From<RuRow> for Versioned<Ru> {
    fn from(row: RuRow) -> Self {
        Self { value: row.doc.0, revision: row.seq, updated_at: row.at.instant() }
    }
}

pub(super) async fn ru(db: &Db, id: &RuId, as_of: Option<DateTime<Utc>>) -> Result<Option<Versioned<Ru>>> {
    let statement = match as_of {
        None => Statement::new(
            "SELECT c.seq, c.at, c.doc FROM ru r CROSS JOIN change c WHERE c.seq = r.rev AND r.id = $1",
        ),
        Some(_) => Statement::new(
            "SELECT seq, at, doc FROM (SELECT seq, at, doc FROM change WHERE entity = 'ru' AND id = $1 \
             AND at <= $2 ORDER BY seq DESC LIMIT 1) latest WHERE doc IS NOT NULL",
        ),
    };
    let mut statement = statement.bind(id.as_str());
    if let Some(at) = as_of {
        statement = statement.bind(Micros::from(at));
    }
    Ok(db.fetch_optional::<RuRow>(statement).await?.map(Versioned::from))
}

/// The last change at or before an instant; 0 if there was none.
pub(super) async fn sequence_at(db: &Db, at: Micros) -> Result<Sequence> {
    let sql = "SELECT seq FROM change WHERE at <= $1 ORDER BY at DESC, seq DESC LIMIT 1";
    let row: Option<(i64,)> = db.fetch_optional(Statement::new(sql).bind(at)).await?;
    Ok(row.map_or(0, |(seq,)| seq))
}

pub(super) async fn sequence(db: &Db) -> Result<Sequence> {
    let sql = "SELECT seq FROM change ORDER BY seq DESC LIMIT 1";
    let row: Option<(i64,)> = db.fetch_optional(Statement::new(sql)).await?;
    Ok(row.map_or(0, |(seq,)| seq))
}

#[derive(FromRow)]
struct ChangeRow {
    seq: i64,
    at: Micros,
    actor: String,
    entity: String,
    id: String,
    op: String,
    before: Option<Json<Value>>,
    after: Option<Json<Value>>,
}

impl ChangeRow {
    fn change(self) -> Result<Change> {
        Ok(Change {
            seq: self.seq,
            at: self.at.instant(),
            actor: self.actor,
            entity: from_tag("change", self.entity)?,
            id: self.id,
            op: from_tag("change", self.op)?,
            before: self.before.map(|json| json.0),
            after: self.after.map(|json| json.0),
        })
    }
}

const CHANGES: &str = "SELECT c.seq, c.at, c.actor, c.entity, c.id, c.op, p.doc AS before, c.doc AS after \
     FROM change c LEFT JOIN change p ON p.seq = c.prev";

pub(super) async fn changes(db: &Db, after: Sequence, limit: u32) -> Result<Vec<Change>> {
    let statement = Statement::new(format!("{CHANGES} WHERE c.seq > $1 ORDER BY c.seq LIMIT $2"));
    let statement = statement.bind(after).bind(i64::from(limit.clamp(1, MAX_CHANGES)));
    let rows: Vec<ChangeRow> = db.fetch_all(statement).await?;
    rows.into_iter().map(ChangeRow::change).collect()
}

pub(super) async fn history(db: &Db, id: &RuId, page: &PageRequest) -> Result<Page<Change>> {
    let before: Sequence = page.place("history")?.unwrap_or(Sequence::MAX);
    let sql =
        format!("{CHANGES} WHERE c.entity = 'ru' AND c.id = $1 AND c.seq < $2 ORDER BY c.seq DESC LIMIT $3");
    let statement = Statement::new(sql).bind(id.as_str()).bind(before).bind(page.probe());
    let rows: Vec<ChangeRow> = db.fetch_all(statement).await?;
    let changes = rows.into_iter().map(ChangeRow::change).collect::<Result<Vec<_>>>()?;
    Ok(Page::of_probe(changes, page, "history", |change| change.seq))
}
