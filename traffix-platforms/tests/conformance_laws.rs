//! The suite finds what is wrong: a good platform passes, and each mistake breaks its law.
#![cfg(feature = "conformance")]
#![expect(clippy::unwrap_used, reason = "helpers of tests may fail")]

use std::path::Path;

use async_trait::async_trait;
use traffix_core::catalogue::{ByteRange, DownloadSize, PlatformId};
use traffix_core::delivery::Assertion;
use traffix_core::{Bytes, Fact};
use traffix_platforms::conformance::{self, Law, Report};
use traffix_platforms::upstream::{Call, Placement, Request, Upstream};
use traffix_platforms::{
    AudienceObservation, Datum, Discover, ListingObservation, ListingRef, Page, Platform, PlatformError,
    Profile, Vantage, unsupported,
};

const PROFILE: &str = r#"
name = "Betamax"
owner = "Betamax Video Ltd"
kind = "pc-store"
reviewed = "2026-11-21"
review_due = "2027-05-21"
behaviour.preload = { value = false, basis = "published", source = "https://betamax.example", date = "2026", confidence = 0.9 }
[support]
listings = { unavailable = "No list." }
release-instant = { unavailable = "No dates." }
preload = { unavailable = "No preloads." }
builds = { unavailable = "No versions." }
download-size = { published = "The bytes of the package." }
update-size = { unavailable = "No versions." }
audience = { unavailable = "No figures." }
hosts = { unavailable = "No names." }
"#;
const CASSETTE: &str = r#"
[[exchange]]
url = "https://api.betamax.example/1"
observed_at = 2026-09-01T12:00:00Z
body = "1.json"
source = "invented"
[[exchange]]
url = "https://api.betamax.example/2"
observed_at = 2026-09-01T12:00:00Z
status = 404
source = "invented"
"#;
const SAMPLES: &str = "refresh = [\"1\"]\nunknown = [\"2\"]\n";
const BODY: &str = "{\"id\": \"1\", \"bytes\": 123456}";

/// What the platform does wrong.
#[derive(Clone, Copy, PartialEq)]
enum Mistake {
    Nothing,
    /// Reads a size out of anything.
    Invents,
    /// Takes errors for "there is none".
    HidesErrors,
    /// Trusts the body.
    Panics,
    /// Ignores that there is no list.
    EmptyList,
    /// Another reason than that of `support()`.
    OtherReason,
    /// Another title than the one asked for.
    OtherTitle,
    /// The day of the run instead of that of the recording.
    OtherDate,
    /// Another answer each time.
    Random,
    /// Puts a secret in itself.
    Secret,
    /// Asks for a credential of which the profile does not tell.
    Unlisted,
    /// Waits for something besides its upstream.
    Waits,
}

struct Betamax(Profile, Mistake, std::sync::atomic::AtomicU32);

#[async_trait]
impl Platform for Betamax {
    fn id(&self) -> PlatformId {
        self.0.id.clone()
    }

    fn profile(&self) -> &Profile {
        &self.0
    }

    async fn discover(
        &self,
        _: &dyn Upstream,
        _: &Discover,
    ) -> Result<Page<ListingObservation>, PlatformError> {
        match self.1 {
            Mistake::EmptyList => Ok(Page { items: Vec::new(), next: None }),
            _ => unsupported(self, Datum::Listings),
        }
    }

    async fn refresh(
        &self,
        up: &dyn Upstream,
        asked: &ListingRef,
    ) -> Result<ListingObservation, PlatformError> {
        let call = Call::new(self.id(), "title", up);
        let mut request = Request::get("https://api.betamax.example").segment(&asked.external_id);
        if self.1 == Mistake::Secret {
            request = request.header("authorization", "Bearer 0123456789");
        }
        if self.1 == Mistake::Unlisted {
            request = request.credential("betamax", Placement::Bearer);
        }
        if self.1 == Mistake::Waits {
            std::future::pending::<()>().await;
        }
        let body = match call.bytes(request).await {
            Err(PlatformError::Upstream { .. }) if self.1 == Mistake::HidesErrors => {
                return Err(call.not_found(&asked.external_id));
            }
            body => body?,
        };
        let evidence = body.evidence();
        let read = match self.1 {
            Mistake::Panics => serde_json::from_slice(&body.value).expect("a good body"),
            Mistake::Invents => serde_json::from_slice(&body.value).unwrap_or_default(),
            _ => call.parse_json::<serde_json::Value>(&body.value)?,
        };
        let bytes = read["bytes"].as_u64();
        let bytes = if self.1 == Mistake::Invents { Some(bytes.unwrap_or(1)) } else { bytes };
        let Some(bytes) = bytes else { return Err(call.malformed("bytes", "missing")) };
        let id = if self.1 == Mistake::OtherTitle { "3" } else { asked.external_id.as_str() };
        let mut seen = ListingObservation::new(self.id(), id, evidence.clone());
        if self.1 == Mistake::OtherDate {
            seen.evidence.observed_at = "2026-09-02T00:00:00Z".parse().unwrap();
        }
        let count = self.2.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        if self.1 == Mistake::Random {
            seen.title = Some(format!("title {count}"));
        }
        let wire_bytes = Some(Fact::new(ByteRange::exactly(Bytes(bytes)), evidence));
        seen.listing.sizes.push(DownloadSize { variant: None, wire_bytes, disk_bytes: None });
        Ok(seen)
    }

    async fn audience(&self, _: &dyn Upstream, _: &ListingRef) -> Result<AudienceObservation, PlatformError> {
        if self.1 == Mistake::OtherReason {
            let why = "just so".into();
            return Err(PlatformError::Unsupported { platform: self.id(), datum: Datum::Audience, why });
        }
        unsupported(self, Datum::Audience)
    }

