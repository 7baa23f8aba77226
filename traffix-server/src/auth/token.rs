//! The text of a key.

use std::fmt::{self, Write as _};

use poem::http::HeaderValue;
use rustls::crypto::aws_lc_rs;

use super::sha256;

const PREFIX: &str = "trfx_live_";

/// A key as a client shows it. Its secret is never printed, except once by [`reveal`](Self::reveal).
pub(crate) struct Token {
    id: [u8; 8],
    secret: [u8; 32],
}

impl Token {
    /// A new one; `None` if the operating system gives no randomness.
    pub(crate) fn random() -> Option<Self> {
        let mut token = Self { id: [0; 8], secret: [0; 32] };
        let source = aws_lc_rs::default_provider().secure_random;
        source.fill(&mut token.id).ok()?;
        source.fill(&mut token.secret).ok()?;
        Some(token)
    }

    /// Reads the value of an `Authorization` header.
    pub(crate) fn from_header(value: &HeaderValue) -> Option<Self> {
        let (scheme, text) = value.to_str().ok()?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(())?;
        let (id, secret) = text.trim().strip_prefix(PREFIX)?.split_once('_')?;
        Some(Self { id: unhex(id)?, secret: unhex(secret)? })
    }

    /// The public part.
    pub(crate) fn id(&self) -> String {
        hex(&self.id)
    }

    /// The public part as a number.
    pub(crate) fn number(&self) -> u64 {
        u64::from_be_bytes(self.id)
    }

    /// What is stored of the secret part.
    pub(crate) fn digest(&self) -> [u8; 32] {
        sha256(&self.secret)
    }

    /// The whole text, for its owner.
    pub(crate) fn reveal(&self) -> String {
        format!("{PREFIX}{}_{}", hex(&self.id), hex(&self.secret))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({PREFIX}{}_***)", hex(&self.id))
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing into a String does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != 2 * N || !text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    let mut bytes = [0; N];
    for (i, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * i..2 * i + 2)?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<Token> {
        Token::from_header(&HeaderValue::from_str(text).unwrap())
    }

    #[test]
    fn round_trips() {
        let token = Token::random().unwrap();
        let back = read(&format!("Bearer {}", token.reveal())).unwrap();
        assert_eq!((back.id(), back.digest()), (token.id(), token.digest()));
        assert_eq!(token.reveal().len(), PREFIX.len() + 16 + 1 + 64);
    }

    #[test]
    fn nothing_else_is_a_key() {
        let good = Token::random().unwrap().reveal();
        for bad in [
            good.clone(),
            format!("Basic {good}"),
            format!("Bearer {}", &good[..good.len() - 1]),
            format!("Bearer {}", good.to_uppercase()),
            "Bearer ".into(),
            "Bearer trfx_live_".into(),
            "Bearer trfx_live_é_é".into(),
        ] {
            let value = HeaderValue::from_bytes(bad.as_bytes()).unwrap();
            assert!(Token::from_header(&value).is_none(), "{bad}");
        }
    }

    #[test]
    fn debug_hides_the_secret() {
        let token = Token::random().unwrap();
        let shown = format!("{token:?}");
        assert!(shown.contains(&token.id()) && !shown.contains(&hex(&token.secret)), "{shown}");
    }
}
