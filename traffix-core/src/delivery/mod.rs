//! Who delivers: assertions about CDNs, and the network that an address belongs to.
//!
//! The unit of knowledge is the [`Assertion`]: platform P is delivered by CDN C, from this ASN, prefix or
//! host name, says this source, seen on that day. Everything else is derived from assertions and from lists
//! of prefixes: a [`PrefixTable`] answers "whose address is this?" with an [`Attribution`], which names the
//! CDN, the ASN, the tenancy and the evidence, and gives every platform that the address may be working for
//! a probability, "unknown" always among them. A [`DomainTable`] answers the same for host names, and an [`Attributor`]
//! joins both with what else is known about some traffic ([`Hints`]).
//!
//! What is *not* modelled here: a prefix never proves a platform. One CDN serves many platforms, and caches
//! inside an access network ([`Tenancy::Embedded`]) answer from the operator's own addresses, which only the
//! operator can list.

mod asn;
mod assertion;
mod attribution;
mod date;
mod domains;
mod error;
mod hints;
mod host;
mod id;
pub mod lpm;
mod table;

pub use asn::Asn;
pub use assertion::{Assertion, EvidenceKind, Role, Status, Tenancy};
pub use attribution::{Attribution, Candidate, DomainEvidence};
pub use date::PartialDate;
pub use domains::{DomainMatch, DomainTable, DomainTableBuilder};
pub use error::ParseDeliveryError;
pub use hints::{
    Attributor, CONTENT_PORTS, Hints, OTHER_PORT_FACTOR, RUNNING_GAIN, SURPRISE, UNLISTED_HOST_FACTOR,
};
pub use host::HostPattern;
pub use id::CdnId;
pub use table::{NEARLY_CERTAIN, Origin, OriginId, PrefixKind, PrefixMatch, PrefixTable, PrefixTableBuilder};
