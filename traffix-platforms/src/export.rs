//! Writing prefixes, ASNs and assertions for other tools.
//!
//! The order is stable, so that equal data is equal bytes. Every file says who made it, the date of its data, its
//! length and whom to acknowledge: CSV in comment lines that begin with `#`, JSON in members beside `items`.

use std::io::{self, Write};

use serde::Serialize;
use traffix_core::catalogue::{PlatformId, Region};
use traffix_core::delivery::{Assertion, CdnId, EvidenceKind, HostPattern, PartialDate, Role, Tenancy};

use crate::PlatformExt;
use crate::cdn::{self, AsnRecord};
use crate::delivery::{assertions, label};
use crate::prefixes::{self, PrefixGroup};
use crate::registry::platform;

/// What made the file.
const GENERATOR: &str = concat!("traffix-platforms ", env!("CARGO_PKG_VERSION"));

/// Whom to acknowledge.
const SOURCES: &str = "bgp-origin prefixes from routes of the RIPE Routing Information Service (RIS), a RIPE NCC service; \
                       official lists as published by the CDNs; assertions with their sources";

const PREFIX_COLUMNS: [&str; 7] = ["cdn", "asn", "prefix", "kind", "source", "source_date", "tenancy"];
const ASN_COLUMNS: [&str; 13] = [
    "cdn",
    "asn",
    "as_name",
    "kind",
    "status",
    "peeringdb_traffic",
    "peeringdb_ratio",
    "ix_count",
    "announced_v4",
    "announced_v6",
    "source",
    "source_date",
    "note",
];
const ASSERTION_COLUMNS: [&str; 16] = [
    "platform",
    "cdn",
    "asn",
    "role",
    "domain_pattern",
    "region",
    "status",
    "evidence_type",
    "source",
    "observed",
    "share_hint",
    "note",
    "tenancy",
    "confidence",
    "valid_until",
    "review_due",
];

/// What can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// Prefixes of delivery networks.
    Prefixes,
    /// ASNs of delivery networks.
    Asns,
    /// Who delivers what, says who.
    Assertions,
}

/// Which rows are written: those that fit everything that is set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Only of this delivery network.
    pub cdn: Option<CdnId>,
    /// Only of this platform; for prefixes and ASNs those of the networks that serve it today.
    pub platform: Option<PlatformId>,
}

/// The file as a header and rows.
#[derive(Serialize)]
struct Document<R> {
    generator: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    data_date: Option<PartialDate>,
    count: usize,
    sources: &'static str,
    items: Vec<R>,
}

#[derive(Serialize)]
struct PrefixRow<'a> {
    cdn: &'a CdnId,
    asn: Option<u32>,
    prefix: ipnet::IpNet,
    kind: &'static str,
    source: &'a str,
    source_date: PartialDate,
    tenancy: Option<Tenancy>,
}

#[derive(Serialize)]
struct AsnRow<'a> {
    cdn: &'a CdnId,
    asn: u32,
    as_name: &'a str,
    kind: String,
    status: String,
    peeringdb_traffic: Option<&'a str>,
    peeringdb_ratio: Option<&'a str>,
    ix_count: Option<u32>,
    announced_v4: Option<u32>,
    announced_v6: Option<u32>,
    source: &'a str,
    source_date: PartialDate,
    note: Option<&'a str>,
}

#[derive(Serialize)]
struct AssertionRow<'a> {
    platform: &'a str,
    cdn: &'a str,
    asn: Option<u32>,
    role: &'static str,
    domain_pattern: Option<&'a str>,
    region: Option<&'a str>,
    status: String,
    evidence_type: &'static str,
    source: &'a str,
    observed: Option<PartialDate>,
    share_hint: Option<&'a str>,
    note: Option<&'a str>,
    tenancy: Tenancy,
    confidence: f64,
    valid_until: Option<PartialDate>,
    review_due: Option<chrono::NaiveDate>,
}

/// Writes a table as CSV with a header of comments; unknown is an empty field.
///
/// # Errors
/// What `out` answers.
///
/// # Example
/// ```
/// use traffix_platforms::export::{Selection, Table, export_csv};
/// let only = Selection { cdn: Some("valve".parse().unwrap()), ..Selection::default() };
/// let mut out = Vec::new();
/// export_csv(Table::Prefixes, &only, &mut out)?;
/// let text = String::from_utf8(out).unwrap();
/// assert!(text.starts_with("# generator: traffix-platforms"));
/// assert!(text.contains("\nvalve,32590,155.133."));
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn export_csv(table: Table, selection: &Selection, out: &mut dyn Write) -> io::Result<()> {
    match table {
        Table::Prefixes => csv(&prefix_document(selection), &PREFIX_COLUMNS, out),
        Table::Asns => csv(&asn_document(selection), &ASN_COLUMNS, out),
        Table::Assertions => csv(&assertion_document(selection), &ASSERTION_COLUMNS, out),
    }
}

/// Writes a table as one JSON object with `items`; unknown members are left out.
///
/// # Errors
/// What `out` answers.
///
/// # Example
/// ```
/// use traffix_platforms::export::{Selection, Table, export_json};
/// let mut out = Vec::new();
/// export_json(Table::Asns, &Selection::default(), &mut out)?;
/// let document: serde_json::Value = serde_json::from_slice(&out)?;
/// assert_eq!(document["count"], 122);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn export_json(table: Table, selection: &Selection, out: &mut dyn Write) -> io::Result<()> {
    match table {
        Table::Prefixes => json(&prefix_document(selection), out),
        Table::Asns => json(&asn_document(selection), out),
        Table::Assertions => json(&assertion_document(selection), out),
    }
}

