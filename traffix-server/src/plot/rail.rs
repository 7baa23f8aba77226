//! The rail above a chart: what happens when, in as few lanes as the labels need.

use super::{FanChart, Mark, MarkKind};
use crate::plot::num::{float, secs};

/// Lanes at most; what finds no place is counted.
const MAX_LANES: usize = 8;

/// A mark with its place.
pub(super) struct Placed<'a> {
    pub(super) mark: &'a Mark,
    pub(super) lane: usize,
    /// Start and end of the bar; equal for a moment.
    pub(super) bar: (f64, f64),
    /// The label, cut to what fits, and where it starts.
    pub(super) label: (f64, String),
    /// Whether the mark starts within the chart, so that a guide line makes sense.
    pub(super) starts_inside: bool,
}

/// Places the marks of a chart between two abscissae; also says how many found no place.
pub(super) fn place(chart: &FanChart, (left, right): (f64, f64), char_px: f64) -> (Vec<Placed<'_>>, usize) {
    let (start, end) = (chart.start, chart.end());
    let x = |at| left + (right - left) * secs(start, at) / secs(start, end).max(1.0);
    let mut marks: Vec<&Mark> = chart.marks.iter().collect();
    marks.sort_by(|a, b| (a.at, &a.label).cmp(&(b.at, &b.label)));
    let mut lanes: Vec<f64> = Vec::new();
    let (mut placed, mut left_out) = (Vec::new(), 0);
    for mark in marks {
        let until = mark.until.unwrap_or(mark.at).max(mark.at);
        if mark.at >= end || until < start {
            continue;
        }
        let bar = (x(mark.at).clamp(left, right), x(until).clamp(left, right));
        let (label_x, label) = label(mark, bar.0, right, char_px, left);
        let from = bar.0.min(label_x) - 4.0;
        let to = bar.1.max(label_x + width(&label, char_px)) + 6.0;
        let free = lanes.iter().position(|&busy_until| busy_until <= from).unwrap_or(lanes.len());
        if free >= MAX_LANES {
            left_out += 1;
            continue;
        }
        lanes.resize(lanes.len().max(free + 1), to);
        lanes[free] = to;
        placed.push(Placed {
            mark,
            lane: free,
            bar,
            label: (label_x, label),
            starts_inside: mark.at >= start,
        });
    }
    (placed, left_out)
}

/// The label to the right of the mark, or to its left where it would leave the chart.
fn label(mark: &Mark, at: f64, right: f64, char_px: f64, left: f64) -> (f64, String) {
    let gap = if mark.kind == MarkKind::Preload && mark.until.is_some() { 5.0 } else { 8.0 };
    let room = right - at - gap;
    let wanted = width(&mark.label, char_px);
    if wanted <= room || at - left < room {
        return (at + gap, cut(&mark.label, room, char_px));
    }
    let label = cut(&mark.label, at - left - gap, char_px);
    (at - gap - width(&label, char_px), label)
}

/// Estimated width of a text: characters of East Asian scripts are as wide as two.
pub(super) fn width(text: &str, char_px: f64) -> f64 {
    let wide = |c: char| matches!(c, '\u{1100}'..='\u{115f}' | '\u{2e80}'..='\u{a4cf}' | '\u{ac00}'..='\u{d7a3}' | '\u{f900}'..='\u{faff}' | '\u{fe30}'..='\u{fe6f}' | '\u{ff00}'..='\u{ff60}' | '\u{1f300}'..='\u{1faff}');
    float(text.chars().map(|c| if wide(c) { 2 } else { 1 }).sum::<usize>()) * char_px
}

/// The text, shortened with an ellipsis to fit into `room`.
pub(super) fn cut(text: &str, room: f64, char_px: f64) -> String {
    if width(text, char_px) <= room {
        return text.to_owned();
    }
    let mut out = String::new();
    for c in text.chars() {
        out.push(c);
        if width(&out, char_px) + char_px > room {
            out.pop();
            break;
        }
    }
    let out = out.trim_end();
    if out.is_empty() { String::new() } else { format!("{out}…") }
}

/// The text in lines of at most `room`, the last of at most `max` lines shortened.
pub(super) fn wrap(text: &str, room: f64, char_px: f64, max: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let full = lines.len() == max;
        match lines.last_mut() {
            Some(line) if full || width(line, char_px) + width(word, char_px) + char_px <= room => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines.iter().map(|line| cut(line, room, char_px)).collect()
}
