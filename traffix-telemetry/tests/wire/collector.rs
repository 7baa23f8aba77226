//! Real exporters drive the collector over loopback, and what it hands over is what was in the capture.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use traffix_core::measurement::Batch;
use traffix_telemetry::collector::{Cause, Collector, Config, SinkError, StartError, Timing};

use crate::capture::{Conversation, conversations};
use crate::measured::{Store, truth, watch};
use crate::run::{self, Tool, complete, softflowd, wait_for};

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

fn config() -> Config {
    Config { listen: vec![SocketAddr::new(LOOPBACK, 0)], workers: 2.try_into().ok(), ..Config::default() }
}

fn start(store: &Store) -> Collector {
    let store = store.clone();
    Collector::start(config(), watch(None), move |batch: &Batch| store.keep(batch)).unwrap()
}

fn bytes(shown: impl Fn(&Conversation) -> bool) -> u64 {
    conversations().iter().filter(|c| shown(c)).map(|c| c.ip_bytes).sum()
}

/// Exports the capture to a collector and compares what it measured.
fn check(tool: Tool, version: u8) {
    let shown = |c: &Conversation| version != 5 || c.source.is_ipv4();
    let store = Store::default();
    let kept = store.clone();
    // pmacctd exports now what passed years ago.
    let timing = Timing { max_late_secs: 500_000_000, ..Timing::default() };
    let sink = move |batch: &Batch| kept.keep(batch);
    let collector = Collector::start(Config { timing, ..config() }, watch(None), sink).unwrap();
    let exporter = run::export(tool, version, collector.addresses()[0]);
    wait_for(
        || collector.stats().decoded.bytes >= bytes(shown),
        &format!("{tool:?} v{version} does not tell of every packet"),
    );
    drop(exporter);
    let stopped = collector.stop();
    let stats = stopped.stats;
    assert_eq!(store.total(), truth(shown), "{tool:?} v{version}: {stats:?}");
    let counted: u64 = truth(shown).values().sum();
    assert_eq!(stats.counted.bytes, counted);
    assert_eq!(stats.left_out(Cause::Internal).bytes, bytes(shown) - counted);
    assert_eq!(stats.kernel_drops.unwrap_or(0), 0);
    assert!(stats.exporters[&LOOPBACK].clock_behind_ms.is_some());
    assert!(stopped.unsaved.is_empty());
}

#[test]
fn softflowd_is_measured_whatever_it_speaks() {
    for version in [5, 9, 10] {
        check(Tool::Softflowd, version);
    }
}

#[test]
fn pmacctd_is_measured_whatever_it_speaks() {
    for version in [9, 10] {
        check(Tool::Pmacctd, version);
    }
}

fn send(datagrams: &[Vec<u8>], collector: &Collector) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let before = collector.stats().datagrams;
    for datagram in datagrams {
        socket.send_to(datagram, collector.addresses()[0]).unwrap();
    }
    let sent = before + datagrams.len() as u64;
    wait_for(|| collector.stats().datagrams >= sent, "datagrams do not arrive");
}

#[test]
fn restarts_and_several_collectors_lose_nothing_and_count_nothing_twice() {
    let datagrams = complete(|| softflowd(5));
    assert!(datagrams.len() > 6);
    let (first, rest) = datagrams.split_at(datagrams.len() / 3);
    let (second, third) = rest.split_at(rest.len() / 2);
    let store = Store::default();
    let collector = start(&store);
    send(first, &collector);
    collector.stop();
    let (one, other) = (start(&store), start(&store));
    send(second, &one);
    send(third, &other);
    // Dropping a collector stops it as well.
    drop(one);
    other.stop();
    assert_eq!(store.total(), truth(|c| c.source.is_ipv4()));
}

#[test]
fn a_store_that_comes_and_goes_gets_everything_once() {
    let datagrams = complete(|| softflowd(5));
    let (store, offers) = (Store::default(), Arc::new(Mutex::new(Vec::new())));
    let (kept, offered) = (store.clone(), Arc::clone(&offers));
    // It writes every batch, and acknowledges none.
    let sink = move |batch: &Batch| {
        offered.lock().unwrap().push(batch.clone());
        kept.keep(batch)?;
        Err(SinkError::Away("the connection broke".into()))
    };
    let collector = Collector::start(config(), watch(None), sink).unwrap();
    send(&datagrams, &collector);
    let stopped = collector.stop();
    assert_eq!(stopped.stats.batches_kept, 0);
    assert!(stopped.stats.sink_error.is_some());
    // What was not acknowledged is handed back, under the identifiers under which it may have been written.
    for batch in &stopped.unsaved {
        store.keep(batch).unwrap();
    }
    assert_eq!(store.total(), truth(|c| c.source.is_ipv4()));
    let offers = offers.lock().unwrap();
    let ids: BTreeSet<_> = offers.iter().map(|batch| batch.id.clone()).collect();
    assert!(offers.iter().all(|offer| stopped.unsaved.contains(offer)), "{ids:?}");
}

#[test]
fn bins_are_handed_over_while_it_runs() {
    let timing = Timing { step_secs: 1.try_into().unwrap(), grace_secs: 0, ..Timing::default() };
    let (batches, kept) = mpsc::channel();
    let sink = move |batch: &Batch| batches.send(batch.clone()).map_err(|e| SinkError::Away(e.to_string()));
    let collector = Collector::start(Config { timing, ..config() }, watch(None), sink).unwrap();
    send(&complete(|| softflowd(5)), &collector);
    let batch = kept.recv_timeout(Duration::from_secs(20)).unwrap();
    assert!(!batch.bins.is_empty());
    assert_eq!(batch.network, "acme");
    let stopped = collector.stop();
    assert!(stopped.stats.batches_kept > 0 && stopped.stats.kept_ms.is_some());
}

#[test]
fn what_cannot_work_is_said_at_once() {
    let sink = |_: &Batch| Ok(());
    let nowhere = Config { listen: Vec::new(), ..config() };
    assert!(matches!(Collector::start(nowhere, watch(None), sink), Err(StartError::NoAddress)));
    let step_secs = 7.try_into().unwrap();
    let odd = Config { timing: Timing { step_secs, ..Timing::default() }, ..config() };
    assert!(matches!(Collector::start(odd, watch(None), sink), Err(StartError::Step(7))));
    // Two collectors on one port would share its datagrams.
    let collector = Collector::start(config(), watch(None), sink).unwrap();
    let same = Config { listen: collector.addresses().to_vec(), ..config() };
    let refused = Collector::start(same, watch(None), sink);
    assert!(matches!(refused, Err(StartError::Listen { .. })), "{refused:?}");
    // A profile of another network needs another collector.
    let other = serde_json::from_str(r#"{"id": "other", "tz": "UTC", "lines": 1}"#).unwrap();
    let other = traffix_telemetry::collector::Watch::new(&other, Arc::default());
    assert!(collector.watch(other).unwrap_err().to_string().contains("\"acme\""));
    collector.watch(watch(Some(LOOPBACK))).unwrap();
}
