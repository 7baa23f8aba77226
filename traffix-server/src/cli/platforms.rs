//! `traffix platforms`.

use chrono::{DateTime, Utc};
use serde::Serialize;
use traffix_core::catalogue::{PlatformId, Region};
use traffix_core::delivery::CdnId;
use traffix_platforms::profile::{Behaviour, PlatformKind};
use traffix_platforms::{PLATFORMS, Platform, PlatformExt, Support};

use super::{Failure, Out, check};

/// Show what is known about distribution platforms.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Option<Action>,
    /// Print {"items": […]}.
    #[arg(long, global = true)]
    json: bool,
    /// Pretend that it is this instant.
    #[arg(long, value_name = "INSTANT", value_parser = super::instant)]
    at: Option<DateTime<Utc>>,
}

#[derive(Debug, Clone, clap::Subcommand)]
enum Action {
    /// List the platforms (the default).
    List,
    Check(check::Args),
}

#[derive(Serialize)]
struct Item<'a> {
    id: PlatformId,
    name: &'a str,
    owner: &'a str,
    kind: PlatformKind,
    cdns: Vec<CdnId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    weight: Option<f64>,
    behaviour: &'a Behaviour,
    support: &'a Support,
    reviewed: chrono::NaiveDate,
    review_due: chrono::NaiveDate,
    review_overdue: bool,
}

pub(super) fn run(args: &Args, out: &mut Out) -> Result<(), Failure> {
    if let Some(Action::Check(check)) = &args.action {
        return check::run(check, args.json, out);
    }
    let today = args.at.unwrap_or_else(Utc::now).date_naive();
    let items: Vec<Item<'_>> = PLATFORMS.iter().map(|platform| item(*platform, today)).collect();
    if args.json {
        return out.json(&serde_json::json!({ "items": items }));
    }
    out.line(format!(
        "{:<15} {:<26} {:<12} {:>6}  {:<12} DELIVERED BY",
        "ID", "NAME", "KIND", "SHARE", "REVIEW DUE"
    ))?;
    for item in &items {
        let weight = item.weight.map_or_else(|| "-".into(), |share| format!("{:.0} %", share * 100.0));
        let cdns: Vec<&str> = item.cdns.iter().map(CdnId::as_str).collect();
        let kind = super::word(item.kind);
        let (id, name, cdns) = (&item.id, item.name, cdns.join(", "));
        // A date with a mark is past.
        let due = format!("{}{}", item.review_due, if item.review_overdue { "!" } else { "" });
        out.line(format!("{id:<15} {name:<26} {kind:<12} {weight:>6}  {due:<12} {cdns}"))?;
    }
    Ok(())
}

/// The platforms with these slugs, each once; all if none is named.
pub(super) fn named(slugs: &[String]) -> Result<Vec<&'static dyn Platform>, Failure> {
    if slugs.is_empty() {
        return Ok(PLATFORMS.to_vec());
    }
    let mut found: Vec<&'static dyn Platform> = Vec::new();
    for slug in slugs {
        let Some(platform) = PLATFORMS.iter().find(|one| one.id().as_str() == slug) else {
            let known: Vec<String> = PLATFORMS.iter().map(|one| one.id().to_string()).collect();
            return Err(Failure::usage(format_args!("no platform is called {slug:?}"))
                .hint(format_args!("platforms: {}", known.join(", "))));
        };
        if !found.iter().any(|other| other.id() == platform.id()) {
            found.push(*platform);
        }
    }
    Ok(found)
}

fn item(platform: &'static dyn Platform, today: chrono::NaiveDate) -> Item<'static> {
    let profile = platform.profile();
    Item {
        id: platform.id(),
        name: &profile.name,
        owner: &profile.owner,
        kind: profile.kind,
        cdns: platform.cdns(),
        weight: platform.default_weight(&Region::WORLD).map(|weight| weight.share),
        behaviour: &profile.behaviour,
        support: platform.support(),
        reviewed: profile.reviewed,
        review_due: profile.review_due,
        review_overdue: profile.review_due < today,
    }
}
