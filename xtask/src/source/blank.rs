//! Blanks comments, strings and chars out of Rust text, keeping every line and byte in place.
//! Knows just enough of the language for that: nesting comments, raw strings, lifetimes.

/// The text with the insides of comments, strings and chars as spaces.
pub(crate) fn blank(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let hidden = skip(rest, out.as_bytes().last().copied());
        let (taken, shown) = match hidden {
            0 => (first.len_utf8(), true),
            hidden => (hidden, false),
        };
        for c in rest[..taken].chars() {
            match c {
                '\n' => out.push('\n'),
                c if shown && c.is_ascii() => out.push(c),
                c => out.extend(std::iter::repeat_n(' ', c.len_utf8())),
            }
        }
        rest = &rest[taken..];
    }
    out
}

/// How many bytes at the head of `rest` are a comment, a string or a char; 0 if none.
fn skip(rest: &str, before: Option<u8>) -> usize {
    let bytes = rest.as_bytes();
    let in_word = before.is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_');
    match bytes {
        [b'/', b'/', ..] => rest.find('\n').unwrap_or(rest.len()),
        [b'/', b'*', ..] => block_comment(bytes),
        [b'"', ..] => string(bytes, 1),
        [b'b' | b'c', b'"', ..] if !in_word => string(bytes, 2),
        [b'r', b'"' | b'#', ..] if !in_word => raw(rest, 1),
        [b'b' | b'c', b'r', b'"' | b'#', ..] if !in_word => raw(rest, 2),
        [b'\'', b'\\', ..] => char_end(rest, 3),
        [b'\'', ..] => match rest.chars().nth(2) {
            Some('\'') => rest.char_indices().nth(3).map_or(rest.len(), |(at, _)| at),
            _ => 0,
        },
        _ => 0,
    }
}

fn block_comment(bytes: &[u8]) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < bytes.len() {
        match bytes[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn string(bytes: &[u8], from: usize) -> usize {
    let mut at = from;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

fn raw(rest: &str, from: usize) -> usize {
    let hashes = rest[from..].bytes().take_while(|b| *b == b'#').count();
    if rest.as_bytes().get(from + hashes) != Some(&b'"') {
        return 0;
    }
    let end = format!("\"{}", "#".repeat(hashes));
    let inside = from + hashes + 1;
    rest[inside..].find(&end).map_or(rest.len(), |at| inside + at + end.len())
}

fn char_end(rest: &str, from: usize) -> usize {
    let tail = rest.get(from..).unwrap_or_default();
    tail.find('\'').map_or(rest.len(), |at| from + at + 1)
}

#[cfg(test)]
mod tests {
    use super::blank;

    #[test]
    fn each_kind_of_text_is_blanked_in_place() {
        let cases = [
            ("a /* b /* c */ d */ e", "a                   e"),
            ("x = \"a\\\"b\"; y", "x =       ; y"),
            ("x = r#\"a\"b\"#; y", "x =         ; y"),
            ("x = b\"a\"; y", "x =     ; y"),
            ("x = '\"'; y", "x =    ; y"),
            ("x = '\\''; y", "x =     ; y"),
            ("fn f<'a>(b: &'a str)", "fn f<'a>(b: &'a str)"),
            ("a // b\nc", "a     \nc"),
            ("r#type", "r#type"),
        ];
        for (text, expected) in cases {
            assert_eq!(blank(text), expected);
        }
    }

    #[test]
    fn bytes_stay_where_they_are() {
        let text = "let a = \"grün\"; // ü\nlet b = 'ü';";
        assert_eq!(blank(text).len(), text.len());
    }
}
