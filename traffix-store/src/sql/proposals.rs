//! What awaits a moderator.

use std::collections::BTreeMap;

use async_trait::async_trait;
use sqlx::FromRow;
use sqlx::types::Json;
use traffix_core::Invalid;
use traffix_core::catalogue::RuId;

use super::SqlStore;
use super::catalogue::merge_into;
use super::document::{from_tag, letter, tag};
use super::names::{check_printable, is_printable};
use crate::db::{Insert, Micros, Statement};
use crate::{
    Actor, Page, PageRequest, Proposal, ProposalStatus, ProposalSubject, Proposals, StoreError, Written,
};

type Result<T> = std::result::Result<T, StoreError>;

/// Longest identifier: two of RUs and some words fit in.
const MAX_ID_BYTES: usize = 500;

#[derive(FromRow)]
struct ProposalRow {
    id: String,
    subject: Json<ProposalSubject>,
    status: String,
    proposed_at: Micros,
    decided_at: Option<Micros>,
    decided_by: Option<String>,
}

impl ProposalRow {
    fn proposal(self) -> Result<Proposal> {
        Ok(Proposal {
            id: self.id,
            subject: self.subject.0,
            status: from_tag("proposal", self.status)?,
            proposed_at: self.proposed_at.instant(),
            decided: self.decided_at.map(Micros::instant).zip(self.decided_by),
        })
    }
}

const PROPOSAL: &str = "SELECT id, subject, status, proposed_at, decided_at, decided_by FROM proposal";

#[async_trait]
impl Proposals for SqlStore {
    async fn propose(&self, proposals: &[(String, ProposalSubject)]) -> Result<u64> {
        // Of an id that comes twice, the last word counts.
        let mut by_id = BTreeMap::new();
        for (i, (id, subject)) in proposals.iter().enumerate() {
            check(i, id, subject)?;
            by_id.insert(id.as_str(), subject);
        }
        let now = self.now();
        let columns = &["id", "subject", "status", "proposed_at"];
        let mut fresh = Insert::new("proposal", columns).suffix("ON CONFLICT (id) DO NOTHING");
        let mut renewed = Insert::new("proposal", columns).suffix(
            "ON CONFLICT (id) DO UPDATE SET subject = excluded.subject WHERE proposal.status = 'open'",
        );
        for (id, subject) in by_id {
            let row = vec![id.into(), letter(subject)?.into(), tag(&ProposalStatus::Open).into(), now.into()];
            fresh.push(row.clone());
            renewed.push(row);
        }
        let mut tx = self.db.begin().await?;
        let created = tx.insert(fresh).await?;
        tx.insert(renewed).await?;
        tx.commit().await?;
        Ok(created)
    }

    async fn proposal(&self, id: &str) -> Result<Option<Proposal>> {
        if !is_printable(id, MAX_ID_BYTES) {
            return Ok(None);
        }
        let statement = Statement::new(format!("{PROPOSAL} WHERE id = $1")).bind(id);
        self.db.fetch_optional::<ProposalRow>(statement).await?.map(ProposalRow::proposal).transpose()
    }

    async fn proposals(&self, status: ProposalStatus, page: &PageRequest) -> Result<Page<Proposal>> {
        let list = format!("proposals-{}", tag(&status));
        let (at, id): (i64, String) = page.place(&list)?.unwrap_or((Micros::LONG_AGO.0, String::new()));
        let sql = "WHERE status = $1 AND (proposed_at, id) > ($2, $3) ORDER BY proposed_at, id LIMIT $4";
        let statement = Statement::new(format!("{PROPOSAL} {sql}")).bind(tag(&status)).bind(Micros(at));
        let statement = statement.bind(id.replace('\0', "")).bind(page.probe());
        let rows: Vec<ProposalRow> = self.db.fetch_all(statement).await?;
        let proposals = rows.into_iter().map(ProposalRow::proposal).collect::<Result<Vec<_>>>()?;
        let place = |proposal: &Proposal| (Micros::from(proposal.proposed_at).0, proposal.id.clone());
        Ok(Page::of_probe(proposals, page, &list, place))
    }

    async fn decide(&self, id: &str, status: ProposalStatus, actor: &Actor) -> Result<()> {
        if status == ProposalStatus::Open {
            return Err(invalid("/status", "must be a decision".to_owned()));
        }
        let missing = || StoreError::NotFound { entity: "proposal", id: id.to_owned() };
        if !is_printable(id, MAX_ID_BYTES) {
            return Err(missing());
        }
        let mut tx = self.db.begin().await?;
        let sql = "UPDATE proposal SET status = $2, decided_at = $3, decided_by = $4 \
             WHERE id = $1 AND status = 'open'";
        let statement = Statement::new(sql).bind(id).bind(tag(&status)).bind(self.now());
        if tx.execute(statement.bind(actor.0.replace('\0', ""))).await? > 0 {
            return tx.commit().await;
        }
        let sql = "SELECT status FROM proposal WHERE id = $1";
        let (decided,) =
            tx.fetch_optional::<(String,)>(Statement::new(sql).bind(id)).await?.ok_or_else(missing)?;
        if decided == tag(&status) {
            return Ok(());
        }
        Err(StoreError::Conflict { entity: "proposal", id: id.to_owned(), actual: None })
    }

    async fn merge_into(&self, from: &RuId, into: &RuId, actor: &Actor) -> Result<Written> {
        merge_into(self, from, into, actor).await
    }
}

fn check(position: usize, id: &str, subject: &ProposalSubject) -> Result<()> {
    check_printable(&format!("/{position}/id"), id, MAX_ID_BYTES)?;
    if let ProposalSubject::Assertion { assertion, .. } = subject {
        let place = format!("/{position}/subject/assertion");
        let found = assertion.check().into_iter();
        let found: Vec<Invalid> =
            found.map(|one| Invalid::new(format!("{place}{}", one.pointer), one.detail)).collect();
        return if found.is_empty() { Ok(()) } else { Err(StoreError::Invalid(found)) };
    }
    let ProposalSubject::Merge { from, into, score, .. } = subject else { return Ok(()) };
    if from == into {
        return Err(invalid(&format!("/{position}/subject/into"), "is the same RU".to_owned()));
    }
    // JSON has no word for what is not a number.
    if !(0.0..=1.0).contains(score) {
        let detail = format!("must be from 0 to 1, not {score}");
        return Err(invalid(&format!("/{position}/subject/score"), detail));
    }
    Ok(())
}

fn invalid(pointer: &str, detail: String) -> StoreError {
    StoreError::Invalid(vec![Invalid::new(pointer, detail)])
}
