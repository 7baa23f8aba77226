//! Certificates.

use poem::listener::{RustlsCertificate, RustlsConfig};

use crate::ServeError;
use crate::config::Tls;

/// Names in a certificate made at start.
const LOCAL_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// Whether connections are encrypted.
pub(crate) fn is_on(tls: &Tls) -> bool {
    tls.self_signed || tls.certificate.is_some()
}

/// Chooses who encrypts, for the whole process.
pub(crate) fn install_provider() {
    // Somebody else may have installed one already: that is fine.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

/// The certificate to serve with; none if connections are not encrypted.
pub(crate) fn config(tls: &Tls) -> Result<Option<RustlsConfig>, ServeError> {
    if !is_on(tls) {
        return Ok(None);
    }
    install_provider();
    let (certificate, key) = match (&tls.certificate, &tls.key) {
        (Some(certificate), Some(key)) => (read(certificate)?, read(key)?),
        _ => self_signed()?,
    };
    let certificate = RustlsCertificate::new().cert(certificate).key(key);
    Ok(Some(RustlsConfig::new().fallback(certificate)))
}

fn read(path: &std::path::Path) -> Result<Vec<u8>, ServeError> {
    std::fs::read(path).map_err(|error| ServeError::Tls(format!("cannot read {}: {error}", path.display())))
}

fn self_signed() -> Result<(Vec<u8>, Vec<u8>), ServeError> {
    let names = LOCAL_NAMES.map(str::to_owned);
    let made =
        rcgen::generate_simple_self_signed(names).map_err(|error| ServeError::Tls(error.to_string()))?;
    Ok((made.cert.pem().into_bytes(), made.signing_key.serialize_pem().into_bytes()))
}
