//! Parameters of path and query.

use std::fmt::Display;
use std::str::FromStr;

use poem::{Request, RequestBody};
use poem_openapi::registry::{MetaParamIn, MetaSchemaRef, Registry};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use traffix_core::catalogue::{CompanyId, PlatformId, RuId};

use super::problem::Problem;
use crate::api::schema;

/// A parameter of the path. (The framework recognises the name of this type.)
pub(crate) struct Path<T>(pub(crate) T);

/// What may stand in a path.
pub(crate) trait PathParam: FromStr<Err: Display> + JsonSchema + Send {
    /// Its name in the documentation and in problems.
    const NAME: &'static str;
}

impl PathParam for RuId {
    const NAME: &'static str = "id";
}

impl PathParam for CompanyId {
    const NAME: &'static str = "id";
}

impl PathParam for PlatformId {
    const NAME: &'static str = "platform";
}

impl<'a, T: PathParam> ApiExtractor<'a> for Path<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::Parameter];
    const PARAM_IS_REQUIRED: bool = true;
    type ParamType = String;
    type ParamRawType = String;

    fn register(registry: &mut Registry) {
        schema::reference::<T>(registry);
    }

    fn param_in() -> Option<MetaParamIn> {
        Some(MetaParamIn::Path)
    }

    fn param_schema_ref() -> Option<MetaSchemaRef> {
        Some(schema::schema_ref::<T>())
    }

    async fn from_request(
        request: &'a Request,
        _: &mut RequestBody,
        options: ExtractParamOptions<String>,
    ) -> poem::Result<Self> {
        let text = request.raw_path_param(options.name).unwrap_or_default();
        let value = text.parse().map_err(|error: T::Err| Problem::parameter(T::NAME, error.to_string()))?;
        Ok(Self(value))
    }
}

/// The parameters of the query as a struct: its fields are the parameters, its documentation is theirs.
pub(crate) struct Query<T>(pub(crate) T);

impl<'a, T: DeserializeOwned + JsonSchema + Send> ApiExtractor<'a> for Query<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::Parameter];
    type ParamType = String;
    type ParamRawType = String;

    fn register(registry: &mut Registry) {
        schema::reference::<T>(registry);
    }

    fn param_in() -> Option<MetaParamIn> {
        Some(MetaParamIn::Query)
    }

    fn param_schema_ref() -> Option<MetaSchemaRef> {
        Some(schema::schema_ref::<T>())
    }

    async fn from_request(
        request: &'a Request,
        _: &mut RequestBody,
        _: ExtractParamOptions<String>,
    ) -> poem::Result<Self> {
        Ok(Self(parse(request.uri().query().unwrap_or_default())?))
    }
}

/// Reads a query string; mistakes are named by parameter.
pub(crate) fn parse<T: DeserializeOwned>(query: &str) -> Result<T, Problem> {
    check_text(query)?;
    let reader = serde_urlencoded::Deserializer::new(form_urlencoded::parse(query.as_bytes()));
    serde_path_to_error::deserialize(reader).map_err(|error| {
        let path = error.path().to_string();
        let text = error.into_inner().to_string();
        // A repeated parameter is noticed at the level of the whole query.
        let name = if path == "." { quoted(&text).unwrap_or("query").to_owned() } else { path };
        Problem::parameter(name, text)
    })
}

fn quoted(text: &str) -> Option<&str> {
    text.split('`').nth(1)
}

/// Percent-encoding must be complete and decode to UTF-8 without control characters.
fn check_text(query: &str) -> Result<(), Problem> {
    for pair in query.split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        for part in [name, value] {
            let decoded: Vec<u8> = percent_encoding::percent_decode_str(part).collect();
            let readable = String::from_utf8(decoded).ok().filter(|text| !text.contains(char::is_control));
            if readable.is_none() {
                let name: String = name.chars().take(100).collect();
                return Err(Problem::parameter(
                    name,
                    "must be percent-encoded UTF-8 without control characters",
                ));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        #[expect(dead_code, reason = "only reading matters")]
        limit: Option<u32>,
    }

    #[test]
    fn mistakes_are_named_by_parameter() {
        for (query, name) in [
            ("limit=x", "limit"),
            ("limit=-1", "limit"),
            ("limit=1&limit=2", "limit"),
            ("limit=%ff", "limit"),
            ("limit=%00", "limit"),
            ("other=1", "other"),
        ] {
            let problem = parse::<Sample>(query).unwrap_err();
            assert_eq!(problem.errors[0].parameter.as_deref(), Some(name), "{query}: {}", problem.detail);
        }
        assert!(parse::<Sample>("limit=5").is_ok());
        assert!(parse::<Sample>("").is_ok());
    }
}
