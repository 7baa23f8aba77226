//! Prefixes of delivery networks, in pages of JSON or CSV.
#![expect(clippy::unused_async, reason = "the framework wants asynchronous handlers")]

use std::fmt::Write as _;
use std::sync::Arc;

use ipnet::IpNet;
use poem::Request;
use poem_openapi::OpenApi;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use traffix_core::delivery::{Asn, CdnId, PrefixKind};
use traffix_platforms::prefixes::{self, PrefixGroup};

use super::Chapter;
use super::lists::{Cursor, Limit, linked, next_page, page};
use super::views::word;
use crate::AppState;
use crate::http::{Answer, Problem, Query, wants_csv};

pub(crate) struct PrefixApi(#[expect(dead_code, reason = "the data is embedded")] pub(crate) Arc<AppState>);

/// Which prefixes; all conditions must hold.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PrefixListParams {
    /// Of this delivery network.
    cdn: Option<CdnId>,
    /// Announced by this autonomous system.
    #[schemars(with = "Option<u32>")]
    asn: Option<Asn>,
    /// From this kind of list.
    kind: Option<PrefixKind>,
    /// IPv4 or IPv6 only.
    family: Option<Family>,
    /// Most items wanted, 1 to 500; 100 if absent.
    limit: Option<Limit>,
    /// Where to go on: a cursor from `next` of the page before.
    after: Option<Cursor>,
}

/// A version of IP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Family {
    /// IPv4.
    Ipv4,
    /// IPv6.
    Ipv6,
}

/// A prefix and whose it is.
#[derive(Serialize, JsonSchema)]
#[expect(clippy::struct_field_names, reason = "the prefix of a prefix entry is called prefix in every list")]
pub(crate) struct Prefix {
    /// In CIDR notation.
    prefix: String,
    /// The delivery network.
    cdn: CdnId,
    /// The autonomous system that announces it.
    #[serde(skip_serializing_if = "Option::is_none")]
    asn: Option<Asn>,
    /// What kind of list it is from.
    kind: PrefixKind,
    /// The list.
    source: String,
    /// When the list was seen.
    observed: String,
}

/// A page of prefixes.
#[derive(Serialize, JsonSchema)]
pub(crate) struct PrefixPage {
    items: Vec<Prefix>,
    /// The next page, if there is one.
    #[schemars(default)]
    next: Option<String>,
}

#[OpenApi(tag = "Chapter::Delivery")]
impl PrefixApi {
    /// Prefixes of delivery networks, by network and address.
    ///
    /// With `Accept: text/csv` the same as CSV; the next page is then in `Link`.
    #[oai(path = "/prefixes", method = "get", operation_id = "listPrefixes")]
    async fn list(
        &self,
        request: &Request,
        params: Query<PrefixListParams>,
    ) -> Result<Answer<PrefixPage>, Problem> {
        let (items, cursor) = params.0.page()?;
        let uri = request.original_uri();
        if !wants_csv(request.headers()) {
            return Ok(page(&items, uri, cursor.as_deref())?.public());
        }
        let next = cursor.map(|cursor| next_page(uri, &cursor));
        Ok(linked(Answer::prepared("text/csv; charset=utf-8", csv(&items)), next.as_deref()).public())
    }
}

impl PrefixListParams {
    /// The page and the cursor of the next. The data is fixed when the program is built, so a place in the
    /// filtered sequence is a stable cursor.
    fn page(&self) -> Result<(Vec<Prefix>, Option<String>), Problem> {
        let wrong = |_| Problem::unusable("after", "must be a cursor that this list made");
        let skip: usize =
            self.after.clone().map_or(Ok(0), |after| String::from(after).parse()).map_err(wrong)?;
        let limit = Limit::or_default(self.limit) as usize;
        let groups = prefixes::embedded().iter().filter(|group| self.wants(group));
        let all = groups.flat_map(|group| group.prefixes.iter().map(move |prefix| (group, prefix)));
        let mut rest = all.filter(|(_, prefix)| self.wants_family(prefix)).skip(skip);
        let items = rest.by_ref().take(limit).map(|(group, prefix)| view(group, prefix)).collect();
        let next = rest.next().map(|_| (skip + limit).to_string());
        Ok((items, next))
    }

    fn wants(&self, group: &PrefixGroup) -> bool {
        self.cdn.as_ref().is_none_or(|cdn| *cdn == group.cdn)
            && self.asn.is_none_or(|asn| group.asn == Some(asn))
            && self.kind.is_none_or(|kind| kind == group.kind)
    }

    fn wants_family(&self, prefix: &IpNet) -> bool {
        match self.family {
            None => true,
            Some(Family::Ipv4) => matches!(prefix, IpNet::V4(_)),
            Some(Family::Ipv6) => matches!(prefix, IpNet::V6(_)),
        }
    }
}

fn view(group: &PrefixGroup, prefix: &IpNet) -> Prefix {
    Prefix {
        prefix: prefix.to_string(),
        cdn: group.cdn.clone(),
        asn: group.asn,
        kind: group.kind,
        source: group.source.to_string(),
        observed: group.observed.to_string(),
    }
}

/// RFC 4180, with a header line.
fn csv(items: &[Prefix]) -> String {
    let mut text = String::from("prefix,cdn,asn,kind,source,observed\r\n");
    for item in items {
        let asn = item.asn.map(|asn| asn.0.to_string()).unwrap_or_default();
        let fields = [&item.prefix, item.cdn.as_str(), &asn, &word(&item.kind), &item.source, &item.observed];
        let quoted = fields.map(quoted);
        let _ = write!(text, "{}\r\n", quoted.join(","));
    }
    text
}

fn quoted(field: &str) -> String {
    if field.contains(['"', ',', '\r', '\n']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}
