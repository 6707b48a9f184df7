//! Links in Markdown: each leads to a file that is there, and to a heading of it where it names
//! one; a test that is named after a link to its file stands in it. Follows no address of the web.

use crate::finding::Finding;
use std::path::{Path, PathBuf};

/// Judges every page of ours.
pub(crate) fn check(root: &Path) -> std::io::Result<Vec<Finding>> {
    let mut pages = Vec::new();
    markdown(root, &mut pages)?;
    pages.sort();
    let mut findings = Vec::new();
    for page in pages {
        let name = page.strip_prefix(root).unwrap_or(&page).to_string_lossy().into_owned();
        let open = |path: &str| {
            let file = root.join(path);
            if file.is_dir() { Some(String::new()) } else { std::fs::read_to_string(file).ok() }
        };
        findings.extend(judge(&name, &std::fs::read_to_string(&page)?, &open));
    }
    Ok(findings)
}

fn markdown(folder: &Path, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir() {
            if !["target", "node_modules"].contains(&name) && !name.starts_with('.') {
                markdown(&path, found)?;
            }
        } else if path.extension().is_some_and(|ending| ending == "md") {
            found.push(path);
        }
    }
    Ok(())
}

/// Judges a page; `open` gives the text of a file by its path from the root, if it is there.
pub(crate) fn judge(page: &str, text: &str, open: &dyn Fn(&str) -> Option<String>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (line, said) in prose(text) {
        let mut wrong = |message: String| {
            findings.push(Finding { path: page.to_owned(), line, rule: "link", message });
        };
        for (at, _) in said.match_indices("](") {
            let Some((target, after)) = said[at + 2..].split_once(')') else { continue };
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let (file, heading) = target.split_once('#').unwrap_or((target, ""));
            let path = if file.is_empty() { page.to_owned() } else { beside(page, file) };
            let Some(there) = open(&path) else {
                wrong(format!("{target} leads nowhere"));
                continue;
            };
            let mut headings = prose(&there).filter(|(_, line)| line.starts_with('#'));
            if !heading.is_empty() && !headings.any(|(_, line)| anchor(line) == heading) {
                wrong(format!("{path} has no heading #{heading}"));
            }
            for name in tests_named(after).filter(|_| file.ends_with(".rs")) {
                if !there.contains(&format!("fn {name}(")) {
                    wrong(format!("{path} has no test `{name}`"));
                }
            }
        }
    }
    findings
}

/// The lines outside of fenced blocks, numbered.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    (1..).zip(text.lines()).filter(move |(_, line)| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fenced && !fence
    })
}

/// The path from the root of what a page calls by its place beside itself.
fn beside(page: &str, file: &str) -> String {
    let mut path: Vec<&str> = page.split('/').collect();
    path.pop();
    for step in file.split('/') {
        match step {
            "." | "" => {}
            ".." => drop(path.pop()),
            name => path.push(name),
        }
    }
    path.join("/")
}

/// How a heading is called in a link.
fn anchor(heading: &str) -> String {
    let words = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = words.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// The names behind a link: a colon, and then one or more in backquotes with commas between.
fn tests_named(after: &str) -> impl Iterator<Item = &str> {
    let mut rest = after.strip_prefix(": ");
    std::iter::from_fn(move || {
        let (name, after) = rest?.strip_prefix('`')?.split_once('`')?;
        rest = after.strip_prefix(", ");
        Some(name)
    })
}
