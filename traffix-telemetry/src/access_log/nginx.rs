//! nginx's `combined` and lancache's `cachelog`.
//!
//! nginx escapes quotes and control characters within variables, so a quote in a line is a quote of the format.

use super::fields::{Fields, LineError, host, number, text};
use super::{CacheStatus, Client, Clients, Request, StatusClass, time};

/// `$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"`,
/// whatever stands behind it.
pub(super) fn combined<'a>(line: &'a [u8], clients: &Clients) -> Result<Request<'a>, LineError> {
    let mut fields = Fields::new(line);
    let mut request = head(&mut fields, clients)?;
    tail(&mut fields, &mut request)?;
    fields.quoted("the referer")?;
    fields.quoted("the user agent")?;
    Ok(request)
}

/// `[$cacheidentifier] $remote_addr / $http_x_forwarded_for - $remote_user [$time_local] "$request" $status
/// $body_bytes_sent "$http_referer" "$http_user_agent" "$upstream_cache_status" "$host" "$http_range"`.
pub(super) fn cachelog<'a>(line: &'a [u8], clients: &Clients) -> Result<Request<'a>, LineError> {
    let mut fields = Fields::new(line);
    fields.expect(b"[", "the cache's identifier")?;
    let service = fields.until(b']', "the cache's identifier")?;
    fields.expect(b" ", "the client")?;
    let mut request = head(&mut fields, clients)?;
    request.service = text(service);
    tail(&mut fields, &mut request)?;
    fields.quoted("the referer")?;
    fields.quoted("the user agent")?;
    request.cache = CacheStatus::of(fields.quoted("the cache's status")?);
    request.host = host(fields.quoted("the host")?);
    Ok(request)
}

/// From the client to the instant.
///
/// Between them is what a client may have made up: a user name, a list of addresses. The instant is therefore what
/// stands directly before the first quote.
pub(super) fn head<'a>(fields: &mut Fields<'a>, clients: &Clients) -> Result<Request<'a>, LineError> {
    let rest = fields.rest();
    let quote = memchr::memchr(b'"', rest).ok_or_else(|| fields.missing("the request line"))?;
    let before = rest[..quote].strip_suffix(b"] ").ok_or_else(|| fields.missing("the instant"))?;
    let instant = before.rsplit(|byte| *byte == b'[').next().unwrap_or_default();
    let start_us = time::common(instant).ok_or_else(|| fields.unreadable("the instant"))?;
    let client = rest.split(|byte| *byte == b' ').next().unwrap_or_default();
    fields.advance(quote);
    let client = clients.classify(client);
    Ok(begun(start_us, client))
}

/// A request of which nothing else is known yet.
pub(super) fn begun<'a>(start_us: i64, client: Client) -> Request<'a> {
    Request {
        start_us,
        duration_us: None,
        entry_point: None,
        router: None,
        service: None,
        client,
        status: None,
        sent_bytes: None,
        host: None,
        cache: None,
    }
}

/// Request line, status and bytes.
pub(super) fn tail<'a>(fields: &mut Fields<'a>, request: &mut Request<'a>) -> Result<(), LineError> {
    fields.quoted("the request line")?;
    let place = *fields;
    let status = fields.until(b' ', "the status")?;
    request.status = match status {
        b"-" => None,
        code => StatusClass::of(number(code).ok_or_else(|| place.unreadable("the status"))?),
    };
    let place = *fields;
    request.sent_bytes = match fields.until(b' ', "the bytes")? {
        b"-" => None,
        bytes => Some(number(bytes).ok_or_else(|| place.unreadable("the bytes"))?),
    };
    Ok(())
}
