//! Who may talk to whom: sites with their entry points, routers and services, also those that nobody uses just now.

mod activity;
mod answers;

use std::collections::{BTreeMap, BTreeSet};

pub use activity::{Activity, Load, Ways};
pub use answers::{Configuration, TopologyError};

use super::{Client, Request};

/// Names that only logs showed, of each kind and site, at most: a name may come from a client.
const MAX_SEEN: usize = 1024;
/// What stands for the names beyond that.
const OTHERS: &str = "(others)";

/// Something that a request passes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Node {
    /// Who asked a site, where it is no other proxy.
    Client {
        /// The site that was asked.
        site: String,
        /// What is known of the client.
        origin: Origin,
    },
    /// A site as a whole: a log without entry points, or a proxy that asks another.
    Site {
        /// Its name.
        site: String,
    },
    /// An entry point of a site.
    EntryPoint {
        /// The site.
        site: String,
        /// Its name there.
        name: String,
    },
    /// A router of a site.
    Router {
        /// The site.
        site: String,
        /// Its name there.
        name: String,
    },
    /// A service of a site.
    Service {
        /// The site.
        site: String,
        /// Its name there.
        name: String,
    },
    /// What the site's log names nobody for: a request that no rule took, or a log that does not tell.
    Unattributed {
        /// The site.
        site: String,
    },
}

impl Node {
    /// The site that it belongs to. The same name on two sites is two nodes.
    pub fn site(&self) -> &str {
        match self {
            Self::Client { site, .. }
            | Self::Site { site }
            | Self::EntryPoint { site, .. }
            | Self::Router { site, .. }
            | Self::Service { site, .. }
            | Self::Unattributed { site } => site,
        }
    }
}

/// Where a request came from that no known proxy passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// An internal network.
    Internal,
    /// Outside; on a private proxy that is worth a look.
    External,
    /// The log does not tell.
    Unknown,
}

/// Who a site is meant for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum SiteKind {
    /// Anybody.
    #[default]
    Public,
    /// Internal networks and other proxies: a request from outside is not expected.
    Private,
}

/// One proxy or cache.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Site {
    /// Who it is meant for.
    pub kind: SiteKind,
    /// What it was told, if it says so.
    configuration: Configuration,
    entry_points: BTreeSet<String>,
    routers: BTreeSet<String>,
    services: BTreeSet<String>,
}

impl Site {
    /// Replaces what the site was told by what it says now. What logs showed stays.
    pub fn configure(&mut self, configuration: Configuration) {
        self.configuration = configuration;
    }

    /// The name to use: as told or seen, or the one for all others if there are too many.
    fn name<'a>(told: bool, seen: &mut BTreeSet<String>, name: &'a str) -> &'a str {
        if told || seen.contains(name) {
            return name;
        }
        let name = if seen.len() < MAX_SEEN { name } else { OTHERS };
        seen.insert(name.to_owned());
        name
    }
}

/// All sites.
///
/// ```
/// use traffix_telemetry::access_log::{Configuration, Format, Node, Reading, SiteKind, Topology};
/// let mut topology = Topology::default();
/// let mut told = Configuration::default();
/// told.add_routers(br#"[{"name": "shop@file", "entryPoints": ["web"], "service": "shop", "provider": "file"}]"#)?;
/// topology.site("edge", SiteKind::Public).configure(told);
///
/// let line = br#"{"StartUTC": "2026-11-07T12:34:56Z", "entryPointName": "web", "RouterName": "shop@file", "ServiceName": "shop@file"}"#;
/// let path = topology.path("edge", &Format::TraefikJson.parse(line, &Reading::default())?);
/// assert_eq!(path[3], Node::Service { site: "edge".into(), name: "shop@file".into() });
/// assert_eq!(topology.edges().len(), 2); // from the entry point to the router, from there to the service
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Topology {
    sites: BTreeMap<String, Site>,
}

impl Topology {
    /// The site with this name, which is added if it is new.
    pub fn site(&mut self, name: &str, kind: SiteKind) -> &mut Site {
        let site = self.sites.entry(name.to_owned()).or_default();
        site.kind = kind;
        site
    }

