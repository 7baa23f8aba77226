//! The content system: builds, depots and the chunks that a client downloads for them.

use std::collections::{BTreeSet, HashSet};
use std::io::Read;

use chrono::{DateTime, Utc};
use flate2::read::ZlibDecoder;
use serde::de::DeserializeOwned;
use traffix_core::catalogue::{Build, ByteRange, DownloadSize};
use traffix_core::{Bytes, Evidence, Fact};
use url::Url;

use super::ID;
use super::wire::{BuildItem, Builds, Depot, DepotChunk, DepotManifest, MetaBuild, OldManifest, Repository};
use crate::upstream::{Call, Fetched, Method, Request, Upstream};
use crate::{PlatformError, UpdateSize};

const BUILDS: &str = "https://content-system.gog.com/products";
const META: &str = "https://cdn.gog.com/content-system/v2/meta";
/// Largest document after decompression. Assumed: several times those of the largest games.
const LIMIT_BYTES: u64 = 256 * 1024 * 1024;
/// Most depots of a build that are read one by one. Assumed: games have some tens, by language and system.
const MAX_DEPOTS: usize = 256;
/// A document under a hash never changes.
const FRESH_SECS: u32 = 30 * 86_400;

/// Public builds of the main branch, oldest first.
pub(super) async fn builds(
    up: &dyn Upstream,
    product: u64,
    system: &str,
) -> Result<Fetched<Vec<BuildItem>>, PlatformError> {
    let call = Call::new(ID, "builds", up);
    let request = Request::get(BUILDS)
        .segment(product)
        .segment("os")
        .segment(system)
        .segment("builds")
        .query("generation", 2)
        .fresh_for(900);
    let builds = call.json::<Builds>(request).await?;
    Ok(builds.map(|builds| {
        let mut items = builds.items;
        items.retain(|item| item.public != Some(false) && item.branch.is_none());
        items.sort_by_key(live_at);
        items
    }))
}

pub(super) fn build(item: &BuildItem) -> Build {
    let version = item.version_name.clone().filter(|name| !name.is_empty());
    Build { id: item.build_id.clone(), version, live_at: live_at(item) }
}

fn live_at(item: &BuildItem) -> Option<DateTime<Utc>> {
    super::instant(item.date_published.as_deref()?)
}

/// Sizes of a build by language, the ordinary one first; empty if the build says nothing.
pub(super) async fn sizes(
    up: &dyn Upstream,
    item: &BuildItem,
    evidence: &Evidence,
) -> Result<Vec<DownloadSize>, PlatformError> {
    match (item.generation, &item.link) {
        (Some(1), Some(link)) => Ok(old_sizes(&repository(up, link).await?, evidence)),
        (_, Some(link)) => {
            let meta = meta_build(up, link).await?;
            let stated = own_depots(&meta).all(|depot| depot.compressed_size.is_some());
            let chunks = if stated { Vec::new() } else { ordinary_chunks(up, &meta).await? };
            Ok(new_sizes(&meta, &chunks, evidence))
        }
        (_, None) => Ok(Vec::new()),
    }
}

/// Bytes on the wire from one build to another: the chunks that the older build lacks. `None` if one of them is of
/// generation 1, whose files are not cut into chunks.
pub(super) async fn update(
    up: &dyn Upstream,
    old: &BuildItem,
    new: &BuildItem,
) -> Result<Option<UpdateSize>, PlatformError> {
    let (Some(old_link), Some(new_link)) = (&old.link, &new.link) else { return Ok(None) };
    if old.generation == Some(1) || new.generation == Some(1) {
        return Ok(None);
    }
    let old_chunks = ordinary_chunks(up, &meta_build(up, old_link).await?).await?;
    let new_chunks = ordinary_chunks(up, &meta_build(up, new_link).await?).await?;
    let held: HashSet<&str> = old_chunks.iter().map(|chunk| &*chunk.compressed_md5).collect();
    let added = new_chunks.iter().filter(|chunk| !held.contains(&*chunk.compressed_md5));
    let bytes = sum(added.map(|chunk| chunk.compressed_size));
    Ok(bytes.map(|bytes| UpdateSize { from: old.build_id.clone(), wire_bytes: ByteRange::exactly(bytes) }))
}

