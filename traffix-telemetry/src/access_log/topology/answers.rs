//! What Traefik's API says of its configuration.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde::de::DeserializeOwned;

/// An answer of Traefik's API that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("Traefik's answer about {what} cannot be read: {source}; is the address that of its API?")]
pub struct TopologyError {
    what: &'static str,
    source: serde_json::Error,
}

/// What a site was told: its entry points, routers and services.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Configuration {
    pub(super) entry_points: BTreeSet<String>,
    pub(super) routers: BTreeMap<String, Way>,
    /// With the URLs of their servers.
    pub(super) services: BTreeMap<String, Vec<String>>,
}

/// Where a router takes requests from and to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Way {
    pub(super) entry_points: Vec<String>,
    pub(super) service: Option<String>,
}

#[derive(Deserialize)]
struct EntryPoint {
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Router {
    name: Option<String>,
    #[serde(default)]
    entry_points: Vec<String>,
    /// The entry points that are really used: those above, or Traefik's defaults.
    #[serde(default)]
    using: Vec<String>,
    service: Option<String>,
    provider: Option<String>,
}

#[derive(Deserialize)]
struct Service {
    name: Option<String>,
    #[serde(rename = "loadBalancer", alias = "loadbalancer")]
    load_balancer: Option<LoadBalancer>,
}

#[derive(Deserialize)]
struct LoadBalancer {
    #[serde(default)]
    servers: Vec<Server>,
}

#[derive(Deserialize)]
struct Server {
    url: Option<String>,
}

#[derive(Deserialize)]
struct Raw {
    #[serde(default)]
    routers: BTreeMap<String, Router>,
    #[serde(default)]
    services: BTreeMap<String, Service>,
}

impl Configuration {
    /// Adds a page of `/api/entrypoints`.
    ///
    /// # Errors
    /// [`TopologyError`]; then nothing is added.
    pub fn add_entry_points(&mut self, answer: &[u8]) -> Result<(), TopologyError> {
        let entry_points: Vec<EntryPoint> = read("entry points", answer)?;
        self.entry_points.extend(entry_points.into_iter().map(|entry| entry.name));
        Ok(())
    }

    /// Adds a page of `/api/http/routers`.
    ///
    /// # Errors
    /// [`TopologyError`]; then nothing is added.
    pub fn add_routers(&mut self, answer: &[u8]) -> Result<(), TopologyError> {
        let routers: Vec<Router> = read("routers", answer)?;
        for router in routers {
            self.router(None, router);
        }
        Ok(())
    }

    /// Adds a page of `/api/http/services`.
    ///
    /// # Errors
    /// [`TopologyError`]; then nothing is added.
    pub fn add_services(&mut self, answer: &[u8]) -> Result<(), TopologyError> {
        let services: Vec<Service> = read("services", answer)?;
        for service in services {
            self.service(None, service);
        }
        Ok(())
    }

    /// Adds `/api/rawdata`, which has routers and services at once.
    ///
    /// # Errors
    /// [`TopologyError`]; then nothing is added.
    pub fn add_raw_data(&mut self, answer: &[u8]) -> Result<(), TopologyError> {
        let raw: Raw = read("everything", answer)?;
        raw.routers.into_iter().for_each(|(name, router)| self.router(Some(name), router));
        raw.services.into_iter().for_each(|(name, service)| self.service(Some(name), service));
        Ok(())
    }

    fn router(&mut self, name: Option<String>, router: Router) {
        let Some(name) = router.name.or(name) else { return };
        let of_name = name.rsplit_once('@').map(|(_, provider)| provider.to_owned());
        let provider = router.provider.or(of_name);
        // A service of the same provider may be named without it; logs always name it.
        let qualified = |service: String| match &provider {
            Some(provider) if !service.contains('@') => format!("{service}@{provider}"),
            _ => service,
        };
        let entry_points = if router.using.is_empty() { router.entry_points } else { router.using };
        self.routers.insert(name, Way { entry_points, service: router.service.map(qualified) });
    }

    fn service(&mut self, name: Option<String>, service: Service) {
        let Some(name) = service.name.or(name) else { return };
        let servers = service.load_balancer.into_iter().flat_map(|balancer| balancer.servers);
        self.services.insert(name, servers.filter_map(|server| server.url).collect());
    }

    /// The service that a server works for, if it is one alone.
    pub(super) fn service_of_server(&self, url: &str) -> Option<&str> {
        let mut of = self.services.iter().filter(|(_, servers)| servers.iter().any(|server| server == url));
        let (name, _) = of.next()?;
        of.next().is_none().then_some(name)
    }
}

fn read<T: DeserializeOwned>(what: &'static str, answer: &[u8]) -> Result<T, TopologyError> {
    serde_json::from_slice(answer).map_err(|source| TopologyError { what, source })
}
