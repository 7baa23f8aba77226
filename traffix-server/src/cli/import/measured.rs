//! Reading batches of measurements that waited in files.

use chrono::Utc;
use traffix_core::measurement::Batch;

use crate::batches;
use crate::cli::{Failure, Input, Out, database, input};

/// Complaints printed at most.
const MAX_FINDINGS: usize = 100;

/// The batches of the files; nothing if the files hold something else.
pub(super) fn read(files: &[Input]) -> Result<Option<Vec<Batch>>, Failure> {
    let is_lines = |path: &Input| {
        path.extension()
            .is_some_and(|end| ["ndjson", "jsonl"].iter().any(|known| end.eq_ignore_ascii_case(known)))
    };
    if files.is_empty() || !files.iter().all(is_lines) {
        return Ok(None);
    }
    let texts = files.iter().map(|path| Ok((input::name(path), input::read_text(path)?)));
    let texts = texts.collect::<Result<Vec<_>, Failure>>()?;
    let batches = texts.iter().filter(|(_, text)| batches::are_lines(text)).count();
    if batches == 0 {
        return Ok(None);
    }
    if batches < texts.len() {
        return Err(Failure::usage("measurements and catalogue cannot be imported together"));
    }
    let (mut all, mut wrong) = (Vec::new(), Vec::new());
    for (name, text) in texts {
        match batches::from_lines(&text, Utc::now()) {
            Ok(found) => all.extend(found),
            Err(found) => wrong.extend(found.into_iter().map(|detail| format!("{name}:{detail}"))),
        }
    }
    if wrong.is_empty() {
        return Ok(Some(all));
    }
    for line in wrong.iter().take(MAX_FINDINGS) {
        crate::cli::complain(line);
    }
    Err(Failure::new(format_args!("{} findings, nothing was imported", wrong.len())))
}

/// Adds batches to the database, each once.
pub(super) async fn add(batches: Vec<Batch>, database: &database::DatabaseArgs) -> Result<Report, Failure> {
    let store = database.open().await?;
    let mut added = 0;
    for batch in &batches {
        let is_new = store.add_batch(batch).await;
        added += u64::from(is_new.map_err(|error| {
            let done = format!("batch {:?}: {error}; the {added} before it were added", batch.id);
            Failure::new(done).hint("importing the same file again adds nothing twice")
        })?);
    }
    Ok(Report { read: batches.len() as u64, added })
}

/// What was done.
pub(super) struct Report {
    read: u64,
    added: u64,
}

impl Report {
    pub(super) fn print(&self, json: bool, out: &mut Out) -> Result<(), Failure> {
        let Self { read, added } = self;
        if json {
            return out.json(&serde_json::json!({"batches": {"read": read, "added": added}}));
        }
        out.line(format!("{read} batches read: {added} added, {} known already", read - added))
    }
}
