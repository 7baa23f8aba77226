//! The reference server of traffix: HTTP over the library crates, and nothing else.
//!
//! [`Config`] says what to serve, [`AppState`] holds what every request shares, [`serve`] runs until it is told
//! to stop. A handler extracts, calls one library function and maps the result.
#![forbid(unsafe_code)]

mod api;
mod attributor;
pub mod auth;
mod batches;
pub mod bundled;
pub mod cli;
pub mod clock;
mod collecting;
mod compute;
pub mod config;
mod exports;
mod health;
mod history;
mod http;
mod jobs;
mod limits;
mod live;
pub mod logging;
mod metrics;
pub mod planning;
pub mod plot;
pub mod proving;
pub mod report;
mod router;
mod running;
pub mod server;
mod spikes;
pub mod state;
mod tls;
pub mod ui;
mod usual;

pub use api::openapi_json;
pub use clock::Clock;
pub use config::Config;
pub use server::{ServeError, Server, serve};
pub use state::AppState;
