//! Pictures as files of a folder, by their names. Refuses to know what is in them, and every name
//! that is not of hexadecimal digits alone.

use gavel_engine::things::Pictures;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// The folder's name in the data directory.
pub const FOLDER: &str = "pictures";

/// A folder of pictures. It is made with the first one.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    writing: Mutex<()>,
}

impl Folder {
    /// The pictures of a house.
    #[must_use]
    pub fn of(data: &Path) -> Self {
        Self { path: data.join(FOLDER), writing: Mutex::default() }
    }

    fn file(&self, name: &str) -> Option<PathBuf> {
        is_name(name).then(|| self.path.join(name))
    }
}

/// Whether a text may be a picture's name.
#[must_use]
pub fn is_name(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

impl Pictures for Folder {
    fn put(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let file = self.file(name).ok_or(ErrorKind::InvalidInput)?;
        let _one = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        if file.exists() {
            return Ok(());
        }
        DirBuilder::new().recursive(true).mode(0o700).create(&self.path)?;
        // One for all: whatever was cut short is written over by the next.
        let half = self.path.join("half");
        let mut options = OpenOptions::new();
        let mut to = options.write(true).create(true).truncate(true).mode(0o600).open(&half)?;
        to.write_all(bytes)?;
        to.sync_all()?;
        fs::rename(half, file)?;
        File::open(&self.path)?.sync_all()
    }

    fn get(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        let Some(file) = self.file(name) else { return Ok(None) };
        found(fs::read(file))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let Some(file) = self.file(name) else { return Ok(()) };
        found(fs::remove_file(file)).map(drop)
    }

    fn names(&self) -> io::Result<Vec<String>> {
        let Some(entries) = found(fs::read_dir(&self.path))? else { return Ok(Vec::new()) };
        let name = |entry: io::Result<fs::DirEntry>| {
            entry.map(|entry| entry.file_name().into_string().ok().filter(|name| is_name(name)))
        };
        entries.filter_map(|entry| name(entry).transpose()).collect()
    }
}

/// What is not there is none.
fn found<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_kept_by_name_and_nothing_else_is_touched() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::of(dir.path());
        let name = "0123456789abcdef0123456789abcdef";
        assert_eq!(folder.get(name).unwrap(), None);
        assert!(folder.names().unwrap().is_empty());
        folder.put(name, b"bytes").unwrap();
        folder.put(name, b"others").unwrap();
        assert_eq!(folder.get(name).unwrap().as_deref(), Some(&b"bytes"[..]));
        assert_eq!(folder.names().unwrap(), [name]);
        let outside = dir.path().join("people.db");
        fs::write(&outside, b"x").unwrap();
        for wrong in ["../people.db", "", "0123456789ABCDEF0123456789ABCDEF", "/etc/passwd"] {
            assert!(folder.put(wrong, b"y").is_err());
            assert_eq!(folder.get(wrong).unwrap(), None);
            folder.remove(wrong).unwrap();
        }
        assert_eq!(fs::read(&outside).unwrap(), b"x");
        folder.remove(name).unwrap();
        folder.remove(name).unwrap();
        assert_eq!(folder.get(name).unwrap(), None);
    }
}
