//! The service tags of Azure: a weekly file whose address is on a page.

use scraper::{Html, Selector};
use serde::Deserialize;
use url::Url;

use super::{BODY_LIMIT_BYTES, ID, get, group, parse, text};
use crate::PlatformError;
use crate::prefixes::PrefixGroup;
use crate::upstream::{Call, Method, Request, Upstream};

/// The page that names the file of the week.
const PAGE: &str = "https://www.microsoft.com/en-us/download/details.aspx?id=56519";

/// Service tags that deliver, and the networks they are in the registry.
const TAGS: [(&str, &str); 3] = [
    ("AzureFrontDoor.Frontend", "azure-front-door"),
    ("AzureFrontDoor.FirstParty", "azure-front-door-first-party"),
    ("AzureUpdateDelivery", "azure-update-delivery"),
];

#[derive(Deserialize)]
struct Tags {
    values: Vec<Tag>,
}

#[derive(Deserialize)]
struct Tag {
    name: String,
    properties: Properties,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Properties {
    #[serde(default)]
    address_prefixes: Vec<String>,
}

/// The delivery networks among the service tags of Azure; tags that the file lacks are left out.
///
/// # Errors
/// [`PlatformError::Malformed`] if the page names no file or the file has a mistake, or [`PlatformError::Upstream`].
pub async fn azure(up: &dyn Upstream) -> Result<Vec<PrefixGroup>, PlatformError> {
    let call = Call::new(ID, "azure", up);
    let page = call.bytes(get(PAGE)).await?;
    let file = file_in(text(&call, &page.value)?)
        .ok_or_else(|| call.malformed(PAGE, "names no file of service tags"))?;
    let request = Request::to(Method::Get, file).body_limit(BODY_LIMIT_BYTES).fresh_for(86_400);
    let fetched = call.json::<Tags>(request).await?;
    let mut groups = Vec::new();
    for (tag, cdn) in TAGS {
        if let Some(found) = fetched.value.values.iter().find(|value| value.name == tag) {
            let entries = found.properties.address_prefixes.iter().map(String::as_str);
            groups.push(group(cdn, parse(&call, entries)?, &fetched));
        }
    }
    if groups.is_empty() {
        Err(call.malformed("values", "none of the tags that deliver"))
    } else {
        Ok(groups)
    }
}

/// The first link to a file of service tags at Microsoft's download host.
fn file_in(page: &str) -> Option<Url> {
    let links = Selector::parse("a[href]").ok()?;
    let page = Html::parse_document(page);
    let urls = page.select(&links).filter_map(|link| Url::parse(link.attr("href")?).ok());
    let is_file = |url: &Url| {
        let name = url.path_segments().and_then(|mut path| path.next_back()).unwrap_or_default();
        let own = url.scheme() == "https" && url.host_str() == Some("download.microsoft.com");
        own && name
            .strip_prefix("ServiceTags_Public_")
            .is_some_and(|rest| rest.strip_suffix(".json").is_some())
    };
    urls.into_iter().find(is_file)
}
