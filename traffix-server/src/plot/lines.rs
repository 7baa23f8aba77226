//! Several thin lines on one axis of elapsed hours or of the local clock: overlays, baselines, effects.

use std::fmt::Write as _;

use super::frame::{self, CHAR, Entry, SvgOptions, TEXT_PX, TITLE_PX, tick};
use super::num::{count, float, int};
use super::svg::{Svg, n, path};
use super::{TextOptions, axis, rail, shape, text};

/// Colours of the lines.
const COLOURS: &str = include_str!("lines.css");
/// Lines that are told apart; of more only the last one is, over the others in grey.
const MAX_COLOURS: usize = 8;
const CLASSES: [&str; MAX_COLOURS] = ["ln c0", "ln c1", "ln c2", "ln c3", "ln c4", "ln c5", "ln c6", "ln c7"];
/// How lines are drawn in characters, and with which ANSI colour.
const LETTERS: [(char, &str); MAX_COLOURS] =
    [('a', "34"), ('b', "33"), ('c', "32"), ('d', "35"), ('e', "93"), ('f', "31"), ('g', "36"), ('h', "94")];
const DIM: (char, &str) = ('·', "90");
const HOUR_SECS: f64 = 3600.0;

/// What the horizontal axis counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Across {
    /// Hours or days since an event.
    Elapsed,
    /// The local clock, of a day or a week from Monday on.
    WallClock,
}

/// A curve with its name.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedLine {
    /// What the legend says.
    pub label: String,
    /// Bit/s per bin; nothing where it is unknown, which leaves a hole.
    pub values: Vec<Option<f64>>,
}

/// Curves on equal bins of one axis.
#[derive(Debug, Clone, PartialEq)]
pub struct LineChart {
    /// Headline.
    pub title: String,
    /// One line under it.
    pub subtitle: String,
    /// What the horizontal axis counts.
    pub across: Across,
    /// Where the first bin begins: seconds from zero, negative before it.
    pub first_secs: i64,
    /// Length of a bin.
    pub step_secs: u32,
    /// What rates are of, such as `per 1,000 lines`; empty for the whole network.
    pub of: String,
    /// The curves; up to eight have colours, of more the last one stands out.
    pub lines: Vec<NamedLine>,
}

/// Where things are.
struct Layout<'a> {
    chart: &'a LineChart,
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
    floor: f64,
    ceiling: f64,
}

impl Layout<'_> {
    fn x(&self, secs: f64) -> f64 {
        let (first, span) = self.chart.span();
        self.left + (self.right - self.left) * (secs - first) / span
    }

    fn y(&self, bps: f64) -> f64 {
        let place = (bps - self.floor) / (self.ceiling - self.floor);
        self.bottom - (self.bottom - self.top) * place.clamp(0.0, 1.0)
    }

    /// The paths of a curve, one for each run without a hole.
    fn paths(&self, values: &[Option<f64>]) -> String {
        let thin = thinned(values, count(self.right - self.left));
        let x = |bin: usize| self.left + (self.right - self.left) * float(bin) / float(thin.len().max(1));
        let (mut d, mut at) = (String::new(), 0);
        for run in thin.chunk_by(|a, b| a.is_some() == b.is_some()) {
            let known: Vec<f64> = run.iter().copied().flatten().collect();
            if !known.is_empty() {
                let points = shape::points(&known, (x(at), x(at + run.len())), |bps| self.y(bps));
                d.push_str(&path(&shape::simplify(&points, 0.4)));
            }
            at += run.len();
        }
        d
    }
}

impl LineChart {
    /// Bins that the longest curve has.
    fn bins(&self) -> usize {
        self.lines.iter().map(|line| line.values.len()).max().unwrap_or(0)
    }

    /// Where the axis begins and how long it is, in seconds.
    fn span(&self) -> (f64, f64) {
        #[expect(clippy::cast_precision_loss, reason = "seconds around an event are far below 2^52")]
        let first = self.first_secs as f64;
        (first, (float(self.bins()) * f64::from(self.step_secs)).max(1.0))
    }

