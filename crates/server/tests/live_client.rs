//! The reference client of the live room (`web/live`) and the page that stands on it, tried by Node
//! and a browser against the house as it was built here.

use std::process::Command;

/// Runs a file of tests; all of them pass. What is left out says so, and why.
fn node(file: &str) {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../web/live");
    let mut command = Command::new("node");
    command.args(["--test", file]).current_dir(folder);
    command.env("GAVEL_BIN", env!("CARGO_BIN_EXE_gavel"));
    let output = command.output().expect("node 20, and `scripts/setup.sh test`");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    for left_out in said.lines().filter(|line| line.contains("# SKIP")) {
        eprintln!("{file}: {left_out}");
    }
}

#[test]
fn its_parts_do_what_they_say_and_its_types_are_true() {
    node("test/parts.test.js");
    node("test/types.test.js");
}

#[test]
fn f19_it_shows_the_log_whatever_happens_and_bids_once() {
    node("test/live.test.js");
}

#[test]
fn the_page_is_live_and_says_how_old_it_is() {
    node("test/page.test.js");
}
