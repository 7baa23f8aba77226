//! Lists of RUs, now and as they were.

use std::cmp::Ordering;

use chrono::{DateTime, Utc};
use traffix_core::catalogue::Ru;

use super::Result;
use super::filter::Filter;
use super::index::Index;
use super::read::{RuRow, sequence, sequence_at};
use crate::db::{Db, Micros, Statement};
use crate::{Page, PageRequest, RuQuery, Sequence, Versioned};

/// How many changes are looked at in one go when the past is put together.
const BATCH: i64 = 500;

/// Where an RU stands in a list.
type Place = (i64, String);

/// One list, from one place on.
struct List<'q> {
    filter: Filter<'q>,
    after: Option<Place>,
    /// The list as of this change; `None` for now.
    as_of: Option<Sequence>,
}

/// A range of the order that one index scan can give.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    All,
    Dated,
    Undated,
}

pub(super) async fn now(db: &Db, query: &RuQuery, page: &PageRequest) -> Result<Page<Versioned<Ru>>> {
    let list = List::new(query, page, None)?;
    let rows = list.current(db, page.probe()).await?;
    Ok(finish(rows, query, page))
}

/// The list as of an instant: what has not changed since comes from the same index as the list of now, what has
/// comes from the change log. So it costs what changed since, not what is stored.
pub(super) async fn as_of(
    db: &Db,
    query: &RuQuery,
    at: DateTime<Utc>,
    page: &PageRequest,
) -> Result<Page<Versioned<Ru>>> {
    let then = sequence_at(db, Micros::from(at)).await?;
    let list = List::new(query, page, Some(then))?;
    // In this order: what changes between the two reads is then in both, with the same version, and not in none.
    let mut rows = list.current(db, page.probe()).await?;
    list.add_past(db, then, page.size() + 1, &mut rows).await?;
    Ok(finish(rows, query, page))
}

fn finish(rows: Vec<RuRow>, query: &RuQuery, page: &PageRequest) -> Page<Versioned<Ru>> {
    Page::of_probe(rows, page, name(query), |row| place(&row.doc.0)).map(Versioned::from)
}

/// A cursor of the ascending list makes no sense in the descending one.
fn name(query: &RuQuery) -> &'static str {
    if query.descending { "rus-descending" } else { "rus" }
}

fn place(ru: &Ru) -> Place {
    (ru.first_at().map_or(Micros::NEVER, Micros::from).0, ru.id.to_string())
}

impl<'q> List<'q> {
    fn new(query: &'q RuQuery, page: &PageRequest, as_of: Option<Sequence>) -> Result<Self> {
        Ok(Self { filter: Filter::new(query)?, after: page.place(name(query))?, as_of })
    }

    /// Rows of the current index. Undated RUs come last in both directions, so the descending list is two scans.
    async fn current(&self, db: &Db, probe: i64) -> Result<Vec<RuRow>> {
        if !self.filter.descending() {
            return db.fetch_all(self.select(db, Part::All, self.after.as_ref(), probe)).await;
        }
        let among_undated = self.after.as_ref().filter(|(at, _)| *at == Micros::NEVER.0);
        let mut rows = Vec::new();
        if among_undated.is_none() {
            rows = db.fetch_all(self.select(db, Part::Dated, self.after.as_ref(), probe)).await?;
        }
        let left = probe - i64::try_from(rows.len()).unwrap_or(probe);
        if left > 0 {
            rows.extend(db.fetch_all(self.select(db, Part::Undated, among_undated, left)).await?);
        }
        Ok(rows)
    }

    fn select(&self, db: &Db, part: Part, after: Option<&Place>, limit: i64) -> Statement {
        let mut statement = Statement::new("");
        let mut source = self.filter.source(db.engine(), &mut statement);
        let (first_at, id) = (source.first_at, source.id);
        let (beyond, direction) = if self.filter.descending() { ("<", "DESC") } else { (">", "ASC") };
        if let Some((at, after)) = after {
            let (at, after) = (statement.placeholder(Micros(*at)), statement.placeholder(after.as_str()));
            source.conditions.push(format!("({first_at}, {id}) {beyond} ({at}, {after})"));
        }
        if part != Part::All {
            let never = statement.placeholder(Micros::NEVER);
            let is = if part == Part::Dated { "<" } else { "=" };
            source.conditions.push(format!("{first_at} {is} {never}"));
        }
        if let Some(then) = self.as_of {
            let then = statement.placeholder(then);
            source.conditions.push(format!("r.rev <= {then}"));
        }
        let conditions = match source.conditions.join(" AND ") {
            none if none.is_empty() => String::new(),
            some => format!("WHERE {some}"),
        };
        let limit = statement.placeholder(limit);
        let tables = source.tables;
        statement.with_sql(format!(
            "SELECT c.seq, c.at, c.doc FROM (SELECT {first_at} AS first_at, {id} AS id, r.rev FROM {tables} \
             {conditions} ORDER BY {first_at} {direction}, {id} {direction} LIMIT {limit}) p \
             CROSS JOIN change c WHERE c.seq = p.rev ORDER BY p.first_at {direction}, p.id {direction}"
        ))
    }

    /// Adds the versions that were current at `then` and are not any more; keeps the first `size` rows.
    async fn add_past(&self, db: &Db, then: Sequence, size: usize, rows: &mut Vec<RuRow>) -> Result<()> {
        let now = sequence(db).await?;
        let mut from = then;
        while from < now {
            // A change whose predecessor is not later than `then` ended a version that was current then.
            let sql = "SELECT c.seq, c.at, c.doc FROM change n CROSS JOIN change c WHERE c.seq = n.prev \
                       AND n.seq > $1 AND n.seq <= $2 AND n.prev <= $3 AND n.entity = 'ru' AND c.doc IS NOT NULL";
            let statement = Statement::new(sql).bind(from).bind(from + BATCH).bind(then);
            let past: Vec<RuRow> = db.fetch_all(statement).await?;
            rows.extend(past.into_iter().filter(|row| self.holds(&row.doc.0)));
            rows.sort_by(|a, b| self.order(&place(&a.doc.0), &place(&b.doc.0)));
            rows.dedup_by(|a, b| a.doc.0.id == b.doc.0.id);
            rows.truncate(size);
            from += BATCH;
        }
        Ok(())
    }

    fn holds(&self, ru: &Ru) -> bool {
        let after = self.after.as_ref();
        after.is_none_or(|after| self.order(&place(ru), after).is_gt())
            && self.filter.matches(&Index::from(ru))
    }

    fn order(&self, a: &Place, b: &Place) -> Ordering {
        let undated = |place: &Place| place.0 == Micros::NEVER.0;
        let within = if self.filter.descending() { b.cmp(a) } else { a.cmp(b) };
        undated(a).cmp(&undated(b)).then(within)
    }
}
