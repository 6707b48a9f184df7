//! `gavel waiting`: what another administrator has asked for and a second one must, too.

use super::client::{Client, HouseArgs, Order};
use super::output::{Failure, Output, good, instant, table};
use super::query;
use http::Method;
use serde_json::{Value, json};
use std::io::Write;

/// List what waits for a second administrator, or be him.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Ask for this act, too, which does it
    #[arg(long, value_name = "ACT", conflicts_with = "withdraw")]
    second: Option<String>,
    /// Ask no more for this act, for which you asked
    #[arg(long, value_name = "ACT")]
    withdraw: Option<String>,
    #[command(flatten)]
    house: HouseArgs,
}

/// Runs the command.
///
/// # Errors
/// What the house says against it.
pub fn run(args: &Args, out: Output) -> Result<(), Failure> {
    let client = args.house.client()?;
    if let Some(act) = &args.withdraw {
        client.ask(&Method::DELETE, &format!("/v1/waiting/{act}"), &Value::Null)?;
        let told = json!({"act": act, "withdrawn": true});
        return out.result(&told, |out| writeln!(out, "{}", good("It waits no more.")));
    }
    let items = all(&client)?;
    let Some(wanted) = &args.second else {
        return out.result(&json!({"items": items}), |out| tell(&items, out));
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

fn text(of: &Value, name: &str) -> String {
    of.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// What waits, page by page.
fn all(client: &Client) -> Result<Vec<Value>, Failure> {
    let (mut items, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let page = [("limit", Some("100")), ("cursor", cursor.as_deref())];
        let page = client.get(&query::path("/v1/waiting", &page))?.json();
        items.extend(page.get("items").and_then(Value::as_array).into_iter().flatten().cloned());
        cursor = page.get("next_cursor").and_then(Value::as_str).map(str::to_owned);
        if cursor.is_none() {
            return Ok(items);
        }
    }
}

fn tell(items: &[Value], out: &mut dyn Write) -> std::io::Result<()> {
    if items.is_empty() {
        return writeln!(out, "Nothing waits.");
    }
    let mut table = table(&["act", "asked by", "until", "request", "body"], &["asked by"]);
    for item in items {
        let body = item.get("body").filter(|body| !body.is_null());
        table.add_row([
            text(item, "act"),
            item.get("asked_by").map(Value::to_string).unwrap_or_default(),
            instant(&text(item, "until"), None),
            format!("{} {}", text(item, "method"), text(item, "path")),
            body.map(Value::to_string).unwrap_or_default(),
        ]);
    }
    writeln!(out, "{table}")
}
