//! Why a manifest cannot be read.

/// A manifest that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// The body is encrypted and the key is not public: use what the launcher says about the build.
    #[error("the manifest is encrypted")]
    Encrypted,
    /// A form without a description: between the JSON form and the columns there was one of serialised objects.
    #[error("feature level {0} of the binary form is not described anywhere: columns begin with 14")]
    FeatureLevel(u32),
    /// It says that it is longer than any build's manifest.
    #[error("the manifest says it has {declared_bytes} bytes; at most {limit_bytes} are read")]
    TooLarge {
        /// What it says.
        declared_bytes: u64,
        /// What is accepted.
        limit_bytes: u64,
    },
    /// Damaged, or no manifest.
    #[error("not a manifest: {detail}, at {at}")]
    Malformed {
        /// Where: a path into the JSON document, or an offset after decompression.
        at: String,
        /// What is there instead.
        detail: String,
    },
}

impl ManifestError {
    pub(super) fn malformed(at: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::Malformed { at: at.into(), detail: detail.into() }
    }
}
