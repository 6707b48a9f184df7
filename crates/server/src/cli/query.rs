//! A path with its query, every value percent-encoded. Knows no route.

use std::fmt::Write;

/// The path, with the parameters that have a value.
pub(super) fn path(base: &str, parameters: &[(&str, Option<&str>)]) -> String {
    let mut out = base.to_owned();
    let mut mark = '?';
    for (name, value) in parameters {
        let Some(value) = value else { continue };
        out.push(mark);
        out.push_str(name);
        out.push('=');
        encode(value, &mut out);
        mark = '&';
    }
    out
}

fn encode(value: &str, out: &mut String) {
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~,".contains(&byte) {
            out.push(char::from(byte));
        } else {
            write!(out, "%{byte:02X}").expect("writing to a string succeeds");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::path;

    #[test]
    fn values_are_encoded_and_absent_ones_left_out() {
        let parameters = [("q", Some("a b&ü")), ("role", None), ("limit", Some("5"))];
        assert_eq!(path("/v1/users", &parameters), "/v1/users?q=a%20b%26%C3%BC&limit=5");
        assert_eq!(path("/v1/users", &[]), "/v1/users");
    }
}
