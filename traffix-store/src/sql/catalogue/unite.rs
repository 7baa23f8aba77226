//! Two RUs that turn out to be one.

use traffix_core::Invalid;
use traffix_core::catalogue::{Ru, RuId, RuKind};

use super::Result;
use super::merge::is_news;
use super::writer::{Draft, StoredRu};
use crate::db::Statement;
use crate::sql::SqlStore;
use crate::sql::log::Writer;
use crate::{Actor, StoreError, Written};

pub(in crate::sql) async fn merge_into(
    store: &SqlStore,
    from: &RuId,
    into: &RuId,
    actor: &Actor,
) -> Result<Written> {
    if from == into {
        return Err(refusal("is the same RU".to_owned()));
    }
    let mut writer = Writer::begin(store, actor).await?;
    let mut stored = writer.stored(vec![from.to_string(), into.to_string()]).await?;
    let mut take = |id: &RuId| {
        stored.remove(id).ok_or_else(|| StoreError::NotFound { entity: "ru", id: id.to_string() })
    };
    let (from, into) = (take(from)?, take(into)?);
    let united = united(from.ru(), into.ru())?;
    let (into_rev, changed) = (into.rev, is_news(into.ru(), &united));
    // The one that stays comes first: its change is the first of this transaction.
    let mut drafts = Vec::new();
    if changed {
        drafts.push(Draft { before: Some(into), after: Some(united.clone()) });
    }
    drafts.extend(writer.moved_updates(&from.ru().id, &united.id).await?);
    drafts.push(Draft { before: Some(from), after: None });
    writer.write(&drafts).await?;
    let first = writer.base + 1;
    writer.commit().await?;
    Ok(if changed { Written::Updated(first) } else { Written::Unchanged(into_rev) })
}

/// What both are together, under the identifier of `into`.
fn united(from: &Ru, into: &Ru) -> Result<Ru> {
    if into.release.as_ref() == Some(&from.id) || from.release.as_ref() == Some(&into.id) {
        return Err(refusal("is a release, and the other is an update of it".to_owned()));
    }
    if from.kind != into.kind {
        let is = if into.kind == RuKind::Release { "a release" } else { "an update" };
        return Err(refusal(format!("is {is}, and the other is not")));
    }
    let merged = into.clone().merge(from.clone());
    let united = Ru { id: into.id.clone(), release: into.release.clone(), ..merged };
    let findings = united.findings();
    if findings.is_empty() { Ok(united) } else { Err(StoreError::Invalid(findings)) }
}

fn refusal(detail: String) -> StoreError {
    StoreError::Invalid(vec![Invalid::new("/into", detail)])
}

impl Writer {
    /// The updates of one release, as updates of another.
    async fn moved_updates(&mut self, from: &RuId, into: &RuId) -> Result<Vec<Draft>> {
        let sql = "SELECT id FROM ru WHERE release_id = $1 ORDER BY id";
        let ids: Vec<(String,)> = self.tx.fetch_all(Statement::new(sql).bind(from.as_str())).await?;
        let updates = self.stored(ids.into_iter().map(|(id,)| id).collect()).await?;
        let moved = |update: StoredRu| {
            let after = Ru { release: Some(into.clone()), ..update.ru().clone() };
            Draft { before: Some(update), after: Some(after) }
        };
        Ok(updates.into_values().map(moved).collect())
    }
}
