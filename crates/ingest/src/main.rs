//! The program `liq-ingest`: reads the command line and runs what it says.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use liq_ingest::cli::{Cli, Command};
use liq_ingest::config::Config;
use liq_ingest::replay::{self, Replay};
use liq_ingest::stream::StreamError;
use liq_ingest::venue::Venue;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// Threads that drive connections; parsing has one of its own.
const WORKERS: usize = 2;

fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let colours = std::io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colours).init();
    let cli = Cli::parse();
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("liq-ingest: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> Result<(), Box<dyn std::error::Error>> {
    let config = Arc::new(cli.settings.load(std::env::vars())?);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(WORKERS).enable_all().build()?;
    match cli.command {
        Command::Replay { files, speed, format, venue, producer, quiet } => {
            let rejects = config.state_dir.join("rejects.ndjson");
            let format = format.map(|name| name.format());
            let replay = Replay { files, speed, format, venue, producer, rejects, is_quiet: quiet };
            let (tally, progress) = runtime.block_on(replay::run(replay, config))?;
            write!(std::io::stdout(), "{}", progress.summary(&tally))?;
            Ok(())
        }
        Command::Stream { venues } => Ok(runtime.block_on(stream(venues, config))?),
        Command::Check { venues } => {
            write!(std::io::stdout(), "{}", liq_ingest::check::describe(&config, &venues)?)?;
            Ok(())
        }
    }
}

/// Streams until the program is asked to end; being asked twice ends it at once.
async fn stream(venues: Vec<Venue>, config: Arc<Config>) -> Result<(), StreamError> {
    let (stop, stopped) = tokio::sync::watch::channel(false);
    tokio::spawn(async move {
        asked_to_end().await;
        tracing::info!("ending: what came is delivered, or waits on disk");
        let _ = stop.send(true);
        asked_to_end().await;
        std::process::exit(1);
    });
    liq_ingest::stream::run(venues, config, stopped).await
}

async fn asked_to_end() {
    let mut terminate = match signal(SignalKind::terminate()) {
        Ok(terminate) => terminate,
        Err(error) => {
            tracing::error!(%error, "SIGTERM cannot be waited for");
            return std::future::pending().await;
        }
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}
