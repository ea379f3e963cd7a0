//! The command line. Flags win over the environment, and that over the file.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::config::{Config, ConfigError, KeyTemplate};
use crate::replay::Speed;
use crate::replay::layout::{Layout, MarketRows};
use crate::replay::source::Format;
use crate::venue::Venue;

/// Feeds exchange liquidations, live or recorded, into redis-liq.
#[derive(Debug, Parser)]
#[command(name = "liq-ingest", version, about)]
pub struct Cli {
    /// What every command takes.
    #[command(flatten)]
    pub settings: Settings,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Settings of all commands.
#[derive(Debug, Args)]
pub struct Settings {
    /// TOML file
    #[arg(long, global = true, env = "LIQ_INGEST_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Redis: redis://, rediss://, unix://, redis+cluster://a,b or redis+sentinel://a,b/name [env: REDIS_URL]
    #[arg(long, global = true, value_name = "URL")]
    pub redis_url: Option<String>,
    /// Dated futures share the series of their pair; else each has its own
    #[arg(long, global = true)]
    pub join_dated: bool,
    /// Certificate authority to trust, PEM
    #[arg(long, global = true, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// Connections over which keys are spread [env: REDIS_POOL_SIZE]
    #[arg(long, global = true, value_name = "N")]
    pub pool_size: Option<usize>,
    /// Names of keys, with %symbol and perhaps %exchange [default: liq:{%symbol}]
    #[arg(long, global = true, value_name = "TEMPLATE")]
    pub key: Option<String>,
    /// Option of new series as in LIQ.CREATE, such as retention=7d; may be repeated
    #[arg(long, global = true, value_name = "NAME=VALUE")]
    pub series: Vec<String>,
    /// Names of the keys of markets, with %symbol and perhaps %venue or %exchange [default: tick:%venue:{%symbol}]
    #[arg(long, global = true, value_name = "TEMPLATE")]
    pub market_key: Option<String>,
    /// Option of new markets as in TICK.CREATE, such as keep-1m=3000; may be repeated
    #[arg(long, global = true, value_name = "NAME=VALUE")]
    pub market: Vec<String>,
    /// The most events in one batch
    #[arg(long, global = true, value_name = "N")]
    pub batch: Option<usize>,
    /// Folder of the spool and the rejects file
    #[arg(long, global = true, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
    /// How the log is written, on standard error
    #[arg(long, global = true, env = "LIQ_INGEST_LOG", value_name = "FORM", default_value = "text")]
    pub log: LogForm,
    /// Where to serve /healthz and /metrics
    #[arg(long, global = true, value_name = "ADDRESS")]
    pub listen: Option<SocketAddr>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Delivers recordings; an interrupted replay is resumed by starting it again
    Replay {
        /// CSV or NDJSON, plain or compressed with gzip or zstd; - is standard input
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// max, or how many times as fast as it happened
        #[arg(long, default_value = "max")]
        speed: Speed,
        /// What the files hold, where the first line does not tell
        #[arg(long)]
        format: Option<FormatName>,
        /// Whose the recordings are, where they do not tell
        #[arg(long, value_parser = venue)]
        venue: Option<Venue>,
        /// The instrument that the rows are about, where neither they nor the file's name tell
        #[arg(long)]
        instrument: Option<String>,
        /// Names the recording to the server in place of its content: for standard input
        #[arg(long)]
        producer: Option<String>,
        /// Shows nothing while running
        #[arg(long, short)]
        quiet: bool,
    },
    /// Delivers live liquidations, and the markets that are configured
    Stream {
        /// binance-um, binance-cm, bybit, okx, bitmex, deribit, bitfinex; binance-spot for its markets
        #[arg(required = true, value_parser = streamed_venue)]
        venues: Vec<Venue>,
        /// Records every frame into files of an hour, which replay reads
        #[arg(long, value_name = "DIR")]
        record: Option<PathBuf>,
        /// Deletes recordings older than this, such as 30d
        #[arg(long, value_name = "DURATION", requires = "record", value_parser = duration)]
        record_keep: Option<Duration>,
    },
    /// Validates the configuration and prints what it would do; with --live whether it can be done
    Check {
        /// Venues that would be streamed
        #[arg(value_parser = streamed_venue)]
        venues: Vec<Venue>,
        /// Asks the server, the venues' lists and their feeds; fails when anything of it is not well
        #[arg(long)]
        live: bool,
        /// How long the feeds are listened to, seconds
        #[arg(long, value_name = "SECONDS", default_value_t = 10, requires = "live", value_parser = clap::value_parser!(u64).range(1..=600))]
        seconds: u64,
    },
    /// Writes a recording of a generated market, to try replays with
    Sample {
        /// A new file; - is standard output
        file: PathBuf,
        /// How long the market is watched
        #[arg(long, value_name = "HOURS", default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=168))]
        hours: u64,
        /// Another one gives another market
        #[arg(long, value_name = "N", default_value_t = 1)]
        seed: u64,
    },
}

/// Forms of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogForm {
    /// For people.
    Text,
    /// One JSON object to a line.
    Json,
}

