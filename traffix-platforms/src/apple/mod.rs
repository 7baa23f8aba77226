//! Apple systems and the App Store.

use std::sync::LazyLock;

use traffix_core::catalogue::PlatformId;

use crate::embedded::profile;
use crate::{Platform, Profile};

const ID: PlatformId = PlatformId::from_static("apple");

static PROFILE: LazyLock<Profile> =
    LazyLock::new(|| profile(ID, include_str!("profile.toml"), include_str!("delivery.tsv")));

/// Apple systems and the App Store.
pub(crate) struct Apple;

impl Platform for Apple {
    fn id(&self) -> PlatformId {
        ID
    }

    fn profile(&self) -> &Profile {
        &PROFILE
    }
}
