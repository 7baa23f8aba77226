//! What a game release, an update or a premiere will do to an ISP's links.
//!
//! Pure: no I/O, no clock, no global state. Time, randomness and data are arguments.
#![deny(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    clippy::cast_lossless
)]

pub mod baseline;
pub mod catalogue;
pub mod delivery;
pub mod evidence;
pub mod explanation;
pub mod forecast;
pub mod golden;
pub mod invalid;
pub mod learning;
pub mod measurement;
pub mod network;
pub mod outlook;
pub mod overlay;
pub mod samples;
pub mod score;
pub mod series;
pub mod spike;
pub mod units;

mod num;
mod robust;

pub use evidence::{Evidence, Fact, Observation, SourceKind};
pub use invalid::Invalid;
pub use units::{BitsPerSecond, Bytes, ParseUnitError};
