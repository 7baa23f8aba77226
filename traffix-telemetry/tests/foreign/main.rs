//! Flows that other collectors decoded.

#![expect(clippy::unwrap_used, reason = "a failing step should stop these tests")]

mod akvorado;
mod goflow2;

use std::sync::Arc;

use traffix_core::delivery::{Origin, PrefixKind, PrefixTable, Tenancy};
use traffix_core::network::Network;
use traffix_telemetry::collector::Watch;

/// Own addresses, and a router whose interface ends a link.
pub(crate) fn network() -> Network {
    serde_json::from_str(
        r#"{"id": "acme", "tz": "UTC", "lines": 1, "prefixes": ["198.51.100.0/24", "2001:db8:1::/48"], "links": [
            {"id": "pni", "kind": "pni", "capacity_bps": 1,
             "interfaces": [{"exporter": "203.0.113.9", "index": 7, "name": "xe-0/0/1"}]}]}"#,
    )
    .unwrap()
}

/// The network, and a CDN at 198.18.0.0/24 and `2001:db8:a::/48`.
pub(crate) fn watch() -> Arc<Watch> {
    let mut builder = PrefixTable::builder();
    let origin = builder.origin(Origin {
        cdn: "valve".parse().unwrap(),
        asn: None,
        kind: PrefixKind::OfficialList,
        tenancy: Tenancy::Dedicated,
        source: "a list".into(),
        observed: None,
    });
    builder.insert(origin, "198.18.0.0/24".parse().unwrap());
    builder.insert(origin, "2001:db8:a::/48".parse().unwrap());
    Arc::new(Watch::new(&network(), Arc::new(builder.build())))
}