    async fn delivery(&self, _: &dyn Upstream, _: &Vantage) -> Result<Vec<Assertion>, PlatformError> {
        unsupported(self, Datum::Hosts)
    }
}

struct Files {
    profile: String,
    cassette: String,
    samples: String,
    body: String,
}

impl Default for Files {
    fn default() -> Self {
        let [profile, cassette, samples, body] = [PROFILE, CASSETTE, SAMPLES, BODY].map(str::to_owned);
        Self { profile, cassette, samples, body }
    }
}

impl Files {
    fn check(&self, slug: &str, mistake: Mistake) -> Report {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write("cassette.toml", &self.cassette);
        write("samples.toml", &self.samples);
        write("1.json", &self.body);
        self.check_in(folder.path(), slug, mistake)
    }

    fn check_in(&self, folder: &Path, slug: &str, mistake: Mistake) -> Report {
        let profile = Profile::parse(slug.parse().unwrap(), &self.profile, "").unwrap();
        conformance::check(&Betamax(profile, mistake, 0.into()), folder)
    }
}

fn laws(report: &Report) -> Vec<Law> {
    let mut laws: Vec<Law> = report.failed.iter().map(|failure| failure.law).collect();
    laws.dedup();
    laws
}

#[test]
fn a_good_platform_passes_all_laws() {
    let report = Files::default().check("betamax", Mistake::Nothing);
    assert!(report.is_ok() && report.online && report.skipped.is_empty(), "{report}");
    assert_eq!(report.passed, Law::ALL);
    assert!(report.counts.mutations >= 200 && report.counts.bad_answers >= 10, "{report}");
}

#[test]
fn each_mistake_of_the_code_breaks_its_law() {
    for (mistake, law) in [
        (Mistake::Invents, Law::BadAnswers),
        (Mistake::HidesErrors, Law::BadAnswers),
        (Mistake::Panics, Law::Mutations),
        (Mistake::EmptyList, Law::Undeclared),
        (Mistake::OtherReason, Law::Undeclared),
        (Mistake::OtherTitle, Law::Plausible),
        (Mistake::OtherDate, Law::Evidence),
        (Mistake::Random, Law::Deterministic),
        (Mistake::Secret, Law::Secrets),
        (Mistake::Unlisted, Law::Secrets),
        (Mistake::Waits, Law::Samples),
    ] {
        let report = Files::default().check("betamax", mistake);
        assert!(laws(&report).contains(&law), "{law}\n{report}");
        assert!(!report.passed.contains(&law));
        assert!(!report.to_string().contains("0123456789"), "{report}");
    }
}

#[test]
fn each_mistake_of_the_files_breaks_its_law() {
    type Edit = (Law, fn(&mut Files));
    let edits: [Edit; 10] = [
        (Law::Written, |files| files.profile = PROFILE.replace("No list.", "TODO")),
        (Law::Written, |files| files.profile = PROFILE.replace("\"Betamax\"", "\"TODO\"")),
        (Law::Recordings, |files| files.cassette = CASSETTE.replace("source = \"invented\"\n[[", "[[")),
        (Law::Recordings, |files| files.samples = "refresh = 1".into()),
        (Law::Recordings, |files| files.samples = "[[skip]]\nlaw = \"mutations\"\nreason = \"slow\"".into()),
        (Law::Samples, |files| files.samples = "refresh = [\"1\", \"4\"]".into()),
        (Law::Unknown, |files| files.samples = SAMPLES.replace("\"2\"", "\"1\"")),
        (Law::Declared, |files| {
            files.profile = PROFILE.replace("{ unavailable = \"No dates.\" }", "{ published = \"Dates.\" }");
        }),
        (Law::Declared, |files| files.samples += "[[skip]]\ndatum = \"download-size\"\nreason = \"none\""),
        (Law::Undeclared, |files| {
            files.profile = PROFILE.replace("{ published = \"The bytes", "{ unavailable = \"The bytes");
        }),
    ];
    for (law, edit) in edits {
        let mut files = Files::default();
        edit(&mut files);
        let report = files.check("betamax", Mistake::Nothing);
        assert!(laws(&report).contains(&law), "{law}\n{report}");
    }
    let zero = Files { body: BODY.replace("123456", "0"), ..Files::default() };
    assert!(laws(&zero.check("betamax", Mistake::Nothing)).contains(&Law::Findings));
    assert_eq!(laws(&Files::default().check("steam", Mistake::Nothing)), [Law::Slug]);
}

#[test]
fn listed_skips_are_counted_and_say_why() {
    let profile = PROFILE.replace("{ unavailable = \"No dates.\" }", "{ published = \"Dates.\" }");
    let mut files = Files { profile, ..Files::default() };
    files.samples += "[[skip]]\ndatum = \"release-instant\"\nreason = \"no title with a date was recorded\"";
    let report = files.check("betamax", Mistake::Nothing);
    assert!(report.is_ok(), "{report}");
    assert_eq!(report.skipped.len(), 1);
    assert_eq!(report.skipped[0].reason, "no title with a date was recorded");
}

#[test]
fn network_methods_without_recordings_are_a_failure() {
    let folder = tempfile::tempdir().unwrap();
    let report = Files::default().check_in(folder.path(), "betamax", Mistake::Nothing);
    assert!(laws(&report).contains(&Law::Recordings), "{report}");
    let ubisoft = conformance::check(traffix_platforms::platform("ubisoft").unwrap(), folder.path());
    assert!(ubisoft.is_ok() && !ubisoft.online, "{ubisoft}");
}
