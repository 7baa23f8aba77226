//! What can be wrong with bytes of the patch service.

/// Bytes that are not what they should be: where, and what is there instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TactError {
    /// They end too early: fetch them again.
    #[error("{what}: ends at byte {offset}, {needed} more bytes must follow")]
    Truncated {
        /// Which format.
        what: &'static str,
        /// Where they end.
        offset: usize,
        /// How many bytes are missing at least.
        needed: usize,
    },
    /// They say something that the format does not allow: the format has changed, or they are not of it.
    #[error("{what}: {at}: {detail}")]
    Malformed {
        /// Which format.
        what: &'static str,
        /// A line, a byte or a field.
        at: String,
        /// What is there instead.
        detail: String,
    },
    /// They are not those that were announced: fetch them again, from another host.
    #[error("{what}: the MD5 of {part} is not the announced one")]
    Digest {
        /// Which format.
        what: &'static str,
        /// Which part of it.
        part: String,
    },
    /// They are encrypted: the platform gives the key to clients of the title's owners only.
    #[error("BLTE: chunk {chunk} is encrypted with a key that is not public")]
    Encrypted {
        /// Counted from 0.
        chunk: usize,
    },
    /// They are packed in a way that is documented but was not seen, and is not read here.
    #[error("BLTE: chunk {chunk} is packed in mode {mode:?}, which is not supported")]
    UnsupportedMode {
        /// Counted from 0.
        chunk: usize,
        /// The letter of the mode: `4` is LZ4, `F` another BLTE inside.
        mode: char,
    },
    /// They would unpack to more than the caller allows: raise the limit if that is plausible.
    #[error("BLTE: unpacks to more than {limit_bytes} bytes")]
    TooLarge {
        /// What the caller allows.
        limit_bytes: u64,
    },
}

impl TactError {
    pub(super) fn malformed(
        what: &'static str,
        at: impl std::fmt::Display,
        detail: impl Into<String>,
    ) -> Self {
        Self::Malformed { what, at: at.to_string(), detail: detail.into() }
    }

    /// Where it is wrong, for an error that names the place apart.
    pub(super) fn place(&self) -> String {
        match self {
            Self::Truncated { offset, .. } => format!("byte {offset}"),
            Self::Malformed { at, .. } => at.clone(),
            Self::Digest { part, .. } => part.clone(),
            Self::Encrypted { chunk } | Self::UnsupportedMode { chunk, .. } => format!("chunk {chunk}"),
            Self::TooLarge { limit_bytes } => format!("byte {limit_bytes}"),
        }
    }
}
