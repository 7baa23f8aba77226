//! One sourced statement about who delivers what.

use std::sync::Arc;

use chrono::{Days, NaiveDate};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{Asn, CdnId, HostPattern, PartialDate};
use crate::catalogue::{PlatformId, Region};
use crate::{Invalid, SourceKind};

/// How long a current statement stands before somebody should look again, in days.
///
/// Assumed: contracts between platforms and CDNs have moved about yearly (Lumen left in January 2024, Edgio in
/// January 2025).
const REVIEW_AFTER_DAYS: u64 = 365;

/// "Platform P is delivered by CDN C, from this ASN, prefix or host name": one statement of one source.
///
/// Absent means unknown: no `platform` is a fact about the CDN whatever it serves, no `cdn` means that the source
/// does not say which one.
///
/// ```
/// use traffix_core::delivery::{Assertion, EvidenceKind, Role, Status, Tenancy};
/// let assertion = Assertion {
///     platform: Some("steam".parse()?),
///     cdn: Some("valve".parse()?),
///     asn: Some("AS32590".parse()?),
///     prefix: None,
///     host: Some("*.steamcontent.com".parse()?),
///     role: Role::Origin,
///     tenancy: Tenancy::Dedicated,
///     region: None,
///     site: None,
///     status: Status::Current,
///     evidence: EvidenceKind::Official,
///     source: "ISteamDirectory/GetSteamPipeDomains".into(),
///     observed: Some("2026".parse()?),
///     valid_from: None,
///     valid_until: None,
///     confidence: EvidenceKind::Official.confidence(),
///     share_hint: None,
///     note: None,
/// };
/// assert!(assertion.check().is_empty());
/// assert_eq!(assertion.review_due().map(|day| day.to_string()).as_deref(), Some("2027-12-31"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Assertion {
    /// The platform, or nothing if the statement is about the CDN itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<PlatformId>,
    /// The delivery network, or nothing if the source does not name it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cdn: Option<CdnId>,
    /// Whose address space the bytes come from. For an embedded cache this is the hosting operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asn: Option<Asn>,
    /// The addresses, where the source gives them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub prefix: Option<IpNet>,
    /// The host names, where the source gives them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<HostPattern>,
    /// What the CDN is to the platform.
    pub role: Role,
    /// Who else uses the same servers.
    pub tenancy: Tenancy,
    /// Where it holds. Absent: everywhere, as far as the source says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<Region>,
    /// The CDN's own code of the site, in lower case (`fra1`), where the host names carry one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
    /// Whether it still holds.
    pub status: Status,
    /// What kind of source says so.
    pub evidence: EvidenceKind,
    /// Where it is written: an address, or a description precise enough to find it.
    pub source: Arc<str>,
    /// When it was seen to be so; absent if the source carries no date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed: Option<PartialDate>,
    /// First day on which it held, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_from: Option<PartialDate>,
    /// Last day on which it held, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<PartialDate>,
    /// Probability that the statement is right, in 0..=1.
    pub confidence: f64,
    /// Size or share as the source printed it. Packets, hosts and addresses are named as such; it is no traffic split.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share_hint: Option<Arc<str>>,
    /// What a reader should know besides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Arc<str>>,
}

impl Assertion {
    /// Whether it can be used to attribute traffic of `day`: it is not historical, and `day` is in its validity.
    ///
    /// A historical statement counts only if its validity is bounded and `day` lies inside.
    pub fn holds_on(&self, day: NaiveDate) -> bool {
        let begun = self.valid_from.is_none_or(|from| from.first_day() <= day);
        match (self.valid_until, self.status) {
            (Some(until), _) => begun && day <= until.last_day(),
            (None, Status::Historical) => false,
            (None, Status::Current | Status::Unverified) => begun,
        }
    }

    /// The day by which somebody should look again; nothing for history, which does not change.
    ///
    /// A year after it was seen. An undated statement that is still relied on is due since 1970.
    pub fn review_due(&self) -> Option<NaiveDate> {
        if self.status == Status::Historical {
            return None;
        }
        let seen = self.observed.map_or(NaiveDate::default(), PartialDate::last_day);
        match self.observed {
            Some(_) => seen.checked_add_days(Days::new(REVIEW_AFTER_DAYS)),
            None => Some(seen),
        }
    }

    /// Everything that is wrong with it, by JSON pointer; empty if nothing is.
    pub fn check(&self) -> Vec<Invalid> {
        let mut findings = Vec::new();
        if self.source.trim().is_empty() {
            findings.push(Invalid::new("/source", "must say where this is written"));
        }
        if !(0.0..=1.0).contains(&self.confidence) {
            findings.push(Invalid::new("/confidence", "must be between 0 and 1"));
        }
        if let (Some(from), Some(until)) = (self.valid_from, self.valid_until)
            && until.last_day() < from.first_day()
        {
            findings.push(Invalid::new("/valid_until", "must not lie before valid_from"));
        }
        let site_code =
            |site: &str| matches!(site.len(), 1..=8) && site.bytes().all(|b| b.is_ascii_alphanumeric());
        if !self.site.as_deref().is_none_or(site_code) {
            findings.push(Invalid::new("/site", "must be one to eight letters and digits"));
        }
        if (self.role == Role::EmbeddedCache) != (self.tenancy == Tenancy::Embedded) {
            findings.push(Invalid::new("/tenancy", "must be embedded exactly if the role is embedded-cache"));
        }
        let names = self.cdn.is_some() || self.asn.is_some() || self.host.is_some() || self.prefix.is_some();
        if !names && self.share_hint.is_none() {
            findings.push(Invalid::new("", "must name a CDN, an ASN, a prefix or a host, or give a share"));
        }
        findings
    }
}