    /// Round rates from at or below the lowest value to at or above the highest; zero is one of them.
    fn rates(&self, wanted: usize) -> Vec<f64> {
        let known = self.lines.iter().flat_map(|line| &line.values).flatten();
        let known = known.copied().filter(|bps| bps.is_finite()).map(|bps| bps.clamp(-1e30, 1e30));
        let (low, high) = known.fold((0.0, 0.0), |(low, high), bps| (bps.min(low), bps.max(high)));
        let up = axis::rates(high.max(-low), wanted);
        let step = up.get(1).copied().unwrap_or(1.0);
        let below = count((-low / step - 1e-9).ceil());
        let above = count((high / step - 1e-9).ceil()).max(usize::from(below == 0));
        let negative = (1..=below).rev().map(|i| -float(i) * step);
        negative.chain((0..=above).map(|i| float(i) * step)).collect()
    }

    /// The chart as an SVG document (or as an element for a page, whose style sheet must have the colours).
    ///
    /// ```
    /// use traffix_server::plot::{Across, LineChart, NamedLine, SvgOptions, TextOptions};
    /// let line = |label: &str, values: &[Option<f64>]| NamedLine { label: label.into(), values: values.into() };
    /// let chart = LineChart {
    ///     title: "Two evenings".into(), subtitle: String::new(), across: Across::Elapsed, first_secs: -3600,
    ///     step_secs: 3600, of: String::new(),
    ///     lines: vec![line("first", &[Some(1e9), Some(3e9)]), line("second", &[Some(1e9), None])],
    /// };
    /// assert!(chart.to_svg(&SvgOptions::default()).contains("second"));
    /// assert!(chart.to_text(TextOptions::default()).contains("b  second"));
    /// ```
    pub fn to_svg(&self, options: &SvgOptions) -> String {
        let width = options.width.clamp(240.0, 4000.0);
        let room = width - 24.0;
        let title = rail::wrap(&self.title, room, TITLE_PX * CHAR, 2);
        let subtitle = rail::wrap(&self.subtitle, room, TEXT_PX * CHAR, 4);
        let rates = self.rates(5);
        let widest = rates.iter().map(|rate| rail::width(&tick(*rate), TEXT_PX * CHAR)).fold(0.0, f64::max);
        let top = 14.0 + float(title.len()) * 22.0 + float(subtitle.len()) * 17.0 + 18.0;
        let bottom = top + options.plot_height.clamp(60.0, 2000.0);
        let (floor, ceiling) = (rates.first().copied().unwrap_or(0.0), rates.last().copied().unwrap_or(1.0));
        let (left, right) = (12.0 + widest, width - 16.0);
        let layout = Layout { chart: self, left, right, top, bottom, floor, ceiling };
        let legend = self.legend(bottom + 38.0, width);
        let height = legend.last().map_or(bottom + 38.0, |entry| entry.y + 14.0);
        let mut svg = Svg::new();
        let size = (width, height, 0.0);
        frame::head(&mut svg, options, size, (&self.title, &self.description()), COLOURS);
        frame::headline(&mut svg, &title, &subtitle);
        grid(&mut svg, &layout, &rates, width);
        for (i, line) in self.lines.iter().enumerate() {
            svg.leaf("path", &[("class", self.class(i)), ("d", &layout.paths(&line.values))]);
        }
        frame::draw_legend(&mut svg, &legend);
        svg.finish()
    }

