//! What proxies and caches answer just now.
#![expect(clippy::unused_async, reason = "the framework wants asynchronous handlers")]

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, stream};
use poem::Request;
use poem_openapi::OpenApi;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::{OwnedSemaphorePermit, watch};

use super::Chapter;
use super::changes::Position;
use super::lists::{Limit, page};
use crate::AppState;
use crate::auth::Caller;
use crate::http::{Answer, EventStream, Kind, Problem, Query};
use crate::live::{Batch, Live, LiveRequest, Missed, NetworkInfo};

pub(crate) struct LiveApi(pub(crate) Arc<AppState>);

/// How often a stream without news says that it is there.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Most events that are written at once.
const MAX_AT_ONCE: usize = 500;
/// The name of a site.
const SITE: &str = "^[A-Za-z0-9._-]+$";

/// Which requests.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AccessLogParams {
    /// Requests after this number, the oldest first; the latest if absent.
    after: Option<Position>,
    /// Most items wanted, 1 to 500; 100 if absent.
    limit: Option<Limit>,
    /// Only of this proxy or cache.
    site: Option<SiteName>,
}

/// Which events.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LiveEventParams {
    /// Requests after this number; those from now on if absent. The header `Last-Event-ID` takes precedence.
    after: Option<Position>,
    /// Only of this proxy or cache.
    site: Option<SiteName>,
}

/// The name of a proxy or cache.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(inline, extend("minLength" = 1, "maxLength" = 100, "pattern" = SITE))]
pub(crate) struct SiteName(String);

impl TryFrom<String> for SiteName {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let fits = !name.is_empty() && name.len() <= 100 && name.chars().all(plain);
        if fits {
            Ok(Self(name))
        } else {
            Err("must be 1 to 100 letters, digits, dots, hyphens and underscores")
        }
    }
}

/// A page of requests in the order in which they began.
#[derive(Serialize, JsonSchema)]
pub(crate) struct AccessLogPage {
    items: Vec<LiveRequest>,
    /// The next page, if there is one.
    #[schemars(default)]
    next: Option<String>,
}

#[OpenApi(tag = "Chapter::Live")]
impl LiveApi {
    /// Proxies and caches with their entry points, routers and services, and what passed between them in the last minutes.
    ///
    /// What nobody uses is there too, if the proxy tells its configuration. Needs a key unless the server's
    /// `live.open_reading` is set.
    #[oai(path = "/live/network-info", method = "get", operation_id = "getLiveNetwork")]
    async fn network_info(&self, who: Caller) -> Result<Answer<NetworkInfo>, Problem> {
        self.may_read(&who)?;
        Answer::json(&self.0.live.network_info(chrono::Utc::now()))
    }

    /// The latest requests, in the order in which they began.
    ///
    /// The server keeps some thousands; what is older is gone. To follow them, ask again with `after` set to the `seq` of
    /// the last one seen, or use the event stream. Needs a key unless the server's `live.open_reading` is set.
    #[oai(path = "/live/access-logs", method = "get", operation_id = "listLiveRequests")]
    async fn access_logs(
        &self,
        who: Caller,
        request: &Request,
        params: Query<AccessLogParams>,
    ) -> Result<Answer<AccessLogPage>, Problem> {
        self.may_read(&who)?;
        let limit = Limit::or_default(params.0.limit) as usize;
        let site = params.0.site.as_ref().map(|site| site.0.as_str());
        let (items, more) = match params.0.after {
            Some(after) => {
                let batch = self.0.live.after(after.number(), limit, site);
                (batch.requests, batch.more)
            }
            None => (self.0.live.latest(limit, site), false),
        };
        let cursor = items.last().filter(|_| more).map(|last| last.seq().to_string());
        let items: Vec<&LiveRequest> = items.iter().map(AsRef::as_ref).collect();
        page(&items, request.original_uri(), cursor.as_deref())
    }

    /// Requests as they are logged, as server-sent events.
    ///
    /// `request` has an item of the list of requests as data and its `seq` as id. A client that was away names the last
    /// id it saw in `Last-Event-ID`, as browsers do by themselves, and gets what it missed. What the server does not
    /// keep any more, because that was long ago or the client reads too slowly, is told by `gap` with `missed`, the
    /// number of requests, or null if the server was started anew. Lines with a colon alone keep the connection open.
    /// Needs a key unless the server's `live.open_reading` is set.
    #[oai(path = "/live/events", method = "get", operation_id = "streamLiveRequests")]
    async fn events(
        &self,
        who: Caller,
        request: &Request,
        params: Query<LiveEventParams>,
    ) -> Result<EventStream, Problem> {
        self.may_read(&who)?;
        let last = match request.headers().get("last-event-id") {
            Some(id) => Some(number(id).ok_or_else(|| {
                Problem::header(Kind::Malformed, "Last-Event-ID", "must be the id of an event")
            })?),
            None => params.0.after.map(Position::number),
        };
        let live = Arc::clone(&self.0.live);
        let permit =
            live.admit().ok_or_else(|| Problem::unavailable("too many clients follow events", 30))?;
        let events = Events {
            news: live.subscribe(),
            after: last.unwrap_or_else(|| live.newest()),
            site: params.0.site.map(|site| site.0),
            greeted: false,
            live,
            _permit: permit,
        };
        Ok(EventStream::new(events.stream()))
    }
}

impl LiveApi {
    /// Refuses who may not know who is asked for what.
    fn may_read(&self, who: &Caller) -> Result<(), Problem> {
        if self.0.config.live.open_reading || who.0.is_some() {
            return Ok(());
        }
        Err(Problem::header(Kind::Unauthenticated, "Authorization", "access logs need a key of any role"))
    }
}

fn number(header: &poem::http::HeaderValue) -> Option<u64> {
    header.to_str().ok()?.parse().ok().filter(|number| *number < (1 << 53))
}

/// What one client was sent, and what tells that there is more. The requests themselves are kept once for all clients.
struct Events {
    live: Arc<Live>,
    news: watch::Receiver<Option<u64>>,
    after: u64,
    site: Option<String>,
    greeted: bool,
    _permit: OwnedSemaphorePermit,
}

impl Events {
    fn stream(self) -> impl Stream<Item = Bytes> + Send {
        stream::unfold(self, |mut events| async move {
            let text = events.next().await?;
            Some((Bytes::from(text), events))
        })
    }

    /// The next piece; none when the server stops.
    async fn next(&mut self) -> Option<String> {
        if !self.greeted {
            self.greeted = true;
            return Some("retry: 2000\n\n".into());
        }
        loop {
            if self.news.borrow_and_update().is_none() {
                return None;
            }
            let batch = self.live.after(self.after, MAX_AT_ONCE, self.site.as_deref());
            self.after = batch.until;
            let text = written(&batch);
            if !text.is_empty() {
                return Some(text);
            }
            if batch.more {
                continue;
            }
            match tokio::time::timeout(HEARTBEAT, self.news.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return None,
                Err(_) => return Some(":\n\n".into()),
            }
        }
    }
}

fn written(batch: &Batch) -> String {
    let mut text = String::new();
    if let Some(missed) = &batch.missed {
        let missed = match missed {
            Missed::Requests(count) => count.to_string(),
            Missed::Unknown => "null".to_owned(),
        };
        // Writing into a String does not fail.
        let _ = write!(text, "id: {}\nevent: gap\ndata: {{\"missed\":{missed}}}\n\n", batch.from);
    }
    for request in &batch.requests {
        let data = serde_json::to_string(&**request).unwrap_or_default();
        let _ = write!(text, "id: {}\nevent: request\ndata: {data}\n\n", request.seq());
    }
    text
}
