//! `traffix serve`.

use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use tracing_subscriber::EnvFilter;
use traffix_store::{Expect, Store};

use super::database::{self, DatabaseArgs, block_on};
use super::{Failure, Out, import};
use crate::bundled::bundled;
use crate::config::{Config, LogFormat};
use crate::server::stop_signal;
use crate::{AppState, Server};

/// Run the server: API, documentation and page. Nothing has to be configured.
///
/// The first start imports the bundled catalogue; so does the first start of a version that brings other data.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Address and port; port 0 takes any free one [default: 127.0.0.1:8080].
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    #[command(flatten)]
    database: DatabaseArgs,
    /// Pretend that it is this instant, for demonstrations and tests.
    #[arg(long, value_name = "INSTANT", value_parser = super::instant)]
    at: Option<DateTime<Utc>>,
    /// Serve HTTPS with a certificate made at start, for development.
    #[arg(long)]
    tls_self_signed: bool,
    /// Print the effective configuration, secrets masked, and exit.
    #[arg(long)]
    print_config: bool,
}

pub(super) fn run(args: &Args, out: &mut Out) -> Result<(), Failure> {
    let config = config(args)?;
    if args.print_config {
        return out.text(&config.print_config());
    }
    logs(&config)?;
    block_on(serve(config, out))
}

fn config(args: &Args) -> Result<Config, Failure> {
    let listen = args.listen.map(|address| ("server.listen", address.to_string()));
    let at = args.at.map(|at| ("server.at", at.to_rfc3339()));
    let tls = args.tls_self_signed.then(|| ("tls.self_signed", "true".to_owned()));
    args.database.config(listen.into_iter().chain(at).chain(tls))
}

pub(super) fn logs(config: &Config) -> Result<(), Failure> {
    let filter = EnvFilter::try_new(&config.log.filter).map_err(|error| {
        Failure::usage(format_args!("log.filter: {error}"))
            .hint("write for example info or traffix_server=debug,info")
    })?;
    let json = match config.log.format {
        LogFormat::Json => true,
        LogFormat::Text => false,
        LogFormat::Auto => !std::io::stdout().is_terminal(),
    };
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // Another subscriber may be there already, which then keeps its place.
    let _ = if json { builder.json().try_init() } else { builder.try_init() };
    Ok(())
}

async fn serve(config: Config, out: &mut Out) -> Result<(), Failure> {
    let url = config.database.url.clone();
    let store = database::open(&url).await?;
    bring_up_to_date(&*store).await?;
    let has_key = !store.keys().await.map_err(|error| database::failure(&error))?.is_empty();
    let state = AppState::new(config, store).map_err(Failure::usage)?;
    let server = Server::bind(Arc::clone(&state)).await.map_err(Failure::new)?;
    let interrupted = stop_signal();
    welcome(&server, &url, has_key, out)?;
    server.run(interrupted).await.map_err(Failure::new)
}

/// Imports the bundled catalogue if the database has not seen this one yet.
async fn bring_up_to_date(store: &dyn Store) -> Result<(), Failure> {
    const OWNER: &str = "traffix";
    const NAME: &str = "bundled-catalogue";
    let bundled = bundled().map_err(Failure::new)?;
    let failed = |error: traffix_store::StoreError| database::failure(&error);
    let digest = serde_json::json!({ "sha256": bundled.digest });
    let seen = store.network(OWNER, NAME).await.map_err(failed)?;
    if seen.is_some_and(|seen| seen.profile == digest) {
        return Ok(());
    }
    super::tell("importing the bundled catalogue");
    let report = import::merge(store, &bundled.companies, &bundled.rus, NAME).await.map_err(failed)?;
    store.put_network(OWNER, NAME, &digest, Expect::Anything).await.map_err(failed)?;
    let traffix_store::ImportReport { read, created, updated, .. } = report;
    super::tell(&format!("imported {read} entries: {created} new, {updated} changed"));
    Ok(())
}

/// What a newcomer wants to know first.
fn welcome(server: &Server, database: &str, has_key: bool, out: &mut Out) -> Result<(), Failure> {
    let url = server.url();
    out.line(format!("traffix listens on {url}"))?;
    out.line(format!("  page      {url}/"))?;
    out.line(format!("  API       {url}/docs"))?;
    out.line(format!("  try       curl '{url}/api/v1/rus?limit=3'"))?;
    if !has_key {
        let flag = if database == Config::default().database.url {
            String::new()
        } else {
            format!(" --database {}", shell(database))
        };
        out.line(format!("  key       traffix keys create --name me --role moderator{flag}"))?;
        out.line("            (reading needs no key; writing and private networks do)")?;
    }
    out.line("stop with Ctrl-C")?;
    out.flush()
}

/// A word for the shell; passwords are not repeated.
fn shell(url: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/:._-@=".contains(c);
    if url.contains('@') {
        "URL".into()
    } else if url.chars().all(plain) {
        url.to_owned()
    } else {
        format!("'{}'", url.replace('\'', "'\\''"))
    }
}
