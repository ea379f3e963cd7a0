//! `liq-archive`: the command line.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Parser, Subcommand};
use liq_archive::archiver::{self, Plan, Round};
use liq_archive::cat::{self, Format};
use liq_archive::folder::Owned;
use liq_archive::{Error, report};
use serde::Deserialize;

/// The archive has gaps, or files that are broken.
const NOT_WHOLE: u8 = 2;
/// A command of Redis may take so long.
const TIME_LIMIT: Duration = Duration::from_secs(10);

#[derive(Parser)]
#[command(
    name = "liq-archive",
    version,
    about = "Copies Redis streams into Parquet files, each entry once, and then trims them"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Archives what is new, now and again
    Run(RunArgs),
    /// Per stream: files, entries, last id on disk, gaps, entries that wait in Redis; exit code 2 when there are gaps
    Status {
        /// The archive's folder
        dir: PathBuf,
        /// redis://[:password@]host[:port][/db] or redis+unix://path; without it what waits is not told
        #[arg(long, env = "REDIS_URL", hide_env_values = true)]
        redis: Option<String>,
    },
    /// Reads every file: ids ascend, no overlap; exit code 2 when something is broken
    Verify {
        /// The archive's folder
        dir: PathBuf,
    },
    /// Prints files as CSV or NDJSON
    Cat {
        /// Files of one stream
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// A JSON object a line instead of CSV
        #[arg(long)]
        ndjson: bool,
        /// CSV with a line of names, which is the default
        #[arg(long, conflicts_with = "ndjson")]
        csv: bool,
    },
}

#[derive(clap::Args)]
struct RunArgs {
    /// Names of streams, or patterns in quotes: signals:{BTCUSDT} 'fires:*'
    streams: Vec<String>,
    /// The archive's folder: empty, missing, or an archive
    #[arg(long)]
    to: Option<PathBuf>,
    /// redis://[:password@]host[:port][/db] or redis+unix://path
    #[arg(long, env = "REDIS_URL", hide_env_values = true)]
    redis: Option<String>,
    /// Time between rounds: 10s, 5m, 1h (default 5m)
    #[arg(long, value_parser = duration)]
    every: Option<Duration>,
    /// The most entries of a file, 1 to 10,000,000 (default 100,000)
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    rows: Option<u64>,
    /// Trims entries that are on disk, older than this, and acknowledged by every group; without it nothing is trimmed
    #[arg(long, value_parser = duration)]
    keep: Option<Duration>,
    /// One round, for cron; exit code 2 when entries were gone before they could be read
    #[arg(long)]
    once: bool,
    /// Writes counts after each round in Prometheus' text format, for the node exporter's textfile collector
    #[arg(long)]
    metrics: Option<PathBuf>,
    /// A TOML file with streams, to, redis, every, rows, keep, metrics; what is given here goes first
    #[arg(long)]
    config: Option<PathBuf>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Config {
    streams: Vec<String>,
    to: Option<PathBuf>,
    redis: Option<String>,
    every: Option<String>,
    rows: Option<u64>,
    keep: Option<String>,
    metrics: Option<PathBuf>,
}

fn main() -> ExitCode {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into());
    let colours = std::io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colours).init();
    match run(Cli::parse().command) {
        Ok(code) => code,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "liq-archive: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<ExitCode, Error> {
    match command {
        Command::Run(args) => archive(args),
        Command::Status { dir, redis } => {
            let dir = existing(&dir)?;
            // Redis may be away: what is on disk is told all the same.
            let connection = redis.as_deref().map(connect).transpose();
            let (connection, away) = connection.map_or_else(|error| (None, Some(error)), |open| (open, None));
            let report = report::status(&dir, connection)?;
            let code = show(&report);
            away.or(report.away).map_or(Ok(code), Err)
        }
        Command::Verify { dir } => Ok(show(&report::verify(&existing(&dir)?)?)),
        Command::Cat { files, ndjson, csv: _ } => {
            let format = if ndjson { Format::Ndjson } else { Format::Csv };
            let mut out = std::io::BufWriter::new(std::io::stdout().lock());
            let written = cat::cat(&files, format, &mut out).and_then(|rows| {
                out.flush().map_err(|error| Error::File { path: "standard output".into(), error })?;
                Ok(rows)
            });
            match written {
                // Whoever reads has seen enough.
                Err(Error::File { error, .. }) if error.kind() == std::io::ErrorKind::BrokenPipe => {
                    Ok(ExitCode::SUCCESS)
                }
                other => other.map(|_| ExitCode::SUCCESS),
            }
        }
    }
}

