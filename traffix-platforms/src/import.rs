//! Reading the tables that the embedded data is made from.
//!
//! Three CSV files with a header line: `platform_cdn.csv` (who delivers what), `cdn_asn.csv` (ASNs of delivery
//! networks) and `cdn_prefixes.csv` (their prefixes). [`crate::export`] writes the same columns, so that an export can
//! be edited and read back. Columns are found by name, further columns are ignored, lines that begin with `#` are
//! comments.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;

use ipnet::IpNet;
use traffix_core::delivery::{Asn, Assertion, PrefixKind};

use crate::cdn::{AsnRecord, parse_asns};
use crate::delivery;
use crate::error::DataError;
use crate::prefixes::PrefixGroup;

/// Columns of `platform_cdn.csv`.
const ASSERTION_COLUMNS: [&str; 12] = [
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
];
/// Columns of `cdn_asn.csv`.
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
/// Columns of `cdn_prefixes.csv`.
const PREFIX_COLUMNS: [&str; 6] = ["cdn", "asn", "prefix", "kind", "source", "source_date"];

/// One row with its line, fields in the order that was asked for.
type Row<const N: usize> = (usize, [String; N]);

/// Reads `platform_cdn.csv`, in its order.
///
/// # Errors
/// [`DataError`] with the line of the file and what is allowed there.
///
/// # Example
/// ```
/// let text = "platform,cdn,asn,role,domain_pattern,region,status,evidence_type,source,observed,share_hint,note\n\
///             steam,valve,32590,origin,*.steamcontent.com,,current,official,here,2026,,\n";
/// let assertions = traffix_platforms::import::assertions(text.as_bytes())?;
/// assert_eq!(assertions[0].host.as_ref().unwrap().as_str(), "*.steamcontent.com");
/// # Ok::<(), traffix_platforms::DataError>(())
/// ```
pub fn assertions(file: impl Read) -> Result<Vec<Assertion>, DataError> {
    let mut assertions = Vec::new();
    for (line, fields) in rows(file, ASSERTION_COLUMNS)? {
        let [platform, cdn, asn, role, host, region, status, evidence, source, observed, hint, note] =
            &fields;
        let evidence = evidence.replace(' ', "-");
        let cdn = if cdn == "unspecified" { "" } else { cdn };
        let role = role.strip_prefix("isp-").unwrap_or(role);
        let head = ["source", "s", &evidence, dash(observed), source].join("\t");
        let body = [
            platform,
            dash(cdn),
            dash(asn),
            role,
            dash(host),
            dash(region),
            status,
            "s",
            dash(hint),
            dash(note),
        ];
        let read = delivery::parse(&format!("{head}\n{}\n", body.join("\t")))
            .map_err(|error| DataError { line, detail: error.detail })?;
        assertions.extend(read);
    }
    Ok(assertions)
}

/// Reads `cdn_asn.csv`, in its order.
///
/// # Errors
/// [`DataError`] with the line of the file and what is allowed there.
pub fn asns(file: impl Read) -> Result<Vec<AsnRecord>, DataError> {
    let mut records = Vec::new();
    for (line, fields) in rows(file, ASN_COLUMNS)? {
        let fields = fields.each_ref().map(|field| dash(field));
        let read =
            parse_asns(&fields.join("\t")).map_err(|error| DataError { line, detail: error.detail })?;
        records.extend(read);
    }
    Ok(records)
}

