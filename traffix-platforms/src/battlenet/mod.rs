//! Battle.net, the launcher of Blizzard and of Call of Duty on PCs.

use std::sync::LazyLock;

use traffix_core::catalogue::PlatformId;

use crate::embedded::profile;
use crate::{Platform, Profile};

const ID: PlatformId = PlatformId::from_static("battlenet");

static PROFILE: LazyLock<Profile> =
    LazyLock::new(|| profile(ID, include_str!("profile.toml"), include_str!("delivery.tsv")));

/// Battle.net, the launcher of Blizzard and of Call of Duty on PCs.
pub(crate) struct Battlenet;

impl Platform for Battlenet {
    fn id(&self) -> PlatformId {
        ID
    }

    fn profile(&self) -> &Profile {
        &PROFILE
    }
}
