//! What is known about a platform without asking it: `profile.toml` and `delivery.tsv` of its folder.
//!
//! Every fact carries its source, the date of the source, a confidence, and whether it is measured, published or
//! assumed. What nobody has written down is absent.

mod behaviour;
mod shares;
mod stated;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use traffix_core::catalogue::PlatformId;
use traffix_core::delivery::Assertion;

pub use behaviour::{Behaviour, PeerToPeer, Throttle, UpdateWhen};
pub use shares::{CdnShare, CdnShares, CountryShare, DefaultWeight};
pub use stated::{Basis, Provenance, Stated};

pub(crate) use shares::in_region;

use crate::cdn;
use crate::delivery;
use crate::error::DataError;
use crate::support::Support;

/// What sort of platform it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PlatformKind {
    /// A shop and launcher for games on PCs.
    PcStore,
    /// A console with its shop.
    Console,
    /// The system and apps of phones and tablets.
    PhoneOs,
    /// The system of PCs.
    DesktopOs,
    /// A programme guide: it knows when something can be streamed, not who delivers it.
    Guide,
}

/// Everything known about a platform offline.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Profile {
    /// Stable slug.
    pub id: PlatformId,
    /// Name for people.
    pub name: String,
    /// Company that runs it.
    pub owner: String,
    /// What sort of platform it is.
    pub kind: PlatformKind,
    /// When somebody last went through all facts.
    pub reviewed: NaiveDate,
    /// When somebody should do so again.
    pub review_due: NaiveDate,
    /// What its client does.
    pub behaviour: Behaviour,
    /// Default part of a release's downloads, by region.
    pub weights: Vec<DefaultWeight>,
    /// Where its users live.
    pub countries: Vec<CountryShare>,
    /// How its bytes divide over CDNs, by region.
    pub shares: Vec<CdnShares>,
    /// What whoever uses its data must do.
    pub terms: Option<Stated<String>>,
    /// What an operator must obtain to ask it.
    pub credentials: Vec<CredentialNeed>,
    /// What it publishes.
    pub support: Support,
    /// Who delivers for it, says who.
    pub assertions: Vec<Assertion>,
}

/// A secret that requests to a platform carry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CredentialNeed {
    /// Name under which the operator configures it.
    pub name: String,
    /// What it is needed for.
    pub purpose: String,
    /// Whether nothing of that works without it.
    pub required: bool,
    /// How to get one.
    pub obtain: String,
}

/// `profile.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    name: String,
    owner: String,
    kind: PlatformKind,
    reviewed: NaiveDate,
    review_due: NaiveDate,
    #[serde(default)]
    behaviour: Behaviour,
    #[serde(default)]
    weights: Vec<DefaultWeight>,
    #[serde(default)]
    countries: Vec<CountryShare>,
    #[serde(default)]
    shares: Vec<CdnShares>,
    #[serde(default)]
    terms: Option<Stated<String>>,
    #[serde(default)]
    credentials: Vec<CredentialNeed>,
    support: Support,
}

impl Profile {
    /// Reads a profile from the two texts of a platform's folder and checks it.
    ///
    /// # Errors
    /// [`DataError`] with the line, if it has one, and what is allowed.
    ///
    /// # Example
    /// ```
    /// use traffix_platforms::Profile;
    /// let error = Profile::parse("betamax".parse()?, "name = 1", "").unwrap_err();
    /// assert!(error.to_string().contains("invalid type"));
    /// # Ok::<(), traffix_core::catalogue::ParseSlugError>(())
    /// ```
    pub fn parse(id: PlatformId, profile_toml: &str, delivery_tsv: &str) -> Result<Self, DataError> {
        let wire: Wire = toml::from_str(profile_toml).map_err(|error| DataError {
            line: error.span().map_or(0, |span| line_of(profile_toml, span.start)),
            detail: error.message().to_owned(),
        })?;
        let profile = Self {
            id,
            name: wire.name,
            owner: wire.owner,
            kind: wire.kind,
            reviewed: wire.reviewed,
            review_due: wire.review_due,
            behaviour: wire.behaviour,
            weights: wire.weights,
            countries: wire.countries,
            shares: wire.shares,
            terms: wire.terms,
            credentials: wire.credentials,
            support: wire.support,
            assertions: delivery::parse(delivery_tsv)?,
        };
        match profile.mistake() {
            Some(detail) => Err(DataError { line: 0, detail }),
            None => Ok(profile),
        }
    }

    /// Whether its facts are older than their review period on `day`: somebody should go through them.
    ///
    /// ```
    /// let steam = traffix_platforms::platform("steam")?.profile();
    /// assert!(!steam.is_review_due(steam.reviewed));
    /// assert!(steam.is_review_due(steam.review_due));
    /// # Ok::<(), traffix_platforms::PlatformError>(())
    /// ```
    pub fn is_review_due(&self, day: NaiveDate) -> bool {
        day >= self.review_due
    }

    /// Every statement with a source, except assertions: what it is about, and its provenance.
    pub fn provenances(&self) -> Vec<(String, &Provenance)> {
        let behaviour = self.behaviour.facts().into_iter().map(|(name, _, p)| (name.to_owned(), p));
        let weights = self.weights.iter().map(|w| (format!("weight in {}", w.region), &w.provenance));
        let countries = self.countries.iter().map(|c| (format!("users in {}", c.region), &c.provenance));
        let shares = self.shares.iter().map(|s| (format!("CDN shares in {}", s.region), &s.provenance));
        let terms = self.terms.iter().map(|t| ("terms".to_owned(), &t.provenance));
        behaviour.chain(weights).chain(countries).chain(shares).chain(terms).collect()
    }

    /// What is wrong with it, if anything.
    fn mistake(&self) -> Option<String> {
        if self.review_due <= self.reviewed {
            return Some("review_due must lie after reviewed".into());
        }
        for (what, provenance) in self.provenances() {
            if let Some(mistake) = provenance.mistake() {
                return Some(format!("{what}: {mistake}"));
            }
        }
        let shares = self.weights.iter().map(|w| w.share).chain(self.countries.iter().map(|c| c.share));
        if let Some(share) = shares.into_iter().find(|share| !(0.0..=1.0).contains(share)) {
            return Some(format!("a share must be between 0 and 1, got {share}"));
        }
        if let Some(other) = self.assertions.iter().find(|a| a.platform.as_ref() != Some(&self.id)) {
            return Some(format!("delivery.tsv must be about {} only, found {:?}", self.id, other.platform));
        }
        let empty =
            |c: &&CredentialNeed| [&c.name, &c.purpose, &c.obtain].iter().any(|t| t.trim().is_empty());
        if let Some(credential) = self.credentials.iter().find(empty) {
            return Some(format!(
                "credential {:?} must say its name, purpose and how to get it",
                credential.name
            ));
        }
        self.shares.iter().find_map(mistake_in_shares)
    }
}

fn mistake_in_shares(shares: &CdnShares) -> Option<String> {
    let sum: f64 = shares.parts.iter().map(|part| part.share).sum();
    let in_range = shares.parts.iter().all(|part| (0.0..=1.0).contains(&part.share));
    if !in_range || (sum - 1.0).abs() > 1e-9 {
        return Some(format!("CDN shares in {} must sum to 1, they sum to {sum}", shares.region));
    }
    let unknown = shares.parts.iter().filter_map(|part| part.cdn.as_ref()).find(|id| cdn::find(id).is_none());
    unknown.map(|id| format!("cdn {id} is not in the CDN registry"))
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|&b| b == b'\n').count() + 1
}
