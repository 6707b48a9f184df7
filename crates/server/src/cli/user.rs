//! `gavel user`: making, listing, showing, erasing users, and giving roles. Knows no password
//! longer than it takes to send it.

mod people;

use super::client::{HouseArgs, Order};
use super::output::{Failure, Output, good, instant, table};
use super::{query, session};
use http::{Method, StatusCode};
use serde_json::{Map, Value, json};
use std::io::{self, Write};
use std::path::PathBuf;

/// Make, list and erase users, and give them roles.
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand, Debug)]
enum Verb {
    /// Make a user
    Create(CreateArgs),
    /// List and search users (administrators)
    List(ListArgs),
    /// Show what the house knows of a user (administrators)
    Show(people::OneArgs),
    /// List the accounts that have something in common with a user's (administrators)
    Links(people::OneArgs),
    /// Shut a user out (administrators)
    Ban(people::BanArgs),
    /// Let a user in again (administrators)
    Unban(people::OneArgs),
    /// Erase a user, and all that is known of him (administrators)
    Erase(people::OneArgs),
    /// Print the tombstones of all who were erased; reads the data, not the server
    Tombstones(people::TombstonesArgs),
    /// List or end sessions, your own or a user's (administrators)
    Sessions(people::SessionsArgs),
    /// Erase your own account, and all that is known of you
    Delete(DeleteArgs),
    /// Set a user's roles (administrators)
    Role(RoleArgs),
    /// Show or set how far a user may go over all his bids (administrators)
    Limit(people::LimitArgs),
}

#[derive(clap::Args, Debug)]
struct CreateArgs {
    /// The name to sign in with
    username: String,
    /// The e-mail address
    #[arg(long)]
    email: String,
    /// The full name
    #[arg(long)]
    name: Option<String>,
    /// The telephone number
    #[arg(long)]
    phone: Option<String>,
    /// Read the password from the first line of this file; - is standard input
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    #[command(flatten)]
    house: HouseArgs,
}

#[derive(clap::Args, Debug)]
struct ListArgs {
    /// Part of a username; or all of an address, a name, or a word of a name
    #[arg(long, value_name = "WORDS")]
    search: Option<String>,
    /// Only with this role: bidder, seller, clerk or admin
    #[arg(long)]
    role: Option<String>,
    /// How many on a page, 1 to 100
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u8).range(1..=100))]
    limit: u8,
    /// Go on where a page ended
    #[arg(long)]
    cursor: Option<String>,
    #[command(flatten)]
    house: HouseArgs,
}

#[derive(clap::Args, Debug)]
struct DeleteArgs {
    /// Your password, from the first line of this file; - is standard input
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    #[command(flatten)]
    house: HouseArgs,
}

#[derive(clap::Args, Debug)]
struct RoleArgs {
    /// The user's number
    user: i64,
    /// All roles he has from now on: bidder, seller, clerk, admin; none of them takes all away
    roles: Vec<String>,
    #[command(flatten)]
    house: HouseArgs,
}

/// Runs the command.
///
/// # Errors
/// What the house says against it.
pub fn run(args: &Args, out: Output) -> Result<(), Failure> {
    match &args.verb {
        Verb::Tombstones(args) => people::tombstones(args, out),
        Verb::Create(args) => create(args, out),
        Verb::List(args) => list(args, out),
        Verb::Show(args) => people::show(args, out),
        Verb::Links(args) => people::links(args, out),
        Verb::Ban(args) => people::ban(args, out),
        Verb::Unban(args) => people::unban(args, out),
        Verb::Erase(args) => people::erase(args, out),
        Verb::Sessions(args) => people::sessions(args, out),
        Verb::Delete(args) => delete(args, out),
        Verb::Role(args) => role(args, out),
        Verb::Limit(args) => people::limit(args, out),
    }
}

fn create(args: &CreateArgs, out: Output) -> Result<(), Failure> {
    let client = args.house.client()?;
    let password = session::password(args.password_file.as_deref(), "Password of the new user")?;
    let mut body = Map::from_iter([
        ("username".to_owned(), json!(args.username)),
        ("email".to_owned(), json!(args.email)),
        ("password".to_owned(), json!(password)),
    ]);
    for (field, value) in [("name", &args.name), ("phone", &args.phone)] {
        if let Some(value) = value {
            body.insert(field.to_owned(), json!(value));
        }
    }
    let order = Order::new(Some(Value::Object(body)));
    let user = client.command(&Method::POST, "/v1/users", &order)?.json();
    out.result(&user, |out| {
        let id = user.get("id").and_then(Value::as_i64).unwrap_or_default();
        writeln!(out, "{}", good(&format!("{} is user {id}.", args.username)))?;
        writeln!(out, "Sign in: gavel login {}", args.username)
    })
}

fn list(args: &ListArgs, out: Output) -> Result<(), Failure> {
    let limit = args.limit.to_string();
    let path = query::path(
        "/v1/users",
        &[
            ("q", args.search.as_deref()),
            ("role", args.role.as_deref()),
            ("limit", Some(&limit)),
            ("cursor", args.cursor.as_deref()),
        ],
    );
    let page = args.house.client()?.get(&path)?.json();
    out.result(&page, |out| tell_page(&page, out))
}

fn tell_page(page: &Value, out: &mut dyn Write) -> io::Result<()> {
    let items = page.get("items").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    if items.is_empty() {
        return writeln!(out, "There are no such users.");
    }
    let headings = ["user", "username", "name", "e-mail", "roles", "since"];
    let mut table = table(&headings, &["user"]);
    for item in items {
        let text = |name: &str| item.get(name).and_then(Value::as_str).unwrap_or_default();
        let banned = item.get("banned").and_then(Value::as_bool) == Some(true);
        table.add_row([
            item.get("id").map(Value::to_string).unwrap_or_default(),
            text("username").to_owned(),
            text("name").to_owned(),
            text("email").to_owned(),
            if banned { "banned".to_owned() } else { roles(item) },
            instant(text("created_at"), None),
        ]);
    }
    writeln!(out, "{table}")?;
    match page.get("next_cursor").and_then(Value::as_str) {
        Some(cursor) => writeln!(out, "There are more: --cursor {cursor}"),
        None => Ok(()),
    }
}

fn roles(user: &Value) -> String {
    let words = user.get("roles").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let words: Vec<_> = words.iter().filter_map(Value::as_str).collect();
    if words.is_empty() { "none".to_owned() } else { words.join(", ") }
}

fn delete(args: &DeleteArgs, out: Output) -> Result<(), Failure> {
    let client = args.house.client()?;
    let password = session::password(args.password_file.as_deref(), "Your password, to be sure")?;
    let order = Order::new(Some(json!({"password": password})));
    client.command(&Method::DELETE, "/v1/users/me", &order)?;
    out.result(&json!({"erased": true}), |out| {
        writeln!(out, "Your account is erased. Your bids stay in the log, without your name.")
    })
}

fn role(args: &RoleArgs, out: Output) -> Result<(), Failure> {
    let path = format!("/v1/users/{}/roles", args.user);
    let order = Order::new(Some(json!({"roles": args.roles})));
    let reply = args.house.client()?.command(&Method::PATCH, &path, &order)?;
    let user = reply.json();
    if reply.status == StatusCode::ACCEPTED {
        return out.result(&user, |out| writeln!(out, "{}", people::WAITS));
    }
    out.result(&user, |out| {
        let name = user.get("username").and_then(Value::as_str).unwrap_or("The user");
        writeln!(out, "{name} has the roles: {}.", roles(&user))
    })
}
