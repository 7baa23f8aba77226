//! Reading numbers from a datagram.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A datagram that cannot be decoded. Flows before the place of the error have been handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FlowError {
    /// Not one of the known protocols: something else sends to this port.
    #[error("version {0} is none of NetFlow 5 and 9, IPFIX 10, sFlow 5")]
    Version(u16),
    /// The datagram ends within something.
    #[error("{what} is cut short at byte {at}")]
    Short {
        /// What was being read.
        what: &'static str,
        /// Where, from the start of the datagram.
        at: usize,
    },
    /// A length or count that cannot be right.
    #[error("{what} at byte {at} is not possible")]
    Impossible {
        /// What it is.
        what: &'static str,
        /// Where, from the start of the datagram.
        at: usize,
    },
}

/// A place in a datagram: what is left, and where it ends.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a> {
    left: &'a [u8],
    end: usize,
}

impl<'a> Reader<'a> {
    #[inline]
    pub(super) fn new(datagram: &'a [u8]) -> Self {
        Self { left: datagram, end: datagram.len() }
    }

    #[inline]
    pub(super) fn left(&self) -> usize {
        self.left.len()
    }

    /// The next `len` bytes.
    #[inline]
    pub(super) fn take(&mut self, len: usize, what: &'static str) -> Result<&'a [u8], FlowError> {
        let (taken, left) = self.left.split_at_checked(len).ok_or_else(|| self.short(what))?;
        self.left = left;
        Ok(taken)
    }

    /// The next `N` bytes.
    #[inline]
    pub(super) fn array<const N: usize>(&mut self, what: &'static str) -> Result<&'a [u8; N], FlowError> {
        let (taken, left) = self.left.split_first_chunk().ok_or_else(|| self.short(what))?;
        self.left = left;
        Ok(taken)
    }

    /// Two numbers that stand together, such as a type and a length.
    #[inline]
    pub(super) fn pair(&mut self, what: &'static str) -> Result<(u32, u32), FlowError> {
        let bytes: &[u8; 8] = self.array(what)?;
        Ok((be32(bytes), be32(&bytes[4..])))
    }

    /// A reader of the next `len` bytes alone, which knows its place in the datagram.
    #[inline]
    pub(super) fn part(&mut self, len: usize, what: &'static str) -> Result<Self, FlowError> {
        let left = self.take(len, what)?;
        Ok(Self { left, end: self.end - self.left.len() })
    }

    #[inline]
    pub(super) fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.left)
    }

    #[inline]
    pub(super) fn u8(&mut self, what: &'static str) -> Result<u8, FlowError> {
        self.array(what).map(|[byte]| *byte)
    }

    #[inline]
    pub(super) fn u16(&mut self, what: &'static str) -> Result<u16, FlowError> {
        self.array(what).map(|bytes| u16::from_be_bytes(*bytes))
    }

    #[inline]
    pub(super) fn u32(&mut self, what: &'static str) -> Result<u32, FlowError> {
        self.array(what).map(|bytes| u32::from_be_bytes(*bytes))
    }

    /// What is read next is not possible.
    pub(super) fn impossible(&self, what: &'static str) -> FlowError {
        FlowError::Impossible { what, at: self.at() }
    }

    #[cold]
    fn short(&self, what: &'static str) -> FlowError {
        FlowError::Short { what, at: self.at() }
    }

    /// The place of what is read next, from the start of the datagram.
    fn at(&self) -> usize {
        self.end - self.left.len()
    }
}

/// Two bytes as a number; 0 if there are fewer.
#[inline]
pub(super) fn be16(bytes: &[u8]) -> u16 {
    bytes.first_chunk().map_or(0, |b| u16::from_be_bytes(*b))
}

/// Four bytes as a number; 0 if there are fewer.
#[inline]
pub(super) fn be32(bytes: &[u8]) -> u32 {
    bytes.first_chunk().map_or(0, |b| u32::from_be_bytes(*b))
}

/// A number of 1 to 8 bytes: exporters may shorten what they send (RFC 7011 section 6.2). The lowest 8 of longer ones.
#[inline]
pub(super) fn number(bytes: &[u8]) -> u64 {
    match bytes.len() {
        4 => u64::from(be32(bytes)),
        8 => bytes.first_chunk().map_or(0, |b| u64::from_be_bytes(*b)),
        2 => u64::from(be16(bytes)),
        1 => u64::from(bytes[0]),
        0 => 0,
        _ => bytes.iter().fold(0, |n, &byte| n << 8 | u64::from(byte)),
    }
}

/// An address of four bytes.
#[inline]
pub(super) fn ipv4(bytes: &[u8]) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from_bits(be32(bytes)))
}

/// An address of sixteen bytes; the unspecified one if there are fewer.
#[inline]
pub(super) fn ipv6(bytes: &[u8]) -> IpAddr {
    IpAddr::V6(bytes.first_chunk::<16>().map_or(Ipv6Addr::UNSPECIFIED, |b| Ipv6Addr::from_octets(*b)))
}
