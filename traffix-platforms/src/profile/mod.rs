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
    /// What it publishes.
    pub support: Support,
    /// Who delivers for it, says who.
    pub assertions: Vec<Assertion>,
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
            support: wire.support,
            assertions: delivery::parse(delivery_tsv)?,
        };
        match profile.mistake() {
            Some(detail) => Err(DataError { line: 0, detail }),
            None => Ok(profile),
        }
    }

    /// Every statement with a source, except assertions: what it is about, and its provenance.
    pub fn provenances(&self) -> Vec<(String, &Provenance)> {
        let behaviour = self.behaviour.facts().into_iter().map(|(name, _, p)| (name.to_owned(), p));
        let weights = self.weights.iter().map(|w| (format!("weight in {}", w.region), &w.provenance));
        let countries = self.countries.iter().map(|c| (format!("users in {}", c.region), &c.provenance));
        let shares = self.shares.iter().map(|s| (format!("CDN shares in {}", s.region), &s.provenance));
        behaviour.chain(weights).chain(countries).chain(shares).collect()
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
