//! Who plays what, as far as it is public and names nobody; and the relays that carry play.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use serde::Deserialize;

use super::ID;
use super::api::{keyed, web_api};
use super::wire::Enveloped;
use crate::PlatformError;
use crate::upstream::{Call, Fetched, Upstream};
use crate::wire::count;

/// Most profiles of one request.
const MAX_PROFILES: usize = 100;

/// Who may see a profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visibility {
    /// Nobody.
    Private,
    /// Friends.
    Friends,
    /// Everybody.
    Public,
}

/// What somebody does now. It holds neither a name nor an identifier, and of a profile that is not public nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlayerState {
    /// Who may see the profile; absent for a value that is not known.
    pub visibility: Option<Visibility>,
    /// Whether the player is signed in.
    pub online: bool,
    /// The app that is being played.
    pub game: Option<u64>,
    /// ISO 3166 code of the country, where the player has published it.
    pub country: Option<String>,
}

#[derive(Deserialize)]
struct Profiles {
    #[serde(default)]
    players: Vec<Profile>,
}

#[derive(Deserialize)]
struct Profile {
    #[serde(default)]
    communityvisibilitystate: u8,
    #[serde(default)]
    personastate: u8,
    #[serde(default, deserialize_with = "count")]
    gameid: Option<u64>,
    #[serde(default)]
    loccountrycode: Option<String>,
}

impl From<Profile> for PlayerState {
    fn from(profile: Profile) -> Self {
        let visibility = match profile.communityvisibilitystate {
            1 => Some(Visibility::Private),
            2 => Some(Visibility::Friends),
            3 => Some(Visibility::Public),
            _ => None,
        };
        let public = visibility == Some(Visibility::Public);
        Self {
            visibility,
            online: public && profile.personastate != 0,
            game: profile.gameid.filter(|_| public),
            country: profile.loccountrycode.filter(|code| public && code.len() == 2),
        }
    }
}

/// What the players of at most a hundred profiles do now, in no particular order; unknown profiles are left out. Needs
/// the key `steam`. Names, places and dates are dropped as the answer is read.
///
/// # Errors
/// Those of the request; [`PlatformError::Malformed`] for more than a hundred profiles, before anything is sent.
pub async fn player_states(up: &dyn Upstream, profiles: &[u64]) -> Result<Vec<PlayerState>, PlatformError> {
    let operation = "GetPlayerSummaries";
    if profiles.len() > MAX_PROFILES {
        let detail = format!("{} profiles: ask for at most {MAX_PROFILES}", profiles.len());
        return Err(Call::new(ID, operation, up).malformed("steamids", detail));
    }
    let ids: Vec<String> = profiles.iter().map(u64::to_string).collect();
    let request = web_api("ISteamUser/GetPlayerSummaries/v2").query("steamids", ids.join(","));
    let answer = keyed::<Enveloped<Profiles>>(up, operation, request).await?;
    Ok(answer.value.response.players.into_iter().map(PlayerState::from).collect())
}

/// A place where Steam's relays stand.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct PointOfPresence {
    /// Its name.
    #[serde(default)]
    pub desc: Option<String>,
    /// Longitude and latitude in degrees.
    #[serde(default)]
    pub geo: Option<(f64, f64)>,
    /// Other codes of the same place.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// Its relays; a place may have none.
    #[serde(default)]
    pub relays: Vec<Relay>,
}

/// A relay: its traffic is play, not downloads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Relay {
    /// Its address.
    pub ipv4: Ipv4Addr,
    /// First and last UDP port.
    #[serde(default)]
    pub port_range: Option<(u16, u16)>,
}

/// The relays that carry the play of `app`, by code of their place: addresses of Valve whose traffic is no download.
///
/// # Errors
/// [`PlatformError::NotFound`] if the app has none.
pub async fn play_relays(
    up: &dyn Upstream,
    app: u32,
) -> Result<Fetched<BTreeMap<String, PointOfPresence>>, PlatformError> {
    #[derive(Deserialize)]
    struct Config {
        #[serde(default)]
        success: bool,
        #[serde(default)]
        pops: BTreeMap<String, PointOfPresence>,
    }
    let call = Call::new(ID, "GetSDRConfig", up);
    let request = web_api("ISteamApps/GetSDRConfig/v1").query("appid", app).fresh_for(3600);
    let answer = call.json::<Config>(request).await?;
    if answer.value.success {
        Ok(answer.map(|config| config.pops))
    } else {
        Err(call.not_found(app.to_string()))
    }
}
