//! The live picture as JSON.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;
use traffix_core::catalogue::PlatformId;
use traffix_core::delivery::CdnId;
use traffix_telemetry::access_log::{
    CacheStatus, Client, Load, Node, Origin, SiteKind, StatusClass, Topology, Ways,
};

use super::{Shown, SiteStatus, WINDOW_SECS};

/// One request that a proxy or cache answered. Nothing in it tells who asked; what is absent is not known.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct LiveRequest {
    /// Its number, in the order in which requests began as far as they were logged in time.
    seq: u64,
    /// When it began; when it was logged, where the log does not tell.
    start: DateTime<Utc>,
    /// How long it took, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_ms: Option<u64>,
    /// Whether one that began later has a lower number: this one took long, or its log came late.
    late: bool,
    /// The proxy or cache.
    site: String,
    /// Where it came in.
    #[serde(skip_serializing_if = "Option::is_none")]
    entry_point: Option<String>,
    /// Which rule chose the service.
    #[serde(skip_serializing_if = "Option::is_none")]
    router: Option<String>,
    /// Who answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<String>,
    /// Where it came from: `internal`, `proxy`, `external` or `unknown`.
    client: &'static str,
    /// Which proxy asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    proxy: Option<String>,
    /// Class of its status: `1xx` to `5xx`.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
    /// Bytes sent to the client.
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
    /// The host that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<String>,
    /// The platform that the host belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    platform: Option<PlatformId>,
    /// The CDN that the host belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    cdn: Option<CdnId>,
    /// Whether a cache had the answer: `hit`, `miss`, `bypass`, `expired`, `stale`, `updating` or `revalidated`.
    #[serde(skip_serializing_if = "Option::is_none")]
    cache: Option<&'static str>,
}

impl LiveRequest {
    pub(super) fn new(seq: u64, shown: Shown) -> Self {
        let Shown { site, request, late, key } = shown;
        let host = request.host.map(std::borrow::Cow::into_owned);
        let (client, proxy) = match request.client {
            Client::Internal => ("internal", None),
            Client::Proxy(name) => ("proxy", Some(name.to_string())),
            Client::External => ("external", None),
            Client::Unknown => ("unknown", None),
        };
        Self {
            seq,
            start: DateTime::from_timestamp_micros(request.start_us).unwrap_or_default(),
            duration_ms: request.duration_us.map(|us| us / 1000),
            late,
            site: site.to_string(),
            entry_point: request.entry_point.map(std::borrow::Cow::into_owned),
            router: request.router.map(std::borrow::Cow::into_owned),
            service: request.service.map(std::borrow::Cow::into_owned),
            client,
            proxy,
            status: request.status.map(status),
            bytes: request.sent_bytes,
            host,
            platform: key.platform,
            cdn: key.cdn,
            cache: request.cache.map(cache),
        }
    }

    pub(crate) fn seq(&self) -> u64 {
        self.seq
    }

    pub(crate) fn site(&self) -> &str {
        &self.site
    }
}

fn status(class: StatusClass) -> &'static str {
    match class {
        StatusClass::Informational => "1xx",
        StatusClass::Successful => "2xx",
        StatusClass::Redirection => "3xx",
        StatusClass::ClientError => "4xx",
        StatusClass::ServerError => "5xx",
    }
}

fn cache(status: CacheStatus) -> &'static str {
    match status {
        CacheStatus::Hit => "hit",
        CacheStatus::Miss => "miss",
        CacheStatus::Bypass => "bypass",
        CacheStatus::Expired => "expired",
        CacheStatus::Stale => "stale",
        CacheStatus::Updating => "updating",
        CacheStatus::Revalidated => "revalidated",
    }
}

/// Proxies and caches with their parts, and what passed between them in the last minutes.
#[derive(Serialize, JsonSchema)]
pub(crate) struct NetworkInfo {
    /// Now.
    at: DateTime<Utc>,
    /// Seconds that `edges` look back.
    window_secs: u32,
    /// Proxies and caches by name.
    sites: Vec<SiteInfo>,
    /// Everything that requests pass, whether in use or not.
    nodes: Vec<NodeInfo>,
    /// Ways between nodes, used or configured.
    edges: Vec<EdgeInfo>,
}

/// A proxy or cache.
#[derive(Serialize, JsonSchema)]
struct SiteInfo {
    /// Its name.
    name: String,
    /// `public`, or `private` if only internal networks and other proxies are expected to ask it.
    kind: &'static str,
    /// Lines read since the start of the server.
    lines: u64,
    /// Lines that could not be read.
    malformed: u64,
    /// Lines that were passed over because they were too long.
    too_long: u64,
    /// What is wrong with its logs.
    #[serde(skip_serializing_if = "Option::is_none")]
    log_error: Option<String>,
    /// When it last told its configuration; absent if it never did.
    #[serde(skip_serializing_if = "Option::is_none")]
    told: Option<DateTime<Utc>>,
    /// Why it does not tell its configuration now.
    #[serde(skip_serializing_if = "Option::is_none")]
    api_error: Option<String>,
}

