//! Reading the catalogue.

use crate::harness::{TestServer, shown};

#[tokio::test]
async fn reads_one_and_many_and_says_what_is_missing() {
    let server = TestServer::start().await;
    for path in [
        "/api/v1/rus/fortnite-og",
        "/api/v1/rus",
        "/api/v1/rus/none",
        "/api/v1/rus?x=1",
        "/healthz",
        "/readyz",
        "/version",
    ] {
        println!("{path}: {:#}", shown(server.get(path).send().await.unwrap()).await);
    }
    println!("{}", server.get("/metrics").send().await.unwrap().text().await.unwrap());
}
