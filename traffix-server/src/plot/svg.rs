//! A writer of SVG: elements, attributes, escaped text, and numbers with one decimal.

use std::fmt::Write as _;

/// Text made safe for XML and HTML, between tags and in quoted attributes. Characters that XML 1.0 forbids
/// become U+FFFD.
///
/// ```
/// assert_eq!(traffix_server::plot::escape("<b> & \"c\""), "&lt;b&gt; &amp; &quot;c&quot;");
/// ```
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\t' | '\n' | '\r' => out.push(' '),
            '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            _ => out.push(c),
        }
    }
    out
}

/// A document under construction. Elements close in the order opposite to their opening.
pub(super) struct Svg {
    out: String,
    open: Vec<&'static str>,
}

impl Svg {
    pub(super) fn new() -> Self {
        Self { out: String::with_capacity(16 * 1024), open: Vec::new() }
    }

    /// Opens an element.
    pub(super) fn open(&mut self, tag: &'static str, attributes: &[(&str, &str)]) {
        self.start(tag, attributes);
        self.out.push('>');
        self.open.push(tag);
    }

    /// An element without content.
    pub(super) fn leaf(&mut self, tag: &'static str, attributes: &[(&str, &str)]) {
        self.start(tag, attributes);
        self.out.push_str("/>");
    }

    /// An element that holds only text.
    pub(super) fn text(&mut self, tag: &'static str, attributes: &[(&str, &str)], text: &str) {
        self.start(tag, attributes);
        let _ = write!(self.out, ">{}</{tag}>", escape(text));
    }

    /// Elements that are written already.
    pub(super) fn part(&mut self, svg: &str) {
        self.out.push_str(svg);
    }

    /// Closes the innermost open element.
    pub(super) fn close(&mut self) {
        if let Some(tag) = self.open.pop() {
            let _ = writeln!(self.out, "</{tag}>");
        }
    }

    /// The document, with everything closed.
    pub(super) fn finish(mut self) -> String {
        while !self.open.is_empty() {
            self.close();
        }
        self.out
    }

    fn start(&mut self, tag: &str, attributes: &[(&str, &str)]) {
        let _ = write!(self.out, "<{tag}");
        for (name, value) in attributes {
            let _ = write!(self.out, " {name}=\"{}\"", escape(value));
        }
    }
}

/// A coordinate with at most one decimal.
pub(super) fn n(x: f64) -> String {
    let text = format!("{x:.1}");
    let text = text.strip_suffix(".0").unwrap_or(&text);
    if text == "-0" { "0".into() } else { text.into() }
}

/// The `d` of an open path through points, in relative steps of a tenth.
pub(super) fn path(points: &[(f64, f64)]) -> String {
    let mut d = String::with_capacity(points.len() * 9);
    let mut last = (0.0, 0.0);
    for (i, &(x, y)) in points.iter().enumerate() {
        let here = ((x * 10.0).round() / 10.0, (y * 10.0).round() / 10.0);
        if i == 0 {
            let _ = write!(d, "M{} {}", n(here.0), n(here.1));
        } else {
            if i == 1 {
                d.push('l');
            }
            let (dx, dy) = (n(here.0 - last.0), n(here.1 - last.1));
            let space = if i == 1 { "" } else { " " };
            let comma = if dy.starts_with('-') { "" } else { "," };
            let _ = write!(d, "{space}{dx}{comma}{dy}");
        }
        last = here;
    }
    d
}
