//! What is measured: one network, by a table of prefixes.

use core::net::{IpAddr, Ipv6Addr};
use core::num::NonZeroU32;
use std::collections::HashMap;
use std::sync::Arc;

use ipnet::IpNet;
use traffix_core::delivery::lpm::{LpmTable, LpmView};
use traffix_core::delivery::{PrefixTable, Tenancy};
use traffix_core::measurement::Key;
use traffix_core::network::{Interface, Link, Network};

/// A network's profile and the table of prefixes, made ready for counting. Built when either changes, and shared by
/// all threads.
#[derive(Debug)]
pub struct Watch {
    network: Arc<str>,
    table: Arc<PrefixTable>,
    /// What is counted, by class; class 0 is unknown origin.
    classes: Vec<Key>,
    /// Class by origin, and whether its addresses are those of embedded caches.
    class_of: Vec<(u32, bool)>,
    /// Identifiers of links; the first has place 1, place 0 is "no known link".
    links: Vec<String>,
    /// The network's own addresses are 0, those of its caches 1 and up.
    inside: LpmTable,
    near: Near,
    caches: Vec<Cache>,
    has_prefixes: bool,
    routers: HashMap<IpAddr, Vec<(Interface, u32)>>,
}

/// Embedded caches of a link.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cache {
    pub(super) class: u32,
    /// The link, if only addresses tell it: it has no interfaces.
    pub(super) link: Option<u32>,
}

/// Whose an address is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Inside {
    Network,
    Cache(Cache),
}

/// What the profile says of the interface that a flow came in by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ingress {
    /// It says nothing about this router.
    Unmapped,
    /// A link, by its place.
    Link(u32),
    /// An interface that no link has.
    Other,
    /// It names interfaces, and the router has not told the name of this one.
    Unnamed,
}

impl Watch {
    /// Makes a profile ready. Of it are used: its id, its own prefixes, and of its links the ids, interfaces, caches'
    /// prefixes and CDNs.
    pub fn new(network: &Network, table: Arc<PrefixTable>) -> Self {
        let mut watch = Self {
            network: network.id.as_str().into(),
            table,
            classes: vec![Key::default()],
            class_of: Vec::new(),
            links: network.links.iter().map(|link| link.id.clone()).collect(),
            inside: LpmTable::default(),
            near: Near::default(),
            caches: Vec::new(),
            has_prefixes: !network.prefixes.is_empty(),
            routers: HashMap::new(),
        };
        watch.number_classes();
        watch.place_inside(network);
        for (link, place) in network.links.iter().zip(1..) {
            for interface in &link.interfaces {
                let router = watch.routers.entry(interface.exporter.to_canonical()).or_default();
                router.push((interface.clone(), place));
            }
        }
        watch
    }

    /// The id of the network.
    pub fn network(&self) -> &str {
        &self.network
    }

    /// Gives origins that are counted alike one class.
    fn number_classes(&mut self) {
        let table = Arc::clone(&self.table);
        for (id, origin) in (0..).map_while(|id| Some((id, table.origin(id)?))) {
            let class = self.class(table.counted_as(id));
            self.class_of.push((class, origin.tenancy == Tenancy::Embedded));
        }
    }

    fn class(&mut self, key: Key) -> u32 {
        let known = self.classes.iter().position(|one| *one == key);
        let place = known.unwrap_or_else(|| {
            self.classes.push(key);
            self.classes.len() - 1
        });
        u32::try_from(place).unwrap_or(0)
    }

    fn place_inside(&mut self, network: &Network) {
        let mut inside = LpmTable::builder();
        for prefix in &network.prefixes {
            inside.insert(*prefix, 0);
            self.near.add(*prefix);
        }
        for (link, place) in network.links.iter().zip(1..).filter(|(link, _)| !link.prefixes.is_empty()) {
            let class = self.cache_class(link);
            self.caches.push(Cache { class, link: link.interfaces.is_empty().then_some(place) });
            // A profile has far fewer links than the table has numbers.
            let id = u32::try_from(self.caches.len()).unwrap_or(0);
            for prefix in &link.prefixes {
                inside.insert(*prefix, id);
                self.near.add(*prefix);
            }
        }
        self.inside = inside.build();
    }

    /// What caches of a link count as: as the other addresses of their CDN do.
    fn cache_class(&mut self, link: &Link) -> u32 {
        let Some(cdn) = link.cdns.first().and_then(|cdn| cdn.parse().ok()) else { return 0 };
        let same = (0..self.class_of.len()).find(|id| {
            u32::try_from(*id).ok().and_then(|id| self.table.origin(id)).is_some_and(|one| one.cdn == cdn)
        });
        match same {
            Some(id) => self.class_of[id].0,
            None => self.class(Key { cdn: Some(cdn), ..Key::default() }),
        }
    }

