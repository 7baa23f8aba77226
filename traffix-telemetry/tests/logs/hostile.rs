//! Any bytes are read or refused.

use proptest::prelude::*;
use traffix_telemetry::access_log::{Format, Reading};

const LINES: [&str; 5] = [
    r#"{"ClientAddr":"172.19.0.1:56732","DownstreamContentSize":1,"DownstreamStatus":200,"Duration":1,"RequestHost":"shop.example","RouterName":"a\u0041@docker","ServiceURL":{"a":["}"]},"StartUTC":"2026-11-07T12:34:56.306691884Z","entryPointName":"web"}"#,
    r#"198.51.100.7 - - [07/Nov/2026:12:34:56 +0000] "GET /a HTTP/2.0" 200 1048576 "-" "Mozilla/5.0" 122 "shop@docker" "http://10.0.1.15:3000" 14ms"#,
    r#"198.51.100.7 - frank [07/Nov/2026:13:34:56 +0100] "GET /a HTTP/1.1" 206 1048576 "https://shop.example/" "Mozilla/5.0""#,
    r#"[steam] 10.0.0.1 / - - - [07/Nov/2026:12:34:56 +0000] "GET /depot/730/chunk/0a HTTP/1.1" 200 1048576 "-" "Valve/Steam" "HIT" "cache1.steamcontent.com" "-""#,
    r#"Feb  6 12:14:14 lb1 haproxy[14389]: 10.0.1.2:33317 [06/Feb/2009:12:14:14.655] http-in static/srv1 10/0/30/69/109 200 2750 - - ---- 1/1/1/1/0 0/0 {shop.example|Mozilla} {} "GET /index.html HTTP/1.1""#,
];

fn read_by_all(line: &[u8]) {
    for format in Format::ALL {
        for zone in [chrono_tz::UTC, chrono_tz::Europe::Berlin] {
            let _ = format.parse(line, &Reading { zone, ..Reading::default() });
        }
    }
    let _ = Format::detect(line);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn damaged_lines(
        line in prop::sample::select(LINES.to_vec()),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in any::<prop::sample::Index>(),
        is_cut in any::<bool>(),
    ) {
        let mut line = line.as_bytes().to_vec();
        for (at, byte) in damage {
            let at = at.index(line.len());
            line[at] = byte;
        }
        if is_cut {
            line.truncate(cut.index(line.len()));
        }
        read_by_all(&line);
    }

    #[test]
    fn any_bytes(line in prop::collection::vec(any::<u8>(), 0..300)) {
        read_by_all(&line);
    }
}

#[test]
fn depth_and_length_cost_nothing() {
    let deep = [&br#"{"StartUTC":"2026-11-07T12:34:56Z","a":"#[..], &vec![b'['; 200_000]].concat();
    read_by_all(&deep);
    read_by_all(&vec![b'{'; 200_000]);
    read_by_all(&vec![b'['; 200_000]);
    read_by_all(&vec![b'"'; 200_000]);
    let huge = LINES[2].replace("1048576", &"9".repeat(100));
    assert!(Format::Combined.parse(huge.as_bytes(), &Reading::default()).is_err());
}

#[test]
fn what_is_no_utf8_is_replaced() {
    let mut line = LINES[3].as_bytes().to_vec();
    let host = LINES[3].find("steamcontent").unwrap();
    line[host] = 0xff;
    let request = Format::Cachelog.parse(&line, &Reading::default()).unwrap();
    assert_eq!(request.host.as_deref(), Some("cache1.\u{fffd}teamcontent.com"));
}
