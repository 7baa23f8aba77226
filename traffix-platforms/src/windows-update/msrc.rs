//! The Microsoft Security Response Center: which months, which articles, which builds.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDateTime, Utc};
use quick_xml::Reader;
use quick_xml::events::Event;
use serde::Deserialize;
use url::Url;

use super::ID;
use crate::PlatformError;
use crate::upstream::{Call, Fetched, Method, Request, Upstream};

/// Longest document accepted; those of large months have 20 MB.
const BODY_LIMIT_BYTES: u64 = 64 * 1024 * 1024;
/// Pages of the deployment list that are followed, of 500 rows each.
const MAX_PAGES: usize = 20;
const HOST: &str = "api.msrc.microsoft.com";

/// The list of months.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Updates {
    #[serde(default)]
    pub(super) value: Vec<Update>,
}

/// One month.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Update {
    #[serde(rename = "ID")]
    pub(super) id: String,
    pub(super) document_title: Option<String>,
    pub(super) initial_release_date: Option<DateTime<Utc>>,
    pub(super) current_release_date: Option<DateTime<Utc>>,
}

pub(super) async fn updates(up: &dyn Upstream) -> Result<Fetched<Vec<Update>>, PlatformError> {
    let request = Request::get("https://api.msrc.microsoft.com/cvrf/v3.0/updates")
        .header("accept", "application/json")
        .fresh_for(3_600);
    let found: Fetched<Updates> = Call::new(ID, "msrc/updates", up).json(request).await?;
    Ok(found.map(|found| found.value))
}

/// What a month's document says about one product: which article fixes it, by which build. Who found the hole is in
/// the document too and is not read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Remediation {
    /// Number of the knowledge base article, without `KB`.
    pub article: String,
    /// The build that has the fix.
    pub fixed_build: Option<String>,
    /// The article that this one replaces.
    pub supersedes: Option<String>,
    /// `Security Update`, `Monthly Rollup`.
    pub sub_type: Option<String>,
    /// Names of the products.
    pub products: Vec<String>,
}

/// A month's document, of which only this is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SecurityDocument {
    /// `March 2024 Security Updates`.
    pub title: Option<String>,
    /// When it was first published.
    pub released_at: Option<DateTime<Utc>>,
    /// Fixes with an article, each once.
    pub remediations: Vec<Remediation>,
}

/// The document of a month such as `2024-Mar`.
///
/// # Errors
/// [`PlatformError::NotFound`] if there is none, [`PlatformError::Malformed`] if it is not the XML of a document.
pub async fn security_document(
    up: &dyn Upstream,
    id: &str,
) -> Result<Fetched<SecurityDocument>, PlatformError> {
    let call = Call::new(ID, "msrc/cvrf", up);
    let request = Request::get("https://api.msrc.microsoft.com/cvrf/v3.0/cvrf")
        .segment(id)
        .header("accept", "application/xml")
        .body_limit(BODY_LIMIT_BYTES)
        .fresh_for(21_600);
    let fetched = call.bytes(request).await?;
    let document =
        parse(&fetched.value).map_err(|(at, detail)| call.malformed(format!("byte {at}"), detail))?;
    Ok(fetched.map(|_| document))
}

/// Reads a document element by element: most of it is prose that is passed over.
pub(super) fn parse(xml: &[u8]) -> Result<SecurityDocument, (u64, String)> {
    let mut reader = Reader::from_reader(xml);
    let mut state = State::default();
    let mut buffer = Vec::new();
    loop {
        let event = reader.read_event_into(&mut buffer);
        let at = reader.buffer_position();
        match event.map_err(|error| (at, error.to_string()))? {
            Event::Start(tag) => {
                let product = tag.try_get_attribute("ProductID").ok().flatten();
                let product = product.map(|id| id.value.into_owned());
                state.open(tag.local_name().as_ref(), product);
            }
            Event::Text(text) => state.text.push_str(&text),
            Event::End(tag) => state.close(tag.local_name().as_ref()),
            Event::Eof => break,
            _ => {}
        }
        buffer.clear();
    }
    if !state.is_document {
        return Err((0, "not a cvrfdoc".into()));
    }
    Ok(state.finish())
}

/// What has been read so far.
#[derive(Default)]
struct State {
    is_document: bool,
    title: Option<String>,
    released_at: Option<DateTime<Utc>>,
    /// Product names by identifier.
    names: BTreeMap<String, String>,
    /// Identifiers of products by what else is said about them.
    found: BTreeMap<(String, Option<String>), Remediation>,
    /// The remediation that is open.
    open: Option<Remediation>,
    /// Identifier of the product whose name is open.
    product: Option<String>,
    text: String,
}

