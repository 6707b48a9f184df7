//! `gavel backup`: copies a house, running or not, into a directory that stands for itself: its
//! log, its people, its keys, and signed heads that say how far it goes. A directory with a
//! manifest is whole; one without is no backup.

pub mod manifest;

use super::failed;
use super::output::{Failure, Output, bad, count, good};
use crate::keys::{self, HouseKeys};
use crate::tombstone;
use gavel_engine::Clock;
use gavel_engine::audit::{Audit, audit};
use gavel_engine::things::Pictures as _;
use gavel_proof::head::{Rolling, verify_head};
use gavel_store::pictures::{FOLDER, Folder};
use gavel_store::sqlite::{self, Options};
use manifest::{AUDIT, DATA, HEADS, KEYS, MANIFEST, Manifest};
use serde_json::json;
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Copy a house into a directory, also while it is running.
///
/// The copy is as of one instant, and is read from end to end before it is called a backup. Signed
/// heads are kept in it and beside it: `gavel restore` holds a backup against the newest of them.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Where the house keeps its data
    #[arg(long, value_name = "DIR", default_value = "gavel-data")]
    data: PathBuf,
    /// A new directory for the backup
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    /// Leave the keys out: keep `keys` of the data directory elsewhere
    #[arg(long)]
    without_keys: bool,
    /// Make the backup even if auctions in it are damaged
    #[arg(long)]
    accept_damage: bool,
}

/// Runs the command.
///
/// # Errors
/// Why there is no backup.
pub fn run(args: &Args, out: Output) -> Result<(), Failure> {
    let keys = keys::read(&args.data).map_err(|error| {
        Failure::usage("no_house", error.to_string())
            .accept("--data DIR, a directory that `gavel init` or `gavel serve` made")
    })?;
    must_be_free(&args.to, "--to")?;
    let half = Half::begin(&args.to)?;
    let manifest = copy(args, &keys, &half.dir)?;
    half.finish(&args.to)?;
    keep_heads(&args.to, &keys)?;
    keep_tombstones(&args.to, &keys)?;
    tell(args, &manifest, out)
}

fn tell(args: &Args, manifest: &Manifest, out: Output) -> Result<(), Failure> {
    let Manifest { records, auctions, damaged, .. } = manifest;
    let to = args.to.display().to_string();
    let told = json!({"to": to, "records": records, "auctions": auctions, "damaged": damaged});
    out.result(&told, |out| {
        let (records, auctions) = (count(*records), count(*auctions));
        writeln!(out, "{} {to}: {records} records of {auctions} auctions", good("✓"))?;
        for what in damaged {
            writeln!(out, "{} {what}", bad("✗"))?;
        }
        Ok(())
    })
}

/// A directory may be made there under a name, or is there and empty.
pub(super) fn must_be_free(dir: &Path, flag: &str) -> Result<(), Failure> {
    if dir.file_name().is_none() {
        let what = format!("{}: it is made beside its place, and put there by name", dir.display());
        return Err(Failure::usage("no_name", what)
            .accept(format!("{flag} DIR, a path that ends in the directory's name")));
    }
    let free = match fs::read_dir(dir) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    };
    if free {
        return Ok(());
    }
    Err(Failure::refused("not_empty", format!("{}: there is something already", dir.display()))
        .accept(format!("{flag} DIR, a directory that is empty or not there yet")))
}

/// A directory in the making, beside where it will stand. Gone if it is never finished.
pub(super) struct Half {
    pub(super) dir: PathBuf,
    finished: bool,
}

impl Half {
    pub(super) fn begin(whole: &Path) -> Result<Self, Failure> {
        // Beside it, also where the path ends in a slash.
        let mut name = whole.file_name().unwrap_or_default().to_owned();
        name.push(".half");
        let dir = whole.with_file_name(name);
        // Of a try that was cut short; nobody else makes such a name.
        match fs::remove_dir_all(&dir) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(Failure::file(&dir, &error));
            }
            Ok(()) | Err(_) => {}
        }
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&dir);
        made.map_err(|error| Failure::file(&dir, &error))?;
        Ok(Self { dir, finished: false })
    }

    /// Makes all of it durable, then puts it in its place.
    pub(super) fn finish(mut self, whole: &Path) -> Result<(), Failure> {
        let moved = || {
            for entry in fs::read_dir(&self.dir)? {
                File::open(entry?.path())?.sync_all()?;
            }
            File::open(&self.dir)?.sync_all()?;
            fs::rename(&self.dir, whole)?;
            File::open(parent(whole))?.sync_all()
        };
        moved().map_err(|error| Failure::file(whole, &error))?;
        self.finished = true;
        Ok(())
    }
}

impl Drop for Half {
    fn drop(&mut self) {
        if !self.finished {
            // What cannot be removed now is removed by the next try.
            drop(fs::remove_dir_all(&self.dir));
        }
    }
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => Path::new("/"),
    }
}

/// Copies the whole lines of the audit trail, if there is one.
pub(super) fn copy_trail(data: &Path, to: &Path) -> Result<(), Failure> {
    let trail = data.join(AUDIT);
    if !trail.exists() {
        return Ok(());
    }
    let text = fs::read(&trail).map_err(|error| Failure::file(&trail, &error))?;
    // The house may be writing a line.
    let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    write(&to.join(AUDIT), text.get(..whole).unwrap_or_default())
}

