//! The manifest of a backup: which files belong to it and what they must be. Written last, so that
//! a backup that was cut short has none.

use crate::cli::output::Failure;
use gavel_auction::event::HouseId;
use gavel_auction::time::Time;
use gavel_engine::audit::Audit;
use gavel_engine::things::Pictures as _;
use gavel_store::pictures::{FOLDER, Folder, is_name};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// The manifest's name.
pub(in crate::cli) const MANIFEST: &str = "manifest.json";
/// Signed heads, a line each.
pub(in crate::cli) const HEADS: &str = "heads.jsonl";
/// The keys.
pub(in crate::cli) const KEYS: &str = "house.keys";
/// The audit trail, where there is one.
pub(in crate::cli) const AUDIT: &str = crate::audit::trail::FILE;
/// The files that hold the house.
pub(in crate::cli) const DATA: [&str; 2] = ["log.db", "people.db"];

/// What belongs to a backup.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The form of this file.
    pub(in crate::cli) gavel_backup: u32,
    /// Whose backup.
    pub(in crate::cli) house: HouseId,
    /// When it was made, in microseconds since 1970.
    pub(in crate::cli) made_at: Time,
    /// By which version of Gavel.
    pub(in crate::cli) made_by: String,
    /// Records in its log.
    pub(in crate::cli) records: u64,
    /// Auctions in its log.
    pub(in crate::cli) auctions: u64,
    /// Damage it was made in spite of.
    pub(in crate::cli) damaged: Vec<String>,
    /// Its files.
    pub(in crate::cli) files: Vec<Member>,
}

/// One file of a backup.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    name: String,
    bytes: u64,
    sha256: String,
}

impl Manifest {
    pub(super) fn of(
        dir: &Path,
        house: HouseId,
        made_at: Time,
        audits: &[Audit],
        damaged: Vec<String>,
    ) -> Result<Self, Failure> {
        let mut files = Vec::new();
        for name in DATA.into_iter().chain([HEADS, KEYS, AUDIT]) {
            let path = dir.join(name);
            if ![KEYS, AUDIT].contains(&name) || path.exists() {
                let (bytes, sha256) =
                    digest(&path).map_err(|error| Failure::file(&path, &error))?;
                files.push(Member { name: name.to_owned(), bytes, sha256 });
            }
        }
        let mut pictures =
            Folder::of(dir).names().map_err(|error| Failure::file(&dir.join(FOLDER), &error))?;
        pictures.sort_unstable();
        for name in pictures {
            let name = format!("{FOLDER}/{name}");
            let (bytes, sha256) =
                digest(&dir.join(&name)).map_err(|error| Failure::file(dir, &error))?;
            files.push(Member { name, bytes, sha256 });
        }
        Ok(Self {
            gavel_backup: 1,
            house,
            made_at,
            made_by: env!("CARGO_PKG_VERSION").to_owned(),
            records: audits.iter().map(|audit| audit.head.position).sum(),
            auctions: audits.iter().map(|audit| audit.auctions).sum(),
            damaged,
            files,
        })
    }

    pub(super) fn text(&self) -> Vec<u8> {
        let mut text = serde_json::to_vec_pretty(self).expect("a manifest is JSON");
        text.push(b'\n');
        text
    }

    /// The manifest of a backup, after a look at each of its files.
    pub(in crate::cli) fn check(dir: &Path) -> Result<Self, Failure> {
        let spoiled = |what: String| {
            Failure::refused("spoiled_backup", format!("{}: {what}", dir.display()))
                .accept("a whole backup: all files that its manifest.json names, unchanged")
        };
        let text = std::fs::read(dir.join(MANIFEST))
            .map_err(|error| spoiled(format!("{MANIFEST}: {error}")))?;
        let manifest: Self = serde_json::from_slice(&text)
            .map_err(|error| spoiled(format!("{MANIFEST} is not one: {error}")))?;
        if manifest.gavel_backup != 1 {
            let form = manifest.gavel_backup;
            return Err(spoiled(format!("its form is {form}; this Gavel knows 1")));
        }
        for name in DATA.into_iter().chain([HEADS]) {
            if !manifest.files.iter().any(|file| file.name == name) {
                return Err(spoiled(format!("{MANIFEST} does not name {name}")));
            }
        }
        for Member { name, bytes, sha256 } in &manifest.files {
            let (found, digest) =
                digest(&dir.join(name)).map_err(|error| spoiled(format!("{name}: {error}")))?;
            if found != *bytes {
                return Err(spoiled(format!("{name} has {found} bytes, not {bytes}")));
            }
            if digest != *sha256 {
                return Err(spoiled(format!("{name} was changed: its SHA-256 is {digest}")));
            }
        }
        Ok(manifest)
    }

    /// The names of the pictures in the backup.
    pub(in crate::cli) fn pictures(&self) -> Vec<String> {
        let name = |file: &Member| {
            let (folder, name) = file.name.split_once('/')?;
            (folder == FOLDER && is_name(name)).then(|| name.to_owned())
        };
        self.files.iter().filter_map(name).collect()
    }

    /// Whether the audit trail is in the backup.
    pub(in crate::cli) fn has_audit(&self) -> bool {
        self.files.iter().any(|file| file.name == AUDIT)
    }

    /// Whether the keys are in the backup.
    pub(in crate::cli) fn has_keys(&self) -> bool {
        self.files.iter().any(|file| file.name == KEYS)
    }
}

/// Length and SHA-256 of a file.
fn digest(path: &Path) -> io::Result<(u64, String)> {
    let mut file = File::open(path)?;
    let (mut sha, mut length) = (Sha256::new(), 0);
    let mut chunk = vec![0; 1 << 16];
    loop {
        let read = file.read(&mut chunk)?;
        if read == 0 {
            return Ok((length, hex::encode(sha.finalize())));
        }
        sha.update(&chunk[..read]);
        length += read as u64;
    }
}
