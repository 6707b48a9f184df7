//! The configuration: one struct, one table of keys. A key is `section.key` in the file (TOML),
//! `GAVEL_SECTION__KEY` in the environment, `--set section.key=value` on the command line; later
//! ones win in that order. What is not in the table is refused by name. Knows nothing of what the
//! values are used for.

pub mod table;

use crate::http::dialects::Mount;
use crate::outside::Algorithm;
use crate::permissions::Verb;
use gavel_auction::money::Currency;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use table::KEYS;
use thiserror::Error;

/// How a house is set up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The house as people see it.
    pub house: HouseConfig,
    /// Where and for whom it listens.
    pub server: ServerConfig,
    /// How connections are protected.
    pub tls: TlsConfig,
    /// Where operators look.
    pub admin: AdminConfig,
    /// How much each may do.
    pub limits: LimitsConfig,
    /// How long each may take.
    pub timeouts: TimeoutsConfig,
    /// The live room.
    pub live: LiveConfig,
    /// What is kept in memory.
    pub memory: MemoryConfig,
    /// Accounts.
    pub users: UsersConfig,
    /// How mail leaves the house.
    pub mail: MailConfig,
    /// Whose tokens are believed besides the house's own.
    pub tokens: TokensConfig,
    /// Other APIs that are spoken besides the house's own.
    pub dialects: DialectsConfig,
    /// What opens the vault; empty: the file `keys/vault.key`.
    pub vault_keys: Secret,
    /// Where the Redis is that the view of auctions is written to; empty: nowhere.
    pub redis_url: Secret,
    /// A file with the certificates that alone vouch for it; empty: the public ones.
    pub redis_ca: String,
    /// What is written to the log of the process.
    pub log: LogConfig,
}

/// The house as people see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HouseConfig {
    /// Its name.
    pub name: String,
    /// Partitions of a new house's log.
    pub partitions: u16,
    /// Where people find it, for mails; empty is not said.
    pub url: String,
    /// Whether two must ask for what cannot be taken back.
    pub four_eyes: bool,
}

/// Where and for whom the house listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerConfig {
    /// The address.
    pub listen: SocketAddr,
    /// Hosts that it answers to; empty = any.
    pub hosts: Vec<String>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// Pages of other origins that may ask it.
    pub origins: Vec<String>,
    /// Whether the description of the API is shown.
    pub docs: bool,
    /// Threads of the runtime; 0 = one for each processor.
    pub threads: u16,
}

/// How connections are protected; both empty = not at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsConfig {
    /// The file of the certificate and those above it.
    pub certificate: String,
    /// The file of its key.
    pub key: String,
}

/// The live room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveConfig {
    /// Whether a token may stand in the query of a handshake.
    pub query_tokens: bool,
}

/// What is kept in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryConfig {
    /// Ended and certified auctions that stay though nobody asks for them.
    pub settled_auctions: usize,
}

/// Where operators look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminConfig {
    /// The address of `/metrics`; none = off.
    pub listen: Option<SocketAddr>,
}

/// How much each may do; 0 = no limit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LimitsConfig {
    /// Bids of a person in a second.
    pub bids_per_second_per_actor: u32,
    /// Bids of a person at once.
    pub bid_burst_per_actor: u32,
    /// Bids from an address in a second.
    pub bids_per_second_per_ip: u32,
    /// Requests from an address in a second.
    pub requests_per_second_per_ip: u32,
    /// Attempts to sign in to an account from an address in a minute.
    pub logins_per_minute_per_account: u32,
    /// Attempts to sign in from an address in an hour.
    pub logins_per_hour_per_ip: u32,
    /// New users from an address in an hour.
    pub registrations_per_hour_per_ip: u32,
    /// New users of dialects from an address in an hour.
    pub dialect_users_per_hour_per_ip: u32,
    /// What a bidder may commit himself to in all auctions together, in each currency.
    pub spend_per_bidder: i64,
    /// Connections in all.
    pub connections: u32,
    /// Connections from an address.
    pub connections_per_ip: u32,
    /// Sockets of a user.
    pub sockets_per_user: u32,
    /// Sockets from an address.
    pub sockets_per_ip: u32,
    /// Event streams from an address.
    pub streams_per_ip: u32,
    /// Pictures of an item.
    pub pictures_per_item: u32,
    /// Bytes of a picture.
    pub picture_bytes: usize,
    /// Auctions on somebody's list.
    pub watched_per_user: u32,
}

