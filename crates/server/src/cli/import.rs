//! `gavel import`: users and auctions from CSV and JSON lines, into a house that is not running.
//! All rows of all files are judged before anything is written; what is there already is left
//! alone, so that the same files may be imported again.

mod plan;
mod rows;

use super::output::{Failure, Output, count, good, table};
use super::serve::{Awake, wake};
use super::{failed, init, usage};
use crate::keys::{self, HouseKeys};
use crate::{chance, passwords};
use anyhow::Context as _;
use gavel_auction::command::{Actor, Command};
use gavel_engine::answer::{Answer, Failure as NoAnswer};
use gavel_engine::people::{NewUser, Reserved};
use gavel_engine::{Ask, Clock};
use gavel_proof::command::command_id;
use gavel_store::sqlite::{self, Options};
use plan::{Fault, NewAuction, Plan, Step, There, What};
use serde_json::json;
use std::path::{Path, PathBuf};

/// So many faults are told.
const TOLD: usize = 50;

/// Bring users and auctions from files into a house.
///
/// CSV (`.csv`: a heading, then a row each) or JSON lines (an object each); docs/import.md lists
/// the columns. Nothing is written unless every row is good. Rows that are there already are left
/// alone: an import that was cut short is finished by repeating it.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The files, in this order: users before the auctions they sell
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Where the house keeps its data
    #[arg(long, value_name = "DIR", default_value = "gavel-data")]
    data: PathBuf,
    /// Only say what would be made, what is there, and what is wrong; may run beside the house
    #[arg(long)]
    dry_run: bool,
}

/// Runs the command.
///
/// # Errors
/// If a row is bad, by file and line; or why it could not be done.
pub fn run(args: &Args, out: Output) -> Result<(), Failure> {
    let keys = keys::read(&args.data).map_err(|error| {
        Failure::usage("no_house", error.to_string())
            .accept("--data DIR, a directory that `gavel init` or `gavel serve` made")
    })?;
    if args.dry_run {
        let options =
            Options { read_only: true, vault: Some(keys.vault.clone()), ..Options::default() };
        let stores = sqlite::open(&args.data, &options).map_err(|error| failed(error.into()))?;
        let plan = judged(&args.files, There::of(&stores), &keys)?;
        return tell(&plan, false, out);
    }
    let (stores, _) = init::open_or_make(&args.data, 1, "").map_err(failed)?;
    let plan = judged(&args.files, There::of(&stores), &keys)?;
    let awake = wake(&args.data, stores, &keys, 0).map_err(failed)?;
    let done = apply(&plan, &awake, &keys);
    let Awake { started, upkeep, lock, .. } = awake;
    started.stop();
    drop((upkeep, lock));
    done.map_err(failed)?;
    tell(&plan, true, out)
}

/// What the files come to; all their faults at once.
fn judged<'a>(files: &[PathBuf], there: There, keys: &'a HouseKeys) -> Result<Plan<'a>, Failure> {
    let mut plan = Plan::new(there, keys, Clock::default().now());
    let mut faults: Vec<String> = Vec::new();
    for file in files {
        let rows = rows::read(file)?;
        for row in rows {
            let line = row.line;
            let judged = row.what.and_then(|(kind, fields)| plan.judge(line, kind, fields));
            faults.extend(judged.err().map(|fault| told(file, line, &fault)));
        }
    }
    if faults.is_empty() {
        return Ok(plan);
    }
    let more = faults.len().saturating_sub(TOLD);
    let bad = match faults.len() {
        1 => "1 row is bad".to_owned(),
        many => format!("{many} rows are bad"),
    };
    let mut failure = usage(format!("{bad}; nothing was imported"));
    failure.code = "bad_rows".to_owned();
    failure.accepted = faults.into_iter().take(TOLD).collect();
    failure.accepted.extend((more > 0).then(|| format!("and {more} more")));
    Err(failure)
}

