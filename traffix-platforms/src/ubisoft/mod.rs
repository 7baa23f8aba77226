//! Ubisoft Connect, formerly Uplay.

use std::sync::LazyLock;

use traffix_core::catalogue::PlatformId;

use crate::embedded::profile;
use crate::{Platform, Profile};

const ID: PlatformId = PlatformId::from_static("ubisoft");

static PROFILE: LazyLock<Profile> =
    LazyLock::new(|| profile(ID, include_str!("profile.toml"), include_str!("delivery.tsv")));

/// Ubisoft Connect, formerly Uplay.
pub(crate) struct Ubisoft;

impl Platform for Ubisoft {
    fn id(&self) -> PlatformId {
        ID
    }

    fn profile(&self) -> &Profile {
        &PROFILE
    }
}
