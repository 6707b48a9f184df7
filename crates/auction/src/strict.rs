//! Reading values of JSON that have one meaning: what has named fields is read from an object and
//! never from an array, and what is wrong is told with the keys that it stands under. Knows no
//! type and no rule.

use serde::de::value::{MapAccessDeserializer, MapDeserializer, SeqDeserializer};
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error as _};
use serde::de::{IntoDeserializer, MapAccess, Unexpected, VariantAccess, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::{Map, Value};
use std::fmt;

/// What is wrong with a value, and under which keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The innermost first.
    keys: Vec<String>,
    what: String,
}

impl Fault {
    /// The keys, the outermost first, joined by dots; none if it is about the whole.
    #[must_use]
    pub fn field(&self) -> Option<String> {
        let keys: Vec<&str> = self.keys.iter().rev().map(String::as_str).collect();
        (!keys.is_empty()).then(|| keys.join("."))
    }

    /// What is wrong.
    #[must_use]
    pub fn what(&self) -> &str {
        &self.what
    }

    fn of(key: &str, error: &serde_json::Error) -> Self {
        Self { keys: vec![key.to_owned()], what: error.to_string() }
    }

    fn under(mut self, key: &str) -> Self {
        self.keys.push(key.to_owned());
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.field() {
            Some(field) => write!(f, "{field}: {}", self.what),
            None => f.write_str(&self.what),
        }
    }
}

impl std::error::Error for Fault {}

impl serde::de::Error for Fault {
    /// What is said as `KEYS: WHAT` by whoever reads a part by itself is taken apart again.
    fn custom<T: fmt::Display>(message: T) -> Self {
        let text = message.to_string();
        let named = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.');
        match text.split_once(": ") {
            Some((keys, what)) if !keys.is_empty() && keys.bytes().all(named) => {
                let keys = keys.rsplit('.').map(str::to_owned).collect();
                Self { keys, what: what.to_owned() }
            }
            Some(_) | None => Self { keys: Vec::new(), what: text },
        }
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Self::of(field, &serde_json::Error::unknown_field(field, expected))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::of(field, &serde_json::Error::missing_field(field))
    }
}

/// Reads a value.
///
/// # Errors
/// What is wrong with it, and where.
pub fn read<T: DeserializeOwned>(value: &Value) -> Result<T, Fault> {
    T::deserialize(Reader(value))
}

/// Reads one of several kinds by its name: with its parameters, or by the name alone.
pub(crate) fn read_kind<T: DeserializeOwned>(
    name: &str,
    parameters: Option<&Map<String, Value>>,
) -> Result<T, Fault> {
    T::deserialize(Kind { name, parameters })
}

struct Reader<'a>(&'a Value);

impl<'de> IntoDeserializer<'de, Fault> for Reader<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Reader<'de> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.0 {
            Value::Object(map) => visitor.visit_map(Fields::of(map)),
            Value::Array(all) => {
                let mut all = SeqDeserializer::new(all.iter().map(Reader));
                let read = visitor.visit_seq(&mut all)?;
                all.end().map(|()| read)
            }
            plain @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => {
                plain.deserialize_any(visitor).map_err(Fault::custom)
            }
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        if self.0.is_array() {
            return Err(Fault::invalid_type(Unexpected::Seq, &"an object"));
        }
        self.deserialize_any(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        if self.0.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        if name.starts_with('$') {
            // What serde_json hands over as it was written.
            return self.0.deserialize_newtype_struct(name, visitor).map_err(Fault::custom);
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match self.0 {
            Value::Object(map) if map.len() == 1 => {
                visitor.visit_enum(MapAccessDeserializer::new(Fields::of(map)))
            }
            other => other.deserialize_enum(name, variants, visitor).map_err(Fault::custom),
        }
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_any(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_any(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map identifier ignored_any
    }
}

/// The keys of an object, and what stands under them.
struct Fields<'a> {
    rest: serde_json::map::Iter<'a>,
    at: Option<(&'a str, &'a Value)>,
}

impl<'a> Fields<'a> {
    fn of(map: &'a Map<String, Value>) -> Self {
        Self { rest: map.iter(), at: None }
    }
}

impl<'de> MapAccess<'de> for Fields<'de> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Fault> {
        let Some((key, value)) = self.rest.next() else { return Ok(None) };
        self.at = Some((key, value));
        seed.deserialize(key.as_str().into_deserializer()).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        let (key, value) = self.at.take().ok_or_else(|| Fault::custom("a value without a key"))?;
        seed.deserialize(Reader(value)).map_err(|fault| fault.under(key))
    }
}

struct Kind<'a> {
    name: &'a str,
    parameters: Option<&'a Map<String, Value>>,
}

impl<'de> Deserializer<'de> for Kind<'de> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_enum(self)
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_any(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_any(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map identifier ignored_any struct option enum
        newtype_struct
    }
}

impl<'de> EnumAccess<'de> for Kind<'de> {
    type Error = Fault;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Fault> {
        match seed.deserialize(self.name.into_deserializer()) {
            Ok(kind) => Ok((kind, self)),
            Err(fault) if self.parameters.is_some() => Err(Fault::under(fault, "kind")),
            Err(fault) => Err(fault),
        }
    }
}

impl<'de> VariantAccess<'de> for Kind<'de> {
    type Error = Fault;

    fn unit_variant(self) -> Result<(), Fault> {
        self.struct_variant(&[], serde::de::IgnoredAny).map(drop)
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, _: T) -> Result<T::Value, Fault> {
        Err(Fault::custom("a kind has named parameters"))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Fault> {
        Err(Fault::custom("a kind has named parameters"))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match self.parameters {
            Some(parameters) => visitor.visit_map(Fields::of(parameters)),
            None => visitor.visit_map(MapDeserializer::new(std::iter::empty::<(&str, &str)>())),
        }
    }
}
