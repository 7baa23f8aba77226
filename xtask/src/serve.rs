//! `cargo xtask serve`: from a clone to a running server with one command.

use crate::run::{Result, cargo, run};

/// Builds the server with optimisation if it is stale and runs it with `args`.
pub(crate) fn serve(args: &[String]) -> Result {
    run(&mut cargo(&["build", "--release", "--package", "traffix-server"]))?;
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let base = ["run", "--quiet", "--release", "--package", "traffix-server", "--", "serve"];
    run(&mut cargo(&[&base[..], &args].concat()))
}
