//! `traffix scores`.

use std::collections::BTreeMap;

use serde::Serialize;
use traffix_core::score::backtest::Baseline;
use traffix_core::score::proof::{ForecastScore, Proof};
use traffix_store::{FrozenQuery, Lead};

use super::database::{self, DatabaseArgs, block_on};
use super::{Failure, Out};
use crate::proving::{MeasuredWindow, ProvingError};
use crate::report::scores::{Row, by_lead, rows};

/// Events that are listed.
const LATEST: usize = 10;

/// Show how good the forecasts were that the server froze before releases.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only of this network.
    #[arg(long, value_name = "ID")]
    network: Option<String>,
    /// Print everything as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    database: DatabaseArgs,
}

#[derive(Serialize)]
struct Answer<'a> {
    summary: BTreeMap<String, Proof>,
    items: Vec<Item<'a>>,
}

#[derive(Serialize)]
struct Item<'a> {
    network: &'a str,
    ru: &'a str,
    release_day: chrono::NaiveDate,
    lead: Lead,
    late: bool,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    measured: Option<&'a MeasuredWindow>,
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<&'a ForecastScore>,
}

pub(super) fn run(args: &Args, out: &mut Out) -> Result<(), Failure> {
    let query = FrozenQuery { network: args.network.clone(), ..FrozenQuery::default() };
    let rows = block_on(async {
        let store = args.database.open().await?;
        rows(store.as_ref(), &query).await.map_err(|error| match error {
            ProvingError::Store(error) => database::failure(&error),
            error => Failure::new(error),
        })
    })?;
    let summary = by_lead(&rows);
    if args.json {
        return out.json(&Answer { summary, items: rows.iter().map(item).collect() });
    }
    if rows.is_empty() {
        return out.line("no forecast is frozen yet: a server freezes them for every saved network");
    }
    table(&summary, out)?;
    events(&rows, out)
}

fn item(row: &Row) -> Item<'_> {
    let event = &row.frozen.event;
    Item {
        network: &event.network,
        ru: event.ru.as_str(),
        release_day: event.release_day,
        lead: row.frozen.freeze.lead,
        late: row.frozen.freeze.late,
        state: row.state,
        detail: row.note.as_ref().map(|note| note.detail.as_str()),
        measured: row.note.as_ref().and_then(|note| note.measured.as_ref()),
        score: row.score.as_ref().map(|kept| &kept.score),
    }
}

/// The leads, the earliest first. Skill is against what the event before showed.
fn table(summary: &BTreeMap<String, Proof>, out: &mut Out) -> Result<(), Failure> {
    out.line(format!(
        "{:<8} {:>5} {:>8} {:>8} {:>8} {:>8}",
        "LEAD", "N", "FACTOR", "CRPS", "IN 80 %", "SKILL"
    ))?;
    for lead in Lead::ALL {
        let Some(proof) = summary.get(lead.word()) else { continue };
        let number = |x: Option<f64>| x.map_or_else(|| "-".into(), |x| format!("{x:.2}"));
        let peak = proof.peak.as_ref();
        let skill = proof.baselines.get(&Baseline::B3).and_then(|against| against.skill);
        out.line(format!(
            "{:<8} {:>5} {:>8} {:>8} {:>8} {:>8}",
            lead.word(),
            proof.n,
            number(peak.map(|peak| peak.median_factor)),
            number(peak.map(|peak| peak.crps)),
            peak.map_or_else(|| "-".into(), |peak| format!("{:.0} %", 100.0 * peak.coverage_80)),
            number(skill),
        ))?;
    }
    Ok(())
}

/// The latest events, each once.
fn events(rows: &[Row], out: &mut Out) -> Result<(), Failure> {
    out.line("")?;
    let mut seen = std::collections::BTreeSet::new();
    for row in rows.iter().filter(|row| seen.insert(&row.frozen.event)).take(LATEST) {
        let event = &row.frozen.event;
        let detail = row.note.as_ref().map_or(String::new(), |note| format!(": {}", note.detail));
        out.line(format!("{} {} on {} {}{detail}", event.release_day, event.ru, event.network, row.state))?;
    }
    Ok(())
}
