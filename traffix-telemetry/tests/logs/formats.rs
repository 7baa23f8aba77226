//! Lines in the documented formats, with the values that are read in them by eye.

use chrono::DateTime;
use traffix_telemetry::access_log::{
    CacheStatus, Client, Clients, Format, LineError, Reading, Request, StatusClass,
};

/// A member for every field that Traefik's documentation names, values as Traefik 3.1 writes them.
const TRAEFIK_JSON: &str = r#"{"ClientAddr":"172.19.0.1:56732","ClientHost":"198.51.100.7","ClientPort":"56732","ClientUsername":"-","DownstreamContentSize":1048576,"DownstreamStatus":200,"Duration":14729375,"GzipRatio":1.5,"OriginContentSize":1572864,"OriginDuration":14051833,"OriginStatus":304,"Overhead":677542,"RequestAddr":"shop.example:8443","RequestContentSize":0,"RequestCount":122,"RequestHost":"shop.example","RequestMethod":"GET","RequestPath":"/a?q=\"x\"","RequestPort":"8443","RequestProtocol":"HTTP/2.0","RequestScheme":"https","RetryAttempts":0,"RouterName":"shop@docker","ServiceAddr":"10.0.1.15:3000","ServiceName":"shop-svc@docker","ServiceURL":{"Scheme":"http","Host":"10.0.1.15:3000","User":null,"ForceQuery":false},"StartLocal":"2026-11-07T13:34:56.306691884+01:00","StartUTC":"2026-11-07T12:34:56.306691884Z","TLSCipher":"TLS_AES_128_GCM_SHA256","TLSVersion":"1.3","entryPointName":"websecure","level":"info","msg":"","request_User-Agent":"Mozilla/5.0","time":"2026-11-07T13:34:56+01:00"}"#;

const TRAEFIK_COMMON: &str = r#"198.51.100.7 - - [07/Nov/2026:12:34:56 +0000] "GET /a HTTP/2.0" 200 1048576 "-" "Mozilla/5.0" 122 "shop@docker" "http://10.0.1.15:3000" 14ms"#;

const COMBINED: &str = r#"198.51.100.7 - frank [07/Nov/2026:13:34:56 +0100] "GET /a HTTP/1.1" 206 1048576 "https://shop.example/" "Mozilla/5.0""#;

const CACHELOG: &str = r#"[steam] 10.0.0.1 / - - - [07/Nov/2026:12:34:56 +0000] "GET /depot/730/chunk/0a HTTP/1.1" 200 1048576 "-" "Valve/Steam HTTP Client 1.0" "HIT" "cache1.steamcontent.com" "-""#;

const HAPROXY: &str = r#"10.0.1.2:33317 [06/Feb/2009:12:14:14.655] http-in static/srv1 10/0/30/69/109 200 2750 - - ---- 1/1/1/1/0 0/0 {shop.example|Mozilla} {} "GET /index.html HTTP/1.1""#;

fn reading() -> Reading {
    let clients = Clients::default()
        .internal("10.0.0.0/8".parse().unwrap())
        .proxy("edge", "172.19.0.1/32".parse().unwrap());
    Reading { clients, ..Reading::default() }
}

fn read(format: Format, line: &str) -> Request<'static> {
    assert_eq!(Format::detect(line.as_bytes()), Some(format), "{line}");
    format.parse(line.as_bytes(), &reading()).unwrap().into_owned()
}

fn at(instant: &str) -> i64 {
    instant.parse::<DateTime<chrono::Utc>>().unwrap().timestamp_micros()
}

#[test]
fn traefik_json() {
    let expected = Request {
        start_us: at("2026-11-07T12:34:56.306691Z"),
        duration_us: Some(14_729),
        entry_point: Some("websecure".into()),
        router: Some("shop@docker".into()),
        service: Some("shop-svc@docker".into()),
        client: Client::Proxy("edge".into()),
        status: Some(StatusClass::Successful),
        sent_bytes: Some(1_048_576),
        host: Some("shop.example".into()),
        cache: None,
    };
    assert_eq!(read(Format::TraefikJson, TRAEFIK_JSON), expected);
}

