//! The size manifest: estimated sizes of files, for a quick look at a build.
//!
//! Builds of 2019 to 2026 write `DS`, version, length of keys in bytes (9), 32-bit count of files, 16-bit count of
//! tags, a 40-bit total, tags, then files of a shortened key and a 32-bit size. This fits the recorded size of such a
//! manifest: 15 + 29 tags of 218,791 bits + 13 bytes a file. Older descriptions say flags instead of the length, and
//! in version 1 a 64-bit total: [`total_bytes`] reads those too. Sources: the documentation of
//! <https://github.com/wowemulation-dev/cascette-rs> at two times, <https://wowdev.wiki/TACT>.

use super::error::TactError;
use super::reader::Reader;
use super::tags::{Device, Tags};

const WHAT: &str = "size manifest";

/// A size manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SizeManifest {
    /// The sum over all files, for whomever.
    pub total_bytes: u64,
    /// Estimated bytes, file by file.
    pub sizes: Vec<u32>,
    /// Who gets what.
    pub tags: Tags,
}

impl SizeManifest {
    /// Reads an unpacked manifest.
    ///
    /// # Errors
    /// [`TactError::Truncated`] and [`TactError::Malformed`], also if the sizes do not sum up to the total.
    pub fn parse(bytes: &[u8]) -> Result<Self, TactError> {
        let mut reader = Reader::new(WHAT, bytes);
        reader.magic(b"DS")?;
        let version = reader.u8()?;
        if !(1..=2).contains(&version) {
            return Err(reader.malformed(format!("version {version}; 1 and 2 are known")));
        }
        let key_bytes = reader.key_length()?;
        let file_count = reader.count()?;
        let tag_count = usize::from(reader.u16()?);
        let total_bytes = reader.u40()?;
        let tags = Tags::read(&mut reader, tag_count, file_count)?;
        let rows = reader.items(file_count, key_bytes + 4)?.chunks_exact(key_bytes + 4);
        let sizes: Vec<u32> = rows
            .filter_map(|row| row[key_bytes..].first_chunk())
            .map(|size| u32::from_be_bytes(*size))
            .collect();
        let sum: u64 = sizes.iter().copied().map(u64::from).sum();
        if sum != total_bytes {
            return Err(reader.malformed(format!("sizes sum up to {sum}, not {total_bytes}")));
        }
        Ok(Self { total_bytes, sizes, tags })
    }

    /// Estimated bytes of the files of a device.
    pub fn bytes_for(&self, device: &Device) -> u64 {
        let chosen = self.tags.files_for(device);
        let sizes = self.sizes.iter().enumerate().filter(|(index, _)| chosen.contains(*index));
        sizes.map(|(_, size)| u64::from(*size)).sum()
    }
}

/// The total that the head of a size manifest states, in either of the described forms.
///
/// # Errors
/// [`TactError::Truncated`] and [`TactError::Malformed`].
pub fn total_bytes(bytes: &[u8]) -> Result<u64, TactError> {
    let mut reader = Reader::new(WHAT, bytes);
    reader.magic(b"DS")?;
    let (version, key_bytes_or_flags) = (reader.u8()?, reader.u8()?);
    reader.take(6)?;
    match (version, key_bytes_or_flags) {
        (1, 0) => Ok(u64::from(reader.u32()?) << 32 | u64::from(reader.u32()?)),
        (1 | 2, _) => reader.u40(),
        _ => Err(reader.malformed(format!("version {version}; 1 and 2 are known"))),
    }
}
