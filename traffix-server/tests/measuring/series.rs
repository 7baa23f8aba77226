//! Series of other systems: made by the real `rrdtool`, imported, and read back.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::flows::database;
use crate::process::{Server, refused, run};

fn rrdtool(dir: &Path, words: &[&str]) -> String {
    let out = Command::new("rrdtool").args(words).current_dir(dir).stdin(Stdio::null()).output();
    let out = out.unwrap_or_else(|error| panic!("rrdtool: {error}; install the Debian package rrdtool"));
    assert!(out.status.success(), "{words:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}

/// A database with five steps of five minutes, one of them unknown, in bytes per second.
fn round_robin(dir: &Path) {
    let create = ["create", "t.rrd", "--start", "1699999800", "--step", "300", "DS:in:GAUGE:600:0:U"];
    let more = ["DS:out:COUNTER:600:0:U", "RRA:AVERAGE:0.5:1:12", "RRA:AVERAGE:0.5:6:8", "RRA:MAX:0.5:6:8"];
    rrdtool(dir, &[&create[..], &more].concat());
    for update in [
        "1700000100:1000:0",
        "1700000400:2000:3000000",
        "1700000700:U:6000000",
        "1700001000:4000:6000000",
        "1700001300:5000:9000000",
    ] {
        rrdtool(dir, &["update", "t.rrd", update]);
    }
}

/// What must come of it in steps of five minutes, in bit/s from 1700000100 - 300 on.
const IN: [Option<f64>; 5] = [Some(8_000.0), Some(16_000.0), None, Some(32_000.0), Some(40_000.0)];
const OUT: [Option<f64>; 5] = [None, Some(80_000.0), Some(80_000.0), Some(0.0), Some(80_000.0)];

fn values(server: &Server, subject: &str, source: &str, step: u32) -> Vec<Option<f64>> {
    let path = format!(
        "/api/v1/series/points?metric=traffic_bps&subject={subject}&source={source}&step={step}\
         &from=2023-11-14T22:10:00Z&until=2023-11-14T22:35:00Z"
    );
    let answer = server.json(&path);
    answer["values"].as_array().unwrap().iter().map(Value::as_f64).collect()
}

#[test]
fn real_outputs_of_rrdtool_are_imported_once() {
    let (dir, url) = database();
    let dir = dir.path();
    round_robin(dir);
    let span = ["-s", "1699999800", "-e", "1700001200"];
    let defs = ["DEF:a=t.rrd:in:AVERAGE", "DEF:b=t.rrd:out:AVERAGE", "XPORT:a:in", "XPORT:b:out"];
    let outputs = [
        ("fetch", "fetch.txt", rrdtool(dir, &[&["fetch", "t.rrd", "AVERAGE"][..], &span].concat())),
        ("xport", "xport.json", rrdtool(dir, &[&["xport", "--json"][..], &span, &defs].concat())),
        ("dump", "dump.xml", rrdtool(dir, &["dump", "t.rrd"])),
    ];
    for (source, file, text) in &outputs {
        std::fs::write(dir.join(file), text).unwrap();
        let words = ["import", file, "--unit", "Bps", "--place", "acme/transit-1", "--source", source];
        let words = [&words[..], &["--database", &url, "--json"]].concat();
        let first: Value = serde_json::from_str(&run(dir, &words)).unwrap();
        let changed = |report: &Value| {
            let all = report["series"].as_array().unwrap();
            all.iter().map(|one| one["changed"].as_u64().unwrap()).sum::<u64>()
        };
        assert!(changed(&first) >= 8, "{source}: {first}");
        let second: Value = serde_json::from_str(&run(dir, &words)).unwrap();
        assert_eq!(changed(&second), 0, "{source}: the same again changes nothing");
    }
    let server = Server::start(dir, &url, &[]);
    for (source, ..) in &outputs {
        assert_eq!(values(&server, "acme/transit-1/in", source, 300), IN, "{source}");
        assert_eq!(values(&server, "acme/transit-1/out", source, 300), OUT, "{source}");
    }
    // The dump has a coarser archive too: 22:00 to 22:30, of which rrdtool knows enough.
    let list = server.json("/api/v1/series?metric=traffic_bps&subject=acme/transit-1/in");
    let steps: Vec<_> =
        list["items"].as_array().unwrap().iter().map(|one| one["step_secs"].clone()).collect();
    assert!(steps.contains(&json!(1800)), "{list}");
    let counter = ["import", "dump.xml", "--unit", "octets-counter", "--place", "x", "--source", "y"];
    let wrong = refused(dir, &[&counter[..], &["--database", &url]].concat());
    assert!(wrong.contains("keeps rates"), "{wrong}");
}

#[test]
fn tables_and_prometheus_are_imported_and_mistakes_write_nothing() {
    let (dir, url) = database();
    let dir = dir.path();
    std::fs::write(dir.join("ixp.csv"), "time,in,out\n1699999800,1e12,2e12\n1700000100,,3e12\n").unwrap();
    let prometheus = json!({"status": "success", "data": {"resultType": "matrix", "result": [
        {"metric": {"ifName": "et-0"}, "values": [[1_700_000_100, "5"], [1_700_000_400, "NaN"], [1_700_000_700, "7"]]}]}});
    std::fs::write(dir.join("prometheus.json"), prometheus.to_string()).unwrap();
    std::fs::write(dir.join("wrong.csv"), "time,value\n1699999800,1\n1700000100,-1\n1700000200,1\n").unwrap();
    let import = |file: &str, unit: &str, place: &str, more: &[&str]| {
        let words =
            ["import", file, "--unit", unit, "--place", place, "--source", "test", "--database", &url];
        [&words[..], more].concat().iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let words = |words: &[String]| run(dir, &words.iter().map(String::as_str).collect::<Vec<_>>());
    let said = words(&import("ixp.csv", "bps", "ixp/example", &[]));
    assert!(said.contains("ixp/example/in: 1 steps of 300 s, 1 new or changed, 0 unknown"), "{said}");
    words(&import("prometheus.json", "Bps", "acme/et-0", &[]));
    let wrong = import("wrong.csv", "bps", "acme/wrong", &[]);
    let wrong = refused(dir, &wrong.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(
        wrong.contains("wrong.csv:3: -1 is negative") && wrong.contains("nothing was imported"),
        "{wrong}"
    );
    let unstated = refused(dir, &["import", "ixp.csv", "--place", "x", "--source", "y", "--database", &url]);
    assert!(unstated.contains("--unit"), "{unstated}");
    let server = Server::start(dir, &url, &[]);
    assert_eq!(values(&server, "ixp/example/out", "test", 300)[..2], [Some(2e12), Some(3e12)]);
    assert_eq!(values(&server, "acme/et-0", "test", 300)[..3], [Some(40.0), None, Some(56.0)]);
    let list = server.json("/api/v1/series?metric=traffic_bps&subject=acme/wrong");
    assert_eq!(list["items"], json!([]));
}
