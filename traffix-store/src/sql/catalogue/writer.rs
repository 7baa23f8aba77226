//! Writing RUs: the change log and what is derived from it, in one transaction.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::FromRow;
use sqlx::types::Json;
use traffix_core::Invalid;
use traffix_core::catalogue::{Ru, RuId};

use super::Result;
use super::index::{Index, IndexRows, SIDE_TABLES};
use crate::db::Statement;
use crate::sql::SqlStore;
use crate::sql::document::document;
use crate::sql::log::{Entry, Writer};
use crate::{Actor, EntityKind, Expect, Revision, Sequence, StoreError, Written};

/// An RU as it is stored.
#[derive(FromRow)]
pub(super) struct StoredRu {
    row_key: i64,
    pub(super) rev: Revision,
    doc: Json<Ru>,
}

impl StoredRu {
    pub(super) fn ru(&self) -> &Ru {
        &self.doc.0
    }
}

/// One RU to be written: at least one of before and after is there.
pub(super) struct Draft {
    pub(super) before: Option<StoredRu>,
    pub(super) after: Option<Ru>,
}

/// Identifiers that listings had and do not have any more, by platform.
type Unlisted = BTreeMap<String, Vec<String>>;

fn note_unlisted(draft: &Draft, unlisted: &mut Unlisted) {
    let Some(before) = &draft.before else { return };
    for listing in &before.ru().listings {
        let after = draft.after.as_ref().and_then(|after| after.listing(&listing.platform));
        let now = after.and_then(|after| after.external_id.as_deref());
        if let Some(id) = listing.external_id.as_deref().filter(|id| now != Some(id)) {
            unlisted.entry(listing.platform.to_string()).or_default().push(id.to_owned());
        }
    }
}

impl Writer {
    /// The stored ones of some RUs.
    pub(super) async fn stored(&mut self, ids: Vec<String>) -> Result<BTreeMap<RuId, StoredRu>> {
        let any = self.tx.engine().is_any_of("r.id", "$1");
        let sql = format!(
            "SELECT r.row_key, r.rev, c.doc FROM ru r CROSS JOIN change c WHERE c.seq = r.rev AND {any}"
        );
        let rows: Vec<StoredRu> = self.tx.fetch_all(Statement::new(sql).bind(ids)).await?;
        Ok(rows.into_iter().map(|row| (row.ru().id.clone(), row)).collect())
    }

    /// Writes RUs, one change each.
    pub(super) async fn write(&mut self, drafts: &[Draft]) -> Result<()> {
        let mut entries = Vec::with_capacity(drafts.len());
        for draft in drafts {
            let Some(ru) = draft.after.as_ref().or(draft.before.as_ref().map(StoredRu::ru)) else { continue };
            entries.push(Entry {
                entity: EntityKind::Ru,
                id: ru.id.as_str(),
                prev: draft.before.as_ref().map(|stored| stored.rev),
                doc: draft.after.as_ref().map(document).transpose()?,
            });
        }
        let first = self.append(entries).await?;
        self.write_index(first, drafts).await
    }

    async fn write_index(&mut self, first: Sequence, drafts: &[Draft]) -> Result<()> {
        let mut rows = IndexRows::new();
        let (mut stale, mut gone) = (Vec::new(), Vec::new());
        let mut unlisted = Unlisted::new();
        for (seq, draft) in (first..).zip(drafts) {
            let before = draft.before.as_ref();
            note_unlisted(draft, &mut unlisted);
            let Some(after) = &draft.after else {
                let ids = before.map(|stored| stored.ru().id.to_string());
                stale.extend(ids.clone());
                gone.extend(ids);
                continue;
            };
            let (id, index) = (after.id.as_str(), Index::from(after));
            rows.push_ru(before.map_or(seq, |stored| stored.row_key), id, seq, &index);
            // Most updates are of audience signals, which no side table holds.
            if before.is_some_and(|stored| Index::from(stored.ru()).same_sides(&index)) {
                continue;
            }
            if before.is_some() {
                stale.push(id.to_owned());
            }
            rows.push_sides(id, &index);
        }
        self.remove("ru", "id", gone).await?;
        for table in SIDE_TABLES {
            self.remove(table, "ru", stale.clone()).await?;
        }
        for insert in rows.into_inserts() {
            self.tx.insert(insert).await?;
        }
        self.unschedule(unlisted).await
    }

    /// Forgets when listings are due that no RU has any more.
    async fn unschedule(&mut self, unlisted: Unlisted) -> Result<()> {
        for (platform, ids) in unlisted {
            let any = self.tx.engine().is_any_of("external_id", "$2");
            let sql = format!(
                "DELETE FROM listing_pull WHERE platform = $1 AND {any} AND NOT EXISTS (SELECT 1 FROM ru_external e \
                 WHERE e.platform = $1 AND e.external_id = listing_pull.external_id AND e.main)"
            );
            self.tx.execute(Statement::new(sql).bind(platform).bind(ids)).await?;
        }
        Ok(())
    }

    async fn remove(&mut self, table: &str, column: &str, ids: Vec<String>) -> Result<()> {
        if ids.is_empty() {
            return Ok(());
        }
        let any = self.tx.engine().is_any_of(column, "$1");
        self.tx.execute(Statement::new(format!("DELETE FROM {table} WHERE {any}")).bind(ids)).await?;
        Ok(())
    }

