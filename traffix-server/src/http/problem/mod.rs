//! Problem details (RFC 9457): the one form of every error.

mod kind;

use std::borrow::Cow;
use std::ops::{Deref, DerefMut};

use poem::http::StatusCode;
use poem_openapi::ApiResponse;
use poem_openapi::registry::{MetaMediaType, MetaResponse, MetaResponses, MetaSchemaRef, Registry};
use schemars::JsonSchema;
use serde::Serialize;
use traffix_core::Invalid;
use traffix_store::StoreError;

pub(crate) use kind::Kind;

/// A problem, as the error of every function here.
#[derive(Debug, Clone)]
pub(crate) struct Problem(Box<Details>);

impl Deref for Problem {
    type Target = Details;

    fn deref(&self) -> &Details {
        &self.0
    }
}

impl DerefMut for Problem {
    fn deref_mut(&mut self) -> &mut Details {
        &mut self.0
    }
}

/// Problem details (RFC 9457).
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "Problem")]
pub(crate) struct Details {
    /// Identifies the kind of problem; resolves to its documentation.
    #[serde(rename = "type")]
    #[schemars(with = "String", extend("format" = "uri-reference"))]
    pub(crate) type_uri: Cow<'static, str>,
    /// The kind of problem in words.
    pub(crate) title: &'static str,
    /// The HTTP status.
    #[schemars(range(min = 400, max = 599))]
    pub(crate) status: u16,
    /// What is wrong this time.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schemars(default)]
    pub(crate) detail: String,
    /// The request, as it is named in `X-Request-Id` and in the server's log.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schemars(default)]
    pub(crate) instance: String,
    /// Each thing that is wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    pub(crate) errors: Vec<Finding>,
    /// Names of the quotas that are exhausted.
    #[serde(rename = "violated-policies", skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    pub(crate) violated_policies: Vec<&'static str>,
    #[serde(skip)]
    #[schemars(skip)]
    pub(crate) retry_after_secs: Option<u64>,
    #[serde(skip)]
    #[schemars(skip)]
    pub(crate) allow: Option<String>,
}

/// One thing that is wrong: where, and what is allowed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Finding {
    /// JSON pointer (RFC 6901) into the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pointer: Option<String>,
    /// Name of the parameter of path or query.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) parameter: Option<String>,
    /// Name of the header.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) header: Option<&'static str>,
    /// What is wrong and what is allowed.
    pub(crate) detail: String,
}

impl Problem {
    pub(crate) fn new(kind: Kind, detail: impl Into<String>) -> Self {
        let type_uri = match kind {
            Kind::QuotaExceeded => "https://iana.org/assignments/http-problem-types#quota-exceeded".into(),
            kind => format!("/problems/{}", kind.slug()).into(),
        };
        Self(Box::new(Details {
            type_uri,
            title: kind.title(),
            status: kind.status().as_u16(),
            detail: detail.into(),
            instance: String::new(),
            errors: Vec::new(),
            violated_policies: Vec::new(),
            retry_after_secs: None,
            allow: None,
        }))
    }

    /// What the framework answered without a body of ours.
    pub(crate) fn of_status(status: StatusCode) -> Self {
        let kind = Kind::of_status(status);
        let mut problem = Self::new(kind, kind.advice());
        problem.status = status.as_u16();
        problem
    }

    /// A value of the body is wrong.
    pub(crate) fn at(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::findings(vec![Invalid::new(pointer, detail)])
    }

    /// Values of the body are wrong.
    pub(crate) fn findings(found: Vec<Invalid>) -> Self {
        let detail = match found.as_slice() {
            [one] => one.to_string(),
            all => format!("{} values are not valid", all.len()),
        };
        let errors = found.into_iter().map(Finding::from).collect();
        Self::new(Kind::Invalid, detail).with(errors)
    }

    /// A parameter of the path or the query is wrong.
    pub(crate) fn parameter(name: impl Into<String>, detail: impl Into<String>) -> Self {
        let (name, detail) = (name.into(), detail.into());
        let sentence = format!("{name}: {detail}");
        let finding = Finding { pointer: None, parameter: Some(name), header: None, detail };
        Self::new(Kind::InvalidParameter, sentence).with(vec![finding])
    }

