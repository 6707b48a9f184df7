//! Each rule against a sample that breaks it, and one that does not.

use super::links;
use super::manifests::{judge_member, judge_root};
use super::walls::{self, Graph};
use super::{RULES, judge};
use crate::source::Source;

/// The lines at which exactly this rule is broken.
fn broken(rule: &str, path: &str, text: &str) -> Vec<usize> {
    let findings = judge(&Source::new(path, text));
    findings.into_iter().filter(|f| f.rule == rule).map(|f| f.line).collect()
}

fn long(lines: usize) -> String {
    "    a();\n".repeat(lines)
}

#[test]
fn each_rule_catches_its_bad_sample() {
    let handler = format!("#[utoipa::path(get)]\npub async fn get() {{\n{}}}\n", long(26));
    let function = format!("fn f() {{\n{}}}\n", long(69));
    let samples: [(&str, &str, &str); 24] = [
        ("file-head", "crates/auction/src/a.rs", "fn a() {}\n"),
        ("file-size", "crates/auction/src/a.rs", &long(501)),
        ("line-width", "crates/auction/src/a.rs", &"x".repeat(101)),
        ("function-size", "crates/auction/src/a.rs", &function),
        ("handler-size", "crates/server/src/http/v1/a.rs", &handler),
        ("no-mod-rs", "crates/auction/src/a/mod.rs", ""),
        ("re-exports", "crates/auction/src/a.rs", "pub use b::C;"),
        ("naming", "crates/auction/src/bid_helpers.rs", ""),
        ("naming", "crates/auction/src/utils/a.rs", ""),
        ("naming", "crates/auction/src/a.rs", "pub struct BidManager;"),
        ("naming", "crates/auction/src/a.rs", "enum CommonThings { A }"),
        ("unwrap", "crates/auction/src/a.rs", "fn a() { b().unwrap(); }"),
        ("wildcard-arm", "crates/auction/src/a.rs", "match a {\n    _ => b,\n}"),
        ("wildcard-arm", "crates/engine/src/a.rs", "match a {\n    _ if c => b,\n}"),
        ("lint-exception", "crates/auction/src/a.rs", "#[allow(dead_code)]\nfn a() {}"),
        ("lint-exception", "crates/auction/src/a.rs", "#[expect(dead_code)]\nfn a() {}"),
        ("no-floats", "crates/auction/src/a.rs", "fn a(b: f64) {}"),
        ("purity", "crates/auction/src/a.rs", "use std::collections::HashMap;"),
        ("purity", "crates/auction/src/a.rs", "use std::time::Duration;"),
        ("unfinished", "crates/auction/src/a.rs", "fn a() { todo!() }"),
        ("unfinished", "crates/store/tests/a.rs", "fn a() { unimplemented!(\"b\") }"),
        ("sql-text", "crates/store/src/a.rs", "c.execute(&format!(\"DROP {t}\"), [])?;"),
        ("sql-text", "crates/store/src/a.rs", "c\n    .query_row(\n  &format!(\"a\"), [], f)?;"),
        ("debris", "crates/auction/src/a.rs", "fn a() { dbg!(1); }"),
    ];
    for (rule, path, text) in samples {
        assert_eq!(broken(rule, path, text).len(), 1, "{rule} on {path}: {text}");
    }
    for (rule, _) in RULES {
        assert!(samples.iter().any(|sample| sample.0 == rule), "{rule} has no bad sample");
    }
}

#[test]
fn what_is_allowed_passes() {
    let function = format!("fn f() {{\n{}}}\n", long(68));
    let handler = format!("#[utoipa::path(get)]\npub async fn get() {{\n{}}}\n", long(25));
    let samples: [(&str, &str, &str); 16] = [
        ("file-head", "crates/auction/src/a.rs", "//! A.\n"),
        ("file-size", "crates/auction/tests/a.rs", &long(501)),
        ("function-size", "crates/auction/src/a.rs", &function),
        ("handler-size", "crates/server/src/http/v1/a.rs", &handler),
        ("re-exports", "crates/auction/src/lib.rs", "pub use a::B;"),
        ("naming", "crates/auction/src/uncommon.rs", "struct Futility;"),
        ("unwrap", "crates/auction/src/a.rs", "#[cfg(test)]\nmod tests { fn a() { b.unwrap(); } }"),
        ("unwrap", "crates/auction/src/a.rs", "fn a() { b.unwrap_or(1); } // .unwrap()"),
        ("wildcard-arm", "crates/proof/src/a.rs", "match a {\n    _ => b, // not ours: a byte\n}"),
        ("wildcard-arm", "crates/proof/src/a.rs", "    // not ours: a byte\n    _ => b,\n"),
        ("wildcard-arm", "crates/server/src/a.rs", "match a { _ => b }"),
        (
            "lint-exception",
            "crates/auction/src/a.rs",
            "#[expect(\n  a,\n  reason = \"b\"\n)]\nfn a() {}",
        ),
        ("no-floats", "crates/auction/src/a.rs", "// f64 would round\nfn as_f64() {}"),
        ("purity", "crates/engine/src/a.rs", "use std::collections::HashMap;"),
        ("sql-text", "crates/store/src/a.rs", "c.execute(\"A ?1\", [format!(\"b\")])"),
        ("sql-text", "crates/server/src/a.rs", "c.execute(&format!(\"a\"))"),
    ];
    for (rule, path, text) in samples {
        assert_eq!(broken(rule, path, text), [0; 0], "{rule} on {path}: {text}");
    }
}

