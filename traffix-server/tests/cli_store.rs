//! Commands that work on a database, and the server as a process.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::Child;
use std::time::{Duration, Instant};

use support::{traffix, write};
use tempfile::TempDir;

fn database() -> (TempDir, String) {
    let dir = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", dir.path().join("made/on/demand/traffix.db").display());
    (dir, url)
}

#[test]
fn migrations_go_up_and_down() {
    let (_dir, url) = database();
    let run = traffix(&["migrate", "status", "--database", &url]).run();
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("hint: traffix migrate up"), "{}", run.stderr);
    let up = traffix(&["migrate", "up", "--database", &url, "--json"]).run().json();
    assert!(up["items"].as_array().unwrap().iter().all(|item| item["applied"] == true));
    assert_eq!(traffix(&["migrate", "up", "--database", &url]).run().expect(0), "nothing to do\n");
    let down = traffix(&["migrate", "down", "--to", "0", "--database", &url, "--json"]).run().json();
    assert_eq!(down["items"].as_array().unwrap().len(), up["items"].as_array().unwrap().len());
    let status = traffix(&["migrate", "status", "--database", &url, "--json"]).run().json();
    assert!(status["items"].as_array().unwrap().iter().all(|item| item["applied"] == false));
    assert_eq!(traffix(&["migrate", "down", "--database", &url]).run().code, 2, "--to must be said");
}

#[test]
fn keys_are_shown_once_listed_without_secret_and_revoked() {
    let (_dir, url) = database();
    let create = ["keys", "create", "--name", "noc", "--role", "moderator", "--database", &url];
    let key = traffix(&create).run().expect(0);
    let id = key.trim().strip_prefix("trfx_live_").unwrap().split('_').next().unwrap();
    let list = traffix(&["keys", "list", "--database", &url]).run().expect(0);
    assert!(list.contains(id) && list.contains("moderator") && !list.contains(key.trim()), "{list}");
    traffix(&["keys", "revoke", id, "--database", &url]).run().expect(0);
    let json = traffix(&["keys", "list", "--json", "--database", &url]).run().json();
    assert!(json["items"][0]["revoked_at"].is_string() && json["items"][0].get("expires_at").is_none());
    let unknown = traffix(&["keys", "revoke", "nobody", "--database", &url]).run();
    assert_eq!(unknown.code, 1);
    assert!(unknown.stderr.contains("hint: traffix keys list"), "{}", unknown.stderr);
    for wrong in [&["--role", "king"][..], &["--expires", "2001-01-01"], &["--expires", "soon"]] {
        let words = [&["keys", "create", "--name", "x", "--database", &url], wrong].concat();
        assert_eq!(traffix(&words).run().code, 2, "{wrong:?}");
    }
}

#[test]
fn wrong_databases_are_explained() {
    let run = traffix(&["keys", "list", "--database", "mysql://x"]).run();
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("hint: write for example --database sqlite:"), "{}", run.stderr);
    let dir = tempfile::tempdir().unwrap();
    let file =
        write(dir.path(), "not-a-database.db", "this is a letter to my mother, and not a database at all");
    let run = traffix(&["keys", "list", "--database", &format!("sqlite:{file}")]).run();
    assert_eq!(run.code, 1, "{}", run.stderr);
    let below = format!("sqlite:{file}/x.db");
    assert_eq!(traffix(&["keys", "list", "--database", &below]).run().code, 1);
    let config = write(dir.path(), "traffix.toml", "[server]\nlistn = \"x\"\n");
    let run = traffix(&["serve", "--config", &config, "--print-config"]).run();
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("listn"), "{}", run.stderr);
}

