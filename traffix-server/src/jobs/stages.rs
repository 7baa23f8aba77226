//! What a pull does, in order: lists, listings with their audience, delivery.

use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};
use traffix_core::catalogue::{Ru, RuId};
use traffix_platforms::upstream::UpstreamError;
use traffix_platforms::{AudienceObservation, Discover, ListingObservation, ListingRef, PlatformError};
use traffix_store::{ListingPull, SeriesKey, StoreError};

use super::due;
use super::pull::Pull;
use super::report::PullStatus;

/// Most listings asked about in one pull.
const MAX_LISTINGS: u32 = 100_000;
/// So many answers are written together.
const BATCH: usize = 20;
/// So many requests in a row that never arrive, and the platform is given up for this time.
const HOPELESS: u32 = 5;
/// Distance of the values of a series of players.
const PLAYERS_STEP: TimeDelta = TimeDelta::minutes(15);

/// What became of a question.
pub(super) enum Answered<T> {
    Yes(T),
    /// It cannot be had here, which is stated.
    Never,
    /// The recording has no answer.
    NotRecorded,
    /// The title is unknown.
    Unknown(PlatformError),
    Error(PlatformError),
}

impl<T> From<Result<T, PlatformError>> for Answered<T> {
    fn from(answer: Result<T, PlatformError>) -> Self {
        match answer {
            Ok(value) => Self::Yes(value),
            Err(PlatformError::Upstream { source: UpstreamError::NotRecorded(_), .. }) => Self::NotRecorded,
            Err(error @ PlatformError::NotFound { .. }) => Self::Unknown(error),
            Err(error) => Self::Error(error),
        }
    }
}

/// Which interfaces a platform turned out to lack.
#[derive(Default)]
struct Lacks {
    refresh: bool,
    audience: bool,
}