    /// How many classes and how many places of links there are.
    pub(super) fn size(&self) -> (usize, usize) {
        (self.classes.len(), self.links.len() + 1)
    }

    /// The prefix table of the world, and that of the network; nothing if the profile tells no prefixes at all.
    pub(super) fn tables(&self) -> (LpmView<'_>, Option<LpmView<'_>>) {
        let has_inside = self.has_prefixes || !self.caches.is_empty();
        (self.table.lpm(), has_inside.then(|| self.inside.view()))
    }

    /// Where addresses of the network may be.
    pub(super) const fn near(&self) -> &Near {
        &self.near
    }

    /// The class of an origin, and whether its addresses are those of embedded caches.
    #[inline]
    pub(super) fn class_of(&self, origin: u32) -> (u32, bool) {
        self.class_of.get(origin as usize).copied().unwrap_or_default()
    }

    /// Whose address it is by its number in the table of the network.
    #[inline]
    pub(super) fn inside(&self, id: u32) -> Inside {
        let cache = id.checked_sub(1).and_then(|at| self.caches.get(at as usize));
        cache.map_or(Inside::Network, |cache| Inside::Cache(*cache))
    }

    /// Whether the profile tells the network's own prefixes.
    pub(super) fn has_prefixes(&self) -> bool {
        self.has_prefixes
    }

    /// Whether the profile names interfaces of a router.
    pub(super) fn maps(&self, exporter: IpAddr) -> bool {
        self.routers.contains_key(&exporter)
    }

    /// What the profile says of an interface, given the name that the router told of it.
    pub(super) fn ingress(&self, exporter: IpAddr, index: Option<NonZeroU32>, told: Option<&str>) -> Ingress {
        let Some(router) = self.routers.get(&exporter) else { return Ingress::Unmapped };
        let Some(index) = index else { return Ingress::Other };
        let mut answer = Ingress::Other;
        for (interface, link) in router {
            match (interface.index, interface.name.as_deref(), told) {
                (Some(one), ..) if one != index => {}
                (None, Some(_), None) => answer = Ingress::Unnamed,
                (_, Some(name), Some(told)) if name != told => {}
                _ => return Ingress::Link(*link),
            }
        }
        answer
    }

    /// What the profile says of an interface that is known by its name alone.
    pub(super) fn ingress_by_name(&self, exporter: IpAddr, name: &str) -> Ingress {
        let router = self.routers.get(&exporter).map_or(&[][..], Vec::as_slice);
        let mut named = router.iter().filter_map(|(one, link)| Some((one.name.as_deref()?, link))).peekable();
        // A profile that tells indexes only says nothing about names.
        if named.peek().is_none() {
            return Ingress::Unmapped;
        }
        named.find(|(one, _)| *one == name).map_or(Ingress::Other, |(_, link)| Ingress::Link(*link))
    }

    /// The key of a class on a link, by their places.
    pub(super) fn key(&self, class: usize, link: usize) -> Key {
        let class = self.classes.get(class).cloned().unwrap_or_default();
        Key { link: link.checked_sub(1).and_then(|at| self.links.get(at)).cloned(), ..class }
    }
}

/// Which addresses, by their first 16 bits, may be inside. Nearly all senders are not, and 8 KiB that stay in the first
/// cache say so at less cost than the table.
#[derive(Debug)]
pub(super) struct Near {
    v4: Box<[u64; 1024]>,
    v6: Box<[u64; 1024]>,
}

impl Default for Near {
    fn default() -> Self {
        Self { v4: Box::new([0; 1024]), v6: Box::new([0; 1024]) }
    }
}

impl Near {
    fn add(&mut self, prefix: IpNet) {
        let (bits, first, last) = match prefix.trunc() {
            IpNet::V4(net) => (&mut self.v4, net.network().to_bits() >> 16, net.broadcast().to_bits() >> 16),
            IpNet::V6(net) => {
                let upper = |address: Ipv6Addr| u32::from(address.segments()[0]);
                (&mut self.v6, upper(net.network()), upper(net.broadcast()))
            }
        };
        for place in first..=last {
            bits[place as usize >> 6] |= 1 << (place & 63);
        }
    }

