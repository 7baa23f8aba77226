use super::*;
use crate::access_log::{Clients, Format, Reading, StatusClass};

/// As Traefik 3 answers with a file provider and its dashboard.
const ROUTERS: &[u8] = br#"[
    {"entryPoints":["traefik"],"service":"api@internal","rule":"PathPrefix(`/api`)","priority":9223372036854775806,
     "status":"enabled","using":["traefik"],"name":"api@internal","provider":"internal"},
    {"service":"shop","rule":"Host(`shop.example`)","status":"enabled","using":["web","websecure"],
     "name":"shop@file","provider":"file"},
    {"entryPoints":["web"],"service":"idle@docker","rule":"Host(`idle.example`)","name":"idle@file","provider":"file"}]"#;
const SERVICES: &[u8] = br#"[
    {"status":"enabled","usedBy":["api@internal"],"name":"api@internal","provider":"internal"},
    {"loadBalancer":{"servers":[{"url":"http://10.0.0.7:8080"},{"url":"http://10.0.0.8:8080"}],"passHostHeader":true},
     "status":"enabled","serverStatus":{"http://10.0.0.7:8080":"UP"},"name":"shop@file","provider":"file"},
    {"weighted":{"services":[{"name":"shop@file","weight":1}]},"name":"idle@docker","provider":"docker"}]"#;
const ENTRY_POINTS: &[u8] = br#"[{"address":":80","name":"web"},{"address":":443","name":"websecure"},
    {"address":":8080","name":"traefik"}]"#;

fn told() -> Configuration {
    let mut told = Configuration::default();
    told.add_entry_points(ENTRY_POINTS).unwrap();
    told.add_routers(ROUTERS).unwrap();
    told.add_services(SERVICES).unwrap();
    told
}

fn service(site: &str, name: &str) -> Node {
    Node::Service { site: site.into(), name: name.into() }
}

fn line(client: &str, server: &str) -> String {
    format!(
        r#"{client} - - [07/Nov/2026:12:34:56 +0000] "GET / HTTP/1.1" 404 10 "-" "-" 1 "shop@file" "{server}" 3ms"#
    )
}

fn reading() -> Reading {
    let clients = Clients::default()
        .internal("10.0.0.0/8".parse().unwrap())
        .proxy("edge", "10.0.0.5/32".parse().unwrap());
    Reading { clients, ..Reading::default() }
}

#[test]
fn what_nobody_uses_is_there_too() {
    let mut topology = Topology::default();
    topology.site("edge", SiteKind::Public).configure(told());
    let nodes = topology.nodes();
    assert!(nodes.contains(&service("edge", "idle@docker")));
    assert_eq!(nodes.len(), 1 + 3 + 3 + 3);
    assert!(nodes.iter().all(|node| topology.is_configured(node)));
    let edges = topology.edges();
    let entry = Node::EntryPoint { site: "edge".into(), name: "websecure".into() };
    let router = Node::Router { site: "edge".into(), name: "shop@file".into() };
    assert!(edges.contains(&(entry, router.clone())));
    assert!(edges.contains(&(router, service("edge", "shop@file"))));
}

#[test]
fn raw_data_says_the_same() {
    let mut told = Configuration::default();
    told.add_raw_data(
        br#"{"routers":{"shop@file":{"entryPoints":["web"],"service":"shop","rule":"Host(`shop.example`)"}},
        "services":{"shop@file":{"loadbalancer":{"servers":[{"url":"http://10.0.0.7:8080","weight":1}]}}}}"#,
    )
    .unwrap();
    assert_eq!(told.routers["shop@file"].service.as_deref(), Some("shop@file"));
    assert_eq!(told.service_of_server("http://10.0.0.7:8080"), Some("shop@file"));
}

#[test]
fn answers_of_something_else_are_refused() {
    for bad in [&b""[..], b"404 page not found", b"{}", b"[1]", br#"[{"name":1}]"#] {
        let before = told();
        let mut told = told();
        assert!(told.add_entry_points(bad).is_err());
        assert!(told.add_routers(bad).is_err());
        assert!(told.add_services(bad).is_err());
        assert_eq!(told, before);
    }
    let error = Configuration::default().add_routers(b"<html>").unwrap_err().to_string();
    assert!(error.contains("routers") && error.contains("API"), "{error}");
}

#[test]
fn the_same_name_on_two_sites_is_two_nodes_and_a_proxy_connects_them() {
    let mut topology = Topology::default();
    topology.site("edge", SiteKind::Public).configure(told());
    topology.site("inside", SiteKind::Private);
    let reading = reading();
    let line = line("10.0.0.5:4711", "http://10.0.0.7:8080");
    let request = Format::TraefikCommon.parse(line.as_bytes(), &reading).unwrap();
    let path = topology.path("inside", &request);
    assert_eq!(path[0], Node::Site { site: "edge".into() });
    assert_eq!(path[1], Node::Site { site: "inside".into() });
    // The private site told nothing of its services, so its server stays a URL; the public one's has a name.
    assert_eq!(path[3], service("inside", "http://10.0.0.7:8080"));
    assert_eq!(topology.path("edge", &request)[3], service("edge", "shop@file"));
}

#[test]
fn who_is_from_outside_and_who_is_not_known_get_nodes_of_their_own() {
    let mut topology = Topology::default();
    topology.site("inside", SiteKind::Private);
    let reading = reading();
    for (client, origin) in
        [("10.1.1.1", Origin::Internal), ("198.51.100.7", Origin::External), ("-", Origin::Unknown)]
    {
        let line = line(client, "-");
        let request = Format::TraefikCommon.parse(line.as_bytes(), &reading).unwrap();
        let path = topology.path("inside", &request);
        assert_eq!(path[0], Node::Client { site: "inside".into(), origin });
        assert_eq!(path.last(), Some(&Node::Unattributed { site: "inside".into() }));
    }
}

#[test]
fn names_that_clients_make_up_do_not_fill_the_memory() {
    let mut topology = Topology::default();
    for name in 0..5000 {
        let line = line("10.0.0.1", &format!("http://{name}"));
        let request = Format::TraefikCommon.parse(line.as_bytes(), &Reading::default()).unwrap();
        topology.path("edge", &request);
    }
    assert!(topology.nodes().len() < 1100);
    assert!(topology.nodes().contains(&service("edge", OTHERS)));
}

#[test]
fn activity_forgets() {
    let line = line("10.0.0.1", "http://a");
    let request = Format::TraefikCommon.parse(line.as_bytes(), &Reading::default()).unwrap();
    let path = Topology::default().path("edge", &request);
    let mut activity = Activity::new(60);
    let end_us = request.end_us();
    activity.add(end_us + 1, &path, &request);
    activity.add(end_us + 1, &path, &request);
    let sums = activity.since(end_us + 1, 60);
    assert_eq!(sums.len(), 3);
    let load = sums.values().next().unwrap();
    assert_eq!((load.requests, load.bytes, load.with_status(StatusClass::ClientError)), (2, 20, 2));
    assert!(activity.since(end_us + 30_000_000, 10).is_empty());
    assert_eq!(activity.since(end_us + 30_000_000, 60).len(), 3);
    assert!(activity.since(end_us + 70_000_000, 60).is_empty());
    // What ended too long ago is no part of the picture.
    activity.add(end_us + 70_000_000, &path, &request);
    assert!(activity.since(end_us + 70_000_000, 60).is_empty());
}
