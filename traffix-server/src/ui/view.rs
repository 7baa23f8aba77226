//! What the page shows, before it is HTML.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use crate::plot::{FanChart, HeatStrip};

/// Everything on the page.
#[derive(Debug, Clone)]
pub(super) struct Page {
    /// The instant that counts as now.
    pub(super) now: DateTime<Utc>,
    /// Whether the clock stands still for a demonstration.
    pub(super) pretended: bool,
    /// Zone of the network.
    pub(super) zone: Tz,
    /// The network looked at.
    pub(super) network: Choice,
    /// All networks to choose from.
    pub(super) networks: Vec<Choice>,
    /// The answer in one sentence.
    pub(super) verdict: String,
    /// Whether the answer calls for action.
    pub(super) alarm: bool,
    /// What comes next.
    pub(super) events: Vec<Event>,
    /// The outlook; absent if nothing comes.
    pub(super) chart: Option<FanChart>,
    /// Utilisation of the links.
    pub(super) strip: Option<HeatStrip>,
    /// Links, the most endangered first.
    pub(super) links: Vec<LinkRow>,
    /// Events that fall together.
    pub(super) clashes: Vec<String>,
}

/// A network to choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Choice {
    /// Identifier, as in the address.
    pub(super) id: String,
    /// Name.
    pub(super) name: String,
    /// One line about it.
    pub(super) about: String,
}

/// A release or update that comes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Event {
    /// Identifier.
    pub(super) id: String,
    /// Title.
    pub(super) title: String,
    /// `release`, `update`.
    pub(super) kind: &'static str,
    /// Its windows in order.
    pub(super) moments: Vec<Moment>,
    /// Where it is listed.
    pub(super) platforms: Vec<String>,
    /// Size per device, in words.
    pub(super) size: Option<String>,
    /// Expected peak of the extra traffic: P50 and P90 in bit/s.
    pub(super) peak: Option<(f64, f64)>,
}

/// One window of an event.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Moment {
    /// `preload`, `unlock`.
    pub(super) what: &'static str,
    /// On the network's clock, as precisely as it is known.
    pub(super) local: String,
    /// In UTC.
    pub(super) utc: String,
    /// `to the minute`, `day only`.
    pub(super) precision: &'static str,
}

/// One link.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct LinkRow {
    /// Identifier.
    pub(super) id: String,
    /// Capacity in bit/s.
    pub(super) capacity_bps: f64,
    /// Highest share of the capacity in use, P50 and P90.
    pub(super) used: (f64, f64),
    /// Chance that it fills.
    pub(super) probability: f64,
    /// When it is fullest, in words.
    pub(super) when: String,
}
