//! Every key of the configuration: what it is, what it may be, what it is if nobody says.

mod dialects;
mod kinds;
mod urls;

use super::{
    AdminConfig, Config, HouseConfig, LimitsConfig, LiveConfig, LogConfig, MailConfig, MailTls,
    MemoryConfig, Secret, ServerConfig, TimeoutsConfig, TlsConfig, TokensConfig, UsersConfig,
};
use crate::outside::Algorithm;
use crate::permissions::Verb;
use gavel_auction::command::Roles;
use gavel_auction::money::MAX_AMOUNT;
use kinds::{flag, limit, number, seconds, secret, several, text};
use std::net::{Ipv4Addr, SocketAddr};
use urls::{fetched, origin};

/// One key.
pub struct Key {
    /// Its name, `section.key`.
    pub name: &'static str,
    /// What it is.
    pub about: &'static str,
    /// What it may be.
    pub allowed: &'static str,
    /// What it is if nobody says.
    pub default: &'static str,
    /// Sets it; none if the value is not allowed.
    pub set: fn(&mut Config, &str) -> Option<()>,
    /// What it is set to.
    pub get: fn(&Config) -> String,
}

impl Key {
    /// Whether its value is never shown.
    #[must_use]
    pub fn secret(&self) -> bool {
        matches!(self.name, "mail.password" | "redis.url" | "vault.keys")
    }
}

