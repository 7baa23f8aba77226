//! Tasks of the workspace: `cargo xtask serve` and `cargo xtask test` are all that a newcomer needs.

mod api_test;
mod cdn_data;
mod check_data;
mod new_platform;
mod packages;
mod run;
mod serve;
mod soak;
mod test;

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask TASK

  serve [ARGS…]      build what is stale and run the server on http://127.0.0.1:8080
                     (ARGS go to `traffix serve`, for example --at 2023-11-01T00:00Z)
  test [STEP…]       everything that CI runs; without STEP all of them, `test --list` names them
  check-data [PATH…] read the catalogue in data/ and say what is wrong, with file, line and field
  new-platform SLUG  make the files of a new platform; its tests say what is missing
  codegen [--check]  write the generated documents, or fail if they are stale
  soak [--minutes N] the collector at the highest rate the machine takes; its memory must stay flat
  cdn-data --from DIR [--check] | --to DIR
                     rebuild the tables of CDNs and prefixes from CSV files, compare, or write the files
";

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let task = args.next().unwrap_or_default();
    let args: Vec<String> = args.collect();
    let done = match task.as_str() {
        "serve" => serve::serve(&args),
        "test" => test::test(&args),
        "check-data" => check_data::check_data(&args),
        "new-platform" => new_platform::new_platform(&args),
        "codegen" => run::codegen(&args),
        "cdn-data" => cdn_data::cdn_data(&args),
        "soak" => soak::soak(&args),
        "" | "help" | "-h" | "--help" => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        other => {
            eprint!("no task {other:?}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask {task}: {error}");
            ExitCode::FAILURE
        }
    }
}
