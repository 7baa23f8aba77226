//! Which platforms something is being released on.

use chrono::{DateTime, TimeDelta, Utc};
use traffix_core::catalogue::{PlatformId, RUNS_FOR, Ru};
use traffix_core::forecast::{ForecastInput, Options, bytes_by_platform};
use traffix_core::network::Network;
use traffix_store::{RuQuery, Store, StoreError};

use crate::planning;

/// RUs that run some time in a span, with the bytes that each brings.
#[derive(Debug, Default)]
pub(crate) struct Running(Vec<(Ru, Vec<(PlatformId, f64)>)>);

impl Running {
    /// Those of a store that may run between two instants, both included.
    pub(crate) async fn between(
        store: &dyn Store,
        first: DateTime<Utc>,
        last: DateTime<Utc>,
    ) -> Result<Self, StoreError> {
        // Where only the day is known, the phase may begin at its end.
        let look_back = RUNS_FOR + TimeDelta::days(1);
        let query = RuQuery {
            from: Some(first.checked_sub_signed(look_back).unwrap_or(first)),
            until: Some(last.checked_add_signed(TimeDelta::seconds(1)).unwrap_or(last)),
            ..RuQuery::default()
        };
        let rus = planning::all(store, &query).await?;
        let with_bytes = |ru: Ru| {
            let bytes = expected(&ru);
            (ru, bytes)
        };
        Ok(Self(rus.into_iter().map(with_bytes).collect()))
    }

    /// The platforms on which something runs at an instant, weighted by the bytes that the model expects of it in all.
    pub(crate) fn at(&self, at: DateTime<Utc>) -> Vec<(PlatformId, f64)> {
        let mut weights = Vec::new();
        for (ru, bytes) in &self.0 {
            let runs = |id: &PlatformId| ru.listings.iter().any(|one| one.platform == *id && one.runs_at(at));
            weights.extend(bytes.iter().filter(|(id, _)| runs(id)).cloned());
        }
        weights
    }
}

/// Median bytes by platform that an RU brings to a line somewhere in the world.
fn expected(ru: &Ru) -> Vec<(PlatformId, f64)> {
    let network = Network::new("anywhere", "UTC", 1.0);
    let Ok(input) = planning::ru_input(ru, &network) else { return Vec::new() };
    let question = ForecastInput { ru: input, network, options: Options::default() };
    let bytes = bytes_by_platform(&question);
    bytes.into_iter().filter_map(|(platform, bytes)| Some((platform.parse().ok()?, bytes))).collect()
}
