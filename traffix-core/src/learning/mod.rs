//! What a measured event teaches the next forecast.
//!
//! [`Learned`] is all that an operator keeps: a few named effects on `log(observed / predicted)` ([`Effects`]),
//! weights of platforms and start laws ([`updated_weights`], [`Shape`]). It is small, serialisable, and says in
//! words what it does to a forecast. [`Learned::learn`] takes all that was measured of an event. [`nowcast`] and [`nowcast_players`] correct an event that is running.
//!
//! A measurement made while a link or a CDN was full is a lower bound. It goes through
//! [`Effects::learn_at_least`] and never through the plain step.

mod censored;
mod effects;
mod event;
mod nowcast;
mod shape;
mod state;
mod weights;
mod words;

pub use censored::{Truncated, truncated_above};
pub use effects::{Correction, Effects};
pub use event::{MeasuredCurve, MeasuredEvent};
pub use nowcast::{Nowcast, nowcast, nowcast_players};
pub use shape::{Scale, SeenCurve, Shape};
pub use state::{Learned, LearnedError, MAX_EFFECTS, Measured, RESIDUAL_SD, SD_FLOWS, SD_PRESS};
pub use weights::{Weights, updated_weights};
