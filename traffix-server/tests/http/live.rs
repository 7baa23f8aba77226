//! Access logs, from files to events.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use poem::listener::{Acceptor as _, Listener as _, TcpListener};
use poem::{Response, Route, Server, get, handler, web::Query};
use reqwest::StatusCode;
use serde_json::{Value, json};
use traffix_server::config::{AccessLog, Config};

use crate::harness::TestServer;

const PATIENCE: Duration = Duration::from_secs(30);

#[derive(serde::Deserialize)]
struct Page {
    page: usize,
}

/// One service a page, as Traefik pages its lists.
#[handler]
fn services(Query(Page { page }): Query<Page>) -> Response {
    let pages = [
        r#"[{"loadBalancer":{"servers":[{"url":"http://10.0.0.7:8080"}]},"name":"shop@file","provider":"file"}]"#,
        r#"[{"loadBalancer":{"servers":[{"url":"http://10.0.0.9:8080"}]},"name":"idle@file","provider":"file"}]"#,
    ];
    let next = if page < pages.len() { page + 1 } else { 1 };
    Response::builder().header("X-Next-Page", next).body(pages[page - 1])
}

#[handler]
fn routers() -> &'static str {
    r#"[{"entryPoints":["web"],"using":["web"],"service":"shop","name":"shop@file","provider":"file"},
        {"entryPoints":["web"],"using":["web"],"service":"idle","name":"idle@file","provider":"file"}]"#
}

#[handler]
fn entry_points() -> &'static str {
    r#"[{"address":":80","name":"web"},{"address":":8080","name":"traefik"}]"#
}

/// What Traefik's API answers, on loopback.
async fn traefik() -> String {
    let app = Route::new()
        .at("/api/http/services", get(services))
        .at("/api/http/routers", get(routers))
        .at("/api/entrypoints", get(entry_points));
    let acceptor = TcpListener::bind("127.0.0.1:0").into_acceptor().await.unwrap();
    let address = *acceptor.local_addr()[0].as_socket_addr().unwrap();
    tokio::spawn(Server::new_with_acceptor(acceptor).run(app));
    format!("http://{address}")
}

/// Two proxies: a public one that passes requests on to a private one.
struct Proxies {
    folder: tempfile::TempDir,
    began: DateTime<Utc>,
}

impl Proxies {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), began: Utc::now() }
    }

    /// From now on requests begin.
    fn begin(&mut self) {
        self.began = Utc::now() - TimeDelta::milliseconds(100);
    }

    fn path(&self, site: &str) -> PathBuf {
        self.folder.path().join(format!("{site}.log"))
    }

    fn configure(&self, config: &mut Config, api: Option<String>) {
        let log = |site: &str| AccessLog {
            site: site.into(),
            path: self.path(site),
            // What is written before the server has looked for the first time counts too.
            history: true,
            ..AccessLog::default()
        };
        let addresses = vec!["10.0.0.5/32".parse().unwrap()];
        let edge = AccessLog { api, addresses, ..log("edge") };
        let inside = AccessLog { private: true, ..log("inside") };
        config.access_log = vec![edge, inside];
        config.live.state = self.folder.path().join("state");
        config.live.reorder_ms = 3000;
    }

    /// A request that began so many milliseconds after the first, and the answer's length.
    fn log(&self, site: &str, client: &str, after_ms: i64, bytes: u64) {
        let start = (self.began + TimeDelta::milliseconds(after_ms)).format("%Y-%m-%dT%H:%M:%S%.9fZ");
        let line = format!(
            r#"{{"ClientAddr":"{client}:4711","ClientHost":"{client}","DownstreamContentSize":{bytes},"DownstreamStatus":200,"Duration":1000000,"RequestHost":"cache1.steamcontent.com","RouterName":"shop@file","ServiceName":"shop@file","StartUTC":"{start}","entryPointName":"web"}}"#
        );
        append(&self.path(site), &line);
    }
}

fn append(path: &Path, line: &str) {
    let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
    file.write_all(format!("{line}\n").as_bytes()).unwrap();
}

/// An event stream that is being read.
struct Events {
    response: reqwest::Response,
    text: String,
}

