//! What awaits a moderator: entries that may be one title, and what people suggest.

use std::convert::Infallible;
use std::str::FromStr;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use poem::Request;
use poem_openapi::OpenApi;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use traffix_core::catalogue::RuId;
use traffix_core::delivery::Assertion;
use traffix_store::{Catalogue, Proposal, ProposalStatus, ProposalSubject, Proposals, StoreError, Written};

use super::Chapter;
use super::lists::{Cursor, Limit, page, page_request};
use super::views::Loose;
use crate::AppState;
use crate::auth::Moderator;
use crate::http::{Answer, Kind, Path, PathParam, Problem, Query};

pub(crate) struct ProposalApi(pub(crate) Arc<AppState>);

/// Identifies a proposal, such as `merge:epic-x:steam-7`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(inline, extend("minLength" = 1, "maxLength" = 500))]
pub(crate) struct ProposalId(String);

impl FromStr for ProposalId {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()))
    }
}

impl PathParam for ProposalId {
    const NAME: &'static str = "id";
}

/// Which proposals.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProposalListParams {
    /// How they stand; open ones if absent.
    status: Option<Standing>,
    /// Most items wanted, 1 to 500; 100 if absent.
    limit: Option<Limit>,
    /// Where to go on: a cursor from `next` of the page before.
    after: Option<Cursor>,
}

/// How a proposal stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "ProposalStatus")]
pub(crate) enum Standing {
    /// Nobody has decided.
    #[default]
    Open,
    /// A moderator agreed.
    Accepted,
    /// A moderator disagreed.
    Rejected,
}

impl From<Standing> for ProposalStatus {
    fn from(standing: Standing) -> Self {
        match standing {
            Standing::Open => Self::Open,
            Standing::Accepted => Self::Accepted,
            Standing::Rejected => Self::Rejected,
        }
    }
}

impl From<ProposalStatus> for Standing {
    fn from(status: ProposalStatus) -> Self {
        match status {
            ProposalStatus::Open => Self::Open,
            ProposalStatus::Accepted => Self::Accepted,
            ProposalStatus::Rejected => Self::Rejected,
        }
    }
}

/// Something for a moderator to decide.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Proposal")]
pub(crate) struct ProposalView {
    /// Stable: the same thing proposed again has the same one.
    id: String,
    /// How it stands.
    status: Standing,
    /// When it was first proposed.
    proposed_at: DateTime<Utc>,
    /// What it is about: `kind` is `merge` (with `from`, `into`, `score`, `reasons`), `suggestion` (with
    /// `suggestion` and `findings`) or `assertion` (with `assertion` and `reasons`).
    subject: Loose,
    /// When it was decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    decided_at: Option<DateTime<Utc>>,
    /// By whom.
    #[serde(skip_serializing_if = "Option::is_none")]
    decided_by: Option<String>,
}

/// A page of proposals.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ProposalPage {
    items: Vec<ProposalView>,
    /// The next page, if there is one.
    #[schemars(default)]
    next: Option<String>,
}

#[OpenApi(tag = "Chapter::Sources")]
impl ProposalApi {
    /// Proposals, oldest first.
    #[oai(path = "/proposals", method = "get", operation_id = "listProposals")]
    async fn list(
        &self,
        _who: Moderator,
        request: &Request,
        params: Query<ProposalListParams>,
    ) -> Result<Answer<ProposalPage>, Problem> {
        let ProposalListParams { status, limit, after } = params.0;
        let found =
            self.0.store.proposals(status.unwrap_or_default().into(), &page_request(limit, after)).await?;
        let items: Vec<ProposalView> = found.items.into_iter().map(ProposalView::from).collect();
        page(&items, request.original_uri(), found.next.as_deref())
    }

    /// One proposal.
    #[oai(path = "/proposals/:id", method = "get", operation_id = "getProposal")]
    async fn get(
        &self,
        _who: Moderator,
        Path(id): Path<ProposalId>,
    ) -> Result<Answer<ProposalView>, Problem> {
        Answer::json(&self.find(&id.0).await?.into())
    }

