//! `traffix sync` as a user runs it: over recordings, and over a server on this machine.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[expect(dead_code, reason = "nothing here crashes the cluster")]
#[path = "../../traffix-store/tests/support/cluster.rs"]
mod cluster;
#[path = "sync/shelf.rs"]
mod shelf;
mod support;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use shelf::{Product, Service, recording, title};
use support::{Run, traffix, write};
use tempfile::TempDir;

const FIRST: &str = "2026-09-01T12:00:00Z";
const LATER: &str = "2026-09-03T12:00:00Z";

fn database() -> (TempDir, String) {
    let dir = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", dir.path().join("traffix.db").display());
    (dir, url)
}

/// `traffix sync xbox` over a recording.
fn sync(folder: &Path, url: &str, more: &[&str]) -> Run {
    let folder = folder.to_str().unwrap();
    traffix(&[&["sync", "xbox", "--replay", folder, "--json", "--database", url], more].concat()).run()
}

/// The report about the only platform.
fn report(run: Run) -> Value {
    run.json()["platforms"][0].clone()
}

/// The catalogue, without the position of the change log.
fn catalogue(url: &str) -> Value {
    traffix(&["export", "catalogue-json", "--database", url, "--out", "-"]).run().json()["rus"].clone()
}

fn news(report: &Value, kind: &str) -> Vec<Value> {
    report["changes"].as_array().unwrap().iter().filter(|one| one["kind"] == kind).cloned().collect()
}

#[test]
fn the_second_run_over_the_same_bytes_writes_nothing() {
    let (dir, url) = database();
    recording(dir.path(), FIRST, &[Product::default()]);
    let first = report(sync(dir.path(), &url, &[]));
    assert_eq!(
        (&first["id"], &first["status"], &first["errors"]),
        (&json!("xbox"), &json!("done"), &json!(0))
    );
    assert!(first["written"].as_u64().unwrap() > 0, "{first}");
    assert_eq!(news(&first, "new-title")[0]["after"], "Title 0");
    let before = catalogue(&url);
    let second = report(sync(dir.path(), &url, &[]));
    assert_eq!((&second["written"], &second["changes"]), (&json!(0), &json!([])));
    assert!(second["read"].as_u64().unwrap() > 0);
    assert_eq!(catalogue(&url), before);
    // Nor does a later run with unchanged answers.
    let later = tempfile::tempdir().unwrap();
    recording(later.path(), LATER, &[Product::default()]);
    assert_eq!(report(sync(later.path(), &url, &[]))["written"], 0);
    assert_eq!(catalogue(&url), before);
}

#[test]
fn every_recording_of_every_platform_is_read_once() {
    let (_dir, url) = database();
    traffix(&["import", "--bundled", "--database", &url]).run().expect(0);
    let recordings = Path::new(env!("CARGO_MANIFEST_DIR")).join("../traffix-platforms/src");
    let words = ["sync", "--json", "--database", &url, "--replay", recordings.to_str().unwrap()];
    let run = || traffix(&words).run().json()["platforms"].as_array().unwrap().clone();
    let written = |reports: &[Value]| reports.iter().map(|one| one["written"].as_u64().unwrap()).sum::<u64>();
    let first = run();
    assert!(first.iter().all(|one| one["status"] == "done"), "{first:?}");
    assert!(written(&first) > 50, "{first:?}");
    let before = catalogue(&url);
    // What was reviewed is found again, not made twice.
    let names = before.as_array().unwrap().iter().flat_map(|ru| {
        let listings = ru["listings"].as_array().unwrap().iter();
        listings.map(|listing| format!("{} {} {}", listing["platform"], ru["kind"], ru["title"]))
    });
    let mut seen = std::collections::BTreeSet::new();
    let twice: Vec<String> = names.filter(|name| !seen.insert(name.clone())).collect();
    assert!(twice.is_empty(), "{twice:?}");
    assert_eq!(written(&run()), 0);
    assert_eq!(catalogue(&url), before);
}

