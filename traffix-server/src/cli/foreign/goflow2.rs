//! Streams and files of goflow2.

use std::fs::File;
use std::io::Read;
use std::time::Duration;

use tokio::runtime::Handle;
use traffix_core::measurement::Batch;
use traffix_store::StoreError;
use traffix_telemetry::collector::SinkError;
use traffix_telemetry::foreign::goflow2;
use uuid::Uuid;

use super::{Report, Target};
use crate::cli::{Failure, Input, input};

/// How often a database that is away is tried, and how long after the last time. Meanwhile the pipe waits.
const ATTEMPTS: u32 = 60;
const PAUSE: Duration = Duration::from_secs(1);

pub(super) async fn count(path: Input, target: Target) -> Result<Report, Failure> {
    let runtime = Handle::current();
    let work = tokio::task::spawn_blocking(move || count_blocking(&path, &target, &runtime));
    work.await.map_err(|error| Failure::new(format_args!("the count ended by itself: {error}")))?
}

fn count_blocking(path: &Input, target: &Target, runtime: &Handle) -> Result<Report, Failure> {
    let shown = input::name(path);
    let unread = |error: std::io::Error| {
        Failure::new(format_args!("cannot read {shown}: {error}"))
            .hint("check the path; - reads standard input")
    };
    let (name, source): (String, Box<dyn Read>) = if input::is_stdin(path) {
        // What comes through a pipe never comes again.
        (format!("goflow2/{}", Uuid::now_v7()), Box::new(std::io::stdin().lock()))
    } else {
        let open = || File::open(path).map_err(unread);
        let name = goflow2::name(open()?, target.watch.network(), &target.config).map_err(unread)?;
        (name, Box::new(open()?))
    };
    let mut report = Report::new(target);
    let mut sink = |batch: &Batch| {
        let is_new = keep(batch, target, runtime)?;
        report.kept(batch, is_new);
        Ok(())
    };
    let counted = goflow2::count(source, &name, &target.config, &target.watch, &mut sink);
    let counted = counted.map_err(|error| {
        Failure::new(format_args!("{shown}: {error}; {} batches were written before", report.batches))
    })?;
    report.add(&counted.stats);
    report.refused = counted.contents.refused;
    report.first_refused = counted.contents.first_refused;
    report.without_addresses = counted.contents.without_addresses;
    Ok(report)
}

/// Writes a batch; whether it was new.
fn keep(batch: &Batch, target: &Target, runtime: &Handle) -> Result<bool, SinkError> {
    let mut attempt = 1;
    loop {
        match runtime.block_on(target.store.add_batch(batch)) {
            Ok(is_new) => return Ok(is_new),
            Err(error @ StoreError::Invalid(_)) => return Err(SinkError::Refused(error.to_string())),
            Err(error) if attempt == ATTEMPTS => return Err(SinkError::Away(error.to_string())),
            Err(_) => {
                attempt += 1;
                std::thread::sleep(PAUSE);
            }
        }
    }
}
