//! Tags: which files are for whom. Every tag is a set of the files of its manifest, written as a bitmap.

use super::error::TactError;
use super::reader::Reader;

/// The device whose files are counted: one tag of each group that the manifest has.
///
/// Tags of one group are alternatives; a file is for the device if it has the device's tag of every group. A group of
/// which the manifest has no tag with this name does not restrict, because many titles are the same everywhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Operating system or console: `Windows`, `OSX`.
    pub platform: String,
    /// Processor: `x86_64`, `arm64`.
    pub architecture: String,
    /// Language and country: `enUS`, `deDE`.
    pub locale: String,
    /// Region of the service: `US`, `EU`, `KR`, `TW`, `CN`.
    pub region: String,
}

impl Default for Device {
    /// The ordinary one: Windows on x86-64 in American English. The regions differ in few titles, if at all.
    fn default() -> Self {
        Self {
            platform: "Windows".into(),
            architecture: "x86_64".into(),
            locale: "enUS".into(),
            region: "US".into(),
        }
    }
}

impl Device {
    /// The same device in another language.
    #[must_use]
    pub fn in_locale(mut self, locale: &str) -> Self {
        locale.clone_into(&mut self.locale);
        self
    }

    /// The same title on another operating system.
    #[must_use]
    pub fn on(mut self, platform: &str) -> Self {
        platform.clone_into(&mut self.platform);
        self
    }

    fn names(&self) -> [&str; 4] {
        [&self.platform, &self.architecture, &self.locale, &self.region]
    }
}

/// A tag of a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    /// `Windows`, `enUS`.
    pub name: String,
    /// Tags with the same number are alternatives: 1 platforms, 2 architectures, 3 locales, 4 regions, 5 categories.
    pub group: u16,
    files: FileSet,
}

impl Tag {
    /// The files that have it.
    pub fn files(&self) -> &FileSet {
        &self.files
    }
}

/// A set of files of one manifest, by their place in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileSet(Vec<u8>);

impl FileSet {
    /// All of `count` files.
    fn all(count: usize) -> Self {
        let mut bits = vec![0xff; count.div_ceil(8)];
        if let (Some(last), used @ 1..) = (bits.last_mut(), count % 8) {
            *last = 0xff << (8 - used);
        }
        Self(bits)
    }

    /// Whether the file at this place is in it.
    pub fn contains(&self, index: usize) -> bool {
        self.0.get(index / 8).is_some_and(|bits| bits << (index % 8) & 0x80 != 0)
    }

    /// How many files are in it.
    pub fn len(&self) -> usize {
        self.0.iter().map(|bits| bits.count_ones() as usize).sum()
    }

    /// Whether no file is in it.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|bits| *bits == 0)
    }

    fn combine(&mut self, other: &Self, with: fn(u8, u8) -> u8) {
        self.0.iter_mut().zip(&other.0).for_each(|(mine, theirs)| *mine = with(*mine, *theirs));
    }
}

/// The tags of a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tags {
    tags: Vec<Tag>,
    file_count: usize,
}

impl Tags {
    /// Reads `count` tags of a manifest of `file_count` files.
    pub(super) fn read(reader: &mut Reader<'_>, count: usize, file_count: usize) -> Result<Self, TactError> {
        let mut tags = Vec::new();
        let everything = FileSet::all(file_count);
        for _ in 0..count {
            let name = reader.text()?.to_owned();
            let group = reader.u16()?;
            let mut files = FileSet(reader.take(file_count.div_ceil(8))?.to_vec());
            // The bits behind the last file mean nothing.
            files.combine(&everything, |mine, theirs| mine & theirs);
            tags.push(Tag { name, group, files });
        }
        Ok(Self { tags, file_count })
    }

    /// The tags, in the order of the manifest.
    pub fn iter(&self) -> impl Iterator<Item = &Tag> {
        self.tags.iter()
    }

    /// The tag of this name, whatever its case.
    pub fn get(&self, name: &str) -> Option<&Tag> {
        self.tags.iter().find(|tag| tag.name.eq_ignore_ascii_case(name))
    }

    /// The files for a device.
    ///
    /// ```
    /// # use traffix_platforms::battlenet::{Device, DownloadManifest};
    /// # let file = include_bytes!("fixtures/download_manifest_wow_classic_era_100entries.bin");
    /// let manifest = DownloadManifest::parse(file.as_slice().into())?;
    /// assert_eq!(manifest.tags().files_for(&Device::default()).len(), 23);
    /// assert_eq!(manifest.tags().files_for(&Device::default().in_locale("deDE")).len(), 39);
    /// # Ok::<(), traffix_platforms::battlenet::TactError>(())
    /// ```
    pub fn files_for(&self, device: &Device) -> FileSet {
        let mut files = FileSet::all(self.file_count);
        for tag in device.names().into_iter().filter_map(|name| self.get(name)) {
            files.combine(&tag.files, |mine, theirs| mine & theirs);
        }
        files
    }

    /// Names of the locales, in the order of the manifest: two small letters and two capitals.
    pub fn locales(&self) -> impl Iterator<Item = &str> {
        self.tags.iter().map(|tag| tag.name.as_str()).filter(|name| is_locale(name))
    }
}

fn is_locale(name: &str) -> bool {
    let [a, b, c, d] = name.as_bytes() else { return false };
    a.is_ascii_lowercase() && b.is_ascii_lowercase() && c.is_ascii_uppercase() && d.is_ascii_uppercase()
}
