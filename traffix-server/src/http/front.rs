//! The front: every request passes here once, hot pages no further.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use poem::endpoint::BoxEndpoint;
use poem::http::{HeaderValue, Method, StatusCode, header};
use poem::{Endpoint, Request, Response};

use super::accept::{self, Encoding};
use super::answer::{Holds, Reply};
use super::cached::Entry;
use super::client::{self, ClientId};
use super::cors::{self, Cors, Origin};
use super::operations::{Operation, Operations};
use super::pages;
use super::problem::{Kind, Problem};
use super::request_id;
use super::stream::Streamed;
use crate::AppState;
use crate::auth::{Principal, Refused, Token};
use crate::config::LogRequests;
use crate::limits::{Exceeded, Standing};

/// Longest path and query.
const MAX_TARGET_BYTES: usize = 8_192;
/// Slower requests are worth a line in the log.
const SLOW: Duration = Duration::from_secs(1);

/// Sees every request before the router and every answer after it.
pub(crate) struct Front {
    state: Arc<AppState>,
    operations: Operations,
    router: BoxEndpoint<'static, Response>,
    cors: Cors,
    vary: HeaderValue,
    ids: request_id::RequestIds,
}

/// What is known about one request.
pub(crate) struct Call {
    pub(crate) started: Instant,
    pub(crate) id: HeaderValue,
    pub(crate) address: IpAddr,
    pub(crate) principal: Option<Principal>,
    key_number: Option<u64>,
    pub(crate) standing: Option<Standing>,
    pub(crate) encoding: Encoding,
    pub(crate) is_head: bool,
    pub(crate) method: Method,
    pub(crate) operation: Arc<Operation>,
    origin: Origin,
    preflight: Option<HeaderValue>,
}

impl Front {
    pub(crate) fn new(
        state: Arc<AppState>,
        operations: Operations,
        router: BoxEndpoint<'static, Response>,
    ) -> Self {
        let cors = Cors::new(&state.config.server.cors_origins);
        let vary = if cors.varies() { "accept, accept-encoding, origin" } else { "accept, accept-encoding" };
        let ids = request_id::RequestIds::new();
        Self { state, operations, router, cors, vary: HeaderValue::from_static(vary), ids }
    }

    fn begin(&self, request: &Request) -> Call {
        let proxies = &self.state.config.server.trusted_proxies;
        let peer = request.remote_addr().as_socket_addr().map(std::net::SocketAddr::ip);
        let given = request.headers().get(super::X_REQUEST_ID).filter(|id| request_id::acceptable(id));
        let trusted = given.filter(|_| peer.is_some_and(|peer| client::is_trusted(proxies, peer)));
        let id = trusted.cloned().unwrap_or_else(|| {
            let millis = chrono::Utc::now().timestamp_millis();
            request_id::header(self.ids.next(u64::try_from(millis).unwrap_or(0)))
        });
        Call {
            started: Instant::now(),
            id,
            address: client::address(proxies, peer, request.headers()),
            principal: None,
            key_number: None,
            standing: None,
            encoding: accept::encoding(request.headers()),
            is_head: *request.method() == Method::HEAD,
            method: request.method().clone(),
            operation: Arc::clone(&self.operations.unknown),
            origin: self.cors.origin(request.headers()),
            preflight: None,
        }
    }

    /// Everything between the first look at a request and the finished answer.
    async fn answer(&self, call: &mut Call, mut request: Request) -> Result<Response, Problem> {
        if request.headers().contains_key(header::AUTHORIZATION) {
            Box::pin(self.authenticate(call, &request)).await?;
        }
        let readable = matches!(*request.method(), Method::GET | Method::HEAD);
        if readable && let Some(response) = self.hot(call, &request)? {
            return Ok(response);
        }
        if call.is_head {
            request.set_method(Method::GET);
        }
        if let Some(options) = self.route(call, &request)? {
            return Ok(options);
        }
        // Boxed, so that hot pages do not pay for the size of its state.
        Box::pin(self.cold(call, request)).await
    }

    /// Answers from prepared bytes, if there are any that hold.
    fn hot(&self, call: &mut Call, request: &Request) -> Result<Option<Response>, Problem> {
        if !self.may_read(call) || accept::wants_csv(request.headers()) {
            return Ok(None);
        }
        let Some(sequence) = self.state.pages.known_sequence(call.started) else { return Ok(None) };
        let Some(target) = request.uri().path_and_query() else { return Ok(None) };
        let Some(entry) = self.state.pages.get(target.as_str(), sequence, call.started) else {
            return Ok(None);
        };
        call.operation = Arc::clone(&entry.operation);
        self.charge(call, 1)?;
        self.state.metrics.page_hits.inc();
        Ok(Some(entry.respond(call.encoding, request.headers(), call.is_head)))
    }

