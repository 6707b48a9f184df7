//! What administrators do with a user: show, shut out, let in, erase; and sessions, also one's own.

use super::roles;
use crate::cli::client::{HouseArgs, Order};
use crate::cli::failed;
use crate::cli::output::{Failure, Output, good, instant, table};
use gavel_store::sqlite::{self, Options};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use std::io::{self, Write};
use std::path::PathBuf;

#[derive(clap::Args, Debug)]
pub(super) struct OneArgs {
    /// The user's number
    user: i64,
    #[command(flatten)]
    house: HouseArgs,
}

#[derive(clap::Args, Debug)]
pub(super) struct BanArgs {
    /// The user's number
    user: i64,
    /// Why; he is told
    #[arg(long, value_name = "WORDS")]
    reason: String,
    #[command(flatten)]
    house: HouseArgs,
}

#[derive(clap::Args, Debug)]
pub(super) struct SessionsArgs {
    /// The user's number [default: yourself]
    user: Option<i64>,
    /// End all of them: sign out everywhere
    #[arg(long)]
    end: bool,
    #[command(flatten)]
    house: HouseArgs,
}

#[derive(clap::Args, Debug)]
pub(super) struct LimitArgs {
    /// The user's number
    user: i64,
    /// Minor units, for each currency by itself; none; or default, as the house has it for all
    limit: Option<String>,
    #[command(flatten)]
    house: HouseArgs,
}

#[derive(clap::Args, Debug)]
pub(super) struct TombstonesArgs {
    /// Where the house keeps its data
    #[arg(long, value_name = "DIR", default_value = "gavel-data")]
    data: PathBuf,
}

pub(super) fn tombstones(args: &TombstonesArgs, out: Output) -> Result<(), Failure> {
    let options = Options { read_only: true, ..Options::default() };
    let stores = sqlite::open(&args.data, &options).map_err(|error| failed(error.into()))?;
    let all = stores.people.tombstones().map_err(|error| failed(error.into()))?;
    let lines: Vec<&str> = all.iter().map(|(_, line)| line.as_str()).collect();
    out.result(&json!({"items": lines}), |out| {
        lines.iter().try_for_each(|line| writeln!(out, "{line}"))
    })
}

/// What is said where two must ask for something and one has.
pub(super) const WAITS: &str =
    "Another administrator must ask for the same within a day (`gavel waiting`).";

fn text<'a>(of: &'a Value, name: &str) -> &'a str {
    of.get(name).and_then(Value::as_str).unwrap_or_default()
}

pub(super) fn show(args: &OneArgs, out: Output) -> Result<(), Failure> {
    let known = args.house.client()?.get(&format!("/v1/users/{}/profile", args.user))?.json();
    out.result(&known, |out| {
        let Some(user) = known.get("user").filter(|user| user.is_object()) else {
            writeln!(out, "User {} was erased. The house signed:", args.user)?;
            return writeln!(out, "{}", text(&known, "tombstone"));
        };
        tell(&known, user, out)
    })
}

fn tell(known: &Value, user: &Value, out: &mut dyn Write) -> io::Result<()> {
    let yes = |name: &str| user.get(name).and_then(Value::as_bool) == Some(true);
    let confirmed = if yes("email_confirmed") { "confirmed" } else { "not confirmed" };
    writeln!(out, "{}, user {}", text(user, "username"), user.get("id").unwrap_or(&Value::Null))?;
    let email = text(user, "email");
    let email = if email.is_empty() { "none".to_owned() } else { format!("{email}, {confirmed}") };
    writeln!(out, "  e-mail         {email}")?;
    for (name, field) in [("name", "name"), ("phone", "phone"), ("address", "address")] {
        if let Some(value) = user.get(field).and_then(Value::as_str) {
            writeln!(out, "  {name:<14} {value}")?;
        }
    }
    writeln!(out, "  roles          {}", roles(user))?;
    let factor = if yes("second_factor") { "yes" } else { "no" };
    writeln!(out, "  second factor  {factor}")?;
    writeln!(out, "  since          {}", instant(text(user, "created_at"), None))?;
    match known.get("banned_because").and_then(Value::as_str) {
        Some(why) => writeln!(out, "  shut out       {why}"),
        None => Ok(()),
    }
}

