//! From the framework's answers to ours.

use std::time::Duration;

use bytes::Bytes;
use poem::error::ReadBodyError;
use poem::http::{HeaderValue, StatusCode, header};
use poem::{Request, Response};

use super::answer::{Holds, Reply};
use super::front::Call;
use super::problem::{Kind, Problem};

/// Reads a body up to a limit: a longer one is refused as soon as that is known.
pub(crate) async fn read_body(request: &mut Request, limit: usize, time: Duration) -> Result<Bytes, Problem> {
    let too_large = || Problem::new(Kind::TooLarge, format!("the body must be at most {limit} bytes"));
    let announced = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    if announced.and_then(|text| text.parse::<u64>().ok()).is_some_and(|n| n > limit as u64) {
        return Err(too_large());
    }
    let read = tokio::time::timeout(time, request.take_body().into_bytes_limit(limit)).await;
    let read = read.map_err(|_| {
        Problem::new(Kind::SlowRequest, format!("the body did not arrive within {} s", time.as_secs()))
    })?;
    read.map_err(|error| match error {
        ReadBodyError::PayloadTooLarge => too_large(),
        _ => Problem::new(Kind::Malformed, "the body ended before all of it was read"),
    })
}

/// What the router answered: a reply of ours, a problem of ours, or something of the framework or the page.
pub(crate) async fn reply_of(mut response: Response) -> Result<Reply, Problem> {
    if let Some(reply) = response.extensions_mut().remove::<Reply>() {
        return Ok(reply);
    }
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        return Err(problem);
    }
    let status = response.status();
    if status.is_client_error() || status.is_server_error() {
        return Err(Problem::of_status(status));
    }
    let unreadable = |_| Problem::new(Kind::Internal, "the answer cannot be read");
    let mut reply = Reply {
        status,
        body: response.take_body().into_bytes().await.map_err(unreadable)?,
        content_type: HeaderValue::from_static("application/octet-stream"),
        tag: None,
        last_modified: None,
        holds: Holds::Privately,
        headers: Vec::new(),
    };
    for (name, value) in response.headers() {
        if name == header::CONTENT_TYPE {
            reply.content_type = value.clone();
        } else if name != header::CONTENT_LENGTH {
            reply.headers.push((name.clone(), value.clone()));
        }
    }
    Ok(reply)
}

/// A problem as answer.
pub(crate) fn problem_response(mut problem: Problem, call: &Call) -> Response {
    let id = call.id.to_str().unwrap_or_default();
    problem.instance =
        if uuid::Uuid::try_parse(id).is_ok() { format!("urn:uuid:{id}") } else { id.to_owned() };
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = serde_json::to_vec(&*problem).unwrap_or_default();
    let mut response = Response::builder().status(status).content_type("application/problem+json");
    response = response.header(header::CACHE_CONTROL, "no-store");
    if let Some(seconds) = problem.retry_after_secs {
        response = response.header(header::RETRY_AFTER, seconds);
    }
    if let Some(allow) = &problem.allow {
        response = response.header(header::ALLOW, allow);
    }
    if status == StatusCode::UNAUTHORIZED {
        response = response.header(header::WWW_AUTHENTICATE, "Bearer realm=\"traffix\"");
    }
    if status == StatusCode::PAYLOAD_TOO_LARGE {
        response = response.header(header::CONNECTION, "close");
    }
    if call.is_head {
        return response.header(header::CONTENT_LENGTH, body.len()).finish();
    }
    response.body(body)
}
