//! What the simulator has found once and is kept: mended here, and, where a planted bug brings it
//! back, found again with that.

#![expect(clippy::unwrap_used, reason = "a test, all of it")]

use gavel_sim::found::{Found, all};
use gavel_sim::run::one;
use std::path::Path;

fn kept() -> Vec<(String, Found)> {
    all(&Path::new(env!("CARGO_MANIFEST_DIR")).join("kept")).unwrap()
}

#[test]
fn nothing_that_was_found_once_is_wrong_again() {
    for (name, Found { params, steps, mutant, .. }) in kept() {
        let outcome = one(&params, steps);
        let said: Vec<String> = outcome.violations.iter().map(ToString::to_string).collect();
        assert!(said.is_empty(), "{name}: {}", said.join("\n"));
        let known = |mutant: &String| gavel_sim::mutants::named(mutant).is_some();
        assert!(mutant.as_ref().is_none_or(known), "{name}: no planted bug {mutant:?}");
    }
}

#[test]
fn what_is_kept_reads_back_as_it_was_written() {
    let folder = std::env::temp_dir().join(format!("gavel-kept-{}", std::process::id()));
    for (name, found) in kept() {
        gavel_sim::found::keep(&folder, &name, &found).unwrap();
    }
    let again = all(&folder).unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    assert_eq!(again, kept());
}
