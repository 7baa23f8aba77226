//! The address lists that delivery networks and clouds publish, as groups of prefixes.
//!
//! | list | networks |
//! | --- | --- |
//! | <https://api.fastly.com/public-ip-list> | `fastly` |
//! | <https://www.cloudflare.com/ips-v4>, <https://www.cloudflare.com/ips-v6> | `cloudflare` |
//! | <https://ip-ranges.amazonaws.com/ip-ranges.json> | `cloudfront`: the service `CLOUDFRONT` |
//! | <https://www.gstatic.com/ipranges/goog.json>, `cloud.json` | `google`, and of it `google-cloud` for customers |
//! | the weekly file of service tags that <https://www.microsoft.com/download/details.aspx?id=56519> names | `azure-front-door`, `azure-front-door-first-party`, `azure-update-delivery` |
//!
//! A list with a mistake is refused whole: half a list would move traffic to "unknown" in silence. An empty list is a
//! mistake too. Akamai publishes no list of edge servers, only one of what may ask an origin, as a text that
//! [`from_text`] reads.

mod azure;

use std::sync::Arc;

use bytes::Bytes;
use ipnet::IpNet;
use serde::Deserialize;
use traffix_core::catalogue::PlatformId;
use traffix_core::delivery::{Asn, CdnId, PartialDate, PrefixKind};

use crate::embedded::must;
use crate::error::DataError;
use crate::prefixes::PrefixGroup;
use crate::upstream::{Call, Fetched, Request, Upstream};
use crate::{PlatformError, cdn};

pub use azure::azure;

const ID: PlatformId = PlatformId::from_static("cdn-ranges");

/// Largest list read: the service tags of Azure are 5 MB.
const BODY_LIMIT_BYTES: u64 = 64 * 1024 * 1024;

/// Fastly's own list.
///
/// # Errors
/// [`PlatformError::Malformed`] with the place of the mistake, or [`PlatformError::Upstream`].
pub async fn fastly(up: &dyn Upstream) -> Result<Vec<PrefixGroup>, PlatformError> {
    #[derive(Deserialize)]
    struct List {
        addresses: Vec<String>,
        #[serde(default)]
        ipv6_addresses: Vec<String>,
    }
    let call = Call::new(ID, "fastly", up);
    let fetched = call.json::<List>(get("https://api.fastly.com/public-ip-list")).await?;
    let List { addresses, ipv6_addresses } = &fetched.value;
    let prefixes = parse(&call, addresses.iter().chain(ipv6_addresses).map(String::as_str))?;
    Ok(vec![group("fastly", prefixes, &fetched)])
}

/// Cloudflare's two lists.
///
/// # Errors
/// [`PlatformError::Malformed`] with the place of the mistake, or [`PlatformError::Upstream`].
pub async fn cloudflare(up: &dyn Upstream) -> Result<Vec<PrefixGroup>, PlatformError> {
    let call = Call::new(ID, "cloudflare", up);
    let mut groups = Vec::new();
    for url in ["https://www.cloudflare.com/ips-v4", "https://www.cloudflare.com/ips-v6"] {
        let fetched = call.bytes(get(url)).await?;
        let text = text(&call, &fetched.value)?;
        let prefixes = parse(&call, text.lines().map(str::trim).filter(|line| !line.is_empty()))?;
        groups.push(group("cloudflare", prefixes, &fetched));
    }
    Ok(groups)
}

/// The part of Amazon's list that is its delivery network: addresses that visitors see.
///
/// # Errors
/// [`PlatformError::Malformed`] with the place of the mistake, or [`PlatformError::Upstream`].
pub async fn aws(up: &dyn Upstream) -> Result<Vec<PrefixGroup>, PlatformError> {
    #[derive(Deserialize)]
    struct List {
        prefixes: Vec<Entry>,
        #[serde(default)]
        ipv6_prefixes: Vec<Entry>,
    }
    #[derive(Deserialize)]
    struct Entry {
        #[serde(alias = "ipv6_prefix")]
        ip_prefix: String,
        service: String,
    }
    let call = Call::new(ID, "aws", up);
    let fetched = call.json::<List>(get("https://ip-ranges.amazonaws.com/ip-ranges.json")).await?;
    let entries = fetched.value.prefixes.iter().chain(&fetched.value.ipv6_prefixes);
    let edge = entries.filter(|entry| entry.service == "CLOUDFRONT").map(|entry| entry.ip_prefix.as_str());
    let prefixes = parse(&call, edge)?;
    Ok(vec![group("cloudfront", prefixes, &fetched)])
}

