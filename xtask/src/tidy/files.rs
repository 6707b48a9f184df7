//! How files begin, what they are called, and what they pass on.

use crate::source::Source;

pub(crate) fn head(source: &Source) -> Vec<(usize, String)> {
    if source.text.starts_with("//!") {
        return Vec::new();
    }
    vec![(1, "begins without `//!`; say what the file is and what it refuses to know".into())]
}

pub(crate) fn no_mod_rs(source: &Source) -> Vec<(usize, String)> {
    if source.path.rsplit('/').next() != Some("mod.rs") {
        return Vec::new();
    }
    vec![(0, "put `x.rs` beside the folder `x/`, so that tabs and searches show a name".into())]
}

pub(crate) fn re_exports(source: &Source) -> Vec<(usize, String)> {
    if source.path.ends_with("/src/lib.rs") {
        return Vec::new();
    }
    source
        .find("pub use")
        .map(|at| {
            let message = "re-exports live in a crate's lib.rs only; import from where it lives";
            (source.line_of(at), message.to_owned())
        })
        .collect()
}
