//! The Riot Client.

use std::sync::LazyLock;

use traffix_core::catalogue::PlatformId;

use crate::embedded::profile;
use crate::{Platform, Profile};

const ID: PlatformId = PlatformId::from_static("riot");

static PROFILE: LazyLock<Profile> =
    LazyLock::new(|| profile(ID, include_str!("profile.toml"), include_str!("delivery.tsv")));

/// The Riot Client.
pub(crate) struct Riot;

impl Platform for Riot {
    fn id(&self) -> PlatformId {
        ID
    }

    fn profile(&self) -> &Profile {
        &PROFILE
    }
}
