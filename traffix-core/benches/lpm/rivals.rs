//! The other tables, each from the same routes, with answers as numbers: that of the prefix plus one, or 0.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ip_network_table::IpNetworkTable;
use ipnet::{IpNet, Ipv4Net};
use iptrie::{Ipv4LCTrieMap, Ipv4RTrieMap, Ipv6LCTrieMap, Ipv6RTrieMap};
use maxminddb::Reader;
use mmdb_writer::{Value, Writer};

use super::routes::Routes;

/// The ceiling: one array of all /24s and a second level below it (Gupta, Lin, `McKeown`, INFOCOM 1998). 64 MB at least.
pub(super) struct Dir24 {
    top: Vec<u32>,
    below: Vec<u32>,
}

impl Dir24 {
    const BELOW: u32 = 1 << 31;
    pub(super) fn new(routes: &[(Ipv4Net, u32)]) -> Self {
        let mut table = Self { top: vec![0; 1 << 24], below: Vec::new() };
        let mut sorted = routes.to_vec();
        sorted.sort_by_key(|(net, _)| net.prefix_len());
        for (net, id) in sorted {
            let (low, high) = (net.network().to_bits(), net.broadcast().to_bits());
            if net.prefix_len() <= 24 {
                table.top[(low >> 8) as usize..=(high >> 8) as usize].fill(id + 1);
            } else {
                let slot = &mut table.top[(low >> 8) as usize];
                if *slot & Self::BELOW == 0 {
                    let old =
                        std::mem::replace(slot, Self::BELOW | u32::try_from(table.below.len() >> 8).unwrap());
                    table.below.extend([old; 256]);
                }
                let base = ((*slot & !Self::BELOW) as usize) << 8;
                table.below[base + (low & 255) as usize..=base + (high & 255) as usize].fill(id + 1);
            }
        }
        table
    }
    pub(super) fn get(&self, address: u32) -> u32 {
        let entry = self.top[(address >> 8) as usize];
        if entry & Self::BELOW == 0 {
            entry
        } else {
            self.below[((entry & !Self::BELOW) as usize) << 8 | (address & 255) as usize]
        }
    }
}

/// Tree bitmaps, as `ip_network_table` wraps them.
pub(super) struct TreeBitmap(IpNetworkTable<u32>);

impl TreeBitmap {
    pub(super) fn new(routes: &Routes) -> Self {
        let mut table = IpNetworkTable::new();
        for (net, id) in &routes.v4 {
            table.insert(ip_network::Ipv4Network::new(net.network(), net.prefix_len()).unwrap(), *id);
        }
        for (net, id) in &routes.v6 {
            table.insert(ip_network::Ipv6Network::new(net.network(), net.prefix_len()).unwrap(), *id);
        }
        Self(table)
    }
    pub(super) fn get(&self, address: IpAddr) -> u32 {
        self.0.longest_match(address).map_or(0, |(_, id)| id + 1)
    }
}

/// Level-compressed tries.
pub(super) struct LevelCompressed(Ipv4LCTrieMap<u32>, Ipv6LCTrieMap<u32>);

impl LevelCompressed {
    pub(super) fn new(routes: &Routes) -> Self {
        let mut four = Ipv4RTrieMap::new();
        for (net, id) in &routes.v4 {
            four.insert((*net).into(), id + 1);
        }
        let mut six = Ipv6RTrieMap::new();
        for (net, id) in &routes.v6 {
            six.insert((*net).into(), id + 1);
        }
        Self(four.compress(), six.compress())
    }
    pub(super) fn four(&self, address: u32) -> u32 {
        *self.0.lookup(&Ipv4Addr::from(address)).1
    }
    pub(super) fn six(&self, address: u128) -> u32 {
        *self.1.lookup(&Ipv6Addr::from(address)).1
    }
}

/// A database file of `MaxMind`'s format, in memory; a look-up is one only with its record decoded.
pub(super) struct MaxMind(Reader<Vec<u8>>);

#[derive(serde::Deserialize)]
struct Row {
    number: u32,
}

impl MaxMind {
    pub(super) fn new(routes: &Routes) -> Self {
        let four = routes.v4.iter().map(|(net, id)| (IpNet::V4(*net), *id));
        let mut nets: Vec<(IpNet, u32)> =
            four.chain(routes.v6.iter().map(|(net, id)| (IpNet::V6(*net), *id))).collect();
        // What is inserted later overwrites what it lies in.
        nets.sort_by_key(|(net, _)| net.prefix_len());
        let mut writer = Writer::new("routes");
        for (net, id) in nets {
            // Some networks are aliases in this format (6to4) or reserved, and cannot be inserted.
            let _ = writer.insert_value(net, Value::map([("number", Value::from(id))]));
        }
        Self(Reader::from_source(writer.to_bytes().unwrap()).unwrap())
    }
    pub(super) fn get(&self, address: IpAddr) -> u32 {
        self.0.lookup(address).unwrap().decode::<Row>().unwrap().map_or(0, |row| row.number + 1)
    }
}
