//! Build manifests of the launcher: which files a build has and which chunks a client downloads for them.
//!
//! A build is cut into chunks, files are made of parts of chunks. A client downloads whole chunks, so the sizes of
//! chunks are bytes on the wire and the sizes of parts are bytes on disk. A client that has an older build downloads
//! the chunks whose identifier the older manifest lacks.
//!
//! The same facts come in two forms: JSON with decimal blobs (older) and compressed columns (newer);
//! [`Manifest::parse`] tells them apart. Described by the launcher's open clients (derrod/legendary,
//! NotOfficer/EpicManifestParser, 2026).

mod binary;
mod error;
mod json;
mod reader;
#[cfg(test)]
mod tests;
#[cfg(test)]
pub(super) mod writer;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;

pub use error::ManifestError;

/// First feature level whose manifests say how long each chunk is.
const STORES_CHUNK_FILE_SIZES: u32 = 8;

/// Most tags that are told apart. Assumed: more are parts of one stream, not choices of a person.
const MAX_TAGS: usize = 64;

/// Identifier of a chunk: four 32-bit numbers, the first in the highest bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Guid(pub u128);

/// A piece of a build that is downloaded whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunk {
    /// Who it is; the same chunk has the same identifier in all builds.
    pub guid: Guid,
    /// Bytes on the wire.
    pub wire_bytes: u64,
}

/// A piece of a file: some bytes out of a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// The chunk.
    pub guid: Guid,
    /// Bytes on disk.
    pub disk_bytes: u32,
}

/// A file of a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Path below the folder of the installation.
    pub path: String,
    /// Tags of optional components, such as languages; none for files that everybody installs.
    pub tags: Vec<String>,
    /// Bytes on disk.
    pub disk_bytes: u64,
    /// Its parts in [`Manifest::parts`].
    parts: Range<usize>,
}

/// A build: its files and chunks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// Version of the format's features.
    pub feature_level: u32,
    /// The application.
    pub app: String,
    /// The build, as the launcher names it.
    pub build_version: String,
    /// Chunks in the order of the manifest. Empty of sizes before feature level 8.
    pub chunks: Vec<Chunk>,
    /// Files in the order of the manifest.
    pub files: Vec<File>,
    parts: Vec<Part>,
}

/// How much there is to download and to store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sizes {
    /// Bytes on the wire.
    pub wire_bytes: u64,
    /// Bytes on disk.
    pub disk_bytes: u64,
}

impl Manifest {
    /// Reads a manifest of either form.
    ///
    /// The SHA-1 of the binary form is not checked; the decompressor checks its own sum.
    ///
    /// # Errors
    /// [`ManifestError`]: damaged, encrypted, of a form that nobody describes, or too large.
    pub fn parse(bytes: &[u8]) -> Result<Self, ManifestError> {
        if binary::is_binary(bytes) { binary::parse(bytes) } else { json::parse(bytes) }
    }

    /// The pieces of which `file` is made.
    pub fn parts(&self, file: &File) -> &[Part] {
        self.parts.get(file.parts.clone()).unwrap_or_default()
    }

    /// Bytes on the wire of a fresh install of everything; `None` if the manifest is too old to say.
    pub fn download_bytes(&self) -> Option<u64> {
        self.has_chunk_sizes().then(|| self.chunks.iter().map(|chunk| chunk.wire_bytes).sum())
    }

    /// Bytes on disk of everything.
    pub fn install_bytes(&self) -> u64 {
        self.files.iter().map(|file| file.disk_bytes).sum()
    }

    /// Bytes on the wire for somebody who has `old`: those of the chunks that `old` lacks. `None` if the manifest is
    /// too old to say.
    ///
    /// ```
    /// use traffix_platforms::epic::manifest::Manifest;
    /// # let bytes = br#"{"ManifestFileVersion":"018000000000","ChunkFilesizeList":{"00000000000000000000000000000001":"009000"}}"#;
    /// let build = Manifest::parse(bytes)?;
    /// assert_eq!(build.update_bytes(&build), Some(0));
    /// # Ok::<(), traffix_platforms::epic::manifest::ManifestError>(())
    /// ```
    pub fn update_bytes(&self, old: &Self) -> Option<u64> {
        let held: HashSet<Guid> = old.chunks.iter().map(|chunk| chunk.guid).collect();
        let new = self.chunks.iter().filter(|chunk| !held.contains(&chunk.guid));
        self.has_chunk_sizes().then(|| new.map(|chunk| chunk.wire_bytes).sum())
    }

    /// What the untagged files cost (under `None`), and what each tag's files cost on top of them.
    ///
    /// A chunk counts once a tag. A part of a chunk that the manifest does not list counts on disk only. A build with
    /// more than 64 tags has only the untagged files here.
    pub fn by_tag(&self) -> BTreeMap<Option<&str>, Sizes> {
        let wire: HashMap<Guid, u64> =
            self.chunks.iter().map(|chunk| (chunk.guid, chunk.wire_bytes)).collect();
        let mut files = BTreeMap::<Option<&str>, Vec<&File>>::new();
        files.insert(None, Vec::new());
        for file in &self.files {
            if file.tags.is_empty() {
                files.entry(None).or_default().push(file);
            }
            for tag in &file.tags {
                files.entry(Some(tag)).or_default().push(file);
            }
        }
        if files.len() > MAX_TAGS + 1 {
            files.retain(|tag, _| tag.is_none());
        }
        // `None` sorts first, so the chunks that everybody has are known before any tag is counted.
        let mut base = HashSet::new();
        let mut sizes = BTreeMap::new();
        for (tag, mut files) in files {
            files.dedup_by_key(|file| file.parts.clone());
            let guids = files.iter().flat_map(|file| self.parts(file)).map(|part| part.guid);
            let guids: HashSet<Guid> = guids.filter(|guid| !base.contains(guid)).collect();
            let wire_bytes = guids.iter().filter_map(|guid| wire.get(guid)).sum();
            let disk_bytes = files.iter().map(|file| file.disk_bytes).sum();
            sizes.insert(tag, Sizes { wire_bytes, disk_bytes });
            if tag.is_none() {
                base = guids;
            }
        }
        sizes
    }

    fn has_chunk_sizes(&self) -> bool {
        self.feature_level >= STORES_CHUNK_FILE_SIZES
    }

    /// Sums must fit: with this checked once, all sums over subsets fit too.
    fn checked(self) -> Result<Self, ManifestError> {
        let wire = self.chunks.iter().try_fold(0_u64, |sum, chunk| sum.checked_add(chunk.wire_bytes));
        match wire {
            Some(_) => Ok(self),
            None => Err(ManifestError::malformed("chunk sizes", "they add up to more than 2^64 bytes")),
        }
    }

    /// Appends the file whose parts have been appended since `first`.
    fn push_file(&mut self, path: String, tags: Vec<String>, first: usize) {
        let parts = first..self.parts.len();
        let disk_bytes = self.parts[parts.clone()].iter().map(|part| u64::from(part.disk_bytes)).sum();
        self.files.push(File { path, tags, disk_bytes, parts });
    }
}
