//! What was predicted beside what was observed, on a logarithmic axis.

use std::fmt::Write as _;

use traffix_core::score::backtest::{EventReport, Report};

use super::{cut, short};
use crate::plot::{STYLE, escape};

/// A logarithmic axis that holds everything.
struct Axis {
    low: f64,
    high: f64,
    cells: f64,
}

impl Axis {
    fn of(report: &Report, cells: f64) -> Self {
        let values = |e: &EventReport| [e.predicted.p10, e.predicted.p90, e.observed.low, e.observed.high];
        let all = || report.events.iter().flat_map(values).filter(|x| *x > 0.0);
        let low = all().fold(f64::INFINITY, f64::min).log10();
        let high = all().fold(0.0, f64::max).log10();
        if low.is_finite() && high > low {
            Self { low: low - 0.03 * (high - low), high: high + 0.03 * (high - low), cells }
        } else {
            Self { low: 9.0, high: 12.0, cells }
        }
    }

    fn at(&self, bps: f64) -> f64 {
        let share = (bps.max(1.0).log10() - self.low) / (self.high - self.low);
        (share * self.cells).clamp(0.0, self.cells)
    }

    /// Round values on the axis: 1, 3, 10, 30 …
    fn ticks(&self) -> Vec<f64> {
        let steps = (0..15).flat_map(|power| [1.0, 3.0].map(|x| x * 10_f64.powi(power)));
        steps.filter(|x| (self.low..=self.high).contains(&x.log10())).collect()
    }
}

/// Columns of names left of the chart.
const NAMES: usize = 19;

/// Two lines per event, `width` columns wide.
pub(super) fn text(report: &Report, width: usize) -> String {
    let cells = width.clamp(60, 160) - NAMES;
    let axis = Axis::of(report, whole(cells - 1));
    let mut out = String::new();
    let mut head = vec![' '; cells];
    for tick in axis.ticks() {
        let label = short(tick);
        let at = cell(axis.at(tick));
        let fits = at + label.len() <= cells
            && head[at.saturating_sub(1)..at + label.len()].iter().all(|c| *c == ' ');
        if fits {
            head.splice(at..at + label.len(), label.chars());
        }
    }
    line(&mut out, "", &head);
    for event in &report.events {
        let mut row = vec![' '; cells];
        let p = event.predicted;
        let [low, middle, high] = [p.p10, p.p50, p.p90].map(|x| cell(axis.at(x)));
        row[low..=high].fill('─');
        (row[low], row[high]) = ('├', '┤');
        row[middle] = '┼';
        let name = format!("{} {}", cut(&event.id, 8), cut(&event.network, 9));
        line(&mut out, &name, &row);
        let mut row = vec![' '; cells];
        let o = event.observed;
        let [low, middle, high] = [o.low, o.mid, o.high].map(|x| cell(axis.at(x)));
        row[low..=high].fill('▒');
        row[middle] = '█';
        line(&mut out, "", &row);
    }
    out
}

fn line(out: &mut String, name: &str, row: &[char]) {
    let text: String = row.iter().collect();
    let _ = writeln!(out, "{}", format!("{name:<NAMES$}{text}").trim_end());
}

#[expect(clippy::cast_precision_loss, reason = "columns of a terminal")]
fn whole(cells: usize) -> f64 {
    cells as f64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the axis clamps to its cells")]
fn cell(place: f64) -> usize {
    place.round() as usize
}

/// Width of the drawing, of its names, and height of a row, pixels.
const WIDTH: f64 = 860.0;
const LEFT: f64 = 300.0;
const ROW: f64 = 26.0;
const TOP: f64 = 66.0;

/// The same as SVG: bars from priors alone, thin bars with what earlier events taught, boxes observed.
pub(super) fn svg(report: &Report) -> String {
    let axis = Axis::of(report, WIDTH - LEFT - 20.0);
    let height = TOP + ROW * whole(report.events.len()) + 34.0;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"tfx\" role=\"img\" viewBox=\"0 0 {WIDTH} {height}\" \
         width=\"{WIDTH}\" height=\"{height}\"><title>{title}</title><style>{STYLE}</style>\
         <rect class=\"bg\" width=\"{WIDTH}\" height=\"{height}\"/><text class=\"ttl\" x=\"12\" y=\"24\">{title}</text>\
         <text x=\"12\" y=\"44\">bar: P10 to P90 from priors alone, stroke: P50, diamond: P50 with earlier events; \
         box: observed</text>\n",
        title = escape("Predicted and observed peaks of extra traffic"),
    );
    let bottom = height - 28.0;
    for tick in axis.ticks() {
        let x = LEFT + axis.at(tick);
        let _ = writeln!(
            out,
            "<line class=\"grid\" x1=\"{x:.1}\" y1=\"{:.1}\" x2=\"{x:.1}\" y2=\"{bottom:.1}\"/>\
             <text class=\"tick\" text-anchor=\"middle\" x=\"{x:.1}\" y=\"{:.1}\">{}bit/s</text>",
            TOP - 8.0,
            bottom + 16.0,
            short(tick)
        );
    }
    for (i, event) in report.events.iter().enumerate() {
        event_svg(&mut out, event, &axis, TOP + ROW * whole(i));
    }
    out.push_str("</svg>\n");
    out
}

fn event_svg(out: &mut String, event: &EventReport, axis: &Axis, top: f64) {
    let x = |bps: f64| LEFT + axis.at(bps);
    let label = format!("{}, {} {}", cut(&event.title, 30), event.network, event.at.format("%Y-%m"));
    let (p, o) = (&event.predicted, &event.observed);
    let middle = top + 9.0;
    let _ = writeln!(
        out,
        "<text class=\"e\" x=\"{:.1}\" y=\"{:.1}\">{}</text>\
         <rect class=\"band\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"12\"/>\
         <path class=\"p50\" d=\"M{mid:.1} {:.1}v16\"/>\
         <g class=\"pre\"><path class=\"dia\" d=\"M{learned:.1} {:.1}l4 4l-4 4l-4-4z\"/></g>\
         <g class=\"oth\"><rect class=\"bar\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"6\"/></g>\
         <g class=\"unl\"><path class=\"dia\" d=\"M{seen:.1} {:.1}l4 4l-4 4l-4-4z\"/></g>",
        LEFT - 12.0,
        middle + 4.0,
        escape(&label),
        x(p.p10),
        middle - 6.0,
        x(p.p90) - x(p.p10),
        middle - 8.0,
        middle - 4.0,
        x(o.low),
        middle + 4.0,
        (x(o.high) - x(o.low)).max(1.0),
        middle + 3.0,
        mid = x(p.p50),
        learned = x(event.learned.p50),
        seen = x(o.mid),
    );
}
