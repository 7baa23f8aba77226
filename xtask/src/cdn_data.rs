//! Rebuilding the embedded tables of delivery networks.

use crate::run::{Result, cargo, run};

/// Runs the tool that lives beside the format it writes, so that this task stays quick to build.
///
/// `--from DIR` rebuilds the tables from `platform_cdn.csv`, `cdn_asn.csv` and `cdn_prefixes.csv` in DIR, with
/// `--check` it only compares; `--to DIR` writes those files from the tables, for editing. The public sources of the
/// files are listed in `traffix-platforms/data/README.md`.
pub(crate) fn cdn_data(args: &[String]) -> Result {
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let base = ["run", "--quiet", "--package", "traffix-platforms", "--example", "cdn_data", "--"];
    run(&mut cargo(&[&base[..], &args].concat()))
}
