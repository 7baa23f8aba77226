//! How some traffic is described in a question.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde::{Deserialize, Serialize};

use crate::http::PathParam;

/// An IPv4 or IPv6 address.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Address(pub(crate) IpAddr);

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

    fn schema_name() -> Cow<'static, str> {
        "Address".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"anyOf": [{"type": "string", "format": "ipv4"}, {"type": "string", "format": "ipv6"}]})
    }
}

impl PathParam for Address {
    const NAME: &'static str = "ip";
}

/// A host name as it was asked for. What DNS would not allow is allowed here and matches nothing.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct HostName(String);

/// Longest host name, with a final dot.
const MAX_HOST_BYTES: usize = 254;

impl HostName {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for HostName {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        let plain = name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/' && byte != b':');
        if plain && (1..=MAX_HOST_BYTES).contains(&name.len()) {
            return Ok(Self(name));
        }
        Err("must be a host name such as cache1-fra1.steamcontent.com, without scheme, port or path")
    }
}

impl JsonSchema for HostName {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "HostName".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string", "pattern": "^[!-.0-9;-~]+$", "minLength": 1, "maxLength": MAX_HOST_BYTES,
            "examples": ["cache1-fra1.steamcontent.com"],
        })
    }
}

/// Some traffic; an address or a host name must be given.
#[derive(Debug, Clone)]
pub(crate) struct Traffic {
    pub(crate) ip: Option<Address>,
    pub(crate) host: Option<HostName>,
    pub(crate) port: Option<u16>,
    pub(crate) at: Option<DateTime<Utc>>,
}

/// What is known of some traffic. The address or the host name must be given.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "TrafficHints")]
pub(crate) struct Hinted {
    /// The server's address.
    #[schemars(with = "Option<Address>")]
    ip: Option<String>,
    /// The host name that was asked for: of HTTP, of the TLS handshake (SNI), or of DNS.
    #[schemars(with = "Option<HostName>")]
    host: Option<String>,
    /// The server's port.
    port: Option<u16>,
    /// When; now if absent.
    at: Option<DateTime<Utc>>,
}

/// An address, or more of what is known of some traffic, as it came.
#[derive(Debug)]
pub(crate) struct Question {
    hinted: Hinted,
    plain: bool,
}

impl Question {
    /// What is asked, or which member is wrong and why.
    pub(crate) fn read(self) -> Result<Traffic, (&'static str, &'static str)> {
        let Hinted { ip, host, port, at } = self.hinted;
        let ip = ip.map(|ip| ip.parse()).transpose();
        let ip = ip.map_err(|detail| (if self.plain { "" } else { "/ip" }, detail))?;
        let host = host.map(HostName::try_from).transpose().map_err(|detail| ("/host", detail))?;
        if ip.is_none() && host.is_none() {
            return Err(("", "needs an ip or a host"));
        }
        Ok(Traffic { ip, host, port, at })
    }
}

impl<'de> Deserialize<'de> for Question {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = Question;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an address (string) or an object with ip, host, port or at")
            }

            fn visit_str<E: Error>(self, ip: &str) -> Result<Question, E> {
                Ok(Question { hinted: Hinted { ip: Some(ip.to_owned()), ..Hinted::default() }, plain: true })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Question, A::Error> {
                let hinted = Hinted::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Question { hinted, plain: false })
            }
        }

        deserializer.deserialize_any(Either)
    }
}

impl JsonSchema for Question {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Question".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let (address, hinted) = (generator.subschema_for::<Address>(), generator.subschema_for::<Hinted>());
        json_schema!({"oneOf": [address, hinted]})
    }
}
