//! Publishers and developers.

use std::collections::BTreeMap;

use sqlx::FromRow;
use sqlx::types::Json;
use traffix_core::catalogue::{Company, CompanyId};

use super::Result;
use crate::db::{Db, Insert, Statement};
use crate::sql::SqlStore;
use crate::sql::document::document;
use crate::sql::log::{Entry, Writer};
use crate::{Actor, EntityKind, ImportReport, Page, PageRequest, Revision, StoreError};

/// How many companies are read and written in one go.
const BATCH: usize = 500;

const SELECT: &str = "SELECT m.rev, c.doc FROM company m CROSS JOIN change c WHERE c.seq = m.rev AND";

#[derive(FromRow)]
struct CompanyRow {
    rev: Revision,
    doc: Json<Company>,
}

pub(super) async fn company(db: &Db, id: &CompanyId) -> Result<Option<Company>> {
    let statement = Statement::new(format!("{SELECT} m.id = $1")).bind(id.as_str());
    Ok(db.fetch_optional::<CompanyRow>(statement).await?.map(|row| row.doc.0))
}

pub(super) async fn companies(db: &Db, page: &PageRequest) -> Result<Page<Company>> {
    let after: String = page.place("companies")?.unwrap_or_default();
    let statement = Statement::new(format!("{SELECT} m.id > $1 ORDER BY m.id LIMIT $2"));
    let rows: Vec<CompanyRow> = db.fetch_all(statement.bind(after).bind(page.probe())).await?;
    let companies = rows.into_iter().map(|row| row.doc.0).collect();
    Ok(Page::of_probe(companies, page, "companies", |company: &Company| company.id.to_string()))
}

pub(super) async fn put_companies(
    store: &SqlStore,
    companies: &[Company],
    actor: &Actor,
) -> Result<ImportReport> {
    let findings = companies.iter().enumerate().flat_map(|(i, company)| {
        company.findings().into_iter().map(move |finding| finding.under(&format!("/{i}")))
    });
    let findings: Vec<_> = findings.take(100).collect();
    if !findings.is_empty() {
        return Err(StoreError::Invalid(findings));
    }
    // Of an id that comes twice, the last word counts.
    let by_id: BTreeMap<&str, &Company> = companies.iter().map(|c| (c.id.as_str(), c)).collect();
    let by_id: Vec<_> = by_id.into_iter().collect();
    let read = u64::try_from(companies.len()).unwrap_or(u64::MAX);
    let mut report = ImportReport { read, ..ImportReport::default() };
    let mut writer = Writer::begin(store, actor).await?;
    for batch in by_id.chunks(BATCH) {
        put_batch(&mut writer, batch, &mut report).await?;
    }
    report.unchanged = report.read - report.created - report.updated;
    if report.created + report.updated > 0 {
        writer.commit().await?;
    }
    Ok(report)
}

async fn put_batch(writer: &mut Writer, batch: &[(&str, &Company)], report: &mut ImportReport) -> Result<()> {
    let any = writer.tx.engine().is_any_of("m.id", "$1");
    let ids: Vec<String> = batch.iter().map(|(id, _)| (*id).to_owned()).collect();
    let stored: Vec<CompanyRow> =
        writer.tx.fetch_all(Statement::new(format!("{SELECT} {any}")).bind(ids)).await?;
    let stored: BTreeMap<&str, &CompanyRow> = stored.iter().map(|row| (row.doc.0.id.as_str(), row)).collect();
    let mut entries = Vec::new();
    for (id, company) in batch {
        let before = stored.get(id);
        if before.is_some_and(|row| row.doc.0 == **company) {
            continue;
        }
        if before.is_some() {
            report.updated += 1;
        } else {
            report.created += 1;
        }
        let prev = before.map(|row| row.rev);
        entries.push(Entry { entity: EntityKind::Company, id, prev, doc: Some(document(company)?) });
    }
    let ids: Vec<&str> = entries.iter().map(|entry| entry.id).collect();
    let first = writer.append(entries).await?;
    let mut rows =
        Insert::new("company", &["id", "rev"]).suffix("ON CONFLICT (id) DO UPDATE SET rev = excluded.rev");
    for (rev, id) in (first..).zip(ids) {
        rows.push(vec![id.into(), rev.into()]);
    }
    writer.tx.insert(rows).await?;
    Ok(())
}
