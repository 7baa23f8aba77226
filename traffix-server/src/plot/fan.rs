//! The fan chart as SVG.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use traffix_core::units::format_bps;

use super::frame::{self, CHAR, Entry, SvgOptions, TEXT_PX, TITLE_PX, tick};
use super::num::{count, float, secs};
use super::svg::{Svg, n, path};
use super::{Fan, FanChart, MarkKind, axis, rail, shape};

const LANE_PX: f64 = 19.0;

/// How a chart stands among others.
#[derive(Default)]
pub(super) struct Among<'a> {
    /// Where it begins, in pixels from the top.
    pub(super) y: f64,
    /// What its vertical axis must reach at least, bit/s.
    pub(super) top_bps: f64,
    /// A curve to compare with, and its name.
    pub(super) other: Option<(&'a str, &'a [f64])>,
}

/// Where things are.
struct Layout<'a> {
    chart: &'a FanChart,
    other: Option<(&'a str, &'a [f64])>,
    width: f64,
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
    ceiling: f64,
    end: DateTime<Utc>,
}

impl Layout<'_> {
    fn x(&self, at: DateTime<Utc>) -> f64 {
        let span = secs(self.chart.start, self.end).max(1.0);
        self.left + (self.right - self.left) * secs(self.chart.start, at) / span
    }

    fn y(&self, bps: f64) -> f64 {
        self.bottom - (self.bottom - self.top) * (bps / self.ceiling).clamp(0.0, 1.0)
    }

    /// A curve as points, thinned to what the width can show.
    fn points(&self, curve: &[f64]) -> Vec<(f64, f64)> {
        let curve = &curve[..curve.len().min(self.chart.fan.bins())];
        let thin = shape::highest(curve, count(self.right - self.left));
        let points = shape::points(&thin, (self.left, self.right), |bps| self.y(bps));
        shape::simplify(&points, 0.4)
    }
}

impl FanChart {
    /// The chart as an SVG document (or as an element for a page).
    pub fn to_svg(&self, options: &SvgOptions) -> String {
        self.among(options, &Among::default()).0
    }

    /// The chart among others, and its height.
    pub(super) fn among(&self, options: &SvgOptions, among: &Among<'_>) -> (String, f64) {
        let width = options.width.clamp(240.0, 4000.0);
        let room = width - 24.0;
        let title = rail::wrap(&self.title, room, TITLE_PX * CHAR, 2);
        let subtitle = rail::wrap(&self.subtitle, room, TEXT_PX * CHAR, 4);
        let rates = axis::rates(self.top().max(among.top_bps), 5);
        let left = 12.0 + rates.iter().map(|r| rail::width(&tick(*r), TEXT_PX * CHAR)).fold(0.0, f64::max);
        let right = width - 16.0;
        let (marks, left_out) = rail::place(self, (left, right), TEXT_PX * CHAR);
        let lanes = marks.iter().map(|m| m.lane + 1).max().unwrap_or(0);
        let rail_top = 14.0 + float(title.len()) * 22.0 + float(subtitle.len()) * 17.0 + 6.0;
        let top = rail_top + float(lanes) * LANE_PX + 12.0;
        let bottom = top + options.plot_height.clamp(60.0, 2000.0);
        let ceiling = rates.last().copied().unwrap_or(1.0);
        let (end, other) = (self.end(), among.other);
        let layout = Layout { chart: self, other, width, left, right, top, bottom, ceiling, end };

        let legend = legend(&layout, left_out);
        let height = legend.last().map_or(bottom + 52.0, |entry| entry.y + 14.0);
        let mut svg = Svg::new();
        let size = (width, height, among.y);
        frame::head(&mut svg, options, size, (&self.title, &self.description()), "");
        frame::headline(&mut svg, &title, &subtitle);
        grid(&mut svg, &layout, &rates);
        curves(&mut svg, &layout);
        draw_rail(&mut svg, &layout, &marks, rail_top);
        rules(&mut svg, &layout);
        frame::draw_legend(&mut svg, &legend);
        (svg.finish(), height)
    }