    /// The class of a line: a colour of its own, or grey under the last one.
    fn class(&self, index: usize) -> &'static str {
        if self.lines.len() <= MAX_COLOURS {
            return CLASSES.get(index).copied().unwrap_or("ln dim");
        }
        if index + 1 == self.lines.len() { CLASSES[0] } else { "ln dim" }
    }

    /// What the legend names: index of the line and words.
    fn names(&self) -> Vec<(usize, String)> {
        let last = self.lines.len().saturating_sub(1);
        if self.lines.len() <= MAX_COLOURS {
            return self.lines.iter().map(|line| line.label.clone()).enumerate().collect();
        }
        let newest = self.lines.last().map_or_else(String::new, |line| line.label.clone());
        let oldest = self.lines.first().map_or("", |line| line.label.as_str());
        vec![(last, newest), (0, format!("{last} others, from {oldest} on"))]
    }

    /// What the axis counts and what rates are of.
    fn units(&self) -> String {
        let across = match self.across {
            Across::Elapsed => "hours and days since each event",
            Across::WallClock => "local time",
        };
        if self.of.is_empty() { across.into() } else { format!("{across}; rates {}", self.of) }
    }

    fn legend(&self, top: f64, width: f64) -> Vec<Entry> {
        let room = |text: String| rail::cut(&text, width - 60.0, TEXT_PX * CHAR);
        let names = self.names().into_iter().map(|(i, text)| (self.class(i), room(text)));
        frame::place_legend(names.chain([("", self.units())]).collect(), top, width)
    }

    /// The chart in words.
    fn description(&self) -> String {
        let mut text = format!("{} {}.", self.subtitle, self.units());
        for line in self.lines.iter().take(20) {
            let known = line.values.iter().copied().flatten().filter(|bps| bps.is_finite());
            if let Some(peak) = known.reduce(f64::max) {
                let _ = write!(text, " {}: at most {}.", line.label, tick(peak));
            }
        }
        text
    }

    /// Ticks of the horizontal axis, at most about `wanted`: seconds from zero and a label.
    fn ticks(&self, wanted: usize) -> Vec<(f64, String)> {
        let (first, span) = self.span();
        let room = span / HOUR_SECS / float(wanted.max(1));
        let every = [1.0, 2.0, 3.0, 6.0, 12.0, 24.0, 48.0, 168.0].into_iter().find(|hours| *hours >= room);
        let every = every.unwrap_or_else(|| (room / 168.0).ceil() * 168.0) * HOUR_SECS;
        let (from, to) = ((first / every).ceil(), ((first + span) / every).floor());
        let steps = int(from)..=int(to).min(int(from).saturating_add(1000));
        let label = |step: i64| {
            let hours = step.saturating_mul(int(every / HOUR_SECS));
            #[expect(clippy::cast_precision_loss, reason = "a few ticks")]
            let secs = step as f64 * every;
            (secs, self.label(hours, span))
        };
        steps.map(label).collect()
    }

    fn label(&self, hours: i64, span: f64) -> String {
        const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
        match self.across {
            Across::Elapsed if hours == 0 => "0".into(),
            Across::Elapsed if hours % 24 == 0 => format!("{:+} d", hours / 24),
            Across::Elapsed => format!("{hours:+} h"),
            Across::WallClock if span > 90_000.0 && hours % 24 == 0 => {
                let day = usize::try_from((hours / 24).rem_euclid(7)).unwrap_or(0);
                DAYS[day].into()
            }
            Across::WallClock => format!("{:02}:00", hours.rem_euclid(24)),
        }
    }

    /// The chart in characters: a letter for every curve, at the highest bin that a column stands for.
    pub fn to_text(&self, options: TextOptions) -> String {
        let height = options.height.clamp(4, 100);
        let rates = self.rates((height / 3).max(2));
        let labels: Vec<String> = rates.iter().map(|rate| tick(*rate)).collect();
        let margin = labels.iter().map(|label| label.chars().count()).max().unwrap_or(0) + 1;
        let columns = options.width.clamp(40, 400).saturating_sub(margin + 1);
        let (floor, ceiling) = (rates.first().copied().unwrap_or(0.0), rates.last().copied().unwrap_or(1.0));
        let row = |bps: f64| count((bps - floor) / (ceiling - floor) * float(height - 1)).min(height - 1);
        let mut cells = vec![vec![None; columns]; height];
        for (i, line) in self.lines.iter().enumerate() {
            let (thin, glyph) = (thinned(&line.values, columns), self.glyph(i));
            let at = |column: usize| thin.get(column * thin.len() / columns.max(1)).copied().flatten();
            for (column, bps) in (0..columns).filter_map(|column| Some((column, at(column)?))) {
                cells[row(bps)][column] = Some(glyph);
            }
        }
        let mut out = String::new();
        text::headline(&mut out, &self.title, &self.subtitle, options);
        for (r, cells) in cells.iter().enumerate().rev() {
            let label = rates.iter().zip(&labels).find(|(rate, _)| row(**rate) == r);
            let label = label.map_or("", |(_, label)| label.as_str());
            let edge = if label.is_empty() { '│' } else { '┤' };
            let _ = writeln!(out, "{label:>margin$}{edge}{}", text::glyphs(cells, options.colour));
        }
        let (first, span) = self.span();
        let place = |(secs, label): (f64, String)| ((secs - first) / span, label);
        let ticks = self.ticks((columns / 8).max(1)).into_iter().map(place);
        text::ruler(&mut out, "", ticks, margin, columns);
        for (i, name) in self.names() {
            let (letter, colour) = self.glyph(i);
            let name = rail::cut(&name, float(options.width.saturating_sub(6)), 1.0);
            let _ = writeln!(out, "  {}  {name}", text::paint(colour, &letter.to_string(), options.colour));
        }
        let _ = writeln!(out, "  {}", rail::cut(&self.units(), float(options.width.saturating_sub(3)), 1.0));
        out
    }

    fn glyph(&self, index: usize) -> (char, &'static str) {
        if self.lines.len() <= MAX_COLOURS {
            return LETTERS.get(index).copied().unwrap_or(DIM);
        }
        if index + 1 == self.lines.len() { LETTERS[0] } else { DIM }
    }
}

