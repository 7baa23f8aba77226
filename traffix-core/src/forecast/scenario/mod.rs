//! What if: the same release on a changed network, or a changed release on the same network.
//!
//! A [`Scenario`] is a list of [`Change`]s in an operator's words. [`apply`] makes the changed question,
//! [`compare`] forecasts it in the same worlds as the question itself and takes quantiles of the differences of
//! every draw, not differences of quantiles.
//!
//! What stays as it is unless a change says otherwise:
//!
//! - How many download. A larger patch does not lower the audience that a measured past event implies.
//! - Usual traffic. A link that gets more capacity attracts none; a new link begins empty; what a lost link carried
//!   moves to the links left that its CDNs can use, in proportion to their capacity. Assumed (2026-12): where it really
//!   goes is a decision of the networks' routing. (If the network's usual traffic is a series in time and links have
//!   none of their own, the links share it by capacity, before and after.)
//! - The end of the time looked at: a preload that is added or dropped moves the first instant, not the last.

mod apply;
mod bounds;
mod by_draw;
mod compare;
mod links;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::input::Moment;
use crate::network::{LineRate, Link};

pub use apply::apply;
pub use bounds::{check, limits};
pub use compare::{Compared, Comparison, Difference, LinkDifference, LinkState, compare};

/// A named list of changes, made one after the other.
///
/// ```
/// use traffix_core::forecast::scenario::Scenario;
/// let scenario: Scenario = serde_json::from_str(r#"{
///     "name": "two waves through a new cache",
///     "changes": [
///         {"add_link": {"id": "cache", "kind": "embedded-cache", "cdns": ["akamai"], "capacity_bps": 40e9}},
///         {"stagger": {"waves": 2, "every_secs": 86400}}
///     ]
/// }"#).unwrap();
/// assert_eq!(scenario.changes.len(), 2);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Name to show, unique among those compared.
    pub name: String,
    /// The changes, in the order in which they are made.
    pub changes: Vec<Change>,
}

/// One change of the network or of the release.
///
/// In JSON an object with one field, the name of the change: `{"remove_link": {"link": "peer"}}`. Where `platform` is
/// absent, the change is for all platforms.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "ScenarioChange"))]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub enum Change {
    /// Adds a link, such as a cache or a peer. It carries no usual traffic unless its own says so.
    AddLink(Box<Link>),
    /// Takes a link away, such as a peer that is lost.
    RemoveLink {
        /// Its id.
        link: String,
    },
    /// Gives a link another capacity.
    SetCapacity {
        /// Its id.
        link: String,
        /// The capacity, bit/s.
        capacity_bps: f64,
    },
    /// Multiplies the capacity of a link.
    ScaleCapacity {
        /// Its id.
        link: String,
        /// By what.
        by: f64,
    },
    /// Another number of access lines; the audience follows in proportion.
    SetLines {
        /// How many.
        lines: f64,
    },
    /// Multiplies the access lines; the audience follows in proportion.
    ScaleLines {
        /// By what.
        by: f64,
    },
    /// Another distribution of line rates.
    SetLineRate(LineRate),
    /// Multiplies the rate of every line.
    ScaleLineRate {
        /// By what.
        by: f64,
    },
    /// Multiplies the downloads of every draw: 2 is double adoption.
    ScaleAudience {
        /// By what.
        by: f64,
    },
    /// Another size of one download on the wire.
    SetSize {
        /// Slug of the platform.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        platform: Option<String>,
        /// Bytes on the wire.
        bytes: f64,
    },
    /// Multiplies the size of one download.
    ScaleSize {
        /// Slug of the platform.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        platform: Option<String>,
        /// By what.
        by: f64,
    },
    /// Another instant of the release (or of the unlock, if there is one); a day if the hour is not known.
    SetRelease {
        /// When.
        at: Moment,
    },
    /// Moves everything that happens: preload, release, unlock and waves.
    Shift {
        /// Seconds later; earlier if negative.
        by_secs: i64,
    },
    /// Lets the release begin in waves, the first at its instant. Waves it has are each split alike.
    Stagger(Stagger),
    /// Other CDNs for a platform's bytes.
    CdnMix {
        /// Slug of the platform.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        platform: Option<String>,
        /// Share of the bytes by CDN, summing to 1.
        shares: BTreeMap<String, f64>,
    },
    /// Opens a preload before the first release.
    AddPreload {
        /// Seconds before it.
        before_secs: u32,
    },
    /// Takes the preload away.
    RemovePreload {},
    /// Holds every download back to a rate, by the publisher or by shaping.
    Throttle {
        /// Slug of the platform.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        platform: Option<String>,
        /// Largest rate of one download, bit/s.
        max_bps: f64,
    },
}

impl Change {
    /// Its name in JSON.
    const fn name(&self) -> &'static str {
        match self {
            Self::AddLink(_) => "add_link",
            Self::RemoveLink { .. } => "remove_link",
            Self::SetCapacity { .. } => "set_capacity",
            Self::ScaleCapacity { .. } => "scale_capacity",
            Self::SetLines { .. } => "set_lines",
            Self::ScaleLines { .. } => "scale_lines",
            Self::SetLineRate(_) => "set_line_rate",
            Self::ScaleLineRate { .. } => "scale_line_rate",
            Self::ScaleAudience { .. } => "scale_audience",
            Self::SetSize { .. } => "set_size",
            Self::ScaleSize { .. } => "scale_size",
            Self::SetRelease { .. } => "set_release",
            Self::Shift { .. } => "shift",
            Self::Stagger(_) => "stagger",
            Self::CdnMix { .. } => "cdn_mix",
            Self::AddPreload { .. } => "add_preload",
            Self::RemovePreload {} => "remove_preload",
            Self::Throttle { .. } => "throttle",
        }
    }
}

/// How a release begins in waves: so many equal ones, or one for every share.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Stagger {
    /// Number of equal waves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waves: Option<u32>,
    /// Share of the downloads of every wave, instead of equal ones; they sum to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shares: Option<Vec<f64>>,
    /// Seconds from one wave to the next.
    pub every_secs: u32,
}

#[cfg(test)]
mod tests;
