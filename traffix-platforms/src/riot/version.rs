//! Versions of releases, and the names of their manifests.

use std::cmp::Ordering;

use url::Url;

/// The version of an artefact: `16.17.8104348+branch.releases-16-17`. Ordered by its numbers, part by part: 16.9 lies
/// before 16.17. What is behind the plus does not count.
///
/// ```
/// use traffix_platforms::riot::Version;
/// assert!(Version::new("16.9.1+x") < Version::new("16.17.0+a"));
/// assert_eq!(Version::new("16.17.8104348+branch.releases-16-17").to_string(), "16.17.8104348");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version(String);

impl Version {
    /// Of this text, whatever it is.
    pub fn new(text: &str) -> Self {
        Self(text.split('+').next().unwrap_or_default().trim().to_owned())
    }

    fn parts(&self) -> impl Iterator<Item = &str> {
        self.0.split('.')
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        let (mut mine, mut theirs) = (self.parts(), other.parts());
        loop {
            let order = match (mine.next(), theirs.next()) {
                (None, None) => return self.0.cmp(&other.0),
                (a, b) => by_number(a.unwrap_or_default(), b.unwrap_or_default()),
            };
            if order.is_ne() {
                return order;
            }
        }
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0)
    }
}

/// Numbers by value, however long; other texts behind numbers, by their letters; nothing first.
fn by_number(a: &str, b: &str) -> Ordering {
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let (a_value, b_value) = (a.trim_start_matches('0'), b.trim_start_matches('0'));
    match (digits(a), digits(b)) {
        (true, true) => a_value.len().cmp(&b_value.len()).then_with(|| a_value.cmp(b_value)),
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
        (false, false) => a.cmp(b),
    }
}

/// The address of a manifest: `https://{host}/channels/public/releases/{16 digits}.manifest`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ManifestAddress(Url);

impl ManifestAddress {
    /// Reads an address that an answer names.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let address = Self(Url::parse(text).ok().filter(|url| matches!(url.scheme(), "https" | "http"))?);
        address.0.host_str()?;
        address.id().is_some().then_some(address)
    }

    /// The manifest's identifier.
    pub(super) fn id(&self) -> Option<&str> {
        let id = self.0.path_segments()?.next_back()?.strip_suffix(".manifest")?;
        is_id(id).then_some(id)
    }

    /// The manifest of another release of the same artefact. Old ones stay where they were.
    pub(super) fn of(&self, id: &str) -> Option<Self> {
        let mut url = self.0.clone();
        url.path_segments_mut().ok()?.pop().push(&format!("{id}.manifest"));
        is_id(id).then_some(Self(url))
    }

    pub(super) fn url(&self) -> &Url {
        &self.0
    }
}

fn is_id(text: &str) -> bool {
    text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorded(name: &str) -> serde_json::Value {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/riot/fixtures");
        serde_json::from_slice(&std::fs::read(folder.join(name)).unwrap()).unwrap()
    }

    #[test]
    fn versions_are_compared_by_number() {
        let sorted =
            ["1.2", "9.24.1", "16.9.1", "16.17", "16.17.0", "16.17.8104348", "16.17.10000000", "16.x"];
        for (place, version) in sorted.iter().enumerate() {
            for (other_place, other) in sorted.iter().enumerate() {
                let order = Version::new(version).cmp(&Version::new(other));
                assert_eq!(order, place.cmp(&other_place), "{version} {other}");
            }
        }
        assert_eq!(Version::new("16.17+a"), Version::new("16.17+b"));
        let long = "9".repeat(1000);
        assert!(Version::new(&long) < Version::new(&format!("1{long}")));
    }

    /// These forms are retired; the addresses in them are of the form that is still used.
    #[test]
    fn recorded_addresses_name_manifests() {
        let patcher = recorded("lol_patcher_live_win.json");
        let client = ManifestAddress::parse(patcher["client_patch_url"].as_str().unwrap()).unwrap();
        let game = ManifestAddress::parse(patcher["game_patch_url"].as_str().unwrap()).unwrap();
        assert_eq!((client.id(), game.id()), (Some("2692727817C92711"), Some("A7C273F1209CB831")));
        assert_eq!(client.of("A7C273F1209CB831"), Some(game));
        let release = recorded("lor_clientconfig_release.json");
        let manifest = ManifestAddress::parse(release["ReleaseManifestUrl"].as_str().unwrap()).unwrap();
        assert_eq!(manifest.id(), release["DataReleaseId"].as_str());
        assert_eq!(manifest.url().host_str(), Some("bacon.secure.dyn.riotcdn.net"));
    }

    #[test]
    fn other_addresses_are_not_followed() {
        for bad in [
            "",
            "file:///etc/0123456789ABCDEF.manifest",
            "https://example.org/0123456789ABCDEF",
            "https://example.org/..%2F..%2F.manifest",
            "https://example.org/xyz.manifest",
        ] {
            assert_eq!(ManifestAddress::parse(bad), None, "{bad}");
        }
        let good = ManifestAddress::parse("https://example.org/a/0123456789ABCDEF.manifest").unwrap();
        assert_eq!(good.of("../../../secret"), None);
    }
}
