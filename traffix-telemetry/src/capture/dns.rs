//! Names of addresses, from answers of DNS.

use std::collections::HashMap;
use std::net::IpAddr;

use simple_dns::rdata::{RData, SVCB, SVCParam};
use simple_dns::{Packet, PacketFlag};

use super::hello::host;
use super::link::word;

/// Names kept per address.
const MAX_NAMES: usize = 8;
/// Least bytes of a record: the root's name, type, class, time to live, length.
const MIN_RECORD_BYTES: usize = 11;

/// A name that an address answered to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DnsName {
    /// What was asked for.
    pub(super) asked: Box<str>,
    /// What that is an alias of, if it is one.
    pub(super) alias_of: Option<Box<str>>,
}

/// Names by address.
#[derive(Debug)]
pub(super) struct DnsNames {
    by_address: HashMap<IpAddr, Vec<DnsName>>,
    max_addresses: usize,
    /// Answers read.
    pub(super) answers: u64,
    /// Answers that could not be read, mostly because they were cut.
    pub(super) unread: u64,
    /// Names that found no room.
    pub(super) beyond: u64,
}

impl DnsNames {
    pub(super) fn new(max_addresses: usize) -> Self {
        Self { by_address: HashMap::new(), max_addresses, answers: 0, unread: 0, beyond: 0 }
    }

    /// Names of an address, in the order in which they were seen.
    pub(super) fn of(&self, address: IpAddr) -> &[DnsName] {
        self.by_address.get(&address).map_or(&[], Vec::as_slice)
    }

    /// Takes an answer as UDP carried it.
    pub(super) fn answer(&mut self, message: &[u8]) {
        match self.read(message) {
            Some(()) => self.answers += 1,
            None => self.unread += 1,
        }
    }

    fn read(&mut self, message: &[u8]) -> Option<()> {
        // The parser makes room for as many records as the header claims.
        let claimed: usize = [4, 6, 8, 10].iter().filter_map(|at| word(message, *at)).map(usize::from).sum();
        if claimed.saturating_sub(1) * MIN_RECORD_BYTES > message.len() {
            return None;
        }
        let packet = Packet::parse(message).ok().filter(|packet| packet.has_flags(PacketFlag::RESPONSE))?;
        let [question] = packet.questions.as_slice() else { return None };
        let Some(asked) = host(question.qname.to_string().as_bytes()) else { return Some(()) };
        for record in &packet.answers {
            let owner = host(record.name.to_string().as_bytes());
            let name = DnsName { alias_of: owner.filter(|owner| *owner != asked), asked: asked.clone() };
            match &record.rdata {
                RData::A(a) => self.add(IpAddr::from(a.address.to_be_bytes()), &name),
                RData::AAAA(aaaa) => self.add(IpAddr::from(aaaa.address.to_be_bytes()), &name),
                RData::HTTPS(https) => self.hints(https, &name),
                RData::SVCB(service) => self.hints(service, &name),
                _ => {}
            }
        }
        Some(())
    }

    /// Addresses in a service's record (RFC 9460).
    fn hints(&mut self, service: &SVCB<'_>, name: &DnsName) {
        for parameter in service.iter_params() {
            match parameter {
                SVCParam::Ipv4Hint(all) => {
                    for address in all {
                        self.add(IpAddr::from(address.to_be_bytes()), name);
                    }
                }
                SVCParam::Ipv6Hint(all) => {
                    for address in all {
                        self.add(IpAddr::from(address.to_be_bytes()), name);
                    }
                }
                _ => {}
            }
        }
    }

    fn add(&mut self, address: IpAddr, name: &DnsName) {
        let address = address.to_canonical();
        if self.by_address.len() >= self.max_addresses && !self.by_address.contains_key(&address) {
            self.beyond += 1;
            return;
        }
        let names = self.by_address.entry(address).or_default();
        if names.contains(name) {
            return;
        }
        if names.len() < MAX_NAMES { names.push(name.clone()) } else { self.beyond += 1 }
    }
}
