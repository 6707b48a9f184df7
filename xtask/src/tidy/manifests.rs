//! Rules over the manifests: versions are pinned in one table, each with its reason, and every
//! crate takes the lints of the house.

use crate::finding::Finding;
use std::path::Path;

const MEMBERS: [&str; 2] = ["xtask", "bench"];

pub(crate) fn check(root: &Path) -> std::io::Result<Vec<Finding>> {
    let mut findings = judge_root(&std::fs::read_to_string(root.join("Cargo.toml"))?);
    let mut members: Vec<String> = MEMBERS.map(str::to_owned).into();
    for entry in std::fs::read_dir(root.join("crates"))? {
        members.push(format!("crates/{}", entry?.file_name().to_string_lossy()));
    }
    members.sort();
    for member in members {
        let path = format!("{member}/Cargo.toml");
        let text = std::fs::read_to_string(root.join(&path))?;
        findings.extend(judge_member(&path, &text));
    }
    Ok(findings)
}

pub(crate) fn judge_root(text: &str) -> Vec<Finding> {
    let ours = |line: &str| line.contains("path = \"crates/");
    let message = "say in a comment at the end of the line what it is for";
    lines_of(text, |section| section == "[workspace.dependencies]")
        .filter(|(_, line)| !ours(line) && !line.contains(" # "))
        .map(|(line, _)| finding("Cargo.toml", line, message))
        .collect()
}

pub(crate) fn judge_member(path: &str, text: &str) -> Vec<Finding> {
    let message = "take the version from the root: `name.workspace = true`";
    let mut findings: Vec<_> = lines_of(text, |section| section.ends_with("dependencies]"))
        .filter(|(_, line)| line.contains('=') && !line.contains("workspace = true"))
        .filter(|(_, line)| !line.trim_start().starts_with('"'))
        .map(|(line, _)| finding(path, line, message))
        .collect();
    if !lines_of(text, |section| section == "[lints]").any(|(_, line)| line == "workspace = true") {
        findings.push(finding(path, 0, "takes no lints of the house: [lints] workspace = true"));
    }
    findings
}

/// The lines of some sections, numbered, without empty ones and comments.
fn lines_of(text: &str, wanted: impl Fn(&str) -> bool) -> impl Iterator<Item = (usize, &str)> {
    let mut inside = false;
    (1..).zip(text.lines()).filter(move |(_, line)| {
        if line.starts_with('[') {
            inside = wanted(line);
            return false;
        }
        inside && !line.trim().is_empty() && !line.starts_with('#')
    })
}

fn finding(path: &str, line: usize, message: &str) -> Finding {
    Finding { path: path.into(), line, rule: "manifest", message: message.into() }
}
