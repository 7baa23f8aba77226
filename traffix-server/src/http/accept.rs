//! Which representation a client wants.

use poem::http::{HeaderMap, HeaderValue, header};

/// A content coding that this server makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    Identity,
    Gzip,
    Brotli,
}

impl Encoding {
    pub(crate) const ALL: [Self; 3] = [Self::Identity, Self::Gzip, Self::Brotli];

    /// Its name; `None` for identity.
    pub(crate) fn name(self) -> Option<&'static str> {
        match self {
            Self::Identity => None,
            Self::Gzip => Some("gzip"),
            Self::Brotli => Some("br"),
        }
    }

    pub(crate) fn header(self) -> Option<HeaderValue> {
        self.name().map(HeaderValue::from_static)
    }
}

/// The best coding by `Accept-Encoding` (RFC 9110, 12.5.3): the highest weight, brotli before gzip on a tie.
/// Identity if nothing else is accepted.
pub(crate) fn encoding(headers: &HeaderMap) -> Encoding {
    let mut weights = Weights::default();
    for line in headers.get_all(header::ACCEPT_ENCODING) {
        let Ok(line) = line.to_str() else { continue };
        line.split(',').for_each(|part| weights.note(part));
    }
    let any = weights.any.unwrap_or(0);
    let gzip = weights.gzip.unwrap_or(any);
    let brotli = weights.brotli.unwrap_or(any);
    if brotli > 0 && brotli >= gzip {
        Encoding::Brotli
    } else if gzip > 0 {
        Encoding::Gzip
    } else {
        Encoding::Identity
    }
}

/// Weights in thousandths.
#[derive(Default)]
struct Weights {
    gzip: Option<u16>,
    brotli: Option<u16>,
    any: Option<u16>,
}

impl Weights {
    fn note(&mut self, part: &str) {
        let (name, parameters) = part.split_once(';').unwrap_or((part, ""));
        let weight = weight(parameters);
        match name.trim() {
            name if name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip") => {
                self.gzip = Some(weight);
            }
            name if name.eq_ignore_ascii_case("br") => self.brotli = Some(weight),
            "*" => self.any = Some(weight),
            _ => {}
        }
    }
}

/// `q=0.5` in thousandths; 1000 if absent, 0 if it cannot be read.
fn weight(parameters: &str) -> u16 {
    let Some(text) = parameters.split(';').find_map(|p| p.trim().strip_prefix("q=")) else { return 1000 };
    let (whole, fraction) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
    let digits = fraction.len() <= 3 && fraction.bytes().all(|b| b.is_ascii_digit());
    match (whole, digits) {
        ("1", true) => 1000,
        ("0", true) => format!("{fraction:0<3}").parse().unwrap_or(0),
        _ => 0,
    }
}

/// Whether the client asks for CSV before JSON.
pub(crate) fn wants_csv(headers: &HeaderMap) -> bool {
    let Some(accept) = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()) else {
        return false;
    };
    let position = |name: &str| accept.split(',').position(|part| part.trim().starts_with(name));
    match (position("text/csv"), position("application/json")) {
        (Some(csv), Some(json)) => csv < json,
        (csv, _) => csv.is_some(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn negotiates_as_rfc_9110_says() {
        for (accepted, want) in [
            ("", Encoding::Identity),
            ("gzip", Encoding::Gzip),
            ("gzip, deflate, br, zstd", Encoding::Brotli),
            ("gzip;q=1.0, br;q=0.5", Encoding::Gzip),
            ("br;q=0, gzip", Encoding::Gzip),
            ("*", Encoding::Brotli),
            ("*;q=0", Encoding::Identity),
            ("*;q=0.1, br;q=0", Encoding::Gzip),
            ("identity", Encoding::Identity),
            ("zstd", Encoding::Identity),
            ("GZIP;Q=1", Encoding::Gzip),
            ("gzip;q=nonsense", Encoding::Identity),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, accepted.parse().unwrap());
            assert_eq!(encoding(&headers), want, "{accepted:?}");
        }
    }

    #[test]
    fn csv_only_if_asked_for() {
        for (accept, want) in [("*/*", false), ("text/csv", true), ("application/json, text/csv", false)] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, accept.parse().unwrap());
            assert_eq!(wants_csv(&headers), want, "{accept}");
        }
    }
}
