//! Property lists: the old list of packages and the catalogue of macOS installers.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use plist::Value;
use quick_xml::Reader;
use quick_xml::events::Event;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::ID;
use super::package::UpdatePackage;
use crate::PlatformError;
use crate::upstream::{Call, Fetched, Request, Upstream};
use crate::wire::count;

/// Longest list accepted: the one of installers has 20 MB.
const BODY_LIMIT_BYTES: u64 = 64 * 1024 * 1024;
/// Elements within elements; real lists have nine.
const MAX_DEPTH: usize = 32;

/// The assets of a list, as property list or as JSON.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Assets {
    pub(super) assets: Vec<Asset>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Asset {
    build: String,
    #[serde(rename = "OSVersion")]
    os_version: Option<String>,
    prerequisite_build: Option<String>,
    supported_devices: Vec<String>,
    #[serde(rename = "_DownloadSize", deserialize_with = "count")]
    download_size: Option<u64>,
}

impl From<Asset> for UpdatePackage {
    fn from(asset: Asset) -> Self {
        Self {
            build: asset.build,
            version: asset.os_version,
            from_build: asset.prerequisite_build.filter(|build| !build.is_empty()),
            devices: asset.supported_devices,
            wire_bytes: asset.download_size.filter(|bytes| *bytes > 0),
        }
    }
}

/// The packages of systems up to iOS 12: the list still answers and no longer grows.
///
/// # Errors
/// As every request.
pub async fn old_packages(up: &dyn Upstream) -> Result<Fetched<Vec<UpdatePackage>>, PlatformError> {
    let address = "https://mesu.apple.com/assets/com_apple_MobileAsset_SoftwareUpdate/com_apple_MobileAsset_SoftwareUpdate.xml";
    let request = Request::get(address).body_limit(BODY_LIMIT_BYTES).fresh_for(86_400);
    let found: Fetched<Assets> = read(up, "mesu", request).await?;
    Ok(found.map(|found| found.assets.into_iter().map(UpdatePackage::from).collect()))
}

/// A full installer of macOS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installer {
    /// Apple's number of the product: `093-37399`.
    pub product: String,
    /// When it was posted.
    pub posted_at: Option<DateTime<Utc>>,
    /// Bytes of its packages together; `None` unless every package has a size.
    pub wire_bytes: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Catalog {
    products: BTreeMap<String, Product>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Product {
    post_date: Option<plist::Date>,
    packages: Vec<Package>,
    extended_meta_info: MetaInfo,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Package {
    #[serde(deserialize_with = "count")]
    size: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct MetaInfo {
    install_assistant_package_identifiers: Option<Value>,
}

/// The installers of macOS in the catalogue `list`, which is named after the systems that read it
/// (`15-14-13-12-10.16-10.15`), oldest first. Which version a product holds is not in it.
///
/// # Errors
/// As every request.
pub async fn installers(up: &dyn Upstream, list: &str) -> Result<Fetched<Vec<Installer>>, PlatformError> {
    let request = Request::get("https://swscan.apple.com/content/catalogs/others")
        .segment(format!("index-{list}.merged-1.sucatalog"))
        .body_limit(BODY_LIMIT_BYTES)
        .fresh_for(21_600);
    let found: Fetched<Catalog> = read(up, "sucatalog", request).await?;
    Ok(found.map(|catalog| {
        let full =
            |product: &Product| product.extended_meta_info.install_assistant_package_identifiers.is_some();
        let products = catalog.products.into_iter().filter(|(_, product)| full(product));
        let mut installers: Vec<_> = products
            .map(|(id, product)| Installer {
                product: id,
                posted_at: product.post_date.map(|date| std::time::SystemTime::from(date).into()),
                wire_bytes: total(&product.packages),
            })
            .collect();
        installers.sort_by_key(|installer| installer.posted_at);
        installers
    }))
}

fn total(packages: &[Package]) -> Option<u64> {
    let mut sizes = packages.iter().map(|package| package.size);
    sizes.try_fold(0_u64, |sum, size| sum.checked_add(size?)).filter(|bytes| *bytes > 0)
}

async fn read<T: DeserializeOwned>(
    up: &dyn Upstream,
    operation: &'static str,
    request: Request,
) -> Result<Fetched<T>, PlatformError> {
    let call = Call::new(ID, operation, up);
    let fetched = call.bytes(request).await?;
    let value = parse(&fetched.value).map_err(|detail| call.malformed("property list", detail))?;
    Ok(fetched.map(|_| value))
}

/// Reads the XML form; the depth is checked before, because the reader works by recursion.
pub(super) fn parse<T: DeserializeOwned>(xml: &[u8]) -> Result<T, String> {
    if !is_shallow(xml)? {
        return Err(format!("more than {MAX_DEPTH} elements within each other"));
    }
    plist::from_reader_xml(xml).map_err(|error| error.to_string())
}

fn is_shallow(xml: &[u8]) -> Result<bool, String> {
    let mut reader = Reader::from_reader(xml);
    let (mut buffer, mut depth) = (Vec::new(), 0_usize);
    loop {
        match reader.read_event_into(&mut buffer).map_err(|error| error.to_string())? {
            Event::Start(_) if depth == MAX_DEPTH => return Ok(false),
            Event::Start(_) => depth += 1,
            Event::End(_) => depth = depth.saturating_sub(1),
            Event::Eof => return Ok(true),
            _ => {}
        }
        buffer.clear();
    }
}
