//! `traffix forecast --what-if` on the documented scenarios and on mistakes.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::path::{Path, PathBuf};

use support::{traffix, write};

const RELEASE: &str = r#"{
    "ru": {"id": "x", "title": "X", "kind": "update", "release_at": "2026-03-05T10:00:00Z",
           "items": [{"platform": "steam", "bytes": 20e9, "cdn_shares": {"akamai": 1.0}}], "signals": {"mau": 5e6}},
    "network": {"id": "acme", "country": "GB", "tz": "Europe/London", "lines": 1e6,
           "links": [{"id": "peer", "cdns": ["akamai"], "kind": "pni", "capacity_bps": 2e10},
                     {"id": "transit", "kind": "transit", "capacity_bps": 5e10}]},
    "options": {"draws": 32, "horizon_s": 172800}}"#;
const LOST: &str = r#"{"name": "lost peer", "changes": [{"remove_link": {"link": "peer"}}]}"#;
const DOUBLE: &str = r#"{"name": "double adoption", "changes": [{"scale_audience": {"by": 2}}]}"#;

fn documented() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/what-if")
}

/// The row of a table with this label, as cells.
fn row<'a>(table: &'a str, label: &str) -> Vec<&'a str> {
    let line = table.lines().find(|line| line.trim_start().starts_with(label)).unwrap();
    line.trim_start()[label.len()..].split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect()
}

#[test]
fn every_documented_scenario_can_be_asked() {
    let mut asked = 0;
    let release = documented().join("release.json");
    for file in std::fs::read_dir(documented()).unwrap() {
        let path = file.unwrap().path();
        let scenarios = path.extension().is_some_and(|end| end == "json" || end == "toml");
        if !scenarios || path == release {
            continue;
        }
        let arguments = ["forecast", release.to_str().unwrap(), "--what-if", path.to_str().unwrap()];
        let table = traffix(&arguments).run().expect(0);
        assert!(table.lines().next().unwrap().contains("base") && table.contains("Peak P50"), "{table}");
        asked += 1;
    }
    assert_eq!(asked, 3);
}

#[test]
fn a_table_stands_side_by_side() {
    let dir = tempfile::tempdir().unwrap();
    let release = write(dir.path(), "release.json", RELEASE.as_bytes());
    let both = write(dir.path(), "both.json", format!("[{LOST}, {DOUBLE}]").as_bytes());
    let table = traffix(&["forecast", &release, "--what-if", &both]).run().expect(0);
    assert!(table.starts_with(&" ".repeat(10)) && table.lines().next().unwrap().contains("lost peer"));
    let peaks = row(&table, "Peak P50");
    assert_eq!((peaks.len(), peaks[0]), (3, peaks[1]), "{table}");
    let change = row(&table, "change P50");
    assert_eq!(change, ["same", &format!("+{}", peaks[0])], "{table}");
    let peer = row(&table, "peer P(full)");
    assert_eq!((peer.len(), peer[1]), (3, "-"), "{table}");
}

#[test]
fn json_is_the_comparison_and_toml_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let release = write(dir.path(), "release.json", RELEASE.as_bytes());
    let json = traffix(&["forecast", &release, "--json", "--what-if", "-"]).stdin(DOUBLE).run().json();
    assert_eq!(json["scenarios"][0]["difference"]["peak_bps"], json["base"]["peak"]["bps"]);
    let list = "[[scenarios]]\nname = \"double adoption\"\nchanges = [{ scale_audience = { by = 2 } }]\n";
    let one = list.replace("[[scenarios]]\n", "");
    for (name, text) in [("list.toml", list), ("one.toml", one.as_str())] {
        let file = write(dir.path(), name, text.as_bytes());
        assert_eq!(traffix(&["forecast", &release, "--json", "--what-if", &file]).run().json(), json);
    }
}

#[test]
fn charts_are_drawn_below_each_other() {
    let dir = tempfile::tempdir().unwrap();
    let release = write(dir.path(), "release.json", RELEASE.as_bytes());
    let lost = write(dir.path(), "lost.json", LOST.as_bytes());
    let drawn = dir.path().join("lost.svg");
    let plot = ["forecast", &release, "--what-if", &lost, "--plot", drawn.to_str().unwrap()];
    traffix(&[&plot[..], &["--link", "peer"]].concat()).run().expect(0);
    let svg = std::fs::read_to_string(&drawn).unwrap();
    assert_eq!(svg.matches("<svg").count(), 3, "the page and two charts");
    assert!(svg.contains("What if: lost peer") && svg.contains("peer is not there"), "{svg}");
    let run = traffix(&[&plot[..], &["--link", "nope"]].concat()).run();
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("links: peer, transit"), "{}", run.stderr);
}

#[test]
fn mistakes_say_where_and_what() {
    let dir = tempfile::tempdir().unwrap();
    let release = write(dir.path(), "release.json", RELEASE.as_bytes());
    for (name, text, words) in [
        (
            "a.json",
            r#"{"name": "x", "changes": [{"remove_link": {"link": "nope"}}]}"#,
            "there are \"peer\", \"transit\"",
        ),
        (
            "b.json",
            r#"{"name": "x", "changes": [{"lose": {}}]}"#,
            "b.json:1:33: changes[0]: unknown variant `lose`",
        ),
        ("c.json", "[]", "/scenarios: must be 1 to 8, got 0"),
        ("d.json", "{", "d.json:1:1: "),
        ("e.toml", "name = 3", "e.toml: "),
        ("f.toml", "[[scenarios]]\nname = \"x\"\nchanges = []\nmore = 1", "unknown field `more`"),
    ] {
        let file = write(dir.path(), name, text.as_bytes());
        let run = traffix(&["forecast", &release, "--what-if", &file]).run();
        assert_eq!((run.code, run.stdout.as_str()), (1, ""), "{name}");
        assert!(run.stderr.contains(words), "{name}: {}", run.stderr);
    }
    let wrong = write(dir.path(), "wrong.json", RELEASE.replace("Europe/London", "Mars").as_bytes());
    let run = traffix(&["forecast", &wrong, "--what-if", "-"]).stdin(DOUBLE).run();
    assert!(
        run.stderr.contains("wrong.json is not valid") && run.stderr.contains("/network/tz"),
        "{}",
        run.stderr
    );
    for more in [&["--csv"][..], &["--link", "peer"]] {
        let run = traffix(&[&["forecast", &release, "--what-if", "-"], more].concat()).stdin(DOUBLE).run();
        assert_eq!(run.code, 2, "{more:?}: {}", run.stderr);
    }
}
