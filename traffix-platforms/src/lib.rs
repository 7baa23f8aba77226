//! Distribution platforms and delivery networks as facts with sources.
//!
//! - [`PLATFORMS`] is the registry of platforms; each is a folder with its [`Profile`]: what its client does, how
//!   big its part of a release is by default, who delivers for it. [`PlatformExt`] joins that with
//! - [`cdn`], the registry of delivery networks and their ASNs, and
//! - [`prefixes`], 36 thousand prefixes of those networks, embedded in 40 kB.
//! - [`prefix_table`] answers whose address something is, [`domain_table`] whose host name, and [`attributor`] joins both
//!   with other hints; [`export`] writes it all for other tools.
//!
//! ```
//! use traffix_platforms::{PlatformExt, platform, prefix_table};
//! let steam = platform("steam")?;
//! assert_eq!(steam.profile().owner, "Valve");
//! let answer = prefix_table().attribute("155.133.226.70".parse().unwrap());
//! assert_eq!(answer.platforms[0].platform, Some(steam.id()));
//! # Ok::<(), traffix_platforms::PlatformError>(())
//! ```
//!
//! Unknown is absent, never zero: a platform about which nobody has written whether it preloads has no such fact.
//! Nothing in here does I/O but the layers of [`upstream`], and those only for who builds them.

pub mod attribution;
pub mod cdn;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
pub mod delivery;
pub mod docs;
mod embedded;
pub mod entries;
mod error;
pub mod export;
pub mod import;
mod observation;
mod platform;
pub mod prefixes;
pub mod profile;
mod registry;
pub mod sources;
mod support;
#[cfg(test)]
mod testing;
pub mod upstream;
mod wire;

pub use attribution::{attributor, domain_table, prefix_table};
pub use error::{DataError, PlatformError};
pub use observation::{
    AudienceObservation, BuildObservation, Discover, ListingObservation, ListingRef, Notes, Page, UpdateSize,
    Vantage,
};
pub(crate) use observation::{SEEN_OPEN_CONFIDENCE, phase};
pub use platform::{Platform, PlatformExt, unsupported};
pub use profile::Profile;
pub use registry::*;
pub use support::{Availability, Datum, Support};

/// Compiles the examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
