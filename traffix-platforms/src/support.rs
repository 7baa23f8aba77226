//! What a platform tells the world, and how it can be had.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use traffix_core::catalogue::PlatformId;

use crate::error::PlatformError;

/// One thing that somebody who predicts traffic would like to know from a platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Datum {
    /// Which titles exist and are coming.
    Listings,
    /// When a title can be played.
    ReleaseInstant,
    /// From when it can be downloaded ahead.
    Preload,
    /// When a build of an existing title changed.
    Builds,
    /// Bytes on the wire of a fresh install.
    DownloadSize,
    /// Bytes on the wire for somebody who has the previous build.
    UpdateSize,
    /// How many play, wish or follow.
    Audience,
    /// Which hosts deliver.
    Hosts,
}

impl Datum {
    /// All of them, in the order of tables.
    pub const ALL: [Self; 8] = [
        Self::Listings,
        Self::ReleaseInstant,
        Self::Preload,
        Self::Builds,
        Self::DownloadSize,
        Self::UpdateSize,
        Self::Audience,
        Self::Hosts,
    ];
}

impl fmt::Display for Datum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Listings => "listings",
            Self::ReleaseInstant => "release instant",
            Self::Preload => "preload",
            Self::Builds => "builds",
            Self::DownloadSize => "download size",
            Self::UpdateSize => "update size",
            Self::Audience => "audience",
            Self::Hosts => "hosts",
        })
    }
}

/// Whether a datum can be had, and how; every variant says it in a sentence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Availability {
    /// The platform states it.
    Published(String),
    /// It follows from what the platform states.
    Derived(String),
    /// It cannot be had from the platform.
    Unavailable(String),
}

impl Availability {
    /// How it is had, or why not.
    pub fn how(&self) -> &str {
        match self {
            Self::Published(how) | Self::Derived(how) | Self::Unavailable(how) => how,
        }
    }

    /// One word: `published`, `derived` or `unavailable`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Published(_) => "published",
            Self::Derived(_) => "derived",
            Self::Unavailable(_) => "unavailable",
        }
    }
}

/// For every [`Datum`], whether the platform gives it. It describes the platform's public interfaces; which of them
/// this crate reads is up to the methods of [`Platform`](crate::Platform).
///
/// ```
/// use traffix_platforms::{Availability, Datum, platform};
/// let support = platform("steam")?.support();
/// assert!(matches!(support.get(Datum::DownloadSize), Availability::Published(_)));
/// # Ok::<(), traffix_platforms::PlatformError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<Datum, Availability>", into = "BTreeMap<Datum, Availability>")]
pub struct Support(BTreeMap<Datum, Availability>);

/// The answer for a datum that a table lacks; [`Support`] cannot be made without all of them.
static UNSTATED: Availability = Availability::Unavailable(String::new());

impl Support {
    /// Whether and how `datum` can be had.
    pub fn get(&self, datum: Datum) -> &Availability {
        self.0.get(&datum).unwrap_or(&UNSTATED)
    }

    /// Nothing if `datum` can be had, else the error that a method which needs it returns.
    ///
    /// # Errors
    /// [`PlatformError::Unsupported`] with the reason.
    ///
    /// # Example
    /// ```
    /// use traffix_platforms::{Datum, platform};
    /// let ubisoft = platform("ubisoft")?;
    /// assert!(ubisoft.support().require(ubisoft.id(), Datum::Audience).is_err());
    /// # Ok::<(), traffix_platforms::PlatformError>(())
    /// ```
    pub fn require(&self, platform: PlatformId, datum: Datum) -> Result<(), PlatformError> {
        match self.get(datum) {
            Availability::Published(_) | Availability::Derived(_) => Ok(()),
            Availability::Unavailable(why) => {
                Err(PlatformError::Unsupported { platform, datum, why: why.clone() })
            }
        }
    }

    /// Every datum with its availability, in the order of [`Datum::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = (Datum, &Availability)> {
        Datum::ALL.into_iter().map(|datum| (datum, self.get(datum)))
    }
}

impl TryFrom<BTreeMap<Datum, Availability>> for Support {
    type Error = String;

    fn try_from(table: BTreeMap<Datum, Availability>) -> Result<Self, String> {
        for datum in Datum::ALL {
            match table.get(&datum) {
                None => return Err(format!("support must say something about {datum}")),
                Some(availability) if availability.how().trim().is_empty() => {
                    return Err(format!("support must say how for {datum}"));
                }
                Some(_) => {}
            }
        }
        Ok(Self(table))
    }
}

impl From<Support> for BTreeMap<Datum, Availability> {
    fn from(support: Support) -> Self {
        support.0
    }
}
