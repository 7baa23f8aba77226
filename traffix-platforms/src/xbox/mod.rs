//! Xbox consoles and the Microsoft Store.

use std::sync::LazyLock;

use traffix_core::catalogue::PlatformId;

use crate::embedded::profile;
use crate::{Platform, Profile};

const ID: PlatformId = PlatformId::from_static("xbox");

static PROFILE: LazyLock<Profile> =
    LazyLock::new(|| profile(ID, include_str!("profile.toml"), include_str!("delivery.tsv")));

/// Xbox consoles and the Microsoft Store.
pub(crate) struct Xbox;

impl Platform for Xbox {
    fn id(&self) -> PlatformId {
        ID
    }

    fn profile(&self) -> &Profile {
        &PROFILE
    }
}
