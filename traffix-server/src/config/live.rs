//! Access logs of proxies and caches, and the live picture that is made of them.

use std::fmt;
use std::path::PathBuf;

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::reference::without_password;

/// The live picture of what proxies and caches answer. It is there when an `[[access_log]]` is named.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Live {
    /// Whether reading it needs no key. Off, because access logs tell who is asked for what; a key of any role reads it.
    pub open_reading: bool,
    /// Networks whose requests are internal. The private address ranges if not set.
    #[schemars(with = "Vec<String>")]
    pub internal: Vec<IpNet>,
    /// Milliseconds for which a request is held so that those that began before it can overtake it.
    pub reorder_ms: u32,
    /// Latest requests that are kept to be shown, and for event streams that resume.
    pub keep_requests: usize,
    /// Seconds between two questions to Traefik about its configuration.
    pub refresh_secs: u32,
    /// Folder for how far logs were read, and what was counted and not yet written.
    pub state: PathBuf,
}

impl Default for Live {
    fn default() -> Self {
        let private = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8"];
        let private = private.into_iter().chain(["fc00::/7", "fe80::/10", "::1/128"]);
        Self {
            open_reading: false,
            internal: private.filter_map(|network| network.parse().ok()).collect(),
            reorder_ms: 2000,
            keep_requests: 10_000,
            refresh_secs: 30,
            state: "traffix-access-logs".into(),
        }
    }
}

/// An access log of a proxy or cache that is followed. If `collect.network` is set, the bytes of its hosts are
/// measurements of that network, on a link with the name of the site.
#[derive(Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AccessLog {
    /// What the proxy is called. Several logs may be of one site only if they are one entry with a pattern.
    pub site: String,
    /// The file; `*` and `?` may stand in its name. Files that rotation makes of it belong to it.
    pub path: PathBuf,
    /// `traefik-json`, `traefik-common`, `combined`, `cachelog` or `haproxy`; found out if not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// Whether only internal networks and other proxies are expected to ask it.
    pub private: bool,
    /// Address of Traefik's API, such as `http://127.0.0.1:8080`, to know services that nobody uses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api: Option<String>,
    /// Addresses from which this proxy asks others.
    #[schemars(with = "Vec<String>")]
    pub addresses: Vec<IpNet>,
    /// Time zone of a log that does not name its own, which is `HAProxy`'s; UTC if not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// Whether what was logged before the first start is read too, from rotated and compressed files as well.
    pub history: bool,
}

impl AccessLog {
    /// With secrets masked.
    pub(super) fn masked(&self) -> Self {
        Self { api: self.api.as_deref().map(without_password), ..self.clone() }
    }
}

impl fmt::Debug for AccessLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let api = self.api.as_deref().map(without_password);
        f.debug_struct("AccessLog")
            .field("site", &self.site)
            .field("path", &self.path)
            .field("api", &api)
            .finish_non_exhaustive()
    }
}
