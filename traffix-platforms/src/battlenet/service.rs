//! Asking the patch service and the CDNs behind it.

use bytes::Bytes;

use super::blte;
use super::config::{BuildConfig, FileRef};
use super::download::DownloadManifest;
use super::encoding::EncodingTable;
use super::error::TactError;
use super::key::{ConfigKey, EncodingKey};
use super::patch::PatchManifest;
use super::tables::{Cdn, Cdns, Summary, Versions};
use super::{ID, INTERFACE, REGION};
use crate::PlatformError;
use crate::upstream::{Call, Fetched, Request, Upstream};

/// Tables change when a build goes live: to see that to the minute, they are asked every minute.
const TABLE_FRESH_SECS: u32 = 60;
/// What is named by its digest never changes; how long it is kept is a question of space only.
const FILE_FRESH_SECS: u32 = 7 * 86_400;
/// Hosts of a region that are asked for a file before giving up.
const MAX_HOSTS: usize = 3;
/// Largest text of the configuration: recorded ones have up to 90 kB.
const MAX_CONFIG_BYTES: u64 = 4 << 20;
/// Largest manifest on the wire and unpacked: the largest recorded one has 62 MB, 73 MB unpacked.
const MAX_MANIFEST_BYTES: u64 = 512 << 20;
/// Largest encoding table that is fetched to know what patches save: that of a large title, 183 MB, is not worth it.
const MAX_ENCODING_BYTES: u64 = 64 << 20;

/// The forms in which the tables can be asked. The same bytes come over a protocol of its own on port 1119, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interface {
    /// `https://{region}.version.battle.net/v2/products/{product}/{table}` and `…/v2/summary`.
    HttpsV2,
    /// `http://{region}.patch.battle.net:1119/{product}/{table}`: older, unencrypted, without a summary.
    Http,
}

impl Interface {
    /// The request for a table of a product: `versions`, `cdns` or `bgdl`.
    ///
    /// ```
    /// use traffix_platforms::battlenet::Interface;
    /// let https = Interface::HttpsV2.table("wow", "versions");
    /// assert_eq!(https.url.as_str(), "https://us.version.battle.net/v2/products/wow/versions");
    /// let http = Interface::Http.table("wow", "versions");
    /// assert_eq!(http.url.as_str(), "http://us.patch.battle.net:1119/wow/versions");
    /// ```
    pub fn table(self, product: &str, table: &str) -> Request {
        let base = match self {
            Self::HttpsV2 => Request::get("https://us.version.battle.net/v2/products"),
            Self::Http => Request::get("http://us.patch.battle.net:1119"),
        };
        base.segment(product).segment(table).fresh_for(TABLE_FRESH_SECS)
    }
}

/// When which table of which product changed.
///
/// # Errors
/// As [`Call::bytes`].
pub async fn summary(up: &dyn Upstream) -> Result<Fetched<Summary>, PlatformError> {
    let call = Call::new(ID, "summary", up);
    let request = Request::get("https://us.version.battle.net/v2/summary").fresh_for(TABLE_FRESH_SECS);
    let fetched = call.bytes(request).await?;
    parsed(&call, fetched, Summary::parse)
}

/// The builds of a product that are live.
///
/// # Errors
/// As [`Call::bytes`]; [`PlatformError::NotFound`] if there is no such product.
pub async fn versions(up: &dyn Upstream, product: &str) -> Result<Fetched<Versions>, PlatformError> {
    let call = Call::new(ID, "versions", up);
    match table(&call, product, "versions").await? {
        Some(fetched) => parsed(&call, fetched, Versions::parse),
        None => Err(call.not_found(product)),
    }
}

/// The builds of a product that are downloaded ahead, if the service has such a table for it.
///
/// # Errors
/// As [`Call::bytes`].
pub async fn background(
    up: &dyn Upstream,
    product: &str,
) -> Result<Option<Fetched<Versions>>, PlatformError> {
    let call = Call::new(ID, "bgdl", up);
    let fetched = table(&call, product, "bgdl").await?;
    fetched.map(|fetched| parsed(&call, fetched, Versions::parse)).transpose()
}

