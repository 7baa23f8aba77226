//! The seam: what a platform is to the rest of the system.

use std::fmt;

use async_trait::async_trait;
use traffix_core::catalogue::{PlatformId, Region};
use traffix_core::delivery::{Assertion, CdnId, HostPattern, Status, Tenancy};

use crate::cdn;
use crate::error::PlatformError;
use crate::observation::{AudienceObservation, Discover, ListingObservation, ListingRef, Page, Vantage};
use crate::prefixes::{self, PrefixGroup};
use crate::profile::{CdnShares, DefaultWeight, Profile, in_region};
use crate::support::{Datum, Support};
use crate::upstream::Upstream;

/// A distribution platform.
///
/// Small and object-safe on purpose: what callers like to have besides is in [`PlatformExt`]. The network methods get
/// their transport as an argument, so an implementation is straight-line code: build a request, read the answer. A
/// method that the platform has no interface for returns [`unsupported`](crate::unsupported), never an empty list.
///
/// ```
/// use traffix_core::catalogue::PlatformId;
/// use traffix_core::delivery::Assertion;
/// use traffix_platforms::upstream::Upstream;
/// use traffix_platforms::{
///     AudienceObservation, Datum, Discover, ListingObservation, ListingRef, Page, Platform, PlatformError, Profile,
///     Vantage, unsupported,
/// };
///
/// struct Betamax(Profile);
///
/// #[async_trait::async_trait]
/// impl Platform for Betamax {
///     fn id(&self) -> PlatformId {
///         self.0.id.clone()
///     }
///     fn profile(&self) -> &Profile {
///         &self.0
///     }
///     async fn discover(&self, _: &dyn Upstream, _: &Discover) -> Result<Page<ListingObservation>, PlatformError> {
///         unsupported(self, Datum::Listings)
///     }
///     async fn refresh(&self, _: &dyn Upstream, _: &ListingRef) -> Result<ListingObservation, PlatformError> {
///         unsupported(self, Datum::ReleaseInstant)
///     }
///     async fn audience(&self, _: &dyn Upstream, _: &ListingRef) -> Result<AudienceObservation, PlatformError> {
///         unsupported(self, Datum::Audience)
///     }
///     async fn delivery(&self, _: &dyn Upstream, _: &Vantage) -> Result<Vec<Assertion>, PlatformError> {
///         unsupported(self, Datum::Hosts)
///     }
/// }
/// # fn object_safe(_: &dyn Platform) {}
/// ```
#[async_trait]
pub trait Platform: Send + Sync {
    /// Stable slug: `steam`.
    fn id(&self) -> PlatformId;

    /// Facts that are known without asking the platform.
    fn profile(&self) -> &Profile;

    /// What the platform publishes and how.
    fn support(&self) -> &Support {
        &self.profile().support
    }

    /// Titles that exist, are coming or have changed, one page of them. Listings may hold only an identifier and a
    /// title: [`refresh`](Self::refresh) tells the rest.
    async fn discover(
        &self,
        up: &dyn Upstream,
        query: &Discover,
    ) -> Result<Page<ListingObservation>, PlatformError>;

    /// Everything that the platform says about one title now: bytes, instants, builds.
    async fn refresh(
        &self,
        up: &dyn Upstream,
        listing: &ListingRef,
    ) -> Result<ListingObservation, PlatformError>;

    /// How many people play, buy or await a title now.
    async fn audience(
        &self,
        up: &dyn Upstream,
        listing: &ListingRef,
    ) -> Result<AudienceObservation, PlatformError>;

    /// Who delivers now, seen from a place.
    async fn delivery(&self, up: &dyn Upstream, from: &Vantage) -> Result<Vec<Assertion>, PlatformError>;
}

/// The answer of a method for which the platform has no interface: the reason is that of `support()`.
///
/// # Errors
/// Always: [`PlatformError::Unsupported`].
pub fn unsupported<P: Platform + ?Sized, T>(platform: &P, datum: Datum) -> Result<T, PlatformError> {
    let why = platform.support().get(datum).how().to_owned();
    Err(PlatformError::Unsupported { platform: platform.id(), datum, why })
}

