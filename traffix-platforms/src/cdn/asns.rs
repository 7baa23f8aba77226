//! Which ASN belongs to which CDN, as a text table.

use serde::{Deserialize, Serialize};
use traffix_core::delivery::{Asn, CdnId, PartialDate};

use super::{CdnKind, known, mistake};
use crate::delivery::label;
use crate::error::DataError;

/// One ASN of one delivery network. Absent means that the source does not say.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AsnRecord {
    /// The delivery network.
    pub cdn: CdnId,
    /// The number.
    pub asn: Asn,
    /// Its registered name.
    pub name: String,
    /// What the network is for.
    pub kind: CdnKind,
    /// Whether the CDN uses it today.
    pub status: AsnStatus,
    /// Traffic level that the network reports to `PeeringDB`, or `not disclosed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peeringdb_traffic: Option<String>,
    /// Ratio that the network reports to `PeeringDB`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peeringdb_ratio: Option<String>,
    /// Number of Internet exchanges it is present at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ix_count: Option<u32>,
    /// IPv4 routes seen with this origin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub announced_ipv4: Option<u32>,
    /// IPv6 routes seen with this origin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub announced_ipv6: Option<u32>,
    /// Where this is written.
    pub source: String,
    /// When it was seen.
    pub observed: PartialDate,
    /// What a reader should know besides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Whether a CDN uses an ASN today.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AsnStatus {
    /// Yes.
    Current,
    /// The service has ended.
    Historical,
    /// Perhaps; nobody has looked lately.
    Unverified,
    /// The number has another holder now: it must not be used to attribute anything.
    Reassigned,
}

const HEADER: &str = "# ASNs of delivery networks. Fields: CDN, ASN, name, kind, status, PeeringDB traffic, PeeringDB ratio, exchanges, IPv4 routes, IPv6 routes, source, date, note.\n";

/// Reads the text form: thirteen fields separated by tabs, `-` for "not known".
///
/// # Errors
/// [`DataError`] with the line and what is allowed there.
pub fn parse_asns(text: &str) -> Result<Vec<AsnRecord>, DataError> {
    (1..)
        .zip(text.lines())
        .filter(|(_, text)| !text.is_empty() && !text.starts_with('#'))
        .map(|(line, text)| parse_line(text).map_err(|detail| mistake(line, detail)))
        .collect()
}

fn parse_line(text: &str) -> Result<AsnRecord, String> {
    let fields: Vec<&str> = text.split('\t').collect();
    let &[cdn, asn, name, kind, status, traffic, ratio, ix, ipv4, ipv6, source, observed, note] =
        fields.as_slice()
    else {
        return Err(format!("an ASN has thirteen fields separated by tabs, this line has {}", fields.len()));
    };
    let word = |text: &str| serde_json::Value::String(text.to_owned());
    let count = |text: &str| {
        known(text).map(str::parse).transpose().map_err(|error| format!("count {text:?}: {error}"))
    };
    let owned = |text: &str| known(text).map(str::to_owned);
    Ok(AsnRecord {
        cdn: cdn.parse().map_err(|error| format!("cdn: {error}"))?,
        asn: asn.parse().map_err(|error| format!("asn: {error}"))?,
        name: name.to_owned(),
        kind: serde_json::from_value(word(kind)).map_err(|error| error.to_string())?,
        status: serde_json::from_value(word(status)).map_err(|error| error.to_string())?,
        peeringdb_traffic: owned(traffic),
        peeringdb_ratio: owned(ratio),
        ix_count: count(ix)?,
        announced_ipv4: count(ipv4)?,
        announced_ipv6: count(ipv6)?,
        source: source.to_owned(),
        observed: observed.parse().map_err(|error| format!("date: {error}"))?,
        note: owned(note),
    })
}

/// The text form of ASN records, as [`parse_asns`] reads it.
pub fn print_asns(records: &[AsnRecord]) -> String {
    let mut text = String::from(HEADER);
    for record in records {
        let number = |value: Option<u32>| value.map_or_else(|| "-".to_owned(), |value| value.to_string());
        let words = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
        let fields = [
            record.cdn.to_string(),
            record.asn.0.to_string(),
            record.name.clone(),
            label(record.kind),
            label(record.status),
            words(&record.peeringdb_traffic),
            words(&record.peeringdb_ratio),
            number(record.ix_count),
            number(record.announced_ipv4),
            number(record.announced_ipv6),
            record.source.clone(),
            record.observed.to_string(),
            words(&record.note),
        ];
        text.push_str(&fields.join("\t"));
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip_of_the_embedded_table() {
        let text = include_str!("asns.tsv");
        assert_eq!(print_asns(&parse_asns(text).unwrap()), text);
    }

    #[test]
    fn mistakes_name_the_line() {
        let error = parse_asns("#\n\nakamai\t1").unwrap_err();
        assert_eq!(
            error.to_string(),
            "line 3: an ASN has thirteen fields separated by tabs, this line has 2"
        );
    }
}