    /// Replaces what a site was told by what it says now; a site that is new is public.
    pub fn configure(&mut self, site: &str, configuration: Configuration) {
        self.sites.entry(site.to_owned()).or_default().configure(configuration);
    }

    /// All sites by name.
    pub fn sites(&self) -> impl Iterator<Item = (&str, &Site)> {
        self.sites.iter().map(|(name, site)| (name.as_str(), site))
    }

    /// What a request of a site passed, from the client on. What is not known yet is added.
    pub fn path(&mut self, site: &str, request: &Request<'_>) -> Vec<Node> {
        let mut path = Vec::with_capacity(4);
        let name = site;
        let origin = match &request.client {
            Client::Proxy(other) => {
                self.sites.entry(other.to_string()).or_default();
                path.push(Node::Site { site: other.to_string() });
                None
            }
            Client::Internal => Some(Origin::Internal),
            Client::External => Some(Origin::External),
            Client::Unknown => Some(Origin::Unknown),
        };
        path.extend(origin.map(|origin| Node::Client { site: name.to_owned(), origin }));
        let site = self.sites.entry(name.to_owned()).or_default();
        let told = &site.configuration;
        let own = || name.to_owned();
        path.push(match request.entry_point.as_deref() {
            Some(entry) => {
                let entry = Site::name(told.entry_points.contains(entry), &mut site.entry_points, entry);
                Node::EntryPoint { site: own(), name: entry.to_owned() }
            }
            None => Node::Site { site: own() },
        });
        if let Some(router) = request.router.as_deref() {
            let router = Site::name(told.routers.contains_key(router), &mut site.routers, router);
            path.push(Node::Router { site: own(), name: router.to_owned() });
        }
        path.push(match request.service.as_deref() {
            Some(service) => {
                // The common log format names a server's URL where the others name the service.
                let service = told.service_of_server(service).unwrap_or(service);
                let service = Site::name(told.services.contains_key(service), &mut site.services, service);
                Node::Service { site: own(), name: service.to_owned() }
            }
            None => Node::Unattributed { site: own() },
        });
        path
    }

    /// Everything that was told or seen, whether in use or not, without clients.
    pub fn nodes(&self) -> BTreeSet<Node> {
        let mut nodes = BTreeSet::new();
        for (name, site) in &self.sites {
            let own = || name.clone();
            let told = &site.configuration;
            nodes.insert(Node::Site { site: own() });
            let entries = told.entry_points.iter().chain(&site.entry_points);
            nodes.extend(entries.map(|entry| Node::EntryPoint { site: own(), name: entry.clone() }));
            let routers = told.routers.keys().chain(&site.routers);
            nodes.extend(routers.map(|router| Node::Router { site: own(), name: router.clone() }));
            let services = told.services.keys().chain(&site.services);
            nodes.extend(services.map(|service| Node::Service { site: own(), name: service.clone() }));
        }
        nodes
    }

    /// Whether the site itself told of a node, and not only its log. Sites are told of by their name.
    pub fn is_configured(&self, node: &Node) -> bool {
        let told = self.sites.get(node.site()).map(|site| &site.configuration);
        told.is_some_and(|told| match node {
            Node::Site { .. } => true,
            Node::EntryPoint { name, .. } => told.entry_points.contains(name),
            Node::Router { name, .. } => told.routers.contains_key(name),
            Node::Service { name, .. } => told.services.contains_key(name),
            Node::Client { .. } | Node::Unattributed { .. } => false,
        })
    }

    /// Ways that requests may take by what the sites told.
    pub fn edges(&self) -> BTreeSet<(Node, Node)> {
        let mut edges = BTreeSet::new();
        for (name, site) in &self.sites {
            for (router, way) in &site.configuration.routers {
                let router = Node::Router { site: name.clone(), name: router.clone() };
                for entry in &way.entry_points {
                    let entry = Node::EntryPoint { site: name.clone(), name: entry.clone() };
                    edges.insert((entry, router.clone()));
                }
                if let Some(service) = &way.service {
                    let service = Node::Service { site: name.clone(), name: service.clone() };
                    edges.insert((router, service));
                }
            }
        }
        edges
    }
}

#[cfg(test)]
mod tests;
