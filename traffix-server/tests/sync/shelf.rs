//! A small Xbox store, as a recording and as a server.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};

use serde_json::{Value, json};

const CATALOGUE: &str = "https://displaycatalog.mp.microsoft.com/v7.0/products";
/// As fast as it goes.
const RATE: &str = "{ requests = 100000, per_secs = 1 }";
const PAGES: &str = "https://www.microsoft.com/en-us/store";

/// A title on the shelf, in the form of the display catalogue.
#[derive(Debug, Clone)]
pub(crate) struct Product {
    pub(crate) number: usize,
    pub(crate) wire_bytes: u64,
    pub(crate) release: &'static str,
    pub(crate) version: &'static str,
}

impl Default for Product {
    fn default() -> Self {
        Self::number(0)
    }
}

/// The identifier of a title.
pub(crate) fn title(number: usize) -> String {
    format!("9NTRAFFIX{number:03}")
}

impl Product {
    pub(crate) fn number(number: usize) -> Self {
        Self { number, wire_bytes: 60_000_000_000, release: "2026-11-01T17:00:00Z", version: "1.0.0.0" }
    }

    fn json(&self) -> Value {
        let package = json!({
            "PackageId": "p", "PackageFormat": "XVC",
            "PackageFullName": format!("Title{}_{}_neutral__abc", self.number, self.version),
            "MaxDownloadSizeInBytes": self.wire_bytes,
            "PlatformDependencies": [{"PlatformName": "Windows.Xbox"}],
        });
        json!({
            "ProductId": title(self.number), "ProductKind": "Game",
            "LocalizedProperties": [{"ProductTitle": format!("Title {}", self.number)}],
            "MarketProperties": [{"OriginalReleaseDate": self.release, "Markets": ["US", "GB"]}],
            "DisplaySkuAvailabilities": [{"Sku": {"Properties": {"Packages": [package]}}, "Availabilities": []}],
        })
    }
}

/// Records the shelf as it is at an instant: lists, bulk answers, and single ones.
pub(crate) fn recording(folder: &Path, at: &str, products: &[Product]) {
    let mut cassette = String::new();
    let mut add = |url: &str, body: &str| {
        let _ = write!(cassette, "[[exchange]]\nurl = \"{url}\"\nobserved_at = {at}\nbody = \"{body}\"\n");
    };
    let put = |name: &str, text: String| std::fs::write(folder.join(name), text).unwrap();
    let ids: Vec<String> = products.iter().map(|product| title(product.number)).collect();
    let listed = ids.iter().map(|id| format!("\"productId\":\"{id}\""));
    put("list.html", listed.collect::<Vec<_>>().join(","));
    for list in ["coming-soon", "new"] {
        add(&format!("{PAGES}/{list}/games/xbox"), "list.html");
    }
    let all: Vec<Value> = products.iter().map(Product::json).collect();
    put("products.json", json!({ "Products": all }).to_string());
    let query = |ids: &[String]| {
        format!("{CATALOGUE}?market=US&languages=en-us&MS-CV=traffix.1&bigIds={}", ids.join("%2C"))
    };
    for chunk in ids.chunks(20).filter(|chunk| chunk.len() > 1) {
        add(&query(chunk), "products.json");
    }
    for id in &ids {
        add(&query(std::slice::from_ref(id)), "products.json");
    }
    put("cassette.toml", cassette);
    let window = "[discover]\nnow = 2026-09-01T00:00:00Z\nfrom = 2026-08-01T00:00:00Z\nuntil = 2027-09-01T00:00:00Z\n\
                  region = \"world\"\n";
    std::fs::create_dir_all(folder.join("xbox")).unwrap();
    put("xbox/samples.toml", window.to_owned());
}

/// A server that answers from a recording, and can be told to keep somebody waiting.
pub(crate) struct Service {
    address: String,
    gate: Arc<Gate>,
}

#[derive(Default)]
struct Gate {
    seen: AtomicUsize,
    hang_at: AtomicUsize,
    hanging: Mutex<bool>,
    changed: Condvar,
}

impl Service {
    pub(crate) fn start(folder: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let table: toml::Table =
            std::fs::read_to_string(folder.join("cassette.toml")).unwrap().parse().unwrap();
        let answers: BTreeMap<String, Vec<u8>> = table["exchange"]
            .as_array()
            .unwrap()
            .iter()
            .map(|exchange| {
                let url = exchange["url"].as_str().unwrap();
                let path = url.splitn(4, '/').nth(3).unwrap();
                let body = std::fs::read(folder.join(exchange["body"].as_str().unwrap())).unwrap();
                (format!("/{path}"), body)
            })
            .collect();
        let (answers, gate) = (Arc::new(answers), Arc::new(Gate::default()));
        let shared = Arc::clone(&gate);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (answers, gate) = (Arc::clone(&answers), Arc::clone(&shared));
                std::thread::spawn(move || serve(stream.unwrap(), &answers, &gate));
            }
        });
        Self { address, gate }
    }

    /// Settings that send requests here, with a short lease.
    pub(crate) fn config(&self) -> String {
        let base = format!("http://{}", self.address);
        let [pages, catalogue] = ["www.microsoft.com", "displaycatalog.mp.microsoft.com"];
        format!(
            "[sync]\nlease_secs = 1\nahead_days = 3650\nback_days = 3650\n\
             [upstream.rates]\n\"{pages}\" = {RATE}\n\"{catalogue}\" = {RATE}\n\
             [upstream.endpoints]\n\"https://{pages}\" = \"{base}\"\n\"https://{catalogue}\" = \"{base}\"\n"
        )
    }

    /// The request of this number, counted from 1, gets no answer.
    pub(crate) fn hang_at(&self, number: usize) {
        self.gate.hang_at.store(number, Ordering::SeqCst);
    }

    /// Waits until somebody waits.
    pub(crate) fn until_hanging(&self) {
        let hanging = self.gate.hanging.lock().unwrap();
        drop(self.gate.changed.wait_while(hanging, |hanging| !*hanging).unwrap());
    }

    /// Answers everything from now on.
    pub(crate) fn go_on(&self) {
        self.hang_at(0);
    }
}

/// Answers the requests of one connection.
fn serve(mut stream: TcpStream, answers: &BTreeMap<String, Vec<u8>>, gate: &Gate) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    loop {
        let mut first = String::new();
        if reader.read_line(&mut first).unwrap_or(0) == 0 {
            return;
        }
        let mut line = String::new();
        while reader.read_line(&mut line).unwrap_or(0) > 2 {
            line.clear();
        }
        if gate.seen.fetch_add(1, Ordering::SeqCst) + 1 == gate.hang_at.load(Ordering::SeqCst) {
            *gate.hanging.lock().unwrap() = true;
            gate.changed.notify_all();
            // Until the other side is gone.
            let _ = reader.read_line(&mut line);
            return;
        }
        let path = first.split(' ').nth(1).unwrap_or_default();
        let (status, body) = answers.get(path).map_or(("404 Not Found", &[][..]), |body| ("200 OK", body));
        let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n", body.len());
        if stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body)).is_err() {
            return;
        }
    }
}
