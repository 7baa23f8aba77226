//! What if.

use std::sync::Arc;

use poem_openapi::OpenApi;
use schemars::JsonSchema;
use serde::Deserialize;
use traffix_core::forecast::scenario::{Comparison, Scenario, check, compare, limits};
use traffix_core::forecast::{ForecastInput, Options, RuInput};
use traffix_core::network::Network;

use super::Chapter;
use super::forecasts::not_made;
use super::references::{IdOr, network, ru};
use crate::AppState;
use crate::auth::Caller;
use crate::http::{Answer, Body, Problem};

pub(crate) struct ScenarioApi(pub(crate) Arc<AppState>);

/// A forecast to make, and what to change about it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScenarioRequest {
    /// The release or update: the id of one in the catalogue, or a description.
    ru: IdOr<RuInput>,
    /// The network: the id of one of yours or of an example, or a description.
    network: IdOr<Network>,
    /// Grid and draws.
    #[serde(default)]
    options: Options,
    /// What if. Each changes the question above, not the scenario before it.
    #[schemars(length(min = 1, max = limits::SCENARIOS))]
    scenarios: Vec<Scenario>,
}

#[OpenApi(tag = "Chapter::Compute")]
impl ScenarioApi {
    /// Forecasts what one release or update does to one network, and what would if something were different.
    ///
    /// All forecasts are made in the same worlds, so that differences are exact: they are taken draw by draw, and an empty
    /// scenario differs by nothing. All of them together may be as much work as one forecast and count alike, as several
    /// requests.
    #[oai(path = "/scenarios", method = "post", operation_id = "compareScenarios")]
    async fn compare(
        &self,
        who: Caller,
        question: Body<ScenarioRequest>,
    ) -> Result<Answer<Comparison>, Problem> {
        let ScenarioRequest { ru: wanted, network: on, options, scenarios } = question.0;
        let state = &self.0;
        let network = network(state, who.0.as_ref(), on).await?;
        let ru = ru(state, wanted, &network).await?;
        let input = ForecastInput { ru, network, options };
        let mut found = input.validate();
        found.extend(check(&scenarios));
        if !found.is_empty() {
            return Err(Problem::findings(found));
        }
        let compute = move || compare(&input, &scenarios, None);
        let made = state.compute.run(&state.metrics, compute).await?.map_err(not_made)?;
        Answer::json(&made)
    }
}