    /// Which of some companies do not exist.
    pub(super) async fn unknown_companies(&mut self, named: BTreeSet<String>) -> Result<BTreeSet<String>> {
        if named.is_empty() {
            return Ok(named);
        }
        let any = self.tx.engine().is_any_of("id", "$1");
        let sql = format!("SELECT id FROM company WHERE {any}");
        let ids: Vec<String> = named.iter().cloned().collect();
        let known: Vec<(String,)> = self.tx.fetch_all(Statement::new(sql).bind(ids)).await?;
        let known: BTreeSet<String> = known.into_iter().map(|(id,)| id).collect();
        Ok(named.difference(&known).cloned().collect())
    }

    /// Checks what this transaction wrote: every update names a release that exists, and what others name as
    /// their release still is one. `pointer` leads to an RU of the caller's input.
    pub(super) async fn check_releases(&mut self, pointer: impl Fn(&str) -> String) -> Result<()> {
        let dangling = "SELECT u.id, u.release_id FROM ru u LEFT JOIN ru r ON r.id = u.release_id \
             WHERE u.rev > $1 AND u.release_id IS NOT NULL AND (r.id IS NULL OR r.kind <> 'release') \
             ORDER BY u.rev LIMIT 100";
        let dangling: Vec<(String, String)> =
            self.tx.fetch_all(Statement::new(dangling).bind(self.base)).await?;
        let finding = |(id, release): &(String, String)| {
            let detail = format!("must name a release of the catalogue; there is no release {release:?}");
            Invalid::new(format!("{}/release", pointer(id)), detail)
        };
        if !dangling.is_empty() {
            return Err(StoreError::Invalid(dangling.iter().map(finding).collect()));
        }
        let named = "SELECT r.id, u.id FROM ru r CROSS JOIN ru u WHERE u.release_id = r.id AND r.rev > $1 \
             AND r.kind <> 'release' LIMIT 1";
        let named: Option<(String, String)> =
            self.tx.fetch_optional(Statement::new(named).bind(self.base)).await?;
        match named {
            Some((id, by)) => Err(StoreError::InUse { entity: "ru", id, by }),
            None => Ok(()),
        }
    }
}

/// Findings for the companies of an RU that are not known.
pub(super) fn company_findings(ru: &Ru, unknown: &BTreeSet<String>) -> Vec<Invalid> {
    let lists = [("/publishers", &ru.publishers), ("/developers", &ru.developers)];
    let named =
        lists.into_iter().flat_map(|(list, ids)| ids.iter().enumerate().map(move |(i, id)| (list, i, id)));
    let unknown = named.filter(|(_, _, id)| unknown.contains(id.as_str()));
    unknown
        .map(|(list, i, id)| {
            Invalid::new(format!("{list}/{i}"), format!("there is no company {:?}", id.as_str()))
        })
        .collect()
}

/// The companies that an RU names.
pub(super) fn companies_of(ru: &Ru) -> impl Iterator<Item = String> {
    ru.publishers.iter().chain(&ru.developers).map(ToString::to_string)
}

fn check_expectation(id: &RuId, expect: Expect, actual: Option<Revision>) -> Result<()> {
    let fine = match expect {
        Expect::Anything => true,
        Expect::Absent => actual.is_none(),
        Expect::At(revision) => actual == Some(revision),
    };
    if fine { Ok(()) } else { Err(StoreError::Conflict { entity: "ru", id: id.to_string(), actual }) }
}

pub(super) async fn put_ru(store: &SqlStore, ru: &Ru, expect: Expect, actor: &Actor) -> Result<Written> {
    let findings = ru.findings();
    if !findings.is_empty() {
        return Err(StoreError::Invalid(findings));
    }
    let mut writer = Writer::begin(store, actor).await?;
    let before = writer.stored(vec![ru.id.to_string()]).await?.remove(&ru.id);
    check_expectation(&ru.id, expect, before.as_ref().map(|stored| stored.rev))?;
    if let Some(same) = before.as_ref().filter(|stored| stored.ru() == ru) {
        return Ok(Written::Unchanged(same.rev));
    }
    let unknown = writer.unknown_companies(companies_of(ru).collect()).await?;
    let findings = company_findings(ru, &unknown);
    if !findings.is_empty() {
        return Err(StoreError::Invalid(findings));
    }
    let existed = before.is_some();
    writer.write(&[Draft { before, after: Some(ru.clone()) }]).await?;
    writer.check_releases(|_| String::new()).await?;
    let revision = writer.revision();
    writer.commit().await?;
    Ok(if existed { Written::Updated(revision) } else { Written::Created(revision) })
}

pub(super) async fn delete_ru(store: &SqlStore, id: &RuId, expect: Expect, actor: &Actor) -> Result<()> {
    let mut writer = Writer::begin(store, actor).await?;
    let Some(before) = writer.stored(vec![id.to_string()]).await?.remove(id) else {
        return Err(StoreError::NotFound { entity: "ru", id: id.to_string() });
    };
    check_expectation(id, expect, Some(before.rev))?;
    let sql = "SELECT id FROM ru WHERE release_id = $1 ORDER BY id LIMIT 1";
    let user: Option<(String,)> = writer.tx.fetch_optional(Statement::new(sql).bind(id.as_str())).await?;
    if let Some((by,)) = user {
        return Err(StoreError::InUse { entity: "ru", id: id.to_string(), by });
    }
    writer.write(&[Draft { before: Some(before), after: None }]).await?;
    writer.commit().await
}
