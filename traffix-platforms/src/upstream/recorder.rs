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
use super::secret::{REMOVED, Secrets, clean_text, without};
use super::{Method, Request, Response, Signature, Upstream, UpstreamError};

/// Longest readable part of a body's file name.
const MAX_NAME: usize = 60;
/// Shorter parts of a signature, such as versions, are no secret and would be found everywhere.
const LEAST_SECRET_BYTES: usize = 12;
/// What an exchange says from which something was taken.
const SCRUBBED: &str = "secrets removed";

/// The layer that writes every answer into a cassette, in the format of [`cassette`](super::cassette), which
/// [`Replay`](super::Replay) reads. The same request again replaces its exchange. Errors are not recorded: an
/// overload must not replace an answer.
///
/// Services hand out [signed addresses](super::Signature) in their answers. Once such an address is asked, its
/// signature is taken out of whatever was recorded before.
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
        let mut spellings = self.secrets.spellings();
        let mut index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(signature) = &request.signature {
            let parts = parts(signature);
            self.remove(&mut index, &parts)?;
            spellings.extend(parts);
        }
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
            scrubbed: removed(&response.body).then(|| SCRUBBED.to_owned()),
            body: (!response.body.is_empty()).then_some(body),
            source: None,
            headers: response.headers,
        };
        index.exchange.retain(|old| !self.is_same(old, &key));
        index.exchange.push(entry);
        let text = toml::to_string(&*index).map_err(|error| broken(&file, error))?;
        replace(&file, text.as_bytes())
    }

    /// Takes `secrets` out of the bodies that are already recorded.
    fn remove(&self, index: &mut Index, secrets: &[String]) -> Result<(), UpstreamError> {
        for entry in &mut index.exchange {
            let Some(file) = entry.body.as_ref().map(|body| self.folder.join(body)) else { continue };
            let body = fs::read(&file).map_err(|error| broken(&file, error))?;
            if let Some(clean) = without(&body, secrets) {
                replace(&file, &clean)?;
                entry.scrubbed = Some(SCRUBBED.to_owned());
            }
        }
        Ok(())
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

/// A signature as it may stand in an answer: whole, and its values one by one, escaped or not.
fn parts(signature: &Signature) -> Vec<String> {
    let text = signature.expose();
    let values = text.split('&').filter_map(|pair| Some(pair.split_once('=')?.1.to_owned()));
    let plain = url::form_urlencoded::parse(text.as_bytes()).map(|(_, value)| value.into_owned());
    let mut parts: Vec<String> = std::iter::once(text.to_owned()).chain(values).chain(plain).collect();
    parts.retain(|part| part.len() >= LEAST_SECRET_BYTES);
    parts
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
