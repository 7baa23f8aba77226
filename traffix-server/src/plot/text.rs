//! The fan chart in characters.

use std::fmt::Write as _;

use traffix_core::units::format_bps;

use super::num::{count, float, secs};
use super::{FanChart, MarkKind, axis, rail, shape};

/// How to draw in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextOptions {
    /// Columns of the terminal.
    pub width: usize,
    /// Rows of the plot.
    pub height: usize,
    /// Whether to colour with ANSI sequences.
    pub colour: bool,
}

impl Default for TextOptions {
    fn default() -> Self {
        Self { width: 80, height: 14, colour: false }
    }
}

/// What fills a cell. The glyphs differ too, so that nothing depends on colour.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cell {
    Empty,
    Limit,
    Base,
    P10,
    P50,
    P90,
}

impl Cell {
    fn glyph(self) -> char {
        match self {
            Self::Empty => ' ',
            Self::Limit => '╌',
            Self::Base => '·',
            Self::P10 => '█',
            Self::P50 => '▓',
            Self::P90 => '░',
        }
    }

    fn colour(self) -> &'static str {
        match self {
            Self::Empty => "",
            Self::Limit => "31",
            Self::Base => "90",
            Self::P10 => "34",
            Self::P50 => "94",
            Self::P90 => "36",
        }
    }
}

impl FanChart {
    /// The chart in block characters: a column is as high as the highest bin it stands for.
    ///
    /// Up to P10 the blocks are full, up to P50 dense, up to P90 light.
    pub fn to_text(&self, options: TextOptions) -> String {
        let rates = axis::rates(self.top(), (options.height / 3).max(2));
        let labels: Vec<String> = rates.iter().map(|r| format_bps(*r)).collect();
        let margin = labels.iter().map(|l| l.chars().count()).max().unwrap_or(0) + 1;
        let columns = options.width.clamp(40, 400).saturating_sub(margin + 1);
        let height = options.height.clamp(4, 100);
        let ceiling = rates.last().copied().unwrap_or(1.0);
        let mut out = String::new();
        headline(&mut out, &self.title, &self.subtitle, options);
        let cells = self.cells(columns, height, ceiling);
        for (r, row) in cells.iter().enumerate() {
            let from_bottom = height - r;
            let label =
                rates.iter().zip(&labels).find(|(rate, _)| row_of(**rate, ceiling, height) == from_bottom);
            let label = label.map_or("", |(_, label)| label.as_str());
            let axis = if label.is_empty() { '│' } else { '┤' };
            let row: Vec<_> = row
                .iter()
                .map(|cell| (*cell != Cell::Empty).then(|| (cell.glyph(), cell.colour())))
                .collect();
            let _ = writeln!(out, "{label:>margin$}{axis}{}", glyphs(&row, options.colour));
        }
        self.time_axis(&mut out, margin, columns);
        self.text_marks(&mut out, options);
        self.key(&mut out, ceiling, options);
        out
    }

    /// Rows from the top down.
    fn cells(&self, columns: usize, height: usize, ceiling: f64) -> Vec<Vec<Cell>> {
        let bins = self.fan.bins();
        let thin = |curve: &[f64]| {
            let mut wide = shape::highest(&curve[..curve.len().min(bins)], columns);
            // Fewer bins than columns: every bin is drawn as wide as it lasts.
            if wide.len() < columns && !wide.is_empty() {
                wide = (0..columns).map(|c| wide[c * wide.len() / columns]).collect();
            }
            wide
        };
        let level =
            |curve: &[f64]| -> Vec<f64> { thin(curve).iter().map(|v| v / ceiling * float(height)).collect() };
        let base = self.baseline.as_deref().map_or_else(Vec::new, level);
        let (p10, p50, p90) = (level(&self.fan.p10), level(&self.fan.p50), level(&self.fan.p90));
        let limit_rows: Vec<usize> = self.limits.iter().map(|l| row_of(l.bps, ceiling, height)).collect();
        let at = |curve: &[f64], column: usize| curve.get(column).copied().unwrap_or(0.0);
        let cell = |row: usize, column: usize| {
            // A cell belongs to a level that reaches its middle; whatever is there at all shows in row 1.
            let middle = if row == 1 { 0.2 } else { float(row) - 0.5 };
            let found = [(&base, Cell::Base), (&p10, Cell::P10), (&p50, Cell::P50), (&p90, Cell::P90)];
            let found = found.into_iter().find(|(curve, _)| at(curve, column) >= middle);
            let background = if limit_rows.contains(&row) { Cell::Limit } else { Cell::Empty };
            found.map_or(background, |(_, cell)| cell)
        };
        (1..=height).rev().map(|row| (0..columns).map(|column| cell(row, column)).collect()).collect()
    }

    fn time_axis(&self, out: &mut String, margin: usize, columns: usize) {
        let (start, end) = (self.start, self.end());
        let ticks = axis::times(start, end, self.zone, (columns / 8).max(1));
        let place = |tick: axis::Tick| (secs(start, tick.at) / secs(start, end).max(1.0), tick.label);
        ruler(out, "0", ticks.into_iter().map(place), margin, columns);
    }

