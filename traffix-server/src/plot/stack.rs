//! Charts below each other, on one scale.

use super::FanChart;
use super::fan::Among;
use super::frame::{STYLE, SvgOptions};
use super::svg::{Svg, n};

/// Charts of equal bins below each other as one SVG document. All vertical axes reach as high as the highest, and the P50
/// of the first is a dashed line in the others.
pub fn stacked(charts: &[FanChart], options: &SvgOptions) -> String {
    let top_bps = charts.iter().map(FanChart::top).fold(0.0, f64::max);
    let (mut y, mut parts) = (0.0, Vec::new());
    for (i, chart) in charts.iter().enumerate() {
        let first = charts.first().filter(|_| i > 0);
        let other = first.map(|first| ("P50 of the first chart", first.fan.p50.as_slice()));
        let part = SvgOptions { standalone: false, id: format!("{}-{i}", options.id), ..options.clone() };
        let (svg, height) = chart.among(&part, &Among { y, top_bps, other });
        parts.push(svg);
        y += height;
    }
    let (width, height) = (n(options.width.clamp(240.0, 4000.0)), n(y));
    let view = format!("0 0 {width} {height}");
    let mut attributes = vec![("class", "tfx"), ("viewBox", view.as_str())];
    attributes.extend([("width", width.as_str()), ("height", height.as_str())]);
    if options.standalone {
        attributes.insert(0, ("xmlns", "http://www.w3.org/2000/svg"));
    }
    let mut svg = Svg::new();
    svg.open("svg", &attributes);
    if options.standalone {
        svg.text("style", &[], STYLE);
        svg.leaf("rect", &[("class", "bg"), ("width", "100%"), ("height", "100%")]);
    }
    for part in &parts {
        svg.part(part);
    }
    svg.finish()
}
