//! A platform of another crate: it implements the trait, is tried over recordings, and passes the suite.
//!
//! `cargo run --example outside_platform`

use std::path::Path;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use traffix_core::catalogue::{
    ByteRange, DownloadSize, Phase, PhaseKind, PhaseStatus, PlatformId, Precision, Region, Window,
};
use traffix_core::delivery::Assertion;
use traffix_core::{Bytes, Evidence, Fact};
use traffix_platforms::upstream::{Call, Replay, Request, Upstream};
use traffix_platforms::{
    AudienceObservation, Datum, Discover, ListingObservation, ListingRef, Page, Platform, PlatformError,
    Profile, Vantage, conformance, unsupported,
};

const TITLES: &str = "https://api.betamax.example/v1/titles";

/// What the shop answers. Everything but identifiers is optional, and whatever else comes is ignored.
#[derive(Deserialize)]
struct Titles {
    titles: Vec<Title>,
    #[serde(default)]
    pages: u32,
}

#[derive(Deserialize)]
struct Title {
    id: String,
    name: Option<String>,
    /// Seconds since 1970.
    released: Option<i64>,
    /// A number, as text.
    package_bytes: Option<String>,
}

struct Betamax(Profile);

impl Betamax {
    fn new() -> Result<Self, Box<dyn std::error::Error>> {
        let (profile, delivery) =
            (include_str!("outside_platform/profile.toml"), include_str!("outside_platform/delivery.tsv"));
        Ok(Self(Profile::parse("betamax".parse()?, profile, delivery)?))
    }

    fn observation(
        &self,
        call: &Call<'_>,
        title: &Title,
        evidence: &Evidence,
    ) -> Result<ListingObservation, PlatformError> {
        if title.id.is_empty() {
            return Err(call.malformed("id", "is empty"));
        }
        let mut seen = ListingObservation::new(self.id(), &title.id, evidence.clone());
        seen.title = title.name.clone().filter(|name| !name.is_empty() && name.len() <= 300);
        if let Some(start) = title.released.and_then(|secs| DateTime::<Utc>::from_timestamp(secs, 0)) {
            let window = Window { start, end: None, precision: Precision::Minute };
            seen.listing.phases.push(Phase {
                kind: PhaseKind::Unlock,
                region: Region::WORLD,
                window: Fact::new(window, evidence.clone()),
                status: PhaseStatus::Confirmed,
                share: None,
            });
        }
        if let Some(text) = &title.package_bytes {
            let bytes: u64 = text
                .parse()
                .map_err(|_| call.malformed("package_bytes", format!("{text:?} is no number")))?;
            let wire_bytes = Some(Fact::new(ByteRange::exactly(Bytes(bytes)), evidence.clone()));
            seen.listing.sizes.push(DownloadSize { variant: None, wire_bytes, disk_bytes: None });
        }
        Ok(seen)
    }
}

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
        up: &dyn Upstream,
        query: &Discover,
    ) -> Result<Page<ListingObservation>, PlatformError> {
        let call = Call::new(self.id(), "titles", up);
        let page: u32 = query.cursor.as_deref().and_then(|cursor| cursor.parse().ok()).unwrap_or(1);
        let titles = call.json::<Titles>(Request::get(TITLES).query("page", page)).await?;
        let evidence = titles.evidence();
        let items: Result<Vec<_>, _> =
            titles.value.titles.iter().map(|title| self.observation(&call, title, &evidence)).collect();
        let next = (page < titles.value.pages).then(|| (page + 1).to_string());
        Ok(Page { items: items?, next })
    }

    async fn refresh(
        &self,
        up: &dyn Upstream,
        listing: &ListingRef,
    ) -> Result<ListingObservation, PlatformError> {
        let call = Call::new(self.id(), "title", up);
        let title = call.json::<Title>(Request::get(TITLES).segment(&listing.external_id)).await?;
        self.observation(&call, &title.value, &title.evidence())
    }

    async fn audience(&self, _: &dyn Upstream, _: &ListingRef) -> Result<AudienceObservation, PlatformError> {
        unsupported(self, Datum::Audience)
    }

    async fn delivery(&self, _: &dyn Upstream, _: &Vantage) -> Result<Vec<Assertion>, PlatformError> {
        unsupported(self, Datum::Hosts)
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/outside_platform/fixtures");
    let betamax = Betamax::new()?;

    // Over recordings; `upstream::Builder` gives an `Upstream` over the network instead.
    let replay = Replay::open(&fixtures)?;
    let seen = betamax.refresh(&replay, &ListingRef::new("rocket-garden")).await?;
    let size = seen.listing.wire_bytes().ok_or("no size")?;
    let unlock = seen.listing.phase(PhaseKind::Unlock).ok_or("no release")?;
    println!(
        "{}: {} on the wire, released {}, says {}",
        seen.title.unwrap_or_default(),
        size.value,
        unlock.window.value.start,
        size.evidence.source
    );
    assert_eq!(size.value, ByteRange::exactly(Bytes(48_318_382_080)));

    // The same laws that the platforms of the registry keep.
    let report = conformance::check(&betamax, &fixtures);
    print!("{report}");
    assert!(report.is_ok());
    Ok(())
}
