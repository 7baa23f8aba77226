//! The table of names answers like a scan over the patterns, and hints move probabilities the way they should.
#![expect(clippy::unwrap_used, reason = "helpers of tests may fail")]

use std::cmp::Reverse;
use std::net::IpAddr;

use proptest::prelude::*;
use traffix_core::catalogue::PlatformId;
use traffix_core::delivery::{
    Assertion, Attribution, Attributor, DomainTable, EvidenceKind, Hints, HostPattern, Origin, PrefixKind,
    PrefixTable, Role, Status, Tenancy,
};

fn claim(host: &str, platform: Option<&str>, cdn: Option<&str>) -> Assertion {
    Assertion {
        platform: platform.map(|id| id.parse().unwrap()),
        cdn: cdn.map(|id| id.parse().unwrap()),
        asn: None,
        prefix: None,
        host: Some(host.parse().unwrap()),
        role: Role::Cdn,
        tenancy: Tenancy::Shared,
        region: None,
        site: None,
        status: Status::Current,
        evidence: EvidenceKind::Official,
        source: "a test".into(),
        observed: None,
        valid_from: None,
        valid_until: None,
        confidence: 0.95,
        share_hint: None,
        note: None,
    }
}

fn table(claims: &[Assertion]) -> DomainTable {
    let mut builder = DomainTable::builder();
    for claim in claims {
        assert!(builder.assertion(claim));
    }
    builder.build()
}

/// Labels crowd into few values, so that patterns nest and meet.
fn label() -> impl Strategy<Value = String> {
    "[ab]{0,1}[12*]{0,2}[ab]"
}

fn pattern() -> impl Strategy<Value = HostPattern> {
    let labels = prop::collection::vec(prop_oneof![label(), "[12]{0,1}[ab][12*]{0,2}"], 2..5);
    (labels, any::<bool>()).prop_filter_map("not in the grammar of patterns", |(labels, below)| {
        let name = labels.join(".");
        let name = if below { format!("*.{}", name.replace('*', "1")) } else { name };
        name.parse().ok()
    })
}

/// Names near the patterns, with other digits, labels, cases and dots, and some that are no names at all.
fn name(patterns: Vec<HostPattern>) -> impl Strategy<Value = Vec<u8>> {
    let near = (prop::sample::select(patterns), "([ab12]{1,2}\\.){0,2}", "[0-9]{0,3}", "\\.{0,2}");
    let near = near.prop_map(|(pattern, head, digits, dots)| {
        let tail = pattern.as_str().trim_start_matches("*.").replace('*', &digits);
        format!("{head}{tail}{dots}").to_uppercase().into_bytes()
    });
    let far = prop::collection::vec(prop::sample::select(b"ab12.*-\xff\0\xc3\xa9".to_vec()), 0..300);
    prop_oneof![8 => near, 1 => far, 1 => "[ab.]{0,400}".prop_map(String::into_bytes)]
}

/// The oracle: of all patterns that match, an exact one, else the one with numbers that has the fewest stars, then the
/// longest, then the first of the alphabet, else the longest suffix.
fn scan<'a>(patterns: &'a [HostPattern], host: &[u8]) -> Option<&'a HostPattern> {
    let rank = |pattern: &&HostPattern| {
        let text = pattern.as_str();
        let stars = text.matches('*').count();
        (pattern.suffix().is_some(), stars, Reverse(text.len()), text.to_owned())
    };
    let host = String::from_utf8_lossy(host);
    patterns.iter().filter(|pattern| pattern.matches(&host)).min_by_key(rank)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn look_ups_equal_a_linear_scan(
        (patterns, hosts) in prop::collection::vec(pattern(), 1..40).prop_flat_map(|patterns| {
            let hosts = prop::collection::vec(name(patterns.clone()), 1..40);
            (Just(patterns), hosts)
        }),
    ) {
        let claims: Vec<_> = patterns.iter().map(|p| claim(p.as_str(), Some("steam"), None)).collect();
        let table = table(&claims);
        for host in hosts {
            let found = table.lookup(&host).map(|found| found.pattern);
            prop_assert_eq!(found, scan(&patterns, &host), "{}", String::from_utf8_lossy(&host));
        }
    }

    #[test]
    fn hints_always_give_a_distribution(case in case()) {
        let answer = case.answer();
        let sum: f64 = answer.platforms.iter().map(|one| one.probability).sum();
        prop_assert!((sum - 1.0).abs() < 1e-9, "{sum}");
        prop_assert!(answer.platforms.iter().all(|one| (0.0..=1.0).contains(&one.probability)));
        prop_assert_eq!(answer.platforms.iter().filter(|one| one.platform.is_none()).count(), 1);
        prop_assert!(answer.platforms.last().unwrap().platform.is_none());
    }

    #[test]
    fn a_release_never_lowers_its_platform(case in case(), who in platform(), weight in 0.0_f64..1e12) {
        let mut more = case.clone();
        more.running.push((who.clone(), weight));
        let (before, after) = (probability(&case.answer(), &who), probability(&more.answer(), &who));
        prop_assert!(after >= before - 1e-12, "{before} to {after}");
    }

    #[test]
    fn a_name_never_lowers_whom_it_is_claimed_for(case in case()) {
        let claimed = case.claimed_for("host.example");
        let without = Case { host: None, ..case.clone() }.answer();
        let with = Case { host: Some("host.example"), ..case.clone() }.answer();
        for who in claimed {
            let (before, after) = (probability(&without, &who), probability(&with, &who));
            prop_assert!(after >= before - 1e-12, "{who}: {before} to {after}");
        }
    }

    #[test]
    fn another_port_or_an_unlisted_name_never_lowers_the_unknown(case in case(), port: u16) {
        let without = Case { host: None, port: None, ..case.clone() };
        let unlisted = Case { host: Some("other.example"), ..without.clone() };
        let other = Case { port: Some(port), ..without.clone() };
        for more in [unlisted, other] {
            let (before, after) = (without.answer().probability_unknown(), more.answer().probability_unknown());
            prop_assert!(after >= before - 1e-12, "{before} to {after}");
        }
    }

    #[test]
    fn no_hints_change_nothing(case in case()) {
        let case = Case { host: None, port: None, running: Vec::new(), ..case };
        let attributor = case.attributor();
        prop_assert_eq!(case.answer(), attributor.prefixes.attribute(case.address.unwrap_or(NOWHERE)));
    }
}

const NOWHERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);

/// One question with its tables.
#[derive(Debug, Clone)]
struct Case {
    prior: Vec<(PlatformId, f64)>,
    claims: Vec<(PlatformId, f64)>,
    address: Option<IpAddr>,
    host: Option<&'static str>,
    port: Option<u16>,
    running: Vec<(PlatformId, f64)>,
}

fn platform() -> impl Strategy<Value = PlatformId> {
    (0_u8..5).prop_map(|n| format!("p{n}").parse().unwrap())
}

fn case() -> impl Strategy<Value = Case> {
    let shares = |most: usize| prop::collection::vec((platform(), 0.0_f64..1.0), 0..most);
    let weight = prop_oneof![4 => 0.0..1e12, 1 => prop::num::f64::ANY];
    let address = prop::option::of(prop::sample::select(vec!["192.0.2.1", "198.51.100.1"]));
    let host = prop::option::of(prop::sample::select(vec!["host.example", "other.example", "", ".."]));
    let port = prop::option::of(prop::sample::select(vec![80_u16, 443, 1119, 27_015]));
    let running = prop::collection::vec((platform(), weight), 0..5);
    (shares(4), shares(4), address, host, port, running).prop_map(
        |(prior, claims, address, host, port, running)| {
            let address = address.map(|ip| ip.parse().unwrap());
            Case { prior, claims, address, host, port, running }
        },
    )
}

impl Case {
    fn attributor(&self) -> Attributor {
        let mut prefixes = PrefixTable::builder();
        let origin = prefixes.origin(Origin {
            cdn: "cdn".parse().unwrap(),
            asn: None,
            kind: PrefixKind::OfficialList,
            tenancy: Tenancy::Shared,
            source: "a test".into(),
            observed: None,
        });
        prefixes.insert(origin, "192.0.2.0/24".parse().unwrap());
        prefixes.platforms("cdn".parse().unwrap(), &self.prior);
        let mut domains = DomainTable::builder();
        for (platform, confidence) in &self.claims {
            let mut claim = claim("host.example", Some(platform.as_str()), None);
            claim.confidence = *confidence;
            domains.assertion(&claim);
        }
        Attributor { prefixes: prefixes.build().into(), domains: domains.build().into() }
    }

    fn answer(&self) -> Attribution {
        let hints = Hints { host: self.host, port: self.port, at: None, running: &self.running };
        self.attributor().attribute(self.address, &hints)
    }

    fn claimed_for(&self, host: &str) -> Vec<PlatformId> {
        let attributor = self.attributor();
        let found = attributor.domains.lookup(host);
        found.into_iter().flat_map(|found| found.claims).filter_map(|claim| claim.platform.clone()).collect()
    }
}

fn probability(answer: &Attribution, of: &PlatformId) -> f64 {
    answer.platforms.iter().filter(|one| one.platform.as_ref() == Some(of)).map(|one| one.probability).sum()
}

