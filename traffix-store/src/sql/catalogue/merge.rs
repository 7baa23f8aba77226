//! Imports: many RUs merged into what is stored, in one transaction.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};

use traffix_core::Invalid;
use traffix_core::catalogue::{Ru, RuId};

use super::Result;
use super::index::SIDE_TABLES;
use super::writer::{Draft, StoredRu, companies_of, company_findings};
use crate::db::{Engine, Statement};
use crate::sql::SqlStore;
use crate::sql::log::Writer;
use crate::{Actor, ImportReport, StoreError};

/// How many RUs are read, merged and written in one go.
const BATCH: usize = 500;
/// Most findings that an error carries.
const MAX_FINDINGS: usize = 100;
/// After so many changes it does not pay to wait for the server to look after its tables by itself.
const ANALYZE_AFTER: u64 = 5_000;

/// One RU of the input, with its place there.
struct Input<'a> {
    position: usize,
    ru: Cow<'a, Ru>,
}

pub(super) async fn merge_rus(
    store: &SqlStore,
    rus: &[Ru],
    actor: &Actor,
    on_progress: &(dyn Fn(u64) + Send + Sync),
) -> Result<ImportReport> {
    check(rus)?;
    let inputs = unique(rus);
    let positions: HashMap<String, usize> =
        inputs.iter().map(|i| (i.ru.id.to_string(), i.position)).collect();
    let mut report = ImportReport { read: count(rus.len()), ..ImportReport::default() };
    let mut writer = Writer::begin(store, actor).await?;
    check_companies(&mut writer, rus).await?;
    let mut done = 0;
    for batch in inputs.chunks(BATCH) {
        merge_batch(&mut writer, batch, &mut report).await?;
        done += batch.len();
        on_progress(count(done));
    }
    report.unchanged = report.read - report.created - report.updated;
    if report.created + report.updated > 0 {
        let pointer = |id: &str| positions.get(id).map(|i| format!("/{i}")).unwrap_or_default();
        writer.check_releases(pointer).await?;
        writer.commit().await?;
        refresh_statistics(store, &report).await;
    }
    Ok(report)
}

async fn merge_batch(writer: &mut Writer, batch: &[Input<'_>], report: &mut ImportReport) -> Result<()> {
    let ids = batch.iter().map(|input| input.ru.id.to_string()).collect();
    let mut stored = writer.stored(ids).await?;
    let drafts: Vec<Draft> =
        batch.iter().filter_map(|input| draft(stored.remove(&input.ru.id), &input.ru)).collect();
    let updated = drafts.iter().filter(|draft| draft.before.is_some()).count();
    report.updated += count(updated);
    report.created += count(drafts.len() - updated);
    if drafts.is_empty() { Ok(()) } else { writer.write(&drafts).await }
}

async fn check_companies(writer: &mut Writer, rus: &[Ru]) -> Result<()> {
    let named: BTreeSet<String> = rus.iter().flat_map(companies_of).collect();
    let unknown = writer.unknown_companies(named).await?;
    if unknown.is_empty() {
        return Ok(());
    }
    let findings = rus.iter().enumerate().flat_map(|(i, ru)| {
        let pointer = format!("/{i}");
        company_findings(ru, &unknown).into_iter().map(move |finding| finding.under(&pointer))
    });
    Err(StoreError::Invalid(findings.take(MAX_FINDINGS).collect()))
}

/// What is to be written, if anything.
fn draft(before: Option<StoredRu>, new: &Ru) -> Option<Draft> {
    let Some(before) = before else { return Some(Draft { before: None, after: Some(new.clone()) }) };
    let old = before.ru();
    if old == new {
        return None;
    }
    let merged = old.clone().merge(new.clone());
    is_news(old, &merged).then_some(Draft { before: Some(before), after: Some(merged) })
}

/// Whether merging something into `old` told anything. Merging also puts lists in order, which alone is no news, so
/// the comparison is with the old one in order.
pub(super) fn is_news(old: &Ru, merged: &Ru) -> bool {
    merged != old && *merged != old.clone().merge(old.clone())
}

fn check(rus: &[Ru]) -> Result<()> {
    let findings = rus.iter().enumerate().flat_map(|(i, ru)| {
        let pointer = format!("/{i}");
        ru.findings().into_iter().map(move |finding| finding.under(&pointer))
    });
    let findings: Vec<Invalid> = findings.take(MAX_FINDINGS).collect();
    if findings.is_empty() { Ok(()) } else { Err(StoreError::Invalid(findings)) }
}

/// One entry an RU, in order of first appearance; what appears twice is merged first, so it is one change.
fn unique(rus: &[Ru]) -> Vec<Input<'_>> {
    let mut inputs: Vec<Input<'_>> = Vec::with_capacity(rus.len());
    let mut at: HashMap<&RuId, usize> = HashMap::with_capacity(rus.len());
    for (position, ru) in rus.iter().enumerate() {
        if let Some(&i) = at.get(&ru.id) {
            let merged = inputs[i].ru.as_ref().clone().merge(ru.clone());
            inputs[i].ru = Cow::Owned(merged);
        } else {
            at.insert(&ru.id, inputs.len());
            inputs.push(Input { position, ru: Cow::Borrowed(ru) });
        }
    }
    inputs
}

fn count(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

/// PostgreSQL plans by statistics and trusts its indexes only after a vacuum, both of which would otherwise come
/// minutes later; SQLite's plans are fixed by the shape of the queries.
async fn refresh_statistics(store: &SqlStore, report: &ImportReport) {
    if store.db.engine() == Engine::Sqlite || report.created + report.updated < ANALYZE_AFTER {
        return;
    }
    let sql = format!("VACUUM (ANALYZE) ru, {}", SIDE_TABLES.join(", "));
    if let Err(error) = store.db.maintain(Statement::new(sql)).await {
        tracing::warn!(%error, "statistics could not be refreshed; lists may be slow for a while");
    }
}
