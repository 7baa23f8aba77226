//! Attribution by more than an address: host name, port, and what is being released just now.
//!
//! # How evidence is combined
//!
//! By Bayes' rule, with "unknown" as one of the answers. Let π(x) be the prior of an answer x: the shares of the CDN
//! that the address belongs to, or all on unknown if no table knows the address.
//!
//! **Likelihoods.** Every answer has a factor f(x), and q(x) = π(x) f(x) / Σ π f:
//!
//! - a platform of which something is being released: f = 1 + [`RUNNING_GAIN`] × its part of all running weight;
//! - unknown: f = [`OTHER_PORT_FACTOR`] if the port is not [one of content](CONTENT_PORTS), times
//!   [`UNLISTED_HOST_FACTOR`] if there is a host name that no pattern knows;
//! - every other answer: f = 1.
//!
//! **Names.** A host name that is claimed for the platforms S is a statement of a source that is right with its
//! confidence c and otherwise says nothing, so p(x) = c s(x) + (1 − c) q(x). If the source is right, the answer lies in
//! S: s(x) ∝ π'(x) f(x) on S and 0 elsewhere, where π'(x) = π(x) + [`SURPRISE`] π(unknown) / |S| lets a platform in
//! that the CDN was not known to work for. S is what the most specific pattern of the name is claimed for. Sources copy
//! one another, so c is that of the surest of those, broader patterns included, that claim a platform of S.
//!
//! Two properties follow, and are tested: a name never lowers the probability of a platform that it is claimed for, and
//! a release never lowers that of its platform. All constants are assumed, as nobody publishes such ratios;
//! they are judgements of November 2026, to be corrected by measurements.

use core::net::IpAddr;
use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::{Attribution, Candidate, DomainEvidence, DomainTable, PrefixTable};
use crate::catalogue::PlatformId;

/// Ports that downloads and streams come from: HTTP, and HTTPS over TCP or QUIC. Game play, chat and version checks
/// (Battle.net's at 1119) use others.
pub const CONTENT_PORTS: [u16; 2] = [80, 443];
/// How many times likelier traffic from another port is if it is nobody's content. Assumed: one in two hundred of a
/// platform's bytes comes from other ports, and one in ten of all other bytes.
pub const OTHER_PORT_FACTOR: f64 = 20.0;
/// How many times likelier a host name that no pattern knows is if it is nobody's content. Assumed: the lists hold three
/// quarters of the names that platforms download from, weighted by bytes.
pub const UNLISTED_HOST_FACTOR: f64 = 4.0;
/// By how much the odds of a platform grow, as a factor beyond 1, while everything that is being released is on it.
/// Assumed: on the evening of a big release a platform carries up to ten times its usual traffic.
pub const RUNNING_GAIN: f64 = 9.0;
/// Part of the unknown that a CDN's platforms are given if they are claimed by name. At most 1 / (1 +
/// [`RUNNING_GAIN`]), so that a name never lowers what it is claimed for.
pub const SURPRISE: f64 = 0.1;

/// Weights above this count as this, so that sums stay finite.
const MAX_WEIGHT: f64 = 1e100;

/// What is known about some traffic beside its address. Everything may be absent.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Hints<'a> {
    /// The host name that was asked for, without port: of the HTTP request, of the TLS handshake (SNI), or of DNS.
    pub host: Option<&'a str>,
    /// The server's TCP or UDP port.
    pub port: Option<u16>,
    /// When; then only those claims count that held at the time. Without it all count that are no history.
    pub at: Option<DateTime<Utc>>,
    /// Platforms of which something is being released at the time, with weights such as the expected bit/s; only their
    /// proportions matter. Weights that are not above 0 count as absent.
    pub running: &'a [(PlatformId, f64)],
}

/// Everything that attribution reads: whose the prefixes are, and whose the names.
///
/// ```
/// use traffix_core::delivery::{Attributor, DomainTable, Hints, PrefixTable};
/// let mut domains = DomainTable::builder();
/// domains.assertion(&serde_json::from_value(serde_json::json!({
///     "platform": "steam", "cdn": "valve", "host": "*.steamcontent.com", "role": "origin", "tenancy": "dedicated",
///     "status": "current", "evidence": "official", "source": "an example", "confidence": 0.95,
/// }))?);
/// let attributor = Attributor { prefixes: PrefixTable::default().into(), domains: domains.build().into() };
///
/// let hints = Hints { host: Some("cache3-fra1.steamcontent.com"), ..Hints::default() };
/// let answer = attributor.attribute(None, &hints);
/// assert_eq!(answer.cdn.as_ref().map(|cdn| cdn.as_str()), Some("valve"));
/// assert_eq!(answer.platforms[0].probability, 0.95);
/// assert_eq!(answer.domain.map(|domain| domain.pattern.to_string()).as_deref(), Some("*.steamcontent.com"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct Attributor {
    /// Whose the addresses are.
    pub prefixes: Arc<PrefixTable>,
    /// Whose the names are.
    pub domains: Arc<DomainTable>,
}

