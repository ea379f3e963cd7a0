//! The program `liq-ingest`: reads the command line and runs what it says.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use liq_ingest::cli::{Cli, Command};
use liq_ingest::config::Config;
use liq_ingest::replay::{self, Progress, Replay};
use liq_ingest::stream::{Recording, StreamError};
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
    let config = Arc::new(cli.settings.load(variables())?);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(WORKERS).enable_all().build()?;
    let done = perform(cli.command, config, &runtime);
    // Whoever still waits for a venue's answer is not waited for.
    runtime.shutdown_background();
    done
}

fn perform(
    command: Command,
    config: Arc<Config>,
    runtime: &tokio::runtime::Runtime,
) -> Result<(), Box<dyn std::error::Error>> {
    match command {
        Command::Replay { files, speed, format, venue, instrument, producer, quiet } => {
            let rejects = config.state_dir.join("rejects.ndjson");
            let format = format.map(|name| name.format());
            let replay = Replay { files, speed, format, venue, instrument, producer, rejects };
            let progress = Arc::new(Progress::new(quiet));
            let outcome = runtime.block_on(interruptible(replay::run(replay, config, Arc::clone(&progress))));
            progress.end();
            match outcome {
                Some(tally) => {
                    let tally = tally?;
                    write!(std::io::stdout(), "{}", progress.summary(&tally))?;
                    if tally.events == 0 && tally.records > tally.control {
                        return Err("nothing of it could be read".into());
                    }
                    Ok(())
                }
                None => {
                    write!(std::io::stdout(), "{}", progress.summary_so_far())?;
                    Err("interrupted; start it again to resume it".into())
                }
            }
        }
        Command::Stream { venues, record, record_keep } => {
            let record = record.map(|folder| (folder, record_keep));
            Ok(runtime.block_on(stream(venues, config, record))?)
        }
        Command::Check { venues } => {
            write!(std::io::stdout(), "{}", liq_ingest::check::describe(&config, &venues)?)?;
            Ok(())
        }
    }
}

/// The environment, without what is no text: none of the names that are read has such a value.
fn variables() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

/// Streams until the program is asked to end; being asked twice ends it at once.
async fn stream(venues: Vec<Venue>, config: Arc<Config>, record: Option<Recording>) -> Result<(), StreamError> {
    let (stop, stopped) = tokio::sync::watch::channel(false);
    tokio::spawn(async move {
        asked_to_end().await;
        tracing::info!("ending: what came is delivered, or waits on disk");
        let _ = stop.send(true);
        asked_to_end().await;
        std::process::exit(1);
    });
    liq_ingest::stream::run(venues, config, record, stopped).await
}

/// What a replay came to, or nothing when it was interrupted.
async fn interruptible<T>(replay: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        done = replay => Some(done),
        () = asked_to_end() => None,
    }
}

async fn asked_to_end() {
    let signals = signal(SignalKind::terminate()).and_then(|term| Ok((term, signal(SignalKind::hangup())?)));
    let (mut terminate, mut hang_up) = match signals {
        Ok(signals) => signals,
        Err(error) => {
            tracing::error!(%error, "signals cannot be waited for");
            return std::future::pending().await;
        }
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = hang_up.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}
