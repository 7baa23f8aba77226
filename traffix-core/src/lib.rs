//! What a game release, an update or a premiere will do to an ISP's links.
//!
//! Pure: no I/O, no clock, no global state. Time, randomness and data are arguments.

pub mod delivery;
pub mod invalid;

pub use invalid::Invalid;
