//! Puts secrets into requests, and takes them out of whatever comes back.

use std::borrow::Cow;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::secret::{self, Secret, Secrets};
use super::{Credential, Placement, Request, Response, Upstream, UpstreamError};

/// What the path holds until the code is known, as written and as an address spells it.
const HMAC_MARKS: [&str; 3] = ["{hmac}", "%7Bhmac%7D", "%7bhmac%7d"];

/// The layer that knows the secrets. Only the transport may lie beneath it: requests below hold secrets, those above
/// never do, and an answer or error that repeats the secret leaves here without it.
pub struct Credentials<U> {
    inner: U,
    secrets: Arc<Secrets>,
}

impl<U> Credentials<U> {
    /// Puts `secrets` into the requests that ask for them.
    pub fn new(inner: U, secrets: Arc<Secrets>) -> Self {
        Self { inner, secrets }
    }
}

#[async_trait]
impl<U: Upstream> Upstream for Credentials<U> {
    async fn send(&self, request: &Request) -> Result<Response, UpstreamError> {
        let Some(credential) = &request.credential else {
            return self.inner.send(request).await;
        };
        let Some(secret) = self.secrets.get(credential.name) else {
            let in_path = matches!(credential.placement, Placement::HmacSha256Path(_));
            if credential.required || in_path {
                return Err(UpstreamError::MissingCredential(credential.name));
            }
            return self.inner.send(request).await;
        };
        let signed = sign(request, credential, secret)?;
        let spellings = secret::spellings(secret);
        match self.inner.send(&signed).await {
            Ok(response) => Ok(clean(response, &spellings)),
            Err(error) => Err(error.map_text(|text| secret::clean_text(text, &spellings))),
        }
    }
}

/// The request with its secret. `credential` stays, so that the transport knows what not to carry to another host.
fn sign(request: &Request, credential: &Credential, secret: &Secret) -> Result<Request, UpstreamError> {
    let mut signed = request.clone();
    match &credential.placement {
        Placement::Query(name) => {
            signed.url.query_pairs_mut().append_pair(name, secret.expose());
        }
        Placement::Header(name) => signed.headers.push((name, secret.expose().to_owned())),
        Placement::Bearer => signed.headers.push(("authorization", format!("Bearer {}", secret.expose()))),
        Placement::HmacSha256Path(message) => {
            let must = UpstreamError::BadCredential(credential.name, "in hexadecimal digits");
            let key = unhex(secret.expose()).ok_or(must)?;
            let code = hmac_hex(&key, message.as_bytes());
            let path = HMAC_MARKS
                .iter()
                .fold(Cow::Borrowed(request.url.path()), |path, mark| Cow::Owned(path.replace(mark, &code)));
            signed.url.set_path(&path);
        }
    }
    Ok(signed)
}

fn hmac_hex(key: &[u8], message: &[u8]) -> String {
    // A key of any length is fine for HMAC: longer ones are hashed first.
    let Ok(mut hmac) = Hmac::<Sha256>::new_from_slice(key) else { return String::new() };
    hmac.update(message);
    hex(&hmac.finalize().into_bytes())
}

/// Lower-case hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        for digit in [byte >> 4, byte & 15] {
            text.extend(char::from_digit(u32::from(digit), 16));
        }
        text
    })
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text
        .chars()
        .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect::<Option<_>>()?;
    let (pairs, rest) = digits.as_chunks::<2>();
    rest.is_empty().then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

/// The answer without the secret, wherever it repeats it.
pub(super) fn clean(mut response: Response, spellings: &[String]) -> Response {
    if let Some(body) = secret::without(&response.body, spellings) {
        response.body = Bytes::from(body);
    }
    for value in response.headers.values_mut() {
        *value = secret::clean_text(std::mem::take(value), spellings);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_that_of_rfc_4231() {
        // RFC 4231, test case 2.
        let code = hmac_hex(b"Jefe", b"what do ya want for nothing?");
        assert_eq!(code, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }

    #[test]
    fn digits_come_in_pairs() {
        assert_eq!(unhex("00ff1A"), Some(vec![0, 255, 26]));
        assert_eq!(unhex("0"), None);
        assert_eq!(unhex("zz"), None);
        assert_eq!(hex(&[0, 255, 26]), "00ff1a");
    }

    #[test]
    fn the_path_gets_the_code_in_both_spellings() {
        let request = Request::get("http://example.org/np/X1/{hmac}/X1-ver.xml")
            .credential("playstation", Placement::HmacSha256Path("np_X1".into()));
        let credential = request.credential.clone().unwrap();
        let signed = sign(&request, &credential, &Secret::new("00ff")).unwrap();
        let code = hmac_hex(&[0, 255], b"np_X1");
        assert_eq!(signed.url.path(), format!("/np/X1/{code}/X1-ver.xml"));
        let bad = sign(&request, &credential, &Secret::new("not hex")).unwrap_err();
        assert!(!bad.to_string().contains("not hex") && bad.to_string().contains("hexadecimal"));
    }
}
