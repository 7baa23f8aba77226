//! The page as HTML: one document, no script, nothing from elsewhere, everything escaped.

use std::fmt::Write as _;
use std::sync::LazyLock;

use base64::Engine as _;
use sha2::Digest as _;
use traffix_core::units::format_bps;

use super::view::{Event, LinkRow, Page};
use crate::plot::{STYLE, SvgOptions, day_time, escape};

/// The style sheet; its digest is the only style that the policy allows.
static CSS: LazyLock<String> = LazyLock::new(|| format!("{}{STYLE}", include_str!("page.css")));

/// `Content-Security-Policy` of the page: no script, no connection, this one style sheet.
pub(super) static POLICY: LazyLock<String> = LazyLock::new(|| {
    let digest = base64::engine::general_purpose::STANDARD.encode(sha2::Sha256::digest(CSS.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
});

/// The document.
pub(super) fn render(page: &Page) -> String {
    let mut out = String::with_capacity(96 * 1024);
    head(&mut out, page);
    verdict(&mut out, page);
    charts(&mut out, page);
    events(&mut out, page);
    links(&mut out, page);
    clashes(&mut out, page);
    foot(&mut out, page);
    out
}

fn head(out: &mut String, page: &Page) {
    let _ = write!(
        out,
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\">\
         <title>traffix: outlook for {}</title><style>{}</style></head>\n<body><header>\
         <p class=\"brand\"><b>traffix</b> what tomorrow's releases do to an ISP's links</p><nav>\
         <a href=\"/docs\">API documentation</a> <a href=\"/api/v1/openapi.json\">openapi.json</a> \
         <a href=\"/api/v1/rus\">catalogue as JSON</a></nav></header>\n<main>",
        escape(&page.network.name),
        *CSS
    );
}

fn verdict(out: &mut String, page: &Page) {
    out.push_str("<nav class=\"nets\" aria-label=\"Network\">");
    for choice in &page.networks {
        let (id, name) = (escape(&choice.id), escape(&choice.name));
        let current = if choice.id == page.network.id { " aria-current=\"page\"" } else { "" };
        let _ = write!(out, "<a href=\"/networks/{id}\"{current}>{name}</a> ");
    }
    out.push_str("</nav>\n");
    let _ = writeln!(out, "<p class=\"about\">{}</p>", escape(&page.network.about));
    let class = if page.alarm { "verdict alarm" } else { "verdict" };
    let _ = writeln!(out, "<p class=\"{class}\" role=\"status\">{}</p>", escape(&page.verdict));
    let clock = if page.pretended { "pretended time" } else { "now" };
    let _ = writeln!(
        out,
        "<p class=\"clock\">{clock}: {} {} · {}</p>",
        escape(&day_time(page.now, page.zone)),
        escape(page.zone.name()),
        page.now.format("%Y-%m-%dT%H:%MZ"),
    );
}

/// The chart is drawn twice, wide and narrow: text does not shrink on a phone. The style sheet shows one of them.
fn charts(out: &mut String, page: &Page) {
    let wide = |id: &str| SvgOptions { standalone: false, id: id.into(), ..SvgOptions::default() };
    let narrow = |id: &str| SvgOptions { width: 380.0, plot_height: 230.0, ..wide(id) };
    if let Some(chart) = &page.chart {
        let (wide, narrow) = (chart.to_svg(&wide("wide")), chart.to_svg(&narrow("narrow")));
        let _ = writeln!(
            out,
            "<section><div class=\"wide\">{wide}</div><div class=\"narrow\">{narrow}</div></section>"
        );
    }
    if let Some(strip) = &page.strip {
        let (wide, narrow) = (strip.to_svg(&wide("heat")), strip.to_svg(&narrow("heat-narrow")));
        let _ = writeln!(
            out,
            "<section><h2>How full the links get <small>P90, share of capacity</small></h2>\
             <div class=\"wide\">{wide}</div><div class=\"narrow\">{narrow}</div></section>"
        );
    }
}

fn events(out: &mut String, page: &Page) {
    out.push_str("<section><h2>What comes next</h2>\n");
    if page.events.is_empty() {
        out.push_str("<p>The catalogue knows of nothing in this window.</p></section>\n");
        return;
    }
    out.push_str(
        "<div class=\"scroll\"><table><thead><tr><th>When</th><th>What</th><th>On</th>\
         <th class=\"r\">Per device</th><th class=\"r\">Peak P50</th><th class=\"r\">P90</th></tr></thead><tbody>\n",
    );
    for event in &page.events {
        row(out, event);
    }
    out.push_str("</tbody></table></div></section>\n");
}

fn row(out: &mut String, event: &Event) {
    out.push_str("<tr><td>");
    for moment in &event.moments {
        let _ = write!(
            out,
            "<span class=\"when\"><i class=\"{0}\">{0}</i> {1}<small>{2}, {3}</small></span>",
            moment.what,
            escape(&moment.local),
            escape(&moment.utc),
            moment.precision,
        );
    }
    let id = escape(&event.id);
    let _ = write!(
        out,
        "</td><td><a href=\"/api/v1/rus/{id}\">{}</a><small>{}</small></td><td>{}</td>",
        escape(&event.title),
        event.kind,
        escape(&event.platforms.join(", ")),
    );
    let size = event.size.as_deref().map_or_else(|| "<small>unknown</small>".into(), escape);
    let (p50, p90) = event.peak.map_or_else(
        || ("–".to_owned(), "–".to_owned()),
        |(p50, p90)| (format!("+{}", format_bps(p50)), format!("+{}", format_bps(p90))),
    );
    let _ = writeln!(
        out,
        "<td class=\"r\" data-is=\"per device\">{size}</td><td class=\"r\" data-is=\"peak P50\">{p50}</td>\
         <td class=\"r\" data-is=\"peak P90\">{p90}</td></tr>"
    );
}

fn links(out: &mut String, page: &Page) {
    if page.links.is_empty() {
        return;
    }
    out.push_str(
        "<section><h2>Links</h2><div class=\"scroll\"><table class=\"few\"><thead><tr><th>Link</th><th class=\"r\">Capacity</th>\
         <th class=\"r\">Fullest P50</th><th class=\"r\">P90</th><th class=\"r\">P(over 90 %)</th><th>When</th></tr></thead><tbody>\n",
    );
    for LinkRow { id, capacity_bps, used, probability, when } in &page.links {
        let class = if *probability >= crate::report::ALARM { " class=\"alarm\"" } else { "" };
        let _ = writeln!(
            out,
            "<tr{class}><td>{}</td><td class=\"r\">{}</td><td class=\"r\">{:.0} %</td><td class=\"r\">{:.0} %</td>\
             <td class=\"r\">{probability:.2}</td><td>{}</td></tr>",
            escape(id),
            format_bps(*capacity_bps),
            used.0 * 100.0,
            used.1 * 100.0,
            escape(when),
        );
    }
    out.push_str(
        "</tbody></table></div><p class=\"note\">Fullest is what the link carries: downloads leave its headroom free and \
         wait or go elsewhere. P counts what would like to use it.</p></section>\n",
    );
}

fn clashes(out: &mut String, page: &Page) {
    if page.clashes.is_empty() {
        return;
    }
    out.push_str("<section><h2>Clashes</h2><ul>");
    for clash in &page.clashes {
        let _ = write!(out, "<li>{}</li>", escape(clash));
    }
    out.push_str("</ul></section>\n");
}

fn foot(out: &mut String, page: &Page) {
    let id = escape(&page.network.id);
    let _ = writeln!(
        out,
        "</main><footer><p>P10, P50 and P90 are quantiles over jointly drawn worlds; rates are layer 3, means of \
         five minutes. Extra traffic stands on the network's ordinary week. Example networks describe public shapes, \
         no real customer.</p><p>The same on a command line: <code>traffix outlook {id} --at {}</code></p>\
         <p>traffix {}</p></footer></body></html>",
        page.now.format("%Y-%m-%dT%H:%MZ"),
        env!("CARGO_PKG_VERSION"),
    );
}
