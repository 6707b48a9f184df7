//! `gavel restore`: makes a house from a backup, in a directory that is empty. Believes nothing: it
//! looks at every byte, reads the log from end to end, and holds it against the newest heads that
//! the house has signed. What does not hold is not put in place.

use super::backup::manifest::{AUDIT, DATA, HEADS, KEYS, Manifest};
use super::backup::{Half, copy_pictures, must_be_free, read_all};
use super::failed;
use super::output::{Failure, Output, count, good, instant_of};
use crate::keys::{self, HouseKeys};
use crate::{tombstone, upkeep};
use gavel_engine::audit::Audit;
use gavel_engine::things::Pictures as _;
use gavel_proof::head::{Head, verify_head};
use gavel_store::pictures::Folder;
use gavel_store::sqlite::{self, Options};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;
use std::fs;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Make a house from a backup.
///
/// Refuses a backup that ends before a head that the house has signed: what it acknowledged since
/// would be lost. Heads are read from the backup, from `heads.jsonl` beside it, and from --head.
/// Whoever was erased since stays erased: see `tombstones.txt` beside it, and --tombstones.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The backup
    #[arg(long, value_name = "DIR")]
    from: PathBuf,
    /// A new directory for the house
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Signed heads: the reply to `GET /v1/heads` as it came, or a line each as backups have them
    #[arg(long, value_name = "FILE")]
    head: Vec<PathBuf>,
    /// The keys, if they are not in the backup: its file `house.keys`
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
    /// Tombstones of people who were erased since, as `gavel user tombstones` gives them
    #[arg(long, value_name = "FILE")]
    tombstones: Vec<PathBuf>,
    /// Take the backup though it ends before a head that the house has signed
    #[arg(long)]
    accept_loss: bool,
}

/// Runs the command.
///
/// # Errors
/// Why there is no house.
pub fn run(args: &Args, out: Output) -> Result<(), Failure> {
    must_be_free(&args.data, "--data")?;
    let manifest = Manifest::check(&args.from)?;
    let half = Half::begin(&args.data)?;
    let trail = Some(AUDIT).filter(|_| manifest.has_audit());
    for name in DATA.into_iter().chain(trail) {
        let to = half.dir.join(name);
        fs::copy(args.from.join(name), &to).map_err(|error| Failure::file(&to, &error))?;
    }
    copy_pictures(&Folder::of(&args.from), &Folder::of(&half.dir), Ok(manifest.pictures()))?;
    let keys = put_keys(args, &manifest, &half.dir)?;
    let heads = heads(args, &keys)?;
    let expected: Vec<_> = heads.iter().map(|head| head.rolling).collect();
    let audits = read_all(&half.dir, &keys, &expected)?;
    judge(args, &manifest, &audits, &heads)?;
    let erased = bury(args, &keys, &half.dir)?;
    upkeep::set_alive(&half.dir, manifest.made_at)?;
    half.finish(&args.data)?;
    let data = args.data.display().to_string();
    let told = json!({
        "data": data,
        "house": keys.house.to_string(),
        "records": manifest.records,
        "auctions": manifest.auctions,
        "erased": erased,
    });
    out.result(&told, |out| {
        let [records, auctions] = [manifest.records, manifest.auctions].map(count);
        let at = instant_of(manifest.made_at);
        writeln!(
            out,
            "{} {data}: {records} records of {auctions} auctions, as of {at}",
            good("✓")
        )?;
        if erased > 0 {
            writeln!(out, "Erased again: {erased}, who were erased after that.")?;
        }
        writeln!(out, "What was acknowledged after that is not in it.")
    })
}

fn put_keys(args: &Args, manifest: &Manifest, to: &Path) -> Result<HouseKeys, Failure> {
    let file = match (&args.keys, manifest.has_keys()) {
        (Some(file), _) => file.clone(),
        (None, true) => args.from.join(KEYS),
        (None, false) => {
            return Err(Failure::usage("no_keys", "the keys are not in the backup")
                .accept("--keys FILE, as `house.keys` of a backup of the same house"));
        }
    };
    let text = fs::read_to_string(&file).map(Zeroizing::new);
    let text = text.map_err(|error| Failure::file(&file, &error))?;
    let keys = keys::put(to, &file, &text);
    let keys = keys.map_err(|error| Failure::refused("keys", error.to_string()))?;
    if keys.house == manifest.house {
        return Ok(keys);
    }
    let what = format!("the keys are of house {}, the backup of {}", keys.house, manifest.house);
    Err(Failure::refused("other_house", what))
}

