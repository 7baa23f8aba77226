//! Title updates: which versions a title has, and how large their packages are.

use serde::Deserialize;
use url::Url;

use super::ID;
use super::title_id::{Console, TitleId};
use crate::PlatformError;
use crate::upstream::{Call, Fetched, Method, Placement, Request, Upstream};
use crate::wire::count;

/// Packages of one document whose manifests are read; documents of the PlayStation 4 have one or two.
const MAX_MANIFESTS: usize = 4;
/// Sony's servers for packages and their manifests.
const DELIVERY: &str = ".dl.playstation.net";

/// The updates of a title.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TitleUpdates {
    /// `CUSA00001`.
    pub title_id: String,
    /// Name of the title, if a package tells it.
    pub title: Option<String>,
    /// Whether every package holds all earlier ones; else they are installed one after the other.
    pub cumulative: bool,
    /// The packages in the order of the document, which is that of versions.
    pub packages: Vec<UpdatePackage>,
}

/// One package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpdatePackage {
    /// `01.33`.
    pub version: String,
    /// Bytes on the wire.
    pub wire_bytes: Option<u64>,
    /// The system software that it needs, as written.
    pub system_version: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Document {
    #[serde(rename = "@titleid")]
    title_id: String,
    #[serde(rename = "@status")]
    status: Option<String>,
    #[serde(default)]
    tag: Vec<Tag>,
}

#[derive(Debug, Deserialize)]
struct Tag {
    #[serde(default)]
    package: Vec<Package>,
}

#[derive(Debug, Deserialize)]
struct Package {
    #[serde(rename = "@version")]
    version: String,
    #[serde(rename = "@size", default, deserialize_with = "count")]
    size: Option<u64>,
    #[serde(rename = "@manifest_url")]
    manifest_url: Option<String>,
    #[serde(rename = "@ps3_system_ver", alias = "@psp2_system_ver", alias = "@system_ver")]
    system_version: Option<String>,
    paramsfo: Option<Params>,
}

#[derive(Debug, Deserialize)]
struct Params {
    #[serde(rename = "TITLE", alias = "title")]
    title: Option<String>,
}

/// The pieces of a package.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Manifest {
    #[serde(deserialize_with = "count")]
    original_file_size: Option<u64>,
    pieces: Vec<Piece>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Piece {
    #[serde(deserialize_with = "count")]
    file_size: Option<u64>,
}

impl Manifest {
    /// The pieces together; if one has no size, what the package states.
    fn bytes(&self) -> Option<u64> {
        let mut sizes = self.pieces.iter().map(|piece| piece.file_size);
        let pieces = sizes.try_fold(0_u64, |sum, size| sum.checked_add(size?)).filter(|bytes| *bytes > 0);
        pieces.or(self.original_file_size.filter(|bytes| *bytes > 0))
    }
}

/// The updates of a title of the PlayStation 3, 4 or Vita, such as `BCES00850`.
///
/// The path of a document holds a code under a key: of the PlayStation 4 the credential is `playstation-ps4`, of the
/// Vita `playstation-vita`; the documents of the PlayStation 3 need none.
///
/// # Errors
/// [`PlatformError::NotFound`] if the title has no updates, or cannot have a document.
pub async fn title_updates(
    up: &dyn Upstream,
    title_id: &str,
) -> Result<Fetched<TitleUpdates>, PlatformError> {
    let call = Call::new(ID, "title update", up);
    let title = TitleId::parse(title_id).ok_or_else(|| call.not_found(title_id))?;
    let request = request(title).ok_or_else(|| call.not_found(title_id))?;
    let fetched = call.bytes(request.fresh_for(3_600)).await?;
    let document = parse(&fetched.value).map_err(|detail| call.malformed("titlepatch", detail))?;
    if document.status.as_deref() == Some("notfound") {
        return Err(call.not_found(title_id));
    }
    if document.title_id != title_id {
        return Err(call.malformed("titlepatch.titleid", document.title_id));
    }
    let mut packages: Vec<Package> = document.tag.into_iter().flat_map(|tag| tag.package).collect();
    measure(up, &mut packages).await?;
    let names = packages.iter().filter_map(|package| package.paramsfo.as_ref()?.title.clone());
    let name = names.map(|name| name.trim().to_owned()).rfind(|name| !name.is_empty());
    let packages = packages.into_iter().map(|package| UpdatePackage {
        version: package.version,
        wire_bytes: package.size.filter(|bytes| *bytes > 0),
        system_version: package.system_version,
    });
    let updates = TitleUpdates {
        title_id: document.title_id,
        title: name,
        cumulative: title.console == Console::Ps4,
        packages: packages.filter(|package| !package.version.trim().is_empty()).collect(),
    };
    Ok(fetched.map(|_| updates))
}

fn request(title: TitleId<'_>) -> Option<Request> {
    let file = format!("{}-ver.xml", title.text);
    let message = || Placement::HmacSha256Path(format!("np_{}", title.text));
    let keyed = |address| Request::get(address).segment(title.text).segment("{hmac}").segment(&file);
    Some(match title.console {
        Console::Ps3 => {
            Request::get("https://a0.ww.np.dl.playstation.net/tpl/np").segment(title.text).segment(&file)
        }
        Console::Vita => {
            keyed("http://gs-sec.ww.np.dl.playstation.net/pl/np").credential("playstation-vita", message())
        }
        Console::Ps4 => {
            keyed("http://gs-sec.ww.np.dl.playstation.net/plo/np").credential("playstation-ps4", message())
        }
        Console::Ps5 => return None,
    })
}

pub(super) fn parse(xml: &[u8]) -> Result<Document, String> {
    let text = std::str::from_utf8(xml).map_err(|error| error.to_string())?;
    quick_xml::de::from_str(text).map_err(|error| error.to_string())
}

/// Reads the manifests of packages without a size.
async fn measure(up: &dyn Upstream, packages: &mut [Package]) -> Result<(), PlatformError> {
    let call = Call::new(ID, "update manifest", up);
    let unmeasured = packages.iter_mut().filter(|package| package.size.is_none());
    for package in unmeasured.take(MAX_MANIFESTS) {
        let Some(address) = &package.manifest_url else { continue };
        let own = |url: &Url| url.host_str().is_some_and(|host| host.ends_with(DELIVERY));
        let url = Url::parse(address).ok().filter(own);
        let url = url.ok_or_else(|| call.malformed("manifest_url", "not on a server of Sony's"))?;
        let manifest: Fetched<Manifest> = call.json(Request::to(Method::Get, url).fresh_for(86_400)).await?;
        package.size = manifest.value.bytes();
    }
    Ok(())
}
