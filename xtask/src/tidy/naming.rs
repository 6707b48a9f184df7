//! Words that say "where I put functions" instead of what a thing is.

use crate::source::Source;

const WORDS: [&str; 5] = ["manager", "service", "helper", "util", "common"];
const DECLARATIONS: [&str; 5] = ["struct", "enum", "trait", "type", "union"];

pub(crate) fn names(source: &Source) -> Vec<(usize, String)> {
    let parts = source.path.split('/').flat_map(|part| part.split(['_', '-', '.']));
    let mut found: Vec<_> = parts
        .filter(|part| empty(part))
        .map(|part| (0, format!("`{part}` in a file's name says nothing; name what it is")))
        .collect();
    for at in DECLARATIONS.iter().flat_map(|word| source.find(word)) {
        let after = source.code[at..].split_once(' ').map_or("", |(_, after)| after);
        let name = after.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or("");
        if camel_words(name).iter().any(|word| empty(word)) {
            let message = format!("`{name}` says nothing; name what it is");
            found.push((source.line_of(at), message));
        }
    }
    found
}

fn empty(word: &str) -> bool {
    let word = word.to_lowercase();
    WORDS.iter().any(|empty| word == *empty || word.strip_suffix('s') == Some(*empty))
}

fn camel_words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for c in name.chars() {
        match words.last_mut() {
            Some(word) if !c.is_uppercase() => word.push(c),
            Some(_) | None => words.push(c.into()),
        }
    }
    words
}