/// Formats by name.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum FormatName {
    /// Captured rows of Binance's forced orders
    Capture,
    /// tardis.dev liquidations
    Tardis,
    /// Binance liquidationSnapshot
    Snapshot,
    /// tardis.dev trades
    TardisTrades,
    /// Binance trades
    Trades,
    /// Binance aggTrades
    AggTrades,
    /// Binance klines
    Klines,
    /// One frame or event to a line
    Ndjson,
}

impl FormatName {
    /// The format.
    pub const fn format(self) -> Format {
        match self {
            Self::Capture => Format::Csv(Layout::Capture),
            Self::Tardis => Format::Csv(Layout::Tardis),
            Self::Snapshot => Format::Csv(Layout::Snapshot { instrument: None }),
            Self::TardisTrades => Format::Csv(Layout::TardisTrades),
            Self::Trades => market(MarketRows::Trades),
            Self::AggTrades => market(MarketRows::AggTrades),
            Self::Klines => market(MarketRows::Klines),
            Self::Ndjson => Format::Ndjson,
        }
    }
}

/// Binance's files about futures; `--venue binance-spot` tells others.
const fn market(rows: MarketRows) -> Format {
    Format::Csv(Layout::Market { rows, instrument: None, is_spot: false })
}

impl Settings {
    /// The whole configuration: file, environment, flags.
    pub fn load(self, environment: impl Iterator<Item = (String, String)>) -> Result<Config, ConfigError> {
        let mut config = Config::load(self.config.as_deref(), environment)?;
        if let Some(key) = &self.key {
            let refused = |problem| ConfigError::Setting { name: "key", problem: format!("{problem}, got '{key}'") };
            config.key = KeyTemplate::new(key).map_err(refused)?;
        }
        for option in &self.series {
            let problem = || format!("must be NAME=VALUE, got '{option}'");
            let parts = option.split_once('=');
            let (name, value) = parts.ok_or_else(|| ConfigError::Setting { name: "series", problem: problem() })?;
            config.series.set(name, value);
        }
        if let Some(key) = &self.market_key {
            let refused =
                |problem| ConfigError::Setting { name: "markets.key", problem: format!("{problem}, got '{key}'") };
            config.markets.set_key(key).map_err(refused)?;
        }
        for option in &self.market {
            let problem = || format!("must be NAME=VALUE, got '{option}'");
            let parts = option.split_once('=');
            let (name, value) = parts.ok_or_else(|| ConfigError::Setting { name: "market", problem: problem() })?;
            config.markets.set(name, value);
        }
        if let Some(url) = self.redis_url {
            (config.redis.url, config.redis.url_named) = (url.into(), "--redis-url");
        }
        config.joins_dated |= self.join_dated;
        config.redis.ca_file = self.ca_file.or(config.redis.ca_file);
        config.redis.pool_size = self.pool_size.unwrap_or(config.redis.pool_size);
        config.batch = self.batch.unwrap_or(config.batch);
        config.state_dir = self.state_dir.unwrap_or(config.state_dir);
        config.listen = self.listen.or(config.listen);
        config.check()?;
        Ok(config)
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    let parsed = liq_core::grammar::duration_ms("duration", text.as_bytes(), 3_600_000..=3_153_600_000_000);
    parsed.map(Duration::from_millis).map_err(|error| error.to_string())
}

fn venue(name: &str) -> Result<Venue, String> {
    Venue::parse(name).ok_or_else(|| format!("no such venue; there are {}", Venue::ALL.map(Venue::name).join(", ")))
}

fn streamed_venue(name: &str) -> Result<Venue, String> {
    let streamed = Venue::parse(name).filter(|venue| Venue::STREAMED.contains(venue));
    streamed.ok_or_else(|| format!("cannot be streamed; there are {}", Venue::STREAMED.map(Venue::name).join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_win_over_the_environment() {
        let flags = ["liq-ingest", "check", "--redis-url", "redis://flag", "--series", "percentile=70"];
        let cli = Cli::parse_from(flags);
        let environment = [("REDIS_URL", "redis://env"), ("PERCENTILE_THRESHOLD", "60"), ("REDIS_POOL_SIZE", "7")];
        let environment = environment.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
        let config = cli.settings.load(environment).unwrap();
        assert_eq!((config.redis.url.reveal(), config.redis.pool_size), ("redis://flag", 7));
        let patch = config.series.options_of("X", "y", liq_core::settings::ClockMode::Event).unwrap();
        assert_eq!(patch.percentile.map(|percentile| percentile.millionths()), Some(70_000_000));
    }

    #[test]
    fn what_cannot_be_streamed_is_refused() {
        for name in ["aster", "mtgox"] {
            assert!(Cli::try_parse_from(["liq-ingest", "stream", name]).is_err(), "{name}");
        }
    }

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }
}