async fn meta_build(up: &dyn Upstream, link: &str) -> Result<MetaBuild, PlatformError> {
    document(&Call::new(ID, "meta", up), own_address("meta", link)?).await
}

async fn repository(up: &dyn Upstream, link: &str) -> Result<Repository, PlatformError> {
    document(&Call::new(ID, "repository", up), own_address("repository", link)?).await
}

/// Bytes on disk of the files that a manifest of generation 1 lists; `None` if it leaves one out.
///
/// # Errors
/// [`PlatformError`]; [`PlatformError::Malformed`] if `link` is not an address of GOG.
pub async fn old_depot_bytes(up: &dyn Upstream, link: &str) -> Result<Option<u64>, PlatformError> {
    let address = own_address("manifest", link)?;
    let manifest: OldManifest = document(&Call::new(ID, "manifest", up), address).await?;
    Ok(sum(manifest.depot.files.iter().map(|file| file.size)).map(|bytes| bytes.0))
}

/// An address that GOG told, if it is one of GOG's.
fn own_address(operation: &'static str, link: &str) -> Result<Url, PlatformError> {
    let own = |url: &Url| {
        let host = url.host_str().unwrap_or_default();
        url.scheme() == "https" && (host == "gog.com" || host.ends_with(".gog.com"))
    };
    Url::parse(link).ok().filter(own).ok_or_else(|| PlatformError::Malformed {
        platform: ID,
        operation,
        at: "link".into(),
        detail: "no https address of gog.com".into(),
    })
}

/// A document that is compressed on the wire.
async fn document<T: DeserializeOwned>(call: &Call<'_>, url: Url) -> Result<T, PlatformError> {
    let request = Request::to(Method::Get, url).body_limit(LIMIT_BYTES).fresh_for(FRESH_SECS);
    let body = call.bytes(request).await?.value;
    // Servers decompress for clients that do not say that they can.
    if body.trim_ascii_start().first().is_none_or(|first| matches!(first, b'{' | b'<')) {
        return call.parse_json(&body);
    }
    let mut text = Vec::new();
    let read = ZlibDecoder::new(&*body).take(LIMIT_BYTES + 1).read_to_end(&mut text);
    read.map_err(|error| call.malformed("the compressed body", error.to_string()))?;
    if text.len() as u64 > LIMIT_BYTES {
        return Err(call.malformed("the compressed body", format!("more than {LIMIT_BYTES} bytes")));
    }
    call.parse_json(&text)
}

/// The chunks of everything that a 64-bit client in English downloads, once for every use.
async fn ordinary_chunks(up: &dyn Upstream, build: &MetaBuild) -> Result<Vec<DepotChunk>, PlatformError> {
    let call = Call::new(ID, "depot", up);
    let language = ordinary_language(build);
    let mut chunks = Vec::new();
    let depots: Vec<&Depot> = own_depots(build).filter(|depot| fits(depot, language)).collect();
    if depots.len() > MAX_DEPOTS {
        return Err(call.malformed("depots", format!("{} fit one client", depots.len())));
    }
    for depot in depots {
        let hash = &*depot.manifest;
        if hash.len() != 32 || !hash.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(call.malformed("depots.manifest", "no hash of 32 hexadecimal digits"));
        }
        let request = Request::get(META).segment(&hash[..2]).segment(&hash[2..4]).segment(hash);
        let manifest: DepotManifest = document(&call, request.url).await?;
        chunks.extend(manifest.depot.items.into_iter().flat_map(|item| item.chunks));
    }
    Ok(chunks)
}

/// Depots of the product itself, not of its additions, for 64-bit systems.
fn own_depots(build: &MetaBuild) -> impl Iterator<Item = &Depot> {
    build.depots.iter().filter(|depot| {
        let own = depot.product_id.is_none() || depot.product_id == build.base_product_id;
        let bits = depot.os_bitness.as_ref();
        own && bits.is_none_or(|bits| bits.is_empty() || bits.iter().any(|bits| bits == "64"))
    })
}

