//! Asking Traefik what it was told.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use traffix_telemetry::access_log::{Configuration, TopologyError};

use crate::AppState;
use crate::config::AccessLog;

/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Largest answer.
const MAX_BYTES: usize = 16 << 20;
/// Most pages of one list. Traefik gives a hundred items a page.
const MAX_PAGES: usize = 100;
/// Where Traefik names the next page; the first page again after the last one.
const NEXT_PAGE: &str = "x-next-page";

/// Asks at the start and then again and again, until `stop` says so.
pub(super) async fn ask(state: Arc<AppState>, log: AccessLog, mut stop: watch::Receiver<bool>) {
    let Some(api) = &log.api else { return };
    let every = Duration::from_secs(state.config.live.refresh_secs.max(1).into());
    // Fails only if one is installed already, which is as good.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let client = reqwest::Client::builder().timeout(PATIENCE).no_proxy().build();
    loop {
        let told = match &client {
            Ok(client) => configuration(client, api).await,
            Err(error) => Err(error.to_string()),
        };
        state.live.configure(&log.site, told);
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            () = tokio::time::sleep(every) => {}
        }
    }
}

async fn configuration(client: &reqwest::Client, api: &str) -> Result<Configuration, String> {
    type Add = fn(&mut Configuration, &[u8]) -> Result<(), TopologyError>;
    let lists: [(&str, Add); 3] = [
        ("entrypoints", Configuration::add_entry_points),
        ("http/routers", Configuration::add_routers),
        ("http/services", Configuration::add_services),
    ];
    let mut told = Configuration::default();
    for (list, add) in lists {
        let mut page = 1;
        for _ in 0..MAX_PAGES {
            let address = format!("{}/api/{list}?page={page}&per_page=100", api.trim_end_matches('/'));
            let (answer, next) = get(client, &address).await.map_err(|error| format!("{list}: {error}"))?;
            add(&mut told, &answer).map_err(|error| error.to_string())?;
            match next {
                Some(next) if next > page => page = next,
                _ => break,
            }
        }
    }
    Ok(told)
}

/// An answer and the number of the next page. Errors do not name the address: it may hold a password.
async fn get(client: &reqwest::Client, address: &str) -> Result<(Vec<u8>, Option<usize>), String> {
    let plain = |error: reqwest::Error| {
        let mut text = error.without_url().to_string();
        text.truncate(200);
        text
    };
    let mut response = client.get(address).send().await.map_err(plain)?;
    if !response.status().is_success() {
        return Err(format!("status {}", response.status().as_u16()));
    }
    let next = response.headers().get(NEXT_PAGE).and_then(|value| value.to_str().ok()?.parse().ok());
    let mut answer = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(plain)? {
        if answer.len() + chunk.len() > MAX_BYTES {
            return Err(format!("the answer is larger than {MAX_BYTES} bytes"));
        }
        answer.extend_from_slice(&chunk);
    }
    Ok((answer, next))
}
