//! How a rule slot reads and writes as JSON: `{"kind": NAME, ...parameters}` or, where a kind has
//! no parameters, just `"NAME"`. Knows nothing of what the slots mean.

use crate::strict;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, DeserializeOwned, Deserializer, Error, IntoDeserializer};
use serde::de::{MapAccess, Visitor};
use serde::ser::{Error as _, Serialize, Serializer};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

/// Reads either form of a slot.
///
/// # Errors
/// What is wrong with it, under its keys.
pub fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: DeserializeOwned,
    D: Deserializer<'de>,
{
    struct Slot<T>(PhantomData<T>);

    impl<'de, T: DeserializeOwned> Visitor<'de> for Slot<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a kind by name, or an object with a kind and its parameters")
        }

        fn visit_str<E: Error>(self, name: &str) -> Result<T, E> {
            strict::read_kind(name, None).map_err(E::custom)
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<T, A::Error> {
            let mut parameters = Map::new();
            while let Some((key, value)) = map.next_entry::<String, Value>()? {
                if parameters.contains_key(&key) {
                    return Err(A::Error::custom(format_args!("{key}: said more than once")));
                }
                parameters.insert(key, value);
            }
            match parameters.remove("kind") {
                Some(Value::String(name)) => {
                    strict::read_kind(&name, Some(&parameters)).map_err(A::Error::custom)
                }
                Some(_) => Err(A::Error::custom("kind: a kind is a text")),
                None => Err(A::Error::missing_field("kind")),
            }
        }
    }

    deserializer.deserialize_any(Slot(PhantomData))
}

/// Writes a slot: the bare name where the kind has no parameters, else an object with sorted keys.
pub(crate) fn serialize<T, S>(slot: &T, serializer: S) -> Result<S::Ok, S::Error>
where
    T: Serialize,
    S: Serializer,
{
    let value = serde_json::to_value(slot).map_err(S::Error::custom)?;
    let kind = match value {
        Value::Object(map) => map.into_iter().next(),
        _ => None, // not ours: a value of JSON
    };
    let Some((name, Value::Object(mut parameters))) = kind else {
        return Err(S::Error::custom("a slot is a kind with named parameters"));
    };
    if parameters.is_empty() {
        return name.serialize(serializer);
    }
    parameters.insert("kind".to_owned(), Value::String(name));
    parameters.into_iter().collect::<BTreeMap<_, _>>().serialize(serializer)
}

/// Reads a slot that may be absent.
pub(crate) fn optional<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: DeserializeOwned,
    D: Deserializer<'de>,
{
    deserialize(deserializer).map(Some)
}

/// Reads either form of a slot none of whose kinds has parameters.
pub(crate) fn word<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Kind<T> {
        kind: T,
    }

    struct Word<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for Word<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a kind by name, or an object with a kind")
        }

        fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<T, E> {
            T::deserialize(name.into_deserializer())
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
            Kind::deserialize(MapAccessDeserializer::new(map)).map(|slot| slot.kind)
        }
    }

    deserializer.deserialize_any(Word(PhantomData))
}

/// Reads such a slot where it may be absent.
pub(crate) fn optional_word<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    word(deserializer).map(Some)
}
