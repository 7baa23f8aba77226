//! Where an answer may send a request.

use url::Url;

use super::{Method, Placement, Request, UpstreamError};

/// Most redirects that one request follows.
pub(super) const MAX_REDIRECTS: usize = 5;

/// One leg of a request's way: redirects make the next.
pub(super) struct Hop {
    pub(super) method: Method,
    /// The service's own address, before [`Endpoints`](super::Endpoints).
    pub(super) url: Url,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) with_body: bool,
}

impl Hop {
    pub(super) fn first(request: &Request) -> Self {
        let mut url = request.url.clone();
        if let Some(signature) = &request.signature {
            let before = url.query().map(|query| format!("{query}&")).unwrap_or_default();
            url.set_query(Some(&format!("{before}{}", signature.expose())));
        }
        Self {
            method: request.method,
            url,
            headers: request.headers.clone(),
            with_body: request.body.is_some(),
        }
    }

    /// The leg that an answer of `status` with this `location` asks for. `sent_to` is where this one really went.
    pub(super) fn next(
        self,
        request: &Request,
        sent_to: &Url,
        status: u16,
        location: &str,
    ) -> Result<Self, UpstreamError> {
        let Ok(url) = self.url.join(location) else {
            return Err(UpstreamError::Redirect("no address".into()));
        };
        if !allowed(request, &self.url, sent_to, &url) {
            return Err(refused(&url));
        }
        let mut next = Self { url, ..self };
        // What browsers do: "see other" is read, and so are the older two if they answer a POST.
        if status == 303 || (next.method == Method::Post && matches!(status, 301 | 302)) {
            next.with_body = false;
            if next.method == Method::Post {
                next.method = Method::Get;
            }
        }
        if next.url.origin() != request.url.origin() && next.url.origin() != sent_to.origin() {
            next.headers.retain(|(name, _)| !is_secret(request, name));
        }
        Ok(next)
    }
}

/// The refusal of a redirect to this address, of which only the server is told: the rest may hold anything.
pub(super) fn refused(url: &Url) -> UpstreamError {
    let server = url.host_str().map(|host| format!("{}://{host}", url.scheme()));
    UpstreamError::Redirect(server.unwrap_or_else(|| url.scheme().chars().take(40).collect()))
}

fn allowed(request: &Request, from: &Url, sent_to: &Url, to: &Url) -> bool {
    let plain = to.username().is_empty() && to.password().is_none();
    if !plain || !matches!(to.scheme(), "http" | "https") {
        return false;
    }
    // The server that answered, under the address that the operator gave it.
    if to.origin() == sent_to.origin() {
        return true;
    }
    let Some(host) = to.host_str() else { return false };
    let downgrade = from.scheme() == "https" && to.scheme() == "http";
    let own = request.url.host_str() == Some(host);
    !downgrade && (own || request.redirect_hosts.iter().any(|pattern| matches(pattern, host)))
}

/// Whether `pattern`, a host or `*.` and a domain, covers `host`.
fn matches(pattern: &str, host: &str) -> bool {
    match pattern.strip_prefix('*') {
        Some(domain) => domain.len() > 1 && host.len() > domain.len() && host.ends_with(domain),
        None => pattern == host,
    }
}

fn is_secret(request: &Request, header: &str) -> bool {
    let placed = request.credential.as_ref().map(|credential| &credential.placement);
    let own = matches!(placed, Some(Placement::Header(name)) if name.eq_ignore_ascii_case(header));
    own || ["authorization", "cookie", "proxy-authorization"].iter().any(|h| h.eq_ignore_ascii_case(header))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(location: &str) -> Result<Hop, UpstreamError> {
        let request = Request::get("https://a.example/x").redirects(&["b.example", "*.c.example"]);
        Hop::first(&request).next(&request, &request.url, 302, location)
    }

    #[test]
    fn only_named_hosts_are_followed() {
        let good = ["/y", "y?z=1", "https://a.example/y", "https://b.example/", "https://x.y.c.example/"];
        for location in good {
            assert!(to(location).is_ok(), "{location}");
        }
        let bad = [
            "https://c.example/",
            "https://evilc.example/",
            "https://b.example.evil/",
            "http://a.example/",
            "https://user@a.example/",
            "file:///etc/passwd",
            "//127.0.0.1/",
            "https://[::1]/",
        ];
        for location in bad {
            assert!(matches!(to(location), Err(UpstreamError::Redirect(_))), "{location}");
        }
    }

    #[test]
    fn a_refusal_names_the_server_only() {
        let refused = to("https://evil.example/?key=0123456789").err().unwrap().to_string();
        assert_eq!(refused, "redirects to \"https://evil.example\", which is not allowed");
    }

    #[test]
    fn secrets_stay_with_their_host() {
        let request = Request::get("https://a.example/x")
            .redirects(&["b.example"])
            .header("accept", "text/plain")
            .header("authorization", "Bearer x")
            .header("x-key", "y")
            .credential("k", Placement::Header("X-Key"));
        let headers = |location: &str| {
            let next = Hop::first(&request).next(&request, &request.url, 307, location).unwrap();
            next.headers.iter().map(|(name, _)| *name).collect::<Vec<_>>()
        };
        assert_eq!(headers("/y"), ["accept", "authorization", "x-key"]);
        assert_eq!(headers("https://b.example/y"), ["accept"]);
    }

    #[test]
    fn a_signature_goes_out_once() {
        let request = Request::signed("https://a.example/x?token=t%2Bu".parse().unwrap()).query("b", 1);
        assert_eq!(request.url.as_str(), "https://a.example/x?b=1");
        let first = Hop::first(&request);
        assert_eq!(first.url.as_str(), "https://a.example/x?b=1&token=t%2Bu");
        let next = first.next(&request, &request.url, 302, "/y").unwrap();
        assert_eq!(next.url.as_str(), "https://a.example/y");
    }

    #[test]
    fn see_other_is_read() {
        let request = Request::get("https://a.example/x").post_json(&serde_json::json!({}));
        let next = |status| Hop::first(&request).next(&request, &request.url, status, "/y").unwrap();
        assert_eq!((next(303).method, next(303).with_body), (Method::Get, false));
        assert_eq!((next(302).method, next(302).with_body), (Method::Get, false));
        assert_eq!((next(307).method, next(307).with_body), (Method::Post, true));
    }
}
