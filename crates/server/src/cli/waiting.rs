//! `gavel waiting`: what another administrator has asked for and a second one must, too.

use super::client::{HouseArgs, Order};
use super::output::{Failure, Output, good, instant, table};
use http::Method;
use serde_json::{Value, json};
use std::io::Write;

/// List what waits for a second administrator, or be him.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Ask for this act, too, which does it
    #[arg(long, value_name = "ACT")]
    second: Option<String>,
    #[command(flatten)]
    house: HouseArgs,
}

/// Runs the command.
///
/// # Errors
/// What the house says against it.
pub fn run(args: &Args, out: Output) -> Result<(), Failure> {
    let client = args.house.client()?;
    let told = client.get("/v1/waiting")?.json();
    let items = told.get("items").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let Some(wanted) = &args.second else {
        return out.result(&told, |out| tell(items, out));
    };
    let text = |of: &Value, name: &str| {
        of.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let act = items.iter().find(|item| text(item, "act") == *wanted);
    let none = || Failure::refused("not_found", format!("no act {wanted} waits"));
    let act = act.ok_or_else(none)?;
    let method = Method::from_bytes(text(act, "method").as_bytes()).map_err(|_| none())?;
    let body = act.get("body").filter(|body| !body.is_null()).cloned();
    let reply = client.command(&method, &text(act, "path"), &Order::new(body))?;
    let waits = reply.status == 202;
    out.result(&json!({"act": wanted, "done": !waits}), |out| {
        if waits {
            return writeln!(out, "You asked for it yourself: another one must.");
        }
        writeln!(out, "{}", good(&format!("{method} {}: done.", text(act, "path"))))
    })
}

fn tell(items: &[Value], out: &mut dyn Write) -> std::io::Result<()> {
    if items.is_empty() {
        return writeln!(out, "Nothing waits.");
    }
    let mut table = table(&["act", "asked by", "until", "request", "body"], &["asked by"]);
    for item in items {
        let text = |name: &str| item.get(name).and_then(Value::as_str).unwrap_or_default();
        let body = item.get("body").filter(|body| !body.is_null());
        table.add_row([
            text("act").to_owned(),
            item.get("asked_by").map(Value::to_string).unwrap_or_default(),
            instant(text("until"), None),
            format!("{} {}", text("method"), text("path")),
            body.map(Value::to_string).unwrap_or_default(),
        ]);
    }
    writeln!(out, "{table}")
}