/// How long each may take, in seconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TimeoutsConfig {
    /// From the connection to its first byte.
    pub first_byte_seconds: u64,
    /// For the head of a request.
    pub header_seconds: u64,
    /// For the body of a request.
    pub body_seconds: u64,
    /// Between two requests.
    pub idle_seconds: u64,
    /// For what is under way when the house stops.
    pub stop_seconds: u64,
}

/// Accounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsersConfig {
    /// What new users may be.
    pub default_roles: gavel_auction::command::Roles,
    /// Whether anybody may register.
    pub open_registration: bool,
    /// How long a session lasts.
    pub session_hours: i64,
    /// Threads that hash passwords.
    pub hashing_threads: u16,
    /// Whether one bids and sells only with a confirmed address.
    pub confirm_email: bool,
    /// What callers without a token may see.
    pub public: Vec<Verb>,
}

/// How mail leaves the house.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailConfig {
    /// The server that takes it; empty is none.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub tls: MailTls,
    /// A PEM file of those whose certificates are believed besides the known ones; empty is none.
    pub ca: String,
    /// The user to sign in as; empty is nobody.
    pub user: String,
    /// His password.
    pub password: Secret,
    /// Whom mails come from.
    pub from: String,
    /// Without a server: `log`, or the directory that mails are written to.
    pub outbox: String,
}

/// How a connection that carries mail is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailTls {
    /// From its first byte.
    Always,
    /// From STARTTLS on, without which nothing is sent.
    Starttls,
    /// Not at all: for a server on this machine.
    None,
}

/// Whose tokens are believed besides the house's own. All lists are as long as `issuers`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokensConfig {
    /// Who issues them: `iss`.
    pub issuers: Vec<String>,
    /// For whom: `aud`, or Cognito's `client_id`.
    pub audiences: Vec<String>,
    /// Where the issuer's keys are.
    pub jwks: Vec<String>,
    /// How they may be signed.
    pub algorithms: Vec<Algorithm>,
    /// How long keys that were fetched are taken for all there are.
    pub keys_seconds: i64,
}

/// Other APIs that are spoken besides the house's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DialectsConfig {
    /// Which, and where.
    pub on: Vec<Mount>,
    /// What is sold through them is sold in this currency, where they name none.
    pub currency: Currency,
    /// Whether whoever is not signed in may do what users of a dialect may, on his word.
    pub public: bool,
    /// Whether those that believe whoever calls may be reached from other machines.
    pub open: bool,
}

/// A text that is never shown.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The text itself.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether it is set, in words.
    #[must_use]
    pub fn told(&self) -> String {
        if self.0.is_empty() { String::new() } else { "(set)".to_owned() }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// What is written to the log of the process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogConfig {
    /// From which level on, as a filter of `tracing`.
    pub level: String,
    /// As JSON, or for people.
    pub json: bool,
}

/// What is wrong with a configuration.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ConfigError {
    /// No such key.
    #[error("{place}: there is no key `{key}`{hint} (`gavel doctor --config` lists all)")]
    Unknown {
        /// Where it stands.
        place: Source,
        /// What was written.
        key: String,
        /// A key that is close to it.
        hint: String,
    },
    /// A value that the key cannot have.
    #[error("{place}: `{key}` cannot be `{value}`: {allowed}")]
    Wrong {
        /// Where it stands.
        place: Source,
        /// The key.
        key: String,
        /// What was written.
        value: String,
        /// What would be accepted.
        allowed: &'static str,
    },
    /// The file cannot be read, or `--set` is not `key=value`.
    #[error("{place}: {what}")]
    Unreadable {
        /// Which one.
        place: Source,
        /// Why.
        what: String,
    },
}

/// Where a setting comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The file.
    File(String),
    /// The environment.
    Environment,
    /// The command line.
    CommandLine,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => f.write_str(path),
            Self::Environment => f.write_str("environment"),
            Self::CommandLine => f.write_str("--set"),
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        table::defaults()
    }
}

