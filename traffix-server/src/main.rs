//! The `traffix` binary: parses, wires, maps exit codes.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser as _;
use traffix_server::cli::{self, Cli};

fn main() -> ExitCode {
    match Cli::try_parse() {
        Ok(cli) => cli::run(cli).map_or_else(|failure| failure.report(), |()| ExitCode::SUCCESS),
        Err(error) => {
            // Help and version are no errors; a closed pipe is nobody's fault.
            let _ = error.print();
            ExitCode::from(if error.use_stderr() { cli::USAGE } else { 0 })
        }
    }
}
