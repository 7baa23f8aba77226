//! Scenarios beside what they change, as a table and as charts.

use std::fmt::Write as _;

use traffix_core::forecast::scenario::{Comparison, Difference, LinkState, Scenario, apply};
use traffix_core::forecast::{Forecast, ForecastInput};
use traffix_core::units::{format_bps, format_bytes};

use super::forecast::{bins_that_matter, fan, whole_chart, zone};
use super::words::range_bps;
use crate::plot::{FanChart, day_time};

/// Widest name of a scenario on one line of the table's head.
const NAME_COLUMNS: usize = 18;

/// The forecast and its scenarios as charts of the same days: the extra traffic of all, or on one link.
pub fn scenario_charts(
    input: &ForecastInput,
    scenarios: &[Scenario],
    answer: &Comparison,
    (link, days): (Option<&str>, Option<u32>),
) -> Vec<FanChart> {
    let forecasts = || std::iter::once(&answer.base).chain(answer.scenarios.iter().map(|s| &s.forecast));
    let start = forecasts().map(|f| f.grid.start).min().unwrap_or_default();
    let before = |forecast: &Forecast| {
        let secs = (forecast.grid.start - start).num_seconds() / i64::from(forecast.grid.step_s.max(1));
        usize::try_from(secs).unwrap_or(0)
    };
    let per_day = (86_400 / answer.base.grid.step_s.max(1)).max(1) as usize;
    let ends = forecasts().map(|forecast| {
        let bins = bins_that_matter(forecast, per_day).min(forecast.grid.bins);
        before(forecast) + bins
    });
    let bins = days.map_or_else(|| ends.max().unwrap_or(0), |days| per_day.saturating_mul(days as usize));
    let longest = forecasts().map(|forecast| before(forecast) + forecast.grid.bins).max().unwrap_or(0);
    let bins = bins.clamp(1, longest.max(1));
    let place = |chart: FanChart, forecast: &Forecast| {
        let curves = match link {
            None => fan(&forecast.total),
            Some(id) => forecast.links.get(id).map(|link| fan(&link.extra)).unwrap_or_default(),
        };
        FanChart { start, fan: curves.placed(before(forecast), bins), ..chart }
    };
    let mut charts = vec![place(named(input, &answer.base, link), &answer.base)];
    for (scenario, compared) in scenarios.iter().zip(&answer.scenarios) {
        // What was forecast can be asked again.
        let Ok(asked) = apply(input, scenario) else { continue };
        let mut chart = named(&asked, &compared.forecast, link);
        let change = change(&compared.difference, link);
        chart.title = format!("What if: {}", compared.name);
        let _ = write!(chart.subtitle, "; {change}");
        charts.push(place(chart, &compared.forecast));
    }
    charts
}

/// The chart of a forecast, or of one of its links.
fn named(input: &ForecastInput, forecast: &Forecast, link: Option<&str>) -> FanChart {
    let mut chart = whole_chart(input, forecast);
    if let Some(id) = link {
        let _ = write!(chart.title, ", link {id}");
        chart.subtitle = match forecast.links.get(id) {
            Some(link) => format!("Extra traffic on {id}: peak {}", range_bps(&link.peak_bps)),
            None => format!("{id} is not there"),
        };
    }
    chart
}

/// What changes in the peak, draw by draw.
fn change(difference: &Difference, link: Option<&str>) -> String {
    let peak = match link.map(|id| difference.links.get(id)) {
        None => &difference.peak_bps,
        Some(Some(link)) => &link.peak_bps,
        Some(None) => return "no difference".into(),
    };
    if [peak.p10, peak.p50, peak.p90].iter().all(|x| x.abs() < 0.5) {
        return "no difference in nearly all worlds".into();
    }
    let [low, middle, high] = [peak.p10, peak.p50, peak.p90].map(|bps| signed(bps, format_bps));
    format!("difference {middle} P50 ({low} to {high})")
}

/// A difference with its sign; `same` if there is none.
fn signed(x: f64, print: fn(f64) -> String) -> String {
    if x.abs() < 0.5 {
        return "same".into();
    }
    format!("{}{}", if x < 0.0 { '-' } else { '+' }, print(x.abs()))
}

