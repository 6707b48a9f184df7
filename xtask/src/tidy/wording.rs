//! Rules about what code may say, and where.

use crate::source::Source;

fn hits<'a>(
    source: &'a Source,
    pieces: &'a [&'a str],
    message: &'a str,
) -> impl Iterator<Item = (usize, String)> + 'a {
    pieces
        .iter()
        .flat_map(|piece| source.find(piece))
        .filter(|at| !source.in_tests(*at))
        .map(move |at| (source.line_of(at), message.to_owned()))
}

fn within(source: &Source, folders: &[&str]) -> bool {
    folders.iter().any(|folder| source.path.starts_with(folder))
}

pub(crate) fn unwrap(source: &Source) -> Vec<(usize, String)> {
    hits(source, &[".unwrap()", ".unwrap_err()"], "tests only; `expect(\"the invariant\")` or `?`")
        .collect()
}

/// The next variant of an enum of ours must make the compiler ask what should happen.
pub(crate) fn wildcard_arm(source: &Source) -> Vec<(usize, String)> {
    if !within(source, &["crates/auction/", "crates/proof/", "crates/engine/"]) {
        return Vec::new();
    }
    let message = "name the variants; if the value is not an enum of ours, say so at the end of \
                   the line: `// not ours: what it is`";
    hits(source, &["_ =>", "_ if"], message)
        .filter(|(line, _)| !source.line(*line).contains("// not ours: "))
        .filter(|(line, _)| !source.line(line - 1).trim().starts_with("// not ours: "))
        .collect()
}

pub(crate) fn lint_exception(source: &Source) -> Vec<(usize, String)> {
    let at = |at| source.line_of(at);
    let allow = ["#[allow(", "#![allow("].iter().flat_map(|piece| source.find(piece));
    let mut found: Vec<_> = allow
        .map(|start| (at(start), "write `#[expect(lint, reason = \"...\")]`".to_owned()))
        .collect();
    for start in ["#[expect(", "#![expect("].iter().flat_map(|piece| source.find(piece)) {
        let open = start + source.code[start..].find('[').unwrap_or_default();
        let end = source.closing(open).unwrap_or(source.code.len());
        if !source.code[start..end].contains("reason") {
            found.push((at(start), "an exception needs its `reason = \"...\"`".into()));
        }
    }
    found
}

pub(crate) fn floats(source: &Source) -> Vec<(usize, String)> {
    if !within(source, &["crates/auction/"]) {
        return Vec::new();
    }
    hits(source, &["f32", "f64"], "no floats near money: integers of minor units, i128 inside")
        .collect()
}

/// What the rules of an auction must not even be able to name.
pub(crate) fn purity(source: &Source) -> Vec<(usize, String)> {
    const IMPURE: [&str; 13] = [
        "HashMap",
        "HashSet",
        "std::env",
        "std::fs",
        "std::io",
        "std::net",
        "std::process",
        "std::thread",
        "std::time",
        "Instant",
        "SystemTime",
        "println!",
        "thread_local!",
    ];
    if !within(source, &["crates/auction/src/"]) {
        return Vec::new();
    }
    hits(source, &IMPURE, "the rules know no clock, chance, thread, file, socket, hash order")
        .collect()
}

pub(crate) fn unfinished(source: &Source) -> Vec<(usize, String)> {
    let found = ["todo!(", "unimplemented!("].iter().flat_map(|piece| source.find(piece));
    found.map(|at| (source.line_of(at), "finish it or leave it out".to_owned())).collect()
}

/// A statement put together from text is how a value becomes a command.
pub(crate) fn sql_text(source: &Source) -> Vec<(usize, String)> {
    const CALLS: [&str; 8] = [
        ".execute(",
        ".execute_batch(",
        ".prepare(",
        ".prepare_cached(",
        ".query(",
        ".query_one(",
        ".query_row(",
        ".batch_execute(",
    ];
    if !within(source, &["crates/store/src/"]) {
        return Vec::new();
    }
    let calls = CALLS.iter().flat_map(|call| source.find(call).map(|at| (at, at + call.len() - 1)));
    calls
        .filter(|(at, open)| {
            !source.in_tests(*at) && source.first_argument(*open).contains("format!")
        })
        .map(|(at, _)| {
            let message = "statements are constant text; values go in as parameters";
            (source.line_of(at), message.to_owned())
        })
        .collect()
}

pub(crate) fn debris(source: &Source) -> Vec<(usize, String)> {
    let found = ["dbg!("].iter().flat_map(|piece| source.find(piece));
    found.map(|at| (source.line_of(at), "left over from a search".to_owned())).collect()
}
