//! `traffix baseline`.

use std::path::Path;

use chrono::{DateTime, Utc};
use traffix_core::network::Network;

use super::database::block_on;
use super::history::HistoryArgs;
use super::usual::FitArgs;
use super::{Failure, Input, Out, input, output};
use crate::plot::SvgOptions;
use crate::report;
use crate::usual::{BaselineAnswer, Fitted};

/// Tell what traffic is usual by local hour of week, with its growth and noise.
///
/// Times in which large releases and updates run are left out of the fit.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The weeks end at this instant [default: now, or the end of the file].
    #[arg(long, value_name = "INSTANT", value_parser = super::instant)]
    until: Option<DateTime<Utc>>,
    /// Print the answer as JSON.
    #[arg(long)]
    json: bool,
    /// Draw the usual week into this file as SVG.
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<Input>,
    /// Write the levels into this network profile as its `baseline_bps`. The rest of a TOML file stays as it is.
    #[arg(long, value_name = "PROFILE")]
    write_profile: Option<Input>,
    /// Write them as the levels of this link of the profile [default: that of --link].
    #[arg(long, value_name = "ID", requires = "write_profile")]
    write_link: Option<String>,
    #[command(flatten)]
    fit: FitArgs,
    #[command(flatten)]
    history: HistoryArgs,
}

pub(super) fn run(args: &Args, out: &mut Out) -> Result<(), Failure> {
    let Fitted { baseline, left_out, .. } = block_on(async {
        let history = args.history.open().await?;
        let until = args.until.unwrap_or_else(|| history.after_end());
        args.fit.fit(&args.history, &history, (until, until), None).await
    })?;
    if let Some(path) = &args.write_profile {
        let week = whole_week(&baseline.hour_of_week())?;
        let (link, text) = (args.write_link.as_deref().or(args.history.link()), input::read_text(path)?);
        let changed = changed(path, &text, link, &week)?;
        std::fs::write(path, changed)
            .map_err(|error| Failure::new(format_args!("cannot write {}: {error}", path.display())))?;
        super::tell(&format!("wrote the usual week into {}", path.display()));
    }
    let chart = || Ok::<_, Failure>(report::baseline_chart(&baseline, &args.history.name()?));
    if let Some(path) = &args.plot {
        output::drawing(path, &chart()?.to_svg(&SvgOptions::default()), out)?;
    }
    let answer = BaselineAnswer::new(&baseline, left_out, None);
    if args.json {
        return out.json(&answer);
    }
    if args.plot.is_none() {
        out.text(&chart()?.to_text(out.chart_options()))?;
        out.line("")?;
    }
    out.text(&report::baseline_text(&baseline, &answer.fit))
}

/// The levels as a profile has them: all 168, to four digits.
fn whole_week(levels: &[Option<f64>; 168]) -> Result<Vec<f64>, Failure> {
    let unknown = levels.iter().filter(|level| level.is_none()).count();
    if unknown > 0 {
        let failure = Failure::new(format_args!("{unknown} hours of the week are unknown"));
        return Err(failure.hint("a profile needs all 168: read more --weeks, or fill the gaps by hand"));
    }
    let digits = |bps: f64| format!("{bps:.3e}").parse().unwrap_or(bps);
    Ok(levels.iter().copied().flatten().map(digits).collect())
}

/// The text of a profile with other levels; what comes out is a valid profile, or the old one is kept.
fn changed(path: &Path, text: &str, link: Option<&str>, week: &[f64]) -> Result<String, Failure> {
    let name = input::name(path);
    let wrong = |detail: String| Failure::new(format_args!("{name}: {detail}"));
    let is_toml = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("toml"));
    let changed =
        if is_toml { in_toml(text, link, week) } else { in_json(text, link, week) }.map_err(wrong)?;
    if is_toml {
        let checked = traffix_core::catalogue::document::parse_network(&changed);
        checked.map_err(|errors| {
            let lines: Vec<String> = errors.iter().map(|error| format!("{name}:{error}")).collect();
            Failure::new(lines.join("\n  "))
        })?;
    } else {
        let checked: Network = serde_json::from_str(&changed).map_err(|error| wrong(error.to_string()))?;
        let found = checked.validate();
        if let Some(first) = found.first() {
            return Err(wrong(first.to_string()));
        }
    }
    Ok(changed)
}

fn no_link(id: &str) -> String {
    format!("has no link {id:?}")
}

fn in_toml(text: &str, link: Option<&str>, week: &[f64]) -> Result<String, String> {
    let mut document: toml_edit::DocumentMut = text.parse().map_err(|error| format!("{error}"))?;
    let table = match link {
        None => document.as_table_mut(),
        Some(id) => {
            let links = document.get_mut("links").and_then(toml_edit::Item::as_array_of_tables_mut);
            let mut links = links.into_iter().flat_map(toml_edit::ArrayOfTables::iter_mut);
            links
                .find(|link| link.get("id").and_then(toml_edit::Item::as_str) == Some(id))
                .ok_or_else(|| no_link(id))?
        }
    };
    let mut levels: toml_edit::Array = week.iter().copied().collect();
    // A line for every day.
    for (hour, level) in levels.iter_mut().enumerate() {
        level.decor_mut().set_prefix(if hour % 24 == 0 { "\n  " } else { " " });
    }
    levels.set_trailing("\n");
    levels.set_trailing_comma(true);
    table.insert("baseline_bps", toml_edit::value(levels));
    Ok(document.to_string())
}

fn in_json(text: &str, link: Option<&str>, week: &[f64]) -> Result<String, String> {
    let mut document: serde_json::Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let place = match link {
        None => Some(&mut document),
        Some(id) => {
            let links = document.get_mut("links").and_then(serde_json::Value::as_array_mut);
            links.into_iter().flatten().find(|link| link["id"] == id)
        }
    };
    let object = place.and_then(serde_json::Value::as_object_mut);
    let object = object.ok_or_else(|| link.map_or_else(|| "is no network".to_owned(), no_link))?;
    object.insert("baseline_bps".to_owned(), week.into());
    serde_json::to_string_pretty(&document).map(|text| text + "\n").map_err(|error| error.to_string())
}