/// What a delivery network is to the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// The platform's own network; its own CDN counts.
    Origin,
    /// A third party.
    Cdn,
    /// A cache on the address space of an access network.
    EmbeddedCache,
}

/// Who shares the servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Tenancy {
    /// One owner's platforms only: the address names the owner.
    Dedicated,
    /// Many customers: the address alone does not name the platform.
    Shared,
    /// Inside an access network, on that network's addresses: only its operator knows them.
    Embedded,
}

/// Whether a statement still holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Nothing known against it.
    Current,
    /// The CDN, the contract or the figure is gone.
    Historical,
    /// Plausible, and seen by nobody lately.
    Unverified,
}

/// What kind of source makes a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum EvidenceKind {
    /// The platform or the CDN itself.
    Official,
    /// Somebody looked at packets, names or routes.
    Measurement,
    /// A list kept by volunteers.
    CommunityList,
    /// A journalist or analyst.
    TradePress,
    /// A peer-reviewed or academic paper.
    Paper,
}

impl EvidenceKind {
    /// Default probability that a statement of such a source is right.
    ///
    /// Assumed, November 2026: names in community lists that say one CDN and answer from another are about one in
    /// ten of those that were resolved; the rest is judgement.
    ///
    /// ```
    /// use traffix_core::delivery::EvidenceKind;
    /// assert!(EvidenceKind::Official.confidence() > EvidenceKind::TradePress.confidence());
    /// ```
    pub fn confidence(self) -> f64 {
        match self {
            Self::Official => 0.95,
            Self::Measurement => 0.9,
            Self::Paper => 0.85,
            Self::CommunityList => 0.75,
            Self::TradePress => 0.6,
        }
    }
}

impl From<EvidenceKind> for SourceKind {
    /// The authority of the source in the catalogue's terms: a paper ranks with measurements.
    fn from(kind: EvidenceKind) -> Self {
        match kind {
            EvidenceKind::Official => Self::Official,
            EvidenceKind::Measurement | EvidenceKind::Paper => Self::Measurement,
            EvidenceKind::CommunityList => Self::Community,
            EvidenceKind::TradePress => Self::Press,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Assertion {
        Assertion {
            platform: Some("battlenet".parse().unwrap()),
            cdn: Some("limelight".parse().unwrap()),
            asn: Some(Asn(22822)),
            prefix: None,
            host: Some("blizzard.vo.llnwd.net".parse().unwrap()),
            role: Role::Cdn,
            tenancy: Tenancy::Shared,
            region: None,
            site: None,
            status: Status::Historical,
            evidence: EvidenceKind::CommunityList,
            source: "a list".into(),
            observed: Some("2025-07-24".parse().unwrap()),
            valid_from: None,
            valid_until: Some("2025-01-15".parse().unwrap()),
            confidence: 0.75,
            share_hint: None,
            note: None,
        }
    }

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn history_holds_until_its_end() {
        let mut assertion = sample();
        assert!(assertion.holds_on(day("2025-01-15")));
        assert!(!assertion.holds_on(day("2025-01-16")));
        assertion.valid_until = None;
        assert!(!assertion.holds_on(day("2020-01-01")));
        assert_eq!(assertion.review_due(), None);
    }

    #[test]
    fn review_comes_a_year_later() {
        let mut assertion = sample();
        assertion.status = Status::Current;
        assert_eq!(assertion.review_due(), Some(day("2026-07-24")));
        assertion.observed = None;
        assert_eq!(assertion.review_due(), Some(day("1970-01-01")));
    }

    #[test]
    fn findings_point_at_fields() {
        let mut assertion = sample();
        assert!(assertion.check().is_empty());
        assertion.confidence = f64::NAN;
        assertion.source = " ".into();
        assertion.role = Role::EmbeddedCache;
        assertion.site = Some("north west".into());
        assertion.valid_from = Some("2026".parse().unwrap());
        let pointers: Vec<String> = assertion.check().into_iter().map(|finding| finding.pointer).collect();
        assert_eq!(pointers, ["/source", "/confidence", "/valid_until", "/site", "/tenancy"]);
    }

    #[test]
    fn json_round_trip_leaves_absent_fields_out() {
        let text = serde_json::to_string(&sample()).unwrap();
        assert!(!text.contains("null") && !text.contains("prefix"), "{text}");
        assert_eq!(serde_json::from_str::<Assertion>(&text).unwrap(), sample());
    }
}
