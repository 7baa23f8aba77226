//! From the table of CDNs to statements about who delivers.

use traffix_core::catalogue::Region;
use traffix_core::delivery::{Assertion, EvidenceKind, HostPattern, PartialDate, Role, Status, Tenancy};

use super::tables::{Cdn, Cdns, region};
use super::{ID, PROFILE};
use crate::upstream::Fetched;

/// One statement per region and host.
///
/// The service names hosts, not companies: a host that the profile knows gets the CDN that is stated there. Seen from
/// a country that the service has a region for, only that region counts; no list says which region others belong to.
pub(super) fn assertions(cdns: &Fetched<Cdns>, from: &Region) -> Vec<Assertion> {
    let rows = cdns.value.rows.iter();
    let own = |row: &&Cdn| region(&row.region).as_ref() == Some(from);
    let any_own = rows.clone().any(|row| own(&row));
    let seen = rows.filter(|row| !any_own || own(row));
    seen.filter_map(|row| Some((region(&row.region)?, row)))
        .flat_map(|(region, row)| {
            row.hosts.iter().filter_map(move |host| assertion(cdns, &region, row, host))
        })
        .collect()
}

fn assertion(cdns: &Fetched<Cdns>, region: &Region, row: &Cdn, host: &str) -> Option<Assertion> {
    let pattern: HostPattern = host.parse().ok()?;
    let known = PROFILE.assertions.iter().find(|a| {
        a.cdn.is_some()
            && a.status != Status::Historical
            && a.host.as_ref().is_some_and(|known| known.matches(host))
    });
    let fallback = row.fallbacks.iter().any(|fallback| fallback == host);
    Some(Assertion {
        platform: Some(ID),
        cdn: known.and_then(|known| known.cdn.clone()),
        asn: known.and_then(|known| known.asn),
        prefix: None,
        host: Some(pattern),
        role: known.map_or(Role::Cdn, |known| known.role),
        tenancy: known.map_or(Tenancy::Shared, |known| known.tenancy),
        region: Some(region.clone()),
        site: None,
        status: Status::Current,
        evidence: EvidenceKind::Official,
        source: cdns.source.as_str().into(),
        observed: Some(PartialDate::day(cdns.observed_at.date_naive())),
        valid_from: None,
        valid_until: None,
        confidence: EvidenceKind::Official.confidence(),
        share_hint: fallback.then(|| "fallback=1".into()),
        note: None,
    })
}
