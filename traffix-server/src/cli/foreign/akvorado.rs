//! The `ClickHouse` of Akvorado.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Response};
use traffix_telemetry::foreign::akvorado::{Query, Rows, columns};
use url::Url;

use super::{ForeignArgs, Report, Target};
use crate::cli::{Failure, database};
use crate::server::stop_signal;

/// Seconds that are asked for at a time, if bins are not longer.
const RANGE_SECS: i64 = 300;
/// Longest bins.
const MAX_STEP_SECS: i64 = 3600;
/// How long after a range it is asked for: flows take a while through Akvorado's queues.
const LAG: TimeDelta = TimeDelta::minutes(2);
/// How far back is asked unless said otherwise.
const BACK: TimeDelta = TimeDelta::minutes(15);
/// After which time a question is given up, and how long to wait before it is asked again.
const TIMEOUT: Duration = Duration::from_mins(5);
const PAUSE: Duration = Duration::from_secs(30);
/// Most of an answer that is no rows.
const MAX_ANSWER_BYTES: usize = 1 << 20;
/// What is shown of an error of the server.
const SHOWN_CHARS: usize = 300;

pub(super) async fn count(url: &Url, args: &ForeignArgs, target: Target) -> Result<Report, Failure> {
    let server = Server::new(url)?;
    let step = i64::from(target.config.timing.step_secs.get());
    if step > MAX_STEP_SECS {
        return Err(
            Failure::usage("bins longer than an hour cannot be asked for").hint("set collect.step_secs")
        );
    }
    let range = if RANGE_SECS % step == 0 { RANGE_SECS } else { step };
    let described = server.text(columns(&args.table).map_err(Failure::usage)?).await?;
    let query = Query::new(&args.table, &described, &target.network, &target.config);
    let query =
        query.map_err(|error| Failure::new(error).hint("say --table with that of Akvorado's flows"))?;
    let mut report = Report::new(&target);
    let since = args.since.unwrap_or_else(|| Utc::now() - BACK).timestamp();
    // Ranges begin at multiples of their length, so that every run asks for the same ones.
    let mut from = since - since.rem_euclid(range);
    crate::cli::tell(&format!(
        "counting flows of {} from {}; stop with Ctrl-C",
        report.network, server.place
    ));
    loop {
        let end = from + range;
        if args.until.is_some_and(|until| end > until.timestamp()) {
            return Ok(report);
        }
        let due = DateTime::from_timestamp(end, 0).unwrap_or_default() + LAG;
        let mut wait = (due - Utc::now()).to_std().unwrap_or_default();
        if wait.is_zero() {
            match ask(&server, &query.range(from, end), &target, &mut report).await {
                Ok(()) => {
                    from = end;
                    continue;
                }
                Err(failure) if args.until.is_some() => return Err(failure),
                Err(failure) => {
                    crate::cli::tell(&failure.to_string());
                    wait = PAUSE;
                }
            }
        }
        tokio::select! {
            () = stop_signal() => return Ok(report),
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// Counts one range.
async fn ask(server: &Server, query: &Query, target: &Target, report: &mut Report) -> Result<(), Failure> {
    let mut rows = Rows::new(query, &target.config, &target.watch);
    let mut answer = server.ask(query.sql()).await?;
    while let Some(piece) = answer.chunk().await.map_err(|error| server.failed(error))? {
        rows.push(&piece).map_err(|error| server.failed_with(error))?;
    }
    let answer = rows.finish(&server.place).map_err(|error| server.failed_with(error))?;
    // Nothing at all may be an Akvorado that was down: the range stays unknown, and may be asked for again.
    if !answer.batch.bins.is_empty() {
        let is_new = target.store.add_batch(&answer.batch).await;
        report.kept(&answer.batch, is_new.map_err(|error| database::failure(&error))?);
    }
    report.add(&answer.stats);
    Ok(())
}

/// Where is asked.
struct Server {
    client: Client,
    url: Url,
    login: Option<(String, Option<String>)>,
    /// The address without secrets.
    place: String,
}

impl Server {
    fn new(url: &Url) -> Result<Self, Failure> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Failure::usage("--akvorado wants an address such as http://HOST:8123/"));
        }
        crate::tls::install_provider();
        let client = Client::builder().redirect(Policy::none()).timeout(TIMEOUT).build();
        let client = client.map_err(|error| Failure::new(format_args!("cannot ask over HTTP: {error}")))?;
        let mut url = url.clone();
        let decoded =
            |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
        let user = Some(url.username()).filter(|name| !name.is_empty()).map(decoded);
        let login = user.map(|user| (user, url.password().map(decoded)));
        // Only addresses without a host refuse this, and those have no login either.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        let place = url.to_string();
        // So that a server that fails half-way says so in its status.
        url.query_pairs_mut().append_pair("wait_end_of_query", "1");
        Ok(Self { client, url, login, place })
    }

    fn request(&self, sql: String) -> RequestBuilder {
        let request = self.client.post(self.url.clone()).body(sql);
        match &self.login {
            Some((user, password)) => request.basic_auth(user, password.as_deref()),
            None => request,
        }
    }

    async fn ask(&self, sql: String) -> Result<Response, Failure> {
        let answer = self.request(sql).send().await.map_err(|error| self.failed(error))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let text = self.read(answer).await.unwrap_or_default();
        let said: String = text.trim().chars().take(SHOWN_CHARS).collect();
        Err(Failure::new(format_args!("{} answers {status}: {said}", self.place)))
    }

    async fn text(&self, sql: String) -> Result<String, Failure> {
        let answer = self.ask(sql).await?;
        self.read(answer).await
    }

    async fn read(&self, mut answer: Response) -> Result<String, Failure> {
        let mut bytes = Vec::new();
        while let Some(piece) = answer.chunk().await.map_err(|error| self.failed(error))? {
            if bytes.len() + piece.len() > MAX_ANSWER_BYTES {
                return Err(self.failed_with("its answer is longer than 1 MiB"));
            }
            bytes.extend_from_slice(&piece);
        }
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn failed(&self, error: reqwest::Error) -> Failure {
        // The library's text has the address in it, and would have its parameters too.
        let error = error.without_url();
        let cause = std::error::Error::source(&error).map_or_else(String::new, |cause| format!(": {cause}"));
        self.failed_with(format_args!("{error}{cause}"))
    }

    fn failed_with(&self, what: impl std::fmt::Display) -> Failure {
        Failure::new(format_args!("{}: {what}", self.place))
    }
}
