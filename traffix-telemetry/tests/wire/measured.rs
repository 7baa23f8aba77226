//! A network and a table for the capture, and what must be measured of it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use traffix_core::delivery::{Origin, PrefixKind, PrefixTable, Tenancy};
use traffix_core::measurement::{Batch, Key, Sums};
use traffix_core::network::Network;
use traffix_telemetry::collector::{SinkError, Watch};

use crate::capture::{Conversation, conversations};

/// The network of the capture's clients; flows from `exporter` are counted on a link if it is given.
pub(crate) fn watch(exporter: Option<IpAddr>) -> Watch {
    let mut table = PrefixTable::builder();
    for (cdn, prefix) in
        [("akamai", "198.51.0.0/24"), ("valve", "198.51.1.0/24"), ("fastly", "2001:db8:0:1::/64")]
    {
        let origin = table.origin(Origin {
            cdn: cdn.parse().unwrap(),
            asn: None,
            kind: PrefixKind::OfficialList,
            tenancy: Tenancy::Dedicated,
            source: "the test".into(),
            observed: None,
        });
        table.insert(origin, prefix.parse().unwrap());
    }
    table.platforms("valve".parse().unwrap(), &[("steam".parse().unwrap(), 0.95)]);
    let interfaces: Vec<_> =
        exporter.iter().map(|at| format!(r#"{{"exporter": "{at}", "name": "eth7"}}"#)).collect();
    let profile = format!(
        r#"{{"id": "acme", "tz": "UTC", "lines": 1, "prefixes": ["10.7.0.0/16", "2001:db8:ffff::/48"],
            "links": [{{"id": "pni", "kind": "pni", "capacity_bps": 1e9, "interfaces": [{}]}}]}}"#,
        interfaces.join(",")
    );
    let network: Network = serde_json::from_str(&profile).unwrap();
    assert!(network.validate().is_empty());
    Watch::new(&network, Arc::new(table.build()))
}

/// Bytes by key that went to the clients.
pub(crate) fn truth(shown: impl Fn(&Conversation) -> bool) -> BTreeMap<Key, u64> {
    let mut sums = BTreeMap::new();
    for conversation in conversations().iter().filter(|c| shown(c) && c.source_port == 443) {
        let (cdn, platform) = match conversation.source {
            IpAddr::V4(v4) if v4.octets()[2] == 0 => ("akamai", None),
            IpAddr::V4(_) => ("valve", Some("steam".parse().unwrap())),
            IpAddr::V6(_) => ("fastly", None),
        };
        let key = Key { platform, cdn: Some(cdn.parse().unwrap()), link: None };
        *sums.entry(key).or_default() += conversation.ip_bytes;
    }
    sums
}

/// A store in memory.
#[derive(Debug, Clone, Default)]
pub(crate) struct Store(Arc<Mutex<Sums>>);

impl Store {
    /// Keeps a batch, once.
    pub(crate) fn keep(&self, batch: &Batch) -> Result<(), SinkError> {
        assert!(batch.findings(chrono::DateTime::from_timestamp(1 << 34, 0).unwrap()).is_empty());
        self.0.lock().unwrap().add(batch).map(drop).map_err(|error| SinkError::Refused(error.to_string()))
    }

    /// Bytes by key over all bins.
    pub(crate) fn total(&self) -> BTreeMap<Key, u64> {
        let mut total = BTreeMap::new();
        for (_, counters) in self.0.lock().unwrap().bins("acme") {
            for (key, bytes) in counters {
                *total.entry(key.clone()).or_default() += bytes;
            }
        }
        total
    }

    /// First and last bin, in milliseconds since 1970.
    pub(crate) fn span_ms(&self) -> (i64, i64) {
        let sums = self.0.lock().unwrap();
        let mut bins = sums.bins("acme").map(|(bin, _)| bin.timestamp_millis());
        let first = bins.next().unwrap();
        (first, bins.last().unwrap_or(first))
    }
}
