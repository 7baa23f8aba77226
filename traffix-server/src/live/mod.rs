//! The live picture: access logs are followed, what they say is put in order, drawn and counted.
//!
//! One thread reads all logs ([`follow`]) and gives requests to the [`Live`] of the server, which keeps the latest for
//! whoever looks; a task asks Traefik for its configuration ([`traefik`]). Readers never wait for the thread longer than it
//! takes to copy what they ask for, and it never waits for them: the latest requests are kept in one ring, and whoever
//! reads more slowly than requests come finds the oldest gone and is told so.

mod follow;
mod settings;
mod site;
#[cfg(test)]
mod tests;
mod traefik;
mod view;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use traffix_core::measurement::Key;
use traffix_telemetry::access_log::{Activity, Configuration, Request, SiteKind, Topology};

pub(crate) use follow::{schedule, start};
pub(crate) use view::{LiveRequest, NetworkInfo};

/// Clients that may follow events at once.
const MAX_STREAMS: usize = 1000;
/// Seconds that the picture looks back.
pub(crate) const WINDOW_SECS: u32 = 300;

/// What is shown of the logs of this server.
#[derive(Debug)]
pub(crate) struct Live {
    picture: Mutex<Picture>,
    /// The newest sequence number; changes wake event streams. None when the server stops.
    newest: watch::Sender<Option<u64>>,
    keep: usize,
    /// How many clients may follow events.
    room: Arc<Semaphore>,
}

#[derive(Debug)]
struct Picture {
    topology: Topology,
    activity: Activity,
    sites: BTreeMap<String, SiteStatus>,
    /// The latest requests, the oldest first, numbered without gaps.
    latest: VecDeque<Arc<LiveRequest>>,
    /// The number of the next request. The first of a run is the time of its start, so that numbers of another run are
    /// lower and told apart.
    next: u64,
    first: u64,
}

/// How the logs of a site and its interface are doing.
#[derive(Debug, Clone, Default)]
pub(crate) struct SiteStatus {
    pub(crate) lines: u64,
    pub(crate) malformed: u64,
    pub(crate) too_long: u64,
    /// Bytes that were counted; none if nothing is measured.
    pub(crate) counted_bytes: Option<u64>,
    /// What is wrong with its logs.
    pub(crate) log_error: Option<String>,
    /// When its interface was last read.
    pub(crate) told: Option<DateTime<Utc>>,
    /// What is wrong with its interface.
    pub(crate) api_error: Option<String>,
}

/// A request that is to be shown.
struct Shown {
    site: Arc<str>,
    request: Request<'static>,
    /// Whether one that began later was shown before.
    late: bool,
    /// Whose its host is.
    key: Key,
}

/// Requests that are not kept any more.
pub(crate) enum Missed {
    /// So many.
    Requests(u64),
    /// Nobody knows: they were before the server's start.
    Unknown,
}

/// Requests after a sequence number.
pub(crate) struct Batch {
    /// The number after which the requests are.
    pub(crate) from: u64,
    /// The number of the last that was looked at.
    pub(crate) until: u64,
    pub(crate) requests: Vec<Arc<LiveRequest>>,
    /// What was missed before the first, if anything was.
    pub(crate) missed: Option<Missed>,
    /// Whether there are more.
    pub(crate) more: bool,
}

impl Live {
    pub(crate) fn new(keep: usize) -> Self {
        let first = u64::try_from(Utc::now().timestamp_micros()).unwrap_or(1);
        let picture = Picture {
            topology: Topology::default(),
            activity: Activity::new(WINDOW_SECS),
            sites: BTreeMap::new(),
            latest: VecDeque::new(),
            next: first,
            first,
        };
        let (newest, _) = watch::channel(Some(first - 1));
        Self {
            picture: Mutex::new(picture),
            newest,
            keep: keep.max(1),
            room: Arc::new(Semaphore::new(MAX_STREAMS)),
        }
    }

    fn picture(&self) -> MutexGuard<'_, Picture> {
        self.picture.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a site that is followed.
    pub(crate) fn add_site(&self, name: &str, kind: SiteKind) {
        let mut picture = self.picture();
        picture.topology.site(name, kind);
        picture.sites.entry(name.to_owned()).or_default();
    }