impl Config {
    /// Reads the file if one is given, then the environment, then `--set`.
    ///
    /// # Errors
    /// The first thing that is wrong, with where it stands and what is allowed.
    pub fn load(file: Option<&Path>, sets: &[String]) -> Result<Self, ConfigError> {
        let mut config = Self::default();
        if let Some(path) = file {
            let source = Source::File(path.display().to_string());
            for (key, value) in read_file(path, &source)? {
                config.set(&source, &key, &value)?;
            }
        }
        for (key, value) in environment()? {
            config.set(&Source::Environment, &key, &value)?;
        }
        for set in sets {
            let name: String = set.chars().take_while(|c| *c == '.' || is_plain(*c)).collect();
            let what = || format!("`{name}` is not followed by `=`: section.key=value");
            let source = Source::CommandLine;
            let (key, value) = set
                .split_once('=')
                .ok_or_else(|| ConfigError::Unreadable { place: source.clone(), what: what() })?;
            config.set(&source, key.trim(), value)?;
        }
        Ok(config)
    }

    /// Sets one key.
    ///
    /// # Errors
    /// If there is no such key, or it cannot have that value.
    pub fn set(&mut self, source: &Source, name: &str, value: &str) -> Result<(), ConfigError> {
        let found = KEYS.iter().find(|key| key.name == name);
        let key = found.ok_or_else(|| ConfigError::Unknown {
            place: source.clone(),
            key: name.to_owned(),
            hint: nearest(name),
        })?;
        (key.set)(self, value.trim()).ok_or_else(|| ConfigError::Wrong {
            place: source.clone(),
            key: name.to_owned(),
            value: if key.secret() { "(secret)".to_owned() } else { value.to_owned() },
            allowed: key.allowed,
        })
    }
}

/// Whether a key may have it in a part of its name.
fn is_plain(c: char) -> bool {
    c == '_' || c.is_ascii_lowercase()
}

/// A key whose section and own name, or the beginnings of these, are like those of `name`.
fn nearest(name: &str) -> String {
    let parts = |name| str::rsplit_once(name, '.').unwrap_or(("", name));
    let (section, own) = parts(name);
    let near = KEYS.iter().filter_map(|key| {
        let (its_section, its_own) = parts(key.name);
        let off = if section.is_empty() { 0 } else { distance(section, its_section)? };
        Some((off + distance(own, its_own)?, own.len().abs_diff(its_own.len()), key))
    });
    let near = near.min_by_key(|(off, longer, _)| (*off, *longer));
    near.map(|(.., key)| format!("; did you mean `{}`?", key.name)).unwrap_or_default()
}

/// How many letters of what was typed are wrong, against a beginning of what may be meant; none if
/// it is more than one in four, or nothing was typed.
fn distance(typed: &str, meant: &str) -> Option<usize> {
    let mut row: Vec<usize> = (0..=meant.len()).collect();
    for (at, letter) in typed.bytes().enumerate() {
        let mut corner = std::mem::replace(&mut row[0], at + 1);
        for (column, other) in meant.bytes().enumerate() {
            let changed = corner + usize::from(letter != other);
            corner = row[column + 1];
            row[column + 1] = changed.min(corner + 1).min(row[column] + 1);
        }
    }
    row.into_iter().min().filter(|off| !typed.is_empty() && off * 4 <= typed.len())
}

fn read_file(path: &Path, source: &Source) -> Result<Vec<(String, String)>, ConfigError> {
    let unreadable = |what: String| ConfigError::Unreadable { place: source.clone(), what };
    let text = std::fs::read_to_string(path).map_err(|error| unreadable(error.to_string()))?;
    // Where and what, never the line itself: a password may stand in it.
    let told = |error: toml::de::Error| {
        let begin = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        format!("line {}: {}", begin.matches('\n').count() + 1, error.message())
    };
    let table: BTreeMap<String, toml::Value> =
        toml::from_str(&text).map_err(|error| unreadable(told(error)))?;
    let mut all = Vec::new();
    for (section, value) in table {
        flatten(section, value, &mut all).map_err(unreadable)?;
    }
    Ok(all)
}

fn flatten(
    name: String,
    value: toml::Value,
    into: &mut Vec<(String, String)>,
) -> Result<(), String> {
    let text = match value {
        toml::Value::Table(table) => {
            return table
                .into_iter()
                .try_for_each(|(key, value)| flatten(format!("{name}.{key}"), value, into));
        }
        toml::Value::String(text) => text,
        toml::Value::Integer(integer) => integer.to_string(),
        toml::Value::Boolean(boolean) => boolean.to_string(),
        toml::Value::Array(values) => {
            let texts: Option<Vec<&str>> = values.iter().map(toml::Value::as_str).collect();
            texts
                .ok_or_else(|| format!("`{name}` is a list of something else than texts"))?
                .join(",")
        }
        toml::Value::Float(_) | toml::Value::Datetime(_) => {
            return Err(format!("`{name}` is neither a text, an integer nor true or false"));
        }
    };
    into.push((name, text));
    Ok(())
}