    fn text_marks(&self, out: &mut String, options: TextOptions) {
        let (start, end) = (self.start, self.end());
        let lasts = |m: &&super::Mark| m.at < end && m.until.unwrap_or(m.at) >= start;
        let mut marks: Vec<_> = self.marks.iter().filter(lasts).collect();
        marks.sort_by(|a, b| (a.at, &a.label).cmp(&(b.at, &b.label)));
        for mark in marks.iter().take(12) {
            let (sign, colour) = match mark.kind {
                MarkKind::Preload => ('▷', "33"),
                MarkKind::Unlock => ('◆', "32"),
                MarkKind::Other => ('•', "90"),
            };
            let when = format!("{sign} {}", super::day_time(mark.at, self.zone));
            let label = rail::cut(&mark.label, float(options.width.saturating_sub(23)), 1.0);
            let _ = writeln!(out, "  {} {label}", paint(colour, &format!("{when:<19}"), options.colour));
        }
        if marks.len() > 12 {
            let _ = writeln!(out, "  and {} more", marks.len() - 12);
        }
    }

    fn key(&self, out: &mut String, ceiling: f64, options: TextOptions) {
        let mut parts = Vec::new();
        if self.baseline.is_some() {
            parts.push((Cell::Base, "usual traffic".to_owned()));
        }
        parts.extend([
            (Cell::P10, "to P10".into()),
            (Cell::P50, "to P50".into()),
            (Cell::P90, "to P90".into()),
        ]);
        for limit in &self.limits {
            let beyond = if limit.bps > ceiling { ", above this chart" } else { "" };
            parts.push((Cell::Limit, format!("{} {}{beyond}", limit.label, format_bps(limit.bps))));
        }
        let offset = axis::offset_label(self.start, self.end(), self.zone);
        let mut line = String::new();
        let mut used = 0;
        let zone = (Cell::Empty, format!("time in {} ({offset})", self.zone));
        for (cell, text) in parts.into_iter().chain([zone]) {
            let glyph = String::from_iter([cell.glyph(); 2]);
            let wide = text.chars().count() + 5;
            if used > 0 && used + wide > options.width {
                line.push('\n');
                used = 0;
            }
            used += wide;
            let swatch = if cell == Cell::Empty {
                String::new()
            } else {
                paint(cell.colour(), &glyph, options.colour) + " "
            };
            let _ = write!(line, "  {swatch}{text}");
        }
        let _ = writeln!(out, "{line}");
    }
}

/// The row, counted from 1 at the bottom, that a rate reaches; rates above the chart have none.
fn row_of(bps: f64, ceiling: f64, height: usize) -> usize {
    if bps > ceiling { 0 } else { count((bps / ceiling * float(height)).ceil()) }
}

/// Title and what stands under it.
pub(super) fn headline(out: &mut String, title: &str, subtitle: &str, options: TextOptions) {
    for line in rail::wrap(title, float(options.width), 1.0, 2) {
        let _ = writeln!(out, "{}", paint("1", &line, options.colour));
    }
    for line in rail::wrap(subtitle, float(options.width), 1.0, 4) {
        let _ = writeln!(out, "{line}");
    }
}

/// The horizontal axis with its ticks, each with the part of the width that it lies at; `foot` stands to its left.
pub(super) fn ruler(
    out: &mut String,
    foot: &str,
    ticks: impl Iterator<Item = (f64, String)>,
    margin: usize,
    columns: usize,
) {
    let mut line: Vec<char> = vec!['─'; columns];
    let mut labels: Vec<char> = vec![' '; columns + 8];
    let mut free = 0;
    for (place, label) in ticks {
        let column = count((place * float(columns)).floor());
        if column >= columns {
            continue;
        }
        line[column] = '┴';
        if column >= free && column + label.chars().count() <= columns + 1 {
            for (i, c) in label.chars().enumerate() {
                labels[column + i] = c;
            }
            free = column + label.chars().count() + 1;
        }
    }
    let (line, labels) = (String::from_iter(line), String::from_iter(labels));
    let _ = writeln!(out, "{foot:>margin$}└{line}");
    let _ = writeln!(out, "{:>margin$} {}", "", labels.trim_end());
}

pub(super) fn paint(colour: &str, text: &str, wanted: bool) -> String {
    if wanted && !colour.is_empty() { format!("\u{1b}[{colour}m{text}\u{1b}[0m") } else { text.to_owned() }
}

/// A row of glyphs with their ANSI colours. Runs of equal cells share one colour sequence; trailing blanks are dropped.
pub(super) fn glyphs(row: &[Option<(char, &'static str)>], colour: bool) -> String {
    let used = row.iter().rposition(Option::is_some).map_or(0, |last| last + 1);
    let runs = row[..used].chunk_by(|a, b| a == b);
    runs.map(|run| {
        let (glyph, code) = run[0].unwrap_or((' ', ""));
        paint(code, &run.iter().map(|_| glyph).collect::<String>(), colour)
    })
    .collect()
}
