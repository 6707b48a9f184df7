//! The command line: which subcommands there are. What each one does is in its own file.

pub mod auction;
pub mod audit;
pub mod backtest;
pub mod backup;
pub mod bid;
pub mod certify;
pub mod client;
pub mod completions;
pub mod doctor;
pub mod export;
pub mod import;
pub mod init;
pub mod key;
pub mod login;
pub mod output;
pub mod overrides;
mod positions;
mod query;
mod refusal;
pub mod replay;
pub mod restore;
pub mod serve;
pub mod session;
pub mod shills;
pub mod user;
pub mod verify;
pub mod waiting;
pub mod watch;

use clap::{CommandFactory, Parser, Subcommand};
use output::{Failure, Output};
use std::fmt::Display;
use std::process::ExitCode;

/// A real-time auction house in one program.
#[derive(Debug, Parser)]
#[command(name = "gavel", version, propagate_version = true, arg_required_else_help = true)]
pub struct Cli {
    /// Speak JSON
    #[arg(long, global = true)]
    pub json: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
#[expect(missing_docs, reason = "what a command is, its own file says: that is its help")]
pub enum Command {
    /// Open the house and answer until told to stop
    Serve(serve::Args),
    /// Make a house: its files, its keys, its first administrator
    Init(init::Args),
    Login(login::Args),
    Auction(auction::Args),
    User(user::Args),
    Bid(bid::Args),
    Watch(watch::Args),
    #[command(visible_alias = "certify-item")]
    Certify(certify::Args),
    Export(export::Args),
    Verify(verify::Args),
    Replay(replay::Args),
    Backtest(backtest::Args),
    Audit(audit::Args),
    Shills(shills::Args),
    Waiting(waiting::Args),
    Doctor(doctor::Args),
    Backup(backup::Args),
    Import(import::Args),
    Restore(restore::Args),
    Key(key::Args),
    Completions(completions::Args),
}

impl Command {
    fn run(&self, out: Output) -> Result<(), Failure> {
        match self {
            Self::Serve(args) => serve::run(args, out),
            Self::Init(args) => init::run(args, out),
            Self::Login(args) => login::run(args, out),
            Self::Auction(args) => auction::run(args, out),
            Self::User(args) => user::run(args, out),
            Self::Bid(args) => bid::run(args, out),
            Self::Watch(args) => watch::run(args, out),
            Self::Certify(args) => certify::run(args, out),
            Self::Export(args) => export::run(args, out),
            Self::Verify(args) => verify::run(args, out),
            Self::Replay(args) => replay::run(args, out),
            Self::Backtest(args) => backtest::run(args, out),
            Self::Audit(args) => audit::run(args, out),
            Self::Shills(args) => shills::run(args, out),
            Self::Waiting(args) => waiting::run(args, out),
            Self::Doctor(args) => doctor::run(args, out),
            Self::Import(args) => import::run(args, out),
            Self::Backup(args) => backup::run(args, out),
            Self::Restore(args) => restore::run(args, out),
            Self::Key(args) => key::run(args, out),
            Self::Completions(args) => completions::run(args, Cli::command()),
        }
    }
}

/// What was said makes no sense.
pub fn usage(why: impl Display) -> Failure {
    Failure::usage("usage", why.to_string())
}

/// It could not be done.
#[must_use]
pub fn failed(why: anyhow::Error) -> Failure {
    Failure::refused("failed", format!("{why:#}"))
}

/// Reads the command line and does what it says.
#[must_use]
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let out = Output::new(cli.json);
    match cli.command.run(out) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever closed our standard output has seen enough.
        Err(failure) if failure.code == output::CLOSED => ExitCode::SUCCESS,
        Err(failure) => ExitCode::from(out.failure(&failure)),
    }
}
