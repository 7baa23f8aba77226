//! Forecasts.

use std::str::FromStr;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use poem::Request;
use poem::http::header;
use poem_openapi::OpenApi;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use traffix_core::forecast::{Forecast, ForecastError, ForecastInput, Options, RuInput, forecast_with};
use traffix_core::learning::Learned;
use traffix_core::network::Network;
use traffix_store::{Forecasts, SavedForecast};
use uuid::Uuid;

use super::Chapter;
use super::lists::{Cursor, Limit, page, page_request};
use super::references::{IdOr, network, ru};
use super::scores::{learned, yes};
use super::views::Loose;
use crate::AppState;
use crate::auth::{Caller, Keyed};
use crate::http::{Answer, Body, Kind, Path, PathParam, Problem, Query, Saved};

pub(crate) struct ForecastApi(pub(crate) Arc<AppState>);

/// What to forecast: one release or update on one network.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ForecastRequest {
    /// The release or update: the id of one in the catalogue, or a description.
    ru: IdOr<RuInput>,
    /// The network: the id of one of yours or of an example, or a description.
    network: IdOr<Network>,
    /// Grid and draws.
    #[serde(default)]
    options: Options,
    /// Keep it, to be scored when the event is over. Needs a key.
    #[serde(default)]
    save: bool,
    /// Correct it by what measured events taught about the network, if that is one of yours. `corrections` of the answer
    /// says how.
    #[serde(default = "yes")]
    learn: bool,
}

/// Which kept forecasts.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ForecastListParams {
    /// About this release or update.
    ru: traffix_core::catalogue::RuId,
    /// Most items wanted, 1 to 500; 100 if absent.
    limit: Option<Limit>,
    /// Where to go on: a cursor from `next` of the page before.
    after: Option<Cursor>,
}

/// A kept forecast, without its curves.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ForecastSummary {
    /// Identifier.
    #[schemars(with = "String")]
    id: Uuid,
    /// The release or update.
    ru: String,
    /// The network.
    network: String,
    /// When it was made.
    made_at: DateTime<Utc>,
    /// Version of model and priors.
    model_version: String,
}

/// A kept forecast with everything needed to repeat and score it.
#[derive(Serialize, JsonSchema)]
pub(crate) struct KeptForecast {
    #[serde(flatten)]
    summary: ForecastSummary,
    /// What was asked.
    input: Loose,
    /// What was answered.
    #[schemars(with = "Forecast")]
    output: Loose,
}

/// A page of kept forecasts.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ForecastPage {
    items: Vec<ForecastSummary>,
    /// The next page, if there is one.
    #[schemars(default)]
    next: Option<String>,
}

/// Identifies a kept forecast.
#[derive(JsonSchema)]
#[schemars(inline)]
pub(crate) struct ForecastId(#[schemars(with = "String", extend("format" = "uuid"))] Uuid);

impl FromStr for ForecastId {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::try_parse(text).map(Self).map_err(|_| "must be a UUID")
    }
}

impl PathParam for ForecastId {
    const NAME: &'static str = "id";
}

#[OpenApi(tag = "Chapter::Compute")]
impl ForecastApi {
    /// Forecasts what one release or update does to one network.
    ///
    /// Deterministic: the same question gets the same answer. Counts as several requests.
    #[oai(path = "/forecasts", method = "post", operation_id = "forecast")]
    async fn forecast(
        &self,
        who: Caller,
        question: Body<ForecastRequest>,
    ) -> Result<Saved<Forecast>, Problem> {
        let question = question.0;
        if question.save && who.0.is_none() {
            return Err(Problem::header(Kind::Unauthenticated, "Authorization", "`save` needs a key"));
        }
        let state = &self.0;
        let named = if question.learn { question.network.id().map(str::to_owned) } else { None };
        let network = network(state, who.0.as_ref(), question.network).await?;
        let learned = learned(state, who.0.as_ref(), named.as_deref()).await?;
        let ru = ru(state, question.ru, &network).await?;
        let input = ForecastInput { ru, network, options: question.options };
        let (input, made) = self.compute(input, learned).await?;
        let answer = Answer::json(&made)?;
        match who.0.filter(|_| question.save) {
            None => Ok(answer.saved(false)),
            Some(owner) => {
                let id = self.keep(&owner.id, &input, &made).await?;
                let location = format!("{}/forecasts/{id}", super::PREFIX);
                Ok(answer.header(header::LOCATION, &location).saved(true))
            }
        }
    }