    /// A parameter is well-formed, but nothing can be done with it.
    pub(crate) fn unusable(name: impl Into<String>, detail: impl Into<String>) -> Self {
        let Details { errors, detail, .. } = *Self::parameter(name, detail).0;
        Self::new(Kind::Invalid, detail).with(errors)
    }

    /// The entity that a parameter of the path names does not exist.
    pub(crate) fn missing(parameter: &'static str, entity: &str, id: &str) -> Self {
        let detail = format!("{entity} {id:?} does not exist");
        Self::parameter(parameter, detail).into_kind(Kind::NotFound)
    }

    /// A header is wrong.
    pub(crate) fn header(kind: Kind, header: &'static str, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        let sentence = format!("{header}: {detail}");
        let finding = Finding { pointer: None, parameter: None, header: Some(header), detail };
        Self::new(kind, sentence).with(vec![finding])
    }

    /// The server cannot do it now.
    pub(crate) fn unavailable(detail: impl Into<String>, retry_after_secs: u64) -> Self {
        let mut problem = Self::new(Kind::Unavailable, detail);
        problem.retry_after_secs = Some(retry_after_secs);
        problem
    }

    /// The same finding about a parameter of the query instead of a value of the body.
    pub(crate) fn about_parameter(self, name: &'static str) -> Self {
        match self.errors.first() {
            Some(finding) if finding.pointer.is_some() => Self::unusable(name, finding.detail.clone()),
            _ => self,
        }
    }

    /// The same finding as another kind of problem.
    pub(crate) fn into_kind(self, kind: Kind) -> Self {
        let detail = self.errors.first().map(|e| e.detail.clone()).unwrap_or_default();
        Self::new(kind, detail).with(self.0.errors)
    }

    fn with(mut self, errors: Vec<Finding>) -> Self {
        self.errors = errors;
        self
    }
}

impl From<Invalid> for Finding {
    fn from(found: Invalid) -> Self {
        Self { pointer: Some(found.pointer), parameter: None, header: None, detail: found.detail }
    }
}

impl From<StoreError> for Problem {
    /// The one place that says which failure of the store is which status.
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound { .. } => Self::new(Kind::NotFound, error.to_string()),
            StoreError::Conflict { .. } => Self::new(Kind::PreconditionFailed, error.to_string()),
            StoreError::InUse { .. } => Self::new(Kind::Conflict, error.to_string()),
            StoreError::Invalid(found) => Self::findings(found),
            StoreError::Cursor => Self::unusable("after", error.to_string()),
            StoreError::Unavailable(_) => {
                tracing::warn!(%error, "the store is not available");
                Self::unavailable("the database is not available", 2)
            }
            error => {
                tracing::error!(%error, "the store failed");
                Self::new(Kind::Internal, "the store failed; the log says why")
            }
        }
    }
}

impl From<Problem> for poem::Error {
    fn from(problem: Problem) -> Self {
        let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut error = Self::from_status(status);
        error.set_data(problem);
        error
    }
}

impl ApiResponse for Problem {
    fn meta() -> MetaResponses {
        let schema = MetaSchemaRef::Reference("Problem".into());
        let media = MetaMediaType { content_type: "application/problem+json", schema };
        let response = MetaResponse {
            description: "Anything that went wrong",
            status: None,
            status_range: None,
            content: vec![media],
            headers: Vec::new(),
        };
        MetaResponses { responses: vec![response] }
    }

    fn register(registry: &mut Registry) {
        crate::api::schema::reference::<Details>(registry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_variant_of_the_store_has_a_status() {
        let conflict = StoreError::Conflict { entity: "ru", id: "x".into(), actual: Some(3) };
        let corrupt = StoreError::Corrupt { entity: "ru", detail: "x".into() };
        for (error, status) in [
            (StoreError::NotFound { entity: "ru", id: "x".into() }, 404),
            (conflict, 412),
            (StoreError::InUse { entity: "ru", id: "x".into(), by: "y".into() }, 409),
            (StoreError::Invalid(vec![Invalid::new("/a", "b")]), 422),
            (StoreError::Cursor, 422),
            (StoreError::Schema("x".into()), 500),
            (StoreError::Url("x".into()), 500),
            (corrupt, 500),
        ] {
            let text = error.to_string();
            assert_eq!(Problem::from(error).status, status, "{text}");
        }
    }
}