impl Attributor {
    /// Everything known about an address or a host name or both; never fails, "unknown" is an answer.
    ///
    /// The CDN is that of the address, else that of the name. Without hints this is [`PrefixTable::attribute`].
    pub fn attribute(&self, address: Option<IpAddr>, hints: &Hints<'_>) -> Attribution {
        let mut answer = address.map_or_else(Attribution::unknown, |ip| self.prefixes.attribute(ip));
        let mut evidence = Evidence::of(hints);
        let day = hints.at.map(|at| at.date_naive());
        let named = hints.host.map(|host| self.domains.claims(host, day));
        match &named {
            None => {}
            Some(None) => evidence.unknown *= UNLISTED_HOST_FACTOR,
            Some(Some((found, claims))) => {
                if let (None, Some(claim)) = (&answer.cdn, claims.by_cdn()) {
                    answer.cdn.clone_from(&claim.cdn);
                    answer.tenancy = Some(claim.tenancy);
                    answer.platforms =
                        claim.cdn.as_ref().map_or_else(Vec::new, |cdn| self.prefixes.platforms(cdn));
                }
                answer.domain = claims.best().map(|claim| DomainEvidence::new(found.pattern, claim));
                evidence.claimed = claims.platforms();
                evidence.confidence = claims.best().map_or(0.0, |claim| claim.confidence.clamp(0.0, 1.0));
            }
        }
        if evidence.says_something() {
            answer.platforms = evidence.posterior(&answer.platforms);
        }
        answer
    }
}

/// What hints say about the platform.
struct Evidence<'a> {
    /// Factor of "unknown".
    unknown: f64,
    /// Part of the running weight by platform.
    running: BTreeMap<&'a PlatformId, f64>,
    /// Platforms that the host name is claimed for.
    claimed: Vec<&'a PlatformId>,
    /// How surely.
    confidence: f64,
}

impl<'a> Evidence<'a> {
    /// Port and releases; names come later.
    fn of(hints: &Hints<'a>) -> Self {
        let mut running = BTreeMap::<&PlatformId, f64>::new();
        for (platform, weight) in hints.running.iter().filter(|(_, weight)| *weight > 0.0) {
            *running.entry(platform).or_default() += weight.min(MAX_WEIGHT);
        }
        let sum: f64 = running.values().sum();
        for weight in running.values_mut() {
            *weight /= sum;
        }
        let other_port = hints.port.is_some_and(|port| !CONTENT_PORTS.contains(&port));
        let unknown = if other_port { OTHER_PORT_FACTOR } else { 1.0 };
        Self { unknown, running, claimed: Vec::new(), confidence: 0.0 }
    }

    fn says_something(&self) -> bool {
        self.unknown > 1.0 || !self.running.is_empty() || !self.claimed.is_empty()
    }

    /// The factor f of a platform.
    fn factor(&self, platform: &PlatformId) -> f64 {
        1.0 + RUNNING_GAIN * self.running.get(platform).copied().unwrap_or(0.0)
    }

    /// The distribution p, as the documentation of the module defines it.
    fn posterior(&self, prior: &[Candidate]) -> Vec<Candidate> {
        let mut known: BTreeMap<&PlatformId, f64> =
            prior.iter().filter_map(|one| Some((one.platform.as_ref()?, one.probability))).collect();
        let unknown = (1.0 - known.values().sum::<f64>()).max(0.0);
        for platform in &self.claimed {
            known.entry(platform).or_default();
        }
        let surprise = SURPRISE * unknown / count(self.claimed.len());
        let all: f64 =
            unknown * self.unknown + known.iter().map(|(id, prior)| prior * self.factor(id)).sum::<f64>();
        let named: f64 = self.claimed.iter().map(|id| (known[id] + surprise) * self.factor(id)).sum();
        let platforms = known.iter().map(|(id, prior)| {
            let by_rest = prior * self.factor(id) / all;
            let by_name = if !self.claimed.contains(id) {
                0.0
            } else if named > 0.0 {
                (prior + surprise) * self.factor(id) / named
            } else {
                // The address was certain of others: the name has nothing to go by but itself.
                1.0 / count(self.claimed.len())
            };
            ((*id).clone(), self.confidence * by_name + (1.0 - self.confidence) * by_rest)
        });
        Candidate::distribution(&platforms.collect::<Vec<_>>())
    }
}

/// A small count as a number to divide by; at least 1.
fn count(count: usize) -> f64 {
    u32::try_from(count.max(1)).map_or(f64::from(u32::MAX), f64::from)
}
