//! `rookery`: one binary, a whole node. This crate wires and starts; it decides nothing.

mod admin;
mod archive;
mod backup;
mod bridge;
mod certificates;
mod cli;
mod client_config;
mod codes;
mod commands;
mod config;
mod control;
mod delivery;
mod doctor;
mod domains;
mod federation;
mod fsck;
mod init;
mod log;
mod master_file;
mod media;
mod metrics;
mod offline;
mod operator;
mod pages;
mod passphrase;
mod peers;
mod reindex;
mod run;
mod sealing;
mod secrets;
mod takedown;

use std::process::ExitCode;

use clap::Parser as _;

/// See `docs/performance.md`: small, short-lived allocations are much of what a call costs.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    match cli::execute(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The cause in one line, for people and for scripts that keep the last line.
            #[expect(clippy::print_stderr, reason = "the command line's own last word")]
            {
                // Some causes draw where they are, over several lines, with bars and arrows.
                let told = format!("{error:#}");
                let is_said = |line: &&str| !line.is_empty() && !line.starts_with('|');
                let parts = told.lines().map(str::trim).filter(is_said);
                eprintln!("rookery: {}", parts.collect::<Vec<_>>().join(" "));
            }
            ExitCode::FAILURE
        }
    }
}
