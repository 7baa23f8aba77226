//! The host names that volunteers keep for caches of downloads (<https://github.com/uklans/cache-domains>, MIT).
//!
//! A name says for which platform it is asked, not who answers: `level3.blizzard.com` answers from Akamai. So the
//! assertions name no network, and count as unverified until somebody resolves them.

use std::sync::Arc;

use serde::Deserialize;
use traffix_core::Invalid;
use traffix_core::catalogue::PlatformId;
use traffix_core::delivery::{Assertion, EvidenceKind, HostPattern, PartialDate, Role, Status, Tenancy};

use crate::upstream::{Call, Fetched, Request, Upstream};
use crate::{Platform, PlatformError, platform};

const ID: PlatformId = PlatformId::from_static("cache-domains");

/// Where the list is.
const BASE: &str = "https://raw.githubusercontent.com/uklans/cache-domains/master";

/// Names of the list, and the platforms they are here. The list knows more; those have no folder.
static NAMES: [(&str, PlatformId); 10] = [
    ("blizzard", PlatformId::from_static("battlenet")),
    ("epicgames", PlatformId::from_static("epic")),
    ("nintendo", PlatformId::from_static("nintendo")),
    ("origin", PlatformId::from_static("ea")),
    ("riot", PlatformId::from_static("riot")),
    ("sony", PlatformId::from_static("playstation")),
    ("steam", PlatformId::from_static("steam")),
    ("uplay", PlatformId::from_static("ubisoft")),
    ("wsus", PlatformId::from_static("windows-update")),
    ("xboxlive", PlatformId::from_static("xbox")),
];

/// Confidence in a name that nobody resolved, as a factor; as in reviewed assertions. Assumed.
const UNVERIFIED_FACTOR: f64 = 0.5;

/// Most files of one entry.
const MAX_FILES: usize = 20;

/// The host names of the registered platforms.
#[derive(Debug, Clone, PartialEq)]
pub struct HostNames {
    /// One assertion a name.
    pub assertions: Vec<Assertion>,
    /// Lines that are no host names, by file and line.
    pub findings: Vec<Invalid>,
}

impl HostNames {
    /// The names that the platforms' profiles do not cover yet: what a reviewer should look at.
    pub fn unknown(&self) -> impl Iterator<Item = &Assertion> {
        self.assertions.iter().filter(|assertion| {
            let profile =
                assertion.platform.as_ref().and_then(|id| platform(id.as_str()).ok()).map(Platform::profile);
            let mut known = profile.into_iter().flat_map(|profile| &profile.assertions);
            !known.any(|known| known.host.as_ref().is_some_and(|host| covers(host, assertion)))
        })
    }
}

/// Whether a known pattern is the asserted one or matches it.
fn covers(known: &HostPattern, assertion: &Assertion) -> bool {
    assertion.host.as_ref().is_some_and(|host| {
        // A wildcard below a known suffix is covered if any name below it is.
        let example = host.as_str().replace('*', "1");
        known == host || known.matches(&example)
    })
}

/// Reads the names of all registered platforms: an index and a file or two for each.
///
/// # Errors
/// [`PlatformError::Malformed`] if the index is none or names a file elsewhere, [`PlatformError::NotFound`] if a file
/// is missing, [`PlatformError::Upstream`] if there is no answer. A line that is no host name is a finding.
pub async fn host_names(up: &dyn Upstream) -> Result<Fetched<HostNames>, PlatformError> {
    let call = Call::new(ID, "cache_domains.json", up);
    let index = call.json::<Index>(get("cache_domains.json")).await?;
    let mut names = HostNames { assertions: Vec::new(), findings: Vec::new() };
    for (entry, platform) in index.value.cache_domains.iter().filter_map(registered) {
        for file in entry.domain_files.iter().take(MAX_FILES) {
            if !is_file_name(file) {
                return Err(call.malformed(entry.name.clone(), format!("{file:?} is no file name")));
            }
            let fetched = call.bytes(get(file)).await?;
            let text = String::from_utf8_lossy(&fetched.value);
            names.read(&text, file, platform, &fetched);
        }
    }
    if names.assertions.is_empty() {
        return Err(call.malformed("cache_domains", "no name of a registered platform"));
    }
    Ok(index.map(|_| names))
}

impl HostNames {
    fn read<T>(&mut self, text: &str, file: &str, platform: &PlatformId, fetched: &Fetched<T>) {
        let source: Arc<str> = Arc::from(fetched.source.as_str());
        let observed = Some(PartialDate::day(fetched.observed_at.date_naive()));
        for (line, text) in (1..).zip(text.lines()) {
            let name = text.split('#').next().unwrap_or_default().trim();
            if name.is_empty() {
                continue;
            }
            match name.parse::<HostPattern>() {
                Ok(host) => self.assertions.push(assertion(platform, host, &source, observed)),
                Err(error) => self.findings.push(Invalid::new(format!("/{file}/{line}"), error.to_string())),
            }
        }
    }
}

