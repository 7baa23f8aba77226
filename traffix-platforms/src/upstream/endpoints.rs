//! Other addresses for services: mirrors, and local servers in tests.

use std::collections::BTreeMap;

use serde::Deserialize;
use url::Url;

use super::UpstreamError;

/// Which base address stands for which.
///
/// The platform's requests, recordings and evidence keep the service's own address. The operator named the other
/// one, so it may be private.
///
/// ```
/// use traffix_platforms::upstream::Endpoints;
/// let text = r#""https://api.steampowered.com" = "http://127.0.0.1:8090/steam""#;
/// let endpoints: Endpoints = toml::from_str(text).unwrap();
/// let url = "https://api.steampowered.com/ISteamApps/v2/?a=1".parse().unwrap();
/// assert_eq!(endpoints.resolve(&url).as_str(), "http://127.0.0.1:8090/steam/ISteamApps/v2/?a=1");
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "BTreeMap<String, String>")]
pub struct Endpoints(Vec<(Url, Url)>);

impl TryFrom<BTreeMap<String, String>> for Endpoints {
    type Error = UpstreamError;

    fn try_from(table: BTreeMap<String, String>) -> Result<Self, UpstreamError> {
        table.iter().try_fold(Self::default(), |all, (service, base)| all.with(service, base))
    }
}

impl Endpoints {
    /// Sends what is meant for `service` (`https://api.steampowered.com`) to `base`, which may have a path.
    ///
    /// # Errors
    /// [`UpstreamError::Endpoint`] unless both are addresses of HTTP.
    pub fn with(mut self, service: &str, base: &str) -> Result<Self, UpstreamError> {
        let (service, base) = (address(service)?, address(base)?);
        self.0.retain(|(known, _)| known.origin() != service.origin());
        self.0.push((service, base));
        Ok(self)
    }

    /// The address to which a request for `url` goes.
    pub fn resolve(&self, url: &Url) -> Url {
        let Some((_, base)) = self.0.iter().find(|(service, _)| service.origin() == url.origin()) else {
            return url.clone();
        };
        let mut address = base.clone();
        address.set_path(&format!("{}{}", base.path().trim_end_matches('/'), url.path()));
        address.set_query(url.query());
        address
    }

    /// Whether the operator has named the server of this address.
    pub(super) fn names(&self, url: &Url) -> bool {
        self.0.iter().any(|(_, base)| base.origin() == url.origin())
    }

    /// The host names that the operator has named.
    pub(super) fn hosts(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|(_, base)| base.host_str())
    }
}

fn address(text: &str) -> Result<Url, UpstreamError> {
    let wrong = || UpstreamError::Endpoint(text.chars().take(200).collect());
    let url = Url::parse(text).map_err(|_| wrong())?;
    let fine = matches!(url.scheme(), "http" | "https") && url.host().is_some() && url.username().is_empty();
    if fine { Ok(url) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_named_service_is_moved() {
        let endpoints = Endpoints::default().with("https://a.example", "http://127.0.0.1:1/").unwrap();
        let moved = |url: &str| endpoints.resolve(&url.parse().unwrap()).to_string();
        assert_eq!(moved("https://a.example/x%20y?q=1"), "http://127.0.0.1:1/x%20y?q=1");
        assert_eq!(moved("http://a.example/x"), "http://a.example/x");
        assert_eq!(moved("https://b.example/x"), "https://b.example/x");
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", "api.example", "ftp://a.example", "https://user:word@a.example"] {
            assert!(Endpoints::default().with("https://a.example", text).is_err(), "{text}");
        }
    }
}
