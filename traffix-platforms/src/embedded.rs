//! Data that is compiled into the crate.

use std::fmt::Display;

use traffix_core::catalogue::PlatformId;

use crate::Profile;

/// The value of embedded data.
///
/// Embedded data is no input: it is fixed when the crate is built, and the registry's tests read all of it. If it
/// were broken anyway, nothing this crate could say would be true, so this is its only deliberate panic.
pub(crate) fn must<T, E: Display>(what: &str, value: Result<T, E>) -> T {
    value.unwrap_or_else(|error| panic!("embedded data {what}: {error}"))
}

/// The profile of a platform's folder.
pub(crate) fn profile(id: PlatformId, profile_toml: &str, delivery_tsv: &str) -> Profile {
    let what = id.to_string();
    must(&what, Profile::parse(id, profile_toml, delivery_tsv))
}