/// Seconds as days, hours and minutes.
fn lasting(secs: f64) -> String {
    let minutes = (secs / 60.0).round();
    let (days, rest) = ((minutes / 1440.0).floor(), minutes % 1440.0);
    let (hours, minutes) = ((rest / 60.0).floor(), rest % 60.0);
    let parts = [(days, "d"), (hours, "h"), (minutes, "min")];
    let words: Vec<String> =
        parts.iter().filter(|(n, _)| *n > 0.0).map(|(n, unit)| format!("{n} {unit}")).collect();
    words.join(" ")
}

/// A table: a row for every figure, a column for the base and for every scenario.
pub fn scenario_table(input: &ForecastInput, answer: &Comparison) -> String {
    let zone = zone(&input.network.tz);
    let mut table = Table::new(answer);
    table.figure("Peak P50", |f| format_bps(f.peak.bps.p50));
    table.figure("     P90", |f| format_bps(f.peak.bps.p90));
    table.change("     change P50", |d| signed(d.peak_bps.p50, format_bps));
    table.change("     change P10", |d| signed(d.peak_bps.p10, format_bps));
    table.change("     change P90", |d| signed(d.peak_bps.p90, format_bps));
    table.change("     lower in", |d| format!("{:.0} %", 100.0 * d.peak_lower_probability));
    table.figure("When P50", |f| day_time(f.peak.at.p50, zone));
    table.change("     later P50", |d| signed(d.peak_later_secs.p50, lasting));
    table.figure("In all P50", |f| format_bytes(f.bytes.p50));
    table.change("     change P50", |d| signed(d.bytes.p50, format_bytes));
    if answer.base.links.is_empty() && answer.scenarios.iter().all(|s| s.forecast.links.is_empty()) {
        return table.print();
    }
    table.change("Delayed, change P50", |d| signed(d.delayed_bytes_p50, format_bytes));
    table.change("         change P90", |d| signed(d.delayed_bytes_p90, format_bytes));
    let ids: Vec<&String> =
        answer.scenarios.first().into_iter().flat_map(|s| s.difference.links.keys()).collect();
    let others = answer.scenarios.iter().skip(1).flat_map(|s| s.difference.links.keys());
    let mut ids: Vec<&String> = ids.into_iter().chain(others).collect();
    ids.sort_unstable();
    ids.dedup();
    for id in ids {
        table.link(&format!("{id} P(full)"), id, |link| format!("{:.2}", link.full_probability));
        table.link("     minutes P50", id, |link| format!("{:.0}", link.full_minutes_p50));
        table.link("     delayed P50", id, |link| format_bytes(link.delayed_bytes_p50));
    }
    table.print()
}

/// Rows of cells.
struct Table<'a> {
    answer: &'a Comparison,
    rows: Vec<(String, Vec<String>)>,
}

impl<'a> Table<'a> {
    fn new(answer: &'a Comparison) -> Self {
        let names = std::iter::once("base").chain(answer.scenarios.iter().map(|s| s.name.as_str()));
        let names: Vec<Vec<String>> = names.map(wrapped).collect();
        let lines = names.iter().map(Vec::len).max().unwrap_or(0);
        let line = |i: usize| {
            let cells = names.iter().map(|name| name.get(i).cloned().unwrap_or_default());
            (String::new(), cells.collect())
        };
        Self { answer, rows: (0..lines).map(line).collect() }
    }

    fn figure(&mut self, label: &str, of: impl Fn(&Forecast) -> String) {
        let scenarios = self.answer.scenarios.iter().map(|s| of(&s.forecast));
        let cells = std::iter::once(of(&self.answer.base)).chain(scenarios).collect();
        self.rows.push((label.into(), cells));
    }

    fn change(&mut self, label: &str, of: impl Fn(&Difference) -> String) {
        let scenarios = self.answer.scenarios.iter().map(|s| of(&s.difference));
        let cells = std::iter::once(String::new()).chain(scenarios).collect();
        self.rows.push((label.into(), cells));
    }

