//! What an inspection found, for people.

use std::fmt::Write as _;

use traffix_core::Bytes;
use traffix_telemetry::capture::{Name, Report, Rest, Server, Suggestion};

use crate::cli::{Failure, Out, word};

/// Names listed beside one server.
const NAMES: usize = 3;

pub(super) fn print(file: &str, report: &Report, top: usize, out: &mut Out) -> Result<(), Failure> {
    out.line(headline(file, report))?;
    out.line(format!(
        "\n{:>7} {:>9} {:>9}  {:<39} {:<34} NAMES",
        "SHARE", "DOWN", "UP", "SERVER", "CDN, ASN, TENANCY"
    ))?;
    for server in report.servers.iter().take(top) {
        out.line(line(server))?;
    }
    let rest = &report.servers[top.min(report.servers.len())..];
    if !rest.is_empty() {
        let bytes = rest.iter().map(Server::bytes).sum();
        out.line(format!("{} {} more servers; --top shows them", share(report, bytes), rest.len()))?;
    }
    for (what, rest) in [
        ("conversations without a known server, addresses withheld", report.withheld),
        ("conversations with servers beyond the limit", report.beyond),
        ("to many receivers", report.local),
    ] {
        let Rest { flows, bytes, .. } = rest;
        if bytes > 0 {
            out.line(format!("{} {flows} {what}", share(report, bytes)))?;
        }
    }
    totals(report, top, out)?;
    remarks(report, out)
}

fn headline(file: &str, report: &Report) -> String {
    let mut text = format!("{file}: {} packets, {}", report.packets, Bytes(report.bytes));
    if let (Some(first), Some(last)) = (report.first, report.last) {
        let secs = (last - first).as_seconds_f64();
        let _ = write!(text, ", {} to {} UTC ({secs:.1} s)", first.format("%F %T"), last.format("%T"));
    }
    text
}

fn share(report: &Report, bytes: u64) -> String {
    format!("{:>5.1} % {:>9}", report.share(bytes) * 100.0, Bytes(bytes).to_string())
}

fn line(server: &Server) -> String {
    let mut whose = server.cdn.as_ref().map_or_else(|| "unknown".to_owned(), ToString::to_string);
    let _ = server.asn.iter().try_for_each(|asn| write!(whose, " {asn}"));
    let _ = server.tenancy.iter().try_for_each(|tenancy| write!(whose, " {}", word(tenancy)));
    let (down, up) = (Bytes(server.down_bytes).to_string(), Bytes(server.up_bytes).to_string());
    let (percent, address) = (server.share * 100.0, server.address.to_string());
    let mut names: Vec<String> = server.names.iter().take(NAMES).map(name).collect();
    if server.names.len() > NAMES {
        names.push(format!("and {} more", server.names.len() - NAMES));
    }
    let names = names.join(", ");
    format!("{percent:>5.1} % {down:>9} {up:>9}  {address:<39} {whose:<34} {names}").trim_end().to_owned()
}

fn name(name: &Name) -> String {
    let dns = if name.in_dns && name.seen != traffix_telemetry::capture::Seen::Dns { ", DNS" } else { "" };
    let alias = name.alias_of.as_ref().map_or_else(String::new, |alias| format!(" -> {alias}"));
    format!("{} ({}{dns}{alias})", name.name, name.seen.as_str())
}

fn totals(report: &Report, top: usize, out: &mut Out) -> Result<(), Failure> {
    out.line("\nBY CDN")?;
    for total in &report.by_cdn {
        let cdn = total.cdn.as_ref().map_or("unknown", |cdn| cdn.as_str());
        out.line(format!("{}  {cdn}, servers: {}", share(report, total.bytes), total.servers))?;
    }
    out.line("\nBY NAME")?;
    for total in report.by_name.iter().take(top) {
        let seen = total.seen.map_or_else(String::new, |seen| format!(" ({})", seen.as_str()));
        let name = total.name.as_deref().unwrap_or("no name seen");
        out.line(format!("{}  {name}{seen}", share(report, total.bytes)))?;
    }
    if report.by_name.len() > top {
        out.line(format!("… {} more", report.by_name.len() - top))?;
    }
    Ok(())
}

fn remarks(report: &Report, out: &mut Out) -> Result<(), Failure> {
    let mut remarks: Vec<String> = report.hidden.iter().map(ToString::to_string).collect();
    for tunnel in report.tunnels.iter().filter(|tunnel| tunnel.read_packets > 0) {
        remarks.push(format!("{} packets in {} were read inside", tunnel.read_packets, tunnel.tunnel));
    }
    let links: Vec<String> = report.unknown_links.iter().map(ToString::to_string).collect();
    for (count, what) in [
        (
            report.cut_packets,
            "packets were captured in part (they count in full, but names may be cut off)".into(),
        ),
        (
            report.unknown_link_packets,
            format!("packets of link types that are not read: {}", links.join(", ")),
        ),
        (report.broken_packets, "packets whose headers are cut or make no sense".into()),
        (report.other_packets, "packets that are not IP".into()),
        (report.dns.unread, "answers of DNS that were cut or broken".into()),
        (report.dns.beyond, "names of DNS that found no room".into()),
        (report.early_flows, "conversations summed up before their end, for want of room".into()),
        (report.refused_openings, "conversations whose first bytes found no room".into()),
    ] {
        if count > 0 {
            remarks.push(format!("{count} {what}"));
        }
    }
    if !remarks.is_empty() {
        out.line("\nREMARKS")?;
    }
    remarks.iter().try_for_each(|remark| out.line(format!("- {remark}")))
}

/// Suggestions with their reasons.
pub(super) fn suggestions(all: &[Suggestion], out: &mut Out) -> Result<(), Failure> {
    out.line(
        "\nSUGGESTIONS for review; --json has them as assertions, --propose puts them before a moderator",
    )?;
    if all.is_empty() {
        out.line("none: no server has 1 % of the bytes and an address that means something")?;
    }
    for one in all {
        let a = &one.assertion;
        let cdn = a.cdn.as_ref().map_or_else(|| "unknown CDN".to_owned(), ToString::to_string);
        let platform = a.platform.as_ref().map_or_else(|| "any platform".to_owned(), ToString::to_string);
        let mut text = format!("{:.2}  {platform} by {cdn}", a.confidence);
        let _ = a.host.iter().try_for_each(|host| write!(text, " as {host}"));
        let _ = a.prefix.iter().try_for_each(|prefix| write!(text, " from {prefix}"));
        let _ = a.asn.iter().try_for_each(|asn| write!(text, " {asn}"));
        let _ = write!(text, " ({}, {})", word(a.role), word(a.tenancy));
        out.line(text)?;
        for reason in &one.reasons {
            out.line(format!("      {reason}"))?;
        }
    }
    Ok(())
}