fn show(report: &report::Report) -> ExitCode {
    let _ = write!(std::io::stdout(), "{}", report.text);
    if report.is_whole { ExitCode::SUCCESS } else { ExitCode::from(NOT_WHOLE) }
}

fn existing(dir: &Path) -> Result<PathBuf, Error> {
    let is_there = dir.is_dir();
    if is_there { Ok(dir.to_owned()) } else { Err(Error::Argument(format!("{}: no such folder", dir.display()))) }
}

fn archive(args: RunArgs) -> Result<ExitCode, Error> {
    let config = read_config(args.config.as_deref())?;
    let parse = |name: &str, text: Option<String>| {
        let wrong = |problem| Error::Argument(format!("{name}: {problem}"));
        text.map(|text| duration(&text).map_err(wrong)).transpose()
    };
    let every = args.every.map_or_else(|| parse("every", config.every), |every| Ok(Some(every)))?;
    let keep = args.keep.map_or_else(|| parse("keep", config.keep), |keep| Ok(Some(keep)))?;
    let rows = args.rows.or(config.rows).unwrap_or(100_000);
    let streams = if args.streams.is_empty() { config.streams } else { args.streams };
    if streams.is_empty() {
        return Err(Error::Argument("streams: name at least one, or a pattern".into()));
    }
    if !(1..=10_000_000).contains(&rows) {
        return Err(Error::Argument(format!("rows: must be 1 to 10000000, got '{rows}'")));
    }
    let to = args.to.or(config.to).ok_or_else(|| Error::Argument("--to: name the archive's folder".into()))?;
    let url = args.redis.or(config.redis).unwrap_or_else(|| "redis://127.0.0.1:6379/".into());
    // A wrong address will not become right by waiting.
    redis::Client::open(url.as_str())?;
    let metrics = args.metrics.or(config.metrics);
    let folder = Owned::take(&to)?;
    let plan = Plan { streams, rows: rows as usize, keep };
    let every = every.unwrap_or(Duration::from_secs(300));
    let mut work = Work { url, folder, plan, metrics, connection: None, totals: Round::default(), failures: 0 };
    if args.once {
        let round = work.round()?;
        let is_whole = round.gaps() == 0;
        return Ok(if is_whole { ExitCode::SUCCESS } else { ExitCode::from(NOT_WHOLE) });
    }
    work.rounds(every)
}

struct Work {
    url: String,
    folder: Owned,
    plan: Plan,
    metrics: Option<PathBuf>,
    connection: Option<redis::Connection>,
    totals: Round,
    failures: u64,
}

impl Work {
    /// Ends with the process: whatever is killed, the next start goes on behind the last whole file.
    fn rounds(&mut self, every: Duration) -> Result<ExitCode, Error> {
        let mut wait = Duration::from_millis(200);
        loop {
            let begun = Instant::now();
            match self.round() {
                Ok(_) => {
                    wait = Duration::from_millis(200);
                    std::thread::sleep(every.saturating_sub(begun.elapsed()));
                }
                // The others had their round. Where a master became a replica nothing is trimmed any more: the address may
                // lead to the new one.
                Err(error) if !error.is_of_all_streams() => {
                    self.failures += 1;
                    self.connection = None;
                    self.tell()?;
                    wait = Duration::from_millis(200);
                    std::thread::sleep(every.saturating_sub(begun.elapsed()));
                }
                // Redis is away, the disk is full: nothing is trimmed, and it may pass.
                Err(error) => {
                    tracing::error!(%error, "this round failed; trying again");
                    self.failures += 1;
                    self.connection = None;
                    self.tell()?;
                    std::thread::sleep(wait);
                    wait = (wait * 2).min(Duration::from_secs(15)).min(every.max(Duration::from_millis(200)));
                }
            }
        }
    }