/// Google's lists: everything, and of it what customers use.
///
/// # Errors
/// [`PlatformError::Malformed`] with the place of the mistake, or [`PlatformError::Upstream`].
pub async fn google(up: &dyn Upstream) -> Result<Vec<PrefixGroup>, PlatformError> {
    Ok(vec![
        google_list(up, "google", "https://www.gstatic.com/ipranges/goog.json").await?,
        google_list(up, "google-cloud", "https://www.gstatic.com/ipranges/cloud.json").await?,
    ])
}

async fn google_list(up: &dyn Upstream, cdn: &'static str, url: &str) -> Result<PrefixGroup, PlatformError> {
    #[derive(Deserialize)]
    struct List {
        prefixes: Vec<Entry>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Entry {
        ipv4_prefix: Option<String>,
        ipv6_prefix: Option<String>,
    }
    let call = Call::new(ID, "google", up);
    let fetched = call.json::<List>(get(url)).await?;
    let either = |entry: &'_ Entry| entry.ipv4_prefix.clone().or_else(|| entry.ipv6_prefix.clone());
    let entries: Vec<String> = fetched.value.prefixes.iter().filter_map(either).collect();
    let prefixes = parse(&call, entries.iter().map(String::as_str))?;
    Ok(group(cdn, prefixes, &fetched))
}

/// A text with one prefix a line, as an operator has it at hand: Akamai's list of what may ask an origin, a part of
/// an own plan. `#` begins a comment.
///
/// ```
/// use traffix_platforms::sources::ranges::from_text;
/// let group = from_text("akamai".parse()?, "origin allow-list", "2025-07".parse().unwrap(), "23.32.0.0/11\t\n")?;
/// assert_eq!(group.prefixes.len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`DataError`] with the line, if a line is no prefix or there is none at all.
pub fn from_text(
    cdn: CdnId,
    source: &str,
    observed: PartialDate,
    text: &str,
) -> Result<PrefixGroup, DataError> {
    let mut prefixes = Vec::new();
    for (line, text) in (1..).zip(text.lines()) {
        let entry = text.split('#').next().unwrap_or_default().trim();
        if entry.is_empty() {
            continue;
        }
        prefixes.push(prefix(entry).map_err(|detail| DataError { line, detail })?);
    }
    if prefixes.is_empty() {
        return Err(DataError { line: 0, detail: "holds no prefix".into() });
    }
    Ok(of(cdn, Arc::from(source), observed, prefixes))
}

fn get(url: &str) -> Request {
    Request::get(url).body_limit(BODY_LIMIT_BYTES).fresh_for(86_400)
}

fn text<'b>(call: &Call<'_>, body: &'b Bytes) -> Result<&'b str, PlatformError> {
    std::str::from_utf8(body)
        .map_err(|error| call.malformed(format!("byte {}", error.valid_up_to()), "not text"))
}

fn parse<'t>(call: &Call<'_>, entries: impl Iterator<Item = &'t str>) -> Result<Vec<IpNet>, PlatformError> {
    let wrong = |(index, detail): (usize, String)| call.malformed(format!("prefix {index}"), detail);
    let parsed =
        entries.enumerate().map(|(index, entry)| prefix(entry).map_err(|detail| wrong((index, detail))));
    let prefixes = parsed.collect::<Result<Vec<_>, _>>()?;
    if prefixes.is_empty() { Err(call.malformed("list", "holds no prefix")) } else { Ok(prefixes) }
}

/// A prefix that a network can announce: no bits beyond its length, and not the whole Internet.
fn prefix(text: &str) -> Result<IpNet, String> {
    let shown: String = text.chars().take(60).collect();
    let prefix: IpNet = text.parse().map_err(|_| format!("{shown:?} is no prefix"))?;
    if prefix != prefix.trunc() {
        return Err(format!("{shown:?} has bits beyond its length"));
    }
    if prefix.prefix_len() < 8 { Err(format!("{shown:?} is larger than any network")) } else { Ok(prefix) }
}

/// The group of a fetched list.
fn group<T>(cdn: &'static str, prefixes: Vec<IpNet>, fetched: &Fetched<T>) -> PrefixGroup {
    let observed = PartialDate::day(fetched.observed_at.date_naive());
    of(must(cdn, cdn.parse()), Arc::from(fetched.source.as_str()), observed, prefixes)
}

fn of(cdn: CdnId, source: Arc<str>, observed: PartialDate, mut prefixes: Vec<IpNet>) -> PrefixGroup {
    prefixes.sort_unstable();
    prefixes.dedup();
    PrefixGroup { asn: asn(&cdn), cdn, kind: PrefixKind::OfficialList, source, observed, prefixes }
}

/// The ASN of a network that has only one.
fn asn(cdn: &CdnId) -> Option<Asn> {
    let mut asns = cdn::find(cdn)?.asns();
    let first = asns.next()?.asn;
    asns.next().is_none().then_some(first)
}

#[cfg(test)]
mod tests;
