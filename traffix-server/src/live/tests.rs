use std::fs;
use std::sync::Arc;

use tokio::runtime::Handle;
use traffix_core::measurement::Key;
use traffix_store::{Dimensions, MeasurementQuery, OpenOptions, Store};

use super::site::SiteLogs;
use crate::config::{AccessLog, Config};

const NOW_US: i64 = 1_794_054_896_000_000;

fn line(bytes: u64) -> String {
    format!(
        "[steam] 10.0.0.1 / - - - [07/Nov/2026:12:34:56 +0000] \"GET /depot HTTP/1.1\" 200 {bytes} \"-\" \"-\" \"HIT\" \
         \"cache1.steamcontent.com\" \"-\"\n"
    )
}

async fn measured(store: &dyn Store) -> Vec<(Key, u64)> {
    let query = MeasurementQuery {
        network: "acme".into(),
        from: "2026-11-07T12:00:00Z".parse().unwrap(),
        until: "2026-11-07T13:00:00Z".parse().unwrap(),
        step_secs: 60,
        by: Dimensions { platform: true, cdn: true, link: true },
        platform: None,
        cdn: None,
        link: None,
    };
    let found = store.measurements(&query).await.unwrap();
    found.series.iter().map(|series| (series.key.clone(), series.bytes.iter().sum())).collect()
}

/// Whenever the process ends, every line is counted once.
#[tokio::test]
async fn bytes_are_counted_once_over_crashes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("access.log");
    let log = AccessLog { site: "cache".into(), path: path.clone(), history: true, ..AccessLog::default() };
    let mut config = Config::default();
    config.live.state = folder.path().join("state");
    let store = traffix_store::open("sqlite::memory:", OpenOptions::default()).await.unwrap();
    fs::write(&path, line(1).repeat(10)).unwrap();
    let run = |save: bool| {
        let (config, log, store) = (config.clone(), log.clone(), Arc::clone(&store));
        let runtime = Handle::current();
        tokio::task::spawn_blocking(move || {
            let mut site = SiteLogs::new(&config, &log, Some("acme")).unwrap();
            while site.poll(NOW_US, traffix_platforms::domain_table(), |_| ()).more {}
            if save {
                site.save(NOW_US, store.as_ref(), &runtime).unwrap();
            }
        })
    };
    // Read and not saved: read again.
    run(false).await.unwrap();
    assert!(measured(store.as_ref()).await.is_empty());
    run(true).await.unwrap();
    let key = |link: &str| Key {
        platform: Some("steam".parse().unwrap()),
        cdn: Some("valve".parse().unwrap()),
        link: Some(link.into()),
    };
    assert_eq!(measured(store.as_ref()).await, [(key("cache"), 10)]);
    let more = fs::read_to_string(&path).unwrap() + &line(100);
    fs::write(&path, more).unwrap();
    run(false).await.unwrap();
    run(true).await.unwrap();
    run(true).await.unwrap();
    assert_eq!(measured(store.as_ref()).await, [(key("cache"), 110)]);
    // What is written down says nothing of who asked.
    let kept = fs::read_to_string(config.live.state.join("cache.json")).unwrap();
    assert!(!kept.contains("10.0.0.1"), "{kept}");
}

/// A batch that was written down and whose arrival was not noted is sent again and added once.
#[tokio::test]
async fn a_batch_whose_acknowledgement_was_lost_is_added_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("access.log");
    let log = AccessLog { site: "cache".into(), path: path.clone(), history: true, ..AccessLog::default() };
    let mut config = Config::default();
    config.live.state = folder.path().join("state");
    let store = traffix_store::open("sqlite::memory:", OpenOptions::default()).await.unwrap();
    fs::write(&path, line(7)).unwrap();
    let mut site = SiteLogs::new(&config, &log, Some("acme")).unwrap();
    while site.poll(NOW_US, traffix_platforms::domain_table(), |_| ()).more {}
    site.cut(NOW_US).unwrap();
    drop(site);
    let file = config.live.state.join("cache.json");
    let waiting = fs::read(&file).unwrap();
    for _ in 0..2 {
        let mut site = SiteLogs::new(&config, &log, Some("acme")).unwrap();
        let (store, runtime) = (Arc::clone(&store), Handle::current());
        tokio::task::spawn_blocking(move || site.send(store.as_ref(), &runtime).unwrap()).await.unwrap();
        assert_ne!(fs::read(&file).unwrap(), waiting);
        // As if the process had ended before it noted that.
        fs::write(&file, &waiting).unwrap();
    }
    let total: u64 = measured(store.as_ref()).await.iter().map(|(_, bytes)| bytes).sum();
    assert_eq!(total, 7);
}
