//! Asking a platform and catching whatever comes.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use chrono::{DateTime, Utc};
use serde_json::Value;
use traffix_core::catalogue::Region;
use traffix_core::delivery::Assertion;

use crate::upstream::Upstream;
use crate::{
    AudienceObservation, Datum, Discover, ListingObservation, ListingRef, Page, Platform, PlatformError,
    Vantage,
};

/// Polls after which a method that does nothing but ask its upstream is thought to wait for something else.
const MAX_POLLS: usize = 1_000;

/// One call of one method.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Question {
    Discover(Discover),
    Refresh(ListingRef),
    Audience(ListingRef),
    Delivery(Vantage),
}

/// What the method gives.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Answer {
    Page(Page<ListingObservation>),
    Listing(Box<ListingObservation>),
    Audience(Box<AudienceObservation>),
    Hosts(Vec<Assertion>),
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Trouble {
    Error(PlatformError),
    Panic(String),
    /// It waits for something besides its upstream.
    Waits,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(error) => write!(f, "{error}"),
            Self::Panic(message) => write!(f, "panicked: {message}"),
            Self::Waits => write!(f, "waits for something besides its upstream"),
        }
    }
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let build = |listing: &ListingRef| listing.build.as_ref().map(|b| format!(" from build {}", b.id));
        match self {
            Self::Discover(query) => match &query.cursor {
                Some(cursor) => write!(f, "discover at {cursor:?}"),
                None => write!(f, "discover"),
            },
            Self::Refresh(listing) => {
                write!(f, "refresh {}{}", listing.external_id, build(listing).unwrap_or_default())
            }
            Self::Audience(listing) => write!(f, "audience {}", listing.external_id),
            Self::Delivery(from) => write!(f, "delivery from {}", from.region),
        }
    }
}

impl Question {
    /// One of each kind, for methods that have nothing to ask.
    pub(super) fn one_of_each() -> [Self; 4] {
        let day: DateTime<Utc> = DateTime::UNIX_EPOCH;
        let region = Region::WORLD;
        [
            Self::Discover(Discover {
                now: day,
                from: day,
                until: day,
                region: region.clone(),
                cursor: None,
            }),
            Self::Refresh(ListingRef::new("1")),
            Self::Audience(ListingRef::new("1")),
            Self::Delivery(Vantage { region, address: None }),
        ]
    }

    /// The data that this method is there for.
    pub(super) fn data(&self) -> &'static [Datum] {
        match self {
            Self::Discover(_) => &[Datum::Listings],
            Self::Refresh(_) => &[
                Datum::ReleaseInstant,
                Datum::Preload,
                Datum::Builds,
                Datum::DownloadSize,
                Datum::UpdateSize,
                Datum::Audience,
            ],
            Self::Audience(_) => &[Datum::Audience],
            Self::Delivery(_) => &[Datum::Hosts],
        }
    }

    pub(super) fn same_method(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }

    /// Asks, and comes back whatever happens.
    pub(super) fn ask(&self, platform: &dyn Platform, up: &dyn Upstream) -> Result<Answer, Trouble> {
        let asked = catch_unwind(AssertUnwindSafe(|| at_once(self.run(platform, up))));
        match asked {
            Ok(Some(answer)) => answer.map_err(Trouble::Error),
            Ok(None) => Err(Trouble::Waits),
            Err(panic) => {
                let text = panic.downcast_ref::<String>().map(String::as_str);
                let text = text.or(panic.downcast_ref::<&str>().copied());
                Err(Trouble::Panic(text.unwrap_or("without a message").to_owned()))
            }
        }
    }

    async fn run(&self, platform: &dyn Platform, up: &dyn Upstream) -> Result<Answer, PlatformError> {
        Ok(match self {
            Self::Discover(query) => Answer::Page(platform.discover(up, query).await?),
            Self::Refresh(listing) => Answer::Listing(Box::new(platform.refresh(up, listing).await?)),
            Self::Audience(listing) => Answer::Audience(Box::new(platform.audience(up, listing).await?)),
            Self::Delivery(from) => Answer::Hosts(platform.delivery(up, from).await?),
        })
    }
}

/// Recordings answer at once, so a method over them never has to wait.
fn at_once<F: Future>(future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    (0..MAX_POLLS).find_map(|_| match future.as_mut().poll(&mut context) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    })
}

impl Answer {
    /// The observations of titles in it.
    pub(super) fn listings(&self) -> &[ListingObservation] {
        match self {
            Self::Page(page) => &page.items,
            Self::Listing(listing) => std::slice::from_ref(listing),
            Self::Audience(_) | Self::Hosts(_) => &[],
        }
    }

    /// As a document, to go through every value in it.
    pub(super) fn document(&self) -> Value {
        let value = match self {
            Self::Page(page) => serde_json::to_value(&page.items),
            Self::Listing(listing) => serde_json::to_value(listing),
            Self::Audience(audience) => serde_json::to_value(audience),
            Self::Hosts(hosts) => serde_json::to_value(hosts),
        };
        value.unwrap_or_default()
    }

    /// How many values are in it.
    pub(super) fn amount(&self) -> usize {
        let mut amount = 0;
        each_value(&self.document(), &mut |_| amount += 1);
        amount
    }
}

/// Calls `visit` with every text, number and truth value.
pub(super) fn each_value(document: &Value, visit: &mut impl FnMut(&Value)) {
    match document {
        Value::Null => {}
        Value::Array(items) => items.iter().for_each(|item| each_value(item, visit)),
        Value::Object(fields) => fields.values().for_each(|field| each_value(field, visit)),
        value => visit(value),
    }
}
