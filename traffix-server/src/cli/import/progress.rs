//! The bar on standard error.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Fewer entities are done before a bar could be read.
const WORTH_A_BAR: u64 = 500;

/// How far an import is. Hidden where standard error is no terminal.
pub(in crate::cli) struct Progress(ProgressBar);

impl Progress {
    pub(super) fn start(total: u64) -> Self {
        let target =
            if total < WORTH_A_BAR { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(Some(total), target);
        let style = ProgressStyle::with_template("importing {bar:30} {pos}/{len} {per_sec} {eta}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self(bar)
    }

    pub(super) fn at(&self, done: u64) {
        self.0.set_position(done);
    }

    pub(super) fn finish(&self) {
        self.0.finish_and_clear();
    }
}
