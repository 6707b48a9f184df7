//! The forms in which names and addresses are compared: one for those that are the same, one for
//! those that look the same. Refuses to know which names are allowed.

use unicode_normalization::UnicodeNormalization;
use unicode_security::confusable_detection::skeleton;

/// With whole letters of usual width: how a name is kept.
#[must_use]
pub fn composed(name: &str) -> String {
    name.trim().nfkc().collect()
}

/// Without regard to case and width, also where a letter has more than two forms; as PRECIS
/// (RFC 8265, UsernameCaseMapped) has it, but that what is compatible counts as the same.
#[must_use]
pub fn folded(name: &str) -> String {
    let whole = composed(name);
    whole.to_uppercase().to_lowercase().nfkc().collect()
}

/// What a name looks like (the skeleton of UTS 39), without regard to case: `PauI` is `paul`.
#[must_use]
pub fn looks_like(name: &str) -> String {
    let whole = composed(name);
    let seen: String = skeleton(&whole).collect();
    folded(&seen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_name_in_other_letters() {
        assert_eq!(folded("ＡＮＮＡ"), "anna");
        assert_eq!(folded("a\u{308}nne"), folded("Änne"));
        assert_eq!(folded(" STRASSE "), folded("straße"));
        assert_ne!(folded("anna"), folded("anne"));
    }

    #[test]
    fn names_that_look_alike() {
        for (one, other) in
            [("PauI", "Paul"), ("admin", "\u{430}dmin"), ("b0b", "bob"), ("rnary", "mary")]
        {
            assert_eq!(looks_like(one), looks_like(other), "{one} {other}");
        }
        for (one, other) in [("anna", "anne"), ("user2", "user3"), ("admin", "adman")] {
            assert_ne!(looks_like(one), looks_like(other), "{one} {other}");
        }
    }
}
