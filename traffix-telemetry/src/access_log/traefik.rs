//! Traefik's two formats.

use super::fields::{Fields, LineError, host, number, text};
use super::json::{Members, Value};
use super::{Clients, Request, StatusClass, nginx, time};

/// `format: json`: one object per request, its members named as in Traefik's documentation.
///
/// A request came from `ClientAddr`, the other end of the connection; `ClientHost` is what `X-Forwarded-For` claims if
/// there is one, and only asked if the other was dropped from the log. Sizes and status are what the client got
/// (`Downstream…`), else what the origin gave.
pub(super) fn json<'a>(line: &'a [u8], clients: &Clients) -> Result<Request<'a>, LineError> {
    let mut members = Members::new(line)?;
    let mut found = Found::default();
    while let Some((name, value)) = members.next()? {
        found.member(name, value);
    }
    let start = found.start_utc.or(found.start_local);
    let nowhere = Fields::new(line);
    let start = start.ok_or_else(|| nowhere.missing("StartUTC or StartLocal"))?;
    let start_us = time::rfc3339(start).ok_or_else(|| nowhere.unreadable("StartUTC or StartLocal"))?;
    let client = clients.classify(found.client_addr.or(found.client_host).unwrap_or_default());
    let bytes = found.downstream_size.or(found.origin_size);
    Ok(Request {
        duration_us: found.duration_ns.map(|ns| ns / 1000),
        entry_point: found.entry_point.and_then(Value::text),
        router: found.router.and_then(Value::text),
        service: found.service.or(found.service_addr).and_then(Value::text),
        status: found.downstream_status.or(found.origin_status).and_then(StatusClass::of),
        sent_bytes: bytes,
        host: found.host.and_then(host),
        ..nginx::begun(start_us, client)
    })
}

/// The members that are needed.
#[derive(Default)]
struct Found<'a> {
    start_utc: Option<&'a [u8]>,
    start_local: Option<&'a [u8]>,
    duration_ns: Option<u64>,
    client_addr: Option<&'a [u8]>,
    client_host: Option<&'a [u8]>,
    entry_point: Option<Value<'a>>,
    router: Option<Value<'a>>,
    service: Option<Value<'a>>,
    service_addr: Option<Value<'a>>,
    host: Option<&'a [u8]>,
    downstream_status: Option<u64>,
    origin_status: Option<u64>,
    downstream_size: Option<u64>,
    origin_size: Option<u64>,
}

impl<'a> Found<'a> {
    fn member(&mut self, name: &[u8], value: Value<'a>) {
        match name {
            b"StartUTC" => self.start_utc = Some(value.bytes()),
            b"StartLocal" => self.start_local = Some(value.bytes()),
            b"Duration" => self.duration_ns = number(value.bytes()),
            b"ClientAddr" => self.client_addr = Some(value.bytes()),
            b"ClientHost" => self.client_host = Some(value.bytes()),
            b"entryPointName" => self.entry_point = Some(value),
            b"RouterName" => self.router = Some(value),
            b"ServiceName" => self.service = Some(value),
            b"ServiceAddr" => self.service_addr = Some(value),
            b"RequestHost" => self.host = Some(value.bytes()),
            b"DownstreamStatus" => self.downstream_status = number(value.bytes()),
            b"OriginStatus" => self.origin_status = number(value.bytes()),
            b"DownstreamContentSize" => self.downstream_size = number(value.bytes()),
            b"OriginContentSize" => self.origin_size = number(value.bytes()),
            _ => {}
        }
    }
}

/// `format: common`:
/// `client - user [instant] "method path protocol" status bytes "referer" "agent" count "router" "server" 12ms`.
///
/// Traefik puts referer and agent between quotes as they came, so a client can write quotes into the line. Their ends
/// are therefore not looked for: the last four fields are read from the end.
pub(super) fn common<'a>(line: &'a [u8], clients: &Clients) -> Result<Request<'a>, LineError> {
    let mut fields = Fields::new(line);
    let mut request = nginx::head(&mut fields, clients)?;
    nginx::tail(&mut fields, &mut request)?;
    let rest = fields.rest();
    let tail = Tail::read(rest).ok_or_else(|| fields.missing("count, router, server and duration"))?;
    request.duration_us = Some(tail.duration_ms.saturating_mul(1000));
    request.router = text(tail.router);
    request.service = text(tail.server);
    Ok(request)
}

/// What the common log format does not have.
struct Tail<'a> {
    router: &'a [u8],
    server: &'a [u8],
    duration_ms: u64,
}

impl<'a> Tail<'a> {
    fn read(rest: &'a [u8]) -> Option<Self> {
        let rest = rest.trim_ascii_end().strip_suffix(b"ms")?;
        let space = memchr::memrchr(b' ', rest)?;
        let duration_ms = number(&rest[space + 1..])?;
        let (rest, server) = last_quoted(&rest[..space])?;
        let (rest, router) = last_quoted(rest.strip_suffix(b" ")?)?;
        let rest = rest.strip_suffix(b" ")?;
        let count = memchr::memrchr(b' ', rest).map_or(rest, |space| &rest[space + 1..]);
        (count == b"-" || number(count).is_some()).then_some(Self { router, server, duration_ms })
    }
}

/// What stands between the last two quotes, which end the text, and what is before them.
fn last_quoted(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let inner = text.strip_suffix(b"\"")?;
    let quote = memchr::memrchr(b'"', inner)?;
    Some((&inner[..quote], &inner[quote + 1..]))
}
