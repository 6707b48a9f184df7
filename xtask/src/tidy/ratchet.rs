//! What is forgiven, by name. Both lists may only shrink: an entry that is no longer needed, or
//! larger than needed, is itself a finding.

use super::size;
use crate::finding::Finding;
use crate::source::Source;
use std::path::Path;

/// Files that are longer than the limit, with the length they may have.
pub(crate) const LONG_FILES: &[(&str, usize)] = &[];

/// Functions that are longer than the limit: file, function, the length it may have.
pub(crate) const LONG_FUNCTIONS: &[(&str, &str, usize)] = &[];

/// Entries that have become too generous.
pub(crate) fn stale(root: &Path) -> std::io::Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let mut stale = |path: &str, message: String| {
        let path = path.to_owned();
        findings.push(Finding { path, line: 0, rule: "ratchet", message });
    };
    for (path, allowed) in LONG_FILES {
        let lines = read(root, path)?.lines_without_tests();
        if lines <= size::FILE_LINES {
            stale(path, "short enough now; strike it from LONG_FILES".into());
        } else if lines < *allowed {
            stale(path, format!("{lines} lines now; lower its entry in LONG_FILES"));
        }
    }
    for (path, name, allowed) in LONG_FUNCTIONS {
        let functions = read(root, path)?.functions();
        let lines = functions.iter().find(|function| function.name == *name).map_or(0, |f| f.lines);
        if lines <= size::FUNCTION_LINES {
            stale(path, format!("`{name}` is short enough now; strike it from LONG_FUNCTIONS"));
        } else if lines < *allowed {
            stale(path, format!("`{name}` has {lines} lines; lower its entry in LONG_FUNCTIONS"));
        }
    }
    Ok(findings)
}

fn read(root: &Path, path: &str) -> std::io::Result<Source> {
    let file = root.join(path);
    let text = if file.exists() { std::fs::read_to_string(file)? } else { String::new() };
    Ok(Source::new(path, &text))
}
