//! Server CPU per request, against a bare poem handler that returns the same bytes in the same run.
//!
//! `cargo bench -p traffix-server --bench load` needs `wrk` and `taskset` (Debian packages) and prints a table.
//! `LOAD_SECONDS` (15), `LOAD_ROUNDS` (3) and `LOAD_CONNECTIONS` (300) change the run. Servers and `wrk` are bound
//! to a processor each; rounds alternate between the rivals; medians are shown. The real server runs with rate
//! limits (a quota that is never reached) and JSON logs on.

mod catalogue;
mod drive;
mod servers;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let done = match arguments.get(1).map(String::as_str) {
        Some("serve-real") => servers::real(&arguments[2]),
        Some("serve-bare") => servers::bare(&arguments[2]),
        _ if arguments.iter().any(|argument| argument == "--bench") => drive::run(),
        // `cargo test` only wants to see that it builds and starts.
        _ => Ok(()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("load: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Whatever goes wrong ends the run.
type Outcome<T> = Result<T, Box<dyn std::error::Error>>;
