//! Where games are played: servers, what they say about themselves, and when they must be updated.
//!
//! Names of players are not read, nor are those of servers, which often name a person.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde::Deserialize;

use super::ID;
use super::api::{keyed, web_api};
use super::wire::Enveloped;
use crate::PlatformError;
use crate::upstream::{Call, Fetched, Upstream, UpstreamError};
use crate::wire::count;

/// How often one address may be asked about, as the service says.
const ADDRESS_PAUSE: Duration = Duration::from_mins(1);

/// One thing to be true of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Condition {
    /// It serves this app.
    App(u32),
    /// It has this address.
    Address(IpAddr),
    /// It has this address and query port.
    Endpoint(SocketAddr),
    /// It runs the game in this folder.
    GameDir(String),
    /// It runs this map.
    Map(String),
    /// Its name matches, with `*` as wildcard.
    NameMatches(String),
    /// It has all of these tags.
    GameType(Vec<String>),
    /// Somebody plays.
    HasPlayers,
    /// Nobody plays.
    NoPlayers,
    /// There is room.
    NotFull,
    /// It is dedicated.
    Dedicated,
    /// It is protected against cheating.
    Secure,
}

impl Condition {
    fn write(&self, filter: &mut String) {
        let (key, value) = match self {
            Self::App(app) => ("appid", app.to_string()),
            Self::Address(address) => ("addr", address.to_string()),
            Self::Endpoint(endpoint) => ("addr", endpoint.to_string()),
            Self::GameDir(folder) => ("gamedir", folder.clone()),
            Self::Map(map) => ("map", map.clone()),
            Self::NameMatches(pattern) => ("name_match", pattern.clone()),
            Self::GameType(tags) => ("gametype", tags.join(",")),
            Self::HasPlayers => ("empty", "1".to_owned()),
            Self::NoPlayers => ("noplayers", "1".to_owned()),
            Self::NotFull => ("full", "1".to_owned()),
            Self::Dedicated => ("dedicated", "1".to_owned()),
            Self::Secure => ("secure", "1".to_owned()),
        };
        pair(filter, key, &value);
    }
}

/// Which servers to list: pairs of key and value between backslashes.
///
/// ```
/// use traffix_platforms::steam::{Condition, ServerFilter};
/// let filter = ServerFilter::all([Condition::App(440), Condition::Dedicated])
///     .none_of([Condition::NoPlayers, Condition::Map("cp_dustbowl".into())]);
/// assert_eq!(filter.as_str(), r"\appid\440\dedicated\1\nor\2\noplayers\1\map\cp_dustbowl");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServerFilter(String);

impl ServerFilter {
    /// Servers of which all of these are true.
    pub fn all(conditions: impl IntoIterator<Item = Condition>) -> Self {
        let mut filter = String::new();
        conditions.into_iter().for_each(|condition| condition.write(&mut filter));
        Self(filter)
    }

    /// Leaves out servers of which any of these is true.
    #[must_use]
    pub fn none_of(self, conditions: impl IntoIterator<Item = Condition>) -> Self {
        self.group("nor", conditions)
    }

    /// Leaves out servers of which all of these are true.
    #[must_use]
    pub fn not_all_of(self, conditions: impl IntoIterator<Item = Condition>) -> Self {
        self.group("nand", conditions)
    }

    /// As it is sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A group counts the pairs that follow it; a group of none would be the next one's.
    fn group(mut self, kind: &str, conditions: impl IntoIterator<Item = Condition>) -> Self {
        let conditions: Vec<Condition> = conditions.into_iter().collect();
        if !conditions.is_empty() {
            pair(&mut self.0, kind, &conditions.len().to_string());
            for condition in &conditions {
                condition.write(&mut self.0);
            }
        }
        self
    }
}

/// A value cannot hold a backslash: it would begin another pair.
fn pair(filter: &mut String, key: &str, value: &str) {
    // Writing to a text does not fail.
    let _ = write!(filter, "\\{key}\\{}", value.replace('\\', ""));
}

