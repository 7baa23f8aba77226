//! Who asked, as far as it is kept: a kind of network, never an address.

use core::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

/// Where a request came from.
///
/// Addresses are looked at while a line is read and then gone: no value of this type holds one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Client {
    /// One of the networks that were named as internal.
    Internal,
    /// Another proxy, by the name of its site.
    Proxy(Arc<str>),
    /// Any other address.
    External,
    /// The line does not tell, or tells no address: a local socket, a field that was dropped.
    Unknown,
}

/// Which addresses are internal, and which belong to other proxies.
///
/// ```
/// use traffix_telemetry::access_log::{Client, Clients};
/// let clients = Clients::default()
///     .internal("10.0.0.0/8".parse()?)
///     .proxy("edge", "10.0.0.5/32".parse()?);
/// assert_eq!(clients.classify(b"10.1.2.3:40084"), Client::Internal);
/// assert_eq!(clients.classify(b"10.0.0.5"), Client::Proxy("edge".into()));
/// assert_eq!(clients.classify(b"198.51.100.7"), Client::External);
/// assert_eq!(clients.classify(b"unix:"), Client::Unknown);
/// # Ok::<(), ipnet::AddrParseError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Clients {
    /// Longest prefix first, so that the first match is the most specific.
    networks: Vec<(IpNet, Client)>,
}

impl Clients {
    /// Adds an internal network.
    #[must_use]
    pub fn internal(self, network: IpNet) -> Self {
        self.with(network, Client::Internal)
    }

    /// Adds an address or network from which another proxy asks.
    #[must_use]
    pub fn proxy(self, name: &str, network: IpNet) -> Self {
        self.with(network, Client::Proxy(name.into()))
    }

    fn with(mut self, network: IpNet, client: Client) -> Self {
        self.networks.push((network.trunc(), client));
        // Proxies come first among equal prefixes: a proxy inside is more specific than the inside.
        self.networks.sort_by_key(|(network, client)| {
            (core::cmp::Reverse(network.prefix_len()), !matches!(client, Client::Proxy(_)))
        });
        self
    }

    /// Classifies what a line says of its client: an address with or without a port, or something else. Of a list as
    /// in `X-Forwarded-For`, the last is the nearest, and the only one that a client cannot make up.
    pub fn classify(&self, written: &[u8]) -> Client {
        let last = written.rsplit(|byte| *byte == b',').next().unwrap_or_default();
        address(last.trim_ascii()).map_or(Client::Unknown, |address| self.of(address))
    }

    fn of(&self, address: IpAddr) -> Client {
        // IPv4 written as IPv6 is what a socket for both says of an IPv4 client.
        let address = address.to_canonical();
        let found = self.networks.iter().find(|(network, _)| network.contains(&address));
        found.map_or(Client::External, |(_, client)| client.clone())
    }
}

/// Reads `192.0.2.7`, `192.0.2.7:80`, `2001:db8::7`, `[2001:db8::7]:80`.
fn address(written: &[u8]) -> Option<IpAddr> {
    let bare = match written {
        [b'[', rest @ ..] => &rest[..memchr::memchr(b']', rest)?],
        _ => match (memchr::memchr(b':', written), memchr::memrchr(b':', written)) {
            (Some(only), Some(last)) if only == last => &written[..only],
            _ => written,
        },
    };
    // An IPv6 address may name its interface.
    let bare = memchr::memchr(b'%', bare).map_or(bare, |zone| &bare[..zone]);
    core::str::from_utf8(bare).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(written: &str, expected: &Client) {
        let clients = Clients::default()
            .internal("10.0.0.0/8".parse().unwrap())
            .internal("fd00::/8".parse().unwrap())
            .proxy("edge", "10.9.0.0/16".parse().unwrap())
            .proxy("far", "203.0.113.4/32".parse().unwrap());
        assert_eq!(clients.classify(written.as_bytes()), *expected, "{written}");
    }

    #[test]
    fn the_most_specific_network_wins() {
        check("10.0.0.1", &Client::Internal);
        check("[fd00::1]:443", &Client::Internal);
        check("fd00::1%eth0", &Client::Internal);
        check("::ffff:10.0.0.1", &Client::Internal);
        check("10.9.3.2:80", &Client::Proxy("edge".into()));
        check("203.0.113.4", &Client::Proxy("far".into()));
        check("198.51.100.7, 203.0.113.4", &Client::Proxy("far".into()));
        check("203.0.113.5", &Client::External);
        check("2001:db8::1", &Client::External);
        for unknown in ["", "-", "unix:", "@", "example.net:80", "[", "[]", "10.0.0", "\u{fffd}"] {
            check(unknown, &Client::Unknown);
        }
    }
}
