//! The reference server of traffix: HTTP over the library crates, and nothing else.
//!
//! [`Config`] says what to serve, [`AppState`] holds what every request shares, [`serve`] runs until it is told
//! to stop. A handler extracts, calls one library function and maps the result.
#![forbid(unsafe_code)]

pub mod cli;
pub mod clock;
pub mod config;
pub mod plot;
pub mod report;
pub mod server;
pub mod state;
pub mod ui;

pub use clock::Clock;
pub use config::Config;
pub use server::{ServeError, Server, serve};
pub use state::AppState;
