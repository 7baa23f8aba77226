//! Prefixes as both engines store them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net};
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgArgumentBuffer, PgHasArrayType, PgTypeInfo, PgValueRef};
use sqlx::sqlite::{SqliteArgumentsBuffer, SqliteTypeInfo, SqliteValueRef};
use sqlx::{Decode, Encode, Postgres, Sqlite, Type};

/// A prefix without host bits: `cidr` on PostgreSQL; family, address and length as bytes on SQLite, which sort
/// the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Net(IpNet);

impl Net {
    pub(crate) fn prefix(self) -> IpNet {
        self.0
    }

    /// The prefixes that an address is in, the whole family first.
    pub(crate) fn containing(address: IpAddr) -> Vec<Self> {
        let host = IpNet::from(address.to_canonical());
        let lengths = 0..=host.max_prefix_len();
        lengths.filter_map(|length| IpNet::new(host.addr(), length).ok()).map(Self::from).collect()
    }

    fn bytes(self) -> Vec<u8> {
        let (family, address) = match self.0.addr() {
            IpAddr::V4(address) => (4, address.octets().to_vec()),
            IpAddr::V6(address) => (6, address.octets().to_vec()),
        };
        let mut bytes = vec![family];
        bytes.extend(address);
        bytes.push(self.0.prefix_len());
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (family, rest) = bytes.split_first()?;
        let (length, address) = rest.split_last()?;
        let address: IpAddr = match family {
            4 => Ipv4Addr::from(<[u8; 4]>::try_from(address).ok()?).into(),
            6 => Ipv6Addr::from(<[u8; 16]>::try_from(address).ok()?).into(),
            _ => return None,
        };
        IpNet::new(address, *length).ok().map(Self)
    }
}

impl From<IpNet> for Net {
    /// Without host bits, and an IPv4-mapped prefix as the IPv4 prefix that it is.
    fn from(prefix: IpNet) -> Self {
        let mapped = match prefix {
            IpNet::V6(v6) if v6.prefix_len() >= 96 => v6.addr().to_ipv4_mapped(),
            _ => None,
        };
        let v4 = mapped.and_then(|address| Ipv4Net::new(address, prefix.prefix_len() - 96).ok());
        Self(v4.map_or(prefix, IpNet::from).trunc())
    }
}

impl Type<Sqlite> for Net {
    fn type_info() -> SqliteTypeInfo {
        <[u8] as Type<Sqlite>>::type_info()
    }

    fn compatible(ty: &SqliteTypeInfo) -> bool {
        <[u8] as Type<Sqlite>>::compatible(ty)
    }
}

impl Encode<'_, Sqlite> for Net {
    fn encode_by_ref(&self, buffer: &mut SqliteArgumentsBuffer) -> Result<IsNull, BoxDynError> {
        Encode::<Sqlite>::encode(self.bytes(), buffer)
    }
}

impl<'r> Decode<'r, Sqlite> for Net {
    fn decode(value: SqliteValueRef<'r>) -> Result<Self, BoxDynError> {
        let bytes = <Vec<u8> as Decode<Sqlite>>::decode(value)?;
        Self::from_bytes(&bytes).ok_or_else(|| format!("{bytes:?} is no prefix").into())
    }
}

impl Type<Postgres> for Net {
    fn type_info() -> PgTypeInfo {
        <IpNet as Type<Postgres>>::type_info()
    }

    fn compatible(ty: &PgTypeInfo) -> bool {
        <IpNet as Type<Postgres>>::compatible(ty)
    }
}

impl PgHasArrayType for Net {
    fn array_type_info() -> PgTypeInfo {
        <IpNet as PgHasArrayType>::array_type_info()
    }
}

impl Encode<'_, Postgres> for Net {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        Encode::<Postgres>::encode_by_ref(&self.0, buffer)
    }
}

impl<'r> Decode<'r, Postgres> for Net {
    fn decode(value: PgValueRef<'r>) -> Result<Self, BoxDynError> {
        <IpNet as Decode<Postgres>>::decode(value).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn net(text: &str) -> Net {
        Net::from(text.parse::<IpNet>().unwrap())
    }

    #[test]
    fn prefixes_are_canonical_and_come_back() {
        assert_eq!(net("192.0.2.77/24").prefix().to_string(), "192.0.2.0/24");
        assert_eq!(net("::ffff:192.0.2.0/120").prefix().to_string(), "192.0.2.0/24");
        for text in ["0.0.0.0/0", "192.0.2.1/32", "::/0", "2001:db8::/32", "::ffff:0:0/95"] {
            assert_eq!(Net::from_bytes(&net(text).bytes()), Some(net(text)));
        }
        assert_eq!(Net::from_bytes(&[4, 1, 2]), None);
    }

    #[test]
    fn an_address_is_in_one_prefix_of_each_length() {
        assert_eq!(Net::containing("::ffff:192.0.2.77".parse().unwrap()).len(), 33);
        let v6 = Net::containing("2001:db8::1".parse().unwrap());
        assert!(v6.len() == 129 && v6.contains(&net("2001:db8::/32")));
    }

    #[test]
    fn bytes_sort_a_prefix_before_what_it_contains() {
        let sorted =
            ["10.0.0.0/8", "10.0.0.0/16", "10.0.1.0/24", "11.0.0.0/8", "::/0", "2001:db8::/32"].map(net);
        assert!(sorted.windows(2).all(|pair| pair[0].bytes() < pair[1].bytes()));
    }
}
