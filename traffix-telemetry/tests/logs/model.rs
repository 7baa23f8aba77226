//! Any sequence of writing, rotating, compressing, reading and restarting hands out every line once.

use proptest::prelude::*;

use crate::files::{END, Followed, Log};

#[derive(Debug, Clone, Copy)]
enum Step {
    /// Writes so many lines and so many bytes of another.
    Write(u8, u8),
    Rename,
    CopyTruncate,
    Compress,
    Poll,
    Restart,
    /// Time passes.
    Wait,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0_u8..5, 0_u8..35).prop_map(|(lines, more)| Step::Write(lines, more)),
        1 => Just(Step::Rename),
        1 => Just(Step::CopyTruncate),
        1 => Just(Step::Compress),
        3 => Just(Step::Poll),
        1 => Just(Step::Restart),
        1 => Just(Step::Wait),
    ];
    prop::collection::vec(step, 1..40)
}

/// Writes lines that are all different, some in parts.
struct Server {
    log: Log,
    written: Vec<String>,
    /// What is still to be written of the last line.
    rest: String,
}

impl Server {
    fn write(&mut self, lines: u8, more: u8) {
        for _ in 0..lines {
            self.finish();
            self.begin();
        }
        if lines > 0 {
            self.finish();
            self.begin();
            let more = usize::from(more).min(self.rest.len() - 1);
            let head: String = self.rest.drain(..more).collect();
            self.log.write_plainly(&head);
        }
    }

    fn begin(&mut self) {
        // The second half of a cut line is the start of a file, and no two are equal.
        let n = self.written.len();
        let line = format!("line {n} {}", format!("{n:03}-").repeat(10));
        self.rest = format!("{line}{END}\n");
        self.written.push(format!("{line}."));
    }

    fn finish(&mut self) {
        let rest = std::mem::take(&mut self.rest);
        self.log.write_plainly(&rest);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn every_line_once(steps in steps()) {
        let log = Log::new();
        let path = log.path();
        let mut server = Server { log, written: Vec::new(), rest: String::new() };
        let mut followed = Followed::new(path.clone(), true);
        let mut now_ms = 0;
        for step in steps {
            match step {
                Step::Write(lines, more) => server.write(lines, more),
                Step::Rename => {
                    // A rotation cuts lines only where the reader is there to see both halves.
                    server.finish();
                    followed.poll(now_ms);
                    server.log.rename();
                    server.log.reopen();
                }
                Step::CopyTruncate => {
                    followed.poll(now_ms);
                    server.log.copy_truncate();
                    followed.poll(now_ms);
                }
                Step::Compress if server.log.rotated(1).exists() => server.log.compress(1),
                Step::Compress => {}
                Step::Poll => drop(followed.poll(now_ms)),
                Step::Restart => followed.restart(path.clone()),
                Step::Wait => {
                    // No server takes a minute for a line.
                    server.finish();
                    followed.poll(now_ms);
                    now_ms += 70_000;
                }
            }
        }
        server.finish();
        followed.poll(now_ms);
        followed.poll(now_ms + 1);
        let mut lines = followed.lines;
        let number = |line: &String| line.split(' ').nth(1).and_then(|number| number.parse::<usize>().ok());
        lines.sort_by_key(number);
        prop_assert_eq!(lines, server.written);
    }
}
