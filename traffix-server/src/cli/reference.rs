//! The command line as a page of documentation.

use std::fmt::Write as _;

use clap::{Command, CommandFactory as _};

use super::Cli;

/// A page in Markdown with the help of every command.
pub fn markdown() -> String {
    let mut page = String::from(
        "# Command line\n\n\
         Generated from the source; do not edit. Answers go to standard output, everything else to standard error.\n\
         Exit code 0 is success, 1 is failure, 2 is a mistake in the command itself.\n",
    );
    let mut root = Cli::command().term_width(100);
    root.build();
    for command in root.get_subcommands().filter(|command| command.get_name() != "help") {
        section(&mut page, command, 2);
    }
    page
}

fn section(page: &mut String, command: &Command, depth: usize) {
    let name = command.get_bin_name().unwrap_or(command.get_name());
    let help = command.clone().render_long_help().to_string();
    let help: String = help.lines().fold(String::new(), |text, line| text + line.trim_end() + "\n");
    let _ = write!(page, "\n{} {name}\n\n```text\n{}\n```\n", "#".repeat(depth), help.trim_end());
    for inner in command.get_subcommands().filter(|inner| inner.get_name() != "help") {
        section(page, inner, depth + 1);
    }
}
