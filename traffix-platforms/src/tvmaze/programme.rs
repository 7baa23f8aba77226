//! From episodes to what moves traffic.
//!
//! What counts as an event: what a streaming channel puts on for the first time. Episodes of one show that come at
//! one instant are one event. The guide lists first showings only, so there are no repeats to leave out; news and
//! talk shows come daily and are part of the baseline, trailers and other insignificant specials reach few. What is
//! only broadcast does not cross access lines as a release does: it is in [`schedule`](super::schedule), not among
//! the events.

use chrono::{DateTime, NaiveTime, Utc};
use traffix_core::catalogue::{Content, PhaseKind, Precision, Region, RuKind};
use traffix_core::{Evidence, Fact, SourceKind};

use super::ID;
use super::wire::{Channel, Episode, Show, day};
use crate::upstream::Fetched;
use crate::{ListingObservation, phase};

/// How sure volunteers' dates are. Assumed, November 2026: they copy what services announce.
const CONFIDENCE: f64 = 0.8;

/// The first episode of a batch: everything of one show that comes at one instant.
pub(super) struct Batch<'a> {
    pub(super) show: &'a Show,
    pub(super) first: &'a Episode,
    /// How many episodes come together.
    pub(super) episodes: usize,
}

/// Whether the episode is something that moves traffic.
pub(super) fn is_event(show: &Show, episode: &Episode) -> bool {
    let daily = matches!(show.kind.as_deref(), Some("News" | "Talk Show"));
    let trailer = episode.kind.as_deref() == Some("insignificant_special");
    show.web_channel.is_some() && !daily && !trailer
}

/// Episodes grouped by show and instant, in the order of the list.
pub(super) fn batches<'a>(episodes: impl Iterator<Item = (&'a Show, &'a Episode)>) -> Vec<Batch<'a>> {
    let mut batches: Vec<Batch<'a>> = Vec::new();
    let mut seen = std::collections::BTreeMap::<_, usize>::new();
    for (show, episode) in episodes {
        let key = (show.id, episode.airstamp, episode.airdate.as_deref());
        if let Some(batch) = seen.get(&key).and_then(|index| batches.get_mut(*index)) {
            batch.episodes += 1;
        } else {
            seen.insert(key, batches.len());
            batches.push(Batch { show, first: episode, episodes: 1 });
        }
    }
    batches
}

/// Says that volunteers of the guide say so, as its licence asks.
pub(super) fn evidence<T>(fetched: &Fetched<T>) -> Evidence {
    Evidence {
        kind: SourceKind::Community,
        confidence: CONFIDENCE,
        note: Some("TVmaze, CC BY-SA 4.0".into()),
        ..fetched.evidence()
    }
}

/// A show as a release: its first episodes, if they are given, say when to the minute.
pub(super) fn release(show: &Show, evidence: &Evidence) -> ListingObservation {
    let mut batches = batches(show.episodes().iter().map(|episode| (show, episode)));
    let first = batches.iter().position(Batch::is_premiere).map(|index| batches.swap_remove(index));
    if let Some(batch) = first {
        return batch.observe(evidence);
    }
    let mut seen = observe_show(show, evidence);
    let start = day(show.premiered.as_deref()).map(|day| day.and_time(NaiveTime::MIN).and_utc());
    unlock(&mut seen, show, start.map(|start| (start, Precision::Day)), evidence);
    runtime(&mut seen, show.runtime.or(show.average_runtime), evidence);
    seen
}