/// A game server.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct GameServer {
    /// Address and query port.
    pub addr: SocketAddr,
    /// The port that is played on, where it is another.
    #[serde(default, rename = "gameport")]
    pub game_port: Option<u16>,
    /// The app.
    #[serde(default, rename = "appid")]
    pub app: Option<u32>,
    /// Folder of the game.
    #[serde(default)]
    pub gamedir: Option<String>,
    /// Version of the game.
    #[serde(default)]
    pub version: Option<String>,
    /// People playing.
    #[serde(default)]
    pub players: Option<u32>,
    /// Room for people.
    #[serde(default)]
    pub max_players: Option<u32>,
    /// Players that are programs.
    #[serde(default)]
    pub bots: Option<u32>,
    /// The map.
    #[serde(default)]
    pub map: Option<String>,
    /// Whether it is dedicated.
    #[serde(default)]
    pub dedicated: Option<bool>,
    /// Whether it is protected against cheating.
    #[serde(default)]
    pub secure: Option<bool>,
    /// `l`, `w` or `m`.
    #[serde(default)]
    pub os: Option<String>,
}

#[derive(Deserialize)]
struct Servers {
    /// Absent if there is none.
    #[serde(default)]
    servers: Vec<GameServer>,
    #[serde(default)]
    success: Option<bool>,
}

/// Game servers, at most `limit`; none if no server is as asked. Needs the key `steam`.
///
/// # Errors
/// Those of the request; without a key, [`UpstreamError::MissingCredential`].
pub async fn game_servers(
    up: &dyn Upstream,
    filter: &ServerFilter,
    limit: u32,
) -> Result<Fetched<Vec<GameServer>>, PlatformError> {
    let request = web_api("IGameServersService/GetServerList/v1")
        .query("filter", filter.as_str())
        .query("limit", limit);
    let answer = keyed::<Enveloped<Servers>>(up, "GetServerList", request).await?;
    Ok(answer.map(|answer| answer.response.servers))
}

/// Game servers at one address. Without a key, and at most once a minute for an address.
///
/// # Errors
/// Those of the request; asked too often, a retryable one that says how long to wait.
pub async fn servers_at_address(
    up: &dyn Upstream,
    address: IpAddr,
) -> Result<Fetched<Vec<GameServer>>, PlatformError> {
    let operation = "GetServersAtAddress";
    let request = web_api("ISteamApps/GetServersAtAddress/v1").query("addr", address).fresh_for(60);
    let answer = Call::new(ID, operation, up).json::<Enveloped<Servers>>(request).await?;
    if answer.value.response.success == Some(false) {
        // The only reason for which it is known to refuse; it says so with status 200.
        let source = UpstreamError::Status { status: 429, retry_after: Some(ADDRESS_PAUSE) };
        return Err(PlatformError::Upstream { platform: ID, operation, source });
    }
    Ok(answer.map(|answer| answer.response.servers))
}

/// The version that servers of `app` must have; when it moves, a mandatory update has been pushed.
///
/// # Errors
/// [`PlatformError::NotFound`] for apps without versions, which are most.
pub async fn required_version(up: &dyn Upstream, app: u32) -> Result<Fetched<u64>, PlatformError> {
    #[derive(Deserialize)]
    struct Answer {
        #[serde(default)]
        success: bool,
        #[serde(default, deserialize_with = "count")]
        required_version: Option<u64>,
    }
    let call = Call::new(ID, "UpToDateCheck", up);
    let request =
        web_api("ISteamApps/UpToDateCheck/v1").query("appid", app).query("version", 1).fresh_for(300);
    let answer = call.json::<Enveloped<Answer>>(request).await?;
    match answer.value.response.required_version.filter(|_| answer.value.response.success) {
        Some(version) => Ok(answer.map(|_| version)),
        None => Err(call.not_found(app.to_string())),
    }
}

/// A server behind Steam's relays: an address in 169.254.0.0/16 that only Steam understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FakeAddress {
    ip: Ipv4Addr,
    port: u16,
    app: u32,
}

impl FakeAddress {
    /// Of a server of `app`; nothing if the address is a real one.
    pub fn new(ip: Ipv4Addr, port: u16, app: u32) -> Option<Self> {
        ip.is_link_local().then_some(Self { ip, port, app })
    }

    async fn query<T: serde::de::DeserializeOwned>(
        self,
        up: &dyn Upstream,
        kind: u8,
    ) -> Result<Fetched<Enveloped<T>>, PlatformError> {
        let request = web_api("IGameServersService/QueryByFakeIP/v1")
            .query("fake_ip", u32::from(self.ip))
            .query("fake_port", self.port)
            .query("app_id", self.app)
            .query("query_type", kind);
        keyed(up, "QueryByFakeIP", request).await
    }

