//! `cargo xtask test`: everything that CI runs, in the order that finds mistakes soonest.

use std::time::Instant;

use crate::run::{self, Result, cargo};
use crate::{api_test, check_data, packages};

/// A step: its name and what it runs.
type Step = (&'static str, fn() -> Result);

const STEPS: [Step; 10] = [
    ("packages", packages::ensure),
    ("format", format),
    ("clippy", || {
        let targets = ["clippy", "--workspace", "--all-targets", "--all-features"];
        run::run(cargo(&targets).args(["--", "--deny", "warnings"]))
    }),
    ("tests", || {
        run::run(&mut cargo(&["test", "--workspace", "--all-targets", "--all-features", "--no-fail-fast"]))
    }),
    ("doctests", || run::run(&mut cargo(&["test", "--workspace", "--doc", "--all-features"]))),
    ("docs", || {
        let doc = ["doc", "--workspace", "--no-deps", "--all-features"];
        run::run(cargo(&doc).env("RUSTDOCFLAGS", "--deny warnings"))
    }),
    ("data", || check_data::check_data(&[])),
    ("codegen", || run::codegen(&["--check".into()])),
    ("examples", examples),
    ("api", api_test::api_test),
];

/// Runs the named steps, or all.
pub(crate) fn test(names: &[String]) -> Result {
    if names.iter().any(|n| n == "--list") {
        for (name, _) in STEPS {
            println!("{name}");
        }
        return Ok(());
    }
    if let Some(unknown) = names.iter().find(|n| STEPS.iter().all(|(name, _)| n != name)) {
        return Err(format!("no step {unknown:?}; `cargo xtask test --list` names them"));
    }
    let mut failed = Vec::new();
    let mut passed = 0;
    for (name, step) in STEPS.iter().filter(|(name, _)| names.is_empty() || names.iter().any(|n| n == name)) {
        println!("\n── {name} ──");
        let started = Instant::now();
        match step() {
            Ok(()) => passed += 1,
            Err(error) => failed.push(format!("{name}: {error}")),
        }
        println!("── {name}: {:.0} s ──", started.elapsed().as_secs_f64());
    }
    for line in &failed {
        eprintln!("failed: {line}");
    }
    println!("\nchecks: {passed} passed, {} failed", failed.len());
    if failed.is_empty() { Ok(()) } else { Err(format!("{} of the checks failed", failed.len())) }
}

/// `cargo fmt` follows modules, but not those of the platforms: a macro declares them. So each is named.
fn format() -> Result {
    run::run(&mut cargo(&["fmt", "--all", "--check"]))?;
    let entries = std::fs::read_dir(run::root().join("traffix-platforms/src")).map_err(|e| e.to_string())?;
    let modules =
        entries.flatten().map(|entry| entry.path().join("mod.rs")).filter(|module| module.is_file());
    let mut rustfmt = run::command("rustfmt", &["--check", "--edition", "2024", "--config-path"]);
    run::run(rustfmt.arg(run::root().join("rustfmt.toml")).args(modules))
}

/// Every example at the top level runs to its end.
fn examples() -> Result {
    let folder = run::root().join("examples");
    let entries = std::fs::read_dir(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let mut names: Vec<String> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .filter(|name| !name.starts_with('.'))
        .collect();
    names.sort();
    for name in names {
        println!("example {name}");
        run::run(&mut run::example(&name)?)?;
    }
    Ok(())
}