#[test]
fn later_bytes_are_news_with_before_after_and_source() {
    let (dir, url) = database();
    recording(dir.path(), FIRST, &[Product::default()]);
    sync(dir.path(), &url, &[]).expect(0);
    let later = tempfile::tempdir().unwrap();
    let changed = Product {
        wire_bytes: 70_000_000_000,
        release: "2026-12-01T17:00:00Z",
        version: "1.1.0.0",
        ..Product::default()
    };
    recording(later.path(), LATER, &[changed]);
    let report = report(sync(later.path(), &url, &[]));
    let sizes = news(&report, "size-revised");
    assert_eq!(sizes[0]["before"], json!({"low": 60_000_000_000_u64, "high": 60_000_000_000_u64}));
    assert_eq!(sizes[0]["after"], json!({"low": 70_000_000_000_u64, "high": 70_000_000_000_u64}));
    let dates = news(&report, "date-slipped");
    assert_eq!(dates[0]["before"]["start"], "2026-11-01T17:00:00Z");
    assert_eq!(dates[0]["after"]["start"], "2026-12-01T17:00:00Z");
    let builds = news(&report, "new-build");
    assert_eq!((&builds[0]["before"], &builds[0]["after"]), (&json!("1.0.0.0"), &json!("1.1.0.0")));
    for one in sizes.iter().chain(&dates).chain(&builds) {
        assert!(
            one["source"].as_str().unwrap().starts_with("https://displaycatalog.mp.microsoft.com/"),
            "{one}"
        );
    }
    assert_eq!(report["news"], json!({"new-build": 2, "size-revised": 1, "date-slipped": 1}));
    // The build is an update of its own, the date is marked as moved, and the history has both.
    let items = catalogue(&url);
    let by_id = |id: &str| items.as_array().unwrap().iter().find(|ru| ru["id"] == id).unwrap().clone();
    let release = by_id(&format!("xbox-{}", title(0).to_lowercase()));
    assert_eq!(release["listings"][0]["phases"][0]["status"], "slipped");
    let update = by_id(&format!("xbox-{}-build-1-1-0-0", title(0).to_lowercase()));
    assert_eq!((&update["kind"], &update["release"]), (&json!("update"), &release["id"]));
    // Older bytes undo nothing.
    assert_eq!(self::report(sync(dir.path(), &url, &[]))["written"], 0);
    assert_eq!(catalogue(&url), items);
}

#[test]
fn a_run_in_small_steps_ends_like_one_in_one_go() {
    let products: Vec<Product> = (0..45).map(Product::number).collect();
    let (dir, url) = database();
    recording(dir.path(), FIRST, &products);
    assert_eq!(report(sync(dir.path(), &url, &[]))["status"], "done");
    let stepwise = format!("sqlite:{}", dir.path().join("steps.db").display());
    let mut titles = Vec::new();
    for requests in ["2", "3", "5", "1000"] {
        let report = report(sync(dir.path(), &stepwise, &["--max-requests", requests]));
        titles.push(catalogue(&stepwise).as_array().unwrap().len());
        assert_eq!(report["status"], if requests == "1000" { "done" } else { "unfinished" }, "{report}");
    }
    // Twenty titles are two requests, and what is begun is done: the lists went on where they were.
    assert_eq!(titles, [20, 45, 45, 45]);
    assert_eq!(catalogue(&stepwise), catalogue(&url));
}

/// What is left when the instants of reading are taken out.
fn timeless(mut value: Value) -> Value {
    fn strip(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                fields.remove("observed_at");
                fields.values_mut().for_each(strip);
            }
            Value::Array(items) => items.iter_mut().for_each(strip),
            _ => {}
        }
    }
    strip(&mut value);
    value
}

#[test]
fn a_killed_run_is_resumed_over_the_network() {
    let products: Vec<Product> = (0..25).map(Product::number).collect();
    let (dir, url) = database();
    recording(dir.path(), FIRST, &products);
    sync(dir.path(), &url, &[]).expect(0);
    let service = Service::start(dir.path());
    let config = write(dir.path(), "traffix.toml", service.config());
    let killed = format!("sqlite:{}", dir.path().join("killed.db").display());
    let words = ["sync", "xbox", "--json", "--config", &config, "--database", &killed];
    // The second page of the list is never answered.
    service.hang_at(4);
    let mut child = traffix(&words).spawn();
    service.until_hanging();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(catalogue(&killed).as_array().unwrap().len(), 20);
    service.go_on();
    // The lease of the dead holds for a second.
    let report = loop {
        let report = report(traffix(&words).run());
        if report["status"] != "busy" {
            break report;
        }
        assert!(report["busy"].as_str().unwrap().contains(" until "), "{report}");
    };
    assert_eq!((&report["status"], &report["errors"]), (&json!("done"), &json!(0)), "{report}");
    assert_eq!(timeless(catalogue(&killed)), timeless(catalogue(&url)));
    // What was kept or is not due is not asked for again.
    assert_eq!(self::report(traffix(&words).run())["written"], 0);
}

