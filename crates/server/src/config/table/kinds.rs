//! The kinds of keys there are: a text, a list, yes or no, a number, a limit, a time-out, a secret.
//! Each is a value of the table; knows none of them.

/// A key whose value is a text without line ends, or nothing.
macro_rules! text {
    ($name:literal, $($field:ident).+, $allowed:literal, $default:literal, $about:literal) => {
        Key {
            name: $name,
            about: $about,
            allowed: $allowed,
            default: $default,
            set: |config, value| {
                let plain = !value.contains(char::is_control) && value.len() <= 1_000;
                config.$($field).+ = Some(value).filter(|_| plain)?.to_owned();
                Some(())
            },
            get: |config| config.$($field).+.clone(),
        }
    };
}

/// A key whose value is a list.
macro_rules! several {
    (
        $name:literal, $($field:ident).+, $read:expr, $word:expr, $allowed:literal,
        $default:literal,
        $about:literal
    ) => {
        Key {
            name: $name,
            about: $about,
            allowed: $allowed,
            default: $default,
            set: |config, value| {
                config.$($field).+ = list(value).map($read).collect::<Option<_>>()?;
                Some(())
            },
            get: |config| config.$($field).+.iter().map($word).collect::<Vec<_>>().join(","),
        }
    };
}

/// A key whose value is yes or no.
macro_rules! flag {
    ($name:literal, $($field:ident).+, $default:literal, $about:literal) => {
        Key {
            name: $name,
            about: $about,
            allowed: "true or false",
            default: $default,
            set: |config, value| {
                config.$($field).+ = value.parse().ok()?;
                Some(())
            },
            get: |config| config.$($field).+.to_string(),
        }
    };
}

/// A key whose value is never shown.
macro_rules! secret {
    ($name:literal, $($field:ident).+, $allowed:literal, $about:literal) => {
        Key {
            name: $name,
            about: $about,
            allowed: $allowed,
            default: "",
            set: |config, value| {
                config.$($field).+ = Secret(value.to_owned());
                Some(())
            },
            get: |config| config.$($field).+.told(),
        }
    };
}

/// A key whose value is a number within bounds.
macro_rules! number {
    (
        $name:literal, $($field:ident).+, $range:expr, $allowed:literal, $default:literal,
        $about:literal
    ) => {
        Key {
            name: $name,
            about: $about,
            allowed: $allowed,
            default: $default,
            set: |config, value| {
                config.$($field).+ = value.parse().ok().filter(|value| $range.contains(value))?;
                Some(())
            },
            get: |config| config.$($field).+.to_string(),
        }
    };
}

/// A limit: any number, 0 for none.
macro_rules! limit {
    ($name:literal, $field:ident, $default:literal, $about:literal) => {
        number!(
            $name,
            limits.$field,
            0..=1_000_000,
            "a whole number up to 1000000; 0 is no limit",
            $default,
            $about
        )
    };
}

/// A time-out in seconds.
macro_rules! seconds {
    ($name:literal, $field:ident, $default:literal, $about:literal) => {
        number!($name, timeouts.$field, 1..=3600, "whole seconds from 1 to 3600", $default, $about)
    };
}

pub(super) use {flag, limit, number, seconds, secret, several, text};