fn fits(depot: &Depot, language: Option<&str>) -> bool {
    depot.languages.iter().any(|own| own == "*" || Some(&**own) == language)
}

/// English if there is English, else the first by name.
fn ordinary_language(build: &MetaBuild) -> Option<&str> {
    let all = languages(build);
    let english = all.iter().find(|language| language.split('-').next() == Some("en"));
    english.or(all.first()).copied()
}

fn languages(build: &MetaBuild) -> BTreeSet<&str> {
    own_depots(build)
        .flat_map(|depot| &depot.languages)
        .map(|language| &**language)
        .filter(|l| *l != "*")
        .collect()
}

/// The ordinary size from chunks where depots do not state compressed bytes; other languages only where they do.
fn new_sizes(build: &MetaBuild, chunks: &[DepotChunk], evidence: &Evidence) -> Vec<DownloadSize> {
    let ordinary = ordinary_language(build);
    let mut plain = stated(build, ordinary, evidence);
    let counted = |size: fn(&DepotChunk) -> Option<u64>| {
        let bytes = sum(chunks.iter().map(size)).filter(|_| !chunks.is_empty());
        bytes.map(|bytes| Fact::new(ByteRange::exactly(bytes), evidence.clone()))
    };
    plain.wire_bytes = plain.wire_bytes.or_else(|| counted(|chunk| chunk.compressed_size));
    plain.disk_bytes = plain.disk_bytes.or_else(|| counted(|chunk| chunk.size));
    let others = languages(build).into_iter().filter(|language| Some(*language) != ordinary);
    let others = others.map(|language| DownloadSize {
        variant: Some(language.to_lowercase()),
        ..stated(build, Some(language), evidence)
    });
    let known = |size: &DownloadSize| size.wire_bytes.is_some() || size.disk_bytes.is_some();
    std::iter::once(plain).chain(others).filter(known).collect()
}

/// What the depots state for a language.
fn stated(build: &MetaBuild, language: Option<&str>, evidence: &Evidence) -> DownloadSize {
    let total = |size: fn(&Depot) -> Option<u64>| {
        let depots = own_depots(build).filter(|depot| fits(depot, language));
        let bytes = sum(depots.map(size)).filter(|bytes| bytes.0 > 0);
        bytes.map(|bytes| Fact::new(ByteRange::exactly(bytes), evidence.clone()))
    };
    let (wire_bytes, disk_bytes) = (total(|depot| depot.compressed_size), total(|depot| depot.size));
    DownloadSize { variant: None, wire_bytes, disk_bytes }
}

/// Generation 1 serves ranges of files that are not compressed: bytes on the wire are bytes on disk.
fn old_sizes(repository: &Repository, evidence: &Evidence) -> Vec<DownloadSize> {
    let note = "Files of this generation are served as they are on disk.";
    let evidence = Evidence { confidence: 0.8, note: Some(note.into()), ..evidence.clone() };
    let depots = repository.product.depots.iter().filter(|depot| {
        let named = |words: &Option<Vec<String>>, wanted: &[&str]| {
            words.iter().flatten().any(|word| wanted.contains(&&**word))
        };
        named(&depot.languages, &["Neutral", "English"])
            && (depot.systems.is_none() || named(&depot.systems, &["Windows"]))
    });
    let Some(bytes) = sum(depots.map(|depot| depot.size)).filter(|bytes| bytes.0 > 0) else {
        return Vec::new();
    };
    let fact = Fact::new(ByteRange::exactly(bytes), evidence);
    vec![DownloadSize { variant: None, wire_bytes: Some(fact.clone()), disk_bytes: Some(fact) }]
}

/// The sum, unless something is unknown or the sum has more than 64 bits.
fn sum(sizes: impl Iterator<Item = Option<u64>>) -> Option<Bytes> {
    sizes.into_iter().try_fold(0_u64, |sum, size| sum.checked_add(size?)).map(Bytes)
}
