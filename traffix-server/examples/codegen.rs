//! Writes the documents that are generated from code; with `--check` it fails if one is stale.
//!
//! `cargo xtask codegen [--check]`

use std::path::Path;
use std::process::ExitCode;

fn documents() -> Vec<(&'static str, String)> {
    vec![
        ("docs/cli.md", traffix_server::cli::markdown()),
        ("docs/config.md", traffix_server::config::markdown()),
        ("docs/openapi.json", traffix_server::openapi_json()),
        ("docs/outlook-2023-11.svg", traffix_server::report::sample_svg().unwrap_or_default()),
        ("docs/platforms.md", traffix_platforms::docs::support_markdown()),
    ]
}

fn main() -> ExitCode {
    let check = std::env::args().any(|arg| arg == "--check");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut stale = Vec::new();
    for (path, wanted) in documents() {
        let file = root.join(path);
        if std::fs::read_to_string(&file).ok().as_deref() == Some(wanted.as_str()) {
            continue;
        }
        if !check && let Err(error) = std::fs::write(&file, wanted) {
            eprintln!("{path}: {error}");
            return ExitCode::FAILURE;
        }
        stale.push(path);
    }
    match (check, stale.is_empty()) {
        (_, true) => ExitCode::SUCCESS,
        (true, false) => {
            eprintln!("stale: {}; run `cargo xtask codegen` and commit", stale.join(", "));
            ExitCode::FAILURE
        }
        (false, false) => {
            println!("written: {}", stale.join(", "));
            ExitCode::SUCCESS
        }
    }
}