pub(super) fn links(args: &OneArgs, out: Output) -> Result<(), Failure> {
    let found = args.house.client()?.get(&format!("/v1/users/{}/links", args.user))?.json();
    out.result(&found, |out| {
        let items = found.get("items").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        if items.is_empty() {
            return writeln!(out, "User {} has nothing in common with anybody.", args.user);
        }
        let mut table = table(&["user", "by", "last"], &["user"]);
        for item in items {
            let user = item.get("user").map(Value::to_string).unwrap_or_default();
            let at = item.get("at").and_then(Value::as_str);
            let at = at.map_or_else(String::new, |at| instant(at, None));
            table.add_row([user, text(item, "by").to_owned(), at]);
        }
        writeln!(out, "{table}")
    })
}

pub(super) fn ban(args: &BanArgs, out: Output) -> Result<(), Failure> {
    let order = Order::new(Some(json!({"reason": args.reason})));
    let path = format!("/v1/users/{}/ban", args.user);
    let user = args.house.client()?.command(&Method::POST, &path, &order)?.json();
    out.result(&user, |out| {
        let name = text(&user, "username");
        writeln!(out, "{}", good(&format!("{name} is shut out; his sessions have ended.")))
    })
}

pub(super) fn unban(args: &OneArgs, out: Output) -> Result<(), Failure> {
    let path = format!("/v1/users/{}/ban", args.user);
    let user = args.house.client()?.command(&Method::DELETE, &path, &Order::new(None))?.json();
    out.result(&user, |out| {
        writeln!(out, "{}", good(&format!("{} is let in again.", text(&user, "username"))))
    })
}

pub(super) fn erase(args: &OneArgs, out: Output) -> Result<(), Failure> {
    let path = format!("/v1/users/{}", args.user);
    let reply = args.house.client()?.command(&Method::DELETE, &path, &Order::new(None))?;
    if reply.status == StatusCode::ACCEPTED {
        return out.result(&reply.json(), |out| writeln!(out, "{WAITS}"));
    }
    out.result(&json!({"erased": args.user}), |out| {
        writeln!(out, "{}", good(&format!("User {} is erased.", args.user)))?;
        writeln!(out, "What he bid stays in the log, without his name.")
    })
}

pub(super) fn sessions(args: &SessionsArgs, out: Output) -> Result<(), Failure> {
    let whose = args.user.map_or("me".to_owned(), |user| user.to_string());
    let path = format!("/v1/users/{whose}/sessions");
    let client = args.house.client()?;
    if args.end {
        client.command(&Method::DELETE, &path, &Order::new(None))?;
        return out.result(&json!({"ended": true}), |out| {
            writeln!(out, "{}", good("All sessions have ended."))
        });
    }
    let all = client.get(&path)?.json();
    out.result(&all, |out| {
        let items = all.get("items").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        if items.is_empty() {
            return writeln!(out, "There are none.");
        }
        let mut table = table(&["session", "since", "until", "from"], &[]);
        for item in items {
            let current = item.get("current").and_then(Value::as_bool) == Some(true);
            let from = text(item, "from");
            table.add_row([
                text(item, "id").to_owned(),
                instant(text(item, "created_at"), None),
                instant(text(item, "expires_at"), None),
                if current { format!("{from} (this one)") } else { from.to_owned() },
            ]);
        }
        writeln!(out, "{table}")
    })
}

pub(super) fn limit(args: &LimitArgs, out: Output) -> Result<(), Failure> {
    let client = args.house.client()?;
    let path = format!("/v1/users/{}", args.user);
    let spending = match args.limit.as_deref() {
        None => client.get(&format!("{path}/spending"))?.json(),
        Some(limit) => {
            let limit = match limit {
                "default" => Value::Null,
                "none" => json!(0),
                minor => minor.parse().map(|minor: i64| json!(minor)).map_err(|_| {
                    Failure::usage("limit", format!("`{minor}` is no limit"))
                        .accept("a number of minor units, none, or default")
                })?,
            };
            let order = Order::new(Some(json!({"spend_limit": limit})));
            client.command(&Method::PATCH, &path, &order)?.json()
        }
    };
    out.result(&spending, |out| {
        match spending.get("limit").filter(|limit| !limit.is_null()) {
            Some(limit) => writeln!(out, "He may go up to {limit} minor units of each currency.")?,
            None => writeln!(out, "He has no limit.")?,
        }
        let sums = spending.get("committed").and_then(Value::as_array);
        for sum in sums.map_or(&[][..], Vec::as_slice) {
            let over = sum.get("over_limit").and_then(Value::as_bool) == Some(true);
            let amount = sum.get("amount").unwrap_or(&Value::Null);
            let mark = if over { ", above his limit" } else { "" };
            writeln!(out, "Committed: {amount} {}{mark}", text(sum, "currency"))?;
        }
        Ok(())
    })
}