impl Pull<'_> {
    /// Everything; the status says whether something is left to do.
    pub(super) async fn stages(&mut self) -> Result<PullStatus, StoreError> {
        self.state.started_at = Some(self.plan.now);
        self.save().await?;
        let listed_at = self.state.listed_at;
        // Who replays an old recording goes back in time.
        let is_due =
            listed_at.is_none_or(|at| at > self.plan.now || self.plan.now - at >= self.plan.lists_interval);
        if (is_due || self.state.cursor.is_some()) && !self.lists().await? {
            return Ok(PullStatus::Unfinished);
        }
        // Before the listings, so that those that come now are asked about too.
        self.write_kept_back().await?;
        if !self.listings().await? {
            return Ok(PullStatus::Unfinished);
        }
        self.write_kept_back().await?;
        self.delivery().await?;
        Ok(PullStatus::Done)
    }

    /// States what an error says if it is none: no interface, or no key for it.
    pub(super) fn judged<T>(&mut self, answer: Result<T, PlatformError>) -> Answered<T> {
        match answer {
            Err(error @ PlatformError::Unsupported { .. }) => {
                self.report.lacks(error);
                Answered::Never
            }
            Err(error @ PlatformError::Upstream { source: UpstreamError::MissingCredential(_), .. }) => {
                self.report.note(error);
                Answered::Never
            }
            Err(error) => {
                self.asked_to_wait = self.asked_to_wait.max(due::asked_to_wait(&error));
                Answered::from(Err(error))
            }
            Ok(value) => Answered::Yes(value),
        }
    }

    /// Reads lists of titles, page by page; whether nothing is left of them for the next pull.
    ///
    /// If a page fails after others came, the next pull goes on there. One that fails as the first is left: a place
    /// that does not work any more must not be asked for ever.
    async fn lists(&mut self) -> Result<bool, StoreError> {
        let mut query = self.question();
        let mut is_first = true;
        let ended = loop {
            if self.is_spent() {
                return Ok(false);
            }
            let answer = self.platform.discover(&self.up, &query).await;
            let page = match self.judged(answer) {
                Answered::Yes(page) => page,
                Answered::Never => break true,
                Answered::NotRecorded => {
                    self.report.skipped += 1;
                    break true;
                }
                Answered::Unknown(error) | Answered::Error(error) => {
                    self.report.failed(error);
                    if !is_first {
                        return Ok(true);
                    }
                    break false;
                }
            };
            is_first = false;
            self.report.read += page.items.len() as u64;
            self.write(page.items).await?;
            if page.next.is_some() && page.next == query.cursor {
                self.report.failed("a list of titles goes in a circle");
                break true;
            }
            query.cursor.clone_from(&page.next);
            self.state.cursor = page.next;
            if self.state.cursor.is_none() {
                break true;
            }
            self.save().await?;
        };
        self.state.cursor = None;
        if ended {
            self.state.listed_at = Some(self.plan.now);
        }
        self.save().await?;
        Ok(true)
    }

    /// Which titles are looked for, from where the last pull stopped.
    fn question(&self) -> Discover {
        let now = self.plan.listed_at;
        Discover {
            now,
            from: now - self.plan.back,
            until: now + self.plan.ahead,
            region: self.plan.region.clone(),
            cursor: self.state.cursor.clone(),
        }
    }

    /// Asks about listings that are due; whether all were asked.
    async fn listings(&mut self) -> Result<bool, StoreError> {
        let horizon = if self.plan.all_listings { DateTime::<Utc>::MAX_UTC } else { self.plan.now };
        let mut pulls = self.store.due_listings(&self.platform.id(), horizon, MAX_LISTINGS).await?;
        if self.plan.all_listings {
            // The order of a recording must not depend on what was asked before.
            pulls.sort_by(|a, b| a.external_id.cmp(&b.external_id));
        }
        let (mut lacks, mut hopeless) = (Lacks::default(), 0);
        for batch in pulls.chunks_mut(BATCH) {
            let mut done = Vec::new();
            for pull in batch {
                if (lacks.refresh && lacks.audience) || self.is_spent() || hopeless >= HOPELESS {
                    break;
                }
                hopeless = if self.listing(pull, &mut lacks, &mut done).await? { 0 } else { hopeless + 1 };
            }
            self.settle(done).await?;
            if lacks.refresh && lacks.audience {
                return Ok(true);
            }
            if self.is_spent() {
                return Ok(false);
            }
            if hopeless >= HOPELESS {
                self.report.failed(format_args!("{HOPELESS} requests in a row failed: given up for now"));
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Asks about one listing; whether the platform could be reached.
    async fn listing(
        &mut self,
        pull: &mut ListingPull,
        lacks: &mut Lacks,
        done: &mut Vec<Asked>,
    ) -> Result<bool, StoreError> {
        let (mut asked, reference) = self.reference(pull).await?;
        if !lacks.refresh {
            let answer = self.platform.refresh(&self.up, &reference).await;
            match self.judged(answer) {
                Answered::Yes(said) => asked.said = Some(said),
                Answered::Never => lacks.refresh = true,
                Answered::NotRecorded => asked.unrecorded = true,
                Answered::Unknown(error) => {
                    self.report.not_found += 1;
                    asked.failed(&error, self.plan.now);
                    done.push(asked);
                    return Ok(true);
                }
                Answered::Error(error) => {
                    let reached = !error.is_retryable();
                    asked.failed(&error, self.plan.now);
                    self.report.failed(error);
                    done.push(asked);
                    return Ok(reached);
                }
            }
        }
        let mut reached = true;
        if !lacks.audience {
            reached = self.audience(&mut asked, &reference, lacks).await;
        }
        if asked.is_answered() {
            self.report.read += 1;
        } else {
            self.report.skipped += u64::from(asked.unrecorded);
        }
        done.push(asked);
        Ok(reached)
    }

    /// Asks how many people a title has; whether the platform could be reached.
    async fn audience(&mut self, asked: &mut Asked, reference: &ListingRef, lacks: &mut Lacks) -> bool {
        let answer = self.platform.audience(&self.up, reference).await;
        let error = match self.judged(answer) {
            Answered::Yes(audience) => {
                asked.audience = Some(audience);
                return true;
            }
            Answered::Never => {
                lacks.audience = true;
                return true;
            }
            Answered::NotRecorded => return true,
            Answered::Unknown(error) | Answered::Error(error) => error,
        };
        // What only counts people has said nothing at all about this title: it must wait, or it is asked every time.
        if lacks.refresh {
            asked.failed(&error, self.plan.now);
        }
        let reached = !lacks.refresh || !error.is_retryable();
        if !matches!(error, PlatformError::NotFound { .. }) {
            self.report.failed(error);
        } else if lacks.refresh {
            self.report.not_found += 1;
        }
        reached
    }

    /// What the catalogue knows about a listing.
    async fn reference(&self, pull: &ListingPull) -> Result<(Asked, ListingRef), StoreError> {
        let ids = [pull.external_id.clone()];
        let found = self.store.rus_by_external_id(&self.platform.id(), &ids).await?;
        let mut reference = ListingRef::new(&pull.external_id);
        let mut known = None;
        if let Some((_, id)) = found.into_iter().next()
            && let Some(ru) = self.store.ru(&id, None).await?
        {
            let listing = ru.value.listing(&pull.platform);
            reference.build =
                listing.and_then(|listing| listing.build.as_ref()).map(|build| build.value.clone());
            known = Some(ru.value);
        }
        Ok((
            Asked { pull: pull.clone(), known, said: None, audience: None, unrecorded: false, is_due: None },
            reference,
        ))
    }

    /// Writes a batch of answers and says when their listings are due again.
    async fn settle(&mut self, done: Vec<Asked>) -> Result<(), StoreError> {
        let mut said = Vec::new();
        for asked in &done {
            said.extend(asked.observation());
            if let Some(audience) = &asked.audience {
                self.players(&asked.pull.external_id, audience).await?;
            }
        }
        let written = self.write(said).await?;
        let now = self.plan.now;
        let settled = done.into_iter().filter(|asked| asked.is_answered() || asked.is_due.is_some());
        let pulls: Vec<ListingPull> = settled.map(|asked| asked.scheduled(&written, now)).collect();
        self.store.schedule_listings(self.lease, &pulls).await?;
        self.save().await
    }

    /// Keeps how many play now.
    async fn players(&mut self, external_id: &str, audience: &AudienceObservation) -> Result<(), StoreError> {
        let Some(players) = audience.players_now else { return Ok(()) };
        let Ok(at) = audience.evidence.observed_at.duration_trunc(PLAYERS_STEP) else { return Ok(()) };
        let key = SeriesKey {
            metric: "players".into(),
            subject: format!("{}/{external_id}", self.platform.id()),
            source: audience.evidence.source.clone(),
            step_secs: u32::try_from(PLAYERS_STEP.num_seconds()).unwrap_or(900),
        };
        #[expect(clippy::cast_precision_loss, reason = "no title has 2^53 players")]
        let points = [(at, players as f64)];
        self.report.points += self.store.put_points(&key, &points).await?;
        Ok(())
    }
}

/// A listing with what was answered about it.
struct Asked {
    pull: ListingPull,
    known: Option<Ru>,
    said: Option<ListingObservation>,
    audience: Option<AudienceObservation>,
    unrecorded: bool,
    /// When it is due again after a failure.
    is_due: Option<DateTime<Utc>>,
}

impl Asked {
    fn failed(&mut self, error: &PlatformError, now: DateTime<Utc>) {
        self.pull.failures = self.pull.failures.saturating_add(1);
        self.is_due = Some(due::after_failure(&self.pull, error, now));
    }

    fn is_answered(&self) -> bool {
        self.said.is_some() || self.audience.is_some()
    }

    /// Both answers as one observation.
    fn observation(&self) -> Option<ListingObservation> {
        let mut said = self.said.clone();
        if let Some(audience) = self.audience.as_ref().filter(|audience| !audience.audience.is_empty()) {
            let mut slow = ListingObservation::new(
                self.pull.platform.clone(),
                self.pull.external_id.clone(),
                audience.evidence.clone(),
            );
            slow.listing.audience = audience.audience.clone();
            said = Some(match said {
                Some(mut said) => {
                    said.listing = said.listing.merge(slow.listing);
                    said
                }
                None => slow,
            });
        }
        said
    }

    /// The listing with the time at which it is due again.
    fn scheduled(mut self, written: &[Ru], now: DateTime<Utc>) -> ListingPull {
        if let Some(due_at) = self.is_due {
            self.pull.due_at = due_at;
            return self.pull;
        }
        let id: Option<&RuId> = self.known.as_ref().map(|ru| &ru.id);
        let about = |ru: &&Ru| Some(&ru.id) == id || ru.release.as_ref() == id;
        let rus = self.known.iter().chain(written.iter().filter(about));
        self.pull.failures = 0;
        self.pull.succeeded_at = Some(now);
        self.pull.due_at = due::after_answer(&self.pull, rus, now);
        self.pull
    }
}