    /// Finds the operation and charges for it. OPTIONS is answered here.
    fn route(&self, call: &mut Call, request: &Request) -> Result<Option<Response>, Problem> {
        let target_bytes = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
        let path = request.uri().path();
        let Some(entry) = self.operations.find(path).filter(|_| target_bytes <= MAX_TARGET_BYTES) else {
            self.charge(call, 1)?;
            if target_bytes > MAX_TARGET_BYTES {
                let detail = format!("path and query must be at most {MAX_TARGET_BYTES} bytes");
                return Err(Problem::new(Kind::AddressTooLong, detail));
            }
            return Err(Problem::new(
                Kind::NotFound,
                "no resource has this path; /docs lists those that exist",
            ));
        };
        if percent_encoding::percent_decode_str(path).decode_utf8().is_err() {
            self.charge(call, 1)?;
            return Err(Problem::new(Kind::Malformed, "the path must be percent-encoded UTF-8"));
        }
        if *request.method() == Method::OPTIONS {
            self.charge(call, 1)?;
            if cors::is_preflight(request.method(), request.headers()) {
                call.preflight = Some(entry.allow.clone());
            }
            let mut response = Response::builder().status(StatusCode::NO_CONTENT).finish();
            response.headers_mut().insert(header::ALLOW, entry.allow.clone());
            return Ok(Some(response));
        }
        let Some(operation) = entry.operation(request.method()) else {
            self.charge(call, 1)?;
            let allow = String::from_utf8_lossy(entry.allow.as_bytes()).into_owned();
            let detail = format!("{} is not allowed here; allowed are {allow}", call.method);
            let mut problem = Problem::new(Kind::MethodNotAllowed, detail);
            problem.allow = Some(allow);
            return Err(problem);
        };
        call.operation = Arc::clone(operation);
        self.charge(call, operation.cost)?;
        operation.check_query(request.uri().query().unwrap_or_default())?;
        Ok(None)
    }

    /// Asks the router.
    async fn cold(&self, call: &mut Call, mut request: Request) -> Result<Response, Problem> {
        if !self.may_read(call) && call.operation.template.starts_with("/api/") {
            return Err(Problem::header(Kind::Unauthenticated, "Authorization", "this server needs a key"));
        }
        if let Some(principal) = &call.principal {
            request.extensions_mut().insert(principal.clone());
        }
        if call.operation.has_body {
            return self.with_body(call, request).await;
        }
        if call.operation.streams {
            return self.stream(call, request).await;
        }
        let is_get = *request.method() == Method::GET;
        let sequence = self.state.pages.sequence(self.state.store.as_ref()).await?;
        let csv = accept::wants_csv(request.headers());
        let key = pages::normalised(request.uri().path(), request.uri().query(), csv);
        let headers = request.headers().clone();
        if is_get && let Some(entry) = self.state.pages.get(&key, sequence, call.started) {
            self.remember(&request, csv, &entry);
            return Ok(entry.respond(call.encoding, &headers, call.is_head));
        }
        let target = request.uri().path_and_query().map(|target| target.as_str().to_owned());
        let reply = self.dispatch(request).await?;
        let entry = Arc::new(self.entry(call, reply, sequence));
        if is_get && entry.holds() != Holds::Privately && entry.reply().status == StatusCode::OK {
            self.state.pages.put(&key, &entry);
            if let Some(target) = target.filter(|target| !csv && *target != key) {
                self.state.pages.put(&target, &entry);
            }
        }
        Ok(entry.respond(call.encoding, &headers, call.is_head))
    }

    /// Passes on an answer that has no end, as it comes.
    async fn stream(&self, call: &Call, request: Request) -> Result<Response, Problem> {
        let headers = request.headers().clone();
        let mut response = self.answered(request).await?;
        if response.extensions().get::<Streamed>().is_some() {
            if call.is_head {
                response.set_body(());
            }
            return Ok(response);
        }
        let reply = super::finish::reply_of(response).await?;
        Ok(self.entry(call, reply, 0).respond(call.encoding, &headers, call.is_head))
    }

    /// Lets the next request with the same spelling find the page at once.
    fn remember(&self, request: &Request, csv: bool, entry: &Arc<Entry>) {
        if let Some(target) = request.uri().path_and_query().filter(|_| !csv) {
            self.state.pages.put(target.as_str(), entry);
        }
    }

    /// Asks the router for an operation with a body, once per idempotency key.
    async fn with_body(&self, call: &mut Call, mut request: Request) -> Result<Response, Problem> {
        let config = &self.state.config;
        let limit = config.limits.max_body_bytes;
        let time = Duration::from_secs(config.server.request_timeout_secs);
        let body = super::finish::read_body(&mut request, limit, time).await?;
        let headers = request.headers().clone();
        let once = headers.get("idempotency-key").filter(|_| call.method == Method::POST);
        let target = format!("{} {}", call.method, request.uri());
        request.set_body(body.clone());
        let store = self.state.store.as_ref();
        let reply = match once {
            None => self.dispatch(request).await?,
            Some(key) => {
                let parts = [target.as_bytes(), &body[..]];
                let (turn, earlier) = self.state.idempotency.begin(store, call.owner(), key, parts).await?;
                if let Some(reply) = earlier {
                    reply
                } else {
                    let reply = self.dispatch(request).await?;
                    self.state.idempotency.end(store, turn, &reply).await;
                    reply
                }
            }
        };
        Ok(self.entry(call, reply, 0).respond(call.encoding, &headers, call.is_head))
    }