#[test]
fn importing_twice_changes_nothing_and_exports_come_back() {
    let (dir, url) = database();
    let first = traffix(&["import", "--bundled", "--json", "--database", &url]).run().json();
    assert!(first["created"].as_u64().unwrap() > 100);
    let second = traffix(&["import", "--bundled", "--json", "--database", &url]).run().json();
    assert_eq!((&second["created"], &second["updated"]), (&0.into(), &0.into()));
    let out = dir.path().join("c.json");
    let out = out.to_str().unwrap();
    traffix(&["export", "catalogue-json", "--database", &url, "--out", out]).run().expect(0);
    let again = traffix(&["import", out, "--json", "--database", &url]).run().json();
    assert_eq!(again["read"], again["unchanged"]);
    let csv = traffix(&["export", "catalogue-csv", "--database", &url, "--out", "-"]).run().expect(0);
    assert!(csv.lines().nth(3).unwrap().starts_with("id,title,kind,"), "{csv}");
}

#[test]
fn import_places_every_finding_and_writes_nothing() {
    let (dir, url) = database();
    let good = "[sources.x]\nurl = \"https://example.org/x\"\nkind = \"press\"\ndate = 2023-11-10\n\n[[ru]]\nid = \"a\"\n\
                title = \"A\"\nkind = \"release\"\nsource = \"x\"\nunlock = { at = 2023-11-10, source = \"x\" }\nlistings.steam = {}\n";
    let good_file = write(dir.path(), "good.toml", good);
    let typo = write(dir.path(), "typo.toml", good.replace("unlock", "unlok"));
    let run = traffix(&["import", &good_file, &typo, "--database", &url]).run();
    assert_eq!((run.code, run.stdout.as_str()), (1, ""));
    assert!(run.stderr.contains("typo.toml:11:1: ru[a].unlok: "), "{}", run.stderr);
    assert!(run.stderr.contains("nothing was imported"), "{}", run.stderr);
    let cases = [
        ("orphan.toml", good.replace("\"release\"", "\"update\"\nrelease = \"b\""), "orphan.toml:10:"),
        (
            "company.toml",
            good.replace("source = \"x\"\nunlock", "source = \"x\"\npublishers = [\"nobody\"]\nunlock"),
            "company.toml:11:",
        ),
        ("platform.toml", good.replace("steam", "stream"), "platform.toml:12:"),
        ("broken.json", "{\"items\": [{]}".to_owned(), "broken.json:1:"),
        ("broken.ndjson", "\n{\"id\": \"a\"}\n".to_owned(), "broken.ndjson:2:"),
        (
            "huge.toml",
            good.replace(
                "listings",
                "size = { wire = \"99999999999999999999 GB\", source = \"x\" }\nlistings",
            ),
            "huge.toml:12:",
        ),
    ];
    for (name, text, says) in cases {
        let run = traffix(&["import", &write(dir.path(), name, text), "--database", &url]).run();
        assert_eq!(run.code, 1, "{name}");
        assert!(run.stderr.contains(says), "{name}: {}", run.stderr);
    }
    let count = traffix(&["export", "catalogue-json", "--database", &url, "--out", "-"]).run().json();
    assert_eq!(count["count"], 0);
    assert_eq!(
        traffix(&["import", &good_file, "--database", &url]).run().expect(0),
        "1 read: 1 new, 0 changed, 0 unchanged\n"
    );
    assert_eq!(traffix(&["import"]).run().code, 2);
}

#[test]
fn networks_are_imported_for_the_owner_of_a_key() {
    let (dir, url) = database();
    let network = r#"{"id": "acme", "country": "GB", "tz": "Europe/London", "lines": 1e6}"#;
    let file = write(dir.path(), "acme.json", network);
    assert_eq!(traffix(&["import", &file, "--database", &url]).run().code, 2);
    assert_eq!(traffix(&["import", &file, "--owner", "nobody", "--database", &url]).run().code, 1);
    let key = traffix(&["keys", "create", "--name", "noc", "--database", &url]).run().expect(0);
    let id = key.split('_').nth(2).unwrap();
    let json = traffix(&["import", &file, "--owner", id, "--json", "--database", &url]).run().json();
    assert_eq!(json["networks"], 1);
    let wrong = write(dir.path(), "wrong.json", network.replace("1e6", "-1"));
    let run = traffix(&["import", &wrong, "--owner", id, "--database", &url]).run();
    assert!(run.stderr.contains("/lines: must be a number"), "{}", run.stderr);
}

