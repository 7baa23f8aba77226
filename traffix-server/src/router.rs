//! From paths to handlers.

use std::future::ready;
use std::sync::Arc;

use poem::endpoint::{BoxEndpoint, make};
use poem::middleware::CatchPanic;
use poem::{Endpoint, EndpointExt, IntoResponse, Request, Response, Route};

use crate::auth::Principal;
use crate::http::{Front, Holds, Kind, Operations, Problem, Reply};
use crate::{AppState, api, health, ui};

/// Paths outside of the API; they answer GET.
const OTHERS: [&str; 9] = [
    "/",
    "/networks/{id}",
    "/healthz",
    "/readyz",
    "/version",
    "/metrics",
    "/docs",
    "/problems/{kind}",
    "/api/v1/openapi.json",
];

/// The whole server as one endpoint.
pub(crate) fn endpoint(state: &Arc<AppState>) -> Front {
    let cost = state.config.limits.compute_cost;
    let operations = Operations::new(api::schema::document(), &OTHERS, cost, &state.metrics);
    Front::new(Arc::clone(state), operations, router(state))
}

fn router(state: &Arc<AppState>) -> BoxEndpoint<'static, Response> {
    let service = api::service(state);
    let docs = bytes::Bytes::from(api::schema::swagger_html(&service));
    let openapi = bytes::Bytes::from(api::openapi_json());
    let shared = |state: &Arc<AppState>| Arc::clone(state);
    let (index, network) = (shared(state), shared(state));
    let (parts, metrics) = (shared(state), shared(state));
    Route::new()
        .at("/", get(move |request| page(Arc::clone(&index), &request)))
        .at("/networks/:id", get(move |request| page(Arc::clone(&network), &request)))
        .at("/healthz", get(|_| async { health::alive() }))
        .at("/readyz", get(move |_| health::ready(Arc::clone(&parts))))
        .at("/version", get(|_| async { health::version() }))
        .at("/metrics", get(move |request| counters(Arc::clone(&metrics), &request)))
        .at("/docs", get(move |_| ready(fixed("text/html; charset=utf-8", docs.clone()))))
        .at("/problems/:kind", get(|request| async move { problem_page(&request) }))
        .at("/api/v1/openapi.json", get(move |_| ready(fixed("application/json", openapi.clone()))))
        .nest(api::PREFIX, service)
        .with(CatchPanic::new().with_handler(panicked))
        .map_to_response()
        .boxed()
}

fn get<F, Fut>(answer: F) -> impl Endpoint<Output = Response>
where
    F: Fn(Request) -> Fut + Send + Sync,
    Fut: Future<Output = Response> + Send,
{
    make(move |request| {
        let answer = answer(request);
        async move { Ok::<_, poem::Error>(answer.await) }
    })
    .map_to_response()
}

fn page(state: Arc<AppState>, request: &Request) -> impl Future<Output = Response> + Send + use<> {
    let network = request.uri().path().strip_prefix("/networks/").map(str::to_owned);
    async move { ui::index(&state, network.as_deref()).await }
}

fn counters(state: Arc<AppState>, request: &Request) -> impl Future<Output = Response> + Send + use<> {
    health::metrics(state, request.extensions().get::<Principal>().is_some())
}

/// What is the same for as long as the program runs; the front keeps it, compressed on first demand.
fn fixed(content_type: &'static str, body: impl Into<bytes::Bytes>) -> Response {
    let mut reply = Reply::bytes(content_type, body);
    reply.holds = Holds::WithCatalogue;
    reply.into_response()
}

#[expect(clippy::needless_pass_by_value, reason = "the framework's signature")]
fn panicked(panic: Box<dyn std::any::Any + Send + 'static>) -> Response {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
    tracing::error!(panic = text, "a handler panicked");
    poem::Error::from(Problem::new(Kind::Internal, "the handler panicked; the log says where"))
        .into_response()
}

/// What a problem's `type` resolves to.
fn problem_page(request: &Request) -> Response {
    let slug = request.uri().path().rsplit('/').next().unwrap_or_default();
    let Some(kind) = Kind::all().find(|kind| kind.slug() == slug) else {
        return poem::Error::from(Problem::new(Kind::NotFound, "no problem has this name")).into_response();
    };
    let (status, title, advice) = (kind.status().as_u16(), kind.title(), kind.advice());
    let page = format!(
        "<!doctype html><meta charset=\"utf-8\"><title>{title}</title><h1>{title}</h1>\
         <p>Status {status}. {advice}</p><p><a href=\"/docs\">API documentation</a></p>"
    );
    fixed("text/html; charset=utf-8", page)
}