    fn link(&mut self, label: &str, id: &str, of: impl Fn(&LinkState) -> String) {
        let links = || self.answer.scenarios.iter().map(|s| s.difference.links.get(id));
        let before = links().flatten().find_map(|link| link.before.as_ref());
        let after = links().map(|link| link.and_then(|link| link.after.as_ref()));
        let cell = |state: Option<&LinkState>| state.map_or_else(|| "-".into(), &of);
        let cells = std::iter::once(before).chain(after).map(cell).collect();
        self.rows.push((label.into(), cells));
    }

    fn print(&self) -> String {
        let length = |text: &str| text.chars().count();
        let labels = self.rows.iter().map(|(label, _)| length(label)).max().unwrap_or(0);
        let columns = 1 + self.answer.scenarios.len();
        let width = |c: usize| self.rows.iter().map(|(_, cells)| length(&cells[c])).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let mut out = String::new();
        for (label, cells) in &self.rows {
            let mut line = format!("{label:<labels$}");
            for (cell, width) in cells.iter().zip(&widths) {
                let _ = write!(line, "  {cell:>width$}");
            }
            let _ = writeln!(out, "{}", line.trim_end());
        }
        out
    }
}

/// A name in lines of bounded length, broken between words where it can be.
fn wrapped(name: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in name.split_whitespace() {
        let letters: Vec<char> = word.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
        for piece in letters.chunks(NAME_COLUMNS) {
            let piece: String = piece.iter().collect();
            match lines.last_mut() {
                Some(line) if line.chars().count() + 1 + piece.chars().count() <= NAME_COLUMNS => {
                    line.push(' ');
                    line.push_str(&piece);
                }
                _ => lines.push(piece),
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plot;

    #[test]
    fn differences_have_a_sign_and_names_are_wrapped() {
        assert_eq!(signed(-2e9, format_bps), "-2 Gbit/s");
        assert_eq!(signed(0.0, format_bps), "same");
        assert_eq!(signed(7.0 * 86_400.0 + 3660.0, lasting), "+7 d 1 h 1 min");
        assert_eq!(wrapped("two waves through a new cache"), ["two waves through", "a new cache"]);
        assert_eq!(wrapped("x".repeat(20).as_str()), ["x".repeat(18), "xx".into()]);
    }

    #[test]
    fn charts_of_a_comparison_share_their_days() {
        let input: ForecastInput = serde_json::from_value(serde_json::json!({
            "ru": {"id": "x", "kind": "update", "release_at": "2026-03-05T10:00:00Z",
                   "items": [{"platform": "steam", "bytes": 20e9}]},
            "network": {"id": "acme", "tz": "Europe/London", "lines": 1e6,
                        "links": [{"id": "transit", "kind": "transit", "capacity_bps": 1e11}]},
            "options": {"draws": 16, "horizon_s": 259_200}
        }))
        .unwrap();
        let scenarios: Vec<Scenario> = serde_json::from_value(serde_json::json!([
            {"name": "preload", "changes": [{"add_preload": {"before_secs": 86_400}}]},
            {"name": "a week later", "changes": [{"shift": {"by_secs": 604_800}}]},
            {"name": "lost", "changes": [{"remove_link": {"link": "transit"}}]},
        ]))
        .unwrap();
        let answer = traffix_core::forecast::scenario::compare(&input, &scenarios, None).unwrap();
        for link in [None, Some("transit")] {
            let charts = scenario_charts(&input, &scenarios, &answer, (link, None));
            assert_eq!(charts.len(), 4);
            assert!(
                charts.iter().all(|chart| chart.start == charts[1].start && chart.end() == charts[0].end())
            );
            let first = |chart: &FanChart| chart.fan.p50.iter().position(|x| *x > 0.0);
            assert_eq!(first(&charts[0]).unwrap() - first(&charts[1]).unwrap(), 288);
            assert_eq!(first(&charts[2]).unwrap() - first(&charts[0]).unwrap(), 7 * 288);
            assert_eq!(first(&charts[3]).is_some(), link.is_none());
            let svg = plot::stacked(&charts, &plot::SvgOptions::default());
            assert_eq!(svg.matches("<svg").count(), 5);
            assert_eq!(svg.matches("class=\"ref\" d=").count(), 3);
        }
    }
}
