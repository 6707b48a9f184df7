//! How a rule slot reads and writes as JSON: `{"kind": NAME, ...parameters}` or, where a kind has
//! no parameters, just `"NAME"`. Knows nothing of what the slots mean.

use serde::de::value::{MapAccessDeserializer, MapDeserializer, StrDeserializer};
use serde::de::{Deserialize, Deserializer, IntoDeserializer, MapAccess, Visitor};
use serde::ser::{Error as _, Serialize, Serializer};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

/// Reads either form of a slot.
pub(crate) fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    struct Slot<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for Slot<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a kind by name, or an object with a kind and its parameters")
        }

        fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<T, E> {
            let entry = (StrDeserializer::<E>::new("kind"), StrDeserializer::<E>::new(name));
            T::deserialize(MapDeserializer::new(std::iter::once(entry)))
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
            T::deserialize(MapAccessDeserializer::new(map))
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
    let Value::Object(map) = serde_json::to_value(slot).map_err(S::Error::custom)? else {
        return Err(S::Error::custom("a slot is an object with a kind"));
    };
    match map.get("kind") {
        Some(kind) if map.len() == 1 => kind.serialize(serializer),
        Some(_) | None => map.into_iter().collect::<BTreeMap<_, _>>().serialize(serializer),
    }
}

/// Reads a slot that may be absent.
pub(crate) fn optional<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: Deserialize<'de>,
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
