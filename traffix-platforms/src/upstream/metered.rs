//! Counts what goes over the network.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::{Request, Response, Upstream, UpstreamError};

/// Most hosts counted by name; the rest is counted together as `other`.
const MAX_HOSTS: usize = 1_000;
/// Headers that say how many requests are left, by the services that send them.
const REMAINING: [&str; 3] = ["x-ratelimit-remaining", "ratelimit-remaining", "x-rate-limit-remaining"];

/// What one host was asked and how it answered, since the start.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct HostMeter {
    /// Requests sent, repeated ones included.
    pub requests: u64,
    /// Those that got no answer, by [`UpstreamError::kind`].
    pub errors: BTreeMap<&'static str, u64>,
    /// Bytes of bodies, decompressed.
    pub body_bytes: u64,
    /// HTTP status of the last answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_status: Option<u16>,
    /// When the last answer below 400 came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_success_at: Option<DateTime<Utc>>,
    /// Requests that the host said it would still answer; absent if it says nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remaining: Option<u64>,
    /// Text of the last error since the last success.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
}

/// The counters of all hosts: shared, and read while requests go on.
#[derive(Debug, Default)]
pub struct Meter(Mutex<BTreeMap<String, HostMeter>>);

impl Meter {
    /// All counters at this moment, by host.
    pub fn snapshot(&self) -> BTreeMap<String, HostMeter> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn count(&self, host: &str, answer: &Result<Response, UpstreamError>) {
        let mut hosts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let name = if hosts.contains_key(host) || hosts.len() < MAX_HOSTS { host } else { "other" };
        let meter = hosts.entry(name.to_owned()).or_default();
        meter.requests += 1;
        match answer {
            Ok(response) => {
                meter.body_bytes += response.body.len() as u64;
                meter.last_status = Some(response.status);
                meter.remaining = remaining(response).or(meter.remaining);
                if response.status < 400 {
                    meter.last_success_at = Some(response.observed_at);
                    meter.last_error = None;
                }
            }
            Err(error) => {
                *meter.errors.entry(error.kind()).or_default() += 1;
                meter.last_error = Some(error.to_string());
                if let UpstreamError::Status { status, .. } = error {
                    meter.last_status = Some(*status);
                }
            }
        }
    }
}

/// From the headers of many services, or from the `r` of the IETF's draft (`"default";r=50;t=30`).
fn remaining(response: &Response) -> Option<u64> {
    let plain = REMAINING.iter().find_map(|name| response.header(name)?.trim().parse().ok());
    let parts = || response.header("ratelimit").into_iter().flat_map(|value| value.split([';', ',']));
    let named = |part: &str| {
        let (name, value) = part.trim().split_once('=')?;
        matches!(name, "r" | "remaining").then(|| value.trim().parse().ok()).flatten()
    };
    plain.or_else(|| parts().find_map(named))
}

/// The layer that counts, without changing anything.
pub struct Metered<U> {
    inner: U,
    meter: Arc<Meter>,
}

impl<U> Metered<U> {
    /// Counts what `inner` is asked in `meter`.
    pub fn new(inner: U, meter: Arc<Meter>) -> Self {
        Self { inner, meter }
    }
}

#[async_trait]
impl<U: Upstream> Upstream for Metered<U> {
    async fn send(&self, request: &Request) -> Result<Response, UpstreamError> {
        let answer = self.inner.send(request).await;
        self.meter.count(request.url.host_str().unwrap_or_default(), &answer);
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_headers_say_what_is_left() {
        let left = |name: &str, value: &str| {
            remaining(&Response {
                status: 200,
                headers: [(name.to_owned(), value.to_owned())].into(),
                body: bytes::Bytes::new(),
                observed_at: crate::upstream::now(),
            })
        };
        assert_eq!(left("x-ratelimit-remaining", "7"), Some(7));
        assert_eq!(left("ratelimit", "\"default\";r=50;t=30"), Some(50));
        assert_eq!(left("ratelimit", "limit=100, remaining=9, reset=50"), Some(9));
        assert_eq!(left("ratelimit", "nonsense"), None);
    }
}
