//! The updates that new builds make.

use traffix_core::catalogue::{
    Build, DownloadSize, Listing, Phase, PhaseKind, PhaseStatus, Precision, Region, Ru, RuKind, Window,
};
use traffix_core::{Evidence, Fact, SourceKind};

use super::ids;
use crate::{BuildObservation, ListingObservation};

/// Longest title of a catalogue, in bytes.
const MAX_TITLE_BYTES: usize = 300;
/// How sure it is that a build without a date went live when it was first seen. Assumed: listings are asked about
/// more often than builds change.
const FIRST_SEEN_CONFIDENCE: f64 = 0.5;

/// Updates of a title: one of the build that took the place of `before`'s, one of each that is announced.
///
/// The first build ever seen is no update: it may be years old.
pub(super) fn updates(before: Option<&Listing>, ru: &Ru, said: &ListingObservation) -> Vec<Ru> {
    let Some(listing) = ru.listing(&said.listing.platform) else { return Vec::new() };
    let known = before.and_then(|listing| listing.build.as_ref());
    let current = listing.build.as_ref();
    let mut wanted: Vec<&Build> = Vec::new();
    if let Some((known, current)) = known.zip(current)
        && known.value.id != current.value.id
    {
        wanted.push(&current.value);
    }
    let is_current = |build: &Build| current.is_some_and(|current| current.value.id == build.id);
    for announced in said.builds.iter().filter(|one| is_announced(one) && !is_current(&one.build)) {
        if wanted.iter().all(|build| build.id != announced.build.id) {
            wanted.push(&announced.build);
        }
    }
    wanted.into_iter().filter_map(|build| update(ru, listing, said, build, known)).collect()
}

/// Whether the build can be downloaded ahead and is not live yet, as far as the platform says.
fn is_announced(one: &BuildObservation) -> bool {
    let live_later = one.build.live_at.is_none_or(|live| live > one.evidence.observed_at);
    (one.preload_at.is_some() && live_later)
        || one.build.live_at.is_some_and(|live| live > one.evidence.observed_at)
}

fn update(
    ru: &Ru,
    listing: &Listing,
    said: &ListingObservation,
    build: &Build,
    known: Option<&Fact<Build>>,
) -> Option<Ru> {
    let about: Vec<&BuildObservation> = said.builds.iter().filter(|one| one.build.id == build.id).collect();
    let current = listing.build.as_ref().filter(|current| current.value.id == build.id);
    let evidence = about.first().map(|one| &one.evidence).or(current.map(|current| &current.evidence))?;
    let notes = about.iter().find_map(|one| one.notes.as_ref());
    let name = notes.map(|notes| notes.title.as_str()).or(build.version.as_deref()).unwrap_or(&build.id);
    let mut own = Listing::new(listing.platform.clone());
    own.url = notes.and_then(|notes| notes.url.clone()).or_else(|| listing.url.clone());
    own.build = Some(Fact::new(build.clone(), evidence.clone()));
    own.sizes = size(&about, known).into_iter().collect();
    own.phases = phases(&about, build, evidence);
    let id = ids::joined(&format!("{}-build", ru.id), &build.id);
    Some(Ru {
        id,
        title: title(&ru.title, name),
        kind: RuKind::Update,
        release: Some(ru.release.clone().unwrap_or_else(|| ru.id.clone())),
        content: ru.content,
        franchise: ru.franchise.clone(),
        publishers: ru.publishers.clone(),
        developers: ru.developers.clone(),
        categories: Vec::new(),
        nsfw: ru.nsfw,
        thumbnails: Vec::new(),
        listings: vec![own],
        evidence: vec![evidence.clone()],
    })
}

/// The wire size, if it is counted from the build that most devices have.
fn size(about: &[&BuildObservation], known: Option<&Fact<Build>>) -> Option<DownloadSize> {
    let known = known?;
    about.iter().find_map(|one| {
        let update = one.update.as_ref().filter(|update| update.from == known.value.id)?;
        let wire_bytes = Some(Fact::new(update.wire_bytes, one.evidence.clone()));
        Some(DownloadSize { variant: None, wire_bytes, disk_bytes: None })
    })
}

fn phases(about: &[&BuildObservation], build: &Build, evidence: &Evidence) -> Vec<Phase> {
    let mut phases: Vec<Phase> = Vec::new();
    for one in about {
        let unlock = one.build.live_at;
        let preload = one.preload_at.filter(|preload| unlock.is_none_or(|unlock| *preload < unlock));
        for (kind, at) in [(PhaseKind::Preload, preload), (PhaseKind::Unlock, unlock)] {
            let taken = phases.iter().any(|phase| phase.kind == kind && phase.region == one.region);
            if let Some(start) = at.filter(|_| !taken) {
                phases.push(phase(kind, one.region.clone(), minute(start), one.evidence.clone()));
            }
        }
    }
    if phases.is_empty() {
        phases.push(match build.live_at {
            Some(live) => phase(PhaseKind::Unlock, Region::WORLD, minute(live), evidence.clone()),
            None => first_seen(evidence),
        });
    }
    phases
}

fn minute(start: chrono::DateTime<chrono::Utc>) -> Window {
    Window { start, end: None, precision: Precision::Minute }
}

fn phase(kind: PhaseKind, region: Region, window: Window, evidence: Evidence) -> Phase {
    let window = Fact::new(window, evidence);
    Phase { kind, region, window, status: PhaseStatus::Confirmed, share: None }
}

/// The build is live and nobody says since when: it was first seen on this day.
fn first_seen(evidence: &Evidence) -> Phase {
    let day = evidence.observed_at.date_naive().and_time(chrono::NaiveTime::MIN).and_utc();
    let window = Window { start: day, end: None, precision: Precision::Day };
    let evidence = Evidence {
        kind: SourceKind::Inferred,
        confidence: FIRST_SEEN_CONFIDENCE,
        note: Some("first seen on this day; the platform does not say since when it is live".into()),
        ..evidence.clone()
    };
    phase(PhaseKind::Unlock, Region::WORLD, window, evidence)
}

/// `<title>: <name>`, printable and short enough.
fn title(of: &str, name: &str) -> String {
    let mut title: String = format!("{of}: {name}").chars().filter(|c| !c.is_control()).collect();
    while title.len() > MAX_TITLE_BYTES {
        title.pop();
    }
    title
}
