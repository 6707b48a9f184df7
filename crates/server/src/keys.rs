//! The house's secrets as files that only its owner can read: who it is, what it signs with, what
//! it hides values with. Knows nothing of what they are used for.

use crate::{chance, config};
use gavel_auction::event::HouseId;
use gavel_proof::keys::{HouseKey, LogKey};
use gavel_store::vault::Keyring;
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
    /// What opens its vault of people.
    pub vault: Keyring,
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
const VAULT: &str = "vault.key";

/// The variable that holds the vault's keys where they are in no file.
const VAULT_VARIABLE: &str = "GAVEL_VAULT__KEYS";

const NO_VAULT_KEY: &str = "a master key of the vault is 64 hexadecimal digits";

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
    if !vault_is_given() {
        write(&dir.join(VAULT), &Zeroizing::new(chance::bytes::<32>())[..])?;
    }
    write(&dir.join(HOUSE), &chance::bytes::<16>())?;
    fs::File::open(&dir).and_then(|dir| dir.sync_all()).map_err(failed)?;
    read(data)
}

/// Who the house is.
///
/// # Errors
/// If it has no name, or others can read it.
pub fn house(data: &Path) -> Result<HouseId, KeyError> {
    read_bytes(&data.join("keys").join(HOUSE)).map(HouseId)
}

/// What the house signs with.
///
/// # Errors
/// If it is missing, is not what it should be, or can be read by others.
pub fn signing(data: &Path) -> Result<HouseKey, KeyError> {
    let bytes = Zeroizing::new(read_bytes::<32>(&data.join("keys").join(SIGNING))?);
    Ok(HouseKey::from_bytes(&bytes))
}

/// Reads the keys of a house.
///
/// # Errors
/// If one is missing, is not what it should be, or can be read by others.
pub fn read(data: &Path) -> Result<HouseKeys, KeyError> {
    let dir = data.join("keys");
    let house = HouseId(read_bytes(&dir.join(HOUSE))?);
    let log = Zeroizing::new(read_bytes::<32>(&dir.join(LOG))?);
    let signing = Arc::new(signing(data)?);
    let vault = match config::variable(VAULT_VARIABLE).map(Zeroizing::new) {
        Some(text) => given(&text)?,
        None => vault_of(&dir.join(VAULT))?,
    };
    Ok(HouseKeys { house, signing, log: LogKey::from_bytes(*log), vault })
}

/// Whether the vault's keys are in the environment rather than in a file.
#[must_use]
pub fn vault_is_given() -> bool {
    config::variable(VAULT_VARIABLE).is_some()
}

/// The vault's keys as somebody gives them.
///
/// # Errors
/// If they are none.
pub fn given(text: &str) -> Result<Keyring, KeyError> {
    let path = PathBuf::from("vault.keys");
    Keyring::parse(text, chance::bytes::<32>).ok_or(KeyError::Wrong { path, what: NO_VAULT_KEY })
}

/// The vault's keys; made for a house that was made before there were vaults.
fn vault_of(path: &Path) -> Result<Keyring, KeyError> {
    if !path.exists() {
        write(path, &Zeroizing::new(chance::bytes::<32>())[..])?;
    }
    let text = read_text(path)?;
    let what = NO_VAULT_KEY;
    Keyring::parse(&text, chance::bytes::<32>)
        .ok_or_else(|| KeyError::Wrong { path: path.to_owned(), what })
}

/// Keeps the vault's keys in their file, whole or not at all.
///
/// # Errors
/// If it cannot be written, or the keys are not kept in a file.
pub fn keep_vault(data: &Path, ring: &Keyring) -> Result<(), KeyError> {
    let path = data.join("keys").join(VAULT);
    if vault_is_given() {
        let what = "the vault's keys are in the environment: put a new one in front there";
        return Err(KeyError::Wrong { path, what });
    }
    let new = path.with_extension("new");
    let failed = |source| KeyError::File { path: path.clone(), source };
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options.open(&new).map_err(failed)?;
    file.write_all(ring.text().as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
    fs::rename(&new, &path).map_err(failed)?;
    let dir = fs::File::open(data.join("keys"));
    dir.and_then(|dir| dir.sync_all()).map_err(failed)
}

/// All keys of a house as one text, for a backup.
///
/// # Errors
/// If they cannot be read.
pub fn text(data: &Path) -> Result<Zeroizing<String>, KeyError> {
    let keys = read(data)?;
    let signing = Zeroizing::new(hex::encode(Zeroizing::new(keys.signing.to_bytes())));
    let log = Zeroizing::new(hex::encode(Zeroizing::new(keys.log.to_bytes())));
    let vault = keys.vault.text();
    let vault = Zeroizing::new(vault.split_whitespace().collect::<Vec<_>>().join(","));
    let lines = format!(
        "{HOUSE} {}\n{SIGNING} {}\n{LOG} {}\n{VAULT} {}\n",
        keys.house, *signing, *log, *vault
    );
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
    // A backup from before there were vaults has none; one is made when people move in.
    let vault = text.lines().find_map(|line| line.strip_prefix(VAULT)?.strip_prefix(' '));
    if let Some(text) = vault.filter(|_| !vault_is_given()) {
        keep_vault(data, &given(text)?)?;
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

fn read_text(path: &Path) -> Result<Zeroizing<String>, KeyError> {
    let failed = |source| KeyError::File { path: path.to_owned(), source };
    let mode = fs::metadata(path).map_err(failed)?.permissions().mode();
    if mode & 0o077 != 0 {
        let what = "others can read this key: chmod 600 it";
        return Err(KeyError::Wrong { path: path.to_owned(), what });
    }
    fs::read_to_string(path).map(Zeroizing::new).map_err(failed)
}

fn read_bytes<const N: usize>(path: &Path) -> Result<[u8; N], KeyError> {
    let wrong = |what| KeyError::Wrong { path: path.to_owned(), what };
    let text = read_text(path)?;
    let mut bytes = [0; N];
    hex::decode_to_slice(text.trim_end(), &mut bytes)
        .map_err(|_| wrong("this is not a key in hexadecimal digits of the right length"))?;
    Ok(bytes)
}