impl Batch<'_> {
    /// Whether the show begins with it: everything later updates the show.
    pub(super) fn is_premiere(&self) -> bool {
        let first_day = self.show.premiered.is_some() && self.show.premiered == self.first.airdate;
        first_day && self.first.number == Some(1)
    }

    pub(super) fn observe(&self, evidence: &Evidence) -> ListingObservation {
        let (show, first) = (self.show, self.first);
        let mut seen = observe_show(show, evidence);
        if !self.is_premiere() {
            seen.kind = RuKind::Update;
            seen.updates = Some(show.id.to_string());
            seen.listing.external_id = Some(format!("{}-e{}", show.id, first.id));
            seen.title = Some(self.title());
        }
        unlock(&mut seen, show, start(first), evidence);
        let minutes = first.runtime.or(show.runtime).or(show.average_runtime);
        let together = format!("{}; one of {} episodes that come together", note(evidence), self.episodes);
        let one = Evidence { note: Some(together), ..evidence.clone() };
        runtime(&mut seen, minutes, if self.episodes > 1 { &one } else { evidence });
        seen
    }

    fn title(&self) -> String {
        let show = self.show.name.as_deref().unwrap_or("Untitled");
        match (self.first.season, self.first.number, self.first.name.as_deref()) {
            (Some(season), Some(1), _) => format!("{show}: season {season}"),
            (Some(season), Some(number), _) => format!("{show}: season {season}, episode {number}"),
            (_, _, Some(name)) => format!("{show}: {name}"),
            _ => show.to_owned(),
        }
    }
}

/// What is the same for a show and everything that comes of it.
fn observe_show(show: &Show, evidence: &Evidence) -> ListingObservation {
    let mut seen = ListingObservation::new(ID, show.id.to_string(), evidence.clone());
    seen.content = Content::Media;
    seen.title = show.name.clone().filter(|name| !name.trim().is_empty());
    seen.publishers = channel(show).and_then(|channel| channel.name.clone()).into_iter().collect();
    seen.changed_at = show.updated;
    seen.listing.url = show.url.as_deref().map(|url| url.replacen("http://", "https://", 1));
    seen.listing.audience.popularity = popularity(show, evidence);
    seen
}

/// The weight of a show, as the guide has it.
pub(super) fn popularity(show: &Show, evidence: &Evidence) -> Option<Fact<f64>> {
    let weight = u32::try_from(show.weight?).ok()?;
    let note = format!("{}; weight on the site, 0 to 100", note(evidence));
    Some(Fact::new(f64::from(weight), Evidence { note: Some(note), ..evidence.clone() }))
}

fn note(evidence: &Evidence) -> &str {
    evidence.note.as_deref().unwrap_or_default()
}

/// The streaming channel, else the broadcaster.
fn channel(show: &Show) -> Option<&Channel> {
    show.web_channel.as_ref().or(show.network.as_ref())
}

/// Where the channel is seen; nothing if the guide names a country that there is not.
fn region(show: &Show) -> Option<Region> {
    let Some(country) = &channel(show)?.country else { return Some(Region::WORLD) };
    country.code.as_deref()?.parse().ok()
}

/// When an episode can be seen, as precisely as the channel says.
fn start(episode: &Episode) -> Option<(DateTime<Utc>, Precision)> {
    let timed = episode.airtime.as_deref().is_some_and(|time| !time.is_empty());
    match episode.airstamp {
        Some(instant) if timed => Some((instant, Precision::Minute)),
        stamp => {
            let day = day(episode.airdate.as_deref()).or_else(|| stamp.map(|stamp| stamp.date_naive()))?;
            Some((day.and_time(NaiveTime::MIN).and_utc(), Precision::Day))
        }
    }
}

fn unlock(
    seen: &mut ListingObservation,
    show: &Show,
    start: Option<(DateTime<Utc>, Precision)>,
    evidence: &Evidence,
) {
    let (Some(start), Some(region)) = (start, region(show)) else { return };
    seen.listing.phases.push(phase(PhaseKind::Unlock, region, start, evidence.clone()));
}

/// Minutes as they are in guides, unless they are 0 or more than eleven days.
fn runtime(seen: &mut ListingObservation, minutes: Option<u64>, evidence: &Evidence) {
    let secs = minutes.filter(|minutes| (1..=16_000).contains(minutes)).map(|minutes| minutes * 60);
    seen.listing.stream.runtime_secs = secs.map(|secs| Fact::new(secs, evidence.clone()));
}
