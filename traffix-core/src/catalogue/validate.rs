//! What an RU must satisfy before it enters a catalogue. All findings are reported, not only the first.

use std::collections::BTreeSet;

use super::{Build, ByteRange, Company, DownloadSize, Listing, Phase, PhaseKind, Ru, RuKind, Thumbnail};
use crate::{Bytes, Evidence, Fact, Invalid};

/// Longest title.
const MAX_TITLE_BYTES: usize = 300;
/// Most entries of any list within an RU.
const MAX_ENTRIES: usize = 500;
/// Largest size accepted: ten thousand times the largest game known.
const MAX_BYTES: Bytes = Bytes(1_000_000_000_000_000);

impl Ru {
    /// All that is wrong with it; empty if it may enter a catalogue.
    ///
    /// Whether its release and its companies exist is for the catalogue to say.
    pub fn findings(&self) -> Vec<Invalid> {
        let mut found = Vec::new();
        text(&mut found, "/title", &self.title, MAX_TITLE_BYTES);
        match (self.kind, &self.release) {
            (RuKind::Update, None) => {
                found.push(Invalid::new("/release", "an update must name the release that it updates"));
            }
            (RuKind::Release, Some(_)) => {
                found.push(Invalid::new(
                    "/release",
                    "a release does not update another; kind must be \"update\"",
                ));
            }
            (RuKind::Update, Some(release)) if *release == self.id => {
                found.push(Invalid::new("/release", "an update cannot be its own release"));
            }
            _ => {}
        }
        all(&mut found, "/publishers", &self.publishers, |_| Vec::new());
        all(&mut found, "/developers", &self.developers, |_| Vec::new());
        all(&mut found, "/categories", &self.categories, |_| Vec::new());
        all(&mut found, "/thumbnails", &self.thumbnails, Thumbnail::findings);
        all(&mut found, "/listings", &self.listings, Listing::findings);
        unique(&mut found, "/listings", self.listings.iter().map(|l| &l.platform));
        evidence(&mut found, &self.evidence);
        found
    }
}

impl Company {
    /// All that is wrong with it.
    pub fn findings(&self) -> Vec<Invalid> {
        let mut found = Vec::new();
        text(&mut found, "/name", &self.name, MAX_TITLE_BYTES);
        evidence(&mut found, &self.evidence);
        found
    }
}

impl Thumbnail {
    fn findings(&self) -> Vec<Invalid> {
        let fine = self.url.starts_with("https://") && self.url.len() <= 2_000;
        if fine {
            Vec::new()
        } else {
            vec![Invalid::new("/url", "must be an https:// address of at most 2000 bytes")]
        }
    }
}

impl Listing {
    /// All that is wrong with it.
    pub fn findings(&self) -> Vec<Invalid> {
        let mut found = Vec::new();
        all(&mut found, "/sizes", &self.sizes, DownloadSize::findings);
        unique(&mut found, "/sizes", self.sizes.iter().map(|s| &s.variant));
        all(&mut found, "/phases", &self.phases, Phase::findings);
        unique(&mut found, "/phases", self.phases.iter().map(|p| (p.kind, &p.region)));
        all(&mut found, "/weights", &self.weights, |w| fact(&w.share, "/share", share));
        unique(&mut found, "/weights", self.weights.iter().map(|w| &w.region));
        self.check_order(&mut found);
        for (i, id) in self.external_ids().enumerate() {
            let pointer = if i == 0 { "/external_id".to_owned() } else { format!("/aliases/{}", i - 1) };
            text(&mut found, &pointer, id, MAX_TITLE_BYTES);
        }
        all(&mut found, "/aliases", &self.aliases, |_| Vec::new());
        found.extend(self.build.iter().flat_map(|build| fact(build, "/build", build_id)));
        found.extend(self.stream.bitrate_bps.iter().flat_map(|b| fact(b, "/stream/bitrate_bps", bitrate)));
        found.extend(self.stream.runtime_secs.iter().flat_map(|r| fact(r, "/stream/runtime_secs", runtime)));
        let audience = &self.audience;
        let signals = [
            ("/audience/concurrent_peak", &audience.concurrent_peak),
            ("/audience/mau", &audience.mau),
            ("/audience/wishlists", &audience.wishlists),
            ("/audience/followers", &audience.followers),
            ("/audience/rank", &audience.rank),
        ];
        for (pointer, signal) in signals {
            found.extend(signal.iter().flat_map(|s| fact(s, pointer, people)));
        }
        let popularity = audience.popularity.iter();
        found.extend(popularity.flat_map(|p| fact(p, "/audience/popularity", non_negative)));
        found
    }

    /// Preload comes before unlock, region by region.
    fn check_order(&self, found: &mut Vec<Invalid>) {
        let unlocks = self.phases.iter().enumerate().filter(|(_, p)| p.kind == PhaseKind::Unlock);
        for (i, unlock) in unlocks {
            let preload =
                self.phases.iter().find(|p| p.kind == PhaseKind::Preload && p.region == unlock.region);
            if preload.is_some_and(|p| p.window.value.start > unlock.window.value.start) {
                let pointer = format!("/phases/{i}/window/value/start");
                found.push(Invalid::new(pointer, "unlock must not be before the start of the preload"));
            }
        }
    }
}

