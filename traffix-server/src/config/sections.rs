//! The sections of the configuration and their defaults.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::reference::without_password;
use super::{AccessLog, Collect, Credentials, Live, Measurements, Proof, Retention, Spikes, Sync, Upstream};

/// Everything that can be set.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Listening and answering.
    pub server: Server,
    /// Where the catalogue is kept.
    pub database: Database,
    /// Encryption of connections.
    pub tls: Tls,
    /// Who may do what.
    pub auth: Auth,
    /// How many requests a client may make.
    pub limits: Limits,
    /// Prepared answers.
    pub cache: Cache,
    /// Forecasts and outlooks, which cost processor time.
    pub compute: Compute,
    /// What is logged.
    pub log: Log,
    /// Counting what routers export, beside the server. Off until an address is set.
    pub collect: Collect,
    /// How long measurements are kept, and how finely. Days are UTC days and count back from today.
    pub retention: Retention,
    /// Who may read measurements.
    pub measurements: Measurements,
    /// Looking for spikes in what was measured, and for what caused them.
    pub spikes: Spikes,
    /// The live picture of what proxies and caches answer. It is there when an `[[access_log]]` is named.
    pub live: Live,
    /// Access logs of proxies and caches that are followed; the section may be repeated. If `collect.network` is set, the
    /// bytes of their hosts are measurements of that network, on a link with the name of the site.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub access_log: Vec<AccessLog>,
    /// Forecasts that are frozen before releases for every saved network, scored by what was measured, and learned from.
    pub proof: Proof,
    /// Pulling the catalogue from platforms.
    pub sync: Sync,
    /// Requests to the services of platforms.
    pub upstream: Upstream,
    /// Keys and tokens for the services of platforms, by name: `steam`, `github` … A platform that lacks one says so.
    /// In the environment: `TRAFFIX__CREDENTIALS__STEAM`.
    pub credentials: Credentials,
}

/// Listening and answering.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Server {
    /// Address and port to listen on; port 0 takes any free one.
    #[schemars(with = "String")]
    pub listen: SocketAddr,
    /// Pretend that it is this instant, for demonstrations and tests (RFC 3339).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<DateTime<Utc>>,
    /// Networks of reverse proxies whose `X-Forwarded-For` and `X-Request-Id` are believed.
    #[schemars(with = "Vec<String>")]
    pub trusted_proxies: Vec<IpNet>,
    /// Web origins that may call the API from a browser, such as `https://noc.example.net`; `*` for all.
    pub cors_origins: Vec<String>,
    /// Seconds after which a request is answered 503 instead.
    pub request_timeout_secs: u64,
    /// Seconds that running requests get to finish when the server stops.
    pub shutdown_grace_secs: u64,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            at: None,
            trusted_proxies: Vec::new(),
            cors_origins: Vec::new(),
            request_timeout_secs: 30,
            shutdown_grace_secs: 10,
        }
    }
}

/// Where the catalogue is kept.
#[derive(Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Database {
    /// `sqlite:PATH` or `postgres://USER:PASSWORD@HOST/DATABASE`.
    pub url: String,
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database").field("url", &without_password(&self.url)).finish()
    }
}

impl Default for Database {
    fn default() -> Self {
        Self { url: "sqlite:traffix.db".into() }
    }
}

/// Encryption of connections.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Tls {
    /// File with the certificate chain, PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<PathBuf>,
    /// File with the private key, PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<PathBuf>,
    /// Make a certificate for `localhost` at start, for development.
    pub self_signed: bool,
}

/// Who may do what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Auth {
    /// Whether reading needs no key. Writing always needs one.
    pub open_reading: bool,
}

impl Default for Auth {
    fn default() -> Self {
        Self { open_reading: true }
    }
}

/// How many requests a client may make. A client is a key, else an IPv4 address, else an IPv6 /64.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Whether requests are limited at all.
    pub enabled: bool,
    /// Requests per minute of a client without a key; as many may come at once.
    pub anonymous_per_minute: u32,
    /// Requests per minute of a key.
    pub key_per_minute: u32,
    /// As how many requests a forecast or an outlook counts.
    pub compute_cost: u32,
    /// Most clients remembered; beyond them the longest idle are forgotten.
    pub max_clients: usize,
    /// Most bytes of a request's body.
    pub max_body_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            enabled: true,
            anonymous_per_minute: 1_200,
            key_per_minute: 6_000,
            compute_cost: 10,
            max_clients: 100_000,
            max_body_bytes: 1 << 20,
        }
    }
}

/// Prepared answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Cache {
    /// Most bytes of prepared answers kept.
    pub max_bytes: u64,
    /// Milliseconds for which a change made by another process on the same database may go unseen. Changes made
    /// through this server are seen at once.
    pub freshness_ms: u64,
}

impl Default for Cache {
    fn default() -> Self {
        Self { max_bytes: 64 << 20, freshness_ms: 250 }
    }
}

/// Forecasts and outlooks, which cost processor time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Compute {
    /// How many run at once; 0 for one per processor.
    pub workers: usize,
    /// How many wait for a worker; more are answered 503.
    pub queue: usize,
    /// Seconds after which a waiting or running one is answered 503.
    pub timeout_secs: u64,
}

impl Default for Compute {
    fn default() -> Self {
        Self { workers: 0, queue: 64, timeout_secs: 20 }
    }
}

/// What is logged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// Which messages, as `level` or `module=level,…`.
    pub filter: String,
    /// How they look; `auto` is text on a terminal and JSON elsewhere.
    pub format: LogFormat,
    /// Which requests are logged.
    pub requests: LogRequests,
}

impl Default for Log {
    fn default() -> Self {
        Self { filter: "info".into(), format: LogFormat::Auto, requests: LogRequests::Notable }
    }
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// Text on a terminal, JSON elsewhere.
    #[default]
    Auto,
    /// Text.
    Text,
    /// One JSON object a line.
    Json,
}

/// Which requests are logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LogRequests {
    /// Writes, failures (5xx) and those slower than a second.
    #[default]
    Notable,
    /// Every one.
    All,
}
