//! The kinds of problems: one status and one page of documentation each.

use poem::http::StatusCode;

/// What kind of problem it is.
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

/// What is said about a kind.
struct About {
    kind: Kind,
    status: u16,
    /// Last part of the type's address.
    slug: &'static str,
    title: &'static str,
    /// What a client can do about it.
    advice: &'static str,
}

const fn about(
    kind: Kind,
    status: u16,
    slug: &'static str,
    title: &'static str,
    advice: &'static str,
) -> About {
    About { kind, status, slug, title, advice }
}

const ABOUT: [About; 17] = [
    about(Kind::Malformed, 400, "malformed", "The request cannot be read", "Send valid JSON in UTF-8."),
    about(
        Kind::InvalidParameter,
        400,
        "invalid-parameter",
        "A parameter is not valid",
        "`errors` names each parameter and says what is allowed.",
    ),
    about(
        Kind::Unauthenticated,
        401,
        "unauthenticated",
        "A valid key is needed",
        "Send `Authorization: Bearer trfx_live_…` with a key that is neither expired nor revoked.",
    ),
    about(
        Kind::Forbidden,
        403,
        "forbidden",
        "The key may not do this",
        "Ask the operator for a key with a higher role.",
    ),
    about(Kind::NotFound, 404, "not-found", "Nothing is here", "Check the path and the identifiers in it."),
    about(
        Kind::MethodNotAllowed,
        405,
        "method-not-allowed",
        "The method is not allowed here",
        "`Allow` lists those that are.",
    ),
    about(
        Kind::SlowRequest,
        408,
        "slow-request",
        "The request took too long to arrive",
        "Send the body without pauses.",
    ),
    about(
        Kind::Conflict,
        409,
        "conflict",
        "The state does not allow this",
        "Read the entity again, then decide.",
    ),
    about(
        Kind::PreconditionFailed,
        412,
        "precondition-failed",
        "The entity was changed meanwhile",
        "Read it again and repeat the edit with the new `ETag` in `If-Match`.",
    ),
    about(Kind::TooLarge, 413, "too-large", "The body is too large", "`detail` names the limit."),
    about(
        Kind::AddressTooLong,
        414,
        "address-too-long",
        "The address is too long",
        "`detail` names the limit.",
    ),
    about(
        Kind::UnsupportedMediaType,
        415,
        "unsupported-media-type",
        "The body is of a kind that is not understood",
        "Send `Content-Type: application/json`.",
    ),
    about(
        Kind::Invalid,
        422,
        "invalid",
        "The content is not valid",
        "`errors` points at each value and says what is allowed.",
    ),
    about(
        Kind::IdempotencyKeyReused,
        422,
        "idempotency-key-reused",
        "The Idempotency-Key belongs to another request",
        "Use a new key for a new request; repeat the same body to get the first answer again.",
    ),
    about(
        Kind::QuotaExceeded,
        429,
        "quota-exceeded",
        "Too many requests",
        "Wait as long as `Retry-After` says; `RateLimit-Policy` states the quota.",
    ),
    about(
        Kind::Internal,
        500,
        "internal",
        "The server made a mistake",
        "Report it with the request id; it is in the server's log.",
    ),
    about(
        Kind::Unavailable,
        503,
        "unavailable",
        "Not possible right now",
        "Retry after `Retry-After` seconds.",
    ),
];

impl Kind {
    /// All of them.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        ABOUT.iter().map(|about| about.kind)
    }

    /// The table names every kind, which a test checks.
    fn about(self) -> &'static About {
        ABOUT.iter().find(|about| about.kind == self).unwrap_or(&ABOUT[0])
    }

    pub(crate) fn status(self) -> StatusCode {
        StatusCode::from_u16(self.about().status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// Last part of the type's address.
    pub(crate) fn slug(self) -> &'static str {
        self.about().slug
    }

    pub(crate) fn title(self) -> &'static str {
        self.about().title
    }

    /// What a client can do about it.
    pub(crate) fn advice(self) -> &'static str {
        self.about().advice
    }

    /// The first kind with a status.
    pub(super) fn of_status(status: StatusCode) -> Self {
        let fallback = if status.is_server_error() { Self::Internal } else { Self::Malformed };
        Self::all().find(|kind| kind.status() == status).unwrap_or(fallback)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_have_distinct_pages_and_are_all_in_the_table() {
        let slugs: std::collections::BTreeSet<_> = Kind::all().map(Kind::slug).collect();
        assert_eq!(slugs.len(), ABOUT.len());
        // The last variant of the enum; fieldless enums number from 0.
        assert_eq!(Kind::Unavailable as usize + 1, ABOUT.len());
    }
}