fn copy(args: &Args, keys: &HouseKeys, to: &Path) -> Result<Manifest, Failure> {
    let made_at = Clock::default().now();
    sqlite::backup::backup(&args.data, to)
        .map_err(|error| Failure::refused("not_copied", error.to_string()))?;
    copy_trail(&args.data, to)?;
    copy_pictures(&Folder::of(&args.data), &Folder::of(to), Folder::of(&args.data).names())?;
    let audits = read_all(to, keys, &[])?;
    let damaged: Vec<String> =
        audits.iter().flat_map(|audit| &audit.damages).map(ToString::to_string).collect();
    if let Some(first) = damaged.first().filter(|_| !args.accept_damage) {
        return Err(Failure::refused("damaged", format!("{first} ({} in all)", damaged.len()))
            .accept("`gavel doctor` tells more; --accept-damage makes the backup all the same"));
    }
    let mut heads = Vec::new();
    for audit in &audits {
        heads.extend(audit.head.sign(keys.house, made_at, &keys.signing));
        heads.push(b'\n');
    }
    write(&to.join(HEADS), &heads)?;
    if !args.without_keys {
        let text = keys::text(&args.data);
        let text = text.map_err(|error| Failure::refused("keys", error.to_string()))?;
        write(&to.join(KEYS), text.as_bytes())?;
    }
    let manifest = Manifest::of(to, keys.house, made_at, &audits, damaged)?;
    write(&to.join(MANIFEST), &manifest.text())?;
    Ok(manifest)
}

/// Copies these pictures; one that went meanwhile stays out.
pub(super) fn copy_pictures(
    from: &Folder,
    to: &Folder,
    names: io::Result<Vec<String>>,
) -> Result<(), Failure> {
    let copy = |name: String| match from.get(&name)? {
        Some(bytes) => to.put(&name, &bytes),
        None => Ok(()),
    };
    let copied = names.and_then(|names| names.into_iter().try_for_each(copy));
    copied.map_err(|error| Failure::refused("pictures", format!("{FOLDER}: {error}")))
}

/// Reads the whole log of a copy.
pub(super) fn read_all(
    dir: &Path,
    keys: &HouseKeys,
    heads: &[Rolling],
) -> Result<Vec<Audit>, Failure> {
    let options = Options { read_only: true, ..Options::default() };
    let damaged = |error: String| Failure::refused("damaged", error);
    let stores = sqlite::open(dir, &options).map_err(|error| damaged(error.to_string()))?;
    if stores.meta.house != keys.house {
        let what = format!("the log is of house {}, the keys of {}", stores.meta.house, keys.house);
        return Err(Failure::refused("other_house", what));
    }
    let one = |partition| audit(&*stores.reader, keys.house, partition, heads);
    let all: Result<Vec<Audit>, _> = (0..stores.partitions).map(one).collect();
    drop(stores);
    tidy_up(dir);
    all.map_err(|error| damaged(error.to_string()))
}

/// Removes what SQLite leaves beside a copy that it may only read; the copy itself is whole.
fn tidy_up(dir: &Path) {
    for name in DATA {
        for ending in ["-wal", "-shm"] {
            drop(fs::remove_file(dir.join(format!("{name}{ending}"))));
        }
    }
}

/// Writes a file that only its owner can read.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .map_err(|error| Failure::file(path, &error))
}

/// A file beside backups; empty if there is none yet.
fn read_beside(path: &Path) -> Result<String, Failure> {
    match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        read => read.map_err(|error| Failure::file(path, &error)),
    }
}

/// Beside the backups of a house stand the tombstones of all who were erased, so that an older
/// backup brings nobody back. Those of other houses stay there.
fn keep_tombstones(backup: &Path, keys: &HouseKeys) -> Result<(), Failure> {
    let options = Options { read_only: true, ..Options::default() };
    let stores = sqlite::open(backup, &options).map_err(|error| failed(error.into()))?;
    let erased = stores.people.tombstones().map_err(|error| failed(error.into()))?;
    drop(stores);
    tidy_up(backup);
    let beside = parent(backup).join(tombstone::FILE);
    let mut all: BTreeMap<_, String> = BTreeMap::new();
    let known = read_beside(&beside)?;
    let (house, key) = (keys.house.to_string(), keys.signing.public());
    let others = known.lines().filter(|line| tombstone::is_of_another(line, &house));
    for line in known.lines().chain(erased.iter().map(|(_, text)| text.as_str())) {
        if let Some(user) = tombstone::read(line, &house, &key) {
            all.entry(user).or_insert_with(|| line.to_owned());
        }
    }
    let lines = others.chain(all.values().map(String::as_str));
    let text: String = lines.map(|line| format!("{line}\n")).collect();
    replace(&beside, text.as_bytes())
}

/// Puts a file in place of another, whole or not at all.
fn replace(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let fresh = path.with_extension("half");
    drop(fs::remove_file(&fresh));
    write(&fresh, bytes)?;
    fs::rename(&fresh, path).map_err(|error| Failure::file(path, &error))
}

/// Beside the backups of a house stand the newest heads of all of them, so that an older one is
/// known as older when it is restored. Those of other houses stay there.
fn keep_heads(backup: &Path, keys: &HouseKeys) -> Result<(), Failure> {
    let beside = parent(backup).join(HEADS);
    let text = read_beside(&beside)? + &read_beside(&backup.join(HEADS))?;
    let mut newest: BTreeMap<u16, (u64, &str)> = BTreeMap::new();
    let mut lines = Vec::new();
    for line in text.lines() {
        let Ok(head) = verify_head(line.as_bytes()) else { continue };
        let Rolling { partition, position, .. } = head.rolling;
        if head.house != keys.house {
            lines.push(line);
        } else if newest.get(&partition).is_none_or(|(known, _)| *known <= position) {
            newest.insert(partition, (position, line));
        }
    }
    lines.extend(newest.into_values().map(|(_, line)| line));
    let text: String = lines.into_iter().map(|line| format!("{line}\n")).collect();
    replace(&beside, text.as_bytes())
}