impl fmt::Debug for dyn Platform + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Platform").field(&self.id().as_str()).finish()
    }
}

/// What follows from a platform's profile and the CDN registry.
pub trait PlatformExt: Platform {
    /// The delivery networks that serve it today, each once, by slug.
    ///
    /// ```
    /// use traffix_platforms::{PlatformExt, platform};
    /// let cdns = platform("steam")?.cdns();
    /// assert!(cdns.iter().any(|id| id.as_str() == "valve"));
    /// assert!(!cdns.iter().any(|id| id.as_str() == "limelight"));
    /// # Ok::<(), traffix_platforms::PlatformError>(())
    /// ```
    fn cdns(&self) -> Vec<CdnId> {
        let mut cdns: Vec<CdnId> =
            self.profile().assertions.iter().filter(|a| serves(a)).filter_map(|a| a.cdn.clone()).collect();
        cdns.sort_unstable();
        cdns.dedup();
        cdns
    }

    /// The prefixes of those networks. Only those with [`Tenancy::Dedicated`] belong to the platform's owner alone;
    /// the others carry many customers. Embedded caches have none.
    ///
    /// ```
    /// use traffix_core::delivery::Tenancy;
    /// use traffix_platforms::{PlatformExt, platform};
    /// let blizzard = platform("battlenet")?;
    /// let own: usize = blizzard
    ///     .prefixes()
    ///     .filter(|(tenancy, _)| *tenancy == Tenancy::Dedicated)
    ///     .map(|(_, group)| group.prefixes.len())
    ///     .sum();
    /// assert!(own > 0);
    /// # Ok::<(), traffix_platforms::PlatformError>(())
    /// ```
    fn prefixes(&self) -> impl Iterator<Item = (Tenancy, &'static PrefixGroup)> {
        self.cdns().into_iter().flat_map(|id| {
            let tenancy = cdn::find(&id).map_or(Tenancy::Shared, |cdn| cdn.tenancy);
            let groups: Vec<_> = prefixes::of_cdn(&id).map(|group| (tenancy, group)).collect();
            groups
        })
    }

    /// The host names it is delivered from today, each once, with everything said about it.
    ///
    /// ```
    /// use traffix_platforms::{PlatformExt, platform};
    /// let hosts = platform("steam")?.hosts();
    /// assert!(hosts.iter().any(|(host, _)| host.matches("cache7-fra1.steamcontent.com")));
    /// # Ok::<(), traffix_platforms::PlatformError>(())
    /// ```
    fn hosts(&self) -> Vec<(&HostPattern, Vec<&Assertion>)> {
        let mut hosts = std::collections::BTreeMap::<&HostPattern, Vec<&Assertion>>::new();
        for assertion in self.profile().assertions.iter().filter(|a| a.status != Status::Historical) {
            if let Some(host) = &assertion.host {
                hosts.entry(host).or_default().push(assertion);
            }
        }
        hosts.into_iter().collect()
    }

    /// How its bytes divide over CDNs in `region`, or in the world if nothing is said about the region.
    ///
    /// Always sums to 1. Assumed until measured: no source publishes a split.
    fn cdn_shares(&self, region: &Region) -> Option<&CdnShares> {
        in_region(&self.profile().shares, region, |shares| &shares.region)
    }

    /// Its default part of a release's downloads in `region`, or in the world if nothing is said about the region.
    fn default_weight(&self, region: &Region) -> Option<&DefaultWeight> {
        in_region(&self.profile().weights, region, |weight| &weight.region)
    }
}

impl<P: Platform + ?Sized> PlatformExt for P {}

/// Whether an assertion says that somebody delivers for the platform today.
fn serves(assertion: &Assertion) -> bool {
    assertion.status == Status::Current
}
