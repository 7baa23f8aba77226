//! What passes are counted by.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::Pass;

/// Counters of frozen forecasts and settled events.
#[derive(Default)]
pub(crate) struct ProofMetrics {
    frozen: Counter,
    late: Counter,
    scored: Counter,
    refused: Counter,
    pending: Gauge,
}

impl ProofMetrics {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let all = Self::default();
        registry.register("proof_frozen", "Forecasts frozen in time", all.frozen.clone());
        registry.register("proof_late", "Forecasts frozen after the release", all.late.clone());
        registry.register("proof_scored", "Events that were measured and scored", all.scored.clone());
        registry.register("proof_refused", "Events that cannot be measured", all.refused.clone());
        registry.register("proof_pending", "Events whose measurements are awaited", all.pending.clone());
        all
    }

    pub(super) fn note(&self, pass: Pass) {
        self.frozen.inc_by(pass.frozen);
        self.late.inc_by(pass.late);
        self.scored.inc_by(pass.scored + pass.learned);
        self.refused.inc_by(pass.refused);
        self.pending.set(i64::try_from(pass.pending).unwrap_or(i64::MAX));
    }
}
