//! `traffix` as processes: started, asked, and ended by a signal.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Longest wait for anything to happen.
pub(crate) const PATIENCE: Duration = Duration::from_mins(2);

/// A command in an own directory without any settings.
pub(crate) fn traffix(dir: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_traffix"));
    command.args(words).env_clear().current_dir(dir).stdin(Stdio::null());
    command.env("NO_COLOR", "1");
    command
}

/// Runs a command that must succeed; its standard output.
pub(crate) fn run(dir: &Path, words: &[&str]) -> String {
    let out = traffix(dir, words).output().unwrap();
    assert!(out.status.success(), "{words:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}

/// Runs a command that must fail; its standard error.
pub(crate) fn refused(dir: &Path, words: &[&str]) -> String {
    let out = traffix(dir, words).output().unwrap();
    assert!(!out.status.success(), "{words:?} succeeded");
    String::from_utf8(out.stderr).unwrap()
}

/// A process that goes on until it is told to stop.
pub(crate) struct Running {
    child: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
}

impl Running {
    /// Starts a command whose standard error is read line by line.
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (to, lines) = channel();
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                let _ = to.send(line);
            }
        });
        Self { child, lines, seen: Vec::new() }
    }

    /// Waits for a line of standard error that holds a text.
    pub(crate) fn line(&mut self, part: &str) -> String {
        let begun = Instant::now();
        loop {
            let left = PATIENCE.saturating_sub(begun.elapsed());
            match self.lines.recv_timeout(left) {
                Ok(line) if line.contains(part) => return line,
                Ok(line) => self.seen.push(line),
                Err(error) => panic!("no line with {part:?}, {error}:\n{}", self.seen.join("\n")),
            }
        }
    }

    /// The first line of standard output that holds a text.
    pub(crate) fn out_line(&mut self, part: &str) -> String {
        let mut stdout = BufReader::new(self.child.stdout.take().unwrap());
        let mut line = String::new();
        while !line.contains(part) {
            line.clear();
            assert!(stdout.read_line(&mut line).unwrap() > 0, "ended without {part:?}");
        }
        line
    }

    /// Ctrl-C, then what it writes to standard output and its exit code.
    pub(crate) fn interrupt(mut self) -> (String, Option<i32>) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
        let mut text = String::new();
        if let Some(mut stdout) = self.child.stdout.take() {
            stdout.read_to_string(&mut text).unwrap();
        }
        let code = self.child.wait().unwrap().code();
        (text, code)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `traffix serve` on a database, with a key to read.
pub(crate) struct Server {
    pub(crate) running: Running,
    address: String,
    key: String,
}

impl Server {
    pub(crate) fn start(dir: &Path, database: &str, settings: &[(&str, &str)]) -> Self {
        let key = run(dir, &["keys", "create", "--name", "test", "--role", "reader", "--database", database]);
        let mut command = traffix(dir, &["serve", "--listen", "127.0.0.1:0", "--database", database]);
        let mut running = Running::start(command.envs(settings.iter().copied()));
        let line = running.out_line("listens on http://");
        let address = line.split("http://").nth(1).unwrap().trim().to_owned();
        Self { running, address, key: key.trim().to_owned() }
    }

    /// The body of an answer with status 200.
    pub(crate) fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let key = &self.key;
        let head = format!("GET {path} HTTP/1.0\r\nHost: x\r\nAuthorization: Bearer {key}\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.0 200") || head.starts_with("HTTP/1.1 200"), "{path}: {answer}");
        body.to_owned()
    }

    pub(crate) fn json(&self, path: &str) -> Value {
        serde_json::from_str(&self.get(path)).unwrap()
    }

    /// Asks until an answer is as wanted.
    pub(crate) fn until(&self, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        until(|| Some(self.json(path)).filter(&wanted))
    }
}

/// Asks until there is an answer.
#[track_caller]
pub(crate) fn until<T>(mut ask: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(begun.elapsed() < PATIENCE, "it did not happen");
        std::thread::yield_now();
    }
}

/// An address of UDP that nobody uses now.
pub(crate) fn free_udp() -> SocketAddr {
    UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// The addresses that `traffix collect` says.
pub(crate) fn listening(line: &str) -> SocketAddr {
    let (_, rest) = line.split_once(" from ").unwrap();
    rest.split([',', ';']).next().unwrap().trim().parse().unwrap()
}
