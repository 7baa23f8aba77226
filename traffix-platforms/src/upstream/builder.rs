//! All layers in their order.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use super::{
    Conditional, Credentials, Endpoints, Live, LiveOptions, Meter, Metered, Rates, Recorder, Retry,
    RetryOptions, Secrets, Throttle, Upstream, UpstreamError,
};

/// Largest folder of kept answers unless set otherwise: 512 MiB.
const CACHE_MAX_BYTES: u64 = 512 << 20;

/// Stacks the layers, from the caller to the network: [`Recorder`], [`Conditional`], [`Retry`], [`Throttle`],
/// [`Metered`], [`Credentials`], [`Live`].
///
/// So recordings and kept answers never hold a secret, a kept answer costs no wait, every repetition keeps the pace,
/// and the counters see what really went out. It reads from configuration files too, every member optional:
///
/// ```
/// use traffix_platforms::upstream::Builder;
/// let text = r#"
///     user_agent = "example-isp-traffix (noc@example.net)"
///     cache = "/var/cache/traffix/upstream"
///     [endpoints]
///     "https://api.steampowered.com" = "http://127.0.0.1:8090"
///     [rates.hosts]
///     "store.steampowered.com" = { requests = 100, per_secs = 300 }
/// "#;
/// let mut builder: Builder = toml::from_str(text).unwrap();
/// builder.cache = None;
/// let (upstream, meter) = builder.build().unwrap();
/// assert!(meter.snapshot().is_empty());
/// # let _: std::sync::Arc<dyn traffix_platforms::upstream::Upstream> = upstream;
/// ```
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Builder {
    /// What the program calls itself; should name somebody who can be reached.
    pub user_agent: String,
    /// Longest wait for a connection, in seconds.
    pub connect_timeout_secs: f64,
    /// Longest wait for a whole answer, in seconds.
    pub total_timeout_secs: f64,
    /// Whether private addresses may be asked. Only for tests and development.
    pub allow_private: bool,
    /// Other addresses for services.
    pub endpoints: Endpoints,
    /// How fast which host may be asked.
    pub rates: Rates,
    /// How often to ask at most, the first time included.
    pub attempts: usize,
    /// Longest `Retry-After` that is waited for, in seconds.
    pub longest_retry_after_secs: f64,
    /// Where answers are kept; nowhere if absent.
    pub cache: Option<PathBuf>,
    /// How many bytes of them.
    pub cache_max_bytes: u64,
    /// Where answers are recorded for replay; nowhere if absent.
    pub record: Option<PathBuf>,
    /// The operator's secrets; usually in a section of their own.
    pub credentials: Secrets,
}

impl Default for Builder {
    fn default() -> Self {
        let (live, retry) = (LiveOptions::default(), RetryOptions::default());
        Self {
            user_agent: live.user_agent,
            connect_timeout_secs: live.connect_timeout.as_secs_f64(),
            total_timeout_secs: live.total_timeout.as_secs_f64(),
            allow_private: live.allow_private,
            endpoints: live.endpoints,
            rates: Rates::default(),
            attempts: retry.attempts,
            longest_retry_after_secs: retry.longest_retry_after.as_secs_f64(),
            cache: None,
            cache_max_bytes: CACHE_MAX_BYTES,
            record: None,
            credentials: Secrets::default(),
        }
    }
}

impl Builder {
    /// The stack and its counters.
    ///
    /// # Errors
    /// [`UpstreamError`] if a folder cannot be used or the client not be made.
    pub fn build(self) -> Result<(Arc<dyn Upstream>, Arc<Meter>), UpstreamError> {
        let live = Live::new(LiveOptions {
            user_agent: self.user_agent,
            connect_timeout: secs(self.connect_timeout_secs),
            total_timeout: secs(self.total_timeout_secs),
            allow_private: self.allow_private,
            endpoints: self.endpoints,
        })?;
        let retry = RetryOptions {
            attempts: self.attempts,
            longest_retry_after: secs(self.longest_retry_after_secs),
            ..RetryOptions::default()
        };
        let (secrets, meter) = (Arc::new(self.credentials), Arc::new(Meter::default()));
        let mut top: Box<dyn Upstream> = Box::new(Retry::new(
            Throttle::new(
                Metered::new(Credentials::new(live, Arc::clone(&secrets)), Arc::clone(&meter)),
                self.rates,
            ),
            retry,
        ));
        if let Some(folder) = self.cache {
            top = Box::new(Conditional::open(top, folder, self.cache_max_bytes)?);
        }
        if let Some(folder) = self.record {
            top = Box::new(Recorder::open(top, folder, secrets)?);
        }
        Ok((Arc::from(top), meter))
    }
}

/// A configured number of seconds; what is no duration is none.
fn secs(number: f64) -> Duration {
    Duration::try_from_secs_f64(number).unwrap_or_default()
}
