//! The releases that monthly patches update.

/// Windows 10 or 11.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Edition {
    Ten,
    Eleven,
}

impl Edition {
    /// The external identifier of the release.
    pub(super) fn id(self) -> &'static str {
        match self {
            Self::Ten => "windows-10",
            Self::Eleven => "windows-11",
        }
    }

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Ten => "Windows 10",
            Self::Eleven => "Windows 11",
        }
    }

    pub(super) fn health_page(self) -> &'static str {
        match self {
            Self::Ten => "https://learn.microsoft.com/en-us/windows/release-health/release-information",
            Self::Eleven => {
                "https://learn.microsoft.com/en-us/windows/release-health/windows11-release-information"
            }
        }
    }

    /// The edition that a title or product names; the newer if it names both.
    pub(super) fn named_in(text: &str) -> Option<Self> {
        [Self::Eleven, Self::Ten].into_iter().find(|edition| text.contains(edition.title()))
    }
}
