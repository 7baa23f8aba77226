//! Prefixes of both families as one kind of number.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

/// IPv4 or IPv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Family {
    V4,
    V6,
}

impl Family {
    fn bits(self) -> u8 {
        match self {
            Self::V4 => 32,
            Self::V6 => 128,
        }
    }

    /// The network address as a number.
    pub(super) fn split(prefix: &IpNet) -> (Self, u128) {
        match prefix.network() {
            IpAddr::V4(address) => (Self::V4, u128::from(address.to_bits())),
            IpAddr::V6(address) => (Self::V6, address.to_bits()),
        }
    }

    /// Order of prefixes in files and listings: family, address, length.
    pub(super) fn sort_key(prefix: &IpNet) -> (Self, u128, u8) {
        let (family, address) = Self::split(prefix);
        (family, address, prefix.prefix_len())
    }

    /// `address` without the bits below a prefix of `length`.
    pub(super) fn above(self, address: u128, length: u8) -> u128 {
        address.checked_shr(u32::from(self.bits() - length)).unwrap_or(0)
    }

    /// The prefix of `length` that lies `delta` prefixes of that length after `previous`, if there is one.
    pub(super) fn join(self, previous: u128, delta: u128, length: u8) -> Option<IpNet> {
        let shift = u32::from(self.bits().checked_sub(length)?);
        let top = self.above(previous, length).checked_add(delta)?;
        let address = if top == 0 { 0 } else { top.checked_shl(shift)? };
        if address.checked_shr(shift).unwrap_or(0) != top {
            return None;
        }
        let address = match self {
            Self::V4 => IpAddr::V4(Ipv4Addr::from_bits(u32::try_from(address).ok()?)),
            Self::V6 => IpAddr::V6(Ipv6Addr::from_bits(address)),
        };
        IpNet::new(address, length).ok()
    }
}
