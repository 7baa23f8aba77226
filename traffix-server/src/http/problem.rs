//! Problem details (RFC 9457): the one form of every error.

use std::borrow::Cow;

use poem::http::StatusCode;
use poem_openapi::ApiResponse;
use poem_openapi::registry::{MetaMediaType, MetaResponse, MetaResponses, MetaSchemaRef, Registry};
use schemars::JsonSchema;
use serde::Serialize;
use traffix_core::Invalid;
use traffix_store::StoreError;

/// What kind of problem it is: one status and one page of documentation each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Malformed,
    InvalidParameter,
    Unauthenticated,
    Forbidden,
    NotFound,
    MethodNotAllowed,
    SlowRequest,
    Conflict,
    PreconditionFailed,
    TooLarge,
    AddressTooLong,
    UnsupportedMediaType,
    Invalid,
    IdempotencyKeyReused,
    QuotaExceeded,
    Internal,
    Unavailable,
}

impl Kind {
    /// All of them, for the documentation and its test.
    pub(crate) const ALL: [Self; 17] = [
        Self::Malformed,
        Self::InvalidParameter,
        Self::Unauthenticated,
        Self::Forbidden,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::SlowRequest,
        Self::Conflict,
        Self::PreconditionFailed,
        Self::TooLarge,
        Self::AddressTooLong,
        Self::UnsupportedMediaType,
        Self::Invalid,
        Self::IdempotencyKeyReused,
        Self::QuotaExceeded,
        Self::Internal,
        Self::Unavailable,
    ];

    /// Status, last part of the type's address, title, and what to do about it.
    fn about(self) -> (u16, &'static str, &'static str, &'static str) {
        match self {
            Self::Malformed => (400, "malformed", "The request cannot be read", "Send valid JSON in UTF-8."),
            Self::InvalidParameter => (
                400,
                "invalid-parameter",
                "A parameter is not valid",
                "`errors` names each parameter and says what is allowed.",
            ),
            Self::Unauthenticated => (
                401,
                "unauthenticated",
                "A valid key is needed",
                "Send `Authorization: Bearer trfx_live_…` with a key that is neither expired nor revoked.",
            ),
            Self::Forbidden => (
                403,
                "forbidden",
                "The key may not do this",
                "Ask the operator for a key with a higher role.",
            ),
            Self::NotFound => {
                (404, "not-found", "Nothing is here", "Check the path and the identifiers in it.")
            }
            Self::MethodNotAllowed => {
                (405, "method-not-allowed", "The method is not allowed here", "`Allow` lists those that are.")
            }
            Self::SlowRequest => {
                (408, "slow-request", "The request took too long to arrive", "Send the body without pauses.")
            }
            Self::Conflict => {
                (409, "conflict", "The state does not allow this", "Read the entity again, then decide.")
            }
            Self::PreconditionFailed => (
                412,
                "precondition-failed",
                "The entity was changed meanwhile",
                "Read it again and repeat the edit with the new `ETag` in `If-Match`.",
            ),
            Self::TooLarge => (413, "too-large", "The body is too large", "`detail` names the limit."),
            Self::AddressTooLong => {
                (414, "address-too-long", "The address is too long", "`detail` names the limit.")
            }
            Self::UnsupportedMediaType => (
                415,
                "unsupported-media-type",
                "The body is of a kind that is not understood",
                "Send `Content-Type: application/json`.",
            ),
            Self::Invalid => (
                422,
                "invalid",
                "The content is not valid",
                "`errors` points at each value and says what is allowed.",
            ),
            Self::IdempotencyKeyReused => (
                422,
                "idempotency-key-reused",
                "The Idempotency-Key belongs to another request",
                "Use a new key for a new request; repeat the same body to get the first answer again.",
            ),
            Self::QuotaExceeded => (
                429,
                "quota-exceeded",
                "Too many requests",
                "Wait as long as `Retry-After` says; `RateLimit-Policy` states the quota.",
            ),
            Self::Internal => (
                500,
                "internal",
                "The server made a mistake",
                "Report it with the request id; it is in the server's log.",
            ),
            Self::Unavailable => {
                (503, "unavailable", "Not possible right now", "Retry after `Retry-After` seconds.")
            }
        }
    }

    pub(crate) fn status(self) -> StatusCode {
        StatusCode::from_u16(self.about().0).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// Last part of the type's address.
    pub(crate) fn slug(self) -> &'static str {
        self.about().1
    }

    pub(crate) fn title(self) -> &'static str {
        self.about().2
    }

    /// What a client can do about it.
    pub(crate) fn advice(self) -> &'static str {
        self.about().3
    }

    fn of_status(status: StatusCode) -> Self {
        let same = |kind: &&Self| kind.status() == status;
        let fallback = if status.is_server_error() { Self::Internal } else { Self::Malformed };
        Self::ALL.iter().find(same).copied().unwrap_or(fallback)
    }
}

/// Problem details (RFC 9457).
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct Problem {
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
        Self {
            type_uri,
            title: kind.title(),
            status: kind.status().as_u16(),
            detail: detail.into(),
            instance: String::new(),
            errors: Vec::new(),
            violated_policies: Vec::new(),
            retry_after_secs: None,
            allow: None,
        }
    }

    /// What the framework answered without a body of ours.
    pub(crate) fn of_status(status: StatusCode) -> Self {
        Self { status: status.as_u16(), ..Self::new(Kind::of_status(status), "") }
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
        Self { errors, ..Self::new(Kind::Invalid, detail) }
    }

    /// A parameter of the path or the query is wrong.
    pub(crate) fn parameter(name: impl Into<String>, detail: impl Into<String>) -> Self {
        let (name, detail) = (name.into(), detail.into());
        let sentence = format!("{name}: {detail}");
        let finding = Finding { pointer: None, parameter: Some(name), header: None, detail };
        Self { errors: vec![finding], ..Self::new(Kind::InvalidParameter, sentence) }
    }

    /// A parameter is well-formed, but nothing can be done with it.
    pub(crate) fn unusable(name: impl Into<String>, detail: impl Into<String>) -> Self {
        let parameter = Self::parameter(name, detail);
        Self { errors: parameter.errors, ..Self::new(Kind::Invalid, parameter.detail) }
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
        Self { errors: vec![finding], ..Self::new(kind, sentence) }
    }

    /// The server cannot do it now.
    pub(crate) fn unavailable(detail: impl Into<String>, retry_after_secs: u64) -> Self {
        Self { retry_after_secs: Some(retry_after_secs), ..Self::new(Kind::Unavailable, detail) }
    }

    /// The same finding about a parameter of the query instead of a value of the body.
    pub(crate) fn about_parameter(self, name: &'static str) -> Self {
        match self.errors.into_iter().next() {
            Some(finding) if finding.pointer.is_some() => Self::unusable(name, finding.detail),
            first => Self { errors: first.into_iter().collect(), ..self },
        }
    }

    /// The same finding as another kind of problem.
    pub(crate) fn into_kind(self, kind: Kind) -> Self {
        let detail = self.errors.first().map(|e| e.detail.clone()).unwrap_or_default();
        Self { errors: self.errors, ..Self::new(kind, detail) }
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
        crate::api::schema::reference::<Self>(registry);
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

    #[test]
    fn kinds_have_distinct_pages() {
        let slugs: std::collections::BTreeSet<_> = Kind::ALL.iter().map(|kind| kind.slug()).collect();
        assert_eq!(slugs.len(), Kind::ALL.len());
    }
}