    fn round(&mut self) -> Result<Round, Error> {
        if self.connection.is_none() {
            self.connection = Some(connect(&self.url)?);
        }
        let Some(connection) = &mut self.connection else { return Ok(Round::default()) };
        let (round, outcome) = archiver::round(connection, &self.folder, &self.plan);
        self.totals.files += round.files;
        self.totals.entries += round.entries;
        self.totals.missing += round.missing;
        self.totals.unknown += round.unknown;
        self.totals.trimmed += round.trimmed;
        (self.totals.streams, self.totals.behind, self.totals.failed) = (round.streams, round.behind, round.failed);
        (self.totals.missing_untold, self.totals.unknown_untold) = (round.missing_untold, round.unknown_untold);
        self.tell()?;
        outcome.map(|()| round)
    }

    /// Written aside and renamed, as who collects it may come at any moment.
    fn tell(&self) -> Result<(), Error> {
        let Some(path) = &self.metrics else { return Ok(()) };
        let totals = &self.totals;
        let lines = [
            ("liq_archive_streams gauge", totals.streams),
            ("liq_archive_streams_behind gauge", totals.behind),
            ("liq_archive_streams_failed gauge", totals.failed),
            ("liq_archive_files_total counter", totals.files),
            ("liq_archive_entries_total counter", totals.entries),
            ("liq_archive_missing_total counter", totals.missing),
            ("liq_archive_missing_untold gauge", totals.missing_untold),
            ("liq_archive_gaps_of_unknown_size_total counter", totals.unknown),
            ("liq_archive_gaps_of_unknown_size_untold gauge", totals.unknown_untold),
            ("liq_archive_trimmed_total counter", totals.trimmed),
            ("liq_archive_failed_rounds_total counter", self.failures),
        ];
        let mut text = String::new();
        for (typed, value) in lines {
            let name = typed.split(' ').next().unwrap_or(typed);
            text.push_str(&format!("# TYPE {typed}\n{name} {value}\n"));
        }
        let aside = path.with_extension("unfinished");
        let written = std::fs::write(&aside, text).and_then(|()| std::fs::rename(&aside, path));
        if let Err(error) = written {
            tracing::warn!(%error, path = %path.display(), "the metrics cannot be written");
        }
        Ok(())
    }
}

fn connect(url: &str) -> Result<redis::Connection, Error> {
    let connection = redis::Client::open(url)?.get_connection_with_timeout(TIME_LIMIT)?;
    connection.set_read_timeout(Some(TIME_LIMIT))?;
    connection.set_write_timeout(Some(TIME_LIMIT))?;
    Ok(connection)
}

fn read_config(path: Option<&Path>) -> Result<Config, Error> {
    let Some(path) = path else { return Ok(Config::default()) };
    let text = std::fs::read_to_string(path).map_err(|error| Error::File { path: path.to_owned(), error })?;
    toml::from_str(&text).map_err(|error| Error::Content { path: path.to_owned(), problem: error.message().to_owned() })
}

/// `500ms`, `10s`, `5m`, `24h`, `30d`: 1 ms to 3660 days, as the module's commands take it.
fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit = match text.strip_prefix(digits) {
        Some("ms") => 1,
        Some("s") => 1000,
        Some("m") => 60_000,
        Some("h") => 3_600_000,
        Some("d") => 86_400_000,
        _ => 0,
    };
    let millis = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(unit)).unwrap_or(0);
    if (1..=3660 * 86_400_000).contains(&millis) {
        Ok(Duration::from_millis(millis))
    } else {
        Err(format!("must be 1ms to 3660d, such as 5m, got '{text}'"))
    }
}
