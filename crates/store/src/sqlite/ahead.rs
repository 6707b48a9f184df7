//! The blocks of the log's write-ahead file, written before anybody needs them. A sync of a file
//! that grows has to make its new size and blocks durable too, which on common file systems costs
//! as much as the data again; a sync of blocks that are there costs the data alone. Knows nothing
//! of what the file will hold: to SQLite a file of zeros is an empty one.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Bytes made ready: about what is written before a checkpoint lets SQLite begin anew at the front.
const ROOM: usize = 32 * 1024 * 1024;

/// The write-ahead file of a database.
pub(super) fn path_of(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push("-wal");
    PathBuf::from(name)
}

/// Makes room in the write-ahead file of a database that nobody has open, if it is empty. What
/// cannot be had, for want of room on the disk, is done without: nothing depends on it.
pub(super) fn make_room(database: &Path) {
    let path = path_of(database);
    if fs::metadata(&path).is_ok_and(|file| file.len() > 0) {
        return;
    }
    if fill(database, &path).is_err() {
        // What little was had is better left to the database.
        drop(OpenOptions::new().write(true).truncate(true).open(&path));
    }
}

fn fill(database: &Path, path: &Path) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(path)?;
    // As SQLite would have made it: with the rights of the database.
    file.set_permissions(fs::metadata(database)?.permissions())?;
    let zeros = vec![0; 1 << 20];
    for _ in 0..ROOM / zeros.len() {
        file.write_all(&zeros)?;
    }
    file.sync_all()?;
    directory_of(path)?.sync_all()
}

fn directory_of(path: &Path) -> io::Result<File> {
    File::open(path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new(".")))
}