fn told(file: &Path, line: u64, fault: &Fault) -> String {
    let Fault { field, what } = fault;
    format!("{}, line {line}: {field}: {what}", file.display())
}

fn apply(plan: &Plan, awake: &Awake, keys: &HouseKeys) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    // Whoever came without a password gets one that nobody knows.
    let unknown = passwords::hash(&chance::token());
    let people = &*awake.people;
    for step in &plan.steps {
        match &step.what {
            _ if step.exists => {}
            What::User { user, password } => {
                let password_hash = password
                    .as_ref()
                    .map_or_else(|| unknown.clone(), |password| passwords::hash(password.as_str()));
                let password_hash = Some(password_hash);
                let user = NewUser { password_hash, ..user.clone() };
                people.add_user(&user, awake.started.engine.now()).context("adding a user")?;
            }
            What::Auction(new) => {
                runtime
                    .block_on(create(new, awake, keys))
                    .with_context(|| format!("creating the auction with key {}", new.key))?;
            }
        }
    }
    Ok(())
}

/// Creates an auction of which the log knows nothing, whatever its key was reserved for. One that
/// is not created keeps no key, so that the row may be mended and brought again.
async fn create(new: &NewAuction, awake: &Awake, keys: &HouseKeys) -> anyhow::Result<()> {
    let (people, engine) = (&*awake.people, &awake.started.engine);
    let seller = people.user_by_login(&new.seller)?.context("its seller is gone")?;
    let creation = new.creation()?;
    let key = plan::key_of(&new.key);
    if let Some((nothing, _)) = people.reserved(seller.id, &key)? {
        people.release_auction(nothing)?;
    }
    let (digest, listing) = (creation.digest(), creation.listing.clone());
    let reserved = people.reserve_auction(seller.id, Some(&key), &digest, &listing)?;
    let Reserved::Id(auction) = reserved else { anyhow::bail!("its key was used otherwise") };
    let command = Command {
        actor: Actor::Person(seller.person()),
        expected_version: None,
        action: creation.action(keys.house, &keys.log, auction),
    };
    let id = command_id(Some(seller.id), auction, &key);
    match engine.submit(Ask { auction, id, command, receipt: false }).await {
        Ok(Answer::Accepted(_)) => Ok(()),
        Ok(Answer::Refused(refused)) => {
            people.release_auction(auction)?;
            anyhow::bail!("refused: {}", refused.refusal)
        }
        Err(failure @ NoAnswer::OutcomeUnknown) => anyhow::bail!("{failure}: import again"),
        Err(failure) => anyhow::bail!("{failure}"),
    }
}