/// The CDNs of a product.
///
/// # Errors
/// As [`Call::bytes`]; [`PlatformError::NotFound`] if there is no such product.
pub async fn cdns(up: &dyn Upstream, product: &str) -> Result<Fetched<Cdns>, PlatformError> {
    let call = Call::new(ID, "cdns", up);
    match table(&call, product, "cdns").await? {
        Some(fetched) => parsed(&call, fetched, Cdns::parse),
        None => Err(call.not_found(product)),
    }
}

async fn table(call: &Call<'_>, product: &str, table: &str) -> Result<Option<Fetched<Bytes>>, PlatformError> {
    let is_code = |code: &str| code.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    if product.is_empty() || !is_code(product) {
        return Ok(None);
    }
    found(call.bytes(INTERFACE.table(product, table)).await)
}

/// Reads a table or a text.
fn parsed<T>(
    call: &Call<'_>,
    fetched: Fetched<Bytes>,
    parse: impl FnOnce(&str) -> Result<T, TactError>,
) -> Result<Fetched<T>, PlatformError> {
    let text = std::str::from_utf8(&fetched.value);
    let text = text.map_err(|error| call.malformed(format!("byte {}", error.valid_up_to()), "not UTF-8"))?;
    let value = parse(text).map_err(|error| malformed(call, &error))?;
    Ok(fetched.map(|_| value))
}

fn malformed(call: &Call<'_>, error: &TactError) -> PlatformError {
    call.malformed(error.place(), error.to_string())
}

/// Nothing instead of the error that there is no such thing.
fn found<T>(answer: Result<T, PlatformError>) -> Result<Option<T>, PlatformError> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(PlatformError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The files of a product on its CDNs.
pub(super) struct Store<'a> {
    up: &'a dyn Upstream,
    cdn: &'a Cdn,
}

/// A build that is known to the last file.
pub(super) struct Build {
    pub(super) config: Fetched<BuildConfig>,
    pub(super) download: Fetched<DownloadManifest>,
}

impl<'a> Store<'a> {
    /// Of the region that sizes are taken from; `None` if the product has no CDN.
    pub(super) fn new(up: &'a dyn Upstream, cdns: &'a Cdns) -> Option<Self> {
        cdns.of(REGION).map(|cdn| Self { up, cdn })
    }

    /// What the build of this key consists of. `None` if the CDNs no longer have it, or if its manifest is encrypted:
    /// the titles of some vendors are until their release.
    pub(super) async fn build(&self, key: ConfigKey) -> Result<Option<Build>, PlatformError> {
        let Some(config) = self.config(key).await? else { return Ok(None) };
        let Some(file) = config.value.download else { return Ok(None) };
        let call = Call::new(ID, "download manifest", self.up);
        let Some(unpacked) = self.manifest(&call, &file, MAX_MANIFEST_BYTES).await? else { return Ok(None) };
        let download = DownloadManifest::parse(unpacked.value.clone()).map_err(|e| malformed(&call, &e))?;
        Ok(Some(Build { config, download: unpacked.map(|_| download) }))
    }

    async fn config(&self, key: ConfigKey) -> Result<Option<Fetched<BuildConfig>>, PlatformError> {
        let call = Call::new(ID, "build config", self.up);
        let Some(text) = self.file(&call, "config", &key.to_string(), MAX_CONFIG_BYTES).await? else {
            return Ok(None);
        };
        if ConfigKey::of(&text.value) != key {
            return Err(call.malformed("digest", format!("the text is not the one that {key} names")));
        }
        parsed(&call, text, BuildConfig::parse).map(Some)
    }

