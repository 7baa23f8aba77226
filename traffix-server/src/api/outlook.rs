//! The coming days on one network.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use poem_openapi::OpenApi;
use schemars::JsonSchema;
use serde::Deserialize;
use traffix_core::learning::Learned;
use traffix_core::network::Network;
use traffix_core::outlook::{Outlook, OutlookError, outlook_with};

use super::Chapter;
use super::networks::NetworkId;
use super::references::{IdOr, example, network};
use super::scores::{learned, yes};
use crate::auth::Caller;
use crate::http::{Answer, Kind, Problem, Query};
use crate::{AppState, planning};

pub(crate) struct OutlookApi(pub(crate) Arc<AppState>);

/// For how long an outlook from "now" holds.
const HOLDS: Duration = Duration::from_mins(1);

/// Which network and which days.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OutlookParams {
    /// Id of an example network or, with a key, of one of yours.
    network: NetworkId,
    /// How many days, 1 to 180; 14 if absent.
    days: Option<Days>,
    /// From when; now if absent.
    at: Option<DateTime<Utc>>,
    /// Whether to correct it by what measured events taught about the network, if that is one of yours; true if absent.
    #[serde(default = "yes")]
    learn: bool,
}

/// A number of days.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(try_from = "u32")]
#[schemars(inline, extend("minimum" = 1, "maximum" = 180))]
pub(crate) struct Days(u32);

impl TryFrom<u32> for Days {
    type Error = &'static str;

    fn try_from(days: u32) -> Result<Self, Self::Error> {
        if (1..=180).contains(&days) { Ok(Self(days)) } else { Err("must be 1 to 180") }
    }
}

#[OpenApi(tag = "Chapter::Compute")]
impl OutlookApi {
    /// What everything in the catalogue does to one network in the coming days.
    ///
    /// The fan of the extra traffic, the links with the chance of passing 70, 90, 95 and 100 % of their capacity,
    /// and which releases clash. Counts as several requests.
    #[oai(path = "/outlook", method = "get", operation_id = "getOutlook")]
    async fn get(&self, who: Caller, params: Query<OutlookParams>) -> Result<Answer<Outlook>, Problem> {
        let OutlookParams { network: id, days, at, learn } = params.0;
        let id = String::from(id);
        let is_example = example(&id).is_some();
        let learned = learned(&self.0, who.0.as_ref(), Some(id.as_str()).filter(|_| learn)).await?;
        let network = network(&self.0, who.0.as_ref(), IdOr::Id(id))
            .await
            .map_err(|problem| problem.about_parameter("network"))?;
        let from = at.unwrap_or_else(|| self.0.clock.now());
        let answer = self.compute((network, learned), from, days.map_or(14, |days| days.0)).await?;
        Ok(match (is_example, at) {
            (false, _) => answer,
            (true, Some(_)) => answer.public(),
            (true, None) => answer.public_for(HOLDS),
        })
    }
}

impl OutlookApi {
    async fn compute(
        &self,
        (network, learned): (Network, Option<Learned>),
        from: DateTime<Utc>,
        days: u32,
    ) -> Result<Answer<Outlook>, Problem> {
        let until = from.checked_add_signed(TimeDelta::days(days.into())).unwrap_or(from);
        let rus = planning::upcoming(self.0.store.as_ref(), from, until).await?;
        let (question, unplanned) = planning::outlook_input(&rus, &network, from, days);
        let compute = move || {
            let mut made = outlook_with(&question, learned.as_ref())?;
            made.skipped.extend(unplanned);
            Ok(Answer::json(&made))
        };
        match self.0.compute.run(&self.0.metrics, compute).await? {
            Ok(answer) => answer,
            Err(OutlookError::Invalid(found)) => {
                let about_instant = found.iter().find(|finding| finding.pointer == "/options/from");
                Err(match about_instant {
                    Some(finding) => Problem::unusable("at", finding.detail.clone()),
                    None => Problem::findings(found),
                })
            }
            Err(error) => {
                tracing::error!(%error, "an outlook failed");
                Err(Problem::new(Kind::Internal, "the outlook failed"))
            }
        }
    }
}
