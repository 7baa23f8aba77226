//! Releases and networks named by id or described in place.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use traffix_core::forecast::RuInput;
use traffix_core::network::Network;
use traffix_store::Catalogue;

use super::networks;
use crate::auth::Principal;
use crate::bundled::bundled;
use crate::http::Problem;
use crate::{AppState, planning};

/// Longest id.
const MAX_ID_BYTES: usize = 100;

/// An id, or the thing itself.
#[derive(Debug, Clone)]
pub(crate) enum IdOr<T> {
    Id(String),
    Inline(Box<T>),
}

impl<T> IdOr<T> {
    /// The id, if it is one.
    pub(super) fn id(&self) -> Option<&str> {
        match self {
            Self::Id(id) => Some(id),
            Self::Inline(_) => None,
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for IdOr<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Either<T> {
            type Value = IdOr<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an id (string) or a description (object)")
            }

            fn visit_str<E: Error>(self, id: &str) -> Result<Self::Value, E> {
                if id.is_empty() || id.len() > MAX_ID_BYTES {
                    return Err(E::custom(format!("an id has 1 to {MAX_ID_BYTES} bytes")));
                }
                Ok(IdOr::Id(id.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Box::new).map(IdOr::Inline)
            }
        }

        deserializer.deserialize_any(Either(PhantomData))
    }
}

impl<T: JsonSchema> JsonSchema for IdOr<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("IdOr{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let inline = generator.subschema_for::<T>();
        json_schema!({"oneOf": [{"type": "string", "minLength": 1, "maxLength": MAX_ID_BYTES}, inline]})
    }
}

/// An example network that everybody may use.
pub(super) fn example(id: &str) -> Option<&'static Network> {
    bundled().ok()?.networks.iter().find(|network| network.id == id)
}

/// The network that a request means. Problems point at `/network`.
pub(super) async fn network(
    state: &AppState,
    who: Option<&Principal>,
    wanted: IdOr<Network>,
) -> Result<Network, Problem> {
    let id = match wanted {
        IdOr::Inline(network) => return Ok(*network),
        IdOr::Id(id) => id,
    };
    if let Some(example) = example(&id) {
        return Ok(example.clone());
    }
    let own = match who {
        Some(who) => networks::saved(state, &who.id, &id).await?,
        None => None,
    };
    own.ok_or_else(|| {
        let hint = if who.is_some() { "" } else { "; your own networks need your key" };
        Problem::at("/network", format!("no network has the id {id:?}{hint}"))
    })
}

/// The release or update that a request means.
pub(super) async fn ru(
    state: &AppState,
    wanted: IdOr<RuInput>,
    network: &Network,
) -> Result<RuInput, Problem> {
    let id = match wanted {
        IdOr::Inline(ru) => return Ok(*ru),
        IdOr::Id(id) => id,
    };
    let missing = || Problem::at("/ru", format!("the catalogue has no release or update {id:?}"));
    let found = match id.parse() {
        Ok(id) => Catalogue::ru(state.store.as_ref(), &id, None).await?,
        Err(_) => None,
    };
    let found = found.ok_or_else(missing)?;
    planning::ru_input(&found.value, network)
        .map_err(|why| Problem::at("/ru", format!("{id:?} cannot be forecast: {why}")))
}