    fn silent(self, up: &dyn Upstream) -> PlatformError {
        Call::new(ID, "QueryByFakeIP", up).not_found(format!("{}:{}", self.ip, self.port))
    }
}

/// What a server behind a relay says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ServerStatus {
    /// The app.
    #[serde(default, rename = "app_id")]
    pub app: Option<u32>,
    /// Folder of the game.
    #[serde(default)]
    pub gamedir: Option<String>,
    /// The map.
    #[serde(default)]
    pub map: Option<String>,
    /// Version of the game.
    #[serde(default)]
    pub version: Option<String>,
    /// People playing.
    #[serde(default, rename = "num_players")]
    pub players: Option<u32>,
    /// Room for people.
    #[serde(default)]
    pub max_players: Option<u32>,
    /// Players that are programs.
    #[serde(default, rename = "num_bots")]
    pub bots: Option<u32>,
    #[serde(default)]
    sdr_popid: Option<u32>,
}

impl ServerStatus {
    /// Code of the point of presence that the server is near, as [`play_relays`](super::play_relays) names it or as
    /// one of its aliases: the number holds its letters.
    pub fn pop(&self) -> Option<String> {
        let letters: Vec<u8> =
            self.sdr_popid?.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
        let code = String::from_utf8(letters).ok()?;
        (!code.is_empty() && code.bytes().all(|b| b.is_ascii_alphanumeric())).then_some(code)
    }
}

/// State of a server behind a relay. Needs the key `steam`.
///
/// # Errors
/// [`PlatformError::NotFound`] if it does not answer.
pub async fn server_status(
    up: &dyn Upstream,
    server: FakeAddress,
) -> Result<Fetched<ServerStatus>, PlatformError> {
    #[derive(Deserialize)]
    struct Answer {
        ping_data: Option<ServerStatus>,
    }
    let mut answer = server.query::<Answer>(up, 1).await?;
    let status = answer.value.response.ping_data.take().ok_or_else(|| server.silent(up))?;
    Ok(answer.map(|_| status))
}

/// One player of a server, without a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct PlayTime {
    /// Points.
    #[serde(default)]
    pub score: Option<i64>,
    /// Seconds since joining.
    #[serde(default, rename = "time_played", deserialize_with = "count")]
    pub played_secs: Option<u64>,
}

/// How long the players of a server behind a relay have been there. Needs the key `steam`.
///
/// # Errors
/// [`PlatformError::NotFound`] if it does not answer.
pub async fn server_players(
    up: &dyn Upstream,
    server: FakeAddress,
) -> Result<Fetched<Vec<PlayTime>>, PlatformError> {
    #[derive(Deserialize)]
    struct Answer {
        players_data: Option<Players>,
    }
    #[derive(Deserialize)]
    struct Players {
        #[serde(default)]
        players: Vec<PlayTime>,
    }
    let mut answer = server.query::<Answer>(up, 2).await?;
    let players = answer.value.response.players_data.take().ok_or_else(|| server.silent(up))?;
    Ok(answer.map(|_| players.players))
}

/// The rules of a server behind a relay, by name. Needs the key `steam`. Documented by the protocol definition only.
///
/// # Errors
/// [`PlatformError::NotFound`] if it does not answer.
pub async fn server_rules(
    up: &dyn Upstream,
    server: FakeAddress,
) -> Result<Fetched<BTreeMap<String, String>>, PlatformError> {
    #[derive(Deserialize)]
    struct Answer {
        rules_data: Option<Rules>,
    }
    #[derive(Deserialize)]
    struct Rules {
        #[serde(default)]
        rules: Vec<Rule>,
    }
    #[derive(Deserialize)]
    struct Rule {
        rule: String,
        #[serde(default)]
        value: String,
    }
    let mut answer = server.query::<Answer>(up, 3).await?;
    let rules = answer.value.response.rules_data.take().ok_or_else(|| server.silent(up))?;
    Ok(answer.map(|_| rules.rules.into_iter().map(|rule| (rule.rule, rule.value)).collect()))
}
