//! Reading: one snapshot per route.

use insta::assert_json_snapshot;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{TestServer, ru, shown};

async fn snapshot(server: &TestServer, name: &str, path: &str) {
    let response = server.get(path).send().await.unwrap();
    assert_json_snapshot!(name, shown(response).await);
}

#[tokio::test]
async fn every_catalogue_route_has_a_snapshot() {
    let server = TestServer::start().await;
    for (name, path) in [
        ("rus", "/api/v1/rus?limit=2"),
        ("rus_empty", "/api/v1/rus?q=nothing"),
        ("ru", "/api/v1/rus/fortnite-og"),
        ("ru_history", "/api/v1/rus/fortnite-og/history"),
        ("ru_listings", "/api/v1/rus/fortnite-og/listings"),
        ("ru_listing", "/api/v1/rus/fortnite-og/listings/steam"),
        ("releases", "/api/v1/releases?limit=1"),
        ("updates", "/api/v1/releases/fortnite/updates"),
        ("companies", "/api/v1/companies"),
        ("company", "/api/v1/companies/acme"),
        ("changes", "/api/v1/changes?limit=1"),
        ("healthz", "/healthz"),
        ("readyz", "/readyz"),
        ("problem_page", "/problems/invalid"),
    ] {
        snapshot(&server, name, path).await;
    }
}

#[tokio::test]
async fn every_delivery_route_has_a_snapshot() {
    let server = TestServer::start().await;
    for (name, path) in [
        ("prefixes", "/api/v1/prefixes?cdn=valve&limit=2"),
        ("attribution", "/api/v1/attribution/155.133.226.70"),
        ("attribution_unknown", "/api/v1/attribution/192.0.2.1"),
        (
            "attribution_hints",
            "/api/v1/attribution/23.15.11.1?host=gs2.ww.prod.dl.playstation.net&port=443&at=2023-11-10T18:00:00Z",
        ),
        ("cdn", "/api/v1/cdns/valve"),
    ] {
        snapshot(&server, name, path).await;
    }
    let platforms = server.json("/api/v1/platforms").await;
    assert!(platforms["items"].as_array().unwrap().iter().any(|platform| platform["id"] == "steam"));
    let steam = server.json("/api/v1/platforms/steam").await;
    assert_eq!((steam["name"].as_str(), steam["kind"].as_str()), (Some("Steam"), Some("pc-store")));
    let cdns = server.json("/api/v1/platforms/steam/cdns").await;
    assert!(cdns["items"].as_array().unwrap().iter().any(|cdn| cdn["cdn"] == "valve"));
    assert!(server.json("/api/v1/cdns").await["items"].as_array().unwrap().len() > 10);
}

#[tokio::test]
async fn many_addresses_get_the_answers_of_each() {
    let server = TestServer::start().await;
    let ask =
        |body: serde_json::Value| server.request(Method::POST, "/api/v1/attribution").json(&body).send();
    let asked = ["155.133.226.70", "192.0.2.1", "::ffff:155.133.226.70"];
    let many = ask(serde_json::json!({ "addresses": asked })).await.unwrap();
    let many: serde_json::Value = many.json().await.unwrap();
    for (i, address) in asked.iter().enumerate() {
        assert_eq!(
            many["items"][i],
            server.json(&format!("/api/v1/attribution/{address}")).await,
            "{address}"
        );
    }
    let wrong = ask(serde_json::json!({ "addresses": ["192.0.2.1", "192.0.2", "x"] })).await.unwrap();
    assert_eq!(wrong.status(), 422);
    let wrong: serde_json::Value = wrong.json().await.unwrap();
    assert_eq!(
        (&wrong["errors"][0]["pointer"], wrong["errors"].as_array().unwrap().len()),
        (&"/addresses/1".into(), 2)
    );
    let too_many = ask(serde_json::json!({ "addresses": vec!["192.0.2.1"; 1001] })).await.unwrap();
    assert_eq!(too_many.status(), 422);
}

async fn attribute(server: &TestServer, items: Value) -> (StatusCode, Value) {
    let request = server.request(Method::POST, "/api/v1/attribution").json(&json!({ "addresses": items }));
    let response = request.send().await.unwrap();
    (response.status(), response.json::<Value>().await.unwrap())
}

