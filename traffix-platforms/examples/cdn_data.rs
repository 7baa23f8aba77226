//! Rebuilds or checks the embedded tables from CSV files, or writes them back as CSV.
//!
//! `cargo xtask cdn-data --from DIR [--check]` and `--to DIR` run this. DIR holds `platform_cdn.csv`, `cdn_asn.csv`
//! and `cdn_prefixes.csv`; the crate's `data/README.md` names their public sources.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use traffix_core::delivery::Assertion;
use traffix_platforms::export::{self, Selection, Table};
use traffix_platforms::{cdn, delivery, import, prefixes};

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

const FILES: [(&str, Table); 3] = [
    ("platform_cdn.csv", Table::Assertions),
    ("cdn_asn.csv", Table::Asns),
    ("cdn_prefixes.csv", Table::Prefixes),
];

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let done = match args[..] {
        ["--from", dir] => rebuild(Path::new(dir)),
        ["--from", dir, "--check"] | ["--check", "--from", dir] => check(Path::new(dir)),
        ["--to", dir] => write_csv(Path::new(dir)),
        _ => {
            eprintln!("usage: cargo xtask cdn-data --from DIR [--check] | --to DIR");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cdn-data: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Every file that the tables become, with its content, by path inside the crate.
fn build(dir: &Path) -> Result<BTreeMap<PathBuf, Vec<u8>>> {
    let open =
        |name: &str| File::open(dir.join(name)).map_err(|e| format!("{}: {e}", dir.join(name).display()));
    let named = |name: &str, error: traffix_platforms::DataError| format!("{name}: {error}");
    let assertions =
        import::assertions(open("platform_cdn.csv")?).map_err(|e| named("platform_cdn.csv", e))?;
    let asns = import::asns(open("cdn_asn.csv")?).map_err(|e| named("cdn_asn.csv", e))?;
    let groups = import::prefixes(open("cdn_prefixes.csv")?).map_err(|e| named("cdn_prefixes.csv", e))?;

    let mut files = BTreeMap::from([
        (PathBuf::from("src/cdn/asns.tsv"), cdn::print_asns(&asns).into_bytes()),
        (PathBuf::from("data/prefixes.bin"), prefixes::encode(groups)?),
    ]);
    let mut folders = BTreeMap::<PathBuf, Vec<Assertion>>::new();
    for assertion in assertions {
        folders
            .entry(folder(assertion.platform.as_ref().map_or("", |id| id.as_str())))
            .or_default()
            .push(assertion);
    }
    for (folder, assertions) in folders {
        files.insert(folder.join("delivery.tsv"), delivery::print(&assertions).into_bytes());
    }
    Ok(files)
}

/// Where the assertions of a platform live: its own folder, or the CDNs' if it has none.
fn folder(slug: &str) -> PathBuf {
    let own = Path::new("src").join(slug);
    if !slug.is_empty() && root().join(&own).join("profile.toml").exists() { own } else { "src/cdn".into() }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn rebuild(dir: &Path) -> Result {
    for (path, content) in build(dir)? {
        fs::write(root().join(&path), &content)?;
        eprintln!("{:>8} bytes  {}", content.len(), path.display());
    }
    Ok(())
}

fn check(dir: &Path) -> Result {
    let stale: Vec<String> = build(dir)?
        .into_iter()
        .filter(|(path, content)| fs::read(root().join(path)).ok().as_ref() != Some(content))
        .map(|(path, _)| path.display().to_string())
        .collect();
    if stale.is_empty() {
        return Ok(());
    }
    Err(format!("stale, run `cargo xtask cdn-data --from {}`: {}", dir.display(), stale.join(", ")).into())
}

fn write_csv(dir: &Path) -> Result {
    fs::create_dir_all(dir)?;
    for (name, table) in FILES {
        export::export_csv(table, &Selection::default(), &mut File::create(dir.join(name))?)?;
    }
    Ok(())
}
