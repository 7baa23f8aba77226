//! `HAProxy`'s HTTP log.
//!
//! `%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc %ac/%fc/%bc/%sc/%rc %sq/%bq %hr %hs %{+Q}r`.
//! `option logasap` writes a plus before what had not ended yet. `HAProxy` encodes braces and quotes within what it
//! captured.

use super::fields::{Fields, LineError, host, number, text};
use super::{Reading, Request, StatusClass, nginx, time};

/// How much syslog writes before a line, in bytes: priority, instant, host, program and process.
const MAX_PREFIX: usize = 512;

pub(super) fn http<'a>(line: &'a [u8], reading: &Reading) -> Result<Request<'a>, LineError> {
    let mut fields = Fields::new(line);
    let instant = instant(line).ok_or_else(|| fields.missing("the instant"))?;
    let before = line[..instant].trim_ascii_end();
    let client = memchr::memrchr(b' ', before).map_or(before, |space| &before[space + 1..]);
    fields.advance(instant + 1);
    let place = fields;
    let start_us = time::common_in(fields.until(b']', "the instant")?, reading.zone);
    let start_us = start_us.ok_or_else(|| place.unreadable("the instant"))?;
    let mut request = nginx::begun(start_us, reading.clients.classify(client));
    fields.expect(b" ", "the frontend")?;
    let frontend = fields.until(b' ', "the frontend")?;
    // A tilde marks a frontend that ended TLS.
    request.entry_point = text(frontend.strip_suffix(b"~").unwrap_or(frontend));
    request.service = text(fields.until(b'/', "the backend")?);
    fields.until(b' ', "the server")?;
    let timers = fields.until(b' ', "the timers")?;
    let active_ms = timers.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    request.duration_us =
        number(active_ms.strip_prefix(b"+").unwrap_or(active_ms)).map(|ms| ms.saturating_mul(1000));
    sizes(&mut fields, &mut request)?;
    for what in
        ["the request's cookie", "the response's cookie", "the state", "the connections", "the queues"]
    {
        fields.until(b' ', what)?;
    }
    request.host = asked(&fields);
    Ok(request)
}

fn sizes(fields: &mut Fields<'_>, request: &mut Request<'_>) -> Result<(), LineError> {
    let place = *fields;
    request.status = match fields.until(b' ', "the status")? {
        b"-1" => None,
        code => StatusClass::of(number(code).ok_or_else(|| place.unreadable("the status"))?),
    };
    let place = *fields;
    let bytes = fields.until(b' ', "the bytes")?;
    let bytes = number(bytes.strip_prefix(b"+").unwrap_or(bytes));
    request.sent_bytes = Some(bytes.ok_or_else(|| place.unreadable("the bytes"))?);
    Ok(())
}

/// Where the bracket is that opens the instant: behind a space, before `dd/Mon/`.
fn instant(line: &[u8]) -> Option<usize> {
    let searched = &line[..line.len().min(MAX_PREFIX)];
    memchr::memchr_iter(b'[', searched).find(|at| {
        at.checked_sub(1).is_some_and(|before| line[before] == b' ')
            && line.get(at + 3) == Some(&b'/')
            && line.get(at + 7) == Some(&b'/')
    })
}

/// The host asked for: from an absolute request line, else the first captured header that looks like a host.
fn asked<'a>(fields: &Fields<'a>) -> Option<std::borrow::Cow<'a, str>> {
    let mut rest = *fields;
    let mut captured = None;
    while rest.peek() == Some(b'{') {
        rest.advance(1);
        let headers = rest.until(b'}', "captured headers").ok()?;
        let named = headers.split(|byte| *byte == b'|').find(|header| looks_like_host(header));
        captured = captured.or(named.and_then(host));
        rest.spaces();
    }
    let line = rest.quoted("the request line").ok()?;
    let target = line.split(|byte| *byte == b' ').nth(1)?;
    let authority = target.strip_prefix(b"http://").or_else(|| target.strip_prefix(b"https://"));
    let named = authority.and_then(|rest| rest.split(|byte| *byte == b'/').next()).and_then(host);
    named.or(captured)
}

fn looks_like_host(header: &[u8]) -> bool {
    let name = header.split(|byte| *byte == b':').next().unwrap_or_default();
    memchr::memchr(b'.', name).is_some()
        && name.iter().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(byte))
}
