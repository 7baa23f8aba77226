//! Windows Update.

use std::sync::LazyLock;

use traffix_core::catalogue::PlatformId;

use crate::embedded::profile;
use crate::{Platform, Profile};

const ID: PlatformId = PlatformId::from_static("windows-update");

static PROFILE: LazyLock<Profile> =
    LazyLock::new(|| profile(ID, include_str!("profile.toml"), include_str!("delivery.tsv")));

/// Windows Update.
pub(crate) struct WindowsUpdate;

impl Platform for WindowsUpdate {
    fn id(&self) -> PlatformId {
        ID
    }

    fn profile(&self) -> &Profile {
        &PROFILE
    }
}
