//! The program `liq-ingest`: reads the command line and runs what it says.

use std::io::{BufWriter, IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use liq_ingest::cli::{Cli, Command, LogForm};
use liq_ingest::config::Config;
use liq_ingest::replay::{self, Progress, Replay};
use liq_ingest::sample;
use liq_ingest::stream::{Recording, StreamError};
use liq_ingest::venue::Venue;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// Threads that drive connections; parsing has one of its own.
const WORKERS: usize = 2;

fn main() -> ExitCode {
    let cli = Cli::parse();
    begin_log(cli.settings.log);
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("liq-ingest: {error}");
            ExitCode::FAILURE
        }
    }
}

fn begin_log(form: LogForm) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match form {
        LogForm::Text => log.with_ansi(std::io::stderr().is_terminal()).init(),
        LogForm::Json => log.json().flatten_event(true).init(),
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
        Command::Check { venues, live, seconds } => {
            write!(std::io::stdout(), "{}", liq_ingest::check::describe(&config, &venues)?)?;
            if !live {
                return Ok(());
            }
            let length = Duration::from_secs(seconds);
            let findings = runtime.block_on(liq_ingest::check::live::run(&config, venues, length));
            let colours = std::io::stdout().is_terminal();
            writeln!(std::io::stdout())?;
            for finding in &findings {
                writeln!(std::io::stdout(), "{}", finding.line(colours))?;
            }
            if findings.iter().all(|finding| finding.is_well) { Ok(()) } else { Err("not all is well".into()) }
        }
        Command::Sample { file, hours, seed } => Ok(write_sample(&file, hours, seed)?),
    }
}

/// Into a new file, so that none is lost by a slip.
fn write_sample(file: &Path, hours: u64, seed: u64) -> std::io::Result<()> {
    if file == Path::new("-") {
        return sample::write(&mut BufWriter::new(std::io::stdout().lock()), seed, hours).map(drop);
    }
    let named = |error: std::io::Error| std::io::Error::new(error.kind(), format!("{}: {error}", file.display()));
    let mut out = BufWriter::new(std::fs::File::create_new(file).map_err(named)?);
    let rows = sample::write(&mut out, seed, hours).map_err(named)?;
    writeln!(std::io::stdout(), "{rows} rows")
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
