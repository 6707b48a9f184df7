//! The house's secrets as files that only its owner can read: who it is, what it signs with, what
//! it hides values with. Knows nothing of what they are used for.

use crate::chance;
use gavel_auction::event::HouseId;
use gavel_proof::keys::{HouseKey, LogKey};
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use thiserror::Error;
use zeroize::Zeroizing;

/// Who the house is and what it keeps secret.
pub struct HouseKeys {
    /// The 16 bytes that name it.
    pub house: HouseId,
    /// What it signs with.
    pub signing: Arc<HouseKey>,
    /// What it hides values with.
    pub log: LogKey,
}

/// Why the keys could not be made or read.
#[derive(Debug, Error)]
pub enum KeyError {
    /// A file cannot be read or written.
    #[error("{path}: {source}", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file does not hold what it should.
    #[error("{path}: {what}", path = path.display())]
    Wrong {
        /// The file.
        path: PathBuf,
        /// What should be there.
        what: &'static str,
    },
}

const HOUSE: &str = "house.id";
const SIGNING: &str = "signing.key";
const LOG: &str = "log.key";

/// Whether a directory of data has keys.
#[must_use]
pub fn exist(data: &Path) -> bool {
    data.join("keys").join(HOUSE).exists()
}

/// Makes new keys in `data/keys`. What a try cut short has made is kept; nothing is overwritten.
///
/// # Errors
/// If a file cannot be written.
pub fn make(data: &Path) -> Result<HouseKeys, KeyError> {
    let dir = data.join("keys");
    let failed = |source| KeyError::File { path: dir.clone(), source };
    DirBuilder::new().recursive(true).mode(0o700).create(&dir).map_err(failed)?;
    write(&dir.join(SIGNING), &Zeroizing::new(chance::bytes::<32>())[..])?;
    write(&dir.join(LOG), &Zeroizing::new(chance::bytes::<32>())[..])?;
    write(&dir.join(HOUSE), &chance::bytes::<16>())?;
    fs::File::open(&dir).and_then(|dir| dir.sync_all()).map_err(failed)?;
    read(data)
}

/// Reads the keys of a house.
///
/// # Errors
/// If one is missing, is not what it should be, or can be read by others.
pub fn read(data: &Path) -> Result<HouseKeys, KeyError> {
    let dir = data.join("keys");
    let house = HouseId(read_bytes(&dir.join(HOUSE))?);
    let signing = Zeroizing::new(read_bytes::<32>(&dir.join(SIGNING))?);
    let log = Zeroizing::new(read_bytes::<32>(&dir.join(LOG))?);
    let signing = Arc::new(HouseKey::from_bytes(&signing));
    Ok(HouseKeys { house, signing, log: LogKey::from_bytes(*log) })
}

/// All keys of a house as one text, for a backup.
///
/// # Errors
/// If they cannot be read.
pub fn text(data: &Path) -> Result<Zeroizing<String>, KeyError> {
    let keys = read(data)?;
    let signing = Zeroizing::new(hex::encode(Zeroizing::new(keys.signing.to_bytes())));
    let log = Zeroizing::new(hex::encode(Zeroizing::new(keys.log.to_bytes())));
    let lines = format!("{HOUSE} {}\n{SIGNING} {}\n{LOG} {}\n", keys.house, *signing, *log);
    Ok(Zeroizing::new(lines))
}

/// Puts the keys of a backup in place for a house that has none yet.
///
/// # Errors
/// If it is no such text, or a file cannot be written.
pub fn put(data: &Path, from: &Path, text: &str) -> Result<HouseKeys, KeyError> {
    let dir = data.join("keys");
    let failed = |source| KeyError::File { path: dir.clone(), source };
    DirBuilder::new().recursive(true).mode(0o700).create(&dir).map_err(failed)?;
    for name in [SIGNING, LOG, HOUSE] {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        let bytes = line.and_then(|digits| hex::decode(digits).ok()).map(Zeroizing::new);
        let what = "three lines, `house.id`, `signing.key` and `log.key`, each with its digits";
        let bytes = bytes.ok_or_else(|| KeyError::Wrong { path: from.to_owned(), what })?;
        write(&dir.join(name), &bytes)?;
    }
    fs::File::open(&dir).and_then(|dir| dir.sync_all()).map_err(failed)?;
    read(data)
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), KeyError> {
    if path.exists() {
        return Ok(());
    }
    let failed = |source| KeyError::File { path: path.to_owned(), source };
    let text = Zeroizing::new(format!("{}\n", hex::encode(bytes)));
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)
}

fn read_bytes<const N: usize>(path: &Path) -> Result<[u8; N], KeyError> {
    let failed = |source| KeyError::File { path: path.to_owned(), source };
    let wrong = |what| KeyError::Wrong { path: path.to_owned(), what };
    let mode = fs::metadata(path).map_err(failed)?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(wrong("others can read this key: chmod 600 it"));
    }
    let text = Zeroizing::new(fs::read_to_string(path).map_err(failed)?);
    let mut bytes = [0; N];
    hex::decode_to_slice(text.trim_end(), &mut bytes)
        .map_err(|_| wrong("this is not a key in hexadecimal digits of the right length"))?;
    Ok(bytes)
}
