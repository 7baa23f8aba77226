//! From one release or update to bit/s on one network.
//!
//! The pieces are public, so that an operator can use any of them alone: [`Clock`] (operational time),
//! [`Law`] (who starts when), [`curve()`] (closed-form traffic), [`shared_link`] (what a full link delivers),
//! [`pour`] (which path carries it), [`fuse`] (how many downloads), [`quantile`] (how sure).
//!
//! Everything here is a function of its arguments: no clock, no I/O, no hidden randomness.

pub mod math;
pub mod priors;
pub mod scenario;

mod audience;
mod clock;
mod corrections;
mod curve;
mod delay;
mod draws;
mod engine;
mod estimate;
mod input;
mod law;
mod output;
mod paths;
mod plan;
mod population;
mod pouring;
mod quantile;
mod reduce;
mod routes;
mod run;
mod select;
mod shared;
mod short;
mod size;
mod validate;
mod volume;
mod world;
mod worlds;

pub use audience::{LogNormal, fuse, joint_sigma};
pub(crate) use clock::LocalHours;
pub use clock::{Activity, Clock, Grid, local_instant};
pub(crate) use corrections::spread as log_spread;
pub use corrections::{Corrections, Laws};
pub use curve::{Cohort, Curve, RateClass, curve};
pub use draws::draw_log_normal;
pub use input::{
    ForecastInput, Item, Moment, Options, ParseMomentError, PastEvent, RuInput, RuKind, Signals, Wave,
};
pub use law::{Law, Start, start_shares};
pub use output::{
    AppliedCorrection, Exceed, Fan, Forecast, GridInfo, InstantQuantiles, LinkForecast, Missing,
    PeakForecast, Quantiles, SigmaBudget,
};
pub use paths::{PathLimit, Poured, cdn_split, free_capacity, pour};
pub use quantile::{REPORTED, exceedance, quantile, sorted_quantile};
pub use run::{ForecastError, forecast, forecast_with};
pub use shared::{SharedLink, ShotNoise, bin_of_share, shared_link, shot_noise};
pub use size::Size;
pub use validate::limits;
pub use volume::bytes_by_platform;
pub use worlds::Worlds;

/// Name of the CDN that stands for "not known which".
pub const UNKNOWN_CDN: &str = "unknown";

/// What the outlook builds on.
pub(crate) mod engine_parts {
    pub(crate) use super::clock::instant;
    pub(crate) use super::curve::peak;
    pub(crate) use super::draws::Draws;
    pub(crate) use super::plan::Plan;
    pub(crate) use super::population::{byte_shares, median_sizes, platform_belief};
    pub(crate) use super::pouring::{Paths, Pouring, TILE, Tile};
    pub(crate) use super::routes::{Route, Routes, baseline, fill_shares};
    pub(crate) use super::select::{Columns, Ranks};
    pub(crate) use super::short::Short;
    pub(crate) use super::volume::median_download;
}
