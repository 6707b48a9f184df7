//! A Rust file as the rules see it: its text, the same text with comments and strings blanked out,
//! and which lines are tests. A measure by layout, not a parser: it relies on rustfmt.

mod blank;

use std::ops::Range;

/// One file.
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) text: String,
    /// The text with the insides of comments, strings and chars as spaces; same length and lines.
    pub(crate) code: String,
    starts: Vec<usize>,
    tests: Vec<Range<usize>>,
}

/// A function with a body.
pub(crate) struct Function {
    pub(crate) name: String,
    /// Byte offset of `fn`.
    pub(crate) at: usize,
    /// Line of `fn`, counted from 1.
    pub(crate) line: usize,
    /// From `fn` to the closing brace.
    pub(crate) lines: usize,
    /// Between the braces.
    pub(crate) body_lines: usize,
}

impl Source {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        let code = blank::blank(text);
        let starts = std::iter::once(0)
            .chain(text.match_indices('\n').map(|(at, _)| at + 1))
            .collect::<Vec<_>>();
        let mut source =
            Self { path: path.into(), text: text.into(), code, starts, tests: Vec::new() };
        source.tests = source.find_tests();
        source
    }

    /// The line of a byte, counted from 1.
    pub(crate) fn line_of(&self, at: usize) -> usize {
        self.starts.partition_point(|start| *start <= at)
    }

    /// The text of a line counted from 1; empty outside the file.
    pub(crate) fn line(&self, number: usize) -> &str {
        number.checked_sub(1).and_then(|index| self.text.lines().nth(index)).unwrap_or_default()
    }

    /// Whether the whole file is tests.
    pub(crate) fn is_test_file(&self) -> bool {
        self.path.split('/').any(|part| part == "tests" || part == "tests.rs")
    }

    /// Whether this byte belongs to a test.
    pub(crate) fn in_tests(&self, at: usize) -> bool {
        self.is_test_file() || self.tests.iter().any(|range| range.contains(&at))
    }

    /// Lines that are no tests.
    pub(crate) fn lines_without_tests(&self) -> usize {
        let tested: usize = self
            .tests
            .iter()
            .map(|range| self.line_of(range.end) - self.line_of(range.start) + 1)
            .sum();
        self.text.lines().count().saturating_sub(tested)
    }

    /// Where a piece of code stands, outside comments and strings; a piece that begins or ends
    /// like a word is found as a whole word only.
    pub(crate) fn find<'a>(&'a self, piece: &'a str) -> impl Iterator<Item = usize> + 'a {
        let word =
            |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_');
        let bytes = self.code.as_bytes();
        self.code.match_indices(piece).map(|(at, _)| at).filter(move |at| {
            let end = at + piece.len();
            let glued_before = word(piece.as_bytes().first())
                && at.checked_sub(1).is_some_and(|before| word(bytes.get(before)));
            let glued_after = word(piece.as_bytes().last()) && word(bytes.get(end));
            !glued_before && !glued_after
        })
    }

    /// Where the bracket that opens at `open` closes.
    pub(crate) fn closing(&self, open: usize) -> Option<usize> {
        let mut depth = 0_usize;
        for (at, byte) in self.code.bytes().enumerate().skip(open) {
            match byte {
                b'(' | b'[' | b'{' => depth += 1,
                b')' | b']' | b'}' => {
                    depth = depth.checked_sub(1)?;
                    if depth == 0 {
                        return Some(at);
                    }
                }
                _ => {}
            }
        }
        None
    }

    /// The code between the bracket that opens at `open` and the first comma directly inside.
    pub(crate) fn first_argument(&self, open: usize) -> &str {
        let mut depth = 0_i32;
        for (at, byte) in self.code.bytes().enumerate().skip(open) {
            match byte {
                b'(' | b'[' | b'{' => depth += 1,
                b')' | b']' | b'}' => depth -= 1,
                b',' if depth == 1 => return &self.code[open..at],
                _ => {}
            }
            if depth == 0 {
                return &self.code[open..at];
            }
        }
        ""
    }

    /// All functions with a body.
    pub(crate) fn functions(&self) -> Vec<Function> {
        self.find("fn").filter_map(|at| self.function(at)).collect()
    }

    fn function(&self, at: usize) -> Option<Function> {
        let name: String = self.code[at + 2..]
            .trim_start()
            .chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect();
        if name.is_empty() {
            return None;
        }
        let open = self.body_of(at)?;
        let close = self.closing(open)?;
        let (line, last) = (self.line_of(at), self.line_of(close));
        let body_lines = last.saturating_sub(self.line_of(open) + 1);
        Some(Function { name, at, line, lines: last - line + 1, body_lines })
    }

    /// The first brace after `at` outside all brackets; none if a semicolon comes first.
    pub(crate) fn body_of(&self, at: usize) -> Option<usize> {
        let mut depth = 0_i32;
        for (at, byte) in self.code.bytes().enumerate().skip(at) {
            match byte {
                b'(' | b'[' => depth += 1,
                b')' | b']' => depth -= 1,
                b'{' if depth == 0 => return Some(at),
                b';' if depth == 0 => return None,
                _ => {}
            }
        }
        None
    }

    fn find_tests(&self) -> Vec<Range<usize>> {
        let item = |at: usize| match self.body_of(at).and_then(|open| self.closing(open)) {
            Some(close) => at..close,
            None => at..self.code[at..].find(';').map_or(self.code.len(), |end| at + end),
        };
        self.find("#[cfg(test)]").map(item).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_strings_are_no_code() {
        let source =
            Source::new("a.rs", "//! fn a() {}\nconst B: &str = \"fn b() {}\";\nfn c() {}\n");
        let names: Vec<_> = source.functions().into_iter().map(|f| f.name).collect();
        assert_eq!(names, ["c"]);
    }

    #[test]
    fn a_function_is_measured_from_its_name_to_its_brace() {
        let text = "pub fn a(\n    b: [u8; 4],\n) -> u8\nwhere\n    u8: Copy,\n{\n    b[0]\n}\n";
        let function = &Source::new("a.rs", text).functions()[0];
        assert_eq!((function.line, function.lines, function.body_lines), (1, 8, 1));
    }

    #[test]
    fn tests_do_not_count() {
        let text = "fn a() {}\n\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\n";
        let source = Source::new("a.rs", text);
        assert_eq!(source.lines_without_tests(), 2);
        let functions = source.functions();
        assert!(!source.in_tests(functions[0].at) && source.in_tests(functions[1].at));
    }

    #[test]
    fn words_are_found_whole() {
        let source = Source::new("a.rs", "fn f64_of(x: f64) {}");
        assert_eq!(source.find("f64").count(), 1);
    }
}
