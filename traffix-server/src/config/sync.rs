//! Pulling from platforms: how often, how much, as whom.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};

/// Pulling the catalogue from platforms.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Sync {
    /// Whether the server pulls by itself. Off, it sends nothing to the internet; `traffix sync` pulls once.
    pub enabled: bool,
    /// Slugs of the platforms to pull; all if empty.
    pub platforms: Vec<String>,
    /// Repository on GitHub, `owner/name`, whose issues are suggestions for moderators; none if not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suggestions: Option<String>,
    /// Exchanges with IXP Manager whose traffic is kept: a table such as `inex = "https://www.inex.ie/ixp/"`.
    pub exchanges: BTreeMap<String, String>,
    /// The country that lists and delivery are looked at from, or `world`.
    pub region: String,
    /// Releases from so many days ago are looked for.
    pub back_days: u32,
    /// Releases up to so many days ahead are looked for.
    pub ahead_days: u32,
    /// Seconds between two looks at which listings of a platform are due.
    pub interval_secs: u32,
    /// Seconds between two readings of a platform's lists of titles.
    pub lists_interval_secs: u32,
    /// Most requests of one pull of one platform; the next one goes on from there.
    pub max_requests: u64,
    /// Longest time of one pull of one platform, in seconds.
    pub max_secs: u64,
    /// Seconds after which another process may take over from one that died.
    pub lease_secs: u64,
}

impl Default for Sync {
    fn default() -> Self {
        Self {
            enabled: false,
            platforms: Vec::new(),
            suggestions: None,
            exchanges: BTreeMap::new(),
            region: "world".into(),
            back_days: 30,
            ahead_days: 365,
            interval_secs: 900,
            lists_interval_secs: 6 * 3_600,
            max_requests: 2_000,
            max_secs: 1_800,
            lease_secs: 120,
        }
    }
}

/// Requests to the services of platforms.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Upstream {
    /// What the program calls itself; should name somebody who can be reached. The program's name if not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// Folder for kept answers, which spare the services repeated questions; none is kept if not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache: Option<PathBuf>,
    /// Most bytes of kept answers, by platform.
    pub cache_max_bytes: u64,
    /// Longest wait for a connection, in seconds.
    pub connect_timeout_secs: u32,
    /// Longest wait for a whole answer, in seconds.
    pub total_timeout_secs: u32,
    /// How fast services may be asked, where it should differ from what is known about them: a table such as
    /// `"api.steampowered.com" = { requests = 100, per_secs = 300 }`.
    pub rates: BTreeMap<String, Rate>,
    /// Other addresses for services: a table such as `"https://api.steampowered.com" = "http://127.0.0.1:8090"`.
    pub endpoints: BTreeMap<String, String>,
}

impl Default for Upstream {
    fn default() -> Self {
        Self {
            user_agent: None,
            cache: None,
            cache_max_bytes: 128 << 20,
            connect_timeout_secs: 10,
            total_timeout_secs: 60,
            rates: BTreeMap::new(),
            endpoints: BTreeMap::new(),
        }
    }
}

/// At most so many requests in any window of so many seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// How many; at least 1.
    pub requests: u32,
    /// In how many seconds; at least 1.
    pub per_secs: u32,
}

/// Keys and tokens for the services of platforms, by name: `steam`, `github` … A platform that lacks one says so.
/// In the environment: `TRAFFIX__CREDENTIALS__STEAM`; underscores stand for the hyphens of names.
#[derive(Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Credentials(BTreeMap<String, String>);

impl Credentials {
    /// From names and secrets.
    pub fn new(secrets: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(secrets.into_iter().collect())
    }

    /// Name and secret of each.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, secret)| (name.as_str(), secret.as_str()))
    }

    /// The same with those of `others` added, of which every name that is taken stays as it is.
    pub(crate) fn or(mut self, others: Self) -> Self {
        for (name, secret) in others.0 {
            self.0.entry(name).or_insert(secret);
        }
        self
    }
}

/// Secrets are never written.
impl Serialize for Credentials {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.keys().map(|name| (name, "***")))
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.0.keys().map(|name| (name, "***"))).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_never_written() {
        let credentials = Credentials::new([("steam".into(), "0123456789ABCDEF".into())]);
        let shown = format!("{credentials:?} {}", serde_json::to_string(&credentials).unwrap());
        assert!(shown.contains("steam") && !shown.contains("0123456789ABCDEF"), "{shown}");
    }
}