/// All keys, by section.
pub const KEYS: &[Key] = &[
    Key {
        name: "house.name",
        about: "The house's name, as people see it",
        allowed: "a text of 1 to 100 characters",
        default: "Gavel",
        set: |config, value| {
            let fits = (1..=100).contains(&value.chars().count());
            config.house.name = Some(value).filter(|_| fits)?.to_owned();
            Some(())
        },
        get: |config| config.house.name.clone(),
    },
    number!(
        "house.partitions",
        house.partitions,
        1..=1024,
        "a whole number from 1 to 1024; fixed when the house is made",
        "1",
        "Partitions of a new house's log"
    ),
    text!(
        "house.url",
        house.url,
        "a URL such as https://auctions.example.com, or nothing",
        "",
        "Where people find the house; stands in mails"
    ),
    flag!(
        "house.four_eyes",
        house.four_eyes,
        "false",
        "Whether voids, reopenings and erasures by administrators take two of them"
    ),
    Key {
        name: "server.listen",
        about: "Where the house listens (also --listen)",
        allowed: "ADDRESS:PORT, such as 127.0.0.1:8080; port 0 takes a free one",
        default: "127.0.0.1:8080",
        set: |config, value| {
            config.server.listen = value.parse().ok()?;
            Some(())
        },
        get: |config| config.server.listen.to_string(),
    },
    Key {
        name: "server.hosts",
        about: "Host names the house answers to besides localhost; empty is any",
        allowed: "names without ports, separated by commas",
        default: "",
        set: |config, value| {
            let plain = |name: &String| !name.contains([' ', '/', ':']);
            let hosts: Vec<String> = list(value).map(str::to_lowercase).collect();
            config.server.hosts = Some(hosts).filter(|hosts| hosts.iter().all(plain))?;
            Some(())
        },
        get: |config| config.server.hosts.join(","),
    },
    Key {
        name: "server.trusted_proxies",
        about: "Proxies whose X-Forwarded-For is believed; empty is none",
        allowed: "IP addresses, separated by commas",
        default: "",
        set: |config, value| {
            let parsed: Result<_, _> = list(value).map(str::parse).collect();
            config.server.trusted_proxies = parsed.ok()?;
            Some(())
        },
        get: |config| {
            let all: Vec<String> =
                config.server.trusted_proxies.iter().map(ToString::to_string).collect();
            all.join(",")
        },
    },
    several!(
        "server.origins",
        server.origins,
        origin,
        String::as_str,
        "origins such as https://shop.example.com, separated by commas",
        "",
        "Pages of other origins that may ask the API from a browser; empty is none"
    ),
    flag!("server.docs", server.docs, "true", "Whether /docs and /openapi.json are shown"),
    number!(
        "server.threads",
        server.threads,
        0..=256,
        "a whole number up to 256; 0 is one for each processor",
        "0",
        "Threads that answer requests"
    ),
    text!(
        "tls.certificate",
        tls.certificate,
        "a file (PEM), with the certificates above it; or nothing, then there is no TLS",
        "",
        "The house's certificate; read again when it changes"
    ),
    text!("tls.key", tls.key, "a file (PEM) that not everybody can read", "", "Its key"),
    Key {
        name: "admin.listen",
        about: "Where /metrics is served; keep it on loopback or a private network",
        allowed: "ADDRESS:PORT, or off",
        default: "127.0.0.1:9180",
        set: |config, value| {
            config.admin.listen = match value {
                "off" => None,
                address => Some(address.parse().ok()?),
            };
            Some(())
        },
        get: |config| config.admin.listen.map_or("off".to_owned(), |at| at.to_string()),
    },
    limit!(
        "limits.bids_per_second_per_actor",
        bids_per_second_per_actor,
        "10",
        "Bids of one person in a second"
    ),
    limit!("limits.bid_burst_per_actor", bid_burst_per_actor, "20", "Bids of one person at once"),
    limit!(
        "limits.bids_per_second_per_ip",
        bids_per_second_per_ip,
        "100",
        "Bids from one address in a second"
    ),
    limit!(
        "limits.requests_per_second_per_ip",
        requests_per_second_per_ip,
        "500",
        "Requests from one address in a second"
    ),
    limit!(
        "limits.logins_per_minute_per_account",
        logins_per_minute_per_account,
        "5",
        "Attempts to sign in to one account from one address in a minute"
    ),
    limit!(
        "limits.logins_per_hour_per_ip",
        logins_per_hour_per_ip,
        "100",
        "Attempts to sign in from one address in an hour"
    ),
    limit!(
        "limits.registrations_per_hour_per_ip",
        registrations_per_hour_per_ip,
        "30",
        "New users from one address in an hour"
    ),
    limit!(
        "limits.dialect_users_per_hour_per_ip",
        dialect_users_per_hour_per_ip,
        "1000",
        "New names of dialects' users from one address in an hour"
    ),
    number!(
        "limits.spend_per_bidder",
        limits.spend_per_bidder,
        0..=MAX_AMOUNT,
        "minor units of any currency, up to 2^53 - 1; 0 is no limit",
        "0",
        "What a bidder may commit himself to in all auctions together, unless he has a limit of \
         his own"
    ),
    limit!("limits.connections", connections, "20000", "Connections in all"),
    limit!("limits.connections_per_ip", connections_per_ip, "500", "Connections from one address"),
    limit!("limits.sockets_per_user", sockets_per_user, "5", "Live sockets of one user"),
    limit!("limits.sockets_per_ip", sockets_per_ip, "50", "Live sockets from one address"),
    limit!("limits.streams_per_ip", streams_per_ip, "50", "Event streams from one address"),
    limit!("limits.pictures_per_item", pictures_per_item, "20", "Pictures of one item"),
    number!(
        "limits.picture_bytes",
        limits.picture_bytes,
        1..=33_554_432,
        "whole bytes up to 33554432",
        "5242880",
        "Bytes of one picture"
    ),
    limit!("limits.watched_per_user", watched_per_user, "1000", "Auctions that one user watches"),
    seconds!(
        "timeouts.first_byte_seconds",
        first_byte_seconds,
        "5",
        "From a connection to its first byte"
    ),
    seconds!("timeouts.header_seconds", header_seconds, "10", "For the head of a request"),
    seconds!("timeouts.body_seconds", body_seconds, "30", "For the body of a request"),
    seconds!("timeouts.idle_seconds", idle_seconds, "60", "Between two requests of a connection"),
    seconds!(
        "timeouts.stop_seconds",
        stop_seconds,
        "10",
        "For what is under way when the house stops"
    ),
    number!(
        "memory.settled_auctions",
        memory.settled_auctions,
        0..=100_000_000,
        "a whole number up to 100000000",
        "100000",
        "Ended and certified auctions that stay in memory though nobody asks"
    ),
    Key {
        name: "users.default_roles",
        about: "What new users may be",
        allowed: "bidder, seller or both, separated by a comma",
        default: "bidder,seller",
        set: |config, value| {
            let mut roles = Roles::default();
            for word in list(value) {
                match word {
                    "bidder" => roles.bidder = true,
                    "seller" => roles.seller = true,
                    _ => return None,
                }
            }
            config.users.default_roles = roles;
            Some(())
        },
        get: |config| {
            crate::http::v1::users::words::role_words(config.users.default_roles).join(",")
        },
    },
    flag!(
        "live.query_tokens",
        live.query_tokens,
        "false",
        "Whether a token may stand in the query of a live socket, where others may log it"
    ),
    flag!(
        "users.open_registration",
        users.open_registration,
        "true",
        "Whether anybody may register; else only staff make users"
    ),
    number!(
        "users.session_hours",
        users.session_hours,
        1..=8784,
        "whole hours from 1 to 8784",
        "168",
        "How long a session lasts"
    ),
    number!(
        "users.hashing_threads",
        users.hashing_threads,
        1..=16,
        "a whole number from 1 to 16",
        "1",
        "Threads that hash passwords (19 MiB each)"
    ),
    flag!(
        "users.confirm_email",
        users.confirm_email,
        "false",
        "Whether one bids and sells only with a confirmed e-mail address"
    ),
    several!(
        "users.public",
        users.public,
        Verb::of_public,
        |verb| verb.word(),
        "see_auctions, see_people or both, separated by a comma; or nothing",
        "see_auctions,see_people",
        "What callers without a token may do, besides signing in"
    ),
    text!("mail.host", mail.host, "a host name, or nothing", "", "The server that takes mail"),
    number!("mail.port", mail.port, 1..=65535, "a port", "587", "Its port"),
    Key {
        name: "mail.tls",
        about: "How the connection to it is protected",
        allowed: "starttls, always (from the first byte), or none (a server on this machine)",
        default: "starttls",
        set: |config, value| {
            config.mail.tls = match value {
                "starttls" => MailTls::Starttls,
                "always" => MailTls::Always,
                "none" => MailTls::None,
                _ => return None, // not ours: a text
            };
            Some(())
        },
        get: |config| match config.mail.tls {
            MailTls::Starttls => "starttls".to_owned(),
            MailTls::Always => "always".to_owned(),
            MailTls::None => "none".to_owned(),
        },
    },
    text!("mail.ca", mail.ca, "a PEM file, or nothing", "", "Whom TLS believes there, besides all"),
    text!("mail.user", mail.user, "a name, or nothing", "", "Who signs in to the mail server"),
    secret!(
        "redis.url",
        redis_url,
        "redis://HOST:PORT, or rediss:// for TLS",
        "A Redis that auctions are written to as the dialect flash has it; empty is none"
    ),
    text!("redis.ca", redis_ca, "a file (PEM), or nothing", "", "Who alone vouches for that Redis"),
    secret!("mail.password", mail.password, "a text", "His password; better in the environment"),
    text!(
        "mail.from",
        mail.from,
        "an address such as Gavel <house@example.com>",
        "Gavel <gavel@localhost>",
        "Whom mails come from"
    ),
    text!(
        "mail.outbox",
        mail.outbox,
        "log (that there was one, and no word of it), or a directory",
        "log",
        "Where mails go while there is no mail server"
    ),
    several!(
        "tokens.issuers",
        tokens.issuers,
        |one: &str| Some(one.to_owned()),
        String::as_str,
        "issuers as they stand in `iss`, separated by commas",
        "",
        "Whose tokens (JWT) are believed besides the house's own"
    ),
    several!(
        "tokens.audiences",
        tokens.audiences,
        |one: &str| Some(one.to_owned()),
        String::as_str,
        "one for each issuer, in their order",
        "",
        "Whom their tokens must be for: `aud`, or Cognito's `client_id`"
    ),
    several!(
        "tokens.jwks",
        tokens.jwks,
        fetched,
        String::as_str,
        "https URLs (http on this machine), one for each issuer, in their order",
        "",
        "Where their keys are (JWKS)"
    ),
    several!(
        "tokens.algorithms",
        tokens.algorithms,
        Algorithm::parse,
        |one| one.word(),
        "of RS256, PS256, ES256, EdDSA, separated by commas",
        "RS256,ES256",
        "How their tokens may be signed"
    ),
    number!(
        "tokens.keys_seconds",
        tokens.keys_seconds,
        60..=86_400,
        "whole seconds from 60 to 86400",
        "3600",
        "How long fetched keys are taken for all there are"
    ),
    secret!(
        "vault.keys",
        vault_keys,
        "64 hexadecimal digits; older ones behind, separated by commas; or nothing",
        "What opens the vault, if not keys/vault.key; better in the environment"
    ),
    dialects::ON,
    dialects::CURRENCY,
    dialects::PUBLIC,
    dialects::OPEN,
    Key {
        name: "log.level",
        about: "From which level on the process logs",
        allowed: "error, warn, info, debug or trace, or a filter such as gavel_engine=debug,warn",
        default: "info",
        set: |config, value| {
            config.log.level = Some(value).filter(|value| !value.is_empty())?.to_owned();
            Some(())
        },
        get: |config| config.log.level.clone(),
    },
    flag!(
        "log.json",
        log.json,
        "false",
        "Whether the process logs JSON rather than lines for people"
    ),
];