#[test]
fn outlook_of_an_example_shows_what_november_2023_brought() {
    let at = ["outlook", "example-uk-cable", "--at", "2023-11-01T00:00Z"];
    let text = traffix(&at).run().expect(0);
    for part in ["Fortnite OG", "Modern Warfare III preload", "P50 (", "above 90 %", "Coming ", "Links "] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    let json = traffix(&[&at[..], &["--json"]].concat()).run().json();
    assert_eq!(json["grid"]["bins"], json["extra"]["p50"].as_array().unwrap().len());
    let plot = |path: &str| traffix(&[&at[..], &["--plot", path]].concat()).run().expect(0);
    let dir = tempfile::tempdir().unwrap();
    let (one, two) = (dir.path().join("1.svg"), dir.path().join("2.svg"));
    plot(one.to_str().unwrap());
    plot(two.to_str().unwrap());
    let svg = std::fs::read_to_string(&one).unwrap();
    roxmltree::Document::parse(&svg).unwrap();
    assert_eq!(svg, std::fs::read_to_string(&two).unwrap());
    for (words, code) in [
        (&["outlook", "nowhere"][..], 1),
        (&["outlook", "example-uk-cable", "--at", "yesterday"], 2),
        (&["outlook", "example-uk-cable", "--days", "0"], 2),
        (&["outlook", "example-uk-cable", "--link", "nope"], 2),
    ] {
        let run = traffix(words).run();
        assert_eq!(run.code, code, "{words:?}: {}", run.stderr);
    }
}

/// A running server; it ends with the test.
struct Server {
    child: Child,
    address: String,
    welcome: String,
}

impl Server {
    fn start(url: &str, more: &[&str]) -> Self {
        let words = [&["serve", "--listen", "127.0.0.1:0", "--database", url], more].concat();
        let mut child = traffix(&words).spawn();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut welcome = String::new();
        while !welcome.contains("stop with") {
            assert!(stdout.read_line(&mut welcome).unwrap() > 0, "ended early: {welcome}");
        }
        let address = welcome.split("http://").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
        Self { child, address, welcome }
    }

    fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_first_start_needs_nothing_and_shows_the_page() {
    let (_dir, url) = database();
    let server = Server::start(&url, &["--at", "2023-11-01T00:00Z"]);
    for part in ["/docs", "curl 'http://", "keys create"] {
        assert!(server.welcome.contains(part), "{part}\n{}", server.welcome);
    }
    let page = server.get("/");
    assert!(page.starts_with("HTTP/1.1 200"), "{page}");
    assert!(page.contains("Fortnite OG") && page.contains("Modern Warfare III preload"));
    let lower = page.to_lowercase();
    assert!(
        lower.contains("content-security-policy: default-src 'none'; style-src 'sha256-")
            && lower.contains("etag: ")
    );
    assert!(!page.contains("<script"));
    assert!(server.get("/networks/example-rural-isp").contains("aria-current"));
    assert!(server.get("/networks/%3Cscript%3E").starts_with("HTTP/1.1 404"));
    assert!(server.get("/networks/nowhere").starts_with("HTTP/1.1 404"));
    drop(server);
    let again = Instant::now();
    let server = Server::start(&url, &[]);
    assert!(again.elapsed() < Duration::from_secs(10));
    assert!(server.get("/healthz").starts_with("HTTP/1.1 200"));
}

#[test]
fn a_taken_address_is_explained() {
    let (_dir, url) = database();
    let server = Server::start(&url, &[]);
    let run = traffix(&["serve", "--listen", &server.address, "--database", &url]).run();
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("choose another with --listen"), "{}", run.stderr);
}
