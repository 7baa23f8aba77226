//! Identifiers of entries that platforms make: the same title always gets the same one.

use traffix_core::catalogue::{PlatformId, RuId};

/// Longest identifier of a catalogue.
const MAX_BYTES: usize = 100;

/// The identifier of a title of `platform`: `steam-413150`.
///
/// What cannot be part of an identifier becomes a hyphen; an identifier that would be too long or empty is replaced
/// by a hash of it.
///
/// ```
/// use traffix_platforms::entries::ru_id;
/// let platform = "battlenet".parse()?;
/// assert_eq!(ru_id(&platform, "wow_classic").as_str(), "battlenet-wow-classic");
/// assert!(ru_id(&platform, "原神").as_str().starts_with("battlenet-"));
/// # Ok::<(), traffix_core::catalogue::ParseSlugError>(())
/// ```
pub fn ru_id(platform: &PlatformId, external_id: &str) -> RuId {
    joined(platform.as_str(), external_id)
}

/// The identifier of a title whose [`ru_id`] another one has taken.
pub fn distinct_id(platform: &PlatformId, external_id: &str) -> RuId {
    let readable: String = slug(external_id).chars().take(40).collect();
    joined(platform.as_str(), &format!("{readable}-{}", hash(external_id)))
}

/// `<start>-<slug of the rest>`, or with a hash of the rest.
pub(super) fn joined(start: &str, rest: &str) -> RuId {
    let readable = slug(rest);
    let whole = format!("{start}-{readable}");
    let fits = !readable.is_empty() && whole.len() <= MAX_BYTES;
    let plain = if fits { RuId::new(whole).ok() } else { None };
    let short = |start: &str| RuId::new(format!("{start}-{}", hash(rest))).ok();
    match plain.or_else(|| short(start)).or_else(|| short(&hash(start))) {
        Some(id) => id,
        None => unreachable!("two hashes and a hyphen are an identifier"),
    }
}

/// Lower-case letters, digits and single hyphens between them.
fn slug(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let parts = lower.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| !part.is_empty());
    // Letters that have no place in an identifier would vanish and leave a wrong one.
    if lower.is_ascii() { parts.collect::<Vec<_>>().join("-") } else { String::new() }
}

/// 64-bit FNV-1a (Fowler, Noll, Vo) in hexadecimal: stable across versions and machines.
fn hash(text: &str) -> String {
    let fold = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    format!("{:016x}", text.bytes().fold(0xcbf2_9ce4_8422_2325, fold))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn identifiers_are_readable_where_they_can_be() {
        let steam = "steam".parse().unwrap();
        assert_eq!(ru_id(&steam, "413150").as_str(), "steam-413150");
        assert_eq!(ru_id(&steam, "9NBLGGH4R315").as_str(), "steam-9nblggh4r315");
        assert_eq!(hash("a"), "af63dc4c8601ec8c");
        assert_ne!(distinct_id(&steam, "a_b"), distinct_id(&steam, "a-b"));
    }

    proptest! {
        #[test]
        fn every_text_has_an_identifier(text in ".{0,300}", start in "[a-z]{1,100}") {
            let platform = start.parse().unwrap();
            prop_assert_eq!(ru_id(&platform, &text), ru_id(&platform, &text));
            let _ = distinct_id(&platform, &text);
        }
    }
}
