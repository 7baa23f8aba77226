//! The manifest of a release (RMAN): which chunks every file consists of, and how large they are on the wire.
//!
//! `RMAN`, version, 16-bit flags, 32-bit place and length of the body, 64-bit identifier, 32-bit length of the
//! unpacked body; little-endian. The body is a `FlatBuffer` under zstd: bundles of chunks, tags (languages, operating
//! systems), files. A client that lacks a chunk fetches it out of its bundle, so chunks are what is counted. Source:
//! the source texts of <https://github.com/moonshadow565/rman> and <https://github.com/meszmate/rman>; no recording.

use std::io::Read;

use super::flatbuffer::{Buffer, Table};

/// Largest unpacked body: those of the largest titles have some ten megabytes.
const MAX_BODY_BYTES: u64 = 512 << 20;
/// Announced lengths are not trusted with more memory than this before bytes have come.
const FIRST_ALLOCATION_BYTES: usize = 1 << 20;
const HEADER_BYTES: usize = 28;

/// A manifest that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// It says something that the format does not allow: it is cut short, or the format has changed.
    #[error("release manifest, {at}: {detail}")]
    Malformed {
        /// Where.
        at: String,
        /// What is there instead.
        detail: String,
    },
    /// It would unpack to more than is plausible.
    #[error("release manifest: unpacks to more than {limit_bytes} bytes")]
    TooLarge {
        /// What is plausible.
        limit_bytes: u64,
    },
}

/// A manifest, as far as bytes are concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// Its name in addresses, in hexadecimal.
    pub id: u64,
    /// By identifier, each once.
    chunks: Vec<Chunk>,
    tags: Vec<Tag>,
    files: Vec<File>,
    /// The chunks of all files, one file after another, as places in `chunks`.
    file_chunks: Vec<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Chunk {
    id: u64,
    wire_bytes: u32,
    disk_bytes: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Tag {
    bit: u64,
    name: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct File {
    tags: u64,
    /// Where its chunks end in `file_chunks`; they start where those of the file before end.
    end: usize,
}

/// The device whose files are counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// `en_US`.
    pub locale: String,
    /// `windows` or `macos`.
    pub platform: String,
}

impl Default for Device {
    /// The ordinary one: Windows in American English.
    fn default() -> Self {
        Self { locale: "en_US".into(), platform: "windows".into() }
    }
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// [`ManifestError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, ManifestError> {
        let (id, body) = unpack(bytes)?;
        let mut buffer = Buffer::new(&body);
        let root = buffer.root()?;
        let chunks = chunks(&mut buffer, root)?;
        let tags = tags(&mut buffer, root)?;
        let mut manifest = Self { id, chunks, tags, files: Vec::new(), file_chunks: Vec::new() };
        for file in buffer.tables(root, 2)? {
            let tags = buffer.u64(file, 4)?;
            for id in buffer.numbers(file, 7)? {
                let place = manifest.chunks.binary_search_by_key(&id, |chunk| chunk.id);
                let place = place.ok().and_then(|place| u32::try_from(place).ok());
                manifest.file_chunks.push(place.ok_or_else(|| unbundled(id))?);
            }
            manifest.files.push(File { tags, end: manifest.file_chunks.len() });
        }
        Ok(manifest)
    }

    /// How many files there are, for whomever.
    pub fn file_count(&self) -> usize {
        self.files.len()
    }

    /// How many different chunks there are, for whomever.
    pub fn chunk_count(&self) -> usize {
        self.chunks.len()
    }

    /// Names of the languages, in the order of the manifest.
    pub fn locales(&self) -> impl Iterator<Item = &str> {
        self.tags.iter().map(|tag| tag.name.as_str()).filter(|name| is_locale(name))
    }

    /// Bytes on the wire of a fresh install: every chunk of the device's files, once.
    pub fn install_bytes(&self, device: &Device) -> u64 {
        self.needed(device).iter().map(|chunk| u64::from(chunk.wire_bytes)).sum()
    }

    /// Bytes on disk: every chunk as often as the device's files have it.
    pub fn disk_bytes(&self, device: &Device) -> u64 {
        self.places(device)
            .map(|place| self.chunks.get(place).map_or(0, |chunk| u64::from(chunk.disk_bytes)))
            .sum()
    }

    /// Bytes on the wire for a device that has the release `from`: the chunks it lacks.
    pub fn update_bytes(&self, from: &Self, device: &Device) -> u64 {
        let has = from.needed(device);
        let mut has = has.iter().map(|chunk| chunk.id).peekable();
        let mut bytes = 0;
        // Both are sorted: one walk finds what is missing.
        for chunk in self.needed(device) {
            while has.next_if(|id| *id < chunk.id).is_some() {}
            if has.peek() != Some(&chunk.id) {
                bytes += u64::from(chunk.wire_bytes);
            }
        }
        bytes
    }

    /// The chunks of the device's files, by identifier, each once.
    fn needed(&self, device: &Device) -> Vec<Chunk> {
        let mut wanted = vec![false; self.chunks.len()];
        for place in self.places(device) {
            if let Some(wanted) = wanted.get_mut(place) {
                *wanted = true;
            }
        }
        self.chunks.iter().zip(wanted).filter(|(_, wanted)| *wanted).map(|(chunk, _)| *chunk).collect()
    }

    /// The chunks of the device's files, as places, as often as the files have them.
    fn places(&self, device: &Device) -> impl Iterator<Item = usize> {
        let groups = [
            self.bits(is_locale, &device.locale),
            self.bits(|name| SYSTEMS.contains(&name), &device.platform),
        ];
        // A file with tags of a group is for those; one without is for all.
        let is_for = move |tags: u64| groups.iter().all(|(group, own)| tags & group == 0 || tags & own != 0);
        let starts = std::iter::once(0).chain(self.files.iter().map(|file| file.end));
        let chosen = self.files.iter().zip(starts).filter(move |(file, _)| is_for(file.tags));
        chosen
            .flat_map(|(file, start)| self.file_chunks.get(start..file.end).unwrap_or_default())
            .filter_map(|place| usize::try_from(*place).ok())
    }

    /// The bits of all tags of a group, and of the one with this name.
    fn bits(&self, is_of_group: impl Fn(&str) -> bool, own: &str) -> (u64, u64) {
        let group = self.tags.iter().filter(|tag| is_of_group(&tag.name));
        group.fold((0, 0), |(all, mine), tag| {
            let mine = if tag.name.eq_ignore_ascii_case(own) { mine | tag.bit } else { mine };
            (all | tag.bit, mine)
        })
    }
}

