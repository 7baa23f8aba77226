//! `traffix migrate`.

use serde::Serialize;
use traffix_store::{Migration, migrate_down, migrate_status, migrate_up};

use super::database::{self, DatabaseArgs, block_on};
use super::{Failure, Out};

/// Bring the database to this version's schema, or back.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Apply what is missing.
    Up(Common),
    /// Undo migrations, newest first. Undoing drops what they made, with all data in it.
    Down {
        #[command(flatten)]
        common: Common,
        /// Keep migrations up to this version; 0 undoes all.
        #[arg(long, value_name = "VERSION")]
        to: i64,
    },
    /// Show what is applied.
    Status(Common),
}

#[derive(Debug, clap::Args)]
struct Common {
    #[command(flatten)]
    database: DatabaseArgs,
    /// Print {"items": […]}.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Item<'a> {
    version: i64,
    description: &'a str,
    applied: bool,
}

pub(super) fn run(args: &Args, out: &mut Out) -> Result<(), Failure> {
    let (common, migrations) = block_on(act(args))?;
    let items: Vec<_> = migrations
        .iter()
        .map(|m| Item { version: m.version, description: &m.description, applied: m.applied })
        .collect();
    if common.json {
        return out.json(&serde_json::json!({ "items": items }));
    }
    if items.is_empty() {
        return out.line("nothing to do");
    }
    items.iter().try_for_each(|item| {
        let state = if item.applied { "applied" } else { "not applied" };
        out.line(format!("{:>4}  {:<24} {state}", item.version, item.description))
    })
}

async fn act(args: &Args) -> Result<(&Common, Vec<Migration>), Failure> {
    let (Action::Up(common) | Action::Down { common, .. } | Action::Status(common)) = &args.action;
    let url = common.database.url()?;
    if matches!(args.action, Action::Up(_)) {
        database::prepare(&url)?;
    } else if let Some(path) = database::sqlite_path(&url).filter(|path| !path.exists()) {
        return Err(Failure::new(format_args!("there is no database {}", path.display()))
            .hint("traffix migrate up makes it; --database names another"));
    }
    let done = match &args.action {
        Action::Up(_) => migrate_up(&url).await,
        Action::Down { to, .. } => migrate_down(&url, *to).await,
        Action::Status(_) => migrate_status(&url).await,
    };
    Ok((common, done.map_err(|error| database::failure(&error))?))
}