    /// Your kept forecasts about one release or update, newest first.
    #[oai(path = "/forecasts", method = "get", operation_id = "listForecasts")]
    async fn list(
        &self,
        who: Keyed,
        request: &Request,
        params: Query<ForecastListParams>,
    ) -> Result<Answer<ForecastPage>, Problem> {
        let wanted = page_request(params.0.limit, params.0.after);
        let found = self.0.store.forecasts(&who.0.id, &params.0.ru, &wanted).await?;
        let items: Vec<_> = found.items.iter().map(summary).collect();
        page(&items, request.original_uri(), found.next.as_deref())
    }

    /// One of your kept forecasts.
    #[oai(path = "/forecasts/:id", method = "get", operation_id = "getForecast")]
    async fn get(&self, who: Keyed, Path(id): Path<ForecastId>) -> Result<Answer<KeptForecast>, Problem> {
        let found = Forecasts::forecast(self.0.store.as_ref(), &who.0.id, id.0).await?;
        let found = found.ok_or_else(|| Problem::missing("id", "forecast", &id.0.to_string()))?;
        let (input, output) = (Loose::of(&found.input), Loose::of(&found.output));
        Answer::json(&KeptForecast { summary: summary(&found), input, output })
    }
}

impl ForecastApi {
    async fn compute(
        &self,
        input: ForecastInput,
        learned: Option<Learned>,
    ) -> Result<(ForecastInput, Forecast), Problem> {
        let found = input.validate();
        if !found.is_empty() {
            return Err(Problem::findings(found));
        }
        let compute = move || {
            let corrections = learned.map(|learned| learned.corrections(&input));
            forecast_with(&input, corrections.as_ref()).map(|made| (input, made))
        };
        self.0.compute.run(&self.0.metrics, compute).await?.map_err(not_made)
    }

    async fn keep(&self, owner: &str, input: &ForecastInput, made: &Forecast) -> Result<Uuid, Problem> {
        let unwritable = |error: serde_json::Error| {
            tracing::error!(%error, "a forecast cannot be written");
            Problem::new(Kind::Internal, "the forecast cannot be written as JSON")
        };
        // Only what the catalogue can name can be found again.
        let ru = input.ru.id.parse().map_err(|error: traffix_core::catalogue::ParseSlugError| {
            Problem::at("/ru/id", format!("cannot be kept: {error}"))
        })?;
        let kept = SavedForecast {
            id: Uuid::now_v7(),
            ru,
            network: input.network.id.clone(),
            made_at: self.0.clock.now(),
            model_version: made.model_version.clone(),
            input: serde_json::to_value(input).map_err(unwritable)?,
            output: serde_json::to_value(made).map_err(unwritable)?,
            frozen: None,
        };
        self.0.store.save_forecast(owner, &kept).await?;
        Ok(kept.id)
    }
}

/// Why there is no forecast.
pub(super) fn not_made(error: ForecastError) -> Problem {
    match error {
        ForecastError::Invalid(found) => Problem::findings(found),
        error => {
            tracing::error!(%error, "a forecast failed");
            Problem::new(Kind::Internal, "the forecast failed")
        }
    }
}

fn summary(kept: &SavedForecast) -> ForecastSummary {
    ForecastSummary {
        id: kept.id,
        ru: kept.ru.to_string(),
        network: kept.network.clone(),
        made_at: kept.made_at,
        model_version: kept.model_version.clone(),
    }
}
