//! `traffix export`.

mod catalogue;
mod file;

use std::path::PathBuf;

use clap::ValueEnum;
use serde_json::{Value, json};
use traffix_core::catalogue::PlatformId;
use traffix_core::delivery::CdnId;
use traffix_platforms::export::{Selection, Table, export_csv, export_json};

use super::database::DatabaseArgs;
use super::{Failure, Out, input};
use catalogue::Whole;

/// What made the file.
const GENERATOR: &str = concat!("traffix ", env!("CARGO_PKG_VERSION"));

/// Write catalogue and CDN data for other tools.
///
/// Equal data is equal bytes. A file that exists is replaced at once or not at all, and only by at least half of its
/// size: a broken source must not empty somebody's filter.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What to write.
    target: Target,
    /// Where to; - is standard output.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Replace a file by less than half of its size too.
    #[arg(long)]
    force: bool,
    /// Only what concerns this platform.
    #[arg(long, value_name = "ID")]
    platform: Option<PlatformId>,
    /// Only what concerns this CDN.
    #[arg(long, value_name = "ID")]
    cdn: Option<CdnId>,
    #[command(flatten)]
    database: DatabaseArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Target {
    /// Everything as one JSON document: prefixes, ASNs, assertions, catalogue.
    Json,
    /// The same as prefixes-csv, which most tools load.
    Csv,
    /// Prefixes of CDNs with ASN, source and tenancy.
    PrefixesJson,
    /// Prefixes of CDNs with ASN, source and tenancy.
    PrefixesCsv,
    /// ASNs of CDNs.
    AsnsJson,
    /// ASNs of CDNs.
    AsnsCsv,
    /// Who delivers what, says who.
    AssertionsJson,
    /// Who delivers what, says who.
    AssertionsCsv,
    /// Releases and updates, as import reads them. Of --database, or without one the bundled ones.
    CatalogueJson,
    /// Releases and updates, one line per platform.
    CatalogueCsv,
}

pub(super) fn run(args: &Args, out: &mut Out) -> Result<(), Failure> {
    let selection = Selection { cdn: args.cdn.clone(), platform: args.platform.clone() };
    known(&selection)?;
    let bytes = render(args, &selection)?;
    if input::is_stdin(&args.out) {
        return out.bytes(&bytes);
    }
    file::replace(&args.out, &bytes, args.force)?;
    super::tell(&format!("wrote {} bytes to {}", bytes.len(), args.out.display()));
    Ok(())
}

fn render(args: &Args, selection: &Selection) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let out = &mut bytes;
    let platform = selection.platform.as_ref();
    match args.target {
        Target::Json => everything(&Whole::read(&args.database)?, selection, out),
        Target::CatalogueJson => Whole::read(&args.database)?.json(platform, out),
        Target::CatalogueCsv => Whole::read(&args.database)?.csv(platform, out),
        Target::Csv | Target::PrefixesCsv => export_csv(Table::Prefixes, selection, out),
        Target::PrefixesJson => export_json(Table::Prefixes, selection, out),
        Target::AsnsCsv => export_csv(Table::Asns, selection, out),
        Target::AsnsJson => export_json(Table::Asns, selection, out),
        Target::AssertionsCsv => export_csv(Table::Assertions, selection, out),
        Target::AssertionsJson => export_json(Table::Assertions, selection, out),
    }
    .map_err(|error| Failure::new(format_args!("cannot write the export: {error}")))?;
    Ok(bytes)
}

fn everything(whole: &Whole, selection: &Selection, out: &mut Vec<u8>) -> std::io::Result<()> {
    let mut catalogue = Vec::new();
    whole.json(selection.platform.as_ref(), &mut catalogue)?;
    let part = |table| -> std::io::Result<Value> {
        let mut bytes = Vec::new();
        export_json(table, selection, &mut bytes)?;
        Ok(serde_json::from_slice(&bytes)?)
    };
    let document = json!({
        "generator": GENERATOR,
        "prefixes": part(Table::Prefixes)?,
        "asns": part(Table::Asns)?,
        "assertions": part(Table::Assertions)?,
        "catalogue": serde_json::from_slice::<Value>(&catalogue)?,
    });
    serde_json::to_writer_pretty(&mut *out, &document)?;
    out.push(b'\n');
    Ok(())
}

/// An unknown name would silently select nothing.
fn known(selection: &Selection) -> Result<(), Failure> {
    if let Some(id) = &selection.platform {
        traffix_platforms::platform(id.as_str())
            .map_err(|error| Failure::usage(error).hint("traffix platforms lists them"))?;
    }
    match selection.cdn.as_ref().filter(|id| traffix_platforms::cdn::find(id).is_none()) {
        Some(id) => {
            Err(Failure::usage(format_args!("no CDN {id:?}"))
                .hint("traffix export asns-csv --out - lists them"))
        }
        None => Ok(()),
    }
}
