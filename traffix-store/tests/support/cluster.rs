//! A private PostgreSQL cluster in a temporary directory, on a unix socket only.
//!
//! It lives as long as the test process: a guardian holds the other end of a pipe and stops the cluster when the
//! pipe closes, which it does however the process ends.

use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// A running cluster.
pub(crate) struct Cluster {
    bin: PathBuf,
    dir: PathBuf,
    settings: &'static str,
    databases: AtomicU32,
    guardian: Child,
}

const MISSING: &str = "the tests need PostgreSQL 15: apt-get install postgresql-15";

/// Where the server's programs are.
fn bin_dir() -> PathBuf {
    let configured = Command::new("pg_config").arg("--bindir").output().ok();
    let configured = configured.map(|out| PathBuf::from(String::from_utf8_lossy(&out.stdout).trim()));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let candidates = [PathBuf::from("/usr/lib/postgresql/15/bin")];
    let mut all = candidates.into_iter().chain(configured).chain(std::env::split_paths(&path));
    all.find(|dir| dir.join("initdb").exists() && dir.join("pg_ctl").exists())
        .unwrap_or_else(|| panic!("{MISSING}"))
}

fn is_root() -> bool {
    let out = Command::new("id").arg("-u").output().expect("id runs");
    out.stdout.starts_with(b"0\n")
}

/// A command as a user that PostgreSQL agrees to run as: it refuses root.
fn command(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]).arg(program);
    command
}

fn run(command: &mut Command) {
    let out = command.stdin(Stdio::null()).output().unwrap_or_else(|e| panic!("{command:?}: {e}; {MISSING}"));
    let text = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{command:?}: {text}{}", String::from_utf8_lossy(&out.stdout));
}

impl Cluster {
    /// Starts a cluster with some `postgres` settings, such as `-c fsync=off`.
    pub(crate) fn start(settings: &'static str) -> Self {
        let bin = bin_dir();
        // Short, because the path of a unix socket has at most 107 bytes.
        let dir = tempfile::Builder::new().prefix("traffix-pg").tempdir().expect("a directory").keep();
        if is_root() {
            run(Command::new("chown").arg("postgres").arg(&dir));
        }
        let data = dir.join("data");
        let mut initdb = command(&bin.join("initdb"));
        initdb.args([
            "-U",
            "traffix",
            "--auth=trust",
            "--no-sync",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "-D",
        ]);
        run(initdb.arg(&data));
        let guardian = guard(&bin, &dir);
        let cluster = Self { bin, dir, settings, databases: AtomicU32::new(0), guardian };
        cluster.boot();
        cluster
    }

    /// Starts the server of this cluster again.
    pub(crate) fn boot(&self) {
        let socket = self.dir.display();
        let settings = format!(
            "-c listen_addresses='' -c unix_socket_directories='{socket}' -c max_connections=200 {}",
            self.settings
        );
        let mut start = command(&self.bin.join("pg_ctl"));
        start.arg("-D").arg(self.dir.join("data")).arg("-l").arg(self.dir.join("log"));
        start.args(["-w", "-t", "60", "-o", &settings, "start"]);
        // The server keeps what it inherits: a captured output would never end.
        let status = start.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
        let log = || std::fs::read_to_string(self.dir.join("log")).unwrap_or_default();
        assert!(status.is_ok_and(|status| status.success()), "PostgreSQL does not start: {}", log());
    }

    /// Creates an empty database and returns its URL.
    pub(crate) fn database(&self) -> String {
        let name = format!("t{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let mut psql = Command::new(self.bin.join("psql"));
        psql.args(["-X", "-q", "-U", "traffix", "-d", "postgres", "-h"]).arg(&self.dir);
        run(psql.args(["-c", &format!("CREATE DATABASE {name}")]));
        self.url(&name)
    }

    fn url(&self, database: &str) -> String {
        let socket = self.dir.display().to_string().replace('/', "%2F");
        format!("postgres://traffix@{socket}/{database}")
    }

    /// Kills all processes of the server at once, as a loss of power would.
    pub(crate) fn kill(&self) {
        let pid = std::fs::read_to_string(self.dir.join("data/postmaster.pid")).expect("the server runs");
        let pid = pid.lines().next().expect("a process id").to_owned();
        let children = children_of(&pid);
        // The postmaster first, or it would notice and clean up.
        let all: Vec<String> = std::iter::once(pid).chain(children).collect();
        for process in &all {
            // One that ended by itself meanwhile is fine.
            let _ = Command::new("kill").arg("-KILL").arg(process).stderr(Stdio::null()).status();
        }
        let start = Instant::now();
        while all.iter().any(|process| lives(process)) {
            assert!(start.elapsed() < Duration::from_secs(20), "{all:?} do not die");
            std::thread::sleep(Duration::from_millis(5));
        }
        // Whoever adopts orphans may be slow to bury them, and PostgreSQL takes a zombie for a running server.
        for lock in ["data/postmaster.pid", ".s.PGSQL.5432.lock"] {
            let _ = std::fs::remove_file(self.dir.join(lock));
        }
    }

    /// Dumps the schema of a database, without sqlx's own table.
    pub(crate) fn schema(&self, url: &str) -> String {
        let name = url.rsplit('/').next().expect("a database");
        let mut dump = Command::new(self.bin.join("pg_dump"));
        dump.args(["-s", "-U", "traffix", "-T", "_sqlx_migrations", "-d", name, "-h"]).arg(&self.dir);
        let out = dump.output().expect("pg_dump runs");
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        let dump = String::from_utf8(out.stdout).expect("text");
        // These lines hold a random word.
        let lines = dump.lines().filter(|l| !l.starts_with("\\restrict") && !l.starts_with("\\unrestrict"));
        lines.collect::<Vec<_>>().join("\n")
    }
}

/// Whether a process runs; a zombie does not.
fn lives(pid: &str) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    status.lines().any(|line| line.starts_with("State:") && !line.contains('Z'))
}

fn children_of(parent: &str) -> Vec<String> {
    let entries = std::fs::read_dir("/proc").expect("a Linux system").flatten();
    let pids = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let is_child = |pid: &String| {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        status.lines().any(|line| line.strip_prefix("PPid:").is_some_and(|value| value.trim() == parent))
    };
    pids.filter(|pid| pid.bytes().all(|b| b.is_ascii_digit())).filter(is_child).collect()
}

/// Starts the process that ends the cluster when this process ends.
fn guard(bin: &Path, dir: &Path) -> Child {
    let script = r#"cat >/dev/null; "$@" -D "$DIR/data" -m immediate stop; rm -rf "$DIR""#;
    let stop = command(&bin.join("pg_ctl"));
    let mut guardian = Command::new("sh");
    guardian.arg("-c").arg(script).arg("guardian").arg(stop.get_program()).args(stop.get_args());
    // In a group of its own, or Ctrl-C and `timeout` would end it together with the test.
    guardian.process_group(0);
    guardian.env("DIR", dir).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    guardian.spawn().expect("sh runs")
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // Closing the pipe is the signal; waiting for the guardian leaves nothing behind.
        if let Some(mut pipe) = self.guardian.stdin.take() {
            let _ = pipe.flush();
        }
        let _ = self.guardian.wait();
    }
}
