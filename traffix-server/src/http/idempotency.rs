//! `Idempotency-Key`: a repeated POST gets the first answer again.
//!
//! Keys belong to their client. Answers to keyed clients are kept by the store for 24 hours, answers to clients
//! without a key in memory only: strangers never write. Only successes are kept; a refused request may be
//! corrected and sent again under the same key.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use moka::sync::Cache;
use poem::http::{HeaderName, HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use traffix_store::{Maintenance, Store};

use super::answer::Reply;
use super::problem::{Kind, Problem};

/// How long an answer is kept in memory.
const KEPT: Duration = Duration::from_hours(24);
/// Most bytes of answers kept in memory.
const MAX_BYTES: u64 = 32 << 20;
/// Longest key.
const MAX_KEY_BYTES: usize = 255;

/// Keys in use and remembered answers of strangers.
pub(crate) struct Idempotency {
    running: Cache<(String, String), Arc<tokio::sync::Mutex<()>>>,
    strangers: Cache<(String, String), Kept>,
}

type Kept = ([u8; 32], Arc<Vec<u8>>);

/// One use of a key. Equal uses wait for each other as long as this lives.
pub(crate) struct Use {
    owner: String,
    key: String,
    in_store: bool,
    digest: [u8; 32],
    _turn: tokio::sync::OwnedMutexGuard<()>,
}

impl Idempotency {
    pub(crate) fn new() -> Self {
        let weigh =
            |_: &(String, String), (_, answer): &Kept| u32::try_from(answer.len()).unwrap_or(u32::MAX);
        Self {
            running: Cache::builder().time_to_idle(Duration::from_mins(5)).build(),
            strangers: Cache::builder().max_capacity(MAX_BYTES).weigher(weigh).time_to_live(KEPT).build(),
        }
    }

    /// Waits for earlier uses of the key, then says what was answered, if anything.
    pub(crate) async fn begin(
        &self,
        store: &dyn Store,
        (owner, in_store): (String, bool),
        key: &HeaderValue,
        request: [&[u8]; 2],
    ) -> Result<(Use, Option<Reply>), Problem> {
        let key = key.to_str().ok().filter(|key| !key.is_empty() && key.len() <= MAX_KEY_BYTES);
        let wrong = || {
            let allowed = format!("must be 1 to {MAX_KEY_BYTES} printable ASCII characters");
            Problem::header(Kind::Malformed, "Idempotency-Key", allowed)
        };
        let key = key.ok_or_else(wrong)?.to_owned();
        let turn = self.running.get_with((owner.clone(), key.clone()), Arc::default);
        let turn = turn.lock_owned().await;
        let digest = digest(request);
        let this = Use { owner, key, in_store, digest, _turn: turn };
        let Some((earlier, answer)) = self.recall(store, &this).await? else { return Ok((this, None)) };
        if earlier != digest {
            let detail = "this key was used for another request; answers are kept for 24 hours";
            return Err(Problem::header(Kind::IdempotencyKeyReused, "Idempotency-Key", detail));
        }
        Ok((this, unpack(&answer)))
    }

    async fn recall(
        &self,
        store: &dyn Store,
        this: &Use,
    ) -> Result<Option<([u8; 32], Arc<Vec<u8>>)>, Problem> {
        if this.in_store {
            let kept = Maintenance::recall(store, &this.owner, &this.key).await?;
            return Ok(kept.map(|(digest, answer)| (digest, Arc::new(answer))));
        }
        Ok(self.strangers.get(&(this.owner.clone(), this.key.clone())))
    }

    /// Keeps a success.
    pub(crate) async fn end(&self, store: &dyn Store, this: Use, reply: &Reply) {
        if !reply.status.is_success() {
            return;
        }
        let answer = pack(reply);
        if this.in_store {
            let kept = Maintenance::remember(store, &this.owner, &this.key, this.digest, &answer).await;
            if let Err(error) = kept {
                tracing::error!(%error, "an idempotent answer cannot be kept");
            }
        } else {
            self.strangers.insert((this.owner, this.key), (this.digest, Arc::new(answer)));
        }
    }
}

fn digest(parts: [&[u8]; 2]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part.len().to_be_bytes());
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// What is kept of an answer.
#[derive(Serialize, Deserialize)]
struct Packed {
    status: u16,
    content_type: String,
    headers: Vec<(String, String)>,
    body: String,
}

fn pack(reply: &Reply) -> Vec<u8> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let packed = Packed {
        status: reply.status.as_u16(),
        content_type: text(&reply.content_type),
        headers: reply.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect(),
        body: STANDARD.encode(&reply.body),
    };
    serde_json::to_vec(&packed).unwrap_or_default()
}

/// `None` if it was kept by a version that wrote something else: then the request runs again.
fn unpack(bytes: &[u8]) -> Option<Reply> {
    let packed: Packed = serde_json::from_slice(bytes).ok()?;
    let mut reply = Reply::bytes("application/json", STANDARD.decode(packed.body).ok()?);
    reply.status = StatusCode::from_u16(packed.status).ok()?;
    reply.content_type = HeaderValue::from_str(&packed.content_type).ok()?;
    for (name, value) in packed.headers {
        reply.headers.push((name.parse::<HeaderName>().ok()?, HeaderValue::from_str(&value).ok()?));
    }
    reply.headers.push((HeaderName::from_static("idempotency-replayed"), HeaderValue::from_static("true")));
    Some(reply)
}