#[tokio::test]
async fn names_ports_and_releases_are_hints() {
    let server = TestServer::start().await;
    // The clock stands at 1 November; a game unlocks on Steam on the 10th.
    let evening = "2023-11-10T18:00:00Z";
    let (_, answer) = attribute(
        &server,
        json!([
            "23.15.11.1",
            {"ip": "23.15.11.1", "at": evening},
            {"ip": "23.15.11.1", "port": 27015},
            {"ip": "23.15.11.1", "host": "www.example.org"},
            {"ip": "23.15.11.1", "host": "cache7-fra1.steamcontent.com", "port": 443, "at": evening},
            {"host": "cache7-fra1.steamcontent.com"},
        ]),
    )
    .await;
    let steam = |i: usize| -> f64 {
        let all = answer["items"][i]["platforms"].as_array().unwrap();
        let sum: f64 = all.iter().map(|one| one["probability"].as_f64().unwrap()).sum();
        assert!((sum - 1.0).abs() < 1e-9 && all.last().unwrap()["platform"].is_null(), "{all:?}");
        all.iter()
            .find(|one| one["platform"] == "steam")
            .map_or(0.0, |one| one["probability"].as_f64().unwrap())
    };
    assert!(steam(1) > 3.0 * steam(0) && steam(2) < steam(0) && steam(3) < steam(0));
    assert!(steam(4) > 0.9 && steam(5) > 0.9);
    let items = &answer["items"];
    assert_eq!((&items[1]["running"], items[0].get("running")), (&json!(["steam"]), None));
    assert_eq!(
        (&items[4]["cdn"], &items[4]["host"]),
        (&json!("akamai"), &json!("cache7-fra1.steamcontent.com"))
    );
    assert_eq!((&items[5]["cdn"], items[5].get("ip")), (&json!("valve"), None));
    assert_eq!(items[5]["domain"]["pattern"], "cache*-fra1.steamcontent.com");
}

#[tokio::test]
async fn wrong_hints_are_pointed_at() {
    let server = TestServer::start().await;
    let (status, wrong) = attribute(
        &server,
        json!([
            {"ip": "192.0.2"},
            {"host": "https://dl.example.org"},
            {"port": 80},
            {"ip": "192.0.2.1", "at": "1600-01-01T00:00:00Z"},
            {"ip": "192.0.2.1", "at": "2026-01-01T00:00:00Z"},
        ]),
    )
    .await;
    assert_eq!(status, 422);
    let pointers: Vec<_> =
        wrong["errors"].as_array().unwrap().iter().map(|error| &error["pointer"]).collect();
    assert_eq!(
        pointers,
        ["/addresses/0/ip", "/addresses/1/host", "/addresses/2", "/addresses/3/at", "/addresses"]
    );
    for (item, pointer) in [
        (json!({"ip": "192.0.2.1", "port": 65536}), "/addresses/0/port"),
        (json!({"ip": "192.0.2.1", "sni": "x"}), "/addresses/0/sni"),
        (json!(7), "/addresses/0"),
    ] {
        let (status, wrong) = attribute(&server, json!([item])).await;
        assert_eq!(
            (status, &wrong["errors"][0]["pointer"]),
            (StatusCode::UNPROCESSABLE_ENTITY, &json!(pointer)),
            "{wrong}"
        );
    }
}

#[tokio::test]
async fn errors_have_snapshots() {
    let server = TestServer::start().await;
    for (name, method, path) in [
        ("error_no_path", Method::GET, "/nothing"),
        ("error_no_ru", Method::GET, "/api/v1/rus/none"),
        ("error_malformed_id", Method::GET, "/api/v1/rus/Not%20A%20Slug"),
        ("error_unknown_parameter", Method::GET, "/api/v1/rus?publishr=acme"),
        ("error_wrong_parameter", Method::GET, "/api/v1/rus?limit=0"),
        ("error_cursor", Method::GET, "/api/v1/rus?after=nonsense"),
        ("error_method", Method::PATCH, "/api/v1/rus/fortnite"),
        ("error_no_key", Method::DELETE, "/api/v1/rus/fortnite"),
        ("error_address", Method::GET, "/api/v1/attribution/300.1.1.1"),
        ("error_host", Method::GET, "/api/v1/attribution/192.0.2.1?host=https://dl.example.org/"),
        ("error_no_platform", Method::GET, "/api/v1/platforms/betamax"),
        ("error_no_cdn", Method::GET, "/api/v1/cdns/betamax"),
        ("error_no_company", Method::GET, "/api/v1/companies/none"),
        ("error_not_a_release", Method::GET, "/api/v1/releases/fortnite-og/updates"),
        ("error_no_problem", Method::GET, "/problems/none"),
    ] {
        let response = server.request(method, path).send().await.unwrap();
        assert_json_snapshot!(name, shown(response).await);
    }
}

