//! What names, addresses and lines of text may look like. Says why not, in words.

use crate::http::error::Problem;
use gavel_auction::command::Roles;
use serde::{Deserialize, Deserializer};

/// The words for a set of roles, in their order.
#[must_use]
pub fn role_words(roles: Roles) -> Vec<&'static str> {
    let all = [
        (roles.bidder, "bidder"),
        (roles.seller, "seller"),
        (roles.clerk, "clerk"),
        (roles.admin, "admin"),
    ];
    all.into_iter().filter_map(|(has, word)| has.then_some(word)).collect()
}

/// The set of roles with these words.
pub(crate) fn roles_of(words: &[String]) -> Result<Roles, Problem> {
    let mut roles = Roles::default();
    for word in words {
        let role = match word.as_str() {
            "bidder" => &mut roles.bidder,
            "seller" => &mut roles.seller,
            "clerk" => &mut roles.clerk,
            "admin" => &mut roles.admin,
            _ => {
                let detail = "Roles are bidder, seller, clerk and admin, each at most once.";
                return Err(Problem::malformed("roles", detail));
            }
        };
        if std::mem::replace(role, true) {
            return Err(Problem::malformed("roles", "Each role at most once."));
        }
    }
    Ok(roles)
}

/// Whether a text can be a username: 3 to 100 Latin letters, digits, `_`, `-` and `.`. Letters of
/// one script, whole ones only, so that no two names look the same.
///
/// # Errors
/// Why not.
pub fn check_username(name: &str) -> Result<(), &'static str> {
    let count = name.chars().count();
    if !(3..=100).contains(&count) {
        return Err("A username has 3 to 100 characters.");
    }
    let letter = |c: char| {
        let latin = ('\u{c0}'..='\u{24f}').contains(&c) && c.is_alphabetic();
        c.is_ascii_alphanumeric() || latin
    };
    if !name.chars().all(|c| letter(c) || matches!(c, '_' | '-' | '.')) {
        return Err("A username is made of Latin letters, digits, `_`, `-` and `.`.");
    }
    if !name.starts_with(letter) {
        return Err("A username begins with a letter or a digit.");
    }
    Ok(())
}

/// Whether a text can be an address. Only a mail that arrives could tell for sure.
///
/// # Errors
/// Why not.
pub fn check_email(email: &str) -> Result<(), &'static str> {
    const WRONG: &str = "An e-mail address looks like name@example.com.";
    let (local, domain) = email.rsplit_once('@').ok_or(WRONG)?;
    let plain = |c: char| !c.is_control() && !c.is_whitespace() && !invisible(c);
    let local_fits = (1..=64).contains(&local.len())
        && local
            .chars()
            .all(|c| plain(c) && !matches!(c, '@' | '"' | '<' | '>' | ',' | ';' | '\\'))
        && !local.starts_with('.')
        && !local.ends_with('.')
        && !local.contains("..");
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let labels = domain.split('.').count();
    let domain_fits = labels >= 2 && domain.split('.').all(label);
    if email.len() <= 254 && local_fits && domain_fits { Ok(()) } else { Err(WRONG) }
}

/// A line of text: trimmed, not empty, no control characters, nothing that turns the line around.
pub(crate) fn line(
    field: &'static str,
    text: Option<String>,
    most: usize,
) -> Result<Option<String>, Problem> {
    let Some(text) = text else { return Ok(None) };
    let trimmed = text.trim();
    let fits = (1..=most).contains(&trimmed.chars().count());
    if !fits || trimmed.chars().any(|c| c.is_control() || invisible(c)) {
        let detail = format!("A line of 1 to {most} characters.");
        return Err(Problem::malformed(field, detail));
    }
    Ok(Some(trimmed.to_owned()))
}

/// Marks that turn text around or take no width.
fn invisible(c: char) -> bool {
    let single = ['\u{ad}', '\u{61c}', '\u{180e}', '\u{feff}'];
    let ranges = [
        '\u{200b}'..='\u{200f}',
        '\u{202a}'..='\u{202e}',
        '\u{2060}'..='\u{2069}',
        '\u{fff9}'..='\u{fffb}',
    ];
    single.contains(&c) || ranges.iter().any(|range| range.contains(&c))
}

/// Tells `null` from a field that is not there.
pub(super) fn present<'de, D, T>(from: D) -> Result<Option<Option<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::<T>::deserialize(from).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usernames() {
        for name in ["anna", "Änne", "a.b", "007", "x_y-z", &"a".repeat(100)] {
            assert_eq!(check_username(name), Ok(()), "{name}");
        }
        for name in [
            "",
            "ab",
            "_ab",
            " anna",
            "an na",
            "anna@x",
            "аnna",
            "anna\u{202e}",
            "an\u{200b}na",
            "a\u{308}nne",
            "anna\0",
            "a/b",
            "٣٤٥",
            &"a".repeat(101),
        ] {
            assert!(check_username(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn addresses() {
        for email in ["a@b.co", "a.b+c@example.co.uk", "ü@example.com", "a#b@example.com"] {
            assert_eq!(check_email(email), Ok(()), "{email}");
        }
        let long = format!("{}@example.com", "a".repeat(65));
        for email in
            ["", "a", "a@", "@b.co", "a@b", "a b@c.de", "a@b..c", "a@-b.c", "a\n@b.co", &long]
        {
            assert!(check_email(email).is_err(), "{email:?}");
        }
    }
}