    /// Takes what a site's interface says.
    pub(crate) fn configure(&self, site: &str, told: Result<Configuration, String>) {
        let mut picture = self.picture();
        let status = picture.sites.entry(site.to_owned()).or_default();
        match told {
            Ok(configuration) => {
                status.api_error = None;
                status.told = Some(Utc::now());
                picture.topology.configure(site, configuration);
            }
            Err(error) => {
                if status.api_error.as_ref() != Some(&error) {
                    tracing::warn!(site, error, "the proxy's configuration cannot be read");
                }
                status.api_error = Some(error);
            }
        }
    }

    /// How the logs of all sites are doing.
    pub(crate) fn sites(&self) -> BTreeMap<String, SiteStatus> {
        self.picture().sites.clone()
    }

    /// Notes how the logs of a site are doing.
    fn note(&self, site: &str, note: impl FnOnce(&mut SiteStatus)) {
        note(self.picture().sites.entry(site.to_owned()).or_default());
    }

    /// Shows requests, in the order in which they are to be shown.
    fn show(&self, now_us: i64, requests: Vec<Shown>) {
        let mut picture = self.picture();
        let Picture { topology, activity, latest, next, .. } = &mut *picture;
        for shown in requests {
            let path = topology.path(&shown.site, &shown.request);
            activity.add(now_us, &path, &shown.request);
            if latest.len() >= self.keep {
                latest.pop_front();
            }
            latest.push_back(Arc::new(LiveRequest::new(*next, shown)));
            *next += 1;
        }
        let newest = picture.next - 1;
        drop(picture);
        self.newest.send_if_modified(|known| {
            let is_new = known.is_some_and(|known| known != newest);
            if is_new {
                *known = Some(newest);
            }
            is_new
        });
    }

    /// Ends event streams.
    pub(crate) fn close(&self) {
        self.newest.send_replace(None);
    }

    /// Tells when there is something new.
    pub(crate) fn subscribe(&self) -> watch::Receiver<Option<u64>> {
        self.newest.subscribe()
    }

    /// Room for one more client that follows events; none if there are too many.
    pub(crate) fn admit(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.room).try_acquire_owned().ok()
    }

    /// Number of the newest request, or one less than that of the first to come.
    pub(crate) fn newest(&self) -> u64 {
        self.picture().next - 1
    }

    /// Up to `limit` requests after a number, of one site if it is named.
    pub(crate) fn after(&self, after: u64, limit: usize, site: Option<&str>) -> Batch {
        let picture = self.picture();
        let oldest = picture.next - picture.latest.len() as u64;
        let missed = (after + 1 < oldest).then(|| {
            if after + 1 >= picture.first { Missed::Requests(oldest - after - 1) } else { Missed::Unknown }
        });
        let from = after.max(oldest - 1);
        let skip = usize::try_from((after + 1).saturating_sub(oldest)).unwrap_or(usize::MAX);
        let mut rest =
            picture.latest.iter().skip(skip).filter(|one| site.is_none_or(|site| one.site() == site));
        let requests: Vec<_> = rest.by_ref().take(limit).cloned().collect();
        let more = rest.next().is_some();
        let last = requests.last().filter(|_| more).map(|last| last.seq());
        Batch { from, until: last.unwrap_or(from.max(picture.next - 1)), requests, missed, more }
    }

    /// The latest requests, of one site if it is named, the oldest first.
    pub(crate) fn latest(&self, limit: usize, site: Option<&str>) -> Vec<Arc<LiveRequest>> {
        let picture = self.picture();
        let of_site = picture.latest.iter().rev().filter(|one| site.is_none_or(|site| one.site() == site));
        let mut requests: Vec<_> = of_site.take(limit).cloned().collect();
        requests.reverse();
        requests
    }

    /// Everything that is there to be drawn.
    pub(crate) fn network_info(&self, now: DateTime<Utc>) -> NetworkInfo {
        let mut picture = self.picture();
        let ways = picture.activity.since(now.timestamp_micros(), WINDOW_SECS);
        NetworkInfo::new(now, &picture.topology, &ways, &picture.sites)
    }
}