    /// The chart in words.
    fn description(&self) -> String {
        let highest = |curve: &[f64]| curve.iter().copied().filter(|x| x.is_finite()).fold(0.0, f64::max);
        let Fan { p10, p50, p90, .. } = &self.fan;
        let (from, to) = (super::day_time(self.start, self.zone), super::day_time(self.end(), self.zone));
        let (p10, p50, p90) = (format_bps(highest(p10)), format_bps(highest(p50)), format_bps(highest(p90)));
        let mut text = format!("{} From {from} to {to}, {}. ", self.subtitle, self.zone);
        let _ = write!(text, "Highest point of the P50 curve {p50}, of P10 {p10}, of P90 {p90}.");
        for limit in &self.limits {
            let _ = write!(text, " {}: {}.", limit.label, format_bps(limit.bps));
        }
        for mark in self.marks.iter().take(20) {
            let _ = write!(text, " {}: {}.", super::day_time(mark.at, self.zone), mark.label);
        }
        text
    }
}

fn grid(svg: &mut Svg, layout: &Layout<'_>, rates: &[f64]) {
    let (left, right, bottom) = (n(layout.left), n(layout.right), n(layout.bottom));
    for rate in rates {
        let y = n(layout.y(*rate));
        let class = if *rate == 0.0 { "axis" } else { "grid" };
        svg.leaf("line", &[("class", class), ("x1", &left), ("x2", &right), ("y1", &y), ("y2", &y)]);
        let (x, y) = (n(layout.left - 6.0), n(layout.y(*rate) + 4.0));
        svg.text("text", &[("class", "tick e"), ("x", &x), ("y", &y)], &tick(*rate));
    }
    let wanted = count(((layout.right - layout.left) / 58.0).floor());
    for tick in axis::times(layout.chart.start, layout.end, layout.chart.zone, wanted) {
        let x = layout.x(tick.at);
        let class = if tick.label.contains(':') { "grid" } else { "grid day" };
        let top = n(layout.top);
        svg.leaf("line", &[("class", class), ("x1", &n(x)), ("x2", &n(x)), ("y1", &top), ("y2", &bottom)]);
        if x + 44.0 > layout.width {
            continue;
        }
        let y = n(layout.bottom + 16.0);
        svg.text("text", &[("class", "tick"), ("x", &n(x + 3.0)), ("y", &y)], &tick.label);
        if let Some(month) = tick.month.filter(|_| x + 64.0 < layout.width) {
            let y = n(layout.bottom + 31.0);
            svg.text("text", &[("class", "tick"), ("x", &n(x + 3.0)), ("y", &y)], &month);
        }
    }
}

fn curves(svg: &mut Svg, layout: &Layout<'_>) {
    let chart = layout.chart;
    let floor = format!("V{}H{}Z", n(layout.bottom), n(layout.left));
    if let Some(baseline) = &chart.baseline {
        // What lies between the ordinary traffic and P10 is extra too, and the surest part of it.
        let d = path(&layout.points(&chart.fan.p10)) + &floor;
        svg.leaf("path", &[("class", "sure"), ("d", &d)]);
        let d = path(&layout.points(baseline)) + &floor;
        svg.leaf("path", &[("class", "base"), ("d", &d)]);
    }
    let upper = layout.points(&chart.fan.p90);
    let mut lower = layout.points(&chart.fan.p10);
    lower.reverse();
    let band = format!("{}{}Z", path(&upper), path(&lower).replacen('M', "L", 1));
    svg.leaf("path", &[("class", "band"), ("d", &band)]);
    if let Some(p99) = &chart.fan.p99 {
        svg.leaf("path", &[("class", "p99"), ("d", &path(&layout.points(p99)))]);
    }
    svg.leaf("path", &[("class", "p50"), ("d", &path(&layout.points(&chart.fan.p50)))]);
    if let Some((_, curve)) = layout.other {
        svg.leaf("path", &[("class", "ref"), ("d", &path(&layout.points(curve)))]);
    }
}

