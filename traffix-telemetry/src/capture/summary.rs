//! From what was counted to the report.

use std::collections::BTreeMap;
use std::net::IpAddr;

use chrono::DateTime;
use traffix_core::delivery::CdnId;

use super::dns::DnsNames;
use super::hidden;
use super::report::{CdnTotal, DnsTotal, Name, NameTotal, Report, Scope, Seen, Server, Totals, TunnelTotal};
use super::servers::{Entry, Servers};
use super::tunnel::{self, Tunnel};

/// Makes the report.
pub(super) fn build(
    totals: Totals,
    servers: Servers<'_>,
    dns: &DnsNames,
    tunnels: &tunnel::Tally,
    damage: Option<String>,
) -> Report {
    let mut report = Report {
        packets: totals.packets,
        bytes: totals.bytes,
        first: totals.first_ns.map(DateTime::from_timestamp_nanos),
        last: totals.last_ns.map(DateTime::from_timestamp_nanos),
        cut_packets: totals.cut_packets,
        other_packets: totals.other_packets,
        broken_packets: totals.broken_packets,
        unknown_link_packets: totals.unknown_link_packets,
        unknown_links: totals.unknown_links,
        servers: Vec::new(),
        by_cdn: Vec::new(),
        by_name: Vec::new(),
        withheld: servers.withheld,
        local: servers.local,
        beyond: servers.beyond,
        early_flows: servers.early_flows,
        refused_openings: servers.refused_openings,
        quic_bytes: servers.quic_bytes,
        ech_flows: servers.ech_flows,
        dns: DnsTotal { answers: dns.answers, unread: dns.unread, beyond: dns.beyond },
        tunnels: tunnels.seen().map(|(tunnel, count)| TunnelTotal::of(tunnel, count)).collect(),
        hidden: Vec::new(),
        damage,
    };
    report.servers = told(servers, dns, &report);
    report.by_cdn = by_cdn(&report);
    report.by_name = by_name(&report);
    report.hidden = hidden::of(&report);
    report
}

/// The servers, most bytes first.
fn told(servers: Servers<'_>, dns: &DnsNames, report: &Report) -> Vec<Server> {
    let table = servers.table;
    let all = servers.entries.into_iter().map(|(address, entry)| {
        let mut server = Server::of(address, entry, dns);
        server.share = report.share(server.bytes());
        if let Some(found) = table.lookup(address) {
            server.cdn = Some(found.origin.cdn.clone());
            server.asn = found.origin.asn;
            server.tenancy = Some(found.origin.tenancy);
            server.prefix = Some(found.prefix);
        }
        server
    });
    let mut told: Vec<Server> = all.collect();
    told.sort_by_key(|server| (std::cmp::Reverse(server.bytes()), server.address));
    told
}

impl TunnelTotal {
    fn of(tunnel: Tunnel, count: tunnel::Count) -> Self {
        let tunnel::Count { packets, bytes, read, unread_bytes, largest_bytes } = count;
        Self { tunnel, packets, read_packets: read, bytes, unread_bytes, largest_bytes }
    }
}

impl Server {
    fn of(address: IpAddr, entry: Entry, dns: &DnsNames) -> Self {
        let said = dns.of(address);
        let counted = entry.names.into_iter().map(|one| {
            let dns = said.iter().find(|said| said.asked == one.name);
            Name {
                name: one.name.into_string(),
                seen: one.seen,
                in_dns: dns.is_some(),
                alias_of: dns.and_then(|dns| dns.alias_of.as_deref()).map(str::to_owned),
                bytes: one.bytes,
                flows: one.flows,
            }
        });
        let mut names: Vec<Name> = counted.collect();
        for one in said {
            if names.iter().all(|known| *known.name != *one.asked) {
                names.push(Name {
                    name: one.asked.to_string(),
                    seen: Seen::Dns,
                    in_dns: true,
                    alias_of: one.alias_of.as_deref().map(str::to_owned),
                    bytes: 0,
                    flows: 0,
                });
            }
        }
        names.sort_by(|a, b| (b.bytes, &a.name, a.seen).cmp(&(a.bytes, &b.name, b.seen)));
        Self {
            address,
            scope: Scope::of(address),
            down_bytes: entry.down_bytes,
            up_bytes: entry.up_bytes,
            packets: entry.packets,
            flows: entry.flows,
            share: 0.0,
            first: entry.first_ns.map(DateTime::from_timestamp_nanos),
            last: entry.last_ns.map(DateTime::from_timestamp_nanos),
            cdn: None,
            asn: None,
            tenancy: None,
            prefix: None,
            names,
        }
    }

    /// Its bytes by name: what conversations asked for, and the rest under the only name that DNS gave.
    pub(super) fn bytes_by_name(&self) -> impl Iterator<Item = (Option<(&Name, Seen)>, u64)> {
        let named: u64 = self.names.iter().map(|name| name.bytes).sum();
        let mut in_dns = self.names.iter().filter(|name| name.in_dns);
        let only = in_dns.next().filter(|first| in_dns.all(|other| other.name == first.name));
        let own = self.names.iter().filter(|name| name.bytes > 0);
        let own = own.map(|name| (Some((name, name.seen)), name.bytes));
        let rest = Some((only.map(|name| (name, Seen::Dns)), self.bytes() - named));
        own.chain(rest.filter(|(_, bytes)| *bytes > 0))
    }
}

fn by_cdn(report: &Report) -> Vec<CdnTotal> {
    let mut sums = BTreeMap::<Option<&CdnId>, (u64, u64)>::new();
    for server in &report.servers {
        let sum = sums.entry(server.cdn.as_ref()).or_default();
        *sum = (sum.0 + server.bytes(), sum.1 + 1);
    }
    let total = |(cdn, (bytes, servers)): (Option<&CdnId>, _)| CdnTotal {
        cdn: cdn.cloned(),
        bytes,
        share: report.share(bytes),
        servers,
    };
    let mut totals: Vec<CdnTotal> = sums.into_iter().map(total).collect();
    totals.sort_by_key(|total| std::cmp::Reverse(total.bytes));
    totals
}

fn by_name(report: &Report) -> Vec<NameTotal> {
    let mut sums = BTreeMap::<Option<(&str, Seen)>, (u64, u64)>::new();
    for server in &report.servers {
        for (name, bytes) in server.bytes_by_name() {
            let sum = sums.entry(name.map(|(name, seen)| (name.name.as_str(), seen))).or_default();
            *sum = (sum.0 + bytes, sum.1 + 1);
        }
    }
    let total = |(key, (bytes, servers)): (Option<(&str, Seen)>, _)| NameTotal {
        name: key.map(|(name, _)| name.to_owned()),
        seen: key.map(|(_, seen)| seen),
        bytes,
        share: report.share(bytes),
        servers,
    };
    let mut totals: Vec<NameTotal> = sums.into_iter().map(total).collect();
    totals.sort_by_key(|total| std::cmp::Reverse(total.bytes));
    totals
}