/// The highest known value of each of at most `buckets` groups of bins.
fn thinned(values: &[Option<f64>], buckets: usize) -> Vec<Option<f64>> {
    let bins = values.len();
    let buckets = buckets.clamp(1, bins.max(1)).min(bins);
    let known = |group: &[Option<f64>]| {
        let known = group.iter().copied().flatten().filter(|bps| bps.is_finite());
        known.map(|bps| bps.clamp(-1e30, 1e30)).reduce(f64::max)
    };
    (0..buckets).map(|b| known(&values[b * bins / buckets..(b + 1) * bins / buckets])).collect()
}

fn grid(svg: &mut Svg, layout: &Layout<'_>, rates: &[f64], width: f64) {
    let (left, right) = (n(layout.left), n(layout.right));
    let (top, bottom) = (n(layout.top), n(layout.bottom));
    for rate in rates {
        let y = n(layout.y(*rate));
        let class = if *rate == 0.0 { "axis" } else { "grid" };
        svg.leaf("line", &[("class", class), ("x1", &left), ("x2", &right), ("y1", &y), ("y2", &y)]);
        let (x, y) = (n(layout.left - 6.0), n(layout.y(*rate) + 4.0));
        svg.text("text", &[("class", "tick e"), ("x", &x), ("y", &y)], &tick(*rate));
    }
    let wanted = count(((layout.right - layout.left) / 58.0).floor());
    for (secs, label) in layout.chart.ticks(wanted) {
        let x = layout.x(secs);
        let zero = secs == 0.0 && layout.chart.across == Across::Elapsed;
        let day = label.ends_with(char::is_alphabetic) && !label.ends_with('h');
        let class = if zero {
            "now"
        } else if day {
            "grid day"
        } else {
            "grid"
        };
        svg.leaf("line", &[("class", class), ("x1", &n(x)), ("x2", &n(x)), ("y1", &top), ("y2", &bottom)]);
        if x + 8.0 + rail::width(&label, TEXT_PX * CHAR) <= width {
            let y = n(layout.bottom + 16.0);
            svg.text("text", &[("class", "tick"), ("x", &n(x + 3.0)), ("y", &y)], &label);
        }
    }
}
