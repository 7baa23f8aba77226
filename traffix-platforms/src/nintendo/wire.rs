//! The shop's price service and the searches of the regional sites; fields that nobody reads are left out.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Deserializer};
use traffix_core::Bytes;
use traffix_core::catalogue::{ByteRange, Precision};

/// The answer of `/v1/price`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Prices {
    pub(super) prices: Vec<Price>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Price {
    #[serde(deserialize_with = "crate::wire::count")]
    pub(super) title_id: Option<u64>,
    pub(super) sales_status: Option<String>,
}

/// The answer of the European search, an Apache Solr.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Europe {
    pub(super) response: Docs,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Docs {
    #[serde(deserialize_with = "crate::wire::count")]
    pub(super) num_found: Option<u64>,
    pub(super) docs: Vec<Doc>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Doc {
    pub(super) title: Option<String>,
    pub(super) publisher: Option<String>,
    pub(super) developer: Option<String>,
    pub(super) url: Option<String>,
    #[serde(deserialize_with = "one_or_many")]
    pub(super) nsuid_txt: Vec<String>,
    #[serde(deserialize_with = "one_or_many")]
    pub(super) dates_released_dts: Vec<String>,
    #[serde(deserialize_with = "one_or_many")]
    pub(super) datasize_readable_txt: Vec<String>,
    pub(super) image_url_sq_s: Option<String>,
}

/// The answer of the Japanese search.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Japan {
    pub(super) result: Items,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Items {
    #[serde(deserialize_with = "crate::wire::count")]
    pub(super) total: Option<u64>,
    pub(super) items: Vec<Item>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Item {
    pub(super) title: Option<String>,
    pub(super) maker: Option<String>,
    pub(super) nsuid: Option<String>,
    pub(super) sdate: Option<String>,
}

/// A list that the service writes as a text when it has one member, or as `null`.
fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrMany {
        One(String),
        Many(Vec<String>),
    }
    Ok(match Option::deserialize(deserializer)? {
        None => Vec::new(),
        Some(OneOrMany::One(text)) => vec![text],
        Some(OneOrMany::Many(texts)) => texts,
    })
}

/// `2025-07-17T00:00:00Z`: a day. The end of a year far ahead is the site's word for "not known".
pub(super) fn released(text: &str) -> Option<DateTime<Utc>> {
    let at: DateTime<Utc> = text.parse().ok()?;
    let known = (NaiveDate::from_ymd_opt(1983, 1, 1)?..NaiveDate::from_ymd_opt(2090, 1, 1)?)
        .contains(&at.date_naive());
    known.then_some(at)
}

/// `2025.7.17`, `2025.7` or `2025`, with what is known of it; other texts ("spring") are not dates.
pub(super) fn japanese_date(text: &str) -> Option<(DateTime<Utc>, Precision)> {
    let parts: Option<Vec<u32>> = text.trim().split('.').map(|part| part.parse().ok()).collect();
    let (day, precision) = match *parts?.as_slice() {
        [year, month, day] => ((year, month, day), Precision::Day),
        [year, month] => ((year, month, 1), Precision::Month),
        [year] => ((year, 1, 1), Precision::Year),
        _ => return None,
    };
    let year = i32::try_from(day.0).ok().filter(|year| (1983..2090).contains(year))?;
    let at = NaiveDate::from_ymd_opt(year, day.1, day.2)?.and_hms_opt(0, 0, 0)?;
    Some((at.and_utc(), precision))
}

/// `5120 Blocks` or `640 MB`, rounded up to the unit by the shop. A block has 128 KiB, and what the shop calls MB
/// are eight blocks.
pub(super) fn data_size(text: &str) -> Option<ByteRange> {
    let (number, unit) = text.trim().split_once(' ')?;
    let number: u64 = number.replace(',', "").parse().ok().filter(|number| *number > 0)?;
    let unit_bytes: u64 = match unit.to_ascii_lowercase().as_str() {
        "block" | "blocks" => 128 * 1024,
        "mb" => 1024 * 1024,
        "gb" => 1024 * 1024 * 1024,
        _ => return None,
    };
    let high = number.checked_mul(unit_bytes)?;
    Some(ByteRange::new(Bytes(high - unit_bytes + 1), Bytes(high)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_as_precise_as_their_unit() {
        let size = |text| data_size(text).map(|range| (range.low.0, range.high.0));
        assert_eq!(size("5120 Blocks"), Some((670_957_569, 671_088_640)));
        assert_eq!(size("640 MB"), Some((670_040_065, 671_088_640)));
        for odd in ["", "640", "0 MB", "many Blocks", "1 floppy", "18446744073709551615 GB"] {
            assert_eq!(size(odd), None, "{odd}");
        }
    }

    #[test]
    fn japanese_dates_keep_their_precision() {
        let date = |text| japanese_date(text).map(|(at, precision)| (at.date_naive().to_string(), precision));
        assert_eq!(date("2025.7.17"), Some(("2025-07-17".into(), Precision::Day)));
        assert_eq!(date("2026.12"), Some(("2026-12-01".into(), Precision::Month)));
        assert_eq!(date("2027"), Some(("2027-01-01".into(), Precision::Year)));
        for odd in ["", "未定", "2025.13", "2025.2.30", "2025.1.1.1", "0.1.1", "4294967296"] {
            assert_eq!(date(odd), None, "{odd}");
        }
    }
}
