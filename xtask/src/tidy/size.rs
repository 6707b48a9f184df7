//! How long things may be: what fits on a screen is read, what does not is skimmed.

use super::ratchet::{LONG_FILES, LONG_FUNCTIONS};
use crate::source::Source;

pub(crate) const FILE_LINES: usize = 500;
pub(crate) const FUNCTION_LINES: usize = 70;
const HANDLER_LINES: usize = 25;
const COLUMNS: usize = 100;

pub(crate) fn file(source: &Source) -> Vec<(usize, String)> {
    let named = LONG_FILES.iter().find(|(path, _)| *path == source.path);
    let allowed = named.map_or(FILE_LINES, |(_, allowed)| *allowed);
    let lines = source.lines_without_tests();
    if source.is_test_file() || lines <= allowed {
        return Vec::new();
    }
    vec![(0, format!("{lines} lines without tests, at most {allowed}; split it by what it is"))]
}

pub(crate) fn line(source: &Source) -> Vec<(usize, String)> {
    let widths = source.text.lines().map(|line| line.chars().count());
    (1..)
        .zip(widths)
        .filter(|(_, width)| *width > COLUMNS)
        .map(|(line, width)| (line, format!("{width} columns, at most {COLUMNS}")))
        .collect()
}

pub(crate) fn function(source: &Source) -> Vec<(usize, String)> {
    let allowed = |name: &str| {
        let named =
            LONG_FUNCTIONS.iter().find(|(path, long, _)| *path == source.path && *long == name);
        named.map_or(FUNCTION_LINES, |(_, _, allowed)| *allowed)
    };
    source
        .functions()
        .into_iter()
        .filter(|function| function.lines > allowed(&function.name))
        .map(|function| {
            let (name, lines) = (&function.name, function.lines);
            (function.line, format!("`{name}` has {lines} lines, at most {}", allowed(name)))
        })
        .collect()
}

/// A handler extracts, names the command, converts the answer: no rule of the house lives there.
pub(crate) fn handler(source: &Source) -> Vec<(usize, String)> {
    if !source.path.starts_with("crates/server/src/http") {
        return Vec::new();
    }
    let functions = source.functions();
    let handlers = source.find("#[utoipa::path").filter_map(|at| {
        let end = source.closing(at + 1)?;
        functions.iter().find(|function| function.at > end)
    });
    handlers
        .filter(|handler| handler.body_lines > HANDLER_LINES)
        .map(|handler| {
            let (name, lines) = (&handler.name, handler.body_lines);
            (
                handler.line,
                format!("the body of `{name}` has {lines} lines, at most {HANDLER_LINES}"),
            )
        })
        .collect()
}
