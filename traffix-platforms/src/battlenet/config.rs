//! The texts that describe a build and its archives: lines `key = value value`, `#` before comments.

use std::collections::BTreeMap;

use super::error::TactError;
use super::key::{ConfigKey, ContentKey, EncodingKey};

const WHAT: &str = "config";

/// A text of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config<'a>(BTreeMap<&'a str, Vec<&'a str>>);

impl<'a> Config<'a> {
    /// Reads a text; of a key that is given twice, the last line counts.
    ///
    /// # Errors
    /// [`TactError::Malformed`] with the line.
    pub fn parse(text: &'a str) -> Result<Self, TactError> {
        let mut values = BTreeMap::new();
        for (line, number) in text.lines().zip(1_usize..) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let Some((key, value)) = line.split_once('=') else {
                let shown: String = line.chars().take(60).collect();
                let detail = format!("{shown:?} is not key = value");
                return Err(TactError::malformed(WHAT, format_args!("line {number}"), detail));
            };
            values.insert(key.trim(), value.split_whitespace().collect());
        }
        Ok(Self(values))
    }

    /// The words behind a key; none if it is absent or empty.
    pub fn words(&self, key: &str) -> &[&'a str] {
        self.0.get(key).map(Vec::as_slice).unwrap_or_default()
    }

    /// The keys, sorted.
    pub fn keys(&self) -> impl Iterator<Item = &'a str> {
        self.0.keys().copied()
    }

    /// The word at `index` behind a key, read as `T`.
    ///
    /// # Errors
    /// [`TactError::Malformed`] with the key if there is a word that is not of that form.
    fn word<T: std::str::FromStr<Err: std::fmt::Display>>(
        &self,
        key: &str,
        index: usize,
    ) -> Result<Option<T>, TactError> {
        let Some(word) = self.words(key).get(index) else { return Ok(None) };
        word.parse().map(Some).map_err(|error: T::Err| TactError::malformed(WHAT, key, error.to_string()))
    }

    fn file(&self, key: &str) -> Result<Option<FileRef>, TactError> {
        let Some(content) = self.word(key, 0)? else { return Ok(None) };
        let size = format!("{key}-size");
        Ok(Some(FileRef {
            content,
            encoding: self.word(key, 1)?,
            decoded_bytes: self.word(&size, 0)?,
            encoded_bytes: self.word(&size, 1)?,
        }))
    }
}

/// A file that a build consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileRef {
    /// What it is.
    pub content: ContentKey,
    /// As what it is delivered, if the config says so: otherwise the encoding table knows.
    pub encoding: Option<EncodingKey>,
    /// Bytes after unpacking.
    pub decoded_bytes: Option<u64>,
    /// Bytes on the wire.
    pub encoded_bytes: Option<u64>,
}

/// What a build consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildConfig {
    /// `WOW-66066patch12.0.1_Retail`.
    pub name: Option<String>,
    /// Code of the product.
    pub product: Option<String>,
    /// Which content is delivered as what.
    pub encoding: Option<FileRef>,
    /// What is downloaded, in which order, for whom.
    pub download: Option<FileRef>,
    /// What is laid out as plain files.
    pub install: Option<FileRef>,
    /// Estimated sizes.
    pub size: Option<FileRef>,
    /// The patch manifest: the digest of a file that is delivered without a container …
    pub patch: Option<EncodingKey>,
    /// … of so many bytes.
    pub patch_bytes: Option<u64>,
}

impl BuildConfig {
    /// Reads the text.
    ///
    /// # Errors
    /// [`TactError::Malformed`] with the line or the key.
    pub fn parse(text: &str) -> Result<Self, TactError> {
        let config = Config::parse(text)?;
        let joined = |key| Some(config.words(key).join(" ")).filter(|text| !text.is_empty());
        Ok(Self {
            name: joined("build-name"),
            product: joined("build-uid"),
            encoding: config.file("encoding")?,
            download: config.file("download")?,
            install: config.file("install")?,
            size: config.file("size")?,
            patch: config.word("patch", 0)?,
            patch_bytes: config.word("patch-size", 0)?,
        })
    }
}

/// Where the files of a build lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CdnConfig {
    /// Archives of packed files, whose names are keys of their indexes.
    pub archives: Vec<ConfigKey>,
    /// Bytes of the index of each archive, where the config says so.
    pub archives_index_bytes: Vec<u64>,
    /// Archives of patches.
    pub patch_archives: Vec<ConfigKey>,
    /// The builds that it serves.
    pub builds: Vec<ConfigKey>,
}

impl CdnConfig {
    /// Reads the text.
    ///
    /// # Errors
    /// [`TactError::Malformed`] with the line or the key.
    pub fn parse(text: &str) -> Result<Self, TactError> {
        let config = Config::parse(text)?;
        Ok(Self {
            archives: list(&config, "archives")?,
            archives_index_bytes: list(&config, "archives-index-size")?,
            patch_archives: list(&config, "patch-archives")?,
            builds: list(&config, "builds")?,
        })
    }
}

fn list<T: std::str::FromStr<Err: std::fmt::Display>>(
    config: &Config<'_>,
    key: &str,
) -> Result<Vec<T>, TactError> {
    let words = config.words(key).iter();
    words
        .map(|word| word.parse().map_err(|error: T::Err| TactError::malformed(WHAT, key, error.to_string())))
        .collect()
}
