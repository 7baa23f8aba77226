//! Asks again after failures that pass.

use std::time::Duration;

use async_trait::async_trait;
use backon::{BackoffBuilder, ExponentialBuilder, Retryable};

use super::{Request, Response, Upstream, UpstreamError};

/// How often and after which waits to ask again. All values assumed: they spread load without keeping a run waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryOptions {
    /// How often to ask at most, the first time included.
    pub attempts: usize,
    /// The wait after the first failure is drawn between zero and this; each further one between zero and twice the
    /// bound before.
    pub first_wait: Duration,
    /// No wait of our own is longer.
    pub longest_wait: Duration,
    /// Longest `Retry-After` that is waited for; if the service asks for more, the error goes to the caller.
    pub longest_retry_after: Duration,
}

impl Default for RetryOptions {
    fn default() -> Self {
        Self {
            attempts: 4,
            first_wait: Duration::from_secs(1),
            longest_wait: Duration::from_secs(30),
            longest_retry_after: Duration::from_mins(1),
        }
    }
}

/// The layer that asks again where [`UpstreamError::is_retryable`], as long as the service asks to wait, else after
/// exponential waits with full jitter.
pub struct Retry<U> {
    inner: U,
    options: RetryOptions,
}

impl<U> Retry<U> {
    /// Asks `inner` again as `options` say.
    pub fn new(inner: U, options: RetryOptions) -> Self {
        Self { inner, options }
    }

    /// Drawn between zero and an exponential bound: the library adds up to a bound's worth to the bound, so the
    /// difference to the bound alone is what is wanted.
    fn waits(&self) -> impl Iterator<Item = Duration> + Send + Sync + Unpin + use<U> {
        let bounds = ExponentialBuilder::default()
            .with_min_delay(self.options.first_wait)
            .with_max_delay(self.options.longest_wait)
            .with_max_times(self.options.attempts.saturating_sub(1));
        let jittered = bounds.with_jitter().build();
        jittered.zip(bounds.build()).map(|(jittered, bound)| jittered.saturating_sub(bound))
    }
}

#[async_trait]
impl<U: Upstream> Upstream for Retry<U> {
    async fn send(&self, request: &Request) -> Result<Response, UpstreamError> {
        let longest = self.options.longest_retry_after;
        (|| self.inner.send(request))
            .retry(self.waits())
            .sleep(tokio::time::sleep)
            .when(UpstreamError::is_retryable)
            .adjust(|error, own| match (error.retry_after(), own) {
                (Some(asked), Some(own)) => (asked <= longest).then(|| asked.max(own)),
                (None, own) => own,
                (Some(_), None) => None,
            })
            .notify(|error, wait| {
                let host = request.url.host_str().unwrap_or_default();
                tracing::debug!(
                    upstream.host = host,
                    wait_secs = wait.as_secs_f64(),
                    "asking again: {error}"
                );
            })
            .await
    }
}
