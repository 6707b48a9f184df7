//! The login that `gavel login` keeps: one file that only its owner can read. Knows no HTTP.

use super::output::Failure;
use serde::{Deserialize, Serialize};
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, IsTerminal, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// What is kept.
#[derive(Deserialize, Serialize)]
pub struct Kept {
    /// Of which house.
    pub url: String,
    /// What shows who asks.
    pub token: String,
    /// Until when it holds.
    pub expires_at: String,
    /// Whose it is.
    pub username: String,
}

/// `.config/gavel/session.json` in the home directory.
#[must_use]
pub fn default_file() -> Option<PathBuf> {
    std::env::home_dir().map(|home| home.join(".config/gavel/session.json"))
}

/// What the file keeps; none if there is no such file.
///
/// # Errors
/// If others can read it, or it is not what it should be.
pub fn read(file: &Path) -> Result<Option<Kept>, Failure> {
    let mode = match fs::metadata(file) {
        Ok(metadata) => metadata.permissions().mode(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Failure::file(file, &error)),
    };
    let path = file.display();
    if mode & 0o077 != 0 {
        let detail = format!("others can read the login that is kept in {path}");
        return Err(Failure::refused("session", detail).accept(format!("chmod 600 {path}")));
    }
    let text = fs::read(file).map_err(|error| Failure::file(file, &error))?;
    serde_json::from_slice(&text).map(Some).map_err(|_| {
        Failure::refused("session", format!("{path} does not hold a login"))
            .accept("`gavel login NAME` writes it anew")
    })
}

/// Keeps a login, whole or not at all.
///
/// # Errors
/// If it cannot be written.
pub fn write(file: &Path, kept: &Kept) -> Result<(), Failure> {
    let failed = |error: io::Error| Failure::file(file, &error);
    if let Some(dir) = file.parent().filter(|dir| !dir.as_os_str().is_empty()) {
        DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(failed)?;
    }
    let new = file.with_extension("new");
    let text = serde_json::to_vec_pretty(kept).map_err(|error| failed(error.into()))?;
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut opened = options.open(&new).map_err(failed)?;
    opened.set_permissions(fs::Permissions::from_mode(0o600)).map_err(failed)?;
    opened.write_all(&text).and_then(|()| opened.sync_all()).map_err(failed)?;
    fs::rename(&new, file).map_err(failed)
}

/// Forgets a login.
///
/// # Errors
/// If the file is there and cannot be removed.
pub fn forget(file: &Path) -> Result<(), Failure> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Failure::file(file, &error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// A password: the first line of a file (`-`: standard input), else asked for at the terminal.
///
/// # Errors
/// If it cannot be read, or there is nobody to ask.
pub fn password(file: Option<&Path>, prompt: &str) -> Result<String, Failure> {
    let read = match file {
        Some(path) if path.as_os_str() == "-" => io::read_to_string(io::stdin().lock().take(4_096)),
        Some(path) => fs::read_to_string(path),
        None if io::stdin().is_terminal() => {
            let term = console::Term::stderr();
            term.write_str(&format!("{prompt}: ")).and_then(|()| term.read_secure_line())
        }
        None => {
            return Err(Failure::usage("password", "there is no terminal to ask for the password")
                .accept("--password-file FILE, or --password-file - for standard input"));
        }
    };
    let read = read.map_err(|error| match file {
        Some(path) => Failure::file(path, &error),
        None => Failure::refused("password", format!("it could not be read: {error}")),
    })?;
    let line = read.lines().next().unwrap_or_default().to_owned();
    if line.is_empty() {
        return Err(Failure::usage("password", "the password is empty"));
    }
    Ok(line)
}