/// `GAVEL_SECTION__KEY`; other variables that begin with `GAVEL_` are for the command line. What is
/// no text and not for us is passed over.
#[expect(clippy::disallowed_methods, reason = "the one home of the environment")]
fn environment() -> Result<Vec<(String, String)>, ConfigError> {
    let ours = |(name, value): (OsString, OsString)| {
        let name = name.into_string().ok()?;
        let (section, key) = name.strip_prefix("GAVEL_")?.split_once("__")?;
        let key = format!("{}.{}", section.to_lowercase(), key.to_lowercase());
        let what = format!("`{name}` is no text in UTF-8");
        let unreadable = ConfigError::Unreadable { place: Source::Environment, what };
        Some(value.into_string().map(|value| (key, value)).map_err(|_| unreadable))
    };
    let mut all = std::env::vars_os().filter_map(ours).collect::<Result<Vec<_>, _>>()?;
    all.sort();
    Ok(all)
}

/// One variable of the environment, for the command line's own.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the one home of the environment")]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_reads_back_what_it_says() {
        let config = Config::default();
        for key in KEYS {
            let value = (key.get)(&config);
            assert_eq!(value, key.default, "{}", key.name);
            let mut again = Config::default();
            assert!((key.set)(&mut again, &value).is_some(), "{}", key.name);
            assert_eq!(again, config, "{}", key.name);
            assert!(key.name.contains('.') && !key.about.is_empty());
        }
    }

    #[test]
    fn unknown_keys_and_wrong_values_are_refused_by_name() {
        let load = |set: &str| Config::load(None, &[set.to_owned()]).map_err(|e| e.to_string());
        let error = load("limit.connections_per_ip=5").unwrap_err();
        assert!(error.contains("`limit.connections_per_ip`"), "{error}");
        assert!(error.contains("did you mean `limits.connections_per_ip`"), "{error}");
        let error = load("limits.conections=5").unwrap_err();
        assert!(error.contains("did you mean `limits.connections"), "{error}");
        for far in ["nope.x=1", "limits.zzz=1", ".=1", "nope.connections_per_ip=1"] {
            let error = load(far).unwrap_err();
            assert!(!error.contains("did you mean"), "{error}");
        }
        let error = load("mail.password canary4711").unwrap_err();
        assert!(error.contains("`mail.password`") && !error.contains("canary"), "{error}");
        let error = load("timeouts.idle_seconds=0").unwrap_err();
        assert!(error.contains("timeouts.idle_seconds"), "{error}");
        assert!(load("timeouts.idle_seconds=-1").is_err());
        assert!(load("limits.connections_per_ip=five").is_err());
        assert!(load("server.listen").is_err());
        assert!(load("users.default_roles=king").is_err());
        assert_eq!(load("limits.connections_per_ip=5").unwrap().limits.connections_per_ip, 5);
    }

    #[test]
    fn the_file_is_flat_keys() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("gavel.toml");
        let text = "[server]\nlisten = \"127.0.0.1:9\"\nhosts = [\"a\", \"b\"]\n";
        std::fs::write(&path, text).unwrap();
        let config = Config::load(Some(&path), &[]).unwrap();
        assert_eq!(config.server.hosts, ["a", "b"]);
        for wrong in ["canary4711", "\"canary4711", "\"a\" canary4711", "[\"canary4711\""] {
            std::fs::write(&path, format!("[mail]\npassword = {wrong}\n")).unwrap();
            let told = Config::load(Some(&path), &[]).unwrap_err().to_string();
            assert!(told.contains(": line ") && !told.contains("canary"), "{wrong}: {told}");
        }
        std::fs::write(&path, "[server]\nlisten = 1.5\n").unwrap();
        assert!(Config::load(Some(&path), &[]).is_err());
        std::fs::write(&path, "top = 1\n").unwrap();
        assert!(Config::load(Some(&path), &[]).unwrap_err().to_string().contains("`top`"));
    }
}