/// Reads `cdn_prefixes.csv`, grouped by everything but the prefix.
///
/// # Errors
/// [`DataError`] with the line of the file and what is allowed there. A prefix with host bits is a mistake, and so is
/// one that occurs twice in a group.
pub fn prefixes(file: impl Read) -> Result<Vec<PrefixGroup>, DataError> {
    let mut groups = BTreeMap::<[String; 5], PrefixGroup>::new();
    for (line, fields) in rows(file, PREFIX_COLUMNS)? {
        let wrong = |what: &str, error: &dyn std::fmt::Display| DataError {
            line,
            detail: format!("{what}: {error}"),
        };
        let [cdn, asn, prefix, kind, source, observed] = &fields;
        let prefix: IpNet = prefix.parse().map_err(|error| wrong("prefix", &error))?;
        if prefix != prefix.trunc() {
            return Err(wrong("prefix", &"must have no bits beyond its length"));
        }
        let key = [cdn, asn, kind, source, observed].map(Clone::clone);
        if let Some(group) = groups.get_mut(&key) {
            group.prefixes.push(prefix);
            continue;
        }
        let asn: Option<Asn> =
            known(asn).map(str::parse).transpose().map_err(|error| wrong("asn", &error))?;
        let group = PrefixGroup {
            cdn: cdn.parse().map_err(|error| wrong("cdn", &error))?,
            asn,
            kind: kind_of(kind).ok_or_else(|| wrong("kind", &"must be bgp-origin or official-list"))?,
            source: Arc::from(source.as_str()),
            observed: observed.parse().map_err(|error| wrong("source_date", &error))?,
            prefixes: vec![prefix],
        };
        groups.insert(key, group);
    }
    groups.into_values().map(without_duplicates).collect()
}

fn without_duplicates(mut group: PrefixGroup) -> Result<PrefixGroup, DataError> {
    group.prefixes.sort_unstable();
    match group.prefixes.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(DataError {
            line: 0,
            detail: format!("{} occurs twice for {} ({})", pair[0], group.cdn, group.kind),
        }),
        None => Ok(group),
    }
}

fn kind_of(word: &str) -> Option<PrefixKind> {
    [PrefixKind::BgpOrigin, PrefixKind::OfficialList].into_iter().find(|kind| kind.as_str() == word)
}

fn rows<const N: usize>(file: impl Read, columns: [&str; N]) -> Result<Vec<Row<N>>, DataError> {
    let mut reader = csv::ReaderBuilder::new().comment(Some(b'#')).from_reader(file);
    let wrong = |error: csv::Error| DataError {
        line: error.position().and_then(|place| usize::try_from(place.line()).ok()).unwrap_or(0),
        detail: error.to_string(),
    };
    let header = reader.headers().map_err(wrong)?.clone();
    let mut places = [0; N];
    for (place, column) in places.iter_mut().zip(columns) {
        *place = header
            .iter()
            .position(|name| name == column)
            .ok_or_else(|| DataError { line: 1, detail: format!("column {column:?} is missing") })?;
    }
    reader
        .records()
        .map(|record| {
            let record = record.map_err(wrong)?;
            let line = record.position().and_then(|place| usize::try_from(place.line()).ok()).unwrap_or(0);
            let fields = places.map(|place| record.get(place).unwrap_or_default().to_owned());
            match fields.iter().find(|field| field.contains(['\t', '\n', '\r'])) {
                Some(_) => Err(DataError { line, detail: "a field must be one line without tabs".into() }),
                None => Ok((line, fields)),
            }
        })
        .collect()
}

fn known(field: &str) -> Option<&str> {
    (!field.is_empty()).then_some(field)
}

/// An empty field as the text tables write it.
fn dash(field: &str) -> &str {
    known(field).unwrap_or("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PREFIXES: &str = "cdn,asn,prefix,kind,source,source_date\n";

    #[track_caller]
    fn check(row: &str, says: &str) {
        let error = prefixes(format!("{PREFIXES}{row}\n").as_bytes()).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }

    #[test]
    fn mistakes_name_line_and_field() {
        check("a,1,10.0.0.1/8,bgp-origin,s,2026", "line 2: prefix: must have no bits beyond its length");
        check("a,1,10.0.0.0/33,bgp-origin,s,2026", "line 2: prefix");
        check("A,1,10.0.0.0/8,bgp-origin,s,2026", "line 2: cdn");
        check("a,x,10.0.0.0/8,bgp-origin,s,2026", "line 2: asn");
        check("a,1,10.0.0.0/8,guess,s,2026", "line 2: kind");
        check("a,1,10.0.0.0/8,bgp-origin,s,soon", "line 2: source_date");
        check("a,1,10.0.0.0/8,bgp-origin,s,2026\na,1,10.0.0.0/8,bgp-origin,s,2026", "occurs twice");
        let missing = prefixes("cdn,prefix\n".as_bytes()).unwrap_err();
        assert_eq!(missing.to_string(), "line 1: column \"asn\" is missing");
    }
}