/// Something that requests pass.
#[derive(Serialize, JsonSchema)]
struct NodeInfo {
    /// Its identifier in `edges`.
    id: String,
    /// `client`, `site`, `entry-point`, `router`, `service`, or `unattributed` for what no service is named for.
    kind: &'static str,
    /// The site that it belongs to.
    site: String,
    /// Its name there; of clients `internal`, `external` or `unknown`.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// Whether the site itself told of it, and not only its log.
    configured: bool,
}

/// A way between two nodes.
#[derive(Serialize, JsonSchema)]
struct EdgeInfo {
    /// The node nearer to the client.
    from: String,
    /// The node that it asks.
    to: String,
    /// Requests that ended in the window.
    requests: u64,
    /// Mean rate of what was sent to clients in the window, bit/s.
    bps: f64,
    /// Requests by class of status.
    status: StatusCounts,
}

/// Requests by class of status. Those that have none are only in `requests`.
#[derive(Serialize, JsonSchema)]
struct StatusCounts {
    /// 100 to 199.
    #[serde(rename = "1xx")]
    informational: u64,
    /// 200 to 299.
    #[serde(rename = "2xx")]
    successful: u64,
    /// 300 to 399.
    #[serde(rename = "3xx")]
    redirection: u64,
    /// 400 to 499.
    #[serde(rename = "4xx")]
    client_error: u64,
    /// 500 to 599.
    #[serde(rename = "5xx")]
    server_error: u64,
}

impl NetworkInfo {
    pub(super) fn new(
        at: DateTime<Utc>,
        topology: &Topology,
        ways: &Ways,
        status: &BTreeMap<String, SiteStatus>,
    ) -> Self {
        let mut nodes = topology.nodes();
        nodes.extend(ways.keys().flat_map(|(from, to)| [from.clone(), to.clone()]));
        let idle = topology.edges().into_iter().map(|way| (way, Load::default()));
        let mut edges: BTreeMap<_, _> = idle.collect();
        edges.extend(ways.iter().map(|(way, load)| (way.clone(), *load)));
        Self {
            at,
            window_secs: WINDOW_SECS,
            sites: sites(topology, status),
            nodes: nodes_info(&nodes, topology),
            edges: edges.iter().map(|((from, to), load)| EdgeInfo::new(from, to, load)).collect(),
        }
    }
}

fn sites(topology: &Topology, status: &BTreeMap<String, SiteStatus>) -> Vec<SiteInfo> {
    let site = |(name, site): (&str, &traffix_telemetry::access_log::Site)| {
        let SiteStatus { lines, malformed, too_long, log_error, told, api_error, .. } =
            status.get(name).cloned().unwrap_or_default();
        let kind = match site.kind {
            SiteKind::Public => "public",
            SiteKind::Private => "private",
        };
        SiteInfo { name: name.to_owned(), kind, lines, malformed, too_long, log_error, told, api_error }
    };
    topology.sites().map(site).collect()
}

fn nodes_info(nodes: &BTreeSet<Node>, topology: &Topology) -> Vec<NodeInfo> {
    let info = |node: &Node| {
        let (kind, name) = named(node);
        NodeInfo {
            id: id(node),
            kind,
            site: node.site().to_owned(),
            name: name.map(str::to_owned),
            configured: topology.is_configured(node),
        }
    };
    nodes.iter().map(info).collect()
}

/// Kind and name of a node.
fn named(node: &Node) -> (&'static str, Option<&str>) {
    match node {
        Node::Client { origin: Origin::Internal, .. } => ("client", Some("internal")),
        Node::Client { origin: Origin::External, .. } => ("client", Some("external")),
        Node::Client { origin: Origin::Unknown, .. } => ("client", Some("unknown")),
        Node::Site { .. } => ("site", None),
        Node::EntryPoint { name, .. } => ("entry-point", Some(name)),
        Node::Router { name, .. } => ("router", Some(name)),
        Node::Service { name, .. } => ("service", Some(name)),
        Node::Unattributed { .. } => ("unattributed", None),
    }
}

fn id(node: &Node) -> String {
    match named(node) {
        (kind, Some(name)) => format!("{kind}/{}/{name}", node.site()),
        (kind, None) => format!("{kind}/{}", node.site()),
    }
}

impl EdgeInfo {
    fn new(from: &Node, to: &Node, load: &Load) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "a rate is known to far less than 53 bits")]
        let bytes = load.bytes as f64;
        Self {
            from: id(from),
            to: id(to),
            requests: load.requests,
            bps: bytes * 8.0 / f64::from(WINDOW_SECS),
            status: StatusCounts {
                informational: load.with_status(StatusClass::Informational),
                successful: load.with_status(StatusClass::Successful),
                redirection: load.with_status(StatusClass::Redirection),
                client_error: load.with_status(StatusClass::ClientError),
                server_error: load.with_status(StatusClass::ServerError),
            },
        }
    }
}
