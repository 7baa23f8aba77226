//! Runs the binary as a user would.
#![allow(clippy::unwrap_used, dead_code, reason = "a test helper of which every file uses a part")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A command line that was not run yet.
pub(crate) struct Line {
    command: Command,
    stdin: Option<Vec<u8>>,
}

/// What a run left.
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// `traffix` with arguments, in an empty environment and an own directory.
pub(crate) fn traffix(arguments: &[&str]) -> Line {
    let mut command = Command::new(env!("CARGO_BIN_EXE_traffix"));
    command.args(arguments).env_clear().env("PATH", "").stdin(Stdio::null());
    Line { command, stdin: None }
}

impl Line {
    pub(crate) fn stdin(mut self, text: impl AsRef<[u8]>) -> Self {
        self.stdin = Some(text.as_ref().to_vec());
        self
    }

    pub(crate) fn dir(mut self, path: &Path) -> Self {
        self.command.current_dir(path);
        self
    }

    pub(crate) fn env(mut self, key: &str, value: &str) -> Self {
        self.command.env(key, value);
        self
    }

    pub(crate) fn spawn(mut self) -> Child {
        if self.stdin.is_some() {
            self.command.stdin(Stdio::piped());
        }
        let mut child = self.command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        if let (Some(mut to), Some(text)) = (child.stdin.take(), self.stdin) {
            // The child may end without reading everything.
            std::thread::spawn(move || to.write_all(&text));
        }
        child
    }

    pub(crate) fn run(self) -> Run {
        let output = self.spawn().wait_with_output().unwrap();
        let text = |bytes| String::from_utf8(bytes).expect("the program writes UTF-8");
        let run = Run {
            code: output.status.code().expect("no signal"),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        };
        assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
        run
    }

    pub(crate) fn run_and_read_only_one_line(self) -> Run {
        let mut child = self.spawn();
        let mut stdout = String::new();
        let mut reader = BufReader::new(child.stdout.take().unwrap());
        reader.read_line(&mut stdout).unwrap();
        drop(reader);
        let mut stderr = String::new();
        child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        Run { code: child.wait().unwrap().code().expect("no signal"), stdout, stderr }
    }
}

impl Run {
    /// Standard output, if the run ended with this code.
    pub(crate) fn expect(self, code: i32) -> String {
        assert_eq!(self.code, code, "stderr: {}", self.stderr);
        self.stdout
    }

    pub(crate) fn json(self) -> serde_json::Value {
        serde_json::from_str(&self.expect(0)).expect("JSON on standard output")
    }
}

/// Writes a file and returns its path.
pub(crate) fn write(dir: &Path, name: &str, content: impl AsRef<[u8]>) -> String {
    let path = dir.join(name);
    std::fs::write(&path, content).unwrap();
    path.to_str().unwrap().to_owned()
}
