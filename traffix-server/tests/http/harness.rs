//! A real server on a real socket with a real SQLite file, and a client to ask it.

use std::net::SocketAddr;
use std::sync::Arc;

use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use traffix_server::{AppState, Config, Server, auth};
use traffix_store::{OpenOptions, Role, Store};

/// A running server; it stops when this is dropped.
pub(crate) struct TestServer {
    pub(crate) address: SocketAddr,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) moderator: String,
    pub(crate) reader: String,
    client: reqwest::Client,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    _folder: tempfile::TempDir,
}

impl TestServer {
    /// With the sample catalogue and the default configuration.
    pub(crate) async fn start() -> Self {
        Self::with(|_| ()).await
    }

    /// With a changed configuration. The clock stands still unless changed.
    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("test.db").display());
        let store = traffix_store::open(&url, OpenOptions::default()).await.unwrap();
        seed(store.as_ref()).await;
        Self::over(folder, store, change).await
    }

    /// Over a store that lives in a folder.
    pub(crate) async fn over(
        folder: tempfile::TempDir,
        store: Arc<dyn Store>,
        change: impl FnOnce(&mut Config),
    ) -> Self {
        let mut config = Config::default();
        config.server.listen = "127.0.0.1:0".parse().unwrap();
        config.server.at = Some("2023-11-01T00:00:00Z".parse().unwrap());
        change(&mut config);
        let key = |name, role| {
            let store = Arc::clone(&store);
            async move { auth::create_key(store.as_ref(), name, role, None).await.unwrap() }
        };
        let (moderator, reader) = (key("mod", Role::Moderator).await, key("read", Role::Reader).await);
        let state = AppState::new(config, Arc::clone(&store)).unwrap();
        let server = Server::bind(state).await.unwrap();
        let address = server.local_addr();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        tokio::spawn(server.run(async {
            let _ = stopped.await;
        }));
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().no_gzip().no_brotli().no_zstd().build().unwrap();
        Self { address, store, moderator, reader, client, stop: Some(stop), _folder: folder }
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("http://{}{path}", self.address))
    }

    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.request(Method::GET, path)
    }

    /// A request as moderator.
    pub(crate) fn edit(&self, method: Method, path: &str) -> RequestBuilder {
        self.request(method, path).bearer_auth(&self.moderator)
    }

    /// GET that must succeed, as JSON.
    pub(crate) async fn json(&self, path: &str) -> Value {
        let response = self.get(path).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        response.json().await.unwrap()
    }
}

impl TestServer {
    /// Stops it, as a signal would.
    pub(crate) fn stop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Evidence for samples.
pub(crate) fn evidence() -> Value {
    json!({
        "source": "https://example.org/news", "kind": "press", "observed_at": "2023-10-20T00:00:00Z",
        "confidence": 0.9,
    })
}

fn fact(value: &Value) -> Value {
    json!({"value": value, "evidence": evidence()})
}

/// A release or, with `of`, an update.
pub(crate) fn ru(id: &str, title: &str, at: &str, of: Option<&str>) -> Value {
    let mut ru = json!({
        "id": id, "title": title, "kind": if of.is_some() { "update" } else { "release" }, "content": "game",
        "publishers": ["acme"], "developers": ["acme"], "categories": ["shooter"],
        "listings": [{
            "platform": "steam", "external_id": "4711",
            "sizes": [{"wire_bytes": fact(&json!({"low": 20_000_000_000_u64, "high": 22_000_000_000_u64}))}],
            "phases": [{
                "kind": "unlock", "status": "confirmed",
                "window": fact(&json!({"start": at, "precision": "hour"})),
            }],
        }],
        "evidence": [evidence()],
    });
    if let Some(release) = of {
        ru["release"] = json!(release);
    }
    ru
}

async fn seed(store: &dyn Store) {
    use traffix_core::catalogue::{Company, Ru};
    let actor = traffix_store::Actor("import".into());
    let company: Company =
        serde_json::from_value(json!({"id": "acme", "name": "Acme Games", "evidence": [evidence()]}))
            .unwrap();
    store.put_companies(&[company], &actor).await.unwrap();
    let rus: Vec<Ru> = [
        ru("fortnite", "Fortnite", "2017-07-21T00:00:00Z", None),
        ru("fortnite-og", "Fortnite OG", "2023-11-03T09:00:00Z", Some("fortnite")),
        ru("modern-warfare-iii", "Call of Duty: Modern Warfare III", "2023-11-10T00:00:00Z", None),
    ]
    .map(|value| serde_json::from_value(value).unwrap())
    .into();
    store.merge_rus(&rus, &actor).await.unwrap();
}

/// Status, the headers worth a snapshot, and the body, with ids and times redacted.
pub(crate) async fn shown(response: Response) -> Value {
    let status = response.status().as_u16();
    let keep = ["content-type", "cache-control", "etag", "vary", "link", "location", "allow", "retry-after"];
    let headers: serde_json::Map<_, _> = keep
        .iter()
        .filter_map(|name| {
            let value = response.headers().get(*name)?.to_str().ok()?;
            // A weak tag is a digest of the body, which may hold times.
            let value = if value.starts_with("W/") { "W/\"[digest]\"" } else { value };
            Some(((*name).to_owned(), json!(value)))
        })
        .collect();
    let text = response.text().await.unwrap();
    let mut body = serde_json::from_str(&text).unwrap_or(json!(text));
    redact(&mut body);
    json!({"status": status, "headers": headers, "body": body})
}

fn redact(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match name.as_str() {
                    "instance" => *value = json!("[request]"),
                    "at" | "updated_at" if value.is_string() => *value = json!("[time]"),
                    _ => redact(value),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(redact),
        _ => {}
    }
}
