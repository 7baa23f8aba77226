//! Lines of access logs read per second, beside a tree of JSON and a regular expression.
//!
//! Every rival must find the same bytes before it is timed.
#![expect(clippy::unwrap_used, reason = "a bench may stop")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use regex::bytes::Regex;
use traffix_telemetry::access_log::{Clients, Format, Reading};

/// Lines of one timed pass.
const LINES: usize = 1000;

const SAMPLES: [(Format, &str); 5] = [
    (
        Format::TraefikJson,
        r#"{"ClientAddr":"198.51.100.7:56732","ClientHost":"198.51.100.7","ClientPort":"56732","ClientUsername":"-","DownstreamContentSize":1048576,"DownstreamStatus":200,"Duration":14729375,"OriginContentSize":1048576,"OriginDuration":14051833,"OriginStatus":200,"Overhead":677542,"RequestAddr":"shop.example","RequestContentSize":0,"RequestCount":122,"RequestHost":"shop.example","RequestMethod":"GET","RequestPath":"/a?q=x","RequestPort":"-","RequestProtocol":"HTTP/2.0","RequestScheme":"https","RetryAttempts":0,"RouterName":"shop@docker","ServiceAddr":"10.0.1.15:3000","ServiceName":"shop-svc@docker","ServiceURL":"http://10.0.1.15:3000","StartLocal":"2026-11-07T13:34:56.306691884+01:00","StartUTC":"2026-11-07T12:34:56.306691884Z","TLSCipher":"TLS_AES_128_GCM_SHA256","TLSVersion":"1.3","entryPointName":"websecure","level":"info","msg":"","time":"2026-11-07T13:34:56+01:00"}"#,
    ),
    (
        Format::TraefikCommon,
        r#"198.51.100.7 - - [07/Nov/2026:12:34:56 +0000] "GET /a HTTP/2.0" 200 1048576 "-" "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0" 122 "shop@docker" "http://10.0.1.15:3000" 14ms"#,
    ),
    (
        Format::Combined,
        r#"198.51.100.7 - - [07/Nov/2026:12:34:56 +0000] "GET /a HTTP/1.1" 200 1048576 "https://shop.example/" "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0""#,
    ),
    (
        Format::Cachelog,
        r#"[steam] 10.0.0.1 / - - - [07/Nov/2026:12:34:56 +0000] "GET /depot/730/chunk/0a1b2c3d4e5f60718293a4b5c6d7e8f901234567 HTTP/1.1" 200 1048576 "-" "Valve/Steam HTTP Client 1.0" "HIT" "cache1.steamcontent.com" "-""#,
    ),
    (
        Format::HaProxy,
        r#"Nov  7 12:34:56 lb1 haproxy[14389]: 10.0.1.2:33317 [07/Nov/2026:12:34:56.655] http-in static/srv1 10/0/30/69/109 200 1048576 - - ---- 1/1/1/1/0 0/0 {shop.example} {} "GET /index.html HTTP/1.1""#,
    ),
];

/// The same fields of the combined format and lancache's.
const PATTERN: &str = r#"^(?:\[([^\]]*)\] )?(\S+) .*?\[([^\]]+)\] "([^"]*)" (\d{3}) (\d+|-) "([^"]*)" "([^"]*)"(?: "([^"]*)" "([^"]*)" "([^"]*)")?"#;

fn reading() -> Reading {
    let clients = Clients::default()
        .internal("10.0.0.0/8".parse().unwrap())
        .internal("192.168.0.0/16".parse().unwrap())
        .proxy("edge", "203.0.113.4/32".parse().unwrap());
    Reading { clients, ..Reading::default() }
}

fn of_tree(line: &[u8]) -> u64 {
    let tree: serde_json::Value = serde_json::from_slice(line).unwrap();
    black_box((&tree["StartUTC"], &tree["RouterName"], &tree["ServiceName"], &tree["RequestHost"]));
    tree["DownstreamContentSize"].as_u64().unwrap()
}

fn of_regex(regex: &Regex, line: &[u8]) -> u64 {
    let found = regex.captures(line).unwrap();
    std::str::from_utf8(&found[6]).unwrap().parse().unwrap()
}

fn parse(criterion: &mut Criterion) {
    let (reading, regex) = (reading(), Regex::new(PATTERN).unwrap());
    for (format, line) in SAMPLES {
        let line = line.as_bytes();
        let own = |line: &[u8]| format.parse(line, &reading).unwrap().sent_bytes.unwrap();
        assert_eq!(Format::detect(line), Some(format));
        assert_eq!(own(line), 1_048_576);
        let mut group = criterion.benchmark_group(format.name());
        group.throughput(Throughput::Bytes((line.len() * LINES) as u64));
        let mut time = |name: &str, read: &dyn Fn(&[u8]) -> u64| {
            assert_eq!(read(line), own(line), "{name}");
            group.bench_function(name, |bencher| {
                bencher.iter(|| (0..LINES).map(|_| read(black_box(line))).sum::<u64>());
            });
        };
        time("parse", &own);
        match format {
            Format::TraefikJson => time("serde_json tree", &of_tree),
            Format::Combined | Format::Cachelog => time("regex", &|line| of_regex(&regex, line)),
            _ => {}
        }
        if format == Format::Combined {
            time("detect", &|line| Format::detect(line).map_or(0, |_| 1_048_576));
        }
        group.finish();
    }
}

criterion_group!(benches, parse);
criterion_main!(benches);
