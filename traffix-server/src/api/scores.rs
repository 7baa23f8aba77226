//! How good frozen forecasts were, and what measured events taught.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use poem::Request;
use poem_openapi::OpenApi;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use traffix_core::catalogue::RuId;
use traffix_core::forecast::AppliedCorrection;
use traffix_core::learning::Learned;
use traffix_core::score::proof::{ForecastScore, Proof};
use traffix_store::{FrozenQuery, Lead};
use uuid::Uuid;

use super::Chapter;
use super::lists::{Cursor, Limit, linked, next_page, page_request};
use super::networks::{self, NetworkId};
use super::references::example;
use crate::AppState;
use crate::auth::{Keyed, Principal};
use crate::http::{Answer, Kind, Path, Problem, Query};
use crate::proving::{self, MeasuredWindow};
use crate::report::scores::{Row, proofs};

pub(crate) struct ScoreApi(pub(crate) Arc<AppState>);

/// Which frozen forecasts.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScoreParams {
    /// For this network of yours.
    network: Option<NetworkId>,
    /// About this release or update.
    ru: Option<RuId>,
    /// Frozen so long before: `t-14d`, `t-7d`, `t-3d`, `t-1d` or `release`.
    #[schemars(with = "Option<String>", extend("pattern" = "^(t-14d|t-7d|t-3d|t-1d|release)$"))]
    lead: Option<Lead>,
    /// Most items wanted, 1 to 500; 100 if absent.
    limit: Option<Limit>,
    /// Where to go on: a cursor from `next` of the page before.
    after: Option<Cursor>,
}

/// A frozen forecast and what became of it.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ScoreItem {
    /// Identifier of the kept forecast.
    #[schemars(with = "String")]
    id: Uuid,
    /// The network.
    network: String,
    /// The release or update.
    ru: String,
    /// The UTC day of the release.
    release_day: NaiveDate,
    /// How long before the release it was due.
    #[schemars(with = "String")]
    lead: Lead,
    /// When it was due.
    due_at: DateTime<Utc>,
    /// When it was made.
    made_at: DateTime<Utc>,
    /// True if it was made after the release: it is never scored.
    late: bool,
    /// Version of model and priors.
    model_version: String,
    /// `awaited`, `pending`, `refused`, `scored` or `learned`.
    state: String,
    /// What was found of the event, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// What was measured of the event.
    #[serde(skip_serializing_if = "Option::is_none")]
    measured: Option<MeasuredWindow>,
    /// How good the forecast was.
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<ForecastScore>,
}

/// A page of frozen forecasts, and all of them together by lead.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ScorePage {
    items: Vec<ScoreItem>,
    /// All scores that fit the filter, by lead.
    summary: BTreeMap<String, Proof>,
    /// The next page, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// What measured events taught about a network, in words.
#[derive(Serialize, JsonSchema)]
pub(crate) struct LearnedAnswer {
    /// The network.
    network: String,
    /// When something was learned last.
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_at: Option<DateTime<Utc>>,
    /// The effects, each as it bears on a forecast in full.
    effects: Vec<AppliedCorrection>,
}

#[OpenApi(tag = "Chapter::Compute")]
impl ScoreApi {
    /// Forecasts frozen before releases on your networks, and how good they were; what was due last comes first.
    ///
    /// For every saved network, forecasts are frozen 14, 7, 3 and 1 days before a release and at the release, and scored
    /// when the event was measured.
    #[oai(path = "/scores", method = "get", operation_id = "listScores")]
    async fn list(
        &self,
        who: Keyed,
        request: &Request,
        params: Query<ScoreParams>,
    ) -> Result<Answer<ScorePage>, Problem> {
        let ScoreParams { network, ru, lead, limit, after } = params.0;
        let network = network.map(String::from);
        let query = FrozenQuery { owner: Some(who.0.id.to_string()), network, ru, lead, release_day: None };
        let found = self.0.store.frozen(&query, &page_request(limit, after)).await?;
        let summary = proofs(self.0.store.as_ref(), &query).await.map_err(unreadable)?;
        let next = found.next.map(|cursor| next_page(request.original_uri(), &cursor));
        let items =
            found.items.into_iter().map(Row::of).collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
        let items = items.into_iter().map(item).collect();
        let page = ScorePage { items, summary, next };
        let answer = Answer::json(&page)?;
        Ok(linked(answer, page.next.as_deref()))
    }

    /// What measured events taught about one of your networks.
    #[oai(path = "/networks/:id/learned", method = "get", operation_id = "getLearned")]
    async fn learned(&self, who: Keyed, Path(id): Path<NetworkId>) -> Result<Answer<LearnedAnswer>, Problem> {
        let network = String::from(id);
        if networks::saved(&self.0, &who.0.id, &network).await?.is_none() {
            return Err(Problem::missing("id", "network", &network));
        }
        let store = self.0.store.as_ref();
        let saved = store.learned(&who.0.id, &network).await?;
        let known = proving::learned(store, &who.0.id, &network).await.map_err(unreadable)?;
        let effects = known.map(|(learned, _)| learned.told()).unwrap_or_default();
        Answer::json(&LearnedAnswer { network, updated_at: saved.map(|saved| saved.updated_at), effects })
    }
}

fn item(row: Row) -> ScoreItem {
    let Row { frozen, state, note, score } = row;
    let (detail, measured) = note.map_or((None, None), |note| (Some(note.detail), note.measured));
    ScoreItem {
        id: frozen.id,
        network: frozen.event.network,
        ru: frozen.event.ru.to_string(),
        release_day: frozen.event.release_day,
        lead: frozen.freeze.lead,
        due_at: frozen.freeze.due_at,
        made_at: frozen.made_at,
        late: frozen.freeze.late,
        model_version: frozen.model_version,
        state: state.to_owned(),
        detail,
        measured,
        score: score.map(|kept| kept.score),
    }
}

/// What was learned about a network that somebody names, if it is their own.
pub(super) async fn learned(
    state: &AppState,
    who: Option<&Principal>,
    network: Option<&str>,
) -> Result<Option<Learned>, Problem> {
    let (Some(who), Some(id)) = (who, network.filter(|id| example(id).is_none())) else { return Ok(None) };
    let found = proving::learned(state.store.as_ref(), &who.id, id).await.map_err(unreadable)?;
    Ok(found.map(|(learned, _)| learned))
}

/// Learning is what happens unless somebody turns it off.
pub(super) const fn yes() -> bool {
    true
}

fn unreadable(error: proving::ProvingError) -> Problem {
    match error {
        proving::ProvingError::Store(error) => error.into(),
        error => {
            tracing::error!(%error, "scores cannot be read");
            Problem::new(Kind::Internal, "scores or what was learned cannot be read")
        }
    }
}
