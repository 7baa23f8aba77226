//! The command line.
//!
//! Answers go to standard output, everything else to standard error. Exit code 0 is success, 1 is failure,
//! 2 is a mistake in the command itself. A closed pipe ends the program quietly.

mod failure;
mod input;
mod output;
mod verify;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

pub use failure::{Failure, USAGE};
use output::Out;

/// What tomorrow's releases do to an ISP's links.
#[derive(Debug, Parser)]
#[command(name = "traffix", version, max_term_width = 100, arg_required_else_help = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    VerifyModel(verify::Args),
}

/// Does what the command line says.
///
/// # Errors
/// [`Failure`] with what went wrong and what helps; it knows its exit code.
pub fn run(cli: Cli) -> Result<(), Failure> {
    let mut out = Out::stdout();
    match cli.command {
        Command::VerifyModel(args) => verify::run(&args, &mut out),
    }?;
    out.flush()
}

/// A file to read; `-` is standard input.
type Input = PathBuf;
