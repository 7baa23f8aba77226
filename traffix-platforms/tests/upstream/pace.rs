//! Retry and throttle, on a clock that stands still until somebody waits for it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use traffix_platforms::upstream::{
    Meter, Metered, Rate, Rates, Request, Response, Retry, RetryOptions, Throttle, Upstream, UpstreamError,
};

use crate::server::{Raw, answer, live};

/// Gives its answers one after the other, then good ones, and notes when it was asked.
#[derive(Default)]
struct Script {
    errors: Mutex<VecDeque<UpstreamError>>,
    asked: Mutex<Vec<tokio::time::Instant>>,
}

impl Script {
    fn new(errors: impl IntoIterator<Item = UpstreamError>) -> Arc<Self> {
        let errors = Mutex::new(errors.into_iter().collect());
        Arc::new(Self { errors, asked: Mutex::default() })
    }

    fn times(&self) -> Vec<Duration> {
        let asked = self.asked.lock().unwrap();
        asked.iter().map(|at| *at - asked[0]).collect()
    }
}

#[async_trait]
impl Upstream for Script {
    async fn send(&self, _: &Request) -> Result<Response, UpstreamError> {
        self.asked.lock().unwrap().push(tokio::time::Instant::now());
        match self.errors.lock().unwrap().pop_front() {
            Some(error) => Err(error),
            None => Ok(Response {
                status: 200,
                headers: [].into(),
                body: "good".into(),
                observed_at: "2026-09-01T00:00:00Z".parse().unwrap(),
            }),
        }
    }
}

fn overload(secs: Option<u64>) -> UpstreamError {
    UpstreamError::Status { status: 429, retry_after: secs.map(Duration::from_secs) }
}

fn get() -> Request {
    Request::get("https://store.steampowered.com/x")
}

#[tokio::test(start_paused = true)]
async fn waits_grow_and_are_drawn() {
    let failure = || UpstreamError::Status { status: 500, retry_after: None };
    let mut first_waits = Vec::new();
    for _ in 0..20 {
        let script = Script::new([failure(), failure(), failure()]);
        let options = RetryOptions { attempts: 4, ..RetryOptions::default() };
        assert!(Retry::new(Arc::clone(&script), options).send(&get()).await.is_ok());
        let times = script.times();
        assert_eq!(times.len(), 4);
        for (pair, bound) in times.windows(2).zip([1, 2, 4]) {
            // Tokio's clock ticks in milliseconds.
            let latest = pair[0] + Duration::from_secs(bound) + Duration::from_millis(2);
            assert!(pair[1] <= latest, "{times:?}");
        }
        first_waits.push(times[1]);
    }
    assert!(first_waits.iter().any(|wait| wait.as_millis() < 500));
    assert!(first_waits.iter().any(|wait| wait.as_millis() > 500));
}

#[tokio::test(start_paused = true)]
async fn attempts_end_and_the_last_error_stays() {
    let script = Script::new((0..10).map(|_| overload(Some(7))));
    let options = RetryOptions { attempts: 3, ..RetryOptions::default() };
    let error = Retry::new(Arc::clone(&script), options).send(&get()).await.unwrap_err();
    assert_eq!(error, overload(Some(7)));
    let times = script.times();
    assert_eq!(times.len(), 3);
    assert!(times.windows(2).all(|pair| pair[1] >= pair[0] + Duration::from_secs(7)), "{times:?}");
}

#[tokio::test(start_paused = true)]
async fn a_longer_wait_than_allowed_goes_to_the_caller() {
    let script = Script::new([overload(Some(3_600))]);
    let error = Retry::new(Arc::clone(&script), RetryOptions::default()).send(&get()).await.unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_hours(1)));
    assert_eq!(script.times().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_does_not_pass_is_not_repeated() {
    for error in [
        UpstreamError::TooLarge { limit_bytes: 1 },
        UpstreamError::Redirect("x".into()),
        UpstreamError::PrivateAddress("x".into()),
        UpstreamError::MissingCredential("x"),
    ] {
        let script = Script::new([error.clone()]);
        let sent = Retry::new(Arc::clone(&script), RetryOptions::default()).send(&get()).await;
        assert_eq!(sent, Err(error));
        assert_eq!(script.times().len(), 1);
    }
}

/// The bucket is full at the start, and still no window of the service's length holds more than it allows.
#[tokio::test(start_paused = true)]
async fn no_window_holds_more_than_the_rate() {
    for (rate, requests) in [(Rate::new(20, 10), 70), (Rate::new(1, 2), 5), (Rate::new(2, 1), 6)] {
        let script = Script::new([]);
        let rates = Rates { other: rate, ..Rates::default() };
        let throttle = Throttle::new(Arc::clone(&script), rates);
        for _ in 0..requests {
            throttle.send(&Request::get("https://a.example/")).await.unwrap();
        }
        let times = script.times();
        let window = Duration::from_secs(rate.per_secs.get().into());
        for (i, from) in times.iter().enumerate() {
            let within = times[i..].iter().filter(|at| **at < *from + window).count();
            assert!(within <= rate.requests.get() as usize, "{rate:?}: {within} from {from:?}");
        }
        // It is not much slower than it may be either.
        let fair = f64::from(requests) / f64::from(rate.requests.get()) * window.as_secs_f64();
        assert!(times.last().unwrap().as_secs_f64() < 2.0 * fair, "{rate:?}: {times:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn hosts_have_their_own_pace() {
    let script = Script::new([]);
    let rates: Rates = toml::from_str(
        "other = { requests = 1, per_secs = 1000 }\nhosts.\"a.example\" = { requests = 1, per_secs = 5 }",
    )
    .unwrap();
    assert_eq!(rates.of("store.steampowered.com"), Rate::new(200, 300));
    assert_eq!(rates.of("b.example"), Rate::new(1, 1000));
    let throttle = Throttle::new(Arc::clone(&script), rates);
    for host in ["a", "b", "c", "a"] {
        throttle.send(&Request::get(&format!("https://{host}.example/"))).await.unwrap();
    }
    let times = script.times();
    assert_eq!(times[2], Duration::ZERO);
    assert!((5.0..5.1).contains(&times[3].as_secs_f64()), "{times:?}");
}

#[tokio::test]
async fn five_hundred_then_good_over_sockets_is_counted() {
    let limits = "Retry-After: 0\r\nX-RateLimit-Remaining: 41\r\n";
    let server = Raw::answering(vec![
        answer("500 Internal Server Error", "", b""),
        answer("429 Too Many Requests", limits, b""),
        answer("200 OK", limits, b"good"),
    ]);
    let meter = Arc::new(Meter::default());
    let options = RetryOptions { first_wait: Duration::from_millis(1), ..RetryOptions::default() };
    let layers = Retry::new(Metered::new(live(), Arc::clone(&meter)), options);
    assert_eq!(layers.send(&server.get("/")).await.unwrap().body, "good");
    let hosts = meter.snapshot();
    let host = &hosts["127.0.0.1"];
    assert_eq!((host.requests, host.errors["status"], host.body_bytes), (3, 2, 4));
    assert_eq!((host.last_status, host.remaining), (Some(200), Some(41)));
    assert!(host.last_success_at.is_some() && host.last_error.is_none());
}