fn tell(plan: &Plan, done: bool, out: Output) -> Result<(), Failure> {
    let of = |exists: bool| plan.steps.iter().filter(move |step| step.exists == exists);
    let [new, old] = [of(false), of(true)].map(|steps| steps.count() as u64);
    let row = |step: &Step| {
        json!({
            "line": step.line,
            "change": if step.exists { "exists" } else { "create" },
            "kind": step.kind(),
            "name": step.name(),
        })
    };
    let rows: Vec<_> = plan.steps.iter().map(row).collect();
    let told = json!({"done": done, "created": new, "existing": old, "rows": rows});
    out.result(&told, |out| {
        if !done {
            let mut table = table(&["", "line", "kind", "name"], &["line"]);
            for step in &plan.steps {
                let change = if step.exists { "=" } else { "+" };
                table.add_row([change, &step.line.to_string(), step.kind(), step.name()]);
            }
            writeln!(out, "{table}")?;
        }
        let verb = if done { "created" } else { "would be created" };
        writeln!(out, "{} {} {verb}, {} there already", good("✓"), count(new), count(old))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use gavel_auction::command::Roles;
    use gavel_auction::event::Digest;
    use gavel_auction::time::Time;
    use gavel_engine::people::Listing;
    use std::sync::Arc;

    #[test]
    fn only_what_was_created_keeps_its_key() {
        let dir = tempfile::tempdir().unwrap();
        let (data, file) = (dir.path().join("house"), dir.path().join("lots.csv"));
        let row = "key,seller,title,currency,duration_seconds\nlot-1,anna,A desk,EUR,60\n";
        std::fs::write(&file, row).unwrap();
        let (stores, keys) = init::open_or_make(&data, 1, "").unwrap();
        let people = Arc::clone(&stores.people);
        let anna = NewUser { username: "anna".into(), roles: Roles::MEMBER, ..NewUser::default() };
        let anna = people.add_user(&anna, Time(1)).unwrap().id;
        let key = plan::key_of("lot-1");
        // Of a try that was cut short; the row has been changed since.
        let other = Digest([7; 32]);
        people.reserve_auction(anna, Some(&key), &other, &Listing::default()).unwrap();
        let planned =
            || judged(std::slice::from_ref(&file), There::of(&stores), &keys).ok().unwrap();
        let (plan, mut late) = (planned(), planned());
        assert!(!plan.steps[0].exists);
        if let What::Auction(new) = &mut late.steps[0].what {
            let past = r#"{"title":"A desk","currency":"EUR","ends_at":"2020-01-01T00:00:00Z"}"#;
            new.body = past.into();
        }
        let awake = wake(&data, stores, &keys, 0).unwrap();
        let refused = apply(&late, &awake, &keys).unwrap_err();
        assert!(format!("{refused:#}").contains("refused"), "{refused:#}");
        assert!(people.reserved(anna, &key).unwrap().is_none());
        apply(&plan, &awake, &keys).unwrap();
        assert!(people.reserved(anna, &key).unwrap().is_some());
        awake.started.stop();
    }

    #[test]
    fn an_auction_that_is_closed_off_is_there() {
        let dir = tempfile::tempdir().unwrap();
        let (data, file) = (dir.path().join("house"), dir.path().join("lots.csv"));
        let row = "key,seller,title,currency,duration_seconds\nlot-1,anna,A desk,EUR,60\n";
        std::fs::write(&file, row).unwrap();
        let import = || {
            let (stores, keys) = init::open_or_make(&data, 1, "").unwrap();
            let people = Arc::clone(&stores.people);
            let anna = NewUser { username: "anna".into(), roles: Roles::MEMBER, ..<_>::default() };
            let anna = match people.user_by_login("anna").unwrap() {
                Some(anna) => anna.id,
                None => people.add_user(&anna, Time(1)).unwrap().id,
            };
            let planned = judged(std::slice::from_ref(&file), There::of(&stores), &keys);
            let plan = planned.ok().unwrap();
            let Awake { started, upkeep, lock, .. } = wake(&data, stores, &keys, 0).unwrap();
            let awake = Awake { people: Arc::clone(&people), started, upkeep, lock };
            let done = apply(&plan, &awake, &keys);
            let (auction, _) = people.reserved(anna, &plan::key_of("lot-1")).unwrap().unwrap();
            let shown = awake.started.engine.head(auction).is_some();
            let listing = people.listing(auction).unwrap();
            awake.started.stop();
            done.unwrap();
            (plan.steps[0].exists, auction, listing, shown)
        };
        let (existed, auction, listing, shown) = import();
        assert!(!existed && shown && listing.is_some());
        let log = rusqlite::Connection::open(data.join("log.db")).unwrap();
        let damage = "UPDATE event SET hash = zeroblob(32) WHERE version = 1";
        let triggers: Vec<String> = log
            .prepare("SELECT name FROM sqlite_schema WHERE type = 'trigger'")
            .and_then(|mut found| found.query_map([], |row| row.get(0))?.collect())
            .unwrap();
        for name in triggers {
            log.execute_batch(&format!("DROP TRIGGER {name}")).unwrap();
        }
        assert_eq!(log.execute(damage, []).unwrap(), 1);
        drop(log);
        assert_eq!(import(), (true, auction, listing, false));
    }
}
