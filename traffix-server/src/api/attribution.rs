//! Whose an address is.
#![expect(clippy::unused_async, reason = "the framework wants asynchronous handlers")]

use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use poem_openapi::OpenApi;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use traffix_core::Invalid;
use traffix_core::delivery::Attribution;

use super::Chapter;
use crate::AppState;
use crate::http::{Answer, Body, Path, PathParam, Problem};

pub(crate) struct AttributionApi(pub(crate) Arc<AppState>);

/// An IPv4 or IPv6 address.
pub(crate) struct Address(IpAddr);

impl FromStr for Address {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // An IPv6 address with a zone (`fe80::1%eth0`) says nothing outside of its machine.
        text.parse().map(Self).map_err(|_| "must be an IPv4 or IPv6 address such as 155.133.226.70")
    }
}

impl JsonSchema for Address {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Address".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"anyOf": [{"type": "string", "format": "ipv4"}, {"type": "string", "format": "ipv6"}]})
    }
}

impl PathParam for Address {
    const NAME: &'static str = "ip";
}

/// Most addresses of one question.
const MAX_ADDRESSES: usize = 1000;

/// Addresses to ask about.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AttributionRequest {
    /// The addresses; answers come in their order.
    #[schemars(with = "Vec<Address>", length(max = MAX_ADDRESSES))]
    addresses: Vec<String>,
}

/// What is known about the addresses, in the order of the question.
#[derive(Serialize, JsonSchema)]
pub(crate) struct AttributionList {
    items: Vec<AddressAttribution>,
}

/// What is known about one address.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AddressAttribution")]
pub(crate) struct AddressAttribution {
    /// The address, in its canonical form.
    ip: String,
    /// Who delivers from it, and for whom.
    #[serde(flatten)]
    attribution: Attribution,
}

#[OpenApi(tag = "Chapter::Delivery")]
impl AttributionApi {
    /// Who delivers from an address, and for which platforms.
    ///
    /// The probabilities sum to 1; the entry without a platform is "none of the known ones".
    #[oai(path = "/attribution/:ip", method = "get", operation_id = "attribute")]
    async fn get(&self, Path(ip): Path<Address>) -> Result<Answer<AddressAttribution>, Problem> {
        let attribution = self.0.prefixes.load().attribute(ip.0);
        Answer::json(&AddressAttribution { ip: ip.0.to_string(), attribution })
    }

    /// Who delivers from each of up to 1,000 addresses.
    #[oai(path = "/attribution", method = "post", operation_id = "attributeMany")]
    async fn post(&self, question: Body<AttributionRequest>) -> Result<Answer<AttributionList>, Problem> {
        let addresses = question.0.addresses;
        if addresses.len() > MAX_ADDRESSES {
            let detail = format!("must have at most {MAX_ADDRESSES} entries, has {}", addresses.len());
            return Err(Problem::findings(vec![Invalid::new("/addresses", detail)]));
        }
        // One table for the whole answer, even if it is exchanged meanwhile.
        let table = self.0.prefixes.load();
        let (mut items, mut wrong) = (Vec::with_capacity(addresses.len()), Vec::new());
        for (i, text) in addresses.iter().enumerate() {
            match text.parse::<Address>() {
                Ok(Address(ip)) => {
                    items.push(AddressAttribution { ip: ip.to_string(), attribution: table.attribute(ip) });
                }
                Err(detail) => wrong.push(Invalid::new(format!("/addresses/{i}"), detail)),
            }
        }
        if wrong.is_empty() {
            Answer::json(&AttributionList { items })
        } else {
            Err(Problem::findings(wrong))
        }
    }
}
