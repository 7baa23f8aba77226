//! What the page shows, before it is HTML.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use crate::plot::{FanChart, HeatStrip};

/// Everything on the page.
#[derive(Debug, Clone)]
pub struct Page {
    /// The instant that counts as now.
    pub now: DateTime<Utc>,
    /// Whether the clock stands still for a demonstration.
    pub pretended: bool,
    /// Zone of the network.
    pub zone: Tz,
    /// The network looked at.
    pub network: Choice,
    /// All networks to choose from.
    pub networks: Vec<Choice>,
    /// The answer in one sentence.
    pub verdict: String,
    /// Whether the answer calls for action.
    pub alarm: bool,
    /// What comes next.
    pub events: Vec<Event>,
    /// The outlook; absent if nothing comes.
    pub chart: Option<FanChart>,
    /// Utilisation of the links.
    pub strip: Option<HeatStrip>,
    /// Links, the most endangered first.
    pub links: Vec<LinkRow>,
    /// Events that fall together.
    pub clashes: Vec<String>,
}

/// A network to choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// Identifier, as in the address.
    pub id: String,
    /// Name.
    pub name: String,
    /// One line about it.
    pub about: String,
}

/// A release or update that comes.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Identifier.
    pub id: String,
    /// Title.
    pub title: String,
    /// `release`, `update`.
    pub kind: &'static str,
    /// Its windows in order.
    pub moments: Vec<Moment>,
    /// Where it is listed.
    pub platforms: Vec<String>,
    /// Size per device, in words.
    pub size: Option<String>,
    /// Expected peak of the extra traffic: P50 and P90 in bit/s.
    pub peak: Option<(f64, f64)>,
}

/// One window of an event.
#[derive(Debug, Clone, PartialEq)]
pub struct Moment {
    /// `preload`, `unlock`.
    pub what: &'static str,
    /// On the network's clock, as precisely as it is known.
    pub local: String,
    /// In UTC.
    pub utc: String,
    /// `to the minute`, `day only`.
    pub precision: &'static str,
}

/// One link.
#[derive(Debug, Clone, PartialEq)]
pub struct LinkRow {
    /// Identifier.
    pub id: String,
    /// Capacity in bit/s.
    pub capacity_bps: f64,
    /// Highest share of the capacity in use, P50 and P90.
    pub used: (f64, f64),
    /// Chance that it fills.
    pub probability: f64,
    /// When it is fullest, in words.
    pub when: String,
}
