//! How an auction's state is kept beside its log, so that a start need not read every event again.
//! The state itself is what is written: [`crate::auction::Auction`] and whatever it holds derive
//! `Serialize`. Knows no format; promises no stability: whoever keeps snapshots numbers their form,
//! and reads the log where the number is another.

/// A part that is written as JSON text inside whatever format a snapshot has. What stands in the
/// log stays readable for ever only as JSON; a compact format could not read its tagged forms.
pub(crate) mod json {
    use serde::de::{DeserializeOwned, Error as _};
    use serde::ser::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<T, S>(value: &T, serializer: S) -> Result<S::Ok, S::Error>
    where
        T: Serialize,
        S: Serializer,
    {
        serde_json::to_string(value).map_err(S::Error::custom)?.serialize(serializer)
    }

    pub(crate) fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
    where
        T: DeserializeOwned,
        D: Deserializer<'de>,
    {
        let text = String::deserialize(deserializer)?;
        serde_json::from_str(&text).map_err(D::Error::custom)
    }
}