impl State {
    fn open(&mut self, name: &str, product: Option<String>) {
        self.text.clear();
        match name {
            "cvrfdoc" => self.is_document = true,
            "Remediation" => self.open = Some(Remediation::default()),
            "FullProductName" => self.product = product,
            _ => {}
        }
    }

    fn close(&mut self, name: &str) {
        let text = std::mem::take(&mut self.text).trim().to_owned();
        match (name, &mut self.open) {
            ("Remediation", _) => self.keep(),
            ("Description", Some(open)) => open.article = text,
            ("Supercedence", Some(open)) => open.supersedes = Some(text).filter(|text| !text.is_empty()),
            ("FixedBuild", Some(open)) => open.fixed_build = Some(text).filter(|text| !text.is_empty()),
            ("SubType", Some(open)) => open.sub_type = Some(text).filter(|text| !text.is_empty()),
            ("ProductID", Some(open)) => open.products.push(text),
            ("DocumentTitle", None) => self.title = Some(text),
            ("InitialReleaseDate", None) => self.released_at = instant(&text),
            ("FullProductName", None) => {
                if let Some(id) = self.product.take() {
                    self.names.insert(id, text);
                }
            }
            _ => {}
        }
    }

    /// Keeps the open remediation if it names an article; the same article comes once for every hole it closes.
    fn keep(&mut self) {
        let Some(open) = self.open.take() else { return };
        if !is_article(&open.article) {
            return;
        }
        let key = (open.article.clone(), open.fixed_build.clone());
        match self.found.get_mut(&key) {
            Some(known) => known.products.extend(open.products),
            None => drop(self.found.insert(key, open)),
        }
    }

    fn finish(self) -> SecurityDocument {
        let names = &self.names;
        let named = |id: &String| names.get(id).cloned();
        let remediations = self.found.into_values().map(|mut fix| {
            fix.products.sort_unstable();
            fix.products.dedup();
            fix.products = fix.products.iter().filter_map(named).collect();
            fix
        });
        SecurityDocument {
            title: self.title,
            released_at: self.released_at,
            remediations: remediations.collect(),
        }
    }
}

/// Six to eight digits.
pub(super) fn is_article(text: &str) -> bool {
    (6..=8).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Dates come with and without `Z`.
fn instant(text: &str) -> Option<DateTime<Utc>> {
    let plain = text.trim_end_matches('Z');
    NaiveDateTime::parse_from_str(plain, "%Y-%m-%dT%H:%M:%S").ok().map(|at| at.and_utc())
}

/// Which article fixes which product, as the update guide lists it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Deployment {
    /// Number of the knowledge base article, without `KB`.
    #[serde(rename = "articleName")]
    pub article: Option<String>,
    /// Name of the product.
    pub product: Option<String>,
    /// The article that this one replaces.
    #[serde(rename = "supercedence")]
    pub supersedes: Option<String>,
    /// `Yes`, `No` or `Maybe`.
    pub reboot_required: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Deployments {
    value: Vec<Deployment>,
    #[serde(rename = "@odata.nextLink")]
    next: Option<String>,
}

/// Which article fixes which product in the month `2024-Mar`, from the update guide: the same as the
/// [document](security_document) in a tenth of the bytes, without builds.
///
/// # Errors
/// As every request; [`PlatformError::Malformed`] if the list leads to another host.
pub async fn deployments(up: &dyn Upstream, month: &str) -> Result<Vec<Deployment>, PlatformError> {
    let call = Call::new(ID, "msrc/deployment", up);
    // A quote would end the text of the filter.
    let month = month.replace('\'', "");
    let address = "https://api.msrc.microsoft.com/sug/v2.0/sugodata/v2.0/en-US/deployment";
    let mut request = Request::get(address).query("$filter", format!("releaseNumber eq '{month}'"));
    let mut all = Vec::new();
    for _ in 0..MAX_PAGES {
        let page: Deployments = call.json(request).await?.value;
        all.extend(page.value);
        let Some(next) = page.next else { break };
        let next =
            Url::parse(&next).ok().filter(|url| url.scheme() == "https" && url.host_str() == Some(HOST));
        let next = next.ok_or_else(|| call.malformed("@odata.nextLink", "leads to another host"))?;
        request = Request::to(Method::Get, next);
    }
    Ok(all)
}
