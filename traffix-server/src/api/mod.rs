//! The API under `/api/v1`: one file per resource.

mod catalogue;
mod changes;
mod companies;
mod edits;
mod lists;
mod releases;
pub(crate) mod schema;

use std::sync::Arc;

use poem_openapi::{OpenApiService, Tags};

use crate::AppState;

pub use schema::openapi_json;

/// Where the API lives.
pub(crate) const PREFIX: &str = "/api/v1";

/// Chapters of the documentation.
#[derive(Tags)]
pub(crate) enum Chapter {
    /// Releases and updates: what comes, when, how large.
    Catalogue,
    /// Publishers and developers. Data-as-code: changed by review, not through the API.
    Companies,
    /// Platforms, the CDNs behind them, and whose an address is.
    Delivery,
    /// Profiles of networks, private to the key that saved them.
    Networks,
    /// Forecasts and outlooks. They cost more of the quota than other requests.
    Compute,
    /// What changed in the catalogue.
    Changes,
}

type Apis = (
    catalogue::CatalogueApi,
    edits::EditApi,
    releases::ReleaseApi,
    companies::CompanyApi,
    changes::ChangeApi,
);

/// The service over a state.
pub(crate) fn service(state: &Arc<AppState>) -> OpenApiService<Apis, ()> {
    let state = || Arc::clone(state);
    let apis = (
        catalogue::CatalogueApi(state()),
        edits::EditApi(state()),
        releases::ReleaseApi(state()),
        companies::CompanyApi(state()),
        changes::ChangeApi(state()),
    );
    described(OpenApiService::new(apis, "traffix", "1"))
}

/// The service's description; it needs no state.
fn description() -> OpenApiService<Description, ()> {
    described(OpenApiService::new(Description, "traffix", "1"))
}

/// Stands for [`Apis`] where only their description is wanted.
struct Description;

impl poem_openapi::OpenApi for Description {
    fn meta() -> Vec<poem_openapi::registry::MetaApi> {
        <Apis as poem_openapi::OpenApi>::meta()
    }

    fn register(registry: &mut poem_openapi::registry::Registry) {
        <Apis as poem_openapi::OpenApi>::register(registry);
    }

    fn add_routes(
        self,
        _: &mut std::collections::HashMap<
            String,
            std::collections::HashMap<poem::http::Method, poem::endpoint::BoxEndpoint<'static>>,
        >,
    ) {
    }
}

fn described<T>(service: OpenApiService<T, ()>) -> OpenApiService<T, ()> {
    service
        .description(
            "What game releases, updates and premieres will do to an ISP's links.\n\n\
             Reading needs no key; writing does. Every error is a problem document (RFC 9457). Lists are \
             `{\"items\": [...], \"next\": \"...\"}`; follow `next` until it is absent. Instants are RFC 3339 in \
             UTC, sizes are bytes, rates are bits per second.",
        )
        .license("MIT OR Apache-2.0")
        .server(PREFIX)
}
