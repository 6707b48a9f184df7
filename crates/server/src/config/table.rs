//! Every key of the configuration: what it is, what it may be, what it is if nobody says.

use super::{
    AdminConfig, Config, HouseConfig, LimitsConfig, LogConfig, MemoryConfig, ServerConfig,
    TimeoutsConfig, UsersConfig,
};
use gavel_auction::command::Roles;
use std::net::{Ipv4Addr, SocketAddr};

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

/// A key whose value is a number within bounds.
macro_rules! number {
    (
        $name:literal, $($field:ident).+, $range:expr, $allowed:literal, $default:literal,
        $about:literal
    ) => {
        Key {
            name: $name,
            about: $about,
            allowed: $allowed,
            default: $default,
            set: |config, value| {
                config.$($field).+ = value.parse().ok().filter(|value| $range.contains(value))?;
                Some(())
            },
            get: |config| config.$($field).+.to_string(),
        }
    };
}

/// A limit: any number, 0 for none.
macro_rules! limit {
    ($name:literal, $field:ident, $default:literal, $about:literal) => {
        number!(
            $name,
            limits.$field,
            0..=1_000_000,
            "a whole number up to 1000000; 0 is no limit",
            $default,
            $about
        )
    };
}

/// A time-out in seconds.
macro_rules! seconds {
    ($name:literal, $field:ident, $default:literal, $about:literal) => {
        number!($name, timeouts.$field, 1..=3600, "whole seconds from 1 to 3600", $default, $about)
    };
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
        "8",
        "Partitions of a new house's log"
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
        about: "Host names the house answers to; empty is any",
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
    number!(
        "server.threads",
        server.threads,
        0..=256,
        "a whole number up to 256; 0 is one for each processor",
        "0",
        "Threads that answer requests"
    ),
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
    limit!("limits.connections", connections, "20000", "Connections in all"),
    limit!("limits.connections_per_ip", connections_per_ip, "500", "Connections from one address"),
    limit!("limits.sockets_per_user", sockets_per_user, "5", "Live sockets of one user"),
    limit!("limits.sockets_per_ip", sockets_per_ip, "50", "Live sockets from one address"),
    limit!("limits.streams_per_ip", streams_per_ip, "50", "Event streams from one address"),
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
    Key {
        name: "users.open_registration",
        about: "Whether anybody may register; else only staff make users",
        allowed: "true or false",
        default: "true",
        set: |config, value| {
            config.users.open_registration = value.parse().ok()?;
            Some(())
        },
        get: |config| config.users.open_registration.to_string(),
    },
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
    Key {
        name: "log.json",
        about: "Whether the process logs JSON rather than lines for people",
        allowed: "true or false",
        default: "false",
        set: |config, value| {
            config.log.json = value.parse().ok()?;
            Some(())
        },
        get: |config| config.log.json.to_string(),
    },
];

fn list(value: &str) -> impl Iterator<Item = &str> {
    value.split(',').map(str::trim).filter(|part| !part.is_empty())
}

/// A configuration of which every key has been set to its default.
pub(super) fn defaults() -> Config {
    let nowhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let mut config = Config {
        house: HouseConfig { name: String::new(), partitions: 1 },
        server: ServerConfig {
            listen: nowhere,
            hosts: Vec::new(),
            trusted_proxies: Vec::new(),
            threads: 0,
        },
        admin: AdminConfig { listen: None },
        limits: LimitsConfig {
            bids_per_second_per_actor: 0,
            bid_burst_per_actor: 0,
            bids_per_second_per_ip: 0,
            requests_per_second_per_ip: 0,
            logins_per_minute_per_account: 0,
            logins_per_hour_per_ip: 0,
            registrations_per_hour_per_ip: 0,
            connections: 0,
            connections_per_ip: 0,
            sockets_per_user: 0,
            sockets_per_ip: 0,
            streams_per_ip: 0,
        },
        timeouts: TimeoutsConfig {
            first_byte_seconds: 0,
            header_seconds: 0,
            body_seconds: 0,
            idle_seconds: 0,
            stop_seconds: 0,
        },
        memory: MemoryConfig { settled_auctions: 0 },
        users: UsersConfig {
            default_roles: Roles::default(),
            open_registration: true,
            session_hours: 0,
            hashing_threads: 1,
        },
        log: LogConfig { level: String::new(), json: false },
    };
    for key in KEYS {
        (key.set)(&mut config, key.default).expect("every default is allowed");
    }
    config
}