impl Events {
    async fn open(server: &TestServer, path: &str, last: Option<&str>) -> Self {
        let mut request = server.get(path).bearer_auth(&server.reader);
        if let Some(last) = last {
            request = request.header("Last-Event-ID", last);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-store");
        let mut events = Self { response, text: String::new() };
        // Whoever sees this is subscribed.
        events.until("retry: 2000\n\n").await;
        events
    }

    async fn until(&mut self, wanted: &str) {
        let patience = tokio::time::Instant::now() + PATIENCE;
        while !self.text.contains(wanted) {
            let chunk = tokio::time::timeout_at(patience, self.response.chunk()).await;
            let chunk = chunk.unwrap_or_else(|_| panic!("no {wanted:?} in {:?}", self.text));
            self.text.push_str(std::str::from_utf8(&chunk.unwrap().unwrap()).unwrap());
        }
    }

    /// Name, id and data of every event so far.
    fn all(&self) -> Vec<(String, u64, Value)> {
        let line = |event: &str, name: &str| {
            event.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")).map(str::to_owned))
        };
        let events = self.text.split("\n\n").filter(|event| event.contains("data:"));
        let read = |event: &str| {
            let data = serde_json::from_str(&line(event, "data").unwrap()).unwrap();
            (line(event, "event").unwrap(), line(event, "id").unwrap().parse().unwrap(), data)
        };
        events.map(read).collect()
    }
}

async fn info(server: &TestServer) -> Value {
    let answer = server.get("/api/v1/live/network-info").bearer_auth(&server.reader).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    answer.json().await.unwrap()
}

fn has<'a>(list: &'a Value, fields: &[(&str, &str)]) -> Option<&'a Value> {
    list.as_array().unwrap().iter().find(|one| fields.iter().all(|(name, value)| one[*name] == *value))
}

#[tokio::test]
async fn a_key_is_needed_unless_the_setting_says_otherwise() {
    let server = TestServer::start().await;
    for path in ["network-info", "access-logs", "events"] {
        let answer = server.get(&format!("/api/v1/live/{path}")).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{path}");
    }
    let open = TestServer::with(|config| config.live.open_reading = true).await;
    assert!(open.json("/api/v1/live/access-logs").await["items"].as_array().unwrap().is_empty());
    assert!(open.json("/api/v1/live/network-info").await["nodes"].as_array().unwrap().is_empty());
    let head = open.request(reqwest::Method::HEAD, "/api/v1/live/events").send().await.unwrap();
    assert_eq!((head.status(), head.text().await.unwrap()), (StatusCode::OK, String::new()));
}

/// What the picture of the two logs must show.
fn assert_connected(info: &Value) {
    let edges = &info["edges"];
    assert!(
        has(edges, &[("from", "client/edge/external"), ("to", "entry-point/edge/web")]).is_some(),
        "{info}"
    );
    // A known proxy is no unknown client, and who came from outside to the private one is seen.
    let connected = has(edges, &[("from", "site/edge"), ("to", "entry-point/inside/web")]).unwrap();
    assert_eq!((&connected["requests"], &connected["status"]["2xx"]), (&json!(1), &json!(1)));
    assert!(connected["bps"].as_f64().unwrap() > 0.0);
    assert!(has(edges, &[("from", "client/inside/external"), ("to", "entry-point/inside/web")]).is_some());
    let inside = has(&info["sites"], &[("name", "inside")]).unwrap();
    assert_eq!((&inside["kind"], &inside["malformed"]), (&json!("private"), &json!(1)));
}

#[tokio::test]
async fn from_two_logs_to_one_picture() {
    let mut proxies = Proxies::new();
    let api = traefik().await;
    let server = TestServer::with(|config| proxies.configure(config, Some(api))).await;
    let mut events = Events::open(&server, "/api/v1/live/events", None).await;
    proxies.begin();
    // The outer proxy's request began first and is logged last. Then a request from outside asks the private one.
    proxies.log("inside", "10.0.0.5", 10, 700);
    proxies.log("edge", "198.51.100.7", 0, 777);
    proxies.log("inside", "203.0.113.9", 20, 5);
    append(&proxies.path("inside"), "no line of an access log");
    events.until("\"bytes\":5,").await;
    let all = events.all();
    let order: Vec<_> =
        all.iter().map(|(name, _, data)| (name.as_str(), data["site"].as_str().unwrap())).collect();
    assert_eq!(order, [("request", "edge"), ("request", "inside"), ("request", "inside")]);
    assert!(all.windows(2).all(|pair| pair[0].1 + 1 == pair[1].1));
    let (_, first, data) = &all[0];
    assert_eq!((&data["client"], &data["late"]), (&json!("external"), &json!(false)));
    assert_eq!((&data["platform"], &data["cdn"]), (&json!("steam"), &json!("valve")));
    assert_eq!((&all[1].2["client"], &all[1].2["proxy"]), (&json!("proxy"), &json!("edge")));

    let list = |query: &str| {
        let request = server.get(&format!("/api/v1/live/access-logs{query}")).bearer_auth(&server.reader);
        async move { request.send().await.unwrap().json::<Value>().await.unwrap() }
    };
    let latest = list("").await;
    assert_eq!(
        latest["items"].as_array().unwrap().iter().collect::<Vec<_>>(),
        all.iter().map(|one| &one.2).collect::<Vec<_>>()
    );
    let page = list(&format!("?after={first}&limit=1")).await;
    assert_eq!(page["items"][0]["seq"], first + 1);
    assert_eq!(page["next"], format!("/api/v1/live/access-logs?limit=1&after={}", first + 1));
    assert_eq!(list("?site=edge").await["items"].as_array().unwrap().len(), 1);

    let info = info(&server).await;
    assert_connected(&info);
    let mut everything = events.text.clone();
    let _ = write!(everything, "{latest}{info}");
    for address in ["198.51.100", "203.0.113", "10.0.0.5"] {
        assert!(!everything.contains(address), "{address} in {everything}");
    }
}

