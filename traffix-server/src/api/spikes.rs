//! Spikes in what was measured: which, why, and what people decided.

use std::str::FromStr;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use poem::Request;
use poem_openapi::OpenApi;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use traffix_core::catalogue::RuId;
use traffix_core::explanation::Explanation;
use traffix_core::spike::Spike;
use traffix_store::{Actor, Role, Ruled, SavedSpike, SpikeQuery, SpikeScope, SpikeScopeError};
use uuid::Uuid;

use super::Chapter;
use super::lists::{Cursor, Limit, page, page_request};
use super::measurements::Name;
use crate::auth::{Keyed, Principal};
use crate::http::{Answer, Body, Kind, Path, PathParam, Problem, Query};
use crate::{AppState, spikes};

pub(crate) struct SpikeApi(pub(crate) Arc<AppState>);

/// Identifies a spike.
#[derive(Debug, Clone, Copy, JsonSchema)]
#[schemars(inline, with = "String", extend("format" = "uuid"))]
pub(crate) struct SpikeId(Uuid);

impl FromStr for SpikeId {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self).map_err(|_| "must be a UUID")
    }
}

impl PathParam for SpikeId {
    const NAME: &'static str = "id";
}

/// A part of a network's traffic: `total`, `cdn:ID`, `platform:ID` or `link:ID`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(inline, extend("pattern" = "^(total|(cdn|platform|link):.+)$", "maxLength" = 205))]
pub(crate) struct Scope(String);

impl Scope {
    fn read(&self) -> Result<SpikeScope, Problem> {
        self.0.parse().map_err(|error: SpikeScopeError| Problem::unusable("scope", error.to_string()))
    }
}

/// Which spikes.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SpikeListParams {
    /// On this network, by the id of its profile.
    network: Option<Name>,
    /// In this part of the traffic: `total`, `cdn:ID`, `platform:ID` or `link:ID`.
    scope: Option<Scope>,
    /// That ran after this instant.
    from: Option<DateTime<Utc>>,
    /// That began before this instant.
    until: Option<DateTime<Utc>>,
    /// `true` for those of which nobody has confirmed a cause, `false` for the others.
    open: Option<bool>,
    /// Most items wanted, 1 to 500; 100 if absent.
    limit: Option<Limit>,
    /// Where to go on: a cursor from `next` of the page before.
    after: Option<Cursor>,
}

/// A spike: traffic above usual for a while.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "KeptSpike")]
pub(crate) struct SpikeView {
    /// Identifies it; stays while it is updated.
    #[schemars(with = "String", extend("format" = "uuid"))]
    id: Uuid,
    /// Id of the network's profile.
    network: String,
    /// In which part of its traffic: `total`, `cdn:ID`, `platform:ID` or `link:ID`.
    scope: String,
    /// Its end, or how far it was seen to run.
    until: DateTime<Utc>,
    /// Whether it runs still.
    running: bool,
    /// What was measured.
    spike: Spike,
    /// What may have caused it: a probability for every candidate and for something unknown, which sum to 1. Absent until
    /// it is found out, and where only one CDN, platform or link is looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    explanation: Option<Explanation>,
    /// The cause that somebody confirmed.
    #[serde(skip_serializing_if = "Option::is_none")]
    confirmed: Option<RuId>,
    /// Causes that somebody ruled out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    rejected: Vec<RuId>,
    /// When something was last decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    decided_at: Option<DateTime<Utc>>,
    /// By whom.
    #[serde(skip_serializing_if = "Option::is_none")]
    decided_by: Option<String>,
    /// When it was last written.
    updated_at: DateTime<Utc>,
}

/// A page of spikes.
#[derive(Serialize, JsonSchema)]
pub(crate) struct SpikePage {
    items: Vec<SpikeView>,
    /// The next page, if there is one.
    #[schemars(default)]
    next: Option<String>,
}

/// Which release or update a decision is about.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SpikeCause {
    /// Its id in the catalogue.
    ru: RuId,
}

/// A spike after a decision.
#[derive(Serialize, JsonSchema)]
pub(crate) struct SpikeDecision {
    #[serde(flatten)]
    spike: SpikeView,
    /// Whether this decision taught the network's forecasts something. It does not if it was made before, if the event is
    /// measured by its frozen forecasts, and if the forecast and the spike have nothing in common.
    taught: bool,
}