/// Erases whoever was erased since the backup was made: so many.
fn bury(args: &Args, keys: &HouseKeys, dir: &Path) -> Result<usize, Failure> {
    let beside = beside(&args.from, tombstone::FILE)?;
    let (house, key) = (keys.house.to_string(), keys.signing.public());
    let mut erased = Vec::new();
    for file in beside.iter().chain(&args.tombstones) {
        // Beside it may stand what concerns other houses, whose backups are there, too.
        let passed_over = |line: &str| {
            line.is_empty()
                || Some(file) == beside.as_ref() && tombstone::is_of_another(line, &house)
        };
        let text = fs::read_to_string(file).map_err(|error| Failure::file(file, &error))?;
        for line in text.lines().filter(|line| !passed_over(line)) {
            let user = tombstone::read(line, &house, &key).ok_or_else(|| {
                let what = format!("{}: no tombstone that this house has signed", file.display());
                Failure::refused("bad_tombstone", what).accept("lines that this house has signed")
            })?;
            erased.push((user, line.to_owned()));
        }
    }
    if erased.is_empty() {
        return Ok(0);
    }
    let again = || -> anyhow::Result<usize> {
        let vault = Some(keys.vault.clone());
        let stores = sqlite::open(dir, &Options { vault, ..Options::default() })?;
        let mut count = 0;
        for (user, line) in &erased {
            count += usize::from(stores.people.erase_user(*user, line)?);
        }
        let (pictures, known) = (Folder::of(dir), stores.things.picture_names()?);
        for name in pictures.names()?.into_iter().filter(|name| !known.contains(name)) {
            pictures.remove(&name)?;
        }
        Ok(count)
    };
    again().map_err(failed)
}

/// What stands beside the backup, however its path is written.
fn beside(backup: &Path, name: &str) -> Result<Option<PathBuf>, Failure> {
    let whole = fs::canonicalize(backup).map_err(|error| Failure::file(backup, &error))?;
    let file = whole.with_file_name(name);
    let there = file.try_exists().map_err(|error| Failure::file(&file, &error))?;
    Ok(there.then_some(file))
}

/// All heads that can be found; none may be another's, but beside the backup, where backups of
/// other houses may stand, too.
fn heads(args: &Args, keys: &HouseKeys) -> Result<Vec<Head>, Failure> {
    let mut files = vec![args.from.join(HEADS)];
    let beside = beside(&args.from, HEADS)?;
    files.extend(beside.clone());
    files.extend(args.head.iter().cloned());
    let mut heads = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).map_err(|error| Failure::file(&file, &error))?;
        for line in text.lines().filter(|line| !line.is_empty()).flat_map(signed) {
            let wrong = |what: String| {
                Failure::refused("bad_head", format!("{}: {what}", file.display()))
                    .accept("lines that this house has signed")
            };
            let head = verify_head(line.as_bytes()).map_err(|error| wrong(error.to_string()))?;
            if head.house != keys.house && beside.as_ref() == Some(&file) {
                continue;
            }
            if head.house != keys.house || head.key != keys.signing.public() {
                return Err(wrong("a head that another house, or another key, has signed".into()));
            }
            heads.push(head);
        }
    }
    Ok(heads)
}

/// The heads of a line: those of a reply, byte for byte, or the line itself.
fn signed(line: &str) -> Vec<&str> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Reply<'a> {
        #[serde(borrow)]
        items: Vec<&'a RawValue>,
    }
    match serde_json::from_str::<Reply<'_>>(line) {
        Ok(reply) if !reply.items.is_empty() => reply.items.iter().map(|head| head.get()).collect(),
        Ok(_) | Err(_) => vec![line],
    }
}

fn judge(
    args: &Args,
    manifest: &Manifest,
    audits: &[Audit],
    heads: &[Head],
) -> Result<(), Failure> {
    for damage in audits.iter().flat_map(|audit| &audit.damages) {
        let damage = damage.to_string();
        if !manifest.damaged.contains(&damage) {
            return Err(Failure::refused("damaged", damage).accept("a sound backup"));
        }
    }
    if let Some(stray) = audits.iter().flat_map(|audit| &audit.strays).next() {
        let (partition, position) = (stray.partition, stray.position);
        let what = format!(
            "this log does not lead to the head that the house has signed at position {position} \
             of partition {partition}: it was changed, or is another history"
        );
        return Err(Failure::refused("other_history", what).accept("a backup of this history"));
    }
    let missing = |audit: &Audit| {
        let last = audit.beyond.iter().map(|head| head.position).max().unwrap_or(0);
        last.saturating_sub(audit.head.position)
    };
    let behind = audits.iter().find(|audit| !audit.beyond.is_empty());
    let Some(audit) = behind.filter(|_| !args.accept_loss) else { return Ok(()) };
    let lost: u64 = audits.iter().map(missing).sum();
    let signed = heads.iter().filter(|head| audit.beyond.contains(&head.rolling));
    let at = signed.map(|head| head.time).max().map(instant_of).unwrap_or_default();
    let (partition, position) = (audit.head.partition, audit.head.position);
    Err(Failure::refused(
        "behind_head",
        format!(
            "the backup is behind what the house has signed: {lost} acknowledged records are not \
             in it (partition {partition} ends at {position}; a head of {at} goes further)"
        ),
    )
    .accept("a newer backup")
    .accept("--accept-loss, if those records are to be given up"))
}
