//! Bytes by server.

use std::collections::HashMap;
use std::net::IpAddr;

use traffix_core::delivery::PrefixTable;

use super::flows::{Flow, Pair};
use super::report::{Rest, Seen};

/// Names kept per server.
const MAX_NAMES: usize = 16;

/// What one server did.
#[derive(Debug, Default)]
pub(super) struct Entry {
    pub(super) down_bytes: u64,
    pub(super) up_bytes: u64,
    pub(super) packets: u64,
    pub(super) flows: u64,
    pub(super) first_ns: Option<i64>,
    pub(super) last_ns: Option<i64>,
    pub(super) names: Vec<NameCount>,
}

/// What went under one name.
#[derive(Debug)]
pub(super) struct NameCount {
    pub(super) name: Box<str>,
    pub(super) seen: Seen,
    pub(super) bytes: u64,
    pub(super) flows: u64,
}

impl Entry {
    fn add(&mut self, server: usize, flow: Flow) {
        self.down_bytes += flow.bytes[server];
        self.up_bytes += flow.bytes[1 - server];
        self.packets += flow.packets;
        self.flows += 1;
        self.first_ns = self.first_ns.into_iter().chain(flow.first_ns).min();
        self.last_ns = self.last_ns.max(flow.last_ns);
        let Some((name, seen)) = flow.name else { return };
        let (bytes, has_room) = (flow.bytes.iter().sum(), self.names.len() < MAX_NAMES);
        match self.names.iter_mut().find(|known| known.name == name && known.seen == seen) {
            Some(known) => {
                known.bytes += bytes;
                known.flows += 1;
            }
            None if has_room => {
                self.names.push(NameCount { name, seen, bytes, flows: 1 });
            }
            // The bytes of a name that finds no room stay without one.
            None => {}
        }
    }
}

/// All servers.
pub(super) struct Servers<'table> {
    pub(super) table: &'table PrefixTable,
    pub(super) entries: HashMap<IpAddr, Entry>,
    limit: usize,
    /// Servers beyond the limit.
    pub(super) beyond: Rest,
    /// Conversations without a known server.
    pub(super) withheld: Rest,
    /// What went to many.
    pub(super) local: Rest,
    pub(super) quic_bytes: u64,
    pub(super) ech_flows: u64,
    pub(super) early_flows: u64,
    pub(super) refused_openings: u64,
}

impl<'table> Servers<'table> {
    pub(super) fn new(table: &'table PrefixTable, limit: usize) -> Self {
        Self {
            table,
            entries: HashMap::new(),
            limit,
            beyond: Rest::default(),
            withheld: Rest::default(),
            local: Rest::default(),
            quic_bytes: 0,
            ech_flows: 0,
            early_flows: 0,
            refused_openings: 0,
        }
    }

    /// Adds a conversation with a server, which is one of both ends.
    pub(super) fn add(&mut self, pair: &Pair, server: usize, flow: Flow) {
        self.ech_flows += u64::from(flow.ech);
        if flow.quic {
            self.quic_bytes += flow.bytes.iter().sum::<u64>();
        }
        let address = pair.ends[server].0;
        if self.entries.len() >= self.limit && !self.entries.contains_key(&address) {
            self.beyond.add(&flow);
            return;
        }
        self.entries.entry(address).or_default().add(server, flow);
    }

    pub(super) fn local(&mut self, flow: &Flow) {
        self.local.add(flow);
    }

    pub(super) fn withheld(&mut self, flow: &Flow) {
        self.withheld.add(flow);
    }

    /// The end whose address is in the prefix table, if the other one is not.
    pub(super) fn by_table(&self, pair: &Pair) -> Option<usize> {
        the_one(pair.ends.map(|(address, _)| self.table.lpm().lookup(address).is_some()))
    }

    /// The end that is a server in other conversations, if the other one is not.
    pub(super) fn elsewhere(&self, pair: &Pair) -> Option<usize> {
        the_one(pair.ends.map(|(address, _)| self.entries.contains_key(&address)))
    }
}

fn the_one(which: [bool; 2]) -> Option<usize> {
    match which {
        [true, false] => Some(0),
        [false, true] => Some(1),
        _ => None,
    }
}
