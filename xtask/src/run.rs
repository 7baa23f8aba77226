//! Running commands from the workspace root.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Why a task failed, as one line for people.
pub(crate) type Result<T = ()> = std::result::Result<T, String>;

/// The workspace root.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// A command that runs in the workspace root.
pub(crate) fn command(program: &str, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(args).current_dir(root());
    command
}

/// `cargo` with `args`, the same toolchain that runs this task.
pub(crate) fn cargo(args: &[&str]) -> Command {
    command(&std::env::var("CARGO").unwrap_or_else(|_| "cargo".into()), args)
}

/// Runs to the end; fails unless it succeeds.
pub(crate) fn run(command: &mut Command) -> Result {
    let status = command.status().map_err(|e| format!("cannot start {command:?}: {e}"))?;
    if status.success() { Ok(()) } else { Err(format!("{command:?} failed ({status})")) }
}

/// An example, built as the tests are: with the features of the whole workspace, so that no dependency is built twice.
pub(crate) fn example(name: &str) -> Result<Command> {
    run(&mut cargo(&["build", "--quiet", "--workspace", "--all-features", "--example", name]))?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    let mut example = Command::new(target.join("debug/examples").join(name));
    example.current_dir(root());
    Ok(example)
}

/// Writes or checks the documents that are generated from code.
pub(crate) fn codegen(args: &[String]) -> Result {
    run(example("codegen")?.args(args))
}
