//! The encoding table: which content is delivered as what, and how large both are.
//!
//! `EN`, version, lengths of both kinds of keys, sizes of pages in KiB, counts of pages, flags, length of the block of
//! texts that say how files are packed. Then that block, and twice an index (first key and MD5 of every page) with its
//! pages: content key to encoding keys, encoding key to packing and size. Keys rise from page to page. Source: the
//! documentation of <https://github.com/wowemulation-dev/cascette-rs> and <https://wowdev.wiki/TACT>, checked against a
//! recording.

use std::ops::Range;

use bytes::Bytes;

use super::error::TactError;
use super::key::{ContentKey, EncodingKey, md5, prefix};
use super::reader::{Reader, u40};

const WHAT: &str = "encoding table";
/// Written instead of the place of a packing in the rows that fill up a page.
const PADDING: u32 = u32::MAX;

/// An encoding table. It keeps the bytes it was read from and looks keys up in them: the table of a large title has
/// 190 MB, and needs no more memory than that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodingTable {
    bytes: Bytes,
    packings: Range<usize>,
    contents: Pages,
    encodings: Pages,
}

/// One of the two halves of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Pages {
    index: Range<usize>,
    data: Range<usize>,
    page_bytes: usize,
    key_bytes: usize,
    /// Of the other half: a row of contents holds encoding keys.
    other_key_bytes: usize,
}

/// A content and as what it is delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContentEntry<'a> {
    /// The content.
    pub key: ContentKey,
    /// Its bytes after unpacking.
    pub decoded_bytes: u64,
    encodings: &'a [u8],
    key_bytes: usize,
}

impl ContentEntry<'_> {
    /// As what it can be delivered; the first is the usual one.
    pub fn encodings(&self) -> impl Iterator<Item = EncodingKey> {
        self.encodings.chunks_exact(self.key_bytes).map(EncodingKey::from_prefix)
    }
}

/// A file as it is delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EncodingEntry {
    /// The file.
    pub key: EncodingKey,
    /// Its bytes on the wire.
    pub wire_bytes: u64,
    /// How it is packed: the number of a text, see [`EncodingTable::packing`].
    pub packing: u32,
}

impl EncodingTable {
    /// Reads an unpacked table, and checks the digests and the order of its pages.
    ///
    /// # Errors
    /// [`TactError`]: cut short, of another format, or other bytes than its index announces.
    pub fn parse(bytes: Bytes) -> Result<Self, TactError> {
        let mut reader = Reader::new(WHAT, &bytes);
        reader.magic(b"EN")?;
        let version = reader.u8()?;
        if version != 1 {
            return Err(reader.malformed(format!("version {version}; only 1 is known")));
        }
        let (content_bytes, encoding_bytes) = (reader.key_length()?, reader.key_length()?);
        let page_bytes = [reader.u16()?, reader.u16()?].map(|kib| usize::from(kib) * 1024);
        let page_counts = [reader.count()?, reader.count()?];
        reader.u8()?;
        let packings = reader.count()?;
        let packings = span(&mut reader, packings, 1)?;
        let contents =
            Pages::read(&mut reader, page_counts[0], page_bytes[0], [content_bytes, encoding_bytes])?;
        let encodings =
            Pages::read(&mut reader, page_counts[1], page_bytes[1], [encoding_bytes, content_bytes])?;
        contents.check(&bytes)?;
        encodings.check(&bytes)?;
        Ok(Self { bytes, packings, contents, encodings })
    }

    /// As what a content is delivered.
    pub fn content(&self, key: ContentKey) -> Option<ContentEntry<'_>> {
        let page = self.contents.page_of(&self.bytes, key.as_u128())?;
        self.contents.content_rows(page).find(|row| row.key == key)
    }

    /// Size and packing of a file as it is delivered.
    pub fn encoding(&self, key: EncodingKey) -> Option<EncodingEntry> {
        let page = self.encodings.page_of(&self.bytes, key.as_u128())?;
        self.encoding_rows(page).find(|row| row.key == key)
    }

    /// Every content, by rising key.
    pub fn contents(&self) -> impl Iterator<Item = ContentEntry<'_>> {
        self.contents.pages(&self.bytes).flat_map(|page| self.contents.content_rows(page))
    }

    /// Every delivered file, by rising key.
    pub fn encodings(&self) -> impl Iterator<Item = EncodingEntry> {
        self.encodings.pages(&self.bytes).flat_map(|page| self.encoding_rows(page))
    }

    fn encoding_rows<'a>(&self, page: &'a [u8]) -> impl Iterator<Item = EncodingEntry> + use<'a> {
        let key_bytes = self.encodings.key_bytes;
        let rows = page.chunks_exact(key_bytes + 9).map(move |row| row.split_at(key_bytes));
        rows.map_while(|(key, rest)| {
            let packing = u32::from_be_bytes(*rest.first_chunk()?);
            let wire_bytes = u40(*rest[4..].first_chunk()?);
            let key = EncodingKey::from_prefix(key);
            let filler = packing == PADDING || (packing == 0 && key.as_u128() == 0);
            (!filler).then_some(EncodingEntry { key, wire_bytes, packing })
        })
    }

    /// How a file is packed: `b:{256K*=z}`.
    pub fn packing(&self, number: u32) -> Option<&str> {
        let block = self.bytes.get(self.packings.clone())?;
        let text = block.split(|byte| *byte == 0).nth(usize::try_from(number).ok()?)?;
        std::str::from_utf8(text).ok()
    }
}