/// Names of tags that stand for operating systems.
const SYSTEMS: [&str; 5] = ["windows", "macos", "win", "mac", "linux"];

/// Identifier and unpacked body.
fn unpack(bytes: &[u8]) -> Result<(u64, Vec<u8>), ManifestError> {
    let header = bytes.get(..HEADER_BYTES).ok_or_else(|| header("shorter than its header"))?;
    if !header.starts_with(b"RMAN") {
        return Err(self::header(format!("starts with \"{}\", not \"RMAN\"", header[..4].escape_ascii())));
    }
    if header[4] != 2 {
        return Err(self::header(format!("version {}; only 2 is known", header[4])));
    }
    let number = |at: usize| header[at..].first_chunk().map_or(0, |number| u32::from_le_bytes(*number));
    let length = |at: usize| usize::try_from(number(at)).unwrap_or(usize::MAX);
    let id = header[16..].first_chunk().map_or(0, |id| u64::from_le_bytes(*id));
    let (start, packed_bytes, body_bytes) = (length(8), length(12), u64::from(number(24)));
    if body_bytes > MAX_BODY_BYTES {
        return Err(ManifestError::TooLarge { limit_bytes: MAX_BODY_BYTES });
    }
    let packed = start.checked_add(packed_bytes).and_then(|end| bytes.get(start..end));
    let packed =
        packed.ok_or_else(|| self::header(format!("a body of {packed_bytes} bytes does not fit")))?;
    let zstd = |error: std::io::Error| self::header(format!("zstd: {error}"));
    let mut body = Vec::with_capacity(length(24).min(FIRST_ALLOCATION_BYTES));
    let decoder = zstd::stream::read::Decoder::with_buffer(packed).map_err(zstd)?;
    decoder.single_frame().take(body_bytes + 1).read_to_end(&mut body).map_err(zstd)?;
    if body.len() as u64 != body_bytes {
        return Err(self::header(format!("unpacks to {} bytes, not {body_bytes}", body.len())));
    }
    Ok((id, body))
}

/// The chunks of all bundles, by identifier. One that is in several bundles is fetched out of one.
fn chunks(buffer: &mut Buffer<'_>, root: Table) -> Result<Vec<Chunk>, ManifestError> {
    let mut chunks = Vec::new();
    for bundle in buffer.tables(root, 0)? {
        for chunk in buffer.tables(bundle, 1)? {
            let id = buffer.u64(chunk, 0)?;
            let (wire_bytes, disk_bytes) = (buffer.u32(chunk, 1)?, buffer.u32(chunk, 2)?);
            chunks.push(Chunk { id, wire_bytes, disk_bytes });
        }
    }
    chunks.sort_by_key(|chunk| chunk.id);
    chunks.dedup_by_key(|chunk| chunk.id);
    Ok(chunks)
}

/// Languages and systems. The identifier, counted from 1, is the place of the tag's bit.
fn tags(buffer: &mut Buffer<'_>, root: Table) -> Result<Vec<Tag>, ManifestError> {
    let mut tags = Vec::new();
    for tag in buffer.tables(root, 1)? {
        let id = u32::from(buffer.u8(tag, 0)?);
        let name = buffer.text(tag, 1)?;
        let bit = id.checked_sub(1).and_then(|place| 1_u64.checked_shl(place));
        if let Some(bit) = bit {
            tags.push(Tag { bit, name: name.to_owned() });
        }
    }
    Ok(tags)
}

fn is_locale(name: &str) -> bool {
    let [a, b, b'_', c, d] = name.as_bytes() else { return false };
    a.is_ascii_lowercase() && b.is_ascii_lowercase() && c.is_ascii_uppercase() && d.is_ascii_uppercase()
}

fn header(detail: impl Into<String>) -> ManifestError {
    ManifestError::Malformed { at: "header".into(), detail: detail.into() }
}

fn unbundled(id: u64) -> ManifestError {
    ManifestError::Malformed { at: "files".into(), detail: format!("chunk {id:016X} is in no bundle") }
}
