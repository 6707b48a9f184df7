//! `gavel login`: signs in and keeps the token for later commands. Never keeps a password.

use super::client::HouseArgs;
use super::output::{Failure, Output, good, instant};
use super::session::{self, Kept};
use http::Method;
use serde_json::{Value, json};
use std::path::PathBuf;

/// Sign in to a house, and keep the login for later commands.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Your username or e-mail address
    #[arg(required_unless_present = "forget")]
    name: Option<String>,
    /// Read the password from the first line of this file; - is standard input
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// A code of your second factor, or a recovery code
    #[arg(long, value_name = "CODE")]
    code: Option<String>,
    /// Sign out instead, and forget the kept login
    #[arg(long, conflicts_with_all = ["name", "password_file"])]
    forget: bool,
    #[command(flatten)]
    house: HouseArgs,
}

/// Runs the command.
///
/// # Errors
/// If the house does not know this name and password, or the login cannot be kept.
pub fn run(args: &Args, out: Output) -> Result<(), Failure> {
    let client = args.house.client()?;
    let file = args.house.session_file()?;
    let Some(name) = &args.name else {
        // Whether or not the house still knows the token, it is forgotten here.
        let ended = client.ask(&Method::DELETE, "/v1/session", &json!({}));
        session::forget(&file)?;
        let signed_out = ended.is_ok();
        return out.result(&json!({"forgotten": true, "signed_out": signed_out}), |out| {
            let told = if signed_out { "You are signed out." } else { "The login is forgotten." };
            writeln!(out, "{told}")
        });
    };
    let password = session::password(args.password_file.as_deref(), "Password")?;
    let mut body = json!({"login": name, "password": password});
    if let Some(code) = &args.code {
        body["code"] = json!(code);
    }
    let reply = client.ask(&Method::POST, "/v1/session", &body)?.json();
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
    let kept = Kept {
        url: client.url.clone(),
        token: text(reply.get("token")),
        expires_at: text(reply.get("expires_at")),
        username: text(reply.pointer("/user/username")),
    };
    if kept.token.is_empty() {
        return Err(Failure::refused("not_gavel", "the answer held no token"));
    }
    session::write(&file, &kept)?;
    let told = json!({
        "url": kept.url,
        "user": reply.get("user"),
        "expires_at": kept.expires_at,
        "kept_in": file.display().to_string(),
    });
    out.result(&told, |out| {
        let who = good(&format!("You are {} at {}", kept.username, kept.url));
        writeln!(out, "{who}, until {}.", instant(&kept.expires_at, None))?;
        writeln!(out, "The login is kept in {}.", file.display())
    })
}