#[test]
fn traefik_json_without_what_can_be_dropped() {
    let line = r#"{"StartLocal":"2026-11-07T13:34:56+01:00","ClientHost":"10.0.0.1","OriginStatus":502,"OriginContentSize":7,"ServiceAddr":"10.0.1.15:3000"}"#;
    let request = read(Format::TraefikJson, line);
    assert_eq!(request.start_us, at("2026-11-07T12:34:56Z"));
    assert_eq!((request.client, request.status), (Client::Internal, Some(StatusClass::ServerError)));
    assert_eq!((request.sent_bytes, request.duration_us, request.router), (Some(7), None, None));
    assert_eq!(request.service.as_deref(), Some("10.0.1.15:3000"));
}

#[test]
fn a_request_that_no_router_took() {
    let line = r#"{"ClientAddr":"198.51.100.7:1","DownstreamContentSize":19,"DownstreamStatus":404,"Duration":80879,"OriginStatus":0,"RequestHost":"192.0.2.1","RouterName":"","StartUTC":"2026-11-07T12:34:56Z","entryPointName":"web"}"#;
    let request = read(Format::TraefikJson, line);
    assert_eq!((request.client, request.status), (Client::External, Some(StatusClass::ClientError)));
    assert_eq!((request.router, request.service, request.host), (None, None, None));
}

#[test]
fn traefik_common() {
    let expected = Request {
        start_us: at("2026-11-07T12:34:56Z"),
        duration_us: Some(14_000),
        entry_point: None,
        router: Some("shop@docker".into()),
        service: Some("http://10.0.1.15:3000".into()),
        client: Client::External,
        status: Some(StatusClass::Successful),
        sent_bytes: Some(1_048_576),
        host: None,
        cache: None,
    };
    assert_eq!(read(Format::TraefikCommon, TRAEFIK_COMMON), expected);
}

#[test]
fn quotes_that_a_client_sends_change_nothing() {
    // Traefik writes the agent as it came.
    let agent = r#"x" 1 "evil@file" "http://203.0.113.1" 9999ms"#;
    let line = TRAEFIK_COMMON.replace("Mozilla/5.0", agent);
    assert_eq!(read(Format::TraefikCommon, &line), read(Format::TraefikCommon, TRAEFIK_COMMON));
    // nginx does not encode brackets in a user name.
    let line = COMBINED.replace("frank", "[01/Jan/1970:00:00:00 +0000] ");
    assert_eq!(read(Format::Combined, &line), read(Format::Combined, COMBINED));
}

