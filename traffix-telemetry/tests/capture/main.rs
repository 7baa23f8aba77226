//! Captures with known contents: what servers delivered, under which names, and what hides it.

#![expect(clippy::unwrap_used, reason = "a failing step should stop these tests")]

mod build;
mod damage;
mod formats;
mod openings;
mod suggestions;
mod truth;
mod tunnels;
