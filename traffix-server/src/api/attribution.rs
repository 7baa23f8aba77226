//! Whose an address or a host name is.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use poem_openapi::OpenApi;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use traffix_core::Invalid;
use traffix_core::catalogue::PlatformId;
use traffix_core::delivery::{Attribution, Attributor, Hints};

use super::Chapter;
use super::traffic::{Address, HostName, Question, Traffic};
use crate::AppState;
use crate::http::{Answer, Body, Path, Problem, Query};
use crate::running::Running;

pub(crate) struct AttributionApi(pub(crate) Arc<AppState>);

/// Most questions of one request.
const MAX_QUESTIONS: usize = 1000;
/// Longest span of instants in one request: what was released in it must be read.
const MAX_SPAN: TimeDelta = TimeDelta::days(31);

/// What is known beside the address.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AttributionParams {
    /// The host name that was asked for: of HTTP, of the TLS handshake (SNI), or of DNS.
    host: Option<HostName>,
    /// The server's port.
    port: Option<u16>,
    /// When; now if absent.
    at: Option<DateTime<Utc>>,
}

/// Traffic to ask about.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AttributionRequest {
    /// Addresses, or objects with what is known of some traffic; answers come in their order. All instants must lie
    /// within 31 days.
    #[schemars(length(max = MAX_QUESTIONS))]
    addresses: Vec<Question>,
}

/// What is known about the traffic, in the order of the question.
#[derive(Serialize, JsonSchema)]
pub(crate) struct AttributionList {
    items: Vec<AddressAttribution>,
}

/// What is known about an address, a host name or both.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AddressAttribution")]
pub(crate) struct AddressAttribution {
    /// The address, in its canonical form, if one was asked about.
    #[serde(skip_serializing_if = "Option::is_none")]
    ip: Option<String>,
    /// The host name, if one was asked about.
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<HostName>,
    /// The port, if one was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<u16>,
    /// The instant, if one was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<DateTime<Utc>>,
    /// Those of the platforms below on which something of the catalogue is being released at the time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    running: Vec<PlatformId>,
    /// Who delivers, and for whom.
    #[serde(flatten)]
    attribution: Attribution,
}

#[OpenApi(tag = "Chapter::Delivery")]
impl AttributionApi {
    /// Who delivers from an address, and for which platforms.
    ///
    /// The probabilities sum to 1; the entry without a platform is "none of the known ones". They follow from whose
    /// prefix the address is in, from the host name and the port, and from what the catalogue says is being released
    /// at the time, by the bytes expected of it.
    #[oai(path = "/attribution/:ip", method = "get", operation_id = "attribute")]
    async fn get(
        &self,
        Path(ip): Path<Address>,
        params: Query<AttributionParams>,
    ) -> Result<Answer<AddressAttribution>, Problem> {
        let AttributionParams { host, port, at } = params.0;
        let traffic = Traffic { ip: Some(ip), host, port, at };
        let now = self.0.clock.now();
        let instant = at.unwrap_or(now);
        check(instant).map_err(|detail| Problem::unusable("at", detail))?;
        let running = Running::between(self.0.store.as_ref(), instant, instant).await?;
        Answer::json(&attribute(&self.0.attributor.load(), traffic, &running.at(instant)))
    }

    /// Who delivers up to 1,000 addresses or host names, and for which platforms.
    #[oai(path = "/attribution", method = "post", operation_id = "attributeMany")]
    async fn post(&self, question: Body<AttributionRequest>) -> Result<Answer<AttributionList>, Problem> {
        let now = self.0.clock.now();
        let asked = read(question.0.addresses, now)?;
        let at = |traffic: &Traffic| traffic.at.unwrap_or(now);
        let (first, last) =
            (asked.iter().map(at).min().unwrap_or(now), asked.iter().map(at).max().unwrap_or(now));
        let running = Running::between(self.0.store.as_ref(), first, last).await?;
        // One table for the whole answer, even if it is exchanged meanwhile.
        let attributor = self.0.attributor.load();
        let mut same = (now, running.at(now));
        let mut items = Vec::with_capacity(asked.len());
        for traffic in asked {
            let instant = at(&traffic);
            if instant != same.0 {
                same = (instant, running.at(instant));
            }
            items.push(attribute(&attributor, traffic, &same.1));
        }
        Answer::json(&AttributionList { items })
    }
}

fn attribute(attributor: &Attributor, traffic: Traffic, running: &[(PlatformId, f64)]) -> AddressAttribution {
    let Traffic { ip, host, port, at } = traffic;
    let hints = Hints { host: host.as_ref().map(HostName::as_str), port, at, running };
    let attribution = attributor.attribute(ip.map(|ip| ip.0), &hints);
    let candidates = attribution.platforms.iter().filter_map(|one| one.platform.as_ref());
    let running = candidates.filter(|id| running.iter().any(|(one, _)| one == *id)).cloned().collect();
    AddressAttribution { ip: ip.map(|ip| ip.0.to_string()), host, port, at, running, attribution }
}

/// All questions, or everything that is wrong with them.
fn read(questions: Vec<Question>, now: DateTime<Utc>) -> Result<Vec<Traffic>, Problem> {
    if questions.len() > MAX_QUESTIONS {
        let detail = format!("must have at most {MAX_QUESTIONS} entries, has {}", questions.len());
        return Err(Problem::findings(vec![Invalid::new("/addresses", detail)]));
    }
    let (mut asked, mut wrong) = (Vec::with_capacity(questions.len()), Vec::new());
    for (i, question) in questions.into_iter().enumerate() {
        match question.read() {
            Ok(traffic) => {
                if let Err(detail) = check(traffic.at.unwrap_or(now)) {
                    wrong.push(Invalid::new(format!("/addresses/{i}/at"), detail));
                }
                asked.push(traffic);
            }
            Err((member, detail)) => wrong.push(Invalid::new(format!("/addresses/{i}{member}"), detail)),
        }
    }
    let instants = || asked.iter().map(|traffic| traffic.at.unwrap_or(now));
    if let (Some(first), Some(last)) = (instants().min(), instants().max())
        && last.signed_duration_since(first) > MAX_SPAN
    {
        wrong.push(Invalid::new(
            "/addresses",
            "the instants must lie within 31 days; ask in several requests",
        ));
    }
    if wrong.is_empty() { Ok(asked) } else { Err(Problem::findings(wrong)) }
}

/// Whether the catalogue can be asked about an instant.
fn check(at: DateTime<Utc>) -> Result<(), &'static str> {
    let years = DateTime::UNIX_EPOCH.timestamp()..=253_402_300_799;
    if years.contains(&at.timestamp()) { Ok(()) } else { Err("must lie in the years 1970 to 9999") }
}