impl Pages {
    fn read(
        reader: &mut Reader<'_>,
        count: usize,
        page_bytes: usize,
        [key_bytes, other_key_bytes]: [usize; 2],
    ) -> Result<Self, TactError> {
        if count > 0 && page_bytes == 0 {
            return Err(reader.malformed("pages of no bytes"));
        }
        let index = span(reader, count, key_bytes + 16)?;
        let data = span(reader, count, page_bytes)?;
        Ok(Self { index, data, page_bytes: page_bytes.max(1), key_bytes, other_key_bytes })
    }

    fn index<'a>(&self, bytes: &'a [u8]) -> impl ExactSizeIterator<Item = (u128, u128)> + use<'a> {
        let key_bytes = self.key_bytes;
        let rows = bytes.get(self.index.clone()).unwrap_or_default().chunks_exact(key_bytes + 16);
        rows.map(move |row| (prefix(&row[..key_bytes]), prefix(&row[key_bytes..])))
    }

    fn pages<'a>(&self, bytes: &'a [u8]) -> std::slice::ChunksExact<'a, u8> {
        bytes.get(self.data.clone()).unwrap_or_default().chunks_exact(self.page_bytes)
    }

    /// Every page has the announced digest and the announced first key, and first keys rise.
    fn check(&self, bytes: &[u8]) -> Result<(), TactError> {
        let mut before = None;
        for (number, ((first, digest), page)) in self.index(bytes).zip(self.pages(bytes)).enumerate() {
            if md5(page) != digest {
                return Err(TactError::Digest { what: WHAT, part: format!("page {number}") });
            }
            if before.is_some_and(|before| before >= first) {
                let detail = "its first key does not lie behind that of the page before";
                return Err(TactError::malformed(WHAT, format_args!("page {number}"), detail));
            }
            before = Some(first);
        }
        Ok(())
    }

    /// The page that a key is on, if it is on any.
    fn page_of<'a>(&self, bytes: &'a [u8], key: u128) -> Option<&'a [u8]> {
        let index = bytes.get(self.index.clone())?;
        let stride = self.key_bytes + 16;
        let first = |row: usize| index.get(row * stride..).map(|row| prefix(&row[..self.key_bytes]));
        // The last page whose first key is not behind the key.
        let (mut low, mut high) = (0, index.len() / stride);
        while low < high {
            let middle = low.midpoint(high);
            if first(middle)? <= key { low = middle + 1 } else { high = middle }
        }
        self.pages(bytes).nth(low.checked_sub(1)?)
    }

    fn content_rows<'a>(&self, page: &'a [u8]) -> impl Iterator<Item = ContentEntry<'a>> + use<'a> {
        let (key_bytes, other) = (self.key_bytes, self.other_key_bytes);
        let mut rest = page;
        std::iter::from_fn(move || {
            // A row of no encoding keys ends a page.
            let count = usize::from(*rest.first().filter(|count| **count > 0)?);
            let row = rest.get(1..1 + 5 + key_bytes + count * other)?;
            rest = &rest[1 + row.len()..];
            let (size, keys) = row.split_at(5);
            Some(ContentEntry {
                key: ContentKey::from_prefix(&keys[..key_bytes]),
                decoded_bytes: u40(*size.first_chunk()?),
                encodings: &keys[key_bytes..],
                key_bytes: other,
            })
        })
    }
}

/// Where the next `count` items lie.
fn span(reader: &mut Reader<'_>, count: usize, stride: usize) -> Result<Range<usize>, TactError> {
    let start = reader.position();
    reader.items(count, stride)?;
    Ok(start..reader.position())
}
