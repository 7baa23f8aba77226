//! Saved network profiles, private to the key that saved them.
#![expect(clippy::unused_async, reason = "the framework wants asynchronous handlers")]

use std::str::FromStr;
use std::sync::Arc;

use poem::Request;
use poem_openapi::OpenApi;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use traffix_core::Invalid;
use traffix_core::catalogue::{ParseSlugError, RuId};
use traffix_core::network::Network;
use traffix_store::{Expect, Networks, StoreError, Written};

use super::Chapter;
use super::lists::{PageParams, page};
use super::references::example;
use crate::AppState;
use crate::auth::Keyed;
use crate::bundled::bundled;
use crate::http::{
    Answer, Body, Created, Deleted, Kind, Path, PathParam, Problem, Query, Saved, expectation, strong_etag,
};

pub(crate) struct NetworkApi(pub(crate) Arc<AppState>);

/// Identifies a saved network: lower-case letters, digits and single hyphens.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(inline, extend("pattern" = "^[a-z0-9]+(-[a-z0-9]+)*$", "minLength" = 1, "maxLength" = 100))]
pub(crate) struct NetworkId(String);

impl TryFrom<String> for NetworkId {
    type Error = ParseSlugError;

    fn try_from(text: String) -> Result<Self, ParseSlugError> {
        text.parse()
    }
}

impl From<NetworkId> for String {
    fn from(id: NetworkId) -> Self {
        id.0
    }
}

impl FromStr for NetworkId {
    type Err = ParseSlugError;

    fn from_str(text: &str) -> Result<Self, ParseSlugError> {
        RuId::new(text).map(|slug| Self(slug.to_string()))
    }
}

impl PathParam for NetworkId {
    const NAME: &'static str = "id";
}

/// A page of saved networks.
#[derive(Serialize, JsonSchema)]
pub(crate) struct NetworkPage {
    items: Vec<Network>,
    /// The next page, if there is one.
    #[schemars(default)]
    next: Option<String>,
}

/// The example networks.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ExampleNetworkPage {
    items: Vec<Network>,
}

#[OpenApi(tag = "Chapter::Networks")]
impl NetworkApi {
    /// Example networks that everybody may use in forecasts and outlooks.
    #[oai(path = "/example-networks", method = "get", operation_id = "listExampleNetworks")]
    async fn examples(&self) -> Result<Answer<ExampleNetworkPage>, Problem> {
        let items = bundled().map(|bundled| bundled.networks.clone()).unwrap_or_default();
        Ok(Answer::json(&ExampleNetworkPage { items })?.public())
    }

    /// Your networks, by id.
    #[oai(path = "/networks", method = "get", operation_id = "listNetworks")]
    async fn list(
        &self,
        who: Keyed,
        request: &Request,
        params: Query<PageParams>,
    ) -> Result<Answer<NetworkPage>, Problem> {
        let found = self.0.store.networks(&who.0.id, &params.0.request()).await?;
        let items: Vec<Value> = found.items.into_iter().map(|saved| saved.profile).collect();
        page(&items, request.original_uri(), found.next.as_deref())
    }

    /// One of your networks.
    #[oai(path = "/networks/:id", method = "get", operation_id = "getNetwork")]
    async fn get(&self, who: Keyed, Path(id): Path<NetworkId>) -> Result<Answer<Network>, Problem> {
        let found = Networks::network(self.0.store.as_ref(), &who.0.id, &id.0).await?;
        let found = found.ok_or_else(|| Problem::missing("id", "network", &id.0))?;
        let answer = Answer::prepared("application/json", found.profile.to_string());
        Ok(answer.tag(strong_etag(found.revision)).modified(found.updated_at))
    }

    /// Saves a new network under its id.
    #[oai(path = "/networks", method = "post", operation_id = "createNetwork")]
    async fn create(&self, who: Keyed, network: Body<Network>) -> Result<Created<Network>, Problem> {
        let network = network.0;
        let id: NetworkId =
            network.id.parse().map_err(|error: ParseSlugError| Problem::at("/id", error.to_string()))?;
        let Ok((written, answer)) = self.save(&who, &id, &network, Expect::Absent).await? else {
            let detail = format!("network {:?} exists already; PUT edits it", id.0);
            return Err(Problem::at("/id", detail).into_kind(Kind::Conflict));
        };
        debug_assert!(matches!(written, Written::Created(_)), "expected to be absent");
        Ok(answer.created(&format!("{}/networks/{}", super::PREFIX, id.0)))
    }

    /// Saves or replaces a network.
    #[oai(path = "/networks/:id", method = "put", operation_id = "putNetwork")]
    async fn put(
        &self,
        who: Keyed,
        request: &Request,
        Path(id): Path<NetworkId>,
        network: Body<Network>,
    ) -> Result<Saved<Network>, Problem> {
        let network = network.0;
        if network.id != id.0 {
            return Err(Problem::at("/id", format!("must be {:?}, as in the path", id.0)));
        }
        let expect = expectation(request.headers())?;
        let (written, answer) = self.save(&who, &id, &network, expect).await??;
        Ok(answer.saved(matches!(written, Written::Created(_))))
    }

    /// Removes a network.
    #[oai(path = "/networks/:id", method = "delete", operation_id = "deleteNetwork")]
    async fn delete(
        &self,
        who: Keyed,
        request: &Request,
        Path(id): Path<NetworkId>,
    ) -> Result<Deleted, Problem> {
        let expect = expectation(request.headers())?;
        let removed = self.0.store.delete_network(&who.0.id, &id.0, expect).await;
        removed.map_err(|error| match error {
            StoreError::NotFound { .. } => Problem::missing("id", "network", &id.0),
            error => error.into(),
        })?;
        Ok(Deleted)
    }
}

impl NetworkApi {
    /// Checks and saves. A conflict is the caller's to tell.
    async fn save(
        &self,
        who: &Keyed,
        id: &NetworkId,
        network: &Network,
        expect: Expect,
    ) -> Result<Result<(Written, Answer<Network>), StoreError>, Problem> {
        let mut found = network.validate();
        if example(&id.0).is_some() {
            found.push(Invalid::new("/id", "is the id of an example network; choose another"));
        }
        if !found.is_empty() {
            return Err(Problem::findings(found));
        }
        let profile = serde_json::to_value(network).map_err(|error| {
            tracing::error!(%error, "a network cannot be written");
            Problem::new(Kind::Internal, "the network cannot be written as JSON")
        })?;
        let written = match self.0.store.put_network(&who.0.id, &id.0, &profile, expect).await {
            Err(conflict @ StoreError::Conflict { .. }) => return Ok(Err(conflict)),
            other => other?,
        };
        let (Written::Unchanged(revision) | Written::Created(revision) | Written::Updated(revision)) =
            written;
        let answer = Answer::prepared("application/json", profile.to_string());
        Ok(Ok((written, answer.tag(strong_etag(revision)))))
    }
}

/// The network that a saved id names, for computations.
pub(super) async fn saved(state: &AppState, owner: &str, id: &str) -> Result<Option<Network>, Problem> {
    let found = Networks::network(state.store.as_ref(), owner, id).await?;
    let Some(found) = found else { return Ok(None) };
    serde_json::from_value(found.profile).map(Some).map_err(|error| {
        tracing::error!(%error, network = id, "a saved network cannot be read");
        Problem::new(Kind::Internal, "the saved network cannot be read; save it again")
    })
}
