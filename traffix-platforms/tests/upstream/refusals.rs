//! Redirects and addresses that lead where a stranger must not send the operator's server.

use traffix_platforms::upstream::{Endpoints, Live, LiveOptions, Request, Upstream, UpstreamError};

use crate::server::{Raw, answer, live, options};

/// A service that the operator has put at the address of `server`; nothing else is allowed to be private.
fn at(server: &Raw) -> Live {
    let base = format!("http://{}", server.address);
    let endpoints = Endpoints::default().with("https://service.example", &base).unwrap();
    Live::new(LiveOptions { endpoints, ..options() }).unwrap()
}

fn redirect(to: &str) -> Vec<u8> {
    answer("302 Found", &format!("Location: {to}\r\n"), b"")
}

fn get() -> Request {
    Request::get("https://service.example/start?a=1")
}

#[tokio::test]
async fn an_endpoint_stands_for_a_service() {
    let server = Raw::answering(vec![answer("200 OK", "", b"yes")]);
    assert_eq!(at(&server).send(&get()).await.unwrap().body, "yes");
    let asked = server.asked().remove(0);
    assert!(asked.starts_with("GET /start?a=1 HTTP/1.1\r\n"), "{asked}");
}

#[tokio::test]
async fn own_redirects_are_followed() {
    let server = Raw::answering(vec![redirect("/next?b=2"), answer("200 OK", "", b"yes")]);
    assert_eq!(at(&server).send(&get()).await.unwrap().body, "yes");
    assert!(server.asked()[1].starts_with("GET /next?b=2 "));
    // The service's own address leads to the endpoint again.
    let server = Raw::answering(vec![redirect("https://service.example/x"), answer("200 OK", "", b"yes")]);
    assert_eq!(at(&server).send(&get()).await.unwrap().body, "yes");
}

#[tokio::test]
async fn redirects_elsewhere_are_refused() {
    let other = Raw::answering(vec![answer("200 OK", "", b"secret")]);
    for target in [
        "https://other.example/".to_owned(),
        "http://service.example/".to_owned(),
        format!("http://{}/", other.address),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        "file:///etc/passwd".to_owned(),
        "//other.example/".to_owned(),
    ] {
        let server = Raw::answering(vec![redirect(&target)]);
        let error = at(&server).send(&get()).await.unwrap_err();
        assert!(matches!(error, UpstreamError::Redirect(_)), "{target}: {error}");
    }
    assert!(other.asked().is_empty());
}

/// Even a host that the request allows must not be a private address.
#[tokio::test]
async fn allowed_hosts_at_private_addresses_are_refused() {
    let other = Raw::answering(vec![answer("200 OK", "", b"secret")]);
    let port = other.address.port();
    for host in ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0x7f.1"] {
        let server = Raw::answering(vec![redirect(&format!("https://{host}:{port}/"))]);
        let request = get().redirects(&["127.0.0.1", "localhost", "[::1]", "[::ffff:7f00:1]"]);
        let error = at(&server).send(&request).await.unwrap_err();
        assert!(matches!(error, UpstreamError::PrivateAddress(_)), "{host}: {error}");
    }
    assert!(other.asked().is_empty());
}

#[tokio::test]
async fn circles_end() {
    let server = Raw::answering(vec![redirect("/start?a=1"); 20]);
    let error = at(&server).send(&get()).await.unwrap_err();
    assert!(matches!(error, UpstreamError::Redirect(_)), "{error}");
    assert_eq!(server.asked().len(), 6);
}

#[tokio::test]
async fn private_addresses_are_refused_unless_allowed() {
    let server = Raw::answering(vec![answer("200 OK", "", b"x")]);
    let strict = Live::new(options()).unwrap();
    let port = server.address.port();
    for host in ["127.0.0.1", "localhost", "127.1", "2130706433", "[::ffff:7f00:1]", "[::1]", "10.255.255.1"]
    {
        let error = strict.send(&Request::get(&format!("http://{host}:{port}/"))).await.unwrap_err();
        assert!(matches!(error, UpstreamError::PrivateAddress(_)), "{host}: {error}");
        assert!(!error.is_retryable());
    }
    assert!(server.asked().is_empty());
    assert!(live().send(&Request::get(&format!("http://localhost:{port}/"))).await.is_ok());
}
