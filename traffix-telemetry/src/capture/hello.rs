//! The name in the first bytes that a client sends: SNI of TLS, `Host` of HTTP.

use std::net::IpAddr;

use tls_parser::{
    TlsExtension, TlsMessage, TlsMessageHandshake, TlsRecordType, nom, parse_tls_client_hello_extensions,
    parse_tls_message_handshake, parse_tls_raw_record,
};

use super::report::Seen;

/// Most bytes that are kept of a beginning. Hellos with keys of post-quantum cryptography have about 2 KB.
pub(super) const MAX_BYTES: usize = 8192;
/// Longest host name (RFC 1035 section 2.3.4).
const MAX_NAME: usize = 253;
/// Most headers of a request.
const MAX_HEADERS: usize = 64;
/// Encrypted Client Hello (RFC 9849), real or as a decoy.
const ECH: u16 = 0xfe0d;

/// What the first bytes say.
#[derive(Debug, PartialEq)]
pub(super) enum Opening {
    /// Who is asked, if that is a name.
    Asked { name: Option<Box<str>>, seen: Seen, ech: bool },
    /// It may be known with more bytes.
    More,
    /// It is something else.
    Nothing,
}

/// Whether bytes begin like a `ClientHello` or an HTTP request; cheap.
pub(super) fn looks_like_one(bytes: &[u8]) -> bool {
    match bytes {
        [0x16, 3, _, _, _, 1, ..] => true,
        [b'A'..=b'Z', ..] => METHODS.iter().any(|method| bytes.starts_with(method)),
        _ => false,
    }
}

const METHODS: [&[u8]; 5] = [b"GET ", b"HEAD ", b"POST ", b"PUT ", b"OPTIONS "];

/// Reads the first bytes of a conversation.
pub(super) fn read(bytes: &[u8]) -> Opening {
    let opening = match bytes.first() {
        None => Opening::More,
        Some(0x16) => client_hello(bytes),
        Some(b'A'..=b'Z') => request(bytes),
        Some(_) => Opening::Nothing,
    };
    if opening == Opening::More && bytes.len() >= MAX_BYTES { Opening::Nothing } else { opening }
}

/// The message may be spread over records.
fn client_hello(mut bytes: &[u8]) -> Opening {
    let mut message = Vec::new();
    loop {
        let record = match parse_tls_raw_record(bytes) {
            Ok((rest, record)) if record.hdr.record_type == TlsRecordType::Handshake => {
                bytes = rest;
                record
            }
            Err(nom::Err::Incomplete(_)) => return Opening::More,
            _ => return Opening::Nothing,
        };
        message.extend_from_slice(record.data);
        return match parse_tls_message_handshake(&message) {
            Ok((_, TlsMessage::Handshake(TlsMessageHandshake::ClientHello(hello)))) => {
                let extensions = hello.ext.map(parse_tls_client_hello_extensions);
                let extensions = extensions.and_then(Result::ok).map(|(_, all)| all).unwrap_or_default();
                let name = extensions.iter().find_map(|one| match one {
                    TlsExtension::SNI(names) => names.first().and_then(|(_, name)| host(name)),
                    _ => None,
                });
                let ech = extensions
                    .iter()
                    .any(|one| matches!(one, TlsExtension::Unknown(kind, _) if kind.0 == ECH));
                Opening::Asked { name, seen: Seen::Sni, ech }
            }
            Err(nom::Err::Incomplete(_)) => continue,
            _ => Opening::Nothing,
        };
    }
}

fn request(bytes: &[u8]) -> Opening {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(bytes) {
        Ok(httparse::Status::Complete(_)) => {
            let field = request.headers.iter().find(|header| header.name.eq_ignore_ascii_case("host"));
            let name = field.and_then(|header| host(without_port(header.value)));
            Opening::Asked { name, seen: Seen::Host, ech: false }
        }
        Ok(httparse::Status::Partial) => Opening::More,
        Err(_) => Opening::Nothing,
    }
}

fn without_port(host: &[u8]) -> &[u8] {
    let name = host.iter().rposition(|byte| *byte == b':').filter(|at| {
        let port = &host[at + 1..];
        !port.is_empty() && port.iter().all(u8::is_ascii_digit)
    });
    name.map_or(host, |at| &host[..at])
}

/// A host name in lower case; nothing if it is none, or an address.
pub(super) fn host(bytes: &[u8]) -> Option<Box<str>> {
    let text = std::str::from_utf8(bytes).ok()?;
    let text = text.strip_suffix('.').unwrap_or(text);
    let label = |label: &str| {
        !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    let is_name = text.len() <= MAX_NAME && text.split('.').all(label) && text.parse::<IpAddr>().is_err();
    is_name.then(|| text.to_ascii_lowercase().into_boxed_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_hosts() {
        assert_eq!(host(b"Cache1.Example.COM.").as_deref(), Some("cache1.example.com"));
        for bad in ["", ".", "a..b", "192.0.2.1", "a b", "ä.example", "[2001:db8::1]"] {
            assert_eq!(host(bad.as_bytes()), None, "{bad:?}");
        }
        assert_eq!(without_port(b"a.example:8080"), b"a.example");
        assert_eq!(without_port(b"a.example:"), b"a.example:");
    }

    #[test]
    fn a_request_is_read_when_its_header_is_whole() {
        let whole = b"GET /depot/1 HTTP/1.1\r\nUser-Agent: x\r\nHost: Cache.Example:80\r\n\r\n";
        let asked = Opening::Asked { name: Some("cache.example".into()), seen: Seen::Host, ech: false };
        assert_eq!(read(whole), asked);
        assert_eq!(read(&whole[..whole.len() - 1]), Opening::More);
        assert_eq!(read(b"GET \0"), Opening::Nothing);
        assert_eq!(read(&[b'A'; MAX_BYTES]), Opening::Nothing);
    }
}
