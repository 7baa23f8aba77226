//! For which platforms an address or a host name may be working.
//!
//! What an address proves is its network. How likely each platform is behind it follows from who owns the network
//! and, for shared ones, from the platforms' CDN shares. Nobody publishes how much of a CDN's traffic comes from
//! which platform, so the numbers here are priors to be corrected by names, times and measurements, and "unknown" is
//! large on purpose.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use traffix_core::catalogue::{PlatformId, Region};
use traffix_core::delivery::{
    Attributor, CdnId, DomainTable, DomainTableBuilder, Origin, PrefixTable, PrefixTableBuilder, Role,
    Status, Tenancy,
};

use crate::platform::PlatformExt;
use crate::registry::PLATFORMS;
use crate::{cdn, delivery, prefixes};

/// Part of a shared CDN's traffic that all registered platforms together are given.
///
/// Assumed, November 2026: commercial CDNs carry video, web and software of thousands of customers; on the evening of
/// a big release downloads may be most of it, on others little.
const SHARED_KNOWN: f64 = 0.5;

/// Weight on a CDN of a platform that is asserted to use it but has no share stated there.
///
/// Assumed: such assertions are about one region or a side role.
const UNSTATED_SHARE: f64 = 0.05;

static ATTRIBUTOR: LazyLock<Attributor> = LazyLock::new(|| Attributor {
    prefixes: prefix_table_builder().build().into(),
    domains: domain_table_builder().build().into(),
});

/// Everything embedded that attribution reads: prefixes, host names, shares. Built once, on first use.
///
/// ```
/// use traffix_core::delivery::Hints;
/// let hints = Hints { host: Some("gs2.ww.prod.dl.playstation.net"), ..Hints::default() };
/// let answer = traffix_platforms::attributor().attribute(Some("23.15.11.1".parse()?), &hints);
/// assert_eq!(answer.cdn.unwrap().as_str(), "akamai"); // says the address
/// assert_eq!(answer.platforms[0].platform.as_ref().unwrap().as_str(), "playstation"); // says the name
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
pub fn attributor() -> &'static Attributor {
    &ATTRIBUTOR
}

/// The table of all host names that are asserted, history included. Built once, on first use.
///
/// ```
/// let key = traffix_platforms::domain_table().counted_as("cache7-fra1.steamcontent.com");
/// assert_eq!((key.platform.unwrap().as_str(), key.cdn.unwrap().as_str()), ("steam", "valve"));
/// ```
pub fn domain_table() -> &'static DomainTable {
    &ATTRIBUTOR.domains
}

/// The same table before it is closed, for who knows more names.
pub fn domain_table_builder() -> DomainTableBuilder {
    let mut builder = DomainTable::builder();
    for assertion in delivery::assertions() {
        builder.assertion(assertion);
    }
    builder
}

/// The table of all embedded prefixes. Built once, on first use.
///
/// ```
/// use traffix_core::delivery::Tenancy;
/// let akamai = traffix_platforms::prefix_table().attribute("23.15.11.1".parse().unwrap());
/// assert_eq!(akamai.tenancy, Some(Tenancy::Shared));
/// assert!(akamai.probability_unknown() >= 0.5);
/// ```
pub fn prefix_table() -> &'static PrefixTable {
    &ATTRIBUTOR.prefixes
}

/// The same table before it is closed, for an operator who adds prefixes, for example of embedded caches.
///
/// ```
/// use traffix_core::delivery::Tenancy;
/// use traffix_core::network::Network;
/// let network: Network = serde_json::from_str(r#"{
///     "id": "acme", "tz": "Europe/London", "lines": 20000,
///     "links": [{"id": "racks", "kind": "embedded-cache", "capacity_bps": 40e9, "cdns": ["akamai-offnet"],
///                "prefixes": ["192.0.2.0/28"]}]
/// }"#)?;
/// let mut builder = traffix_platforms::attribution::prefix_table_builder();
/// builder.embedded_caches(&network);
/// let answer = builder.build().attribute("192.0.2.3".parse()?);
/// assert_eq!(answer.tenancy, Some(Tenancy::Embedded));
/// assert!(answer.platforms.len() > 1); // the platforms of Akamai
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn prefix_table_builder() -> PrefixTableBuilder {
    let mut builder = PrefixTable::builder();
    for group in prefixes::embedded() {
        let origin = builder.origin(Origin {
            cdn: group.cdn.clone(),
            asn: group.asn,
            kind: group.kind,
            tenancy: cdn::find(&group.cdn).map_or(Tenancy::Shared, |cdn| cdn.tenancy),
            source: std::sync::Arc::clone(&group.source),
            observed: Some(group.observed),
        });
        for prefix in &group.prefixes {
            builder.insert(origin, *prefix);
        }
    }
    for cdn in cdn::cdns() {
        builder.platforms(cdn.id.clone(), &platforms_of(&cdn.id));
    }
    builder
}

