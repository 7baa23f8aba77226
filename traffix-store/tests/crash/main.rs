//! Kill -9 at random points: no acknowledged write is lost, no change is half, an import that is repeated
//! converges.
//!
//! This test runs itself as a child that writes and says so. The child is killed; on PostgreSQL also the server.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../support/mod.rs"]
mod support;

mod check;
mod work;

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime};

use check::Checker;
use support::cluster::Cluster;
use tokio::runtime::Runtime;
use traffix_store::{OpenOptions, open};

/// The child finds its database and its first operation here.
const URL: &str = "TRAFFIX_CRASH_URL";
const FIRST: &str = "TRAFFIX_CRASH_FIRST";

/// Not a test by itself: the process that gets killed.
#[test]
fn child() {
    let Ok(url) = std::env::var(URL) else { return };
    let first = std::env::var(FIRST).unwrap().parse().unwrap();
    Runtime::new().unwrap().block_on(work::forever(&url, first));
}

fn spawn(url: &str, first: usize) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["child", "--exact", "--nocapture", "--test-threads=1"]);
    command.env(URL, url).env(FIRST, first.to_string()).env("RUST_BACKTRACE", "0");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
}

/// Random numbers from a seed that is printed, so that a failure can be repeated as far as time allows.
struct Random(u64);

impl Random {
    fn new() -> Self {
        let seed = std::env::var("TRAFFIX_CRASH_SEED").ok().and_then(|seed| seed.parse().ok());
        let now = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        let seed = seed.unwrap_or_else(now);
        println!("TRAFFIX_CRASH_SEED={seed}");
        Self(seed | 1)
    }

    fn millis(&mut self, from: u64, to: u64) -> Duration {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        Duration::from_millis(from + self.0 % (to - from))
    }
}

/// Lets a child work from operation `first` on, strikes after the first acknowledgement and a random while, and
/// returns the first operation that was not acknowledged.
fn round(url: &str, first: usize, wait: Duration, strike: impl FnOnce(&mut Child)) -> usize {
    let mut child = spawn(url, first);
    let stdout = BufReader::new(child.stdout.take().unwrap());
    let (tell, told) = std::sync::mpsc::channel();
    let reader = std::thread::spawn(move || {
        let mut next = first;
        for line in stdout.lines().map_while(Result::ok) {
            // The harness of the child may have printed before on the same line.
            if let Some((_, number)) = line.split_once("ACK ") {
                assert_eq!(number.parse(), Ok(next), "{line}");
                next += 1;
                let _ = tell.send(());
            }
        }
        next
    });
    told.recv_timeout(Duration::from_secs(30)).expect("the child writes");
    std::thread::sleep(wait);
    strike(&mut child);
    let next = reader.join().unwrap();
    child.wait().unwrap();
    next
}

fn kill(child: &mut Child) {
    child.kill().unwrap();
}

async fn verify(checker: &mut Checker, url: &str, next: usize) {
    let store = open(url, OpenOptions::default()).await.unwrap();
    checker.check(&*store, next).await;
}

#[test]
fn sqlite_survives_kills() {
    let runtime = Runtime::new().unwrap();
    let mut random = Random::new();
    let mut checker = Checker::default();
    let dir = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", dir.path().join("traffix.db").display());
    let (mut next, mut kills) = (0, 0);
    while kills < 12 {
        next = round(&url, next, random.millis(0, 300), kill);
        kills += 1;
        runtime.block_on(verify(&mut checker, &url, next));
        runtime.block_on(check::sqlite(&url));
    }
    runtime.block_on(check::converges(&url, next));
    println!("SQLite: {kills} kills, {next} acknowledged operations, none lost");
}

#[test]
fn postgres_survives_kills() {
    let runtime = Runtime::new().unwrap();
    let mut random = Random::new();
    let mut checker = Checker::default();
    // With its default durability, unlike the cluster of the other tests.
    let cluster = Cluster::start("");
    let url = cluster.database();
    let (mut next, mut kills, mut crashes) = (0, 0, 0);
    while kills + crashes < 14 {
        let wait = random.millis(0, 300);
        if (kills + crashes) % 2 == 0 {
            next = round(&url, next, wait, kill);
            kills += 1;
        } else {
            next = round(&url, next, wait, |child| {
                cluster.kill();
                // Long enough for the child to claim something that is not so.
                std::thread::sleep(Duration::from_millis(50));
                kill(child);
            });
            cluster.boot();
            crashes += 1;
        }
        runtime.block_on(verify(&mut checker, &url, next));
    }
    runtime.block_on(check::converges(&url, next));
    println!(
        "PostgreSQL: {kills} kills of the client, {crashes} of the server, {next} acknowledged operations, none lost"
    );
}