#[tokio::test]
async fn idle_services_are_nodes_and_a_proxy_that_does_not_answer_is_named() {
    let proxies = Proxies::new();
    let api = traefik().await;
    let server = TestServer::with(|config| {
        proxies.configure(config, Some(api));
        config.access_log[1].api = Some("http://user:secret@127.0.0.1:1".into());
        config.live.refresh_secs = 1;
    })
    .await;
    let started = std::time::Instant::now();
    let told = loop {
        let info = info(&server).await;
        let inside = has(&info["sites"], &[("name", "inside")]).unwrap();
        let edge = has(&info["sites"], &[("name", "edge")]).unwrap();
        if !edge["told"].is_null() && !inside["api_error"].is_null() {
            break info;
        }
        assert!(started.elapsed() < PATIENCE, "{info}");
        // The interfaces are asked once a second.
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    let idle = has(&told["nodes"], &[("id", "service/edge/idle@file")]).unwrap();
    assert_eq!(idle["configured"], true);
    let way =
        has(&told["edges"], &[("from", "router/edge/idle@file"), ("to", "service/edge/idle@file")]).unwrap();
    assert_eq!(way["requests"], 0);
    assert!(!told.to_string().contains("secret"), "{told}");
}

#[tokio::test]
async fn a_stream_resumes_and_tells_of_gaps() {
    let proxies = Proxies::new();
    let server = TestServer::with(|config| {
        proxies.configure(config, None);
        config.live.keep_requests = 5;
        config.live.reorder_ms = 0;
    })
    .await;
    let mut events = Events::open(&server, "/api/v1/live/events?site=edge", None).await;
    for n in 0..3 {
        proxies.log("edge", "198.51.100.7", n, 100 + n.unsigned_abs());
    }
    events.until("\"bytes\":102,").await;
    let last = events.all()[0].1;
    drop(events);
    let mut resumed = Events::open(&server, "/api/v1/live/events", Some(&last.to_string())).await;
    resumed.until("\"bytes\":102,").await;
    assert_eq!(resumed.all().iter().map(|one| one.1).collect::<Vec<_>>(), [last + 1, last + 2]);
    for n in 3..12 {
        proxies.log("edge", "198.51.100.7", n, 100 + n.unsigned_abs());
    }
    resumed.until("\"bytes\":111,").await;
    // Whoever was away for longer than the server remembers is told how much is missing.
    let mut late = Events::open(&server, "/api/v1/live/events", Some(&last.to_string())).await;
    late.until("\"bytes\":111,").await;
    let all = late.all();
    assert_eq!((all[0].0.as_str(), &all[0].2["missed"]), ("gap", &json!(6)));
    assert_eq!(all[1].1, all[0].1 + 1);
    assert_eq!(all.len(), 6);
    // Numbers of an earlier run of the server say nothing about how many.
    let mut earlier = Events::open(&server, "/api/v1/live/events", Some("5")).await;
    earlier.until("\"bytes\":111,").await;
    assert_eq!((earlier.all()[0].0.as_str(), &earlier.all()[0].2["missed"]), ("gap", &Value::Null));
    let wrong = server.get("/api/v1/live/events").bearer_auth(&server.reader).header("Last-Event-ID", "x");
    assert_eq!(wrong.send().await.unwrap().status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn streams_end_with_the_server() {
    let proxies = Proxies::new();
    let mut server = TestServer::with(|config| proxies.configure(config, None)).await;
    let mut events = Events::open(&server, "/api/v1/live/events", None).await;
    server.stop();
    let ended =
        tokio::time::timeout(PATIENCE, async { while let Ok(Some(_)) = events.response.chunk().await {} });
    ended.await.unwrap();
}