/// Prior probabilities of the platforms that a CDN works for; what is missing to 1 is "unknown".
///
/// A dedicated network works for its owner's platforms, equally, as surely as its best assertion. A shared one works
/// for the registered platforms in proportion to their CDN shares, half of the time at most and less if those shares
/// sum to less than 1; a cache inside an operator likewise, by the network it belongs to. A network that nobody says delivers downloads, such as those for
/// game play and accounts, has none.
///
/// ```
/// use traffix_platforms::attribution::platforms_of;
/// let valve = platforms_of(&"valve".parse()?);
/// assert_eq!((valve.len(), valve[0].0.as_str()), (1, "steam"));
/// # Ok::<(), traffix_core::catalogue::ParseSlugError>(())
/// ```
pub fn platforms_of(id: &CdnId) -> Vec<(PlatformId, f64)> {
    let Some(cdn) = cdn::find(id) else { return Vec::new() };
    let (weights, known) = match cdn.tenancy {
        Tenancy::Dedicated => owners(id),
        Tenancy::Shared => (users(id), SHARED_KNOWN),
        Tenancy::Embedded => {
            let mut users = users(id);
            if users.is_empty() {
                users = cdn.part_of.as_ref().map(users_of_parent).unwrap_or_default();
            }
            (users, SHARED_KNOWN)
        }
    };
    let sum: f64 = weights.values().sum();
    // A network that carries little of every registered platform mostly carries something else.
    let known = if cdn.tenancy == Tenancy::Dedicated { known } else { known * sum.min(1.0) };
    let share = |weight: f64| if sum > 0.0 { known * weight / sum } else { 0.0 };
    weights.into_iter().map(|(platform, weight)| (platform, share(weight))).collect()
}

fn users_of_parent(id: &CdnId) -> BTreeMap<PlatformId, f64> {
    match cdn::find(id).map(|cdn| cdn.tenancy) {
        Some(Tenancy::Dedicated) => owners(id).0,
        _ => users(id),
    }
}

/// Platforms for which a dedicated network is the origin, and the best confidence of those statements.
fn owners(id: &CdnId) -> (BTreeMap<PlatformId, f64>, f64) {
    let mut owners = BTreeMap::new();
    let mut best = 0.0_f64;
    let statements = delivery::assertions()
        .filter(|a| a.cdn.as_ref() == Some(id) && a.role == Role::Origin && a.status == Status::Current);
    for assertion in statements {
        if let Some(platform) = &assertion.platform {
            owners.insert(platform.clone(), 1.0);
            best = best.max(assertion.confidence);
        }
    }
    (owners, best)
}

/// Registered platforms that use a network, weighted by the part of their bytes that it carries.
fn users(id: &CdnId) -> BTreeMap<PlatformId, f64> {
    PLATFORMS
        .iter()
        .filter(|platform| platform.cdns().contains(id))
        .map(|platform| {
            let shares = platform.cdn_shares(&Region::WORLD).map(|shares| shares.parts.as_slice());
            let stated = shares.unwrap_or_default().iter().find(|part| part.cdn.as_ref() == Some(id));
            (platform.id(), stated.map_or(UNSTATED_SHARE, |part| part.share))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use traffix_core::delivery::HostPattern;

    use super::*;
    use crate::sources::domains::host_names;
    use crate::testing::{recorded, run};

    /// A name that fits a pattern.
    fn example(pattern: &HostPattern) -> String {
        pattern.suffix().map_or_else(|| pattern.as_str().replace('*', "1"), |suffix| format!("x.{suffix}"))
    }

    #[test]
    fn every_asserted_name_is_found_as_what_is_asserted_of_it() {
        let mut hosts = 0;
        for assertion in delivery::assertions().filter(|a| a.platform.is_some() || a.cdn.is_some()) {
            let Some(host) = &assertion.host else { continue };
            let found = domain_table().find(example(host), |found| (found.pattern == host).then_some(found));
            assert!(found.unwrap().claims.contains(assertion), "{host}");
            hosts += 1;
        }
        assert!(hosts > 300, "{hosts}");
    }

    #[test]
    fn names_of_the_recorded_list_are_of_the_platform_that_it_says() {
        let names = run(host_names(&recorded("sources/domains/fixtures"))).unwrap().value;
        let mut unknown = Vec::new();
        for claim in &names.assertions {
            let name = example(claim.host.as_ref().unwrap());
            match domain_table().counted_as(&name).platform {
                None => unknown.push(name),
                found => assert_eq!(found, claim.platform, "{name}"),
            }
        }
        // Names of a network that ended in 2025.
        assert_eq!(unknown, ["blizzard.vo.llnwd.net", "x.gs2.sonycoment.loris-e.llnwd.net"]);
    }

    #[test]
    fn names_are_whole_and_without_case() {
        for (host, platform) in [
            ("cache9-fra2.steamcontent.com", Some("steam")),
            ("CACHE9-FRA2.steamcontent.com.", Some("steam")),
            ("steamcontent.com", None),
            ("evilsteamcontent.com", None),
            ("cache9-fra2.steamcontent.com.evil.example", None),
        ] {
            let found = domain_table().counted_as(host);
            assert_eq!(found.platform.as_ref().map(PlatformId::as_str), platform, "{host}");
        }
    }
}
