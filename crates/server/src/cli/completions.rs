//! `gavel completions SHELL`: what a shell needs to complete our commands.

use super::output::Failure;
use clap_complete::Shell;
use std::io::Write;

/// Print completions for a shell.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Which shell
    shell: Shell,
}

/// Runs the command on the whole command line as clap knows it.
///
/// # Errors
/// If standard output cannot be written.
pub fn run(args: &Args, mut command: clap::Command) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "gavel", &mut script);
    Ok(std::io::stdout().lock().write_all(&script)?)
}