fn assertion(
    platform: &PlatformId,
    host: HostPattern,
    source: &Arc<str>,
    observed: Option<PartialDate>,
) -> Assertion {
    Assertion {
        platform: Some(platform.clone()),
        cdn: None,
        asn: None,
        prefix: None,
        host: Some(host),
        role: Role::Cdn,
        tenancy: Tenancy::Shared,
        region: None,
        site: None,
        status: Status::Unverified,
        evidence: EvidenceKind::CommunityList,
        source: Arc::clone(source),
        observed,
        valid_from: None,
        valid_until: None,
        confidence: EvidenceKind::CommunityList.confidence() * UNVERIFIED_FACTOR,
        share_hint: None,
        note: Some(Arc::from("the list does not say who answers")),
    }
}

#[derive(Deserialize)]
struct Index {
    cache_domains: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    name: String,
    #[serde(default)]
    domain_files: Vec<String>,
}

fn registered(entry: &Entry) -> Option<(&Entry, &'static PlatformId)> {
    NAMES.iter().find(|(name, _)| *name == entry.name).map(|(_, platform)| (entry, platform))
}

fn is_file_name(file: &str) -> bool {
    let word = |name: &str| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
    };
    file.len() <= 100 && file.strip_suffix(".txt").is_some_and(word)
}

fn get(file: &str) -> Request {
    Request::get(BASE).segment(file).fresh_for(86_400)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::testing::{answer, damage, recorded, run};

    const FIXTURES: &str = "sources/domains/fixtures";

    #[test]
    fn names_of_every_registered_platform() {
        let fetched = run(host_names(&recorded(FIXTURES))).unwrap();
        let names = fetched.value;
        assert_eq!(names.findings, []);
        let mut counts = BTreeMap::<&str, usize>::new();
        for assertion in &names.assertions {
            assert_eq!(assertion.check(), []);
            *counts.entry(assertion.platform.as_ref().unwrap().as_str()).or_default() += 1;
        }
        let expected = [
            ("battlenet", 11),
            ("ea", 3),
            ("epic", 14),
            ("nintendo", 11),
            ("playstation", 16),
            ("riot", 5),
            ("steam", 1),
            ("ubisoft", 1),
            ("windows-update", 13),
            ("xbox", 7),
        ];
        assert_eq!(counts, BTreeMap::from(expected));
        let first = &names.assertions[0];
        assert_eq!(first.host.as_ref().unwrap().as_str(), "*.cdn.blizzard.com");
        assert_eq!(first.source.as_ref(), format!("{BASE}/blizzard.txt"));
        assert!((first.confidence - 0.375).abs() < 1e-12);
    }

    #[test]
    fn known_names_are_not_reviewed_again() {
        let names = run(host_names(&recorded(FIXTURES))).unwrap().value;
        let unknown: Vec<_> =
            names.unknown().filter_map(|a| a.host.as_ref()).map(HostPattern::as_str).collect();
        assert!(!unknown.contains(&"lancache.steamcontent.com"));
        assert!(unknown.len() < names.assertions.len());
    }

    #[test]
    fn every_name_is_of_a_registered_platform() {
        assert!(NAMES.iter().all(|(_, id)| platform(id.as_str()).is_ok()));
    }

    #[test]
    fn odd_lines_are_findings_and_odd_indexes_errors() {
        let mut names = HostNames { assertions: Vec::new(), findings: Vec::new() };
        let steam = PlatformId::from_static("steam");
        let observed_at = chrono::DateTime::UNIX_EPOCH;
        let fetched = Fetched { value: (), source: "here".into(), observed_at };
        names.read(
            "# all\n*.a.example # x\nnot a name\n\nhttp://b.example/\r\nC.example\r\n",
            "x.txt",
            &steam,
            &fetched,
        );
        let pointers: Vec<_> = names.findings.iter().map(|finding| finding.pointer.as_str()).collect();
        assert_eq!((names.assertions.len(), pointers), (2, vec!["/x.txt/3", "/x.txt/5"]));
        for body in [
            "",
            "<html>",
            "{}",
            r#"{"cache_domains":[]}"#,
            r#"{"cache_domains":[{"name":"steam","domain_files":["../x.txt"]}]}"#,
            r#"{"cache_domains":[{"name":"steam","domain_files":["https://evil.example/x.txt"]}]}"#,
        ] {
            let up = answer(&format!("{BASE}/cache_domains.json"), 200, body);
            assert!(matches!(run(host_names(&up)), Err(PlatformError::Malformed { .. })), "{body}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn damaged_recordings_give_values_or_typed_errors(damage in damage()) {
            if let Ok(fetched) = run(host_names(&damage.replay(FIXTURES))) {
                prop_assert!(fetched.value.assertions.iter().all(|assertion| assertion.check().is_empty()));
            }
        }
    }
}
