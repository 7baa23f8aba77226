//! Writes down answers for replay.

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use chrono::SecondsFormat;
use sha2::{Digest, Sha256};

use super::cassette::{CASSETTE_FILE, Entry, Index, Key, broken};
use super::credentials::{clean, hex};
use super::kept::replace;
use super::secret::{REMOVED, Secrets, clean_text};
use super::{Method, Request, Response, Upstream, UpstreamError};

/// Longest readable part of a body's file name.
const MAX_NAME: usize = 60;

/// The layer that writes every answer into a cassette, in the format of [`cassette`](super::cassette), which
/// [`Replay`](super::Replay) reads. The same request again replaces its exchange. Errors are not recorded: an
/// overload must not replace an answer.
pub struct Recorder<U> {
    inner: U,
    folder: PathBuf,
    secrets: Arc<Secrets>,
    index: Mutex<Index>,
}

impl<U> Recorder<U> {
    /// Records what `inner` answers into `folder`, whose cassette, if it has one, goes on. Whatever holds the text of
    /// one of the `secrets` is written without it.
    ///
    /// # Errors
    /// [`UpstreamError::Recording`] if the folder cannot be made, or its cassette not be read.
    pub fn open(inner: U, folder: impl Into<PathBuf>, secrets: Arc<Secrets>) -> Result<Self, UpstreamError> {
        let folder = folder.into();
        fs::create_dir_all(&folder).map_err(|error| broken(&folder, error))?;
        let file = folder.join(CASSETTE_FILE);
        let index = match fs::read_to_string(&file) {
            Ok(text) => toml::from_str(&text).map_err(|error| broken(&file, error))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Index { exchange: Vec::new() },
            Err(error) => return Err(broken(&file, error)),
        };
        Ok(Self { inner, folder, secrets, index: Mutex::new(index) })
    }

    /// Bodies first, then the list that names them: a crash between the two leaves a cassette that can be read.
    fn write(&self, request: &Request, response: &Response) -> Result<(), UpstreamError> {
        let spellings = self.secrets.spellings();
        let response = clean(response.clone(), &spellings);
        let key = Key::of(request);
        let name = file_name(request, &key);
        let body = format!("{name}.{}", extension(&response));
        let question = request.body.as_ref().map(|_| format!("{name}.request"));
        if !response.body.is_empty() {
            replace(&self.folder.join(&body), &response.body)?;
        }
        if let (Some(file), Some(bytes)) = (&question, &request.body) {
            replace(&self.folder.join(file), bytes)?;
        }
        let file = self.folder.join(CASSETTE_FILE);
        let url = clean_text(request.url.to_string(), &spellings);
        let observed_at = response.observed_at.to_rfc3339_opts(SecondsFormat::AutoSi, true);
        let removed = |text: &[u8]| text.windows(REMOVED.len()).any(|part| part == REMOVED.as_bytes());
        let entry = Entry {
            method: request.method.as_str().to_owned(),
            url: url.parse().map_err(|error| broken(&file, error))?,
            observed_at: observed_at.parse().map_err(|error| broken(&file, error))?,
            status: response.status,
            request: question,
            scrubbed: removed(&response.body).then(|| "secrets removed".to_owned()),
            body: (!response.body.is_empty()).then_some(body),
            source: None,
            headers: response.headers,
        };
        let mut index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        index.exchange.retain(|old| !self.is_same(old, &key));
        index.exchange.push(entry);
        let text = toml::to_string(&*index).map_err(|error| broken(&file, error))?;
        replace(&file, text.as_bytes())
    }

    fn is_same(&self, old: &Entry, key: &Key) -> bool {
        let method = [Method::Get, Method::Head, Method::Post].into_iter().find(|m| m.as_str() == old.method);
        let question = old.request.as_ref().map(|file| fs::read(self.folder.join(file)).unwrap_or_default());
        method.is_some_and(|method| Key::new(method, &old.url, question.as_deref()) == *key)
    }
}

#[async_trait]
impl<U: Upstream> Upstream for Recorder<U> {
    async fn send(&self, request: &Request) -> Result<Response, UpstreamError> {
        let response = self.inner.send(request).await?;
        // Who records wants the recording: that it is incomplete must not pass unseen.
        self.write(request, &response)?;
        Ok(response)
    }
}

/// Host and end of the path for people, a digest to tell requests apart.
fn file_name(request: &Request, key: &Key) -> String {
    let host = request.url.host_str().unwrap_or_default();
    let segments = request.url.path_segments().into_iter().flatten();
    let words = std::iter::once(host).chain(segments).filter(|word| !word.is_empty());
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
    let readable: String = words.collect::<Vec<_>>().join("_").chars().map(plain).take(MAX_NAME).collect();
    let digest = hex(&Sha256::digest(format!("{key:?}")));
    format!("{readable}_{}", digest.get(..12).unwrap_or_default())
}

fn extension(response: &Response) -> &'static str {
    let kind = response.header("content-type").unwrap_or_default();
    let known = ["json", "xml", "html"].into_iter().find(|word| kind.contains(word));
    let text = if kind.starts_with("text/") { "txt" } else { "bin" };
    known.unwrap_or(text)
}
