//! What tests of platforms and sources share: recordings, other answers in their place, and damage to them. Whatever
//! bytes come, parsers give a value or a typed error.

use std::collections::BTreeMap;

use async_trait::async_trait;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::upstream::cassette::Exchange;
use crate::upstream::{Replay, Request, Response, Upstream, UpstreamError, cassette};

/// A few edits of a text, at places that are relative to its length.
#[derive(Debug, Clone)]
pub(crate) struct Damage(Vec<(Index, u8, Edit)>);

#[derive(Debug, Clone, Copy)]
enum Edit {
    Replace,
    Insert,
    Cut,
    SwapNumbers,
}

/// Numbers that break careless arithmetic.
const NUMBERS: [&str; 8] =
    ["-1", "0", "null", "1e309", "18446744073709551616", "9223372036854775807", "0.5", "\"7\""];

/// One to five edits.
pub(crate) fn damage() -> impl Strategy<Value = Damage> {
    let edit = prop_oneof![Just(Edit::Replace), Just(Edit::Insert), Just(Edit::Cut), Just(Edit::SwapNumbers)];
    prop::collection::vec((any::<Index>(), any::<u8>(), edit), 1..6).prop_map(Damage)
}

/// `text` with one to five edits.
pub(crate) fn damaged(text: &'static [u8]) -> impl Strategy<Value = Vec<u8>> {
    damage().prop_map(|damage| damage.apply(text))
}

impl Damage {
    /// `text` with the edits done.
    pub(crate) fn apply(&self, text: &[u8]) -> Vec<u8> {
        let mut bytes = text.to_vec();
        for (place, value, edit) in &self.0 {
            let place = place.index(bytes.len() + 1);
            match edit {
                Edit::Replace if place < bytes.len() => bytes[place] = *value,
                Edit::Replace | Edit::Insert => bytes.insert(place, *value),
                Edit::Cut => bytes.truncate(place.max(bytes.len() / 2)),
                Edit::SwapNumbers => swap_number(&mut bytes, place, *value),
            }
        }
        bytes
    }

    /// The recordings of a folder of this crate, each answer damaged.
    pub(crate) fn replay(&self, folder: &str) -> Replay {
        let damaged = |mut exchange: Exchange| {
            exchange.response.body = self.apply(&exchange.response.body).into();
            exchange
        };
        Replay::new(exchanges(folder).into_iter().map(damaged)).unwrap()
    }
}

/// Puts another number in the place of the next one.
fn swap_number(bytes: &mut Vec<u8>, place: usize, value: u8) {
    let digit = |byte: &u8| byte.is_ascii_digit();
    let Some(start) = bytes[place..].iter().position(digit).map(|after| place + after) else { return };
    let end = bytes[start..].iter().position(|byte| !digit(byte)).map_or(bytes.len(), |after| start + after);
    let number = NUMBERS[usize::from(value) % NUMBERS.len()];
    bytes.splice(start..end, number.bytes());
}

fn exchanges(folder: &str) -> Vec<Exchange> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(folder);
    cassette::load(&path).unwrap()
}

/// The recordings of a folder of this crate.
pub(crate) fn recorded(folder: &str) -> Replay {
    Replay::new(exchanges(folder)).unwrap()
}

/// One answer to one request, for what no recording shows.
pub(crate) fn answer(url: &str, status: u16, body: impl Into<bytes::Bytes>) -> Replay {
    let response = Response {
        status,
        headers: BTreeMap::new(),
        body: body.into(),
        observed_at: chrono::DateTime::from_timestamp(1_788_220_800, 0).unwrap(),
    };
    let exchange = Exchange {
        method: crate::upstream::Method::Get,
        url: url.parse().unwrap(),
        request: None,
        response,
        source: None,
        scrubbed: None,
        body_file: None,
    };
    Replay::new([exchange]).unwrap()
}

/// A recording with other answers (status and body) to addresses that contain a word.
pub(crate) struct With(pub(crate) Replay, pub(crate) Vec<(&'static str, u16, Vec<u8>)>);

#[async_trait]
impl Upstream for With {
    async fn send(&self, request: &Request) -> Result<Response, UpstreamError> {
        let Some((_, status, body)) = self.1.iter().find(|(word, ..)| request.url.as_str().contains(word))
        else {
            return self.0.send(request).await;
        };
        let (headers, observed_at) = (BTreeMap::new(), "2026-11-21T00:00:00Z".parse().unwrap());
        Response { status: *status, headers, body: body.clone().into(), observed_at }.or_status()
    }
}

/// Runs a future that waits for nothing but recordings.
pub(crate) fn run<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}