    /// The router's answer, whole.
    async fn dispatch(&self, request: Request) -> Result<Reply, Problem> {
        super::finish::reply_of(self.answered(request).await?).await
    }

    /// The router's answer, in time and without panics.
    async fn answered(&self, request: Request) -> Result<Response, Problem> {
        let time = Duration::from_secs(self.state.config.server.request_timeout_secs);
        let answered = tokio::time::timeout(time, self.router.get_response(request)).await;
        answered.map_err(|_| Problem::unavailable(format!("no answer within {} s", time.as_secs()), 5))
    }

    fn entry(&self, call: &Call, reply: Reply, sequence: i64) -> Entry {
        let open = self.state.config.auth.open_reading;
        Entry::new(reply, Arc::clone(&call.operation), sequence, open, self.vary.clone())
    }

    fn may_read(&self, call: &Call) -> bool {
        self.state.config.auth.open_reading || call.principal.is_some()
    }

    /// Finds out who shows the key. Wrong keys, and keys that must be looked up, are charged to the address.
    async fn authenticate(&self, call: &mut Call, request: &Request) -> Result<(), Problem> {
        let refused =
            |refused: Refused| Problem::header(Kind::Unauthenticated, "Authorization", refused.detail());
        let value = request.headers().get(header::AUTHORIZATION);
        let token = value.and_then(Token::from_header);
        if !token.as_ref().is_some_and(|token| self.state.keys.is_known(token)) {
            self.charge(call, 1)?;
        }
        let token = token.ok_or_else(|| refused(Refused::Form))?;
        let now = chrono::Utc::now();
        let checked = self.state.keys.check(self.state.store.as_ref(), &token, now).await?;
        call.principal = Some(checked.map_err(|why| {
            // A known id with a wrong secret was not charged above.
            let _ = self.charge(call, 1);
            refused(why)
        })?);
        call.key_number = Some(token.number());
        Ok(())
    }

    fn charge(&self, call: &mut Call, cost: u32) -> Result<(), Problem> {
        let client = call.key_number.map_or_else(|| ClientId::of(call.address), ClientId::Key);
        match self.state.limits.charge(client, cost) {
            Ok(standing) => {
                call.standing = standing;
                Ok(())
            }
            Err(Exceeded { standing, retry_after_secs }) => {
                call.standing = Some(standing);
                self.state.metrics.rate_limited.inc();
                let detail = format!("the quota of requests is used up; retry after {retry_after_secs} s");
                let mut problem = Problem::new(Kind::QuotaExceeded, detail);
                problem.violated_policies.push("requests");
                problem.retry_after_secs = Some(retry_after_secs);
                Err(problem)
            }
        }
    }

    /// Adds what every answer has, counts it and logs it if it is worth a line.
    fn end(&self, call: &mut Call, mut response: Response) -> Response {
        let took = call.started.elapsed();
        let status = response.status();
        call.operation.metrics.note(status, took);
        let is_write = !matches!(call.method, Method::GET | Method::HEAD | Method::OPTIONS);
        let notable = is_write || status.is_server_error() || took >= SLOW;
        if notable || self.state.config.log.requests == LogRequests::All {
            call.log(status, took);
        }
        let headers = response.headers_mut();
        if let Some(standing) = call.standing.take() {
            headers.insert(super::RATELIMIT, standing.header());
            headers.insert(super::RATELIMIT_POLICY, standing.policy);
        } else {
            headers.remove(super::RATELIMIT);
            headers.remove(super::RATELIMIT_POLICY);
        }
        headers.insert(super::X_REQUEST_ID, std::mem::replace(&mut call.id, HeaderValue::from_static("")));
        call.origin.finish(call.preflight.take(), headers);
        response
    }
}

impl Call {
    fn log(&self, status: StatusCode, took: Duration) {
        tracing::info!(
            request.id = self.id.to_str().unwrap_or_default(),
            request.method = self.method.as_str(),
            request.route = self.operation.template,
            client.address = %self.address,
            client.key = self.principal.as_ref().map(|principal| &*principal.id),
            response.status = status.as_u16(),
            duration_secs = took.as_secs_f64(),
            "request"
        );
    }

    /// Whose idempotency keys these are, and whether the store keeps them.
    fn owner(&self) -> (String, bool) {
        match &self.principal {
            Some(principal) => (principal.id.to_string(), true),
            None => (self.address.to_string(), false),
        }
    }
}

impl Endpoint for Front {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let mut call = self.begin(&request);
        let response = match self.answer(&mut call, request).await {
            Ok(response) => response,
            Err(problem) => super::finish::problem_response(problem, &call),
        };
        Ok(self.end(&mut call, response))
    }
}
