//! The keys of the section `dialects`.

use super::{Key, list};
use crate::config::DialectsConfig;
use crate::http::dialects::Mount;
use gavel_auction::money::Currency;

/// What is so before anything is set.
pub(super) fn nothing() -> DialectsConfig {
    let currency = Currency::from_code("EUR").expect("there is the euro");
    DialectsConfig { on: Vec::new(), currency, public: true, open: false }
}

pub(super) const ON: Key = Key {
    name: "dialects.on",
    about: "Other APIs that the house speaks (also --dialect); empty is none",
    allowed: "names separated by commas: items, portal, cars, marketplace, flash, all; one with \
        an address (items=127.0.0.1:8090) answers there and nowhere else",
    default: "",
    set: |config, value| {
        let read = list(value).map(Mount::read).collect::<Option<Vec<_>>>()?;
        config.dialects.on = read.into_iter().flatten().collect();
        Some(())
    },
    get: |config| {
        let all: Vec<String> = config.dialects.on.iter().map(ToString::to_string).collect();
        all.join(",")
    },
};

pub(super) const CURRENCY: Key = Key {
    name: "dialects.currency",
    about: "In which currency things are sold that were put up in a dialect without one",
    allowed: "a code of ISO 4217 in use, such as EUR",
    default: "EUR",
    set: |config, value| {
        config.dialects.currency = Currency::from_code(value)?;
        Some(())
    },
    get: |config| config.dialects.currency.code().to_owned(),
};

pub(super) const PUBLIC: Key = Key {
    name: "dialects.public",
    about: "Whether callers of dialects are believed who they say they are (the public role)",
    allowed: "true or false",
    default: "true",
    set: |config, value| {
        config.dialects.public = value.parse().ok()?;
        Some(())
    },
    get: |config| config.dialects.public.to_string(),
};

pub(super) const OPEN: Key = Key {
    name: "dialects.open",
    about: "Whether dialects that believe whoever calls may be reached from other machines",
    allowed: "true or false",
    default: "false",
    set: |config, value| {
        config.dialects.open = value.parse().ok()?;
        Some(())
    },
    get: |config| config.dialects.open.to_string(),
};
