//! The formats, and finding out which one a line is in.

use chrono_tz::Tz;

use super::fields::LineError;
use super::{Clients, Request, haproxy, nginx, traefik};

/// A format of access logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// Traefik's `format: json`.
    TraefikJson,
    /// Traefik's `format: common`: the common log format with a request count, router, server and duration behind it.
    TraefikCommon,
    /// nginx's `combined`, which Apache writes too.
    Combined,
    /// lancache's `cachelog`.
    Cachelog,
    /// `HAProxy`'s `option httplog` (or `httpslog`), with or without what syslog writes before it.
    HaProxy,
}

/// What is needed to read lines besides the lines.
#[derive(Debug, Clone)]
pub struct Reading {
    /// Which clients are internal, and which are other proxies.
    pub clients: Clients,
    /// The time zone of logs that do not name theirs, which is `HAProxy`'s.
    pub zone: Tz,
}

impl Default for Reading {
    fn default() -> Self {
        Self { clients: Clients::default(), zone: Tz::UTC }
    }
}

impl Format {
    /// All formats, the most particular first.
    pub const ALL: [Self; 5] =
        [Self::TraefikJson, Self::Cachelog, Self::HaProxy, Self::TraefikCommon, Self::Combined];

    /// Its name in settings.
    ///
    /// ```
    /// use traffix_telemetry::access_log::Format;
    /// assert!(Format::ALL.iter().all(|format| Format::named(format.name()) == Some(*format)));
    /// ```
    pub fn name(self) -> &'static str {
        match self {
            Self::TraefikJson => "traefik-json",
            Self::TraefikCommon => "traefik-common",
            Self::Combined => "combined",
            Self::Cachelog => "cachelog",
            Self::HaProxy => "haproxy",
        }
    }

    /// The format with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }

    /// The format that a line is in: the most particular one that reads it.
    pub fn detect(line: &[u8]) -> Option<Self> {
        let reading = Reading::default();
        Self::ALL.into_iter().find(|format| format.parse(line, &reading).is_ok())
    }

    /// Reads a line, without its end.
    ///
    /// ```
    /// use traffix_telemetry::access_log::{Format, Reading, StatusClass};
    /// let line = br#"198.51.100.7 - - [07/Nov/2026:12:34:56 +0000] "GET / HTTP/1.1" 200 5120 "-" "curl/7.88.1""#;
    /// let request = Format::Combined.parse(line, &Reading::default())?;
    /// assert_eq!((request.status, request.sent_bytes), (Some(StatusClass::Successful), Some(5120)));
    /// # Ok::<(), traffix_telemetry::access_log::LineError>(())
    /// ```
    ///
    /// # Errors
    /// [`LineError`], with the place in the line.
    pub fn parse<'a>(self, line: &'a [u8], reading: &Reading) -> Result<Request<'a>, LineError> {
        match self {
            Self::TraefikJson => traefik::json(line, &reading.clients),
            Self::TraefikCommon => traefik::common(line, &reading.clients),
            Self::Combined => nginx::combined(line, &reading.clients),
            Self::Cachelog => nginx::cachelog(line, &reading.clients),
            Self::HaProxy => haproxy::http(line, reading),
        }
    }
}
