//! Writing answers.

use std::io::{BufWriter, IsTerminal as _, Write};
use std::path::Path;

use serde::Serialize;

use super::{Failure, input};
use crate::plot::{FanChart, SvgOptions, TextOptions};

/// Standard output, buffered. Every write can fail, because the reader may go away.
pub(super) struct Out {
    to: Box<dyn Write>,
    terminal: bool,
}

impl Out {
    pub(super) fn stdout() -> Self {
        let stdout = std::io::stdout();
        Self { terminal: stdout.is_terminal(), to: Box::new(BufWriter::new(stdout)) }
    }

    /// Writes a text and ends the line.
    pub(super) fn line(&mut self, text: impl AsRef<str>) -> Result<(), Failure> {
        Ok(writeln!(self.to, "{}", text.as_ref())?)
    }

    /// Writes a text as it is.
    pub(super) fn text(&mut self, text: &str) -> Result<(), Failure> {
        self.bytes(text.as_bytes())
    }

    /// Writes bytes as they are.
    pub(super) fn bytes(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        Ok(self.to.write_all(bytes)?)
    }

    /// Writes a value as JSON: indented for people, on one line for programs.
    pub(super) fn json(&mut self, value: &impl Serialize) -> Result<(), Failure> {
        let text =
            if self.terminal { serde_json::to_string_pretty(value) } else { serde_json::to_string(value) };
        self.line(text.map_err(|error| Failure::new(format_args!("cannot print the answer: {error}")))?)
    }

    /// How charts are drawn here: as wide as the terminal, coloured unless `NO_COLOR` is set.
    pub(super) fn chart_options(&self) -> TextOptions {
        let columns = std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok());
        let size = console::Term::stdout().size_checked().filter(|_| self.terminal);
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        TextOptions {
            width: columns.or(size.map(|(_, columns)| columns.into())).unwrap_or(80),
            colour: self.terminal && !plain,
            ..TextOptions::default()
        }
    }

    pub(super) fn flush(&mut self) -> Result<(), Failure> {
        Ok(self.to.flush()?)
    }
}

/// Draws a chart into a file; `-` is standard output.
pub(super) fn plot(path: &Path, chart: &FanChart, out: &mut Out) -> Result<(), Failure> {
    drawing(path, &chart.to_svg(&SvgOptions::default()), out)
}

/// Writes a drawing into a file; `-` is standard output.
pub(super) fn drawing(path: &Path, svg: &str, out: &mut Out) -> Result<(), Failure> {
    if input::is_stdin(path) {
        return out.text(svg);
    }
    let shown = path.display();
    std::fs::write(path, svg).map_err(|error| {
        Failure::new(format_args!("cannot write {shown}: {error}"))
            .hint("the directory must exist and be writable")
    })?;
    super::tell(&format!("drew {shown}"));
    Ok(())
}