#[test]
fn tests_at_a_file_s_tail_do_not_count() {
    let text = format!("{}#[cfg(test)]\nmod tests {{\n{}}}\n", long(500), long(300));
    assert_eq!(broken("file-size", "crates/auction/src/a.rs", &text), [0; 0]);
}

#[test]
fn a_dependency_needs_its_reason_and_its_one_version() {
    let root = "[workspace.dependencies]\na = \"1\"\nb = \"1\" # for c\n[other]\nc = \"1\"\n";
    assert_eq!(judge_root(root).iter().map(|f| f.line).collect::<Vec<_>>(), [2]);
    let member = "[dependencies]\na = \"1\"\nb.workspace = true\n[lints]\nworkspace = true\n";
    assert_eq!(judge_member("a", member).iter().map(|f| f.line).collect::<Vec<_>>(), [2]);
    assert_eq!(judge_member("a", "[dependencies]\n").len(), 1);
}

#[test]
fn links_lead_to_files_headings_and_tests() {
    let open = |path: &str| match path {
        "docs/a.md" => Some("# A page: of all\n".to_owned()),
        "crates/a/tests/b.rs" => Some("fn c() {}\nfn d() {}\n".to_owned()),
        "crates/a" => Some(String::new()),
        _ => None,
    };
    let wrong = |text: &str| -> Vec<String> {
        let findings = links::judge("docs/b/c.md", text, &open);
        findings.into_iter().map(|finding| finding.message).collect()
    };
    let well = "[a](../a.md) [a](../a.md#a-page-of-all) [b](https://b.example/c) [c](#here)\n\
        # Here\n```sh\n[ a ](b)\n```\n[b](../../crates/a/tests/b.rs): `c`, `d`; `e`\n\
        [d](../../crates/a)\n";
    let open_here = |path: &str| if path == "docs/b/c.md" { Some(well.into()) } else { open(path) };
    assert_eq!(links::judge("docs/b/c.md", well, &open_here), []);
    assert_eq!(wrong("\n[a](a.md)"), ["a.md leads nowhere"]);
    assert_eq!(wrong("[a](../a.md#b)"), ["docs/a.md has no heading #b"]);
    assert_eq!(
        wrong("[b](../../crates/a/tests/b.rs): `c`, `e`, `d`."),
        ["crates/a/tests/b.rs has no test `e`"]
    );
}

#[test]
fn walls_hold_by_every_road() {
    let messages = |graph: &Graph| -> Vec<String> {
        walls::judge(graph).into_iter().map(|finding| finding.message).collect()
    };
    let clean =
        Graph::of(&[("gavel-auction", &["serde"]), ("gavel-proof", &["gavel-auction"])], &[]);
    assert_eq!(messages(&clean), [""; 0]);
    let hidden =
        Graph::of(&[("gavel-auction", &["serde"])], &[("serde", &["a"]), ("a", &["tokio"])]);
    assert!(messages(&hidden)[0].contains("reaches tokio"));
    let upward = Graph::of(
        &[("gavel-auction", &[]), ("gavel-server", &["gavel-sim"]), ("gavel-sim", &[])],
        &[],
    );
    assert!(messages(&upward)[0].contains("must not see gavel-sim"));
    let extra = Graph::of(&[("gavel-auction", &["jiff"])], &[]);
    assert!(messages(&extra)[0].contains("not jiff"));
    let direct = Graph::of(&[("gavel-server", &["rusqlite"])], &[]);
    assert!(messages(&direct)[0].contains("rusqlite itself"));
    assert!(messages(&Graph::of(&[("gavel-new", &[])], &[]))[0].contains("has no wall"));
}
