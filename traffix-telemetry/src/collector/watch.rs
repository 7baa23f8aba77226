//! What is measured: one network, by a table of prefixes.

use std::sync::Arc;

use traffix_core::delivery::PrefixTable;
use traffix_core::network::Network;

/// A network's profile and the table of prefixes, made ready for counting. Built when either changes, and shared by
/// all threads.
#[derive(Debug)]
pub struct Watch {
    pub(super) network: Arc<str>,
}

impl Watch {
    /// Makes a profile ready. Of it are used: its id, its own prefixes, and of its links the ids, interfaces, caches'
    /// prefixes and CDNs.
    pub fn new(network: &Network, table: Arc<PrefixTable>) -> Self {
        let _ = table;
        Self { network: network.id.as_str().into() }
    }

    /// The id of the network.
    pub fn network(&self) -> &str {
        &self.network
    }
}

/// A running collector was given another network than it measures.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this collector measures {measured:?} and not {given:?}: start another one")]
pub struct OtherNetwork {
    /// The network it measures.
    pub measured: String,
    /// The network it was given.
    pub given: String,
}
