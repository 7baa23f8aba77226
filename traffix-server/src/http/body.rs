//! JSON bodies, read so that every mistake is named by its JSON pointer.

use std::fmt::Write as _;

use poem::http::header;
use poem::{Request, RequestBody};
use poem_openapi::registry::{MetaMediaType, MetaRequest, Registry};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_path_to_error::{Path, Segment};

use super::problem::{Kind, Problem};
use crate::api::schema;

/// A body of type `T`, as JSON.
pub(crate) struct Body<T>(pub(crate) T);

impl<'a, T: DeserializeOwned + JsonSchema + Send> ApiExtractor<'a> for Body<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];
    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        schema::reference::<T>(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        let media = MetaMediaType { content_type: "application/json", schema: schema::schema_ref::<T>() };
        Some(MetaRequest { description: None, content: vec![media], required: true })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        check_content_type(request)?;
        let bytes = body
            .take()?
            .into_bytes()
            .await
            .map_err(|_| Problem::new(Kind::Malformed, "the body ended before all of it was read"))?;
        Ok(Self(parse(&bytes)?))
    }
}

/// Only JSON is understood.
fn check_content_type(request: &Request) -> Result<(), Problem> {
    let given = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = given.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    let is_json = essence.eq_ignore_ascii_case("application/json")
        || (essence.starts_with("application/") && essence.ends_with("+json"));
    if is_json {
        return Ok(());
    }
    let detail = format!("must be application/json, got {essence:?}");
    Err(Problem::header(Kind::UnsupportedMediaType, "Content-Type", detail))
}

/// Reads JSON; what is not JSON is malformed (400), what does not fit `T` is invalid (422) at a pointer.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let pointer = pointer(error.path());
        problem(pointer, error.inner())
    })?;
    reader.end().map_err(|error| problem(String::new(), &error))?;
    Ok(value)
}

fn problem(pointer: String, error: &serde_json::Error) -> Problem {
    let text = error.to_string();
    match error.classify() {
        serde_json::error::Category::Data => {
            let sentence = text.rsplit_once(" at line ").map_or(text.as_str(), |(sentence, _)| sentence);
            Problem::at(pointer, sentence)
        }
        _ => Problem::at(pointer, format!("not JSON: {text}")).into_kind(Kind::Malformed),
    }
}

/// A path as JSON pointer (RFC 6901).
fn pointer(path: &Path) -> String {
    let mut pointer = String::new();
    for segment in path {
        match segment {
            // Writing into a String does not fail.
            Segment::Seq { index } => drop(write!(pointer, "/{index}")),
            Segment::Map { key } | Segment::Enum { variant: key } => {
                pointer.push('/');
                pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
            }
            Segment::Unknown => {}
        }
    }
    pointer
}

#[cfg(test)]
mod tests {
    use super::*;
    use traffix_core::catalogue::Ru;

    fn outcome(text: &[u8]) -> (u16, String) {
        let problem = parse::<Ru>(text).unwrap_err();
        let pointer = problem.errors.first().and_then(|e| e.pointer.clone()).unwrap_or_default();
        (problem.status, pointer)
    }

    #[test]
    fn mistakes_are_named_by_pointer() {
        assert_eq!(outcome(b"{").0, 400);
        assert_eq!(outcome(b"").0, 400);
        assert_eq!(outcome(b"{} x").0, 422, "what comes first is reported first");
        assert_eq!(outcome(b"{\"title\": NaN}").0, 400);
        assert_eq!(outcome(b"{\"title\": \"\xff\"}"), (400, "/title".into()));
        assert_eq!(outcome(br#"{"title": 3}"#), (422, "/title".into()));
        assert_eq!(outcome(br#"{"a/b~": 3}"#), (422, "/a~1b~0".into()));
        assert_eq!(outcome(br#"{"listings": [{"platform": "No"}]}"#), (422, "/listings/0/platform".into()));
        let deep = "[".repeat(5_000);
        assert_eq!(outcome(format!("{{\"listings\": {deep}").as_bytes()).0, 422);
    }
}
