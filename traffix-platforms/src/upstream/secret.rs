//! Secrets of the operator, by name.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

/// What stands where a secret was.
pub(super) const REMOVED: &str = "[secret removed]";

/// A key or token. It has no way into a log: `Debug` hides it, and there is neither `Display` nor `Serialize`.
///
/// ```
/// use traffix_platforms::upstream::Secret;
/// assert_eq!(format!("{:?}", Secret::new("0123456789abcdef")), "Secret(hidden)");
/// ```
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Hides `text`, without the blanks and line ends around it that files tend to have.
    pub fn new(text: impl AsRef<str>) -> Self {
        Self(text.as_ref().trim().to_owned())
    }

    /// The text itself: only for the request that needs it.
    pub(super) fn expose(&self) -> &str {
        self.0.trim()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(hidden)")
    }
}

/// The operator's secrets by the name under which platforms ask for them: `steam`, `tmdb`, `github`.
///
/// It reads from a table of names in any format of serde; an empty text counts as absent, and an underscore in a name
/// as a hyphen, because variables of the environment cannot have hyphens.
///
/// ```
/// use traffix_platforms::upstream::Secrets;
/// let text = "steam = \"0123456789abcdef\"\ntmdb = \"\"\nplaystation_ps4 = \"fedcba9876543210\"";
/// let secrets: Secrets = toml::from_str(text).unwrap();
/// assert_eq!(secrets.names().collect::<Vec<_>>(), ["playstation-ps4", "steam"]);
/// assert!(!format!("{secrets:?}").contains("0123456789abcdef"));
/// ```
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(from = "BTreeMap<String, Secret>")]
pub struct Secrets(BTreeMap<String, Secret>);

impl From<BTreeMap<String, Secret>> for Secrets {
    fn from(secrets: BTreeMap<String, Secret>) -> Self {
        let there = secrets.into_iter().filter(|(_, secret)| !secret.expose().is_empty());
        Self(there.map(|(name, secret)| (name.replace('_', "-"), secret)).collect())
    }
}

impl FromIterator<(String, Secret)> for Secrets {
    fn from_iter<I: IntoIterator<Item = (String, Secret)>>(secrets: I) -> Self {
        Self::from(secrets.into_iter().collect::<BTreeMap<_, _>>())
    }
}

impl Secrets {
    /// The secret of this name.
    pub fn get(&self, name: &str) -> Option<&Secret> {
        self.0.get(name)
    }

    /// Names of the secrets there are.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// All of them, as they may stand in texts.
    pub(super) fn spellings(&self) -> Vec<String> {
        self.0.values().flat_map(spellings).collect()
    }
}

/// The secret as it is and as it stands in an address.
pub(super) fn spellings(secret: &Secret) -> Vec<String> {
    let plain = secret.expose().to_owned();
    let escaped: String = url::form_urlencoded::byte_serialize(plain.as_bytes()).collect();
    if escaped == plain { vec![plain] } else { vec![plain, escaped] }
}

/// `bytes` with every occurrence of the secrets replaced; nothing if there is none.
pub(super) fn without(bytes: &[u8], secrets: &[String]) -> Option<Vec<u8>> {
    let mut clean: Option<Vec<u8>> = None;
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        let text = clean.as_deref().unwrap_or(bytes);
        if let Some(replaced) = replace(text, secret.as_bytes()) {
            clean = Some(replaced);
        }
    }
    clean
}

/// A text with every occurrence of the secrets replaced.
pub(super) fn clean_text(text: String, secrets: &[String]) -> String {
    match without(text.as_bytes(), secrets) {
        Some(clean) => String::from_utf8_lossy(&clean).into_owned(),
        None => text,
    }
}

fn replace(text: &[u8], secret: &[u8]) -> Option<Vec<u8>> {
    let mut rest = text;
    let mut clean = Vec::new();
    while let Some(at) = find(rest, secret) {
        clean.extend_from_slice(&rest[..at]);
        clean.extend_from_slice(REMOVED.as_bytes());
        rest = &rest[at + secret.len()..];
    }
    if rest.len() == text.len() {
        return None;
    }
    clean.extend_from_slice(rest);
    Some(clean)
}

/// The first place of `secret`, which is not empty.
fn find(text: &[u8], secret: &[u8]) -> Option<usize> {
    let first = *secret.first()?;
    let mut from = 0;
    while let Some(at) = text[from..].iter().position(|byte| *byte == first) {
        if text[from + at..].starts_with(secret) {
            return Some(from + at);
        }
        from += at + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_occurrence_is_replaced() {
        let secrets = ["abc".to_owned(), "a+b".to_owned()];
        let clean = |text: &str| clean_text(text.to_owned(), &secrets);
        assert_eq!(clean("x abc, aabcabc"), format!("x {REMOVED}, a{REMOVED}{REMOVED}"));
        assert_eq!(clean("a+b"), REMOVED);
        assert_eq!(clean("ab bc"), "ab bc");
        assert_eq!(without(b"nothing", &secrets), None);
    }

    #[test]
    fn addresses_spell_secrets_differently() {
        assert_eq!(spellings(&Secret::new(" a+b/c\n")), ["a+b/c", "a%2Bb%2Fc"]);
        assert_eq!(spellings(&Secret::new("abc")), ["abc"]);
    }
}
