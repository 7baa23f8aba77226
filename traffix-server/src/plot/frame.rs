//! What all charts as SVG have around the plot: size, headline, legend.

use traffix_core::units::format_bps;

use super::rail;
use super::svg::{Svg, n};

/// Colours, light and dark, of everything that [`FanChart`](super::FanChart) and [`HeatStrip`](super::HeatStrip) draw.
/// A page that embeds charts puts this into its own style sheet.
pub const STYLE: &str = include_str!("chart.css");

pub(super) const TITLE_PX: f64 = 17.0;
pub(super) const TEXT_PX: f64 = 12.0;
/// Mean width of a character relative to its height; measured on `DejaVu Sans`, a wide face.
pub(super) const CHAR: f64 = 0.56;

/// How to draw.
#[derive(Debug, Clone, PartialEq)]
pub struct SvgOptions {
    /// Width in pixels.
    pub width: f64,
    /// Height of the plot itself in pixels, without title, rail and legend.
    pub plot_height: f64,
    /// A file of its own, with style and background, instead of a part of a page.
    pub standalone: bool,
    /// Start of all identifiers; different for every chart on a page.
    pub id: String,
}

impl Default for SvgOptions {
    fn default() -> Self {
        Self { width: 960.0, plot_height: 300.0, standalone: true, id: "traffix".into() }
    }
}

/// Opens the document: size, title and description for those who cannot see it, and in a file of its own the style,
/// with `more` of it, and the background. `size` is width, height and where it begins from the top, in pixels.
pub(super) fn head(
    svg: &mut Svg,
    options: &SvgOptions,
    (width, height, y): (f64, f64, f64),
    (title, description): (&str, &str),
    more: &str,
) {
    let (title_id, desc_id) = (format!("{}-title", options.id), format!("{}-desc", options.id));
    let view = format!("0 0 {} {}", n(width), n(height));
    let (width, height, y, both) = (n(width), n(height), n(y), format!("{title_id} {desc_id}"));
    let mut attributes = vec![("class", "tfx"), ("viewBox", &view), ("width", &width), ("height", &height)];
    attributes.extend([("role", "img"), ("aria-labelledby", both.as_str())]);
    if y != "0" {
        attributes.push(("y", &y));
    }
    if options.standalone {
        attributes.insert(0, ("xmlns", "http://www.w3.org/2000/svg"));
    }
    svg.open("svg", &attributes);
    svg.text("title", &[("id", &title_id)], title);
    svg.text("desc", &[("id", &desc_id)], description);
    if options.standalone {
        svg.text("style", &[], &format!("{STYLE}{more}"));
        svg.leaf("rect", &[("class", "bg"), ("width", "100%"), ("height", "100%")]);
    }
}

/// A rate on the axis, which may be a difference below zero; zero needs no unit.
pub(super) fn tick(bps: f64) -> String {
    match bps {
        0.0 => "0".into(),
        below if below < 0.0 => format!("-{}", format_bps(-below)),
        bps => format_bps(bps),
    }
}

/// The lines of the title, and those under it.
pub(super) fn headline(svg: &mut Svg, title: &[String], subtitle: &[String]) {
    let mut y = 8.0;
    for line in title {
        y += 22.0;
        svg.text("text", &[("class", "ttl"), ("x", "12"), ("y", &n(y))], line);
    }
    for line in subtitle {
        y += 17.0;
        svg.text("text", &[("class", "sub"), ("x", "12"), ("y", &n(y + 2.0))], line);
    }
}

/// One entry of the legend with its place.
pub(super) struct Entry {
    pub(super) class: &'static str,
    pub(super) text: String,
    pub(super) x: f64,
    pub(super) y: f64,
}

/// Entries of a legend in lines from `top` on.
pub(super) fn place_legend(texts: Vec<(&'static str, String)>, top: f64, room: f64) -> Vec<Entry> {
    let (mut x, mut y) = (12.0, top);
    let place = |(class, text): (&'static str, String)| {
        let swatch = if class.is_empty() { 0.0 } else { 26.0 };
        let width = swatch + rail::width(&text, TEXT_PX * CHAR) + 18.0;
        if x > 12.0 && x + width > room {
            (x, y) = (12.0, y + 18.0);
        }
        let entry = Entry { class, text, x, y };
        x += width;
        entry
    };
    texts.into_iter().map(place).collect()
}

/// Draws a legend.
pub(super) fn draw_legend(svg: &mut Svg, entries: &[Entry]) {
    for Entry { class, text, x, y } in entries {
        let mut at = *x;
        if matches!(*class, "band" | "base") {
            let (x, y) = (n(at), n(y - 9.0));
            svg.leaf("rect", &[("class", class), ("x", &x), ("y", &y), ("width", "20"), ("height", "10")]);
            at += 26.0;
        } else if !class.is_empty() {
            let (x1, x2, y) = (n(at), n(at + 20.0), n(y - 4.0));
            svg.leaf("line", &[("class", class), ("x1", &x1), ("x2", &x2), ("y1", &y), ("y2", &y)]);
            at += 26.0;
        }
        svg.text("text", &[("class", "leg"), ("x", &n(at)), ("y", &n(*y))], text);
    }
}
