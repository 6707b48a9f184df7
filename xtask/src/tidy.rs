//! The house rules, run over every file of ours. Each rule is one function in a list; a finding
//! names file, line and rule. Forgives nothing outside `ratchet.rs`.

mod files;
mod links;
mod manifests;
mod naming;
mod ratchet;
mod size;
mod walls;
mod wording;

use crate::finding::Finding;
use crate::source::Source;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// A rule over one file: where it is broken, and how to put it right.
type Rule = fn(&Source) -> Vec<(usize, String)>;

/// All rules over Rust files, by the name that a finding shows.
const RULES: [(&str, Rule); 16] = [
    ("file-head", files::head),
    ("file-size", size::file),
    ("line-width", size::line),
    ("function-size", size::function),
    ("handler-size", size::handler),
    ("no-mod-rs", files::no_mod_rs),
    ("re-exports", files::re_exports),
    ("naming", naming::names),
    ("unwrap", wording::unwrap),
    ("wildcard-arm", wording::wildcard_arm),
    ("lint-exception", wording::lint_exception),
    ("no-floats", wording::floats),
    ("purity", wording::purity),
    ("unfinished", wording::unfinished),
    ("sql-text", wording::sql_text),
    ("debris", wording::debris),
];

/// Checks everything and prints what is wrong.
pub(crate) fn run() -> ExitCode {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."));
    match check(root) {
        Ok((files, findings)) if findings.is_empty() => {
            println!("tidy: {files} files, {} rules, the walls and the links hold", RULES.len());
            ExitCode::SUCCESS
        }
        Ok((_, findings)) => {
            for finding in &findings {
                eprintln!("{finding}");
            }
            eprintln!("tidy: {} findings; CONTRIBUTING.md gives the reasons", findings.len());
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("tidy could not look: {error}");
            ExitCode::FAILURE
        }
    }
}

fn check(root: &Path) -> std::io::Result<(usize, Vec<Finding>)> {
    let mut paths = Vec::new();
    for folder in ["crates", "xtask", "bench"] {
        rust_files(&root.join(folder), &mut paths)?;
    }
    paths.sort();
    let mut findings = Vec::new();
    for path in &paths {
        let name = path.strip_prefix(root).unwrap_or(path).to_string_lossy().into_owned();
        findings.extend(judge(&Source::new(&name, &std::fs::read_to_string(path)?)));
    }
    findings.extend(ratchet::stale(root)?);
    findings.extend(manifests::check(root)?);
    findings.extend(walls::check(root)?);
    findings.extend(links::check(root)?);
    Ok((paths.len(), findings))
}

fn judge(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (rule, judge) in RULES {
        findings.extend(judge(source).into_iter().map(|(line, message)| Finding {
            path: source.path.clone(),
            line,
            rule,
            message,
        }));
    }
    findings
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    if !folder.exists() {
        return Ok(());
    }
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir() && !["target", "node_modules"].contains(&name) {
            rust_files(&path, found)?;
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