#[test]
fn combined() {
    let request = read(Format::Combined, COMBINED);
    assert_eq!(request.start_us, at("2026-11-07T12:34:56Z"));
    assert_eq!((request.duration_us, request.host), (None, None));
    assert_eq!((request.client, request.status), (Client::External, Some(StatusClass::Successful)));
    assert_eq!(request.sent_bytes, Some(1_048_576));
    // A request that never became one.
    let request = read(Format::Combined, r#"198.51.100.7 - - [07/Nov/2026:12:34:56 +0000] "" 400 0 "-" "-""#);
    assert_eq!(request.status, Some(StatusClass::ClientError));
}

#[test]
fn lancache() {
    let request = read(Format::Cachelog, CACHELOG);
    assert_eq!(request.service.as_deref(), Some("steam"));
    assert_eq!(request.host.as_deref(), Some("cache1.steamcontent.com"));
    assert_eq!((request.client, request.cache), (Client::Internal, Some(CacheStatus::Hit)));
    assert_eq!(request.sent_bytes, Some(1_048_576));
    let forwarded = CACHELOG.replace("/ -", "/ 192.0.2.1, [::1]").replace("HIT", "-");
    let request = read(Format::Cachelog, &forwarded);
    assert_eq!((request.client, request.cache), (Client::Internal, None));
}

#[test]
fn haproxy_with_and_without_syslog() {
    let expected = Request {
        start_us: at("2009-02-06T12:14:14.655Z"),
        duration_us: Some(109_000),
        entry_point: Some("http-in".into()),
        router: None,
        service: Some("static".into()),
        client: Client::Internal,
        status: Some(StatusClass::Successful),
        sent_bytes: Some(2750),
        host: Some("shop.example".into()),
        cache: None,
    };
    for prefix in
        ["", "Feb  6 12:14:14 lb1 haproxy[14389]: ", "<134>1 2009-02-06T12:14:14Z lb1 haproxy 14389 - - "]
    {
        assert_eq!(read(Format::HaProxy, &format!("{prefix}{HAPROXY}")), expected);
    }
    let zone = Reading { zone: chrono_tz::Europe::Berlin, ..reading() };
    let local = Format::HaProxy.parse(HAPROXY.as_bytes(), &zone).unwrap();
    assert_eq!(local.start_us, at("2009-02-06T11:14:14.655Z"));
}

#[test]
fn haproxy_of_what_did_not_end_well() {
    let line = r#"[2001:db8::7]:33317 [06/Feb/2009:12:14:14.655] https~ https/<NOSRV> -1/-1/-1/-1/+50 -1 +187 - - PR-- 3/1/0/0/0 0/0 "<BADREQ>""#;
    let request = read(Format::HaProxy, line);
    assert_eq!((request.entry_point.as_deref(), request.service.as_deref()), (Some("https"), Some("https")));
    assert_eq!((request.status, request.sent_bytes, request.duration_us), (None, Some(187), Some(50_000)));
    assert_eq!((request.client, request.host), (Client::External, None));
    let absolute =
        HAPROXY.replace("/index.html", "http://cdn.example:80/a").replace("{shop.example|Mozilla} {} ", "");
    assert_eq!(read(Format::HaProxy, &absolute).host.as_deref(), Some("cdn.example"));
}

#[test]
fn errors_say_where() {
    let error = |format: Format, line: &str| format.parse(line.as_bytes(), &Reading::default()).unwrap_err();
    let place = HAPROXY.find("200 2750").unwrap();
    assert_eq!(
        error(Format::HaProxy, &HAPROXY.replace("200 2750", "2oo 2750")),
        LineError::Unreadable { what: "the status", at: place }
    );
    assert_eq!(
        error(Format::TraefikJson, r#"{"level":"info","msg":"started"}"#),
        LineError::Missing { what: "StartUTC or StartLocal", at: 0 }
    );
    assert_eq!(
        error(Format::Combined, &COMBINED.replace(" 206 1048576", " 206 much")),
        LineError::Unreadable { what: "the bytes", at: COMBINED.find("1048576").unwrap() }
    );
    assert_eq!(Format::detect(b"2026/11/07 12:34:56 [error] 12#12: *1 open() failed"), None);
}

/// Whatever is kept of a line, the address that the line began with is not in it.
#[test]
fn no_request_holds_an_address() {
    for line in [TRAEFIK_JSON, TRAEFIK_COMMON, COMBINED, CACHELOG, HAPROXY] {
        let format = Format::detect(line.as_bytes()).unwrap();
        for address in ["198.51.100.7", "172.19.0.1", "10.0.0.1", "10.0.1.2"] {
            // Clients also send their address as the host that they ask for.
            let line = line.replace("shop.example", address).replace("cache1.steamcontent.com", address);
            let request = format.parse(line.as_bytes(), &reading()).unwrap();
            let kept = format!("{request:?}");
            assert!(!kept.contains(address), "{kept}");
        }
        let broken = format.parse(&line.as_bytes()[..line.len() / 2], &reading());
        let said =
            format!("{:?} {}", broken, broken.as_ref().err().map_or(String::new(), ToString::to_string));
        assert!(!said.contains("198.51") && !said.contains("10.0."), "{said}");
    }
}
