//! Owner of the top-level `examples/`, `benches/` and `tests/`. It exports nothing.
//!
//! The code of the README runs as a test of this package.

/// The README, so that its code is compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;
