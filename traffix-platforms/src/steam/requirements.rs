//! How much room a store page asks for: a hint of the size on disk, written by hand.

use traffix_core::Bytes;

use super::wire::Requirements;

/// Words that stand before the figure.
const LABELS: [&str; 6] =
    ["storage:", "hard drive:", "hard disk space:", "hard disk:", "hard drive space:", "disk space:"];
/// Words that stand behind it where there is no label.
const BEHIND: [&str; 6] =
    ["hdd space", "hd space", "hard drive space", "hard disk space", "disk space", "available space"];
/// How far behind a label the figure may stand, in bytes.
const REACH: usize = 40;
/// Beyond this it is a typing error: twice what the largest game asked for in 2026.
const MAX_BYTES: f64 = 1e12;

impl Requirements {
    /// The room asked for, the minimum first.
    pub(super) fn storage(&self) -> Option<Bytes> {
        match self {
            Self::None(_) => None,
            Self::Texts { minimum, recommended } => {
                [minimum, recommended].into_iter().flatten().find_map(|html| storage_text(html))
            }
        }
    }
}

/// The room that a text of HTML asks for: "Storage: 60 GB available space", "6GB HD space". GB is taken as 10⁹ bytes.
///
/// ```
/// use traffix_core::Bytes;
/// use traffix_platforms::steam::storage_text;
/// assert_eq!(storage_text("<strong>Storage:</strong> 60 GB available space"), Some(Bytes(60_000_000_000)));
/// assert_eq!(storage_text("<strong>OS:</strong> TBD"), None);
/// ```
pub fn storage_text(html: &str) -> Option<Bytes> {
    let text = plain(html);
    let labelled = LABELS.iter().find_map(|label| {
        let behind = &text[text.find(label)? + label.len()..];
        first_size(head(behind, REACH))
    });
    labelled.or_else(|| {
        BEHIND.iter().find_map(|words| {
            let before = &text[..text.find(words)?];
            last_size(before)
        })
    })
}

/// Lower-case text without tags.
fn plain(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    let mut tag = false;
    for c in html.chars() {
        match c {
            '<' => tag = true,
            '>' if tag => {
                tag = false;
                text.push(' ');
            }
            _ if !tag => text.extend(c.to_lowercase()),
            _ => {}
        }
    }
    // Single spaces, so that labels can be searched for as words.
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn head(text: &str, len: usize) -> &str {
    let end = (0..=len.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    &text[..end]
}

/// The first figure with a unit of bytes.
fn first_size(text: &str) -> Option<Bytes> {
    let start = text.find(|c: char| c.is_ascii_digit())?;
    let text = &text[start..];
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.' && c != ',').unwrap_or(text.len());
    size(&text[..end], text[end..].trim_start())
}

/// The figure with a unit that ends the text: "…, 7gb ".
fn last_size(text: &str) -> Option<Bytes> {
    let text = text.trim_end().trim_end_matches(" free").trim_end();
    let number_end = text.trim_end_matches(|c: char| c.is_ascii_lowercase() || c == ' ').len();
    let (front, unit) = text.split_at(number_end);
    let number = front.rsplit(|c: char| !c.is_ascii_digit() && c != '.').next()?;
    size(number, unit.trim_start())
}

fn size(number: &str, unit: &str) -> Option<Bytes> {
    let number: f64 = number.trim_end_matches(['.', ',']).replace(',', ".").parse().ok()?;
    let factor = match unit.get(..2)? {
        "kb" => 1e3,
        "mb" => 1e6,
        "gb" => 1e9,
        "tb" => 1e12,
        _ => return None,
    };
    let bytes = (number * factor).round();
    // Between a byte and the bound a float is exact enough and fits.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked")]
    (1.0..=MAX_BYTES).contains(&bytes).then_some(Bytes(bytes as u64))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[derive(serde::Deserialize)]
    struct Shapes {
        pc_requirements: Requirements,
        mac_requirements: Requirements,
    }

    #[test]
    fn every_recorded_shape_is_read() {
        let shapes: BTreeMap<String, Shapes> =
            serde_json::from_str(include_str!("fixtures/requirement_shapes.json")).unwrap();
        let asked = |id: &str| (shapes[id].pc_requirements.storage(), shapes[id].mac_requirements.storage());
        assert_eq!(asked("1245620"), (Some(Bytes(60_000_000_000)), None));
        assert_eq!(asked("57690"), (Some(Bytes(5_000_000_000)), Some(Bytes(6_000_000_000))));
        assert_eq!(asked("2130"), (Some(Bytes(7_000_000_000)), None));
        assert_eq!(asked("431960"), (Some(Bytes(512_000_000)), None));
        assert!(matches!(shapes["2130"].mac_requirements, Requirements::None(_)));
    }

    #[test]
    fn figures_of_other_things_are_not_taken() {
        for text in [
            "Memory: 8 GB RAM",
            "Storage: TBD",
            "Storage: 90000 GB",
            "",
            "Storage: 60",
            "<<<>storage:>1",
            "hd space",
        ] {
            assert_eq!(storage_text(text), None, "{text}");
        }
        assert_eq!(storage_text("Storage: 1,5 GB"), Some(Bytes(1_500_000_000)));
        assert_eq!(storage_text("Memory: 8 GB RAM<br>Hard Drive Space: 2.5GB"), Some(Bytes(2_500_000_000)));
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd(text in "([<>a-z0-9 .,:]|storage:|hd space|gb|é){0,60}") {
            storage_text(&text);
        }
    }
}
