//! The API under `/api/v1`: one file per resource.

mod attribution;
mod baselines;
mod catalogue;
mod changes;
mod companies;
mod edits;
mod forecasts;
mod history;
mod lists;
mod live;
mod measured;
mod measurements;
mod networks;
mod outlook;
mod overlays;
mod platforms;
mod prefixes;
mod proposals;
mod references;
mod releases;
mod scenarios;
pub(crate) mod schema;
mod scores;
mod series;
mod sources;
mod spikes;
mod traffic;
mod views;

use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::Arc;

use poem::endpoint::BoxEndpoint;
use poem::http::Method;
use poem_openapi::registry::{MetaApi, Registry};
use poem_openapi::{OpenApi, OpenApiService, Tags};

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
    /// Measured bytes by time, platform, CDN and link, and series that were imported.
    Measurements,
    /// What changed in the catalogue.
    Changes,
    /// What proxies and caches answer just now, by their access logs.
    Live,
    /// Where the catalogue comes from, and what awaits a moderator.
    Sources,
}

/// Pairs of pairs: the framework takes at most sixteen parts side by side.
macro_rules! nested {
    () => { () };
    ($first:ty $(, $rest:ty)*) => { ($first, nested!($($rest),*)) };
}

/// The same of values.
macro_rules! nest {
    () => { () };
    ($first:expr $(, $rest:expr)*) => { ($first, nest!($($rest),*)) };
}

/// Lists the parts of the API once, for the service and for its description.
macro_rules! apis {
    ($($module:ident :: $api:ident),* $(,)?) => {
        pub(crate) type Apis = nested!($($module::$api),*);

        /// The service over a state.
        pub(crate) fn service(state: &Arc<AppState>) -> OpenApiService<Apis, ()> {
            described(OpenApiService::new(nest!($($module::$api(Arc::clone(state))),*), "traffix", "1"))
        }

        /// The documents of the parts. The framework repeats a path that two parts share; apart they are whole.
        fn descriptions() -> Vec<String> {
            vec![$(described(OpenApiService::new(Description::<$module::$api>(PhantomData), "traffix", "1")).spec()),*]
        }
    };
}

apis!(
    catalogue::CatalogueApi,
    edits::EditApi,
    releases::ReleaseApi,
    companies::CompanyApi,
    changes::ChangeApi,
    platforms::PlatformApi,
    prefixes::PrefixApi,
    attribution::AttributionApi,
    networks::NetworkApi,
    forecasts::ForecastApi,
    scenarios::ScenarioApi,
    outlook::OutlookApi,
    scores::ScoreApi,
    measurements::MeasurementApi,
    series::SeriesApi,
    overlays::OverlayApi,
    baselines::BaselineApi,
    spikes::SpikeApi,
    live::LiveApi,
    sources::SourceApi,
    proposals::ProposalApi,
);

/// Stands for a part where only its description is wanted: that needs no state.
struct Description<T>(PhantomData<fn() -> T>);

type Routes = HashMap<String, HashMap<Method, BoxEndpoint<'static>>>;

impl<T: OpenApi> OpenApi for Description<T> {
    fn meta() -> Vec<MetaApi> {
        T::meta()
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn add_routes(self, _: &mut Routes) {}
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
