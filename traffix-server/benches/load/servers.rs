//! The two rivals, each as a process of its own on one thread.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use poem::http::{StatusCode, header};
use poem::listener::{Acceptor as _, Listener as _, TcpListener};
use poem::{Endpoint, Response, Route, get};
use traffix_server::{AppState, Config, Server, logging, server};
use traffix_store::OpenOptions;

use crate::Outcome;

fn block_on<T>(future: impl Future<Output = Outcome<T>>) -> Outcome<T> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?.block_on(future)
}

/// The server as `traffix serve` runs it.
pub(crate) fn real(database: &str) -> Outcome<()> {
    block_on(async {
        let mut config = Config::default();
        config.server.listen = "127.0.0.1:0".parse()?;
        config.database.url = database.to_owned();
        config.limits.anonymous_per_minute = 1_000_000_000;
        if std::env::var_os("LOAD_LOG_ALL").is_some() {
            config.log.requests = traffix_server::config::LogRequests::All;
        }
        let store = traffix_store::open(database, OpenOptions::default()).await?;
        let bound = Server::bind(AppState::new(config.clone(), Arc::clone(&store))?).await?;
        // The driver reads the address; log lines follow on the same stream.
        println!("{}", bound.local_addr());
        logging::start(&config.log)?;
        bound.run(server::stop_signal()).await?;
        Ok(())
    })
}

/// Returns fixed bytes and a content type, nothing else. `pages` maps paths to files.
pub(crate) fn bare(pages: &str) -> Outcome<()> {
    let files: HashMap<String, String> = serde_json::from_str(pages)?;
    block_on(async {
        let mut route = Route::new();
        for (path, file) in files {
            let body = Bytes::from(std::fs::read(file)?);
            route = route.at(path, get(Fixed(body)));
        }
        let acceptor = TcpListener::bind("127.0.0.1:0").into_acceptor().await?;
        let address = acceptor.local_addr().into_iter().find_map(|a| a.as_socket_addr().copied());
        println!("{}", address.ok_or("no address")?);
        poem::Server::new_with_acceptor(acceptor).run(route).await?;
        Ok(())
    })
}

/// One page; an empty one is "not modified".
struct Fixed(Bytes);

impl Endpoint for Fixed {
    type Output = Response;

    async fn call(&self, _: poem::Request) -> poem::Result<Response> {
        if self.0.is_empty() {
            return Ok(Response::builder().status(StatusCode::NOT_MODIFIED).finish());
        }
        Ok(Response::builder().header(header::CONTENT_TYPE, "application/json").body(self.0.clone()))
    }
}
