//! The binary: flags in, an exit code out.

use std::alloc::System;
use std::process::ExitCode;

use clap::Parser as _;
use x509_certificate_exporter::cli::{self, Cli, Command};
use x509_certificate_exporter::config::Config;
use x509_certificate_exporter::exit::Exit;
use x509_certificate_exporter::{check, logs, ready, serve, terminal};
use zeroizing_alloc::ZeroAlloc;

/// Keys pass through memory on the way to being passed over: none stays behind in what is freed.
#[global_allocator]
static MEMORY: ZeroAlloc<System> = ZeroAlloc(System);

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return cli::refuse(&error).into(),
    };
    let outcome = match cli.command {
        Some(Command::Check(arguments)) => Ok(check::run(&arguments, cli.options)),
        Some(Command::Completions { shell }) => Ok(terminal::print(cli::completions(shell))),
        Some(Command::Ready(arguments)) => ready::run(&arguments),
        command => cli.options.effective().and_then(|raw| {
            let config = Config::new(&raw)?;
            if matches!(command, Some(Command::Config)) {
                return Ok(terminal::print(raw.to_yaml()));
            }
            logs::init(config.log);
            Ok(serve::run(config))
        }),
    };
    outcome
        .unwrap_or_else(|error| terminal::fail(&error, Exit::USAGE))
        .into()
}
