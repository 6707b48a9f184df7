//! A copy of a house that is being used. Refuses to write where there is something already.

use super::OpenError;
use super::file::{self, Kind};
use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};
use std::path::Path;

/// Copies the log and the people of the house in `dir` into the directory `target`, each as of one
/// instant; nobody is kept from writing meanwhile. The log comes first: every auction it speaks of
/// then has its id among the people, and no id is handed out twice after a restore. Lists are made
/// anew from the log.
///
/// # Errors
/// If `target` holds a file of that name already, or something cannot be read or written.
pub fn backup(dir: &Path, target: &Path) -> Result<(), OpenError> {
    super::make_dir(target)?;
    for kind in [Kind::Log, Kind::People] {
        copy(&kind.path(dir), &kind.path(target), kind)?;
    }
    super::sync_dir(target)
}

fn copy(from: &Path, to: &Path, kind: Kind) -> Result<(), OpenError> {
    // Makes the file, so that nothing that is there is ever written over.
    std::fs::File::create_new(to)
        .map_err(|source| OpenError::Io { file: to.to_path_buf(), source })?;
    let source = file::open_checked_to_read(from, kind)?;
    let mut target = Connection::open(to).map_err(|error| file::failed(to, error))?;
    // All in one step: in smaller ones, each write meanwhile would begin it again.
    let step = Backup::new(&source, &mut target)
        .and_then(|backup| backup.step(-1))
        .map_err(|error| file::failed(from, error))?;
    if step != StepResult::Done {
        let source = std::io::Error::other("it could not be copied in one step");
        return Err(OpenError::Io { file: from.to_path_buf(), source });
    }
    target.close().map_err(|(_, error)| file::failed(to, error))
}
