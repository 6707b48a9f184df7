//! The table of `docs/dialects.md`: every line of the references is in it, in its place, and every
//! test that it names exists.
#![expect(clippy::unwrap_used, reason = "a test, all of it")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// How many lines each reference has.
const LINES: [usize; 5] = [30, 50, 19, 34, 42];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The names of all functions in a folder's files.
fn functions(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            functions(&path, names);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let tests = text.split("#[test]").skip(1);
            let tests = tests.chain(text.split("#[tokio::test").skip(1));
            let named = tests.filter_map(|test| test.split_once("fn ")?.1.split_once('('));
            names.extend(named.map(|(name, _)| name.to_owned()));
        }
    }
}

/// Whether there is such a test; a transcript says itself which lines it shows.
fn shows(test: &str, line: &str, tests: &BTreeSet<String>) -> bool {
    if test.starts_with("crates/") {
        return root().join(test).is_file();
    }
    if !test.contains('/') {
        return tests.contains(test);
    }
    let text = std::fs::read_to_string(root().join("crates/server/tests/dialects").join(test));
    let Ok(text) = text else { return false };
    let head = text.split("\n###").next().unwrap_or_default().replace('\n', " ");
    let named = head.rsplit_once('(').and_then(|(_, named)| named.split_once(')'));
    let mut ranges = named.map_or("", |(named, _)| named).split(", ");
    !test.ends_with(".http")
        || ranges.any(|range| match range.split_once(" to ") {
            Some((first, last)) => (first..=last).contains(&line),
            None => range == line,
        })
}

#[test]
fn every_line_of_the_references_has_a_test_that_there_is_or_a_reason() {
    let page = std::fs::read_to_string(root().join("docs/dialects.md")).unwrap();
    let mut tests = BTreeSet::new();
    functions(&root().join("crates"), &mut tests);
    let mut rows = page.lines().filter(|line| line.starts_with("| S"));
    for (reference, lines) in LINES.iter().enumerate() {
        for line in 1..=*lines {
            let row = rows.next().unwrap_or_default();
            let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
            let [name, what, place, shown] = cells[..] else { panic!("{row}") };
            assert_eq!(name, format!("S{reference}-{line:02}"));
            assert!(!what.is_empty(), "{row}");
            if shown == "-" {
                let reason = place.starts_with("not of the API") || place.starts_with("not yet");
                assert!(reason, "neither a test nor a reason: {row}");
                continue;
            }
            for test in shown.split(", ") {
                let test = test.strip_prefix('`').and_then(|test| test.strip_suffix('`'));
                let test = test.unwrap_or_else(|| panic!("{row}"));
                assert!(shows(test, name, &tests), "{test} does not show that: {row}");
            }
        }
    }
    assert_eq!(rows.next(), None);
}