#[tokio::test]
async fn filters_pick_and_pages_follow() {
    let server = TestServer::start().await;
    let ids = |page: Value| -> Vec<String> {
        let items = page["items"].as_array().unwrap();
        items.iter().map(|ru| ru["id"].as_str().unwrap().to_owned()).collect()
    };
    for (query, want) in [
        ("kind=update", vec!["fortnite-og"]),
        ("q=call%20of", vec!["modern-warfare-iii"]),
        ("q=FORT", vec!["fortnite", "fortnite-og"]),
        ("release=fortnite", vec!["fortnite-og"]),
        ("publisher=acme&order=latest&limit=1", vec!["modern-warfare-iii"]),
        ("from=2023-11-05T00:00:00Z", vec!["modern-warfare-iii"]),
        ("until=2020-01-01T00:00:00Z", vec!["fortnite"]),
        ("platform=playstation", vec![]),
        ("min_bytes=30000000000", vec![]),
        (
            "max_bytes=30000000000&category=shooter&content=game&kind=release",
            vec!["fortnite", "modern-warfare-iii"],
        ),
        ("as_of=2000-01-01T00:00:00Z", vec![]),
    ] {
        assert_eq!(ids(server.json(&format!("/api/v1/rus?{query}")).await), want, "{query}");
    }
    let mut seen = Vec::new();
    let mut next = Some("/api/v1/rus?limit=1".to_owned());
    while let Some(path) = next {
        let response = server.get(&path).send().await.unwrap();
        let link = response.headers().get("link").map(|link| link.to_str().unwrap().to_owned());
        let page: Value = response.json().await.unwrap();
        next = page.get("next").map(|next| next.as_str().unwrap().to_owned());
        assert_eq!(link, next.as_ref().map(|next| format!("<{next}>; rel=\"next\"")));
        seen.extend(ids(page));
    }
    assert_eq!(seen, ["fortnite", "fortnite-og", "modern-warfare-iii"]);
}

#[tokio::test]
async fn prefixes_come_as_csv_too() {
    let server = TestServer::start().await;
    let path = "/api/v1/prefixes?cdn=valve&limit=2";
    for _ in 0..2 {
        let response = server.get(path).header("accept", "text/csv").send().await.unwrap();
        assert_eq!(response.headers()["content-type"], "text/csv; charset=utf-8");
        assert!(response.headers().contains_key("link"));
        let text = response.text().await.unwrap();
        assert!(text.starts_with("prefix,cdn,asn,kind,source,observed\r\n"), "{text}");
        assert_eq!(text.lines().count(), 3);
        let json = server.get(path).send().await.unwrap();
        assert_eq!(json.headers()["content-type"], "application/json");
    }
}

#[tokio::test]
async fn a_page_is_never_older_than_a_write() {
    let server = TestServer::start().await;
    let path = "/api/v1/rus?q=fresh";
    for n in 0..20 {
        let before = server.json(path).await["items"].as_array().unwrap().len();
        assert_eq!(before, n);
        let new = ru(&format!("fresh-{n}"), &format!("Fresh {n}"), "2024-01-01T00:00:00Z", None);
        let made = server.edit(Method::POST, "/api/v1/rus").json(&new).send().await.unwrap();
        assert_eq!(made.status(), StatusCode::CREATED);
    }
    let gone = server.edit(Method::DELETE, "/api/v1/rus/fresh-3").send().await.unwrap();
    assert_eq!(gone.status(), StatusCode::NO_CONTENT);
    assert_eq!(server.json(path).await["items"].as_array().unwrap().len(), 19);
}

#[tokio::test]
async fn writes_of_other_processes_are_seen_soon() {
    let server = TestServer::with(|config| config.cache.freshness_ms = 20).await;
    let path = "/api/v1/rus?q=elsewhere";
    assert_eq!(server.json(path).await["items"], json!([]));
    let new = ru("elsewhere", "Elsewhere", "2024-01-01T00:00:00Z", None);
    let new = serde_json::from_value(new).unwrap();
    let actor = traffix_store::Actor("other".into());
    server.store.merge_rus(&[new], &actor).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(40)).await;
    assert_eq!(server.json(path).await["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn metrics_count_and_are_openmetrics() {
    let server = TestServer::start().await;
    for _ in 0..3 {
        server.json("/api/v1/rus").await;
    }
    let text = server.get("/metrics").send().await.unwrap().text().await.unwrap();
    let line = "traffix_http_requests_total{method=\"GET\",route=\"/api/v1/rus\",status=\"2xx\"} 3";
    assert!(text.contains(line), "{text}");
    assert!(text.contains("traffix_page_cache_hits_total 2"), "{text}");
    assert!(text.ends_with("# EOF\n"));
}
