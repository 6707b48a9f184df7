//! Tombstones: that somebody was erased, and when, signed by the house. A line each. They are kept
//! beside backups, so that an older one brings nobody back. Knows nothing of who he was.

use crate::http::time::print;
use crate::keys::HouseKeys;
use gavel_auction::ids::UserId;
use gavel_auction::time::Time;
use gavel_proof::keys::PublicKey;
use serde::Deserialize;
use serde_json::json;

/// Their file, beside backups.
pub const FILE: &str = "tombstones.txt";

/// What the signature is of.
const TAG: &str = "gavel/tombstone/1";

/// The tombstone of somebody who is erased now.
#[must_use]
pub fn of(keys: &HouseKeys, user: UserId, now: Time) -> String {
    let said = json!({"at": print(now), "house": keys.house.to_string(), "user": user.get()});
    let said = said.to_string();
    let signature = hex::encode(keys.signing.sign(TAG, said.as_bytes()));
    format!("{said} {signature}")
}

/// What a tombstone says.
#[derive(Deserialize)]
struct Said {
    house: String,
    user: i64,
}

/// Whether a line says that it is a tombstone of another house, whose key is not known here.
#[must_use]
pub fn is_of_another(text: &str, house: &str) -> bool {
    let said = text.rsplit_once(' ').and_then(|(said, _)| serde_json::from_str::<Said>(said).ok());
    said.is_some_and(|said| said.house != house)
}

/// Who lies under a tombstone, if this house, with this key, has set it.
#[must_use]
pub fn read(text: &str, house: &str, key: &PublicKey) -> Option<UserId> {
    let (said, signature) = text.rsplit_once(' ')?;
    let mut bytes = [0; 64];
    hex::decode_to_slice(signature, &mut bytes).ok()?;
    key.verify(TAG, said.as_bytes(), &bytes).ok()?;
    let said: Said = serde_json::from_str(said).ok()?;
    UserId::new(said.user).filter(|_| said.house == house)
}
