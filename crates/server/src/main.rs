//! The binary `gavel`. Hands over to the command line at once.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    gavel_server::cli::run()
}
