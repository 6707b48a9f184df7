//! The dialects, as their own clients see them: transcripts against the real binary.

#[path = "dialects/described.rs"]
mod described;
#[path = "house/served.rs"]
mod served;
#[path = "house/transcript.rs"]
mod transcript;

use served::Served;
use std::path::Path;

/// Each dialect is asked the same alone at the root and among all.
fn says_as_written(name: &str) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/dialects").join(name);
    let alone = Served::with(&[&format!("dialects.on={name}")]);
    let exchanges = transcript::run_all(&alone, &directory, "");
    let all = Served::with(&["dialects.on=all"]);
    assert_eq!(transcript::run_all(&all, &directory, &format!("/dialects/{name}")), exchanges);
}

#[test]
fn items_as_written() {
    says_as_written("items");
}

#[test]
fn flash_as_written() {
    says_as_written("flash");
}

#[test]
fn portal_as_written() {
    says_as_written("portal");
}

#[test]
fn marketplace_as_written() {
    says_as_written("marketplace");
}