    /// Whether an IPv4 address may be inside.
    #[inline]
    pub(super) fn may_hold_v4(&self, address: u32) -> bool {
        self.v4[(address >> 22) as usize] >> (address >> 16 & 63) & 1 == 1
    }

    /// Whether an IPv6 address may be inside.
    #[inline]
    pub(super) fn may_hold_v6(&self, address: u128) -> bool {
        // 16 bits fit.
        let upper = (address >> 112) as usize;
        self.v6[upper >> 6] >> (upper & 63) & 1 == 1
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ROUTER: &str = "203.0.113.9";

    fn watch(interfaces: &str) -> Watch {
        let network = format!(
            r#"{{"id": "acme", "tz": "UTC", "lines": 1, "links": [
                {{"id": "pni", "kind": "pni", "capacity_bps": 1, "interfaces": {interfaces}}}]}}"#
        );
        Watch::new(&serde_json::from_str(&network).unwrap(), Arc::default())
    }

    #[track_caller]
    fn check(interfaces: &str, index: u32, told: Option<&str>, expected: Ingress) {
        let found = watch(interfaces).ingress(ROUTER.parse().unwrap(), NonZeroU32::new(index), told);
        assert_eq!(found, expected, "{interfaces} {index} {told:?}");
    }

    #[test]
    fn interfaces_are_found_by_index_by_name_or_by_both() {
        let by_index = r#"[{"exporter": "203.0.113.9", "index": 7}]"#;
        check(by_index, 7, Some("any"), Ingress::Link(1));
        check(by_index, 8, None, Ingress::Other);
        check(by_index, 0, None, Ingress::Other);
        let by_name = r#"[{"exporter": "::ffff:203.0.113.9", "name": "xe-0/0/1"}]"#;
        check(by_name, 7, Some("xe-0/0/1"), Ingress::Link(1));
        check(by_name, 7, Some("xe-0/0/2"), Ingress::Other);
        check(by_name, 7, None, Ingress::Unnamed);
        let by_both = r#"[{"exporter": "203.0.113.9", "index": 7, "name": "xe-0/0/1"}]"#;
        check(by_both, 7, Some("xe-0/0/1"), Ingress::Link(1));
        check(by_both, 7, None, Ingress::Link(1));
        check(by_both, 7, Some("xe-0/0/2"), Ingress::Other);
        check(by_both, 8, Some("xe-0/0/1"), Ingress::Other);
        check(r#"[{"exporter": "203.0.113.8", "index": 7}]"#, 7, None, Ingress::Unmapped);
    }

    proptest! {
        #[test]
        fn an_address_of_a_prefix_is_near(v4: u32, v6: u128, length in 0_u8..=32, below: u128) {
            let mut near = Near::default();
            let net = ipnet::Ipv4Net::new(v4.into(), length).unwrap().trunc();
            near.add(net.into());
            let host = u32::try_from(below >> 96).unwrap() & net.hostmask().to_bits();
            prop_assert!(near.may_hold_v4(net.network().to_bits() | host));
            let net = ipnet::Ipv6Net::new(v6.into(), length * 4).unwrap().trunc();
            near.add(net.into());
            prop_assert!(near.may_hold_v6(net.network().to_bits() | below & net.hostmask().to_bits()));
        }
    }

    #[test]
    fn addresses_of_others_are_not_near() {
        let mut near = Near::default();
        near.add("198.18.0.0/15".parse().unwrap());
        near.add("2001:db8::/32".parse().unwrap());
        let held = |n: u32| near.may_hold_v4(n << 16);
        assert_eq!((0..1 << 16).filter(|n| held(*n)).collect::<Vec<u32>>(), [0xc612, 0xc613]);
        let held = |n: u128| near.may_hold_v6(n << 112);
        assert_eq!((0..1 << 16).filter(|n| held(*n)).collect::<Vec<u128>>(), [0x2001]);
    }

    #[test]
    fn a_name_alone_is_enough_where_the_profile_has_names() {
        let ask = |interfaces, name| watch(interfaces).ingress_by_name(ROUTER.parse().unwrap(), name);
        let by_both = r#"[{"exporter": "203.0.113.9", "index": 7, "name": "xe-0/0/1"}]"#;
        assert_eq!(ask(by_both, "xe-0/0/1"), Ingress::Link(1));
        assert_eq!(ask(by_both, "xe-0/0/2"), Ingress::Other);
        assert_eq!(ask(r#"[{"exporter": "203.0.113.9", "index": 7}]"#, "xe-0/0/1"), Ingress::Unmapped);
    }
}
