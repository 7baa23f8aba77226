//! Settings: flags over environment over file over defaults.
//!
//! Nothing must be configured to start. Every setting is a documented field of a section below; the reference
//! page and the defaults are generated from them.

mod collect;
mod live;
mod load;
mod proof;
mod reference;
mod sections;
mod spikes;
mod sync;

pub use collect::{Collect, Measurements, Retention};
pub use live::{AccessLog, Live};
pub use load::{ConfigError, load};
pub use proof::Proof;
pub use reference::markdown;
pub use sections::{
    Auth, Cache, Compute, Config, Database, Limits, Log, LogFormat, LogRequests, Server, Tls,
};
pub use spikes::Spikes;
pub use sync::{Credentials, Rate, Sync, Upstream};