    /// What the patches of a build save, as far as it is worth its bytes to know.
    pub(super) async fn patches(&self, config: &BuildConfig) -> Result<Option<PatchManifest>, PlatformError> {
        let Some(key) = config.patch else { return Ok(None) };
        let call = Call::new(ID, "patch manifest", self.up);
        let limit = limit(config.patch_bytes, MAX_MANIFEST_BYTES);
        let Some(file) = self.file(&call, "patch", &key.to_string(), limit).await? else { return Ok(None) };
        let manifest = PatchManifest::parse(&file.value).map_err(|error| malformed(&call, &error))?;
        if manifest.key != key {
            return Err(call.malformed("digest", format!("the manifest is not the one that {key} names")));
        }
        Ok(Some(manifest))
    }

    /// The encoding table of a build, unless it is large.
    pub(super) async fn encoding(
        &self,
        config: &BuildConfig,
    ) -> Result<Option<EncodingTable>, PlatformError> {
        let small = |file: &FileRef| file.encoded_bytes.is_some_and(|bytes| bytes <= MAX_ENCODING_BYTES);
        let Some(file) = config.encoding.filter(small) else { return Ok(None) };
        let call = Call::new(ID, "encoding table", self.up);
        let Some(unpacked) = self.manifest(&call, &file, MAX_MANIFEST_BYTES).await? else { return Ok(None) };
        EncodingTable::parse(unpacked.value).map(Some).map_err(|error| malformed(&call, &error))
    }

    /// A packed file, checked and unpacked; `None` if it is gone or encrypted.
    async fn manifest(
        &self,
        call: &Call<'_>,
        file: &FileRef,
        max_bytes: u64,
    ) -> Result<Option<Fetched<Bytes>>, PlatformError> {
        let Some(key) = file.encoding else { return Ok(None) };
        let limit_bytes = limit(file.encoded_bytes, max_bytes);
        let Some(packed) = self.file(call, "data", &key.to_string(), limit_bytes).await? else {
            return Ok(None);
        };
        match unpack(&packed.value, key, limit(file.decoded_bytes, max_bytes)) {
            Ok(unpacked) => Ok(Some(packed.map(|_| unpacked))),
            Err(TactError::Encrypted { .. }) => {
                tracing::debug!(%key, "a manifest is encrypted");
                Ok(None)
            }
            Err(error) => Err(malformed(call, &error)),
        }
    }

    /// A file from the first host that has it; `None` if none has.
    async fn file(
        &self,
        call: &Call<'_>,
        folder: &str,
        key: &str,
        limit_bytes: u64,
    ) -> Result<Option<Fetched<Bytes>>, PlatformError> {
        let mut failure = None;
        for host in self.cdn.hosts.iter().take(MAX_HOSTS) {
            let request = self.request(call, host, folder, key)?.body_limit(limit_bytes);
            match found(call.bytes(request).await) {
                Ok(Some(file)) => return Ok(Some(file)),
                Ok(None) => {}
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        failure.map_or(Ok(None), Err)
    }

    /// `http://{host}/{path}/{folder}/{first two digits}/{next two}/{key}`. Over HTTP, as clients do it and as all hosts
    /// offer it: digests vouch for what comes.
    fn request(
        &self,
        call: &Call<'_>,
        host: &str,
        folder: &str,
        key: &str,
    ) -> Result<Request, PlatformError> {
        let mut request = Request::get("http://cdn.blizzard.com/");
        if let Err(error) = request.url.set_host(Some(host)) {
            return Err(call.malformed("Hosts", format!("{host:?} is no host: {error}")));
        }
        for part in self.cdn.path.split('/') {
            request = request.segment(part);
        }
        let (first, second) = (key.get(..2).unwrap_or_default(), key.get(2..4).unwrap_or_default());
        Ok(request.segment(folder).segment(first).segment(second).segment(key).fresh_for(FILE_FRESH_SECS))
    }
}

fn unpack(packed: &[u8], key: EncodingKey, limit_bytes: u64) -> Result<Bytes, TactError> {
    blte::verify(packed, key)?;
    blte::decode(packed, limit_bytes).map(Bytes::from)
}

/// What the build config announces, within reason.
fn limit(announced_bytes: Option<u64>, max_bytes: u64) -> u64 {
    announced_bytes.unwrap_or(max_bytes).min(max_bytes)
}