#[test]
fn a_wildcard_is_below_and_never_the_name_itself() {
    let table = table(&[claim("*.dl.example", Some("steam"), None), claim("x.example", Some("gog"), None)]);
    for (host, known) in [
        ("a.dl.example", true),
        ("b.A.DL.example.", true),
        ("dl.example", false),
        (".dl.example", false),
        ("a..dl.example", false),
        ("adl.example", false),
        ("x.example", true),
        ("a.x.example", false),
        ("example", false),
        ("", false),
        (".", false),
    ] {
        assert_eq!(table.lookup(host).is_some(), known, "{host:?}");
    }
}

#[test]
fn the_most_specific_claim_that_holds_wins() {
    let mut past = claim("level3.example.com", Some("battlenet"), Some("lumen-cdn"));
    past.status = Status::Historical;
    past.valid_until = Some("2024-01-31".parse().unwrap());
    let now = claim("*.example.com", Some("battlenet"), Some("akamai"));
    let attributor =
        Attributor { prefixes: PrefixTable::default().into(), domains: table(&[past, now]).into() };
    let cdn = |at: Option<&str>| {
        let at = at.map(|at| at.parse().unwrap());
        let hints = Hints { host: Some("level3.example.com"), at, ..Hints::default() };
        attributor.attribute(None, &hints).cdn.unwrap().to_string()
    };
    assert_eq!(cdn(None), "akamai");
    assert_eq!(cdn(Some("2026-01-01T00:00:00Z")), "akamai");
    assert_eq!(cdn(Some("2023-11-08T18:00:00Z")), "lumen-cdn");
}

#[test]
fn broad_statements_support_narrow_ones_and_never_replace_them() {
    let sure = claim("*.example.com", Some("steam"), Some("valve"));
    let mut narrow = claim("a.cdn.example.com", Some("steam"), Some("akamai"));
    narrow.confidence = 0.75;
    let mut other = claim("b.cdn.example.com", Some("gog"), None);
    other.confidence = 0.5;
    let attributor =
        Attributor { prefixes: PrefixTable::default().into(), domains: table(&[sure, narrow, other]).into() };
    let ask = |host| attributor.attribute(None, &Hints { host: Some(host), ..Hints::default() });
    let (a, b) = (ask("a.cdn.example.com"), ask("b.cdn.example.com"));
    assert_eq!((a.cdn.unwrap().as_str(), a.platforms[0].probability), ("akamai", 0.95));
    let evidence = a.domain.unwrap();
    assert_eq!((evidence.pattern.as_str(), evidence.confidence), ("a.cdn.example.com", 0.95));
    // Another platform is no support.
    assert_eq!((b.platforms.len(), b.platforms[0].probability), (2, 0.5));
}

#[test]
fn contradictions_name_no_cdn_and_keep_both_platforms() {
    let mut surer = claim("a.example.com", Some("xbox"), Some("akamai"));
    let other = claim("a.example.com", Some("windows-update"), Some("fastly"));
    let both = table(&[surer.clone(), other.clone()]).counted_as("a.example.com");
    assert_eq!((both.platform, both.cdn), (None, None));
    surer.confidence = 0.97;
    let one = table(&[other, surer]).counted_as("a.example.com");
    assert_eq!((one.platform, one.cdn), (None, Some("akamai".parse().unwrap())));
}

/// The example of the documentation by hand: prior .2, .1 and .7; the first platform carries all running weight.
#[test]
fn the_formulas_are_those_of_the_documentation() {
    let ids: Vec<PlatformId> = ["steam", "xbox"].map(|id| id.parse().unwrap()).into();
    let case = Case {
        prior: vec![(ids[0].clone(), 0.2), (ids[1].clone(), 0.1)],
        claims: vec![(ids[1].clone(), 0.75)],
        address: Some("192.0.2.1".parse().unwrap()),
        host: None,
        port: None,
        running: vec![(ids[0].clone(), 3e9)],
    };
    let close = |answer: &Attribution, of: &PlatformId, expected: f64| {
        let found = probability(answer, of);
        assert!((found - expected).abs() < 1e-12, "{of}: {found}, expected {expected}");
    };
    // 0.2 × 10 against 0.1 and 0.7.
    let running = case.answer();
    close(&running, &ids[0], 2.0 / 2.8);
    // "Unknown" counts twenty times.
    let port = Case { port: Some(27_015), ..case.clone() }.answer();
    close(&port, &ids[0], 2.0 / (2.0 + 0.1 + 14.0));
    let unlisted = Case { host: Some("other.example"), ..case.clone() }.answer();
    close(&unlisted, &ids[0], 2.0 / (2.0 + 0.1 + 2.8));
    // The name moves three quarters of everything.
    let named = Case { host: Some("host.example"), ..case }.answer();
    close(&named, &ids[1], 0.75 + 0.25 * 0.1 / 2.8);
    close(&named, &ids[0], 0.25 * 2.0 / 2.8);
}
