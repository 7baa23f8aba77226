//! The heat strip: one row a link, one cell a few hours, darker the fuller.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::num::{count, float, secs};
use super::svg::{Svg, n};
use super::{SvgOptions, axis, rail, shape};

/// Utilisation of several links over time.
#[derive(Debug, Clone, PartialEq)]
pub struct HeatStrip {
    /// Start of the first bin.
    pub start: DateTime<Utc>,
    /// End of the last bin.
    pub end: DateTime<Utc>,
    /// Zone of the time axis.
    pub zone: Tz,
    /// Name of each link and the share of its capacity in use (1 = full) per bin.
    pub rows: Vec<(String, Vec<f64>)>,
}

/// Where the colours change: half, 70 %, 90 %, 95 % and all of the capacity.
const STEPS: [f64; 5] = [0.5, 0.7, 0.9, 0.95, 1.0];
const ROW_PX: f64 = 20.0;
const CHAR_PX: f64 = 6.7;

impl HeatStrip {
    /// The strip as SVG. Cells stand for the highest bin in them.
    pub fn to_svg(&self, options: &SvgOptions) -> String {
        let width = options.width.clamp(240.0, 4000.0);
        let longest = self.rows.iter().map(|(name, _)| rail::width(name, CHAR_PX)).fold(0.0, f64::max);
        let (left, right) = (longest.min(width * 0.35) + 20.0, width - 16.0);
        let bottom = 6.0 + float(self.rows.len()) * ROW_PX;
        let height = bottom + 42.0;
        let hours = secs(self.start, self.end) / 3600.0;
        let cells = count(hours / 2.0).clamp(1, count((right - left) / 4.0).max(1));
        let mut svg = Svg::new();
        head(&mut svg, options, (width, height));
        for (i, (name, used)) in self.rows.iter().enumerate() {
            let y = 6.0 + float(i) * ROW_PX;
            let name = rail::cut(name, left - 18.0, CHAR_PX);
            svg.text("text", &[("x", "12"), ("y", &n(y + 14.0))], &name);
            runs(&mut svg, &shape::highest(used, cells), (left, right), y);
        }
        self.axis(&mut svg, (left, right), bottom);
        key(&mut svg, bottom + 34.0, if width < 500.0 { 12.0 } else { left });
        svg.finish()
    }

    fn axis(&self, svg: &mut Svg, (left, right): (f64, f64), bottom: f64) {
        let wanted = count(((right - left) / 58.0).floor());
        for tick in axis::times(self.start, self.end, self.zone, wanted) {
            let x = left + (right - left) * secs(self.start, tick.at) / secs(self.start, self.end).max(1.0);
            if x + 40.0 < right + 16.0 {
                let y = n(bottom + 14.0);
                svg.text("text", &[("class", "tick"), ("x", &n(x)), ("y", &y)], &tick.label);
            }
        }
    }
}

fn head(svg: &mut Svg, options: &SvgOptions, (width, height): (f64, f64)) {
    let view = format!("0 0 {} {}", n(width), n(height));
    let label = "Share of each link's capacity in use over time, P90";
    let (width, height) = (n(width), n(height));
    let mut attributes = vec![("class", "tfx"), ("viewBox", &view), ("width", &width), ("height", &height)];
    attributes.extend([("role", "img"), ("aria-label", label)]);
    if options.standalone {
        attributes.insert(0, ("xmlns", "http://www.w3.org/2000/svg"));
    }
    svg.open("svg", &attributes);
    if options.standalone {
        svg.text("style", &[], super::STYLE);
        svg.leaf("rect", &[("class", "bg"), ("width", "100%"), ("height", "100%")]);
    }
}

/// Neighbouring cells of one colour are one rectangle.
fn runs(svg: &mut Svg, cells: &[f64], (left, right): (f64, f64), y: f64) {
    let width = (right - left) / float(cells.len().max(1));
    let mut i = 0;
    for run in cells.chunk_by(|a, b| step(*a) == step(*b)) {
        let class = format!("h{}", run.first().map_or(0, |x| step(*x)));
        let (x, wide) = (n(left + float(i) * width), n(float(run.len()) * width));
        let y = n(y);
        svg.leaf("rect", &[("class", &class), ("x", &x), ("y", &y), ("width", &wide), ("height", "17")]);
        i += run.len();
    }
}

fn step(used: f64) -> usize {
    STEPS.iter().filter(|s| used >= **s).count()
}

fn key(svg: &mut Svg, y: f64, left: f64) {
    let mut x = left;
    for (i, label) in ["< 50 %", "50", "70", "90", "95", "full"].into_iter().enumerate() {
        let class = format!("h{i}");
        let (at, top) = (n(x), n(y - 9.0));
        svg.leaf("rect", &[("class", &class), ("x", &at), ("y", &top), ("width", "14"), ("height", "10")]);
        svg.text("text", &[("class", "tick"), ("x", &n(x + 18.0)), ("y", &n(y))], label);
        x += 18.0 + rail::width(label, CHAR_PX) + 10.0;
    }
}