impl DownloadSize {
    fn findings(&self) -> Vec<Invalid> {
        let mut found = Vec::new();
        if self.wire_bytes.is_none() && self.disk_bytes.is_none() {
            found.push(Invalid::new("", "needs wire_bytes or disk_bytes; leave it out if neither is known"));
        }
        found.extend(self.wire_bytes.iter().flat_map(|s| fact(s, "/wire_bytes", bytes)));
        found.extend(self.disk_bytes.iter().flat_map(|s| fact(s, "/disk_bytes", bytes)));
        found
    }
}

impl Phase {
    fn findings(&self) -> Vec<Invalid> {
        let mut found = fact(&self.window, "/window", |window| {
            let ends_early = window.end.is_some_and(|end| end <= window.start);
            ends_early.then(|| Invalid::new("/end", "must be after the start"))
        });
        found.extend(self.share.and_then(|s| share(&s)).map(|f| f.under("/share")));
        found
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "passed as a check of a fact's value")]
fn share(value: &f64) -> Option<Invalid> {
    (!(0.0..=1.0).contains(value)).then(|| Invalid::new("", "must be a share between 0 and 1"))
}

fn build_id(build: &Build) -> Option<Invalid> {
    let fine = !build.id.trim().is_empty() && build.id.len() <= MAX_TITLE_BYTES;
    (!fine).then(|| Invalid::new("/id", format!("must be of 1 to {MAX_TITLE_BYTES} bytes")))
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "passed as a check of a fact's value")]
fn bitrate(bps: &u64) -> Option<Invalid> {
    (!(1..=1_000_000_000).contains(bps)).then(|| Invalid::new("", "must be 1 bit/s to 1 Gbit/s a viewer"))
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "passed as a check of a fact's value")]
fn runtime(secs: &u64) -> Option<Invalid> {
    (!(1..=1_000_000).contains(secs)).then(|| Invalid::new("", "must be 1 to 1,000,000 seconds"))
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "passed as a check of a fact's value")]
fn non_negative(value: &f64) -> Option<Invalid> {
    (!value.is_finite() || *value < 0.0).then(|| Invalid::new("", "must be a number of at least 0"))
}

fn bytes(range: &ByteRange) -> Option<Invalid> {
    if range.low > range.high {
        Some(Invalid::new("/low", "must not be above high"))
    } else if range.high > MAX_BYTES {
        Some(Invalid::new("/high", format!("must be at most {MAX_BYTES}, got {}", range.high)))
    } else if range.high == Bytes(0) {
        Some(Invalid::new("/high", "must be above 0; leave the size out if it is unknown"))
    } else {
        None
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "passed as a check of a fact's value")]
fn people(count: &u64) -> Option<Invalid> {
    (*count > 20_000_000_000).then(|| Invalid::new("", "must be at most 20 thousand million people"))
}

/// Findings about a fact's evidence and about every value that it holds.
fn fact<T>(fact: &Fact<T>, pointer: &str, check: impl Fn(&T) -> Option<Invalid>) -> Vec<Invalid> {
    let own = check(&fact.value).map(|f| f.under("/value"));
    let evidence = fact.evidence.findings().into_iter().map(|f| f.under("/evidence"));
    let also = fact.also.iter().enumerate().flat_map(|(i, other)| {
        let value = check(&other.value).map(|f| f.under(&format!("/also/{i}/value")));
        let evidence = other.evidence.findings().into_iter();
        value.into_iter().chain(evidence.map(move |f| f.under(&format!("/also/{i}/evidence"))))
    });
    own.into_iter().chain(evidence).chain(also).map(|f| f.under(pointer)).collect()
}

fn text(found: &mut Vec<Invalid>, pointer: &str, text: &str, max: usize) {
    if text.trim().is_empty() || text.len() > max || text.chars().any(char::is_control) {
        found.push(Invalid::new(pointer, format!("must be printable text of 1 to {max} bytes")));
    }
}

fn evidence(found: &mut Vec<Invalid>, evidence: &[Evidence]) {
    if evidence.is_empty() {
        found.push(Invalid::new("/evidence", "needs at least one source"));
    }
    all(found, "/evidence", evidence, Evidence::findings);
}

fn all<T>(found: &mut Vec<Invalid>, pointer: &str, items: &[T], check: impl Fn(&T) -> Vec<Invalid>) {
    if items.len() > MAX_ENTRIES {
        found.push(Invalid::new(pointer, format!("must have at most {MAX_ENTRIES} entries")));
    }
    for (i, item) in items.iter().enumerate().take(MAX_ENTRIES) {
        found.extend(check(item).into_iter().map(|f| f.under(&format!("{pointer}/{i}"))));
    }
}

fn unique<K: Ord>(found: &mut Vec<Invalid>, pointer: &str, keys: impl Iterator<Item = K>) {
    let mut seen = BTreeSet::new();
    for (i, key) in keys.enumerate() {
        if !seen.insert(key) {
            found.push(Invalid::new(format!("{pointer}/{i}"), "repeats an earlier entry"));
        }
    }
}
