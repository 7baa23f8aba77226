//! Statements about who delivers what.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};
use sqlx::FromRow;
use sqlx::types::Json;
use traffix_core::Invalid;
use traffix_core::delivery::Assertion;

use super::{BATCH, MAX_FINDINGS, Result, count, gives_way};
use crate::db::{Db, Insert, Micros, Net, Statement};
use crate::sql::SqlStore;
use crate::sql::document::{document, tag};
use crate::sql::log::{Entry, Writer};
use crate::{Actor, AssertionQuery, EntityKind, ImportReport, Page, PageRequest, StoreError, Versioned};

const SELECT: &str =
    "SELECT a.id, c.seq, c.at, c.doc FROM assertion a CROSS JOIN change c WHERE c.seq = a.rev AND";

#[derive(FromRow)]
struct AssertionRow {
    id: String,
    seq: i64,
    at: Micros,
    doc: Json<Assertion>,
}

/// What makes a statement the same statement, as a short text.
fn identity(assertion: &Assertion) -> String {
    let net = assertion.prefix.map(|prefix| Net::from(prefix).prefix());
    let place = (&assertion.region, &assertion.site);
    let what = (&assertion.platform, &assertion.cdn, assertion.asn, net, &assertion.host);
    let words = serde_json::json!([what, place, assertion.role, &*assertion.source]).to_string();
    let digest = Sha256::digest(words.as_bytes());
    digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}

pub(super) async fn put(store: &SqlStore, assertions: &[Assertion], actor: &Actor) -> Result<ImportReport> {
    check(assertions)?;
    let mut unique: BTreeMap<String, &Assertion> = BTreeMap::new();
    for assertion in assertions {
        let id = identity(assertion);
        if unique.get(&id).is_none_or(|earlier| gives_way(earlier.observed, assertion.observed)) {
            unique.insert(id, assertion);
        }
    }
    let unique: Vec<_> = unique.into_iter().collect();
    let mut report = ImportReport { read: count(assertions.len()), ..ImportReport::default() };
    let mut writer = Writer::begin(store, actor).await?;
    for batch in unique.chunks(BATCH) {
        put_batch(&mut writer, batch, &mut report).await?;
    }
    report.unchanged = report.read - report.created - report.updated;
    if report.created + report.updated > 0 {
        writer.commit().await?;
    }
    Ok(report)
}

fn check(assertions: &[Assertion]) -> Result<()> {
    let findings = assertions.iter().enumerate().flat_map(|(i, assertion)| {
        let pointer = format!("/{i}");
        assertion.check().into_iter().map(move |finding| finding.under(&pointer))
    });
    let findings: Vec<Invalid> = findings.take(MAX_FINDINGS).collect();
    if findings.is_empty() { Ok(()) } else { Err(StoreError::Invalid(findings)) }
}

async fn put_batch(
    writer: &mut Writer,
    batch: &[(String, &Assertion)],
    report: &mut ImportReport,
) -> Result<()> {
    let any = writer.tx.engine().is_any_of("a.id", "$1");
    let ids: Vec<String> = batch.iter().map(|(id, _)| id.clone()).collect();
    let stored: Vec<AssertionRow> =
        writer.tx.fetch_all(Statement::new(format!("{SELECT} {any}")).bind(ids)).await?;
    let stored: BTreeMap<&str, &AssertionRow> = stored.iter().map(|row| (row.id.as_str(), row)).collect();
    let (mut entries, mut written) = (Vec::new(), Vec::new());
    for (id, assertion) in batch {
        let before = stored.get(id.as_str());
        let stays = |row: &&AssertionRow| {
            row.doc.0 == **assertion || !gives_way(row.doc.0.observed, assertion.observed)
        };
        if before.is_some_and(stays) {
            continue;
        }
        if before.is_some() {
            report.updated += 1;
        } else {
            report.created += 1;
        }
        let prev = before.map(|row| row.seq);
        entries.push(Entry { entity: EntityKind::Assertion, id, prev, doc: Some(document(assertion)?) });
        written.push((id, *assertion));
    }
    let first = writer.append(entries).await?;
    let columns = &["id", "rev", "platform", "cdn", "asn", "net", "status"];
    // What is not part of the identity is all that can change.
    let replace = "ON CONFLICT (id) DO UPDATE SET rev = excluded.rev, status = excluded.status";
    let mut rows = Insert::new("assertion", columns).suffix(replace);
    for (rev, (id, assertion)) in (first..).zip(written) {
        rows.push(vec![
            id.as_str().into(),
            rev.into(),
            assertion.platform.as_ref().map(ToString::to_string).into(),
            assertion.cdn.as_ref().map(ToString::to_string).into(),
            assertion.asn.map(|asn| i64::from(asn.0)).into(),
            assertion.prefix.map(Net::from).into(),
            tag(&assertion.status).into(),
        ]);
    }
    writer.tx.insert(rows).await?;
    Ok(())
}

pub(super) async fn list(
    db: &Db,
    query: &AssertionQuery,
    page: &PageRequest,
) -> Result<Page<Versioned<Assertion>>> {
    let after: Option<String> = page.place("assertions")?;
    let mut statement = Statement::new("");
    let start = statement.placeholder(after.unwrap_or_default().replace('\0', ""));
    let mut conditions = vec![format!("a.id > {start}")];
    let texts = [
        ("a.platform", query.platform.as_ref().map(ToString::to_string)),
        ("a.cdn", query.cdn.as_ref().map(ToString::to_string)),
        ("a.status", query.status.as_ref().map(tag)),
    ];
    for (column, value) in texts {
        if let Some(value) = value {
            let place = statement.placeholder(value);
            conditions.push(format!("{column} = {place}"));
        }
    }
    if let Some(address) = query.containing {
        let nets: Vec<_> =
            Net::containing(address).into_iter().map(|net| statement.placeholder(net)).collect();
        conditions.push(format!("a.net IN ({})", nets.join(",")));
    }
    let limit = statement.placeholder(page.probe());
    let conditions = conditions.join(" AND ");
    let statement = statement.with_sql(format!("{SELECT} {conditions} ORDER BY a.id LIMIT {limit}"));
    let rows: Vec<AssertionRow> = db.fetch_all(statement).await?;
    let page = Page::of_probe(rows, page, "assertions", |row| row.id.clone());
    Ok(page.map(|row| Versioned { value: row.doc.0, revision: row.seq, updated_at: row.at.instant() }))
}
