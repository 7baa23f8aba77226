//! API keys: `trfx_live_<id>_<secret>` in `Authorization: Bearer`, nowhere else.
//!
//! The secret is 256 bits from the operating system, shown once and stored as SHA-256: random keys need no slow
//! hash. The id finds the key, the digest is compared in constant time.

mod guard;
mod token;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use moka::sync::Cache;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use traffix_store::{KeyInfo, Keys, NewKey, Role, Store, StoreError};

pub(crate) use guard::{Caller, Keyed, Moderator};
pub(crate) use token::{Token, hex};

/// How long a looked-up key is believed: a revocation by another process is seen after this time.
const BELIEVED: Duration = Duration::from_secs(2);
/// Most keys remembered.
const MAX_KEYS: u64 = 10_000;

/// Why a new key cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CreateKeyError {
    /// The operating system gives no randomness.
    #[error("the operating system gives no randomness")]
    Randomness,
    /// The store refuses.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Makes a key and stores its digest. The answer is the whole key: it is shown once and cannot be had again.
///
/// # Errors
/// If the operating system gives no randomness or the store refuses.
pub async fn create_key(
    store: &dyn Store,
    name: &str,
    role: Role,
    expires_at: Option<DateTime<Utc>>,
) -> Result<String, CreateKeyError> {
    let token = Token::random().ok_or(CreateKeyError::Randomness)?;
    let key =
        NewKey { id: token.id(), secret_sha256: token.digest(), name: name.to_owned(), role, expires_at };
    store.create_key(&key).await?;
    Ok(token.reveal())
}

/// Who calls, proven by a key.
#[derive(Debug, Clone)]
pub(crate) struct Principal {
    /// Public part of the key; owner of private networks.
    pub(crate) id: Arc<str>,
    /// Name of the key, written into the change log.
    pub(crate) name: Arc<str>,
    /// What it may do.
    pub(crate) role: Role,
}

/// Why a key is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Not of the form of a key.
    Form,
    /// Unknown id or wrong secret: which of them is not said.
    Unknown,
    /// Its time is over.
    Expired,
    /// Somebody revoked it.
    Revoked,
}

impl Refused {
    pub(crate) fn detail(self) -> &'static str {
        match self {
            Self::Form => "must be `Bearer trfx_live_<id>_<secret>`",
            Self::Unknown => "the key is not known",
            Self::Expired => "the key has expired",
            Self::Revoked => "the key was revoked",
        }
    }
}

/// Recently used keys.
pub(crate) struct KeyRing {
    known: Cache<u64, Option<Arc<KeyInfo>>>,
}

impl KeyRing {
    pub(crate) fn new() -> Self {
        Self { known: Cache::builder().max_capacity(MAX_KEYS).time_to_live(BELIEVED).build() }
    }

    /// Whether the next check of this token needs the store.
    pub(crate) fn is_known(&self, token: &Token) -> bool {
        self.known.contains_key(&token.number())
    }

    /// Who holds the token.
    pub(crate) async fn check(
        &self,
        store: &dyn Store,
        token: &Token,
        now: DateTime<Utc>,
    ) -> Result<Result<Principal, Refused>, StoreError> {
        let key = if let Some(key) = self.known.get(&token.number()) {
            key
        } else {
            let key = Keys::key(store, &token.id()).await?.map(Arc::new);
            self.known.insert(token.number(), key.clone());
            key
        };
        Ok(judge(key.as_deref(), token, now))
    }
}

fn judge(key: Option<&KeyInfo>, token: &Token, now: DateTime<Utc>) -> Result<Principal, Refused> {
    // An unknown id costs as much time as a wrong secret.
    let stored = key.map_or([0; 32], |info| info.key.secret_sha256);
    let equal = bool::from(token.digest().ct_eq(&stored));
    let Some(info) = key.filter(|_| equal) else { return Err(Refused::Unknown) };
    if info.revoked_at.is_some() {
        return Err(Refused::Revoked);
    }
    if info.key.expires_at.is_some_and(|end| end <= now) {
        return Err(Refused::Expired);
    }
    let (id, name) = (info.key.id.as_str().into(), info.key.name.as_str().into());
    Ok(Principal { id, name, role: info.key.role })
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(token: &Token) -> KeyInfo {
        let key = NewKey {
            id: token.id(),
            secret_sha256: token.digest(),
            name: "noc".into(),
            role: Role::Moderator,
            expires_at: Some("2030-01-01T00:00:00Z".parse().unwrap()),
        };
        KeyInfo { key, created_at: "2020-01-01T00:00:00Z".parse().unwrap(), revoked_at: None }
    }

    #[test]
    fn only_the_right_secret_in_time_is_accepted() {
        let now: DateTime<Utc> = "2025-01-01T00:00:00Z".parse().unwrap();
        let (token, other) = (Token::random().unwrap(), Token::random().unwrap());
        let good = info(&token);
        assert_eq!(judge(Some(&good), &token, now).unwrap().role, Role::Moderator);
        assert_eq!(judge(Some(&good), &other, now).unwrap_err(), Refused::Unknown);
        assert_eq!(judge(None, &token, now).unwrap_err(), Refused::Unknown);
        let late = "2030-01-01T00:00:00Z".parse().unwrap();
        assert_eq!(judge(Some(&good), &token, late).unwrap_err(), Refused::Expired);
        let revoked = KeyInfo { revoked_at: Some(now), ..good };
        assert_eq!(judge(Some(&revoked), &token, now).unwrap_err(), Refused::Revoked);
    }
}
