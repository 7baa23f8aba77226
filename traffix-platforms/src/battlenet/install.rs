//! The install manifest: which files of a build are laid out as plain files, programs above all.
//!
//! `IN`, version, length of keys, 16-bit count of tags, 32-bit count of files; tags, then files: path, content key,
//! 32-bit size. Source: the documentation of <https://github.com/wowemulation-dev/cascette-rs>, checked against a
//! recording.

use super::error::TactError;
use super::key::ContentKey;
use super::reader::Reader;
use super::tags::{Device, Tags};

const WHAT: &str = "install manifest";

/// An install manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstallManifest {
    /// The files.
    pub files: Vec<InstallFile>,
    /// Who gets what.
    pub tags: Tags,
}

/// A plain file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstallFile {
    /// Below the folder of the title, with backslashes.
    pub path: String,
    /// What it is.
    pub content: ContentKey,
    /// Bytes on disk.
    pub disk_bytes: u32,
}

impl InstallManifest {
    /// Reads an unpacked manifest.
    ///
    /// # Errors
    /// [`TactError::Truncated`] and [`TactError::Malformed`].
    pub fn parse(bytes: &[u8]) -> Result<Self, TactError> {
        let mut reader = Reader::new(WHAT, bytes);
        reader.magic(b"IN")?;
        let version = reader.u8()?;
        if version != 1 {
            return Err(reader.malformed(format!("version {version}; only 1 is known")));
        }
        let key_bytes = reader.key_length()?;
        let tag_count = usize::from(reader.u16()?);
        let file_count = reader.count()?;
        let shortest = file_count.saturating_mul(1 + key_bytes + 4);
        if shortest > bytes.len() {
            return Err(reader.malformed(format!("{file_count} files in {} bytes", bytes.len())));
        }
        let tags = Tags::read(&mut reader, tag_count, file_count)?;
        let mut files = Vec::with_capacity(file_count);
        for _ in 0..file_count {
            let path = reader.text()?.to_owned();
            let content = ContentKey::from_prefix(reader.take(key_bytes)?);
            files.push(InstallFile { path, content, disk_bytes: reader.u32()? });
        }
        Ok(Self { files, tags })
    }

    /// Bytes on disk of the plain files of a device.
    pub fn disk_bytes(&self, device: &Device) -> u64 {
        let chosen = self.tags.files_for(device);
        let files = self.files.iter().enumerate().filter(|(index, _)| chosen.contains(*index));
        files.map(|(_, file)| u64::from(file.disk_bytes)).sum()
    }
}
