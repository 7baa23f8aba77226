//! All platforms, and what can only be said about several of them.

use traffix_core::catalogue::{PlatformId, Region};

use crate::error::PlatformError;
use crate::platform::{Platform, PlatformExt};

/// Declares the modules of the platforms and their registry from one line each: folder, module, type.
macro_rules! platforms {
    ($($folder:literal => $module:ident::$platform:ident,)*) => {
        $(#[path = $folder] pub mod $module;)*

        /// Every platform this crate knows, by slug.
        pub static PLATFORMS: &[&dyn Platform] = &[$(&$module::$platform),*];
    };
}

// A new platform is its folder and one line here, in the order of slugs.
platforms! {
    "apple/mod.rs" => apple::Apple,
    "battlenet/mod.rs" => battlenet::Battlenet,
    "ea/mod.rs" => ea::Ea,
    "epic/mod.rs" => epic::Epic,
    "gog/mod.rs" => gog::Gog,
    "nintendo/mod.rs" => nintendo::Nintendo,
    "playstation/mod.rs" => playstation::PlayStation,
    "riot/mod.rs" => riot::Riot,
    "steam/mod.rs" => steam::Steam,
    "tmdb/mod.rs" => tmdb::Tmdb,
    "tvmaze/mod.rs" => tvmaze::TvMaze,
    "ubisoft/mod.rs" => ubisoft::Ubisoft,
    "windows-update/mod.rs" => windows_update::WindowsUpdate,
    "xbox/mod.rs" => xbox::Xbox,
}

/// The platform of this slug.
///
/// # Errors
/// [`PlatformError::UnknownPlatform`] if no platform has it.
///
/// # Example
/// ```
/// assert_eq!(traffix_platforms::platform("steam")?.profile().name, "Steam");
/// # Ok::<(), traffix_platforms::PlatformError>(())
/// ```
pub fn platform(slug: &str) -> Result<&'static dyn Platform, PlatformError> {
    let found = PLATFORMS.iter().find(|platform| platform.id().as_str() == slug);
    found.copied().ok_or_else(|| PlatformError::UnknownPlatform(slug.chars().take(80).collect()))
}

/// How the downloads of a title that is listed on `platforms` divide among them in `region`, by default.
///
/// Each group of platforms (the PC stores, the phones) divides the group's share equally among those of its members
/// that carry the title; a platform without a default weight counts as the mean of those that have one; then all are
/// scaled to sum to 1. Platforms that are not registered count as having no default weight. Duplicates count once;
/// the answer is sorted by slug and empty only if `platforms` is.
///
/// ```
/// use traffix_platforms::default_weights;
/// let on = ["steam".parse()?, "epic".parse()?, "playstation".parse()?];
/// let weights = default_weights(&on, &"GB".parse()?);
/// assert_eq!(weights[1].0.as_str(), "playstation");
/// assert!(weights[1].1 > 0.8); // 0.47 against 0.10 for all PC stores together
/// assert_eq!(weights[0].1, weights[2].1);
/// # Ok::<(), traffix_core::catalogue::ParseSlugError>(())
/// ```
pub fn default_weights(platforms: &[PlatformId], region: &Region) -> Vec<(PlatformId, f64)> {
    let mut ids = platforms.to_vec();
    ids.sort_unstable();
    ids.dedup();
    let weights: Vec<_> = ids
        .iter()
        .map(|id| platform(id.as_str()).ok().and_then(|platform| platform.default_weight(region)))
        .collect();
    let members =
        |group: &String| weights.iter().flatten().filter(|w| w.group.as_ref() == Some(group)).count();
    let raw: Vec<Option<f64>> = weights
        .iter()
        .map(|weight| weight.map(|w| w.share / count_f64(w.group.as_ref().map_or(1, members))))
        .collect();
    let known: Vec<f64> = raw.iter().copied().flatten().filter(|share| *share > 0.0).collect();
    let mean = if known.is_empty() { 1.0 } else { known.iter().sum::<f64>() / count_f64(known.len()) };
    let filled: Vec<f64> = raw.into_iter().map(|share| share.unwrap_or(mean)).collect();
    let sum: f64 = filled.iter().sum();
    let equal = 1.0 / count_f64(filled.len().max(1));
    let share = |weight: f64| if sum > 0.0 { weight / sum } else { equal };
    ids.into_iter().zip(filled.into_iter().map(share)).collect()
}

/// A small count as a number to divide by.
fn count_f64(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::from(u32::MAX), f64::from)
}
