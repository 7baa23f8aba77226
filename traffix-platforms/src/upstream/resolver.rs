//! Names to addresses, public ones only.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

use super::address::is_public;
use super::{Endpoints, UpstreamError};

/// Refuses addresses of the operator's own network, which no stranger's name or redirect may reach.
#[derive(Clone)]
pub(super) struct PublicOnly {
    endpoints: Endpoints,
    named: BTreeSet<String>,
    allow_private: bool,
}

/// A name that leads only to addresses that are not public.
#[derive(Debug)]
pub(super) struct PrivateName(pub(super) String);

impl fmt::Display for PrivateName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is at a private address", self.0)
    }
}

impl std::error::Error for PrivateName {}

impl PublicOnly {
    /// Everything is public if `allow_private`, and so is what the operator has named in `endpoints`.
    pub(super) fn new(endpoints: &Endpoints, allow_private: bool) -> Self {
        let named = endpoints.hosts().map(str::to_owned).collect();
        Self { endpoints: endpoints.clone(), named, allow_private }
    }

    /// Refuses an address that needs no resolver: one that is written out.
    pub(super) fn check(&self, url: &Url) -> Result<(), UpstreamError> {
        let address = match url.host() {
            Some(Host::Ipv4(v4)) => IpAddr::V4(v4),
            Some(Host::Ipv6(v6)) => IpAddr::V6(v6),
            _ => return Ok(()),
        };
        if self.allow_private || is_public(address) || self.endpoints.names(url) {
            return Ok(());
        }
        Err(UpstreamError::PrivateAddress(address.to_string()))
    }
}

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        let host = name.as_str().to_owned();
        let all = self.allow_private || self.named.contains(&host);
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((host.as_str(), 0)).await?.collect();
            let public: Vec<SocketAddr> =
                found.iter().copied().filter(|a| all || is_public(a.ip())).collect();
            if public.is_empty() && !found.is_empty() {
                return Err(PrivateName(host).into());
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}
