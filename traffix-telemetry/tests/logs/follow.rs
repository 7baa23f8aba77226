//! Lines are handed out once, whatever rotation does.

use std::fs;

use traffix_telemetry::access_log::{Follower, Limits};

use crate::files::{END, Followed, Log, gzip};

fn following() -> (Log, Followed) {
    let log = Log::new();
    let followed = Followed::new(log.path(), true);
    (log, followed)
}

#[test]
fn a_line_waits_for_its_end() {
    let (mut log, mut followed) = following();
    log.write("line 1.\nline");
    followed.poll(0);
    assert_eq!(followed.lines, ["line 1."]);
    log.write(" 2.\r\n");
    followed.poll(0);
    assert_eq!(followed.lines, ["line 1.", "line 2."]);
}

#[test]
fn what_was_there_before_is_history() {
    let mut log = Log::new();
    log.write("line 1.\nline 2");
    let mut followed = Followed::new(log.path(), false);
    followed.poll(0);
    log.write(".\nline 3.\n");
    followed.poll(0);
    assert_eq!(followed.lines, ["line 3."]);
}

#[test]
fn the_old_file_is_read_until_the_server_has_left_it() {
    let (mut log, mut followed) = following();
    log.write("line 1.\n");
    followed.poll(0);
    log.rename();
    log.write("line 2.\n");
    followed.poll(1_000);
    log.reopen();
    log.write("line 3.\n");
    followed.poll(2_000);
    assert_eq!(followed.lines, ["line 1.", "line 2.", "line 3."]);
}

#[test]
fn both_halves_of_a_line_that_renaming_cut() {
    let (mut log, mut followed) = following();
    log.write("line 1.\nline");
    followed.poll(0);
    log.rename();
    log.reopen();
    log.write(" 2.\nline 3.\n");
    followed.poll(0);
    assert_eq!(followed.lines, ["line 1.", "line 2.", "line 3."]);
    assert_eq!(followed.follower.tallies().joined, 1);
}

#[test]
fn both_halves_of_a_line_that_truncation_cut() {
    let (mut log, mut followed) = following();
    log.write("line 1.\n");
    followed.poll(0);
    log.write("line 2.\nline");
    log.copy_truncate();
    log.write(" 3.\nline 4.\n");
    followed.poll(0);
    assert_eq!(followed.lines, ["line 1.", "line 2.", "line 3.", "line 4."]);
    assert_eq!(followed.follower.tallies().truncated, 1);
}

#[test]
fn a_whole_line_after_a_cut_one_is_not_spoilt() {
    let (mut log, mut followed) = following();
    log.write("line 1.\nline 2 without an e");
    followed.poll(0);
    log.rename();
    log.reopen();
    log.write("line 3.\n");
    followed.poll(0);
    assert_eq!(followed.lines, ["line 1.", "line 3."]);
}

#[test]
fn truncation_without_a_copy_loses_only_what_was_not_read() {
    let (mut log, mut followed) = following();
    log.write("line 1.\n");
    followed.poll(0);
    fs::write(log.path(), "").unwrap();
    followed.poll(0);
    // Longer than before: only the beginning tells that it is another.
    log.write("line 2 is longer.\n");
    followed.poll(0);
    fs::write(log.path(), "line 3 is as long.\nline 4.\n".replace('.', END)).unwrap();
    followed.poll(0);
    assert_eq!(followed.lines, ["line 1.", "line 2 is longer.", "line 3 is as long.", "line 4."]);
}

#[test]
fn a_restart_after_each_kind_of_rotation() {
    for kind in ["rename", "compress", "copy"] {
        let (mut log, mut followed) = following();
        log.write("line 1.\nline 2.\nli");
        followed.poll(0);
        log.write("ne 3.\n");
        match kind {
            "copy" => log.copy_truncate(),
            _ => log.rename(),
        }
        log.reopen();
        log.write("line 4.\n");
        if kind == "compress" {
            log.compress(1);
        }
        followed.restart(log.path());
        followed.poll(0);
        log.write("line 5.\n");
        followed.restart(log.path());
        followed.poll(0);
        assert_eq!(followed.lines, ["line 1.", "line 2.", "line 3.", "line 4.", "line 5."], "{kind}");
    }
}

#[test]
fn history_is_read_once_and_the_oldest_first() {
    let mut log = Log::new();
    for n in 1..=3 {
        log.write(&format!("line {n}.\n"));
        log.rename();
        log.reopen();
    }
    log.compress(3);
    log.compress(2);
    log.write("line 4.\n");
    // Compressing keeps the time of the file, as gzip does.
    for (n, name) in [(3, "3.gz"), (2, "2.gz"), (1, "1")] {
        let file =
            fs::File::options().append(true).open(log.path().with_extension(format!("log.{name}"))).unwrap();
        let age = std::time::Duration::from_secs(n * 86_400);
        file.set_modified(std::time::SystemTime::now() - age).unwrap();
    }
    let mut followed = Followed::new(log.path(), true);
    followed.poll(0);
    assert_eq!(followed.lines, ["line 1.", "line 2.", "line 3.", "line 4."]);
    // The next day's rotation gives every file another name, and compresses one more.
    log.rename();
    log.reopen();
    log.compress(2);
    log.write("line 5.\n");
    followed.poll(100_000);
    followed.restart(log.path());
    followed.poll(200_000);
    assert_eq!(followed.lines.len(), 5, "{:?}", followed.lines);
}

