//! `traffix forecast --what-if`.

use std::path::Path;

use serde::Deserialize;
use traffix_core::forecast::scenario::{Comparison, Scenario, compare};
use traffix_core::forecast::{ForecastError, ForecastInput};

use super::forecast::invalid;
use super::{Failure, Out, input, output};
use crate::plot::{SvgOptions, stacked};
use crate::report;

/// What to print and draw.
pub(super) struct Wanted<'a> {
    pub(super) json: bool,
    pub(super) plot: Option<&'a Path>,
    pub(super) link: Option<&'a str>,
    pub(super) days: Option<u32>,
}

/// Height of each of the charts, in pixels.
const PLOT_HEIGHT: f64 = 180.0;

pub(super) fn run(
    (name, question): (&str, &ForecastInput),
    file: &Path,
    wanted: &Wanted<'_>,
    out: &mut Out,
) -> Result<(), Failure> {
    let scenarios = read(file)?;
    let answer = compare(question, &scenarios, None).map_err(|error| match error {
        ForecastError::Invalid(findings) => {
            let (of_scenarios, of_input): (Vec<_>, Vec<_>) =
                findings.into_iter().partition(|finding| finding.pointer.starts_with("/scenarios"));
            if of_input.is_empty() {
                invalid(&input::name(file), &of_scenarios)
            } else {
                invalid(name, &of_input)
            }
        }
        other => Failure::new(format_args!("{name}: {other}")),
    })?;
    if let Some(path) = wanted.plot {
        if let Some(id) = wanted.link {
            check_link(&answer, id)?;
        }
        let charts = report::scenario_charts(question, &scenarios, &answer, (wanted.link, wanted.days));
        let options = SvgOptions { plot_height: PLOT_HEIGHT, ..SvgOptions::default() };
        output::drawing(path, &stacked(&charts, &options), out)?;
    }
    if wanted.json {
        return out.json(&answer);
    }
    out.text(&report::scenario_table(question, &answer))
}

fn check_link(answer: &Comparison, id: &str) -> Result<(), Failure> {
    let links = || answer.scenarios.iter().flat_map(|scenario| scenario.difference.links.keys());
    if links().any(|link| link == id) {
        return Ok(());
    }
    let mut ids: Vec<&str> = links().map(String::as_str).collect();
    ids.sort_unstable();
    ids.dedup();
    Err(Failure::usage(format_args!("no network here has a link {id:?}"))
        .hint(format_args!("links: {}", ids.join(", "))))
}

/// One scenario, or a list.
fn read(path: &Path) -> Result<Vec<Scenario>, Failure> {
    let is_toml = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("toml"));
    let text = input::read_text(path)?;
    let name = input::name(path);
    if is_toml {
        return read_toml(&name, &text);
    }
    if text.trim_start().starts_with('[') {
        return input::parse_json(&name, &text);
    }
    Ok(vec![input::parse_json(&name, &text)?])
}

fn read_toml(name: &str, text: &str) -> Result<Vec<Scenario>, Failure> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Several {
        scenarios: Vec<Scenario>,
    }
    let failed =
        |error: toml::de::Error| Failure::new(format_args!("{name}: {}", error.to_string().trim_end()));
    let table: toml::Table = text.parse().map_err(failed)?;
    if table.contains_key("scenarios") {
        return toml::from_str::<Several>(text).map(|file| file.scenarios).map_err(failed);
    }
    toml::from_str::<Scenario>(text).map(|one| vec![one]).map_err(failed)
}