    /// Accepts a proposal: two entries become one, an assertion is asserted; a suggestion is answered as what to
    /// import.
    ///
    /// Accepting again what is accepted changes nothing.
    #[oai(path = "/proposals/:id/accept", method = "post", operation_id = "acceptProposal")]
    async fn accept(
        &self,
        who: Moderator,
        Path(id): Path<ProposalId>,
    ) -> Result<Answer<ProposalView>, Problem> {
        let found = self.undecided(&id.0, ProposalStatus::Accepted).await?;
        match (found.status, &found.subject) {
            (ProposalStatus::Open, ProposalSubject::Merge { from, into, .. }) => {
                self.merge(from, into, &who).await?;
            }
            (ProposalStatus::Open, ProposalSubject::Assertion { assertion, .. }) => {
                self.assert(assertion, &who).await?;
            }
            _ => {}
        }
        self.decide(&id.0, ProposalStatus::Accepted, &who).await
    }

    /// Rejects a proposal: it is not proposed again.
    #[oai(path = "/proposals/:id/reject", method = "post", operation_id = "rejectProposal")]
    async fn reject(
        &self,
        who: Moderator,
        Path(id): Path<ProposalId>,
    ) -> Result<Answer<ProposalView>, Problem> {
        self.undecided(&id.0, ProposalStatus::Rejected).await?;
        self.decide(&id.0, ProposalStatus::Rejected, &who).await
    }
}

impl ProposalApi {
    async fn find(&self, id: &str) -> Result<Proposal, Problem> {
        let found = Proposals::proposal(self.0.store.as_ref(), id).await?;
        found.ok_or_else(|| Problem::missing("id", "proposal", id))
    }

    /// The proposal, unless it was decided otherwise.
    async fn undecided(&self, id: &str, wanted: ProposalStatus) -> Result<Proposal, Problem> {
        let found = self.find(id).await?;
        if found.status == ProposalStatus::Open || found.status == wanted {
            return Ok(found);
        }
        Err(Problem::new(Kind::Conflict, "the proposal was decided otherwise before"))
    }

    /// Two entries become one. One that is gone was merged by a request that did not get to its end.
    async fn merge(&self, from: &RuId, into: &RuId, who: &Moderator) -> Result<(), Problem> {
        let store = self.0.store.as_ref();
        if store.ru(from, None).await?.is_none() && store.ru(into, None).await?.is_some() {
            return Ok(());
        }
        match store.merge_into(from, into, &who.actor()).await {
            Ok(Written::Unchanged(revision) | Written::Created(revision) | Written::Updated(revision)) => {
                self.0.pages.note(revision);
                self.0.pages.note(Catalogue::sequence(store).await?);
                Ok(())
            }
            Err(StoreError::NotFound { id, .. }) => {
                let detail = format!("ru {id:?} does not exist any more; reject the proposal");
                Err(Problem::new(Kind::Conflict, detail))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// A statement about who delivers becomes one of the store, and attribution follows.
    async fn assert(&self, assertion: &Assertion, who: &Moderator) -> Result<(), Problem> {
        let store = self.0.store.as_ref();
        store.put_assertions(std::slice::from_ref(assertion), &who.actor()).await?;
        self.0.pages.note(Catalogue::sequence(store).await?);
        self.0.reload_attributor().await;
        Ok(())
    }

    async fn decide(
        &self,
        id: &str,
        status: ProposalStatus,
        who: &Moderator,
    ) -> Result<Answer<ProposalView>, Problem> {
        match self.0.store.decide(id, status, &who.actor()).await {
            Ok(()) => {}
            // Somebody was faster; if with the same answer, that is fine.
            Err(StoreError::Conflict { .. }) => {
                self.undecided(id, status).await?;
            }
            Err(error) => return Err(error.into()),
        }
        Answer::json(&self.find(id).await?.into())
    }
}

impl From<Proposal> for ProposalView {
    fn from(proposal: Proposal) -> Self {
        let (decided_at, decided_by) = proposal.decided.unzip();
        Self {
            id: proposal.id,
            status: proposal.status.into(),
            proposed_at: proposal.proposed_at,
            subject: Loose::of(&proposal.subject),
            decided_at,
            decided_by,
        }
    }
}