#[test]
fn what_is_recorded_replays_to_the_same_catalogue() {
    let products: Vec<Product> = (0..3).map(Product::number).collect();
    let (dir, url) = database();
    recording(dir.path(), FIRST, &products);
    let service = Service::start(dir.path());
    let config = write(dir.path(), "traffix.toml", service.config());
    let taken = dir.path().join("taken");
    let folder = taken.to_str().unwrap();
    let words = ["sync", "xbox", "--json", "--config", &config, "--database", &url, "--record", folder];
    let live = report(traffix(&words).run());
    assert_eq!((&live["status"], &live["errors"]), (&json!("done"), &json!(0)), "{live}");
    let again = format!("sqlite:{}", dir.path().join("again.db").display());
    let replayed = report(sync(&taken, &again, &[]));
    assert_eq!((&replayed["written"], &replayed["skipped"]), (&live["written"], &json!(0)), "{replayed}");
    // Of what was asked twice, the recording has the later answer.
    assert_eq!(timeless(catalogue(&again)), timeless(catalogue(&url)));
    // The real interfaces are asked one question, at the same addresses.
    let words = ["platforms", "check", "xbox", "--live", "--json", "--config", &config, "--fixtures", folder];
    let item = traffix(&words).run().json()["items"][0].clone();
    assert_eq!((&item["live"]["status"], &item["failed"]), (&json!("ok"), &json!(0)), "{item}");
    assert!(item["live"]["detail"].as_str().unwrap().ends_with(" titles"), "{item}");
}

#[test]
fn both_engines_end_with_the_same_catalogue() {
    let products: Vec<Product> = (0..25).map(Product::number).collect();
    let (dir, sqlite) = database();
    recording(dir.path(), FIRST, &products);
    let cluster = cluster::Cluster::start("-c fsync=off -c synchronous_commit=off");
    let postgres = cluster.database();
    for url in [&sqlite, &postgres] {
        assert_eq!(report(sync(dir.path(), url, &[]))["status"], "done", "{url}");
        assert_eq!(report(sync(dir.path(), url, &[]))["written"], 0, "{url}");
    }
    assert_eq!(catalogue(&sqlite), catalogue(&postgres));
}

