//! The API against its own OpenAPI document: schemathesis on a live server.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use crate::run::{Result, command, example, run};

/// Starts a server with a sample catalogue on a free port, tests it, and stops it.
pub(crate) fn api_test() -> Result {
    let mut server = example("sample_server")?
        .env("TRAFFIX__LIMITS__ENABLED", "false")
        .env("TRAFFIX__LOG__FILTER", "warn")
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|e| format!("cannot start the sample server: {e}"))?;
    let tested = test_against(&mut server);
    // A server that has ended by itself has failed the test already.
    let _ = server.kill();
    let _ = server.wait();
    tested
}

fn test_against(server: &mut Child) -> Result {
    let output = server.stdout.take().ok_or("the sample server has no output")?;
    let mut script = command("sh", &["traffix-server/tests/schemathesis.sh"]);
    let mut settings = 0;
    for line in BufReader::new(output).lines() {
        let line = line.map_err(|e| format!("cannot read from the sample server: {e}"))?;
        if let Some((name, value)) = line.split_once('=') {
            script.env(name, value);
            settings += 1;
        }
        if settings == 2 {
            return run(&mut script);
        }
    }
    Err("the sample server ended before it listened".into())
}
