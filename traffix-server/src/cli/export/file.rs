//! Replacing a file as a whole.

use std::io::Write as _;
use std::path::Path;

use crate::cli::Failure;

/// Writes a file under another name beside the old one and moves it there, so that readers see either. Refuses to
/// shrink an existing file below half, unless forced.
pub(super) fn replace(path: &Path, bytes: &[u8], force: bool) -> Result<(), Failure> {
    let shown = path.display();
    let failed = |error: std::io::Error| Failure::new(format_args!("cannot write {shown}: {error}"));
    let old = match std::fs::metadata(path) {
        Ok(found) if found.is_dir() => {
            return Err(Failure::new(format_args!("{shown} is a directory")).hint("name a file"));
        }
        Ok(found) => found.len(),
        Err(_) => 0,
    };
    let new = bytes.len() as u64;
    if new < old / 2 && !force {
        return Err(Failure::new(format_args!(
            "{shown} has {old} bytes, the new export only {new}: not replaced"
        ))
        .hint("look at what is missing; --force replaces it anyway"));
    }
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = path.with_file_name(name);
    let write = || {
        let mut file = std::fs::File::create_new(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&temporary, path)
    };
    write().map_err(|error| {
        let _ = std::fs::remove_file(&temporary);
        failed(error)
    })
}