fn draw_rail(svg: &mut Svg, layout: &Layout<'_>, marks: &[rail::Placed<'_>], rail_top: f64) {
    for placed in marks {
        let y = rail_top + float(placed.lane) * LANE_PX;
        let kind = match placed.mark.kind {
            MarkKind::Preload => "pre",
            MarkKind::Unlock => "unl",
            MarkKind::Other => "oth",
        };
        let (x, x2) = placed.bar;
        svg.open("g", &[("class", kind)]);
        let when = super::day_time(placed.mark.at, layout.chart.zone);
        svg.text("title", &[], &format!("{}: {when}", placed.mark.label));
        if placed.starts_inside {
            let (y1, y2) = (n(y + 12.0), n(layout.bottom));
            svg.leaf("line", &[("class", "guide"), ("x1", &n(x)), ("x2", &n(x)), ("y1", &y1), ("y2", &y2)]);
        }
        if placed.mark.until.is_some() {
            let (y, width) = (n(y + 1.0), n((x2 - x).max(2.0)));
            svg.leaf(
                "rect",
                &[("class", "bar"), ("x", &n(x)), ("y", &y), ("width", &width), ("height", "15")],
            );
        } else {
            let d = format!("M{} {}l5,5-5,5-5-5z", n(x), n(y + 3.5));
            svg.leaf("path", &[("class", "dia"), ("d", &d)]);
        }
        let (x, y) = (n(placed.label.0), n(y + 13.0));
        svg.text("text", &[("class", "lbl"), ("x", &x), ("y", &y)], &placed.label.1);
        svg.close();
    }
}

/// Limits and the present.
fn rules(svg: &mut Svg, layout: &Layout<'_>) {
    for limit in layout.chart.limits.iter().filter(|l| l.bps <= layout.ceiling) {
        let (y, left, right) = (n(layout.y(limit.bps)), n(layout.left), n(layout.right));
        svg.leaf("line", &[("class", "lim"), ("x1", &left), ("x2", &right), ("y1", &y), ("y2", &y)]);
    }
    let inside = |now: &DateTime<Utc>| (layout.chart.start..=layout.end).contains(now);
    if let Some(now) = layout.chart.now.filter(inside) {
        let x = layout.x(now);
        let (top, bottom) = (n(layout.top), n(layout.bottom));
        svg.leaf("line", &[("class", "now"), ("x1", &n(x)), ("x2", &n(x)), ("y1", &top), ("y2", &bottom)]);
        let y = n(layout.top + 12.0);
        svg.text("text", &[("class", "tick b"), ("x", &n(x + 4.0)), ("y", &y)], "Now");
    }
}

fn legend(layout: &Layout<'_>, left_out: usize) -> Vec<Entry> {
    let chart = layout.chart;
    let mut texts = vec![("p50", "P50".to_owned()), ("band", "P10 to P90".to_owned())];
    if chart.fan.p99.is_some() {
        texts.push(("p99", "P99".into()));
    }
    if let Some((name, _)) = layout.other {
        texts.push(("ref", name.to_owned()));
    }
    if chart.baseline.is_some() {
        texts.push(("base", "usual traffic".into()));
    }
    for limit in &chart.limits {
        let beyond = if limit.bps > layout.ceiling { ", above this chart" } else { "" };
        texts.push(("lim", format!("{} {}{beyond}", limit.label, format_bps(limit.bps))));
    }
    if left_out > 0 {
        texts.push(("", format!("and {left_out} more")));
    }
    let offset = axis::offset_label(chart.start, layout.end, chart.zone);
    texts.push(("", format!("time in {} ({offset})", chart.zone)));
    frame::place_legend(texts, layout.bottom + 52.0, layout.width)
}