fn list(value: &str) -> impl Iterator<Item = &str> {
    value.split(',').map(str::trim).filter(|part| !part.is_empty())
}

/// A configuration of which every key has been set to its default.
pub(super) fn defaults() -> Config {
    let nowhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let mut config = Config {
        house: HouseConfig {
            name: String::new(),
            partitions: 1,
            url: String::new(),
            four_eyes: false,
        },
        server: ServerConfig {
            listen: nowhere,
            hosts: Vec::new(),
            trusted_proxies: Vec::new(),
            origins: Vec::new(),
            docs: true,
            threads: 0,
        },
        tls: TlsConfig { certificate: String::new(), key: String::new() },
        admin: AdminConfig { listen: None },
        limits: LimitsConfig::default(),
        timeouts: TimeoutsConfig::default(),
        live: LiveConfig { query_tokens: false },
        memory: MemoryConfig { settled_auctions: 0 },
        users: UsersConfig {
            default_roles: Roles::default(),
            open_registration: true,
            session_hours: 0,
            hashing_threads: 1,
            confirm_email: false,
            public: Vec::new(),
        },
        mail: MailConfig {
            host: String::new(),
            port: 0,
            tls: MailTls::Starttls,
            ca: String::new(),
            user: String::new(),
            password: Secret::default(),
            from: String::new(),
            outbox: String::new(),
        },
        tokens: TokensConfig {
            issuers: Vec::new(),
            audiences: Vec::new(),
            jwks: Vec::new(),
            algorithms: Vec::new(),
            keys_seconds: 0,
        },
        dialects: dialects::nothing(),
        vault_keys: Secret::default(),
        redis_url: Secret::default(),
        redis_ca: String::new(),
        log: LogConfig { level: String::new(), json: false },
    };
    for key in KEYS {
        (key.set)(&mut config, key.default).expect("every default is allowed");
    }
    config
}