#[test]
fn a_file_that_is_still_being_compressed_is_tried_again() {
    let log = Log::new();
    let line = |n: u32| format!("line {n} {}{END}", n * 7919 % 10_007);
    let lines = (0..20_000).map(line).chain([String::new()]).collect::<Vec<_>>().join("\n");
    fs::write(log.rotated(1), &lines).unwrap();
    let gz = log.path().with_extension("log.1.gz");
    gzip(&log.rotated(1), &gz);
    fs::remove_file(log.rotated(1)).unwrap();
    let whole = fs::read(&gz).unwrap();
    fs::write(&gz, &whole[..whole.len() / 2]).unwrap();
    let mut followed = Followed::new(log.path(), true);
    let polled = followed.poll(0);
    assert_eq!(polled.failures.len() + usize::from(followed.lines.len() < 20_000), 2);
    assert!(followed.poll(0).failures.is_empty(), "it did not grow");
    fs::write(&gz, &whole).unwrap();
    followed.poll(0);
    assert_eq!(followed.lines.len(), 20_000);
    assert!(followed.lines.iter().enumerate().all(|(n, line)| line.starts_with(&format!("line {n} "))));
}

#[test]
fn a_line_of_a_megabyte_is_passed_over() {
    let (mut log, mut followed) = following();
    log.write("line 1.\n");
    log.write(&"x".repeat(700_000));
    followed.poll(0);
    followed.restart(log.path());
    followed.poll(0);
    log.write(&"x".repeat(348_576));
    log.write("\nline 2.\n");
    followed.poll(0);
    assert_eq!(followed.lines, ["line 1.", "line 2."]);
    let longest = format!("line {}.\n", "x".repeat(256_000 - 5 - END.len()));
    log.write(&longest);
    log.write(&format!("line x{}", &longest[5..]));
    log.write("line 3.\n");
    followed.poll(0);
    assert_eq!(followed.lines.len(), 4);
    assert_eq!(followed.follower.tallies().too_long, 1);
}

#[test]
fn many_files_by_pattern() {
    let folder = tempfile::tempdir().unwrap();
    for n in 0..100 {
        fs::write(folder.path().join(format!("site-{n}-access.log")), "line of all.\n".replace('.', END))
            .unwrap();
    }
    fs::write(folder.path().join("error.log"), "line no.\n".replace('.', END)).unwrap();
    let mut followed = Followed::new(folder.path().join("*-access.log"), true);
    followed.poll(0);
    assert_eq!(followed.lines.len(), 100);
    fs::write(folder.path().join("site-new-access.log"), "line 1.\n".replace('.', END)).unwrap();
    followed.poll(0);
    followed.restart(folder.path().join("*-access.log"));
    followed.poll(0);
    assert_eq!(followed.lines.len(), 101);
}

#[test]
fn files_that_come_later_and_folders_that_do() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("later/access.log");
    let mut followed = Followed::new(log.clone(), false);
    assert!(followed.poll(0).failures.is_empty());
    fs::create_dir(folder.path().join("later")).unwrap();
    followed.poll(0);
    fs::write(&log, "line 1.\n".replace('.', END)).unwrap();
    followed.poll(0);
    assert_eq!(followed.lines, ["line 1."]);
}

#[test]
fn files_get_their_turn() {
    let folder = tempfile::tempdir().unwrap();
    let line = format!("line {}.\n", "x".repeat(991));
    fs::write(folder.path().join("a.log"), line.repeat(1000)).unwrap();
    fs::write(folder.path().join("b.log"), "line of b.\n".replace('.', END)).unwrap();
    let limits = Limits { bytes_per_poll: 10_000, ..Limits::default() };
    let mut follower = Follower::new(vec![folder.path().join("*.log")], true, limits);
    let mut of_b = 0;
    let polled = follower.poll(0, |line| {
        of_b += usize::from(line.log.ends_with("b.log"));
        true
    });
    assert!(polled.more && polled.bytes < 25_000);
    assert_eq!(of_b, 1);
}

#[test]
fn a_cut_line_whose_first_half_was_compressed_meanwhile() {
    let (mut log, mut followed) = following();
    log.write("line 1.\nl");
    followed.poll(0);
    log.copy_truncate();
    followed.poll(0);
    log.compress(1);
    followed.restart(log.path());
    followed.poll(0);
    log.write("ine 2.\n");
    followed.poll(0);
    assert_eq!(followed.lines, ["line 1.", "line 2."]);
}
