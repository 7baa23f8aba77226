//! `traffix keys`.

use chrono::{DateTime, NaiveDate, Utc};
use clap::builder::PossibleValuesParser;
use serde::Serialize;
use traffix_store::{KeyInfo, Role};

use super::database::{DatabaseArgs, block_on, failure};
use super::{Failure, Out};
use crate::auth;

/// Make, list and revoke API keys.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    database: Global,
}

/// The database, given before or after the action.
#[derive(Debug, clap::Args)]
struct Global {
    /// sqlite:PATH or `postgres://USER@HOST/DATABASE` [default: sqlite:traffix.db].
    #[arg(long, value_name = "URL", global = true)]
    database: Option<String>,
    /// Configuration file; `traffix.toml` is read if it exists.
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<std::path::PathBuf>,
    /// Print JSON.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Make a key and print it. It is shown this once.
    Create {
        /// Name for people; changes made with the key carry it.
        #[arg(long)]
        name: String,
        /// What it may do: a reader owns private networks, a moderator writes the catalogue.
        #[arg(long, default_value = "reader", value_parser = PossibleValuesParser::new(["reader", "contributor", "moderator", "admin"]))]
        role: String,
        /// When it ends: a day such as 2027-12-31 or an instant such as 2027-12-31T12:00:00Z.
        #[arg(long, value_name = "WHEN", value_parser = expiry)]
        expires: Option<DateTime<Utc>>,
    },
    /// List keys, oldest first. Secrets are not stored.
    List,
    /// Revoke a key by its id.
    Revoke {
        /// The id, as keys list shows it.
        id: String,
    },
}

#[derive(Serialize)]
struct Item<'a> {
    id: &'a str,
    name: &'a str,
    role: Role,
    created_at: DateTime<Utc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked_at: Option<DateTime<Utc>>,
}

pub(super) fn run(args: &Args, out: &mut Out) -> Result<(), Failure> {
    let Global { database, config, json } = &args.database;
    let database = DatabaseArgs { database: database.clone(), config: config.clone() };
    block_on(async {
        let store = database.open().await?;
        match &args.action {
            Action::Create { name, role, expires } => {
                let role = role_of(role)?;
                let key = auth::create_key(&*store, name, role, *expires).await;
                let key = key.map_err(|error| match &error {
                    auth::CreateKeyError::Store(error) => failure(error),
                    _ => Failure::new(&error),
                })?;
                created(&key, *json, out)
            }
            Action::List => list(&store.keys().await.map_err(|error| failure(&error))?, *json, out),
            Action::Revoke { id } => {
                let done = store.revoke_key(id).await.map_err(|error| failure(&error));
                done.map_err(|failure| failure.hint("traffix keys list shows the ids"))?;
                super::tell(&format!("revoked {id}"));
                Ok(())
            }
        }
    })
}

fn created(key: &str, json: bool, out: &mut Out) -> Result<(), Failure> {
    if json {
        return out.json(&serde_json::json!({ "key": key }));
    }
    super::tell("keep this key now, it cannot be shown again; send it as Authorization: Bearer KEY");
    out.line(key)
}

fn list(keys: &[KeyInfo], json: bool, out: &mut Out) -> Result<(), Failure> {
    let items: Vec<Item<'_>> = keys.iter().map(item).collect();
    if json {
        return out.json(&serde_json::json!({ "items": items }));
    }
    out.line(format!("{:<16}  {:<12} {:<20} STATE", "ID", "ROLE", "CREATED"))?;
    for item in &items {
        let state = match (item.revoked_at, item.expires_at) {
            (Some(at), _) => format!("revoked {}", at.format("%Y-%m-%d")),
            (None, Some(at)) if at <= Utc::now() => format!("expired {}", at.format("%Y-%m-%d")),
            (None, Some(at)) => format!("valid until {}", at.format("%Y-%m-%d")),
            (None, None) => "valid".into(),
        };
        let (id, role, created) =
            (item.id, super::word(item.role), item.created_at.format("%Y-%m-%dT%H:%M:%SZ"));
        out.line(format!("{id:<16}  {role:<12} {created} {state}  {}", item.name))?;
    }
    Ok(())
}

fn item(info: &KeyInfo) -> Item<'_> {
    Item {
        id: &info.key.id,
        name: &info.key.name,
        role: info.key.role,
        created_at: info.created_at,
        expires_at: info.key.expires_at,
        revoked_at: info.revoked_at,
    }
}

fn role_of(word: &str) -> Result<Role, Failure> {
    serde_json::from_value(word.into()).map_err(|_| Failure::usage(format_args!("no role {word:?}")))
}

/// A day ends when it ends, in UTC.
fn expiry(text: &str) -> Result<DateTime<Utc>, String> {
    let day =
        text.parse::<NaiveDate>().ok().and_then(|day| day.and_hms_opt(23, 59, 59)).map(|at| at.and_utc());
    let instant = || super::instant(text);
    let at = day.map_or_else(instant, Ok)?;
    if at > Utc::now() { Ok(at) } else { Err("lies in the past".into()) }
}