/// The columns are written even if no row follows.
fn csv<R: Serialize>(document: &Document<R>, columns: &[&str], out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "# generator: {}", document.generator)?;
    if let Some(date) = document.data_date {
        writeln!(out, "# data date: {date}")?;
    }
    writeln!(out, "# count: {}", document.count)?;
    writeln!(out, "# sources: {}", document.sources)?;
    let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(out);
    writer.write_record(columns).map_err(io::Error::other)?;
    for row in &document.items {
        writer.serialize(row).map_err(io::Error::other)?;
    }
    writer.flush()
}

fn json<R: Serialize>(document: &Document<R>, out: &mut dyn Write) -> io::Result<()> {
    let mut value = serde_json::to_value(document)?;
    without_nulls(&mut value);
    serde_json::to_writer_pretty(&mut *out, &value)?;
    writeln!(out)
}

fn without_nulls(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::Object(members) => {
            members.retain(|_, member| !member.is_null());
            members.values_mut().for_each(without_nulls);
        }
        serde_json::Value::Array(items) => items.iter_mut().for_each(without_nulls),
        _ => {}
    }
}

fn document<R>(items: Vec<R>, data_date: Option<PartialDate>) -> Document<R> {
    Document { generator: GENERATOR, data_date, count: items.len(), sources: SOURCES, items }
}

/// Whether rows of a delivery network are wanted.
fn wanted(selection: &Selection) -> impl Fn(&CdnId) -> bool {
    let of_platform = selection
        .platform
        .as_ref()
        .map(|id| platform(id.as_str()).map(PlatformExt::cdns).unwrap_or_default());
    let only = selection.cdn.clone();
    move |id| {
        only.as_ref().is_none_or(|only| only == id)
            && of_platform.as_ref().is_none_or(|cdns| cdns.contains(id))
    }
}

fn prefix_document(selection: &Selection) -> Document<PrefixRow<'static>> {
    let wanted = wanted(selection);
    let groups: Vec<&PrefixGroup> = prefixes::embedded().iter().filter(|group| wanted(&group.cdn)).collect();
    let date = groups.iter().map(|group| group.observed).max();
    let rows = groups.into_iter().flat_map(|group| {
        let tenancy = cdn::find(&group.cdn).map(|cdn| cdn.tenancy);
        group.prefixes.iter().map(move |prefix| PrefixRow {
            cdn: &group.cdn,
            asn: group.asn.map(|asn| asn.0),
            prefix: *prefix,
            kind: group.kind.as_str(),
            source: &group.source,
            source_date: group.observed,
            tenancy,
        })
    });
    document(rows.collect(), date)
}

fn asn_document(selection: &Selection) -> Document<AsnRow<'static>> {
    let wanted = wanted(selection);
    let records: Vec<&AsnRecord> = cdn::asns().iter().filter(|record| wanted(&record.cdn)).collect();
    let date = records.iter().map(|record| record.observed).max();
    let rows = records.into_iter().map(|record| AsnRow {
        cdn: &record.cdn,
        asn: record.asn.0,
        as_name: &record.name,
        kind: label(record.kind),
        status: label(record.status),
        peeringdb_traffic: record.peeringdb_traffic.as_deref(),
        peeringdb_ratio: record.peeringdb_ratio.as_deref(),
        ix_count: record.ix_count,
        announced_v4: record.announced_ipv4,
        announced_v6: record.announced_ipv6,
        source: &record.source,
        source_date: record.observed,
        note: record.note.as_deref(),
    });
    document(rows.collect(), date)
}

fn assertion_document(selection: &Selection) -> Document<AssertionRow<'static>> {
    let chosen: Vec<&Assertion> = assertions()
        .filter(|a| selection.platform.is_none() || a.platform == selection.platform)
        .filter(|a| selection.cdn.is_none() || a.cdn == selection.cdn)
        .collect();
    let date = chosen.iter().filter_map(|assertion| assertion.observed).max_by_key(|date| date.first_day());
    document(chosen.into_iter().map(assertion_row).collect(), date)
}

fn assertion_row(assertion: &'static Assertion) -> AssertionRow<'static> {
    AssertionRow {
        platform: assertion.platform.as_ref().map_or("*", PlatformId::as_str),
        cdn: assertion.cdn.as_ref().map_or("unspecified", CdnId::as_str),
        asn: assertion.asn.map(|asn| asn.0),
        role: match assertion.role {
            Role::Origin => "origin",
            Role::Cdn => "cdn",
            Role::EmbeddedCache => "isp-embedded-cache",
        },
        domain_pattern: assertion.host.as_ref().map(HostPattern::as_str),
        region: assertion.region.as_ref().map(Region::as_str).or(assertion.site.as_deref()),
        status: label(assertion.status),
        evidence_type: match assertion.evidence {
            EvidenceKind::Official => "official",
            EvidenceKind::Measurement => "measurement",
            EvidenceKind::CommunityList => "community list",
            EvidenceKind::TradePress => "trade press",
            EvidenceKind::Paper => "paper",
        },
        source: &assertion.source,
        observed: assertion.observed,
        share_hint: assertion.share_hint.as_deref(),
        note: assertion.note.as_deref(),
        tenancy: assertion.tenancy,
        confidence: assertion.confidence,
        valid_until: assertion.valid_until,
        review_due: assertion.review_due(),
    }
}
