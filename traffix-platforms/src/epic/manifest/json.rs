//! The JSON form, in which every number is a text of three decimal digits a byte, the lowest byte first.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};

use super::{Chunk, Guid, Manifest, ManifestError, Part};

/// What is read of the document.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Document {
    manifest_file_version: Blob,
    #[serde(default)]
    app_name_string: String,
    #[serde(default)]
    build_version_string: String,
    #[serde(default)]
    file_manifest_list: Vec<JsonFile>,
    #[serde(default)]
    chunk_filesize_list: BTreeMap<Guid, Blob>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct JsonFile {
    filename: String,
    #[serde(default)]
    file_chunk_parts: Vec<JsonPart>,
    #[serde(default)]
    install_tags: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct JsonPart {
    guid: Guid,
    size: Blob,
}

/// A number as decimal blob: `"012001"` is 12 + 1 × 256.
#[derive(Clone, Copy)]
struct Blob(u64);

pub(super) fn parse(bytes: &[u8]) -> Result<Manifest, ManifestError> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let document: Document = serde_path_to_error::deserialize(&mut json)
        .map_err(|error| ManifestError::malformed(error.path().to_string(), error.inner().to_string()))?;
    json.end().map_err(|error| ManifestError::malformed("end", error.to_string()))?;
    let feature_level = u32::try_from(document.manifest_file_version.0)
        .map_err(|_| ManifestError::malformed("ManifestFileVersion", "more than 32 bits"))?;
    let sizes = document.chunk_filesize_list.into_iter();
    let mut manifest = Manifest {
        feature_level,
        app: document.app_name_string,
        build_version: document.build_version_string,
        chunks: sizes.map(|(guid, size)| Chunk { guid, wire_bytes: size.0 }).collect(),
        files: Vec::with_capacity(document.file_manifest_list.len()),
        parts: Vec::new(),
    };
    for file in document.file_manifest_list {
        let first = manifest.parts.len();
        for part in file.file_chunk_parts {
            let disk_bytes = u32::try_from(part.size.0)
                .map_err(|_| ManifestError::malformed(&*file.filename, "a part of more than 4 GiB"))?;
            manifest.parts.push(Part { guid: part.guid, disk_bytes });
        }
        manifest.push_file(file.filename, file.install_tags, first);
    }
    manifest.checked()
}

/// The number that three digits a byte stand for, if it has 64 bits at most.
fn blob(text: &str) -> Option<u64> {
    let (bytes, rest) = text.as_bytes().as_chunks::<3>();
    if !rest.is_empty() || bytes.len() > 8 {
        return None;
    }
    bytes.iter().rev().try_fold(0_u64, |number, digits| {
        let digit = |place: u8| place.is_ascii_digit().then(|| u64::from(place - b'0'));
        let byte = digit(digits[0])? * 100 + digit(digits[1])? * 10 + digit(digits[2])?;
        (byte < 256).then_some(number << 8 | byte)
    })
}

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer
            .deserialize_str(Text("a number of three decimal digits a byte", |text| blob(text).map(Blob)))
    }
}

impl<'de> Deserialize<'de> for Guid {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Text("32 hexadecimal digits", |text| {
            let digits = text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit());
            u128::from_str_radix(text, 16).ok().filter(|_| digits).map(Guid)
        }))
    }
}

/// Reads a text without copying it: what it must be, and how it is read.
struct Text<T>(&'static str, fn(&str) -> Option<T>);

impl<T> Visitor<'_> for Text<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        let shown = || text.chars().take(60).collect::<String>();
        (self.1)(text).ok_or_else(|| E::custom(format!("{:?} is not {}", shown(), self.0)))
    }
}
