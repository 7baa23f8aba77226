//! `traffix platforms`.

use serde::Serialize;
use traffix_core::catalogue::{PlatformId, Region};
use traffix_core::delivery::CdnId;
use traffix_platforms::profile::{Behaviour, PlatformKind};
use traffix_platforms::{PLATFORMS, PlatformExt, Support};

use super::{Failure, Out};

/// Show what is known about distribution platforms.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Option<Action>,
    /// Print {"items": […]}.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Clone, Copy, clap::Subcommand)]
enum Action {
    /// List the platforms (the default).
    List,
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
}

pub(super) fn run(args: &Args, out: &mut Out) -> Result<(), Failure> {
    let Action::List = args.action.unwrap_or(Action::List);
    let items: Vec<Item<'_>> = PLATFORMS.iter().map(|platform| item(*platform)).collect();
    if args.json {
        return out.json(&serde_json::json!({ "items": items }));
    }
    out.line(format!("{:<15} {:<26} {:<12} {:>6}  DELIVERED BY", "ID", "NAME", "KIND", "SHARE"))?;
    for item in &items {
        let weight = item.weight.map_or_else(|| "-".into(), |share| format!("{:.0} %", share * 100.0));
        let cdns: Vec<&str> = item.cdns.iter().map(CdnId::as_str).collect();
        let kind = super::word(item.kind);
        let (id, name, cdns) = (&item.id, item.name, cdns.join(", "));
        out.line(format!("{id:<15} {name:<26} {kind:<12} {weight:>6}  {cdns}"))?;
    }
    Ok(())
}

fn item(platform: &'static dyn traffix_platforms::Platform) -> Item<'static> {
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
    }
}
