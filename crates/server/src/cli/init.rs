//! `gavel init`: makes a house in a directory, with its keys and its first administrator. Makes
//! none where there is one.

use crate::cli::output::{Failure, Output};
use crate::cli::{failed, usage};
use crate::config::Config;
use crate::http::v1::users::words::{check_email, check_username};
use crate::keys::{self, HouseKeys};
use crate::{chance, passwords};
use anyhow::Context as _;
use gavel_auction::command::Roles;
use gavel_engine::Clock;
use gavel_engine::people::{NewUser, People, UserQuery};
use gavel_store::sqlite::{self, OpenError, Options, Stores};
use serde_json::json;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// What `gavel init` is told.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The directory of the new house.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// The first administrator's username.
    #[arg(long, value_name = "NAME")]
    admin: String,
    /// A file with his password in its first line; `-` reads standard input.
    #[arg(long, value_name = "FILE")]
    password_file: PathBuf,
    /// His e-mail address.
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
    /// Configuration file.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Sets one key of the configuration.
    #[arg(long, value_name = "SECTION.KEY=VALUE")]
    set: Vec<String>,
}

/// Runs `gavel init`.
///
/// # Errors
/// Why there is no house now, or still the old one.
pub fn run(args: &Args, out: Output) -> Result<(), Failure> {
    let config = Config::load(args.config.as_deref(), &args.set).map_err(usage)?;
    let password = read_password(&args.password_file)?;
    let email = args.email.clone().unwrap_or_else(|| no_address(&args.admin));
    check_username(&args.admin).map_err(|wrong| usage(format!("--admin: {wrong}")))?;
    check_email(&email).map_err(|wrong| usage(format!("--email: {wrong}")))?;
    if let Some(wrong) = passwords::complaint(&password, &args.admin, &email) {
        return Err(usage(format!("--password-file: {wrong}")));
    }
    if sqlite::meta(&args.data).is_ok() {
        let exists = OpenError::HouseExists { dir: args.data.clone() };
        return Err(failed(exists.into()));
    }
    let keys = make(&args.data, config.house.partitions).map_err(failed)?;
    let add = || -> anyhow::Result<()> {
        let vault = Some(keys.vault.clone());
        let stores = sqlite::open(&args.data, &Options { vault, ..Options::default() })?;
        add_admin(&*stores.people, &args.admin, &email, &password)
    };
    add().map_err(failed)?;
    let fingerprint = keys.signing.public().fingerprint();
    let house = json!({ "house": keys.house.to_string(), "fingerprint": fingerprint });
    out.result(&house, |out| {
        writeln!(out, "A house was made in {}.", args.data.display())?;
        writeln!(out, "Key fingerprint: {fingerprint}")?;
        writeln!(out, "Keep a copy of {} somewhere safe.", args.data.join("keys").display())
    })
}

fn read_password(path: &Path) -> Result<Zeroizing<String>, Failure> {
    let text = if path == Path::new("-") {
        std::io::read_to_string(std::io::stdin())
    } else {
        std::fs::read_to_string(path)
    };
    let text = text.map(Zeroizing::new);
    let text = text.map_err(|error| usage(format!("{}: {error}", path.display())))?;
    Ok(Zeroizing::new(text.lines().next().unwrap_or_default().to_owned()))
}

fn no_address(name: &str) -> String {
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).take(60).collect();
    format!("{}@house.invalid", if plain.is_empty() { "admin" } else { &plain })
}

/// Makes the files and keys of a house.
///
/// # Errors
/// Why they could not be made.
pub fn make(data: &Path, partitions: u16) -> anyhow::Result<HouseKeys> {
    let keys = if keys::exist(data) { keys::read(data) } else { keys::make(data) };
    let keys = keys.context("making the house's keys")?;
    let now = Clock::default().now();
    sqlite::init(data, keys.house, partitions, now).context("making the house's files")?;
    Ok(keys)
}

/// Opens the house in a directory with its keys; makes both if there is nothing yet. The vault's
/// key is `given`, unless that is empty.
///
/// # Errors
/// Why it cannot be opened.
pub fn open_or_make(
    data: &Path,
    partitions: u16,
    given: &str,
) -> anyhow::Result<(Stores, HouseKeys)> {
    match sqlite::meta(data) {
        Ok(_) => {}
        Err(OpenError::NoHouse { .. }) => drop(make(data, partitions)?),
        Err(error) => return Err(error.into()),
    }
    let mut keys = keys::read(data).context("reading the house's keys")?;
    if !given.is_empty() {
        keys.vault = keys::given(given).context("reading `vault.keys`")?;
    }
    let vault = Some(keys.vault.clone());
    let stores = sqlite::open(data, &Options { vault, ..Options::default() })?;
    anyhow::ensure!(
        stores.meta.house == keys.house,
        "the keys are of house {}, the log is of house {}",
        keys.house,
        stores.meta.house
    );
    Ok((stores, keys))
}

/// Makes an administrator if the house has none; his password, which is kept nowhere.
///
/// # Errors
/// If people cannot be read or written.
pub fn first_admin(people: &dyn People) -> anyhow::Result<Option<String>> {
    let query = UserQuery { role: Some("admin".to_owned()), limit: 1, ..UserQuery::default() };
    if !people.users(&query)?.is_empty() {
        return Ok(None);
    }
    let password = chance::token().chars().take(20).collect::<String>();
    add_admin(people, "admin", "admin@house.invalid", &password)?;
    Ok(Some(password))
}

fn add_admin(people: &dyn People, name: &str, email: &str, password: &str) -> anyhow::Result<()> {
    let roles = Roles { bidder: false, seller: true, clerk: true, admin: true };
    let user = NewUser {
        username: name.to_owned(),
        email: Some(email.to_owned()),
        roles,
        password_hash: Some(passwords::hash(password)),
        ..NewUser::default()
    };
    let now = Clock::default().now();
    people.add_user(&user, now).context("adding the administrator")?;
    Ok(())
}
