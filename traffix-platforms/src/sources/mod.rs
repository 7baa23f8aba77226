//! Public sources beside the platforms: suggestions, traffic history, who is where, whose addresses, which names.
//!
//! - [`github`]: releases and updates that people suggest as issues of a repository;
//! - [`ixp`]: traffic and members of Internet exchanges;
//! - [`peeringdb`]: networks, exchanges and the capacity between them;
//! - [`ripestat`]: the prefixes that a network announces;
//! - [`ranges`]: the address lists that delivery networks and clouds publish;
//! - [`domains`]: the host names that volunteers keep for caches.
//!
//! They ask through [`Upstream`](crate::upstream::Upstream) as platforms do, and fail with the same
//! [`PlatformError`](crate::PlatformError): its `platform` is then the source's [`id`](Source::id).

pub mod domains;
pub mod github;
pub mod ixp;
pub mod peeringdb;
pub mod ranges;
pub mod ripestat;

/// What an operator should know before asking a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source {
    /// Short name, as in errors.
    pub id: &'static str,
    /// Name for people.
    pub name: &'static str,
    /// What it is asked for.
    pub gives: &'static str,
    /// Limits, and what whoever uses its data must do.
    pub terms: &'static str,
    /// Where that is written.
    pub source: &'static str,
    /// The month in which somebody last looked there.
    pub reviewed: &'static str,
    /// Name of the credential that it takes, and how to get one; nothing is refused without.
    pub credential: Option<(&'static str, &'static str)>,
}

/// Every source in this module.
///
/// ```
/// use traffix_platforms::sources::SOURCES;
/// assert!(SOURCES.iter().any(|source| source.id == "peeringdb" && source.credential.is_some()));
/// ```
pub const SOURCES: &[Source] = &[
    Source {
        id: "cache-domains",
        name: "uklans/cache-domains",
        gives: "host names per platform",
        terms: "MIT",
        source: "https://github.com/uklans/cache-domains",
        reviewed: "2026-11",
        credential: None,
    },
    Source {
        id: "cdn-ranges",
        name: "Lists of Fastly, Cloudflare, AWS, Google and Azure",
        gives: "prefixes of delivery networks and clouds",
        terms: "Public, for filtering and attribution.",
        source: "https://api.fastly.com/public-ip-list and the other lists that `ranges` names",
        reviewed: "2026-11",
        credential: None,
    },
    Source {
        id: "github",
        name: "GitHub issues",
        gives: "suggested releases and updates",
        terms: "60 requests an hour without a token, 5,000 with one; answers that did not change count for nothing.",
        source: "https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api",
        reviewed: "2026-11",
        credential: Some((
            "github",
            "A fine-grained token that reads issues of the repository, under Settings, Developer settings.",
        )),
    },
    Source {
        id: "ixp",
        name: "Internet exchanges with IXP Manager or IX-F exports",
        gives: "traffic history, members and their ports",
        terms: "Public pages of each exchange; its own terms hold.",
        source: "https://docs.ixpmanager.org",
        reviewed: "2026-11",
        credential: None,
    },
    Source {
        id: "peeringdb",
        name: "PeeringDB",
        gives: "networks, exchanges, capacity of ports",
        terms: "Acceptable use only: no harvesting of contacts. Anonymous requests are throttled hard.",
        source: "https://www.peeringdb.com/aup",
        reviewed: "2026-11",
        credential: Some((
            "peeringdb",
            "An API key of an account there; configure it with the word before it: Api-Key, a space, the key.",
        )),
    },
    Source {
        id: "ripestat",
        name: "RIPEstat",
        gives: "prefixes that a network announces",
        terms: "At most 8 requests at once; requests say who asks.",
        source: "https://stat.ripe.net/docs/data-api/",
        reviewed: "2026-11",
        credential: None,
    },
];
