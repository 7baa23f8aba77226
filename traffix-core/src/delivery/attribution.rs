//! The answer to "whose address is this, and for whom does it work?".

use std::sync::Arc;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{Asn, Assertion, CdnId, HostPattern, PartialDate, PrefixKind, Tenancy};
use crate::catalogue::PlatformId;

/// What is known about one address.
///
/// `platforms` always sums to 1 and always has an entry without a platform, "unknown", which may be 0 only if
/// everything else is certain. An address that no table knows has nothing but that entry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Attribution {
    /// The delivery network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cdn: Option<CdnId>,
    /// The network that announces the address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asn: Option<Asn>,
    /// Who shares the servers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenancy: Option<Tenancy>,
    /// The most specific prefix that holds the address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub prefix: Option<IpNet>,
    /// What kind of list the prefix is from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<PrefixKind>,
    /// Where the prefix is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// When the list was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed: Option<PartialDate>,
    /// What is known about the host name, if one was asked about and is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<DomainEvidence>,
    /// Platforms by falling probability, "unknown" last.
    pub platforms: Vec<Candidate>,
}

/// Why a host name is taken for somebody's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DomainEvidence {
    /// The most specific pattern that the name matches.
    pub pattern: HostPattern,
    /// How sure the surest statement is that the name belongs to the platforms of this pattern, in 0..=1; it may be
    /// about a broader pattern.
    pub confidence: f64,
    /// Where that is written.
    pub source: Arc<str>,
    /// When it was seen to be so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed: Option<PartialDate>,
}

impl DomainEvidence {
    /// That of the surest statement about a pattern.
    pub(super) fn new(pattern: &HostPattern, claim: &Assertion) -> Self {
        Self {
            pattern: pattern.clone(),
            confidence: claim.confidence,
            source: Arc::clone(&claim.source),
            observed: claim.observed,
        }
    }
}

/// One platform that traffic of an address may belong to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Candidate {
    /// The platform; absent means none of the known ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<PlatformId>,
    /// Probability in 0..=1.
    pub probability: f64,
}

impl Attribution {
    /// An address that nothing is known about.
    ///
    /// ```
    /// use traffix_core::delivery::Attribution;
    /// assert_eq!(Attribution::unknown().probability_unknown(), 1.0);
    /// ```
    pub fn unknown() -> Self {
        Self {
            cdn: None,
            asn: None,
            tenancy: None,
            prefix: None,
            kind: None,
            source: None,
            observed: None,
            domain: None,
            platforms: Candidate::distribution(&[]),
        }
    }

    /// Probability that the traffic belongs to no known platform.
    pub fn probability_unknown(&self) -> f64 {
        self.platforms.iter().filter(|c| c.platform.is_none()).map(|c| c.probability).sum()
    }
}

impl Candidate {
    /// A full distribution from the probabilities of known platforms: sorted, "unknown" last with what is left.
    ///
    /// Negative and non-finite entries count as 0, a platform that occurs twice is added up, and a sum above 1 is
    /// scaled down to 1.
    ///
    /// ```
    /// use traffix_core::delivery::Candidate;
    /// let all = Candidate::distribution(&[("gog".parse()?, 0.25), ("steam".parse()?, 0.5)]);
    /// assert_eq!(all[0].platform.as_ref().map(|id| id.as_str()), Some("steam"));
    /// assert_eq!((all[2].platform.is_none(), all[2].probability), (true, 0.25));
    /// # Ok::<(), traffix_core::catalogue::ParseSlugError>(())
    /// ```
    pub fn distribution(known: &[(PlatformId, f64)]) -> Vec<Self> {
        let mut merged = std::collections::BTreeMap::<&PlatformId, f64>::new();
        for (platform, probability) in known {
            // An entry above 1 is capped, so that the sum stays finite.
            let clean = if probability.is_finite() { probability.clamp(0.0, 1.0) } else { 0.0 };
            *merged.entry(platform).or_default() += clean;
        }
        let sum: f64 = merged.values().sum();
        let scale = if sum > 1.0 { sum.recip() } else { 1.0 };
        let mut all: Vec<Self> = merged
            .into_iter()
            .filter(|(_, probability)| *probability > 0.0)
            .map(|(id, probability)| Self { platform: Some(id.clone()), probability: probability * scale })
            .collect();
        all.sort_by(|a, b| b.probability.total_cmp(&a.probability).then_with(|| a.platform.cmp(&b.platform)));
        all.push(Self { platform: None, probability: (1.0 - sum).max(0.0) });
        all
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn distributions_sum_to_one(raw in proptest::collection::vec((0_u8..5, proptest::num::f64::ANY), 0..8)) {
            let known: Vec<(PlatformId, f64)> =
                raw.into_iter().map(|(n, p)| (format!("p{n}").parse().unwrap(), p)).collect();
            let all = Candidate::distribution(&known);
            let sum: f64 = all.iter().map(|c| c.probability).sum();
            prop_assert!((sum - 1.0).abs() < 1e-12, "{sum}");
            prop_assert!(all.iter().all(|c| c.probability >= 0.0));
            prop_assert_eq!(all.iter().filter(|c| c.platform.is_none()).count(), 1);
        }
    }
}