#[OpenApi(tag = "Chapter::Measurements")]
impl SpikeApi {
    /// Spikes on your networks, the latest first; a moderator sees those of all networks.
    #[oai(path = "/spikes", method = "get", operation_id = "listSpikes")]
    async fn list(
        &self,
        who: Keyed,
        request: &Request,
        params: Query<SpikeListParams>,
    ) -> Result<Answer<SpikePage>, Problem> {
        let SpikeListParams { network, scope, from, until, open, limit, after } = params.0;
        let query = SpikeQuery {
            owner: owner(&who.0).map(str::to_owned),
            network: network.map(|name| name.0),
            scope: scope.as_ref().map(Scope::read).transpose()?,
            from,
            until,
            open,
        };
        let found = self.0.store.spikes(&query, &page_request(limit, after)).await?;
        let items = found.items.into_iter().map(SpikeView::new).collect::<Result<Vec<_>, _>>()?;
        page(&items, request.original_uri(), found.next.as_deref())
    }

    /// One spike.
    #[oai(path = "/spikes/:id", method = "get", operation_id = "getSpike")]
    async fn get(&self, who: Keyed, Path(id): Path<SpikeId>) -> Result<Answer<SpikeView>, Problem> {
        Answer::json(&SpikeView::new(self.find(&who, id).await?)?)
    }

    /// Confirms that a release or update caused the spike. Forecasts for the network learn from it, once.
    ///
    /// Confirming again what is confirmed changes nothing; another cause than the confirmed one, and one that was ruled
    /// out, is refused.
    #[oai(path = "/spikes/:id/confirm", method = "post", operation_id = "confirmSpike")]
    async fn confirm(
        &self,
        who: Keyed,
        Path(id): Path<SpikeId>,
        cause: Body<SpikeCause>,
    ) -> Result<Answer<SpikeDecision>, Problem> {
        let spike = self.find(&who, id).await?;
        let ruled = spikes::confirm(&self.0, &spike, &cause.0.ru, &actor(&who)).await?;
        self.decided(&who, id, ruled).await
    }

    /// Rules out that a release or update caused the spike, and explains it anew.
    ///
    /// Ruling out again what is ruled out changes nothing; ruling out what was confirmed is refused.
    #[oai(path = "/spikes/:id/reject", method = "post", operation_id = "rejectSpike")]
    async fn reject(
        &self,
        who: Keyed,
        Path(id): Path<SpikeId>,
        cause: Body<SpikeCause>,
    ) -> Result<Answer<SpikeDecision>, Problem> {
        let spike = self.find(&who, id).await?;
        let ruled = spikes::reject(&self.0, &spike, &cause.0.ru, &actor(&who)).await?;
        self.decided(&who, id, ruled).await
    }
}

impl SpikeApi {
    async fn find(&self, who: &Keyed, id: SpikeId) -> Result<SavedSpike, Problem> {
        let found = self.0.store.spike(owner(&who.0), id.0).await?;
        found.ok_or_else(|| Problem::missing("id", "spike", &id.0.to_string()))
    }

    async fn decided(
        &self,
        who: &Keyed,
        id: SpikeId,
        ruled: Ruled,
    ) -> Result<Answer<SpikeDecision>, Problem> {
        let spike = SpikeView::new(self.find(who, id).await?)?;
        Answer::json(&SpikeDecision { spike, taught: ruled == Ruled::Taught })
    }
}

/// Whose spikes somebody may see: their own, or everybody's.
fn owner(who: &Principal) -> Option<&str> {
    (who.role < Role::Moderator).then_some(&*who.id)
}

fn actor(who: &Keyed) -> Actor {
    Actor(format!("key:{}", who.0.name))
}

impl SpikeView {
    fn new(saved: SavedSpike) -> Result<Self, Problem> {
        let unreadable = |error: serde_json::Error| {
            tracing::error!(%error, "a spike cannot be read");
            Problem::new(Kind::Internal, "the spike cannot be read")
        };
        let found = saved.found;
        let (decided_at, decided_by) = saved.verdict.decided.unzip();
        Ok(Self {
            id: saved.id,
            network: found.network,
            scope: found.scope.to_string(),
            until: found.until,
            running: found.running,
            spike: serde_json::from_value(found.document).map_err(unreadable)?,
            explanation: saved.explanation.map(serde_json::from_value).transpose().map_err(unreadable)?,
            confirmed: saved.verdict.confirmed,
            rejected: saved.verdict.rejected.into_iter().collect(),
            decided_at,
            decided_by,
            updated_at: saved.updated_at,
        })
    }
}
