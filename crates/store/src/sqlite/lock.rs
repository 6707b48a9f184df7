//! One process per house: a lock on `gavel.lock`, held as long as the process lives. The system
//! lets go of it when the process ends, however it ends. Refuses to know what the house holds.

use super::OpenError;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;

/// The name of the lock file in the data directory.
pub const LOCK_FILE: &str = "gavel.lock";

/// Proof that no other process writes this house. Let go when dropped.
#[derive(Debug)]
pub struct DirLock {
    _file: File,
}

/// Takes the lock of a directory, or says who has it.
pub fn take(dir: &Path) -> Result<DirLock, OpenError> {
    let path = dir.join(LOCK_FILE);
    let io = |source| OpenError::Io { file: path.clone(), source };
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(&path)
        .map_err(io)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            // Only for the message: whether it can be read changes nothing.
            let _ = file.take(20).read_to_string(&mut holder);
            return Err(OpenError::Locked { dir: dir.to_path_buf(), holder: named(&holder) });
        }
        Err(TryLockError::Error(source)) => return Err(io(source)),
    }
    // The number helps whoever is refused; the lock itself does not depend on it, and on a full
    // disk there may be no room for it.
    let _ = write_holder(&mut file);
    Ok(DirLock { _file: file })
}

fn write_holder(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

fn named(holder: &str) -> String {
    match holder.trim().parse::<u32>() {
        Ok(process) => format!("process {process}"),
        Err(_) => "another process".to_owned(),
    }
}
