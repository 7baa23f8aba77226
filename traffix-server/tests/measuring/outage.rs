//! The database goes away while flows arrive, and comes back: nothing is lost and nothing counts twice.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::cluster::Cluster;
use crate::flows::{VALVE, bytes, netflow_v5, profile, question, send};
use crate::process::{Running, Server, listening, run, traffix};

struct Case {
    cluster: Cluster,
    dir: TempDir,
    network: String,
    url: String,
}

impl Case {
    fn new() -> Self {
        let (cluster, dir) = (Cluster::start("-c fsync=off"), tempfile::tempdir().unwrap());
        let (network, url) = (profile(dir.path()), cluster.database());
        Self { cluster, dir, network, url }
    }

    fn collect(&self) -> Running {
        let words = [
            "collect",
            "--netflow",
            "127.0.0.1:0",
            "--network",
            &self.network,
            "--database",
            &self.url,
            "--json",
        ];
        let settings = [
            ("TRAFFIX__COLLECT__STEP_SECS", "1"),
            ("TRAFFIX__COLLECT__GRACE_SECS", "0"),
            // Says when a batch is written.
            ("TRAFFIX__LOG__FILTER", "traffix_server=debug"),
        ];
        Running::start(traffix(self.dir.path(), &words).envs(settings))
    }

    fn sum(&self) -> Option<u64> {
        let server = Server::start(self.dir.path(), &self.url, &[]);
        bytes(&server.json(&question("cdn,link")), Some("valve"), "pni")
    }
}

#[test]
fn a_database_that_comes_back_gets_everything_once() {
    let case = Case::new();
    let mut collect = case.collect();
    let to = listening(&collect.line("collecting for acme"));
    send(to, &netflow_v5(60, &[(VALVE, 7, 1_000)]));
    collect.line("measurements written");
    case.cluster.kill();
    send(to, &netflow_v5(60, &[(VALVE, 7, 200)]));
    collect.line("cannot be written now");
    send(to, &netflow_v5(60, &[(VALVE, 7, 30)]));
    case.cluster.boot();
    collect.line("measurements written");
    send(to, &netflow_v5(60, &[(VALVE, 7, 4)]));
    let (report, code) = collect.interrupt();
    let report: Value = serde_json::from_str(&report).unwrap();
    assert_eq!((code, &report["bytes"], &report["unsaved"]), (Some(0), &json!(1_234), &json!(0)), "{report}");
    assert_eq!(case.sum(), Some(1_234));
}

#[test]
fn what_is_left_when_the_database_stays_away_waits_in_a_file() {
    let case = Case::new();
    let mut collect = case.collect();
    let to = listening(&collect.line("collecting for acme"));
    send(to, &netflow_v5(60, &[(VALVE, 7, 1_000)]));
    collect.line("measurements written");
    case.cluster.kill();
    send(to, &netflow_v5(60, &[(VALVE, 7, 234)]));
    collect.line("cannot be written now");
    let (report, code) = collect.interrupt();
    let report: Value = serde_json::from_str(&report).unwrap();
    assert_eq!((code, &report["bytes"]), (Some(0), &json!(1_000)), "{report}");
    let file = case.dir.path().join(report["unsaved_file"].as_str().unwrap());
    let file = file.to_str().unwrap();
    case.cluster.boot();
    let import = ["import", file, "--database", &case.url];
    let (first, second) = (run(case.dir.path(), &import), run(case.dir.path(), &import));
    assert!(first.contains(", 0 known already"), "{first}");
    assert!(second.contains(": 0 added"), "{second}");
    // The next collector finds the file too, and adds nothing twice.
    let mut again = case.collect();
    let to = listening(&again.line("collecting for acme"));
    send(to, &netflow_v5(60, &[(VALVE, 7, 66)]));
    again.line("measurements written");
    again.interrupt();
    assert_eq!(case.sum(), Some(1_300));
}