#[test]
fn only_one_process_pulls_a_platform() {
    let (dir, url) = database();
    recording(dir.path(), FIRST, &[Product::default()]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let store = runtime.block_on(traffix_store::open(&url, traffix_store::OpenOptions::default())).unwrap();
    let lease = runtime.block_on(store.lease("xbox", "noc-1/42", Duration::from_mins(5))).unwrap().unwrap();
    let busy = sync(dir.path(), &url, &[]);
    let busy = report(busy);
    assert_eq!((&busy["status"], &busy["written"]), (&json!("busy"), &json!(0)));
    assert!(busy["busy"].as_str().unwrap().starts_with("noc-1/42 until 20"), "{busy}");
    runtime.block_on(store.release(&lease)).unwrap();
    assert_eq!(report(sync(dir.path(), &url, &[]))["status"], "done");
}

#[test]
fn a_platform_that_fails_stops_no_other() {
    let (dir, url) = database();
    recording(dir.path(), FIRST, &[Product::default()]);
    let broken = dir.path().join("products.json");
    std::fs::write(broken, "<html>blocked</html>").unwrap();
    let folder = dir.path().to_str().unwrap();
    let run = traffix(&["sync", "xbox", "gog", "--replay", folder, "--json", "--database", &url]).run();
    assert_eq!(run.code, 1);
    assert!(
        run.stderr.contains("could not pull from xbox") && run.stderr.contains("hint: "),
        "{}",
        run.stderr
    );
    let reports: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(reports["platforms"][0]["status"], "failed");
    assert!(reports["platforms"][0]["failures"][0].as_str().unwrap().contains("HTML"), "{reports}");
    assert_eq!(
        (&reports["platforms"][1]["id"], &reports["platforms"][1]["errors"]),
        (&json!("gog"), &json!(0))
    );
}

#[test]
fn mistakes_are_explained() {
    let (dir, url) = database();
    let empty = dir.path().to_str().unwrap();
    for (words, says) in [
        (&["sync", "betamax"][..], "hint: platforms: "),
        (&["sync", "--replay", empty], "no cassette.toml"),
        (&["sync", "--replay", empty, "--record", empty], "cannot be used with"),
        (&["sync", "--credentials", "/nowhere"], "cannot read /nowhere"),
        (&["sync", "--at", "soon"], "write an instant"),
    ] {
        let run = traffix(&[words, &["--database", &url]].concat()).run();
        assert_eq!(run.code, 2, "{words:?}");
        assert!(run.stderr.contains(says), "{words:?}: {}", run.stderr);
    }
}

#[test]
fn whoever_begins_with_an_empty_catalogue_is_told_of_the_reviewed_one() {
    let (dir, url) = database();
    recording(dir.path(), FIRST, &[Product::default()]);
    assert!(sync(dir.path(), &url, &[]).stderr.contains("hint: with traffix import --bundled"));
    assert!(!sync(dir.path(), &url, &[]).stderr.contains("--bundled"));
}

#[test]
fn secrets_are_masked() {
    let dir = tempfile::tempdir().unwrap();
    let secrets = write(dir.path(), "secrets.toml", "[credentials]\nsteam = 5\n");
    let run = traffix(&["sync", "--credentials", &secrets]).dir(dir.path()).run();
    assert_eq!(run.code, 2);
    let run = traffix(&["serve", "--print-config"])
        .dir(dir.path())
        .env("TRAFFIX__CREDENTIALS__STEAM", "00012345E6789")
        .run()
        .expect(0);
    assert!(run.contains("steam = \"***\"") && !run.contains("12345"), "{run}");
}

#[test]
fn suggestions_and_exchanges_are_pulled_beside() {
    let (dir, url) = database();
    let config = "[sync]\nsuggestions = \"octokit-fixture-org/paginate-issues\"\n\
                  [sync.exchanges]\nexample = \"https://ixp.example/ixp/\"\n";
    let config = write(dir.path(), "traffix.toml", config);
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../traffix-platforms/src/sources");
    let words =
        ["sync", "github", "ixp-example", "--json", "--config", &config, "--database", &url, "--replay"];
    let run = |folder: &str| {
        let folder = sources.join(folder).join("fixtures");
        let words = [&words[..], &[folder.to_str().unwrap()]].concat();
        serde_json::from_str::<Value>(&traffix(&words).run().stdout).unwrap()["platforms"].clone()
    };
    let suggested = run("github");
    assert_eq!((&suggested[0]["id"], &suggested[0]["status"]), (&json!("github"), &json!("done")));
    assert!(suggested[0]["proposed"].as_u64().unwrap() > 0, "{suggested}");
    assert_eq!(run("github")[0]["proposed"], 0);
    let exchanged = run("ixp");
    assert_eq!((&exchanged[0]["skipped"], &exchanged[1]["points"]), (&json!(1), &json!(10)), "{exchanged}");
    assert_eq!((&exchanged[1]["id"], &exchanged[1]["written"]), (&json!("ixp-example"), &json!(0)));
}

#[test]
fn the_server_pulls_by_itself_if_told_to() {
    let (dir, url) = database();
    recording(dir.path(), FIRST, &[Product::number(0), Product::number(1)]);
    let service = Service::start(dir.path());
    let settings =
        service.config().replacen("[sync]\n", "[sync]\nenabled = true\nplatforms = [\"xbox\"]\n", 1);
    let config = write(dir.path(), "traffix.toml", settings);
    let words = ["serve", "--listen", "127.0.0.1:0", "--config", &config, "--database", &url];
    let mut server = traffix(&words).spawn();
    let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
    let base = lines
        .find_map(|line| line.unwrap().split_once("listens on ").map(|(_, url)| url.to_owned()))
        .unwrap();
    let begun = Instant::now();
    let source = loop {
        let source: Value = get(&base, "/api/v1/sources/xbox");
        if source["status"] == "ok" && source.get("succeeded_at").is_some() {
            break source;
        }
        assert!(begun.elapsed() < Duration::from_mins(1), "{source}");
    };
    server.kill().unwrap();
    server.wait().unwrap();
    assert!(source["written"].as_u64().unwrap() >= 2 && source["errors"] == 0, "{source}");
    let asked = &source["hosts"]["displaycatalog.mp.microsoft.com"];
    assert!(asked["requests"].as_u64().unwrap() > 0, "{source}");
}

/// A JSON answer over plain HTTP.
fn get(base: &str, path: &str) -> Value {
    let address = base.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap_or_default()
}

#[test]
fn platforms_are_checked_over_their_recordings() {
    let recordings = Path::new(env!("CARGO_MANIFEST_DIR")).join("../traffix-platforms/src");
    let words = ["platforms", "check", "xbox", "--json", "--fixtures", recordings.to_str().unwrap()];
    let item = traffix(&words).run().json()["items"][0].clone();
    assert_eq!((&item["failed"], &item["id"]), (&json!(0), &json!("xbox")), "{item}");
    assert!(item["passed"].as_u64().unwrap() > 10, "{item}");
    let nowhere = traffix(&["platforms", "check", "xbox", "--fixtures", "/nowhere"]).run();
    assert_eq!(nowhere.code, 0, "{}", nowhere.stderr);
    assert!(
        nowhere.stderr.contains("--fixtures DIR") && nowhere.stderr.contains("no recordings"),
        "{}",
        nowhere.stderr
    );
}
