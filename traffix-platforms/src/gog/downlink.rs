//! The description of an installer behind a secure link: its exact length.

use serde::Deserialize;

use super::ID;
use crate::PlatformError;

/// An installer, as its description says.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Downlink {
    /// Name of the file.
    #[serde(rename = "@name")]
    pub name: String,
    /// Bytes on the wire.
    #[serde(rename = "@total_size")]
    pub wire_bytes: u64,
    /// The pieces by which it is checked.
    #[serde(default, rename = "chunk")]
    pub chunks: Vec<DownlinkChunk>,
}

/// A piece of an installer.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct DownlinkChunk {
    /// First byte.
    #[serde(rename = "@from")]
    pub from: u64,
    /// Last byte.
    #[serde(rename = "@to")]
    pub to: u64,
}

impl Downlink {
    /// Reads the XML behind the `checksum` address of a secure link. The link itself needs a signed-in client.
    ///
    /// ```
    /// use traffix_platforms::gog::Downlink;
    /// let xml = br#"<file name="setup.exe" total_size="36717998"></file>"#;
    /// assert_eq!(Downlink::parse(xml)?.wire_bytes, 36_717_998);
    /// # Ok::<(), traffix_platforms::PlatformError>(())
    /// ```
    ///
    /// # Errors
    /// [`PlatformError::Malformed`].
    pub fn parse(xml: &[u8]) -> Result<Self, PlatformError> {
        quick_xml::de::from_reader(xml).map_err(|error| PlatformError::Malformed {
            platform: ID,
            operation: "downlink",
            at: "file".into(),
            detail: error.to_string().chars().take(300).collect(),
        })
    }
}
