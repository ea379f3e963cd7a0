//! What the program is told: a TOML file, the environment over it, and flags over both.

mod environment;
mod file;
mod key;
mod markets;
mod secret;
mod series;
mod venues;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use liq_core::grammar::bytes;

pub use environment::apply as apply_environment;
pub use file::read as read_file;
pub use key::{DEFAULT_TEMPLATE, KeyTemplate};
pub use markets::MarketsConfig;
pub use secret::SecretUrl;
pub use series::{SeriesConfig, base_of};
pub use venues::{Feeds, VenueConfig};

use crate::contract::Contracts;
use crate::venue::Venue;

/// Why a configuration is refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{path}: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is no valid configuration.
    #[error("{path}: {problem}")]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong and where.
        problem: String,
    },
    /// An environment variable.
    #[error("{name}: {problem}")]
    Variable {
        /// The variable.
        name: String,
        /// What is wrong.
        problem: String,
    },
    /// An option of new series.
    #[error("series option {0}")]
    Series(String),
    /// An option of new markets.
    #[error("market option {0}")]
    Market(String),
    /// Any other setting.
    #[error("{name}: {problem}")]
    Setting {
        /// The setting, as the file calls it.
        name: &'static str,
        /// What is wrong.
        problem: String,
    },
}

/// The most connections over which keys are spread.
pub const MOST_CONNECTIONS: usize = 64;

/// Where Redis is.
#[derive(Debug, Clone)]
pub struct RedisConfig {
    /// `redis://`, `rediss://` or `unix://`, perhaps with user and password.
    pub url: SecretUrl,
    /// Where that was said: `redis.url` of the file, `REDIS_URL`, `--redis-url`.
    pub url_named: &'static str,
    /// Certificate authority to trust instead of the system's, PEM.
    pub ca_file: Option<PathBuf>,
    /// Connections over which keys are spread: 1 … 64.
    pub pool_size: usize,
    /// The module's memory budget (`liq.memory-budget`), as Redis writes sizes; set at the start when given.
    pub max_memory: Option<String>,
    /// Replicas that must have an event before it counts as delivered.
    pub wait_replicas: usize,
    /// How long they are waited for.
    pub wait: Duration,
}

/// Everything the program is told.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where Redis is.
    pub redis: RedisConfig,
    /// How keys are named.
    pub key: KeyTemplate,
    /// Whether dated futures share the series of their pair; else each has its own.
    pub joins_dated: bool,
    /// What new series are created with.
    pub series: SeriesConfig,
    /// What markets are called and created with.
    pub markets: MarketsConfig,
    /// Where the spool and the rejects file lie.
    pub state_dir: PathBuf,
    /// Where `/healthz` and `/metrics` are served.
    pub listen: Option<SocketAddr>,
    /// The most events in one batch: 1 … 65536.
    pub batch: usize,
    /// How long an event may wait for others to share its batch.
    pub linger: Duration,
    /// The most events that the spool holds.
    pub spool_events: u64,
    /// How long the spool keeps what was delivered, for a server that turns out to have lost it.
    pub spool_grace: Duration,
    /// A control stream that is silent for so long is an alarm, and the connection is made anew.
    pub silence: Duration,
    /// How often venues are asked what is newly listed.
    pub relist: Duration,
    /// How often a topic that a venue refused is asked for again.
    pub resubscribe: Duration,
    /// When a connection is replaced by a new one; else when the venue would soon end it.
    pub lifetime: Option<Duration>,
    /// First and longest wait before a connection is tried again.
    pub reconnect: (Duration, Duration),
    /// Venue by venue.
    pub venues: BTreeMap<Venue, VenueConfig>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            redis: RedisConfig {
                url: SecretUrl::from("redis://127.0.0.1:6379".to_owned()),
                url_named: "redis.url",
                ca_file: None,
                pool_size: 2,
                max_memory: None,
                wait_replicas: 0,
                wait: Duration::from_secs(1),
            },
            key: KeyTemplate::default(),
            joins_dated: false,
            series: SeriesConfig::default(),
            markets: MarketsConfig::default(),
            state_dir: default_state_dir(),
            listen: None,
            batch: 4096,
            linger: Duration::ZERO,
            spool_events: 1_000_000,
            spool_grace: Duration::from_secs(10),
            silence: Duration::from_secs(30),
            relist: Duration::from_secs(3600),
            resubscribe: Duration::from_secs(600),
            lifetime: None,
            reconnect: (Duration::from_millis(500), Duration::from_secs(60)),
            venues: BTreeMap::new(),
        }
    }
}

impl Config {
    /// Reads the file, if one is named, and the environment over it.
    pub fn load(file: Option<&Path>, environment: impl Iterator<Item = (String, String)>) -> Result<Self, ConfigError> {
        let mut config = Self::default();
        if let Some(path) = file {
            file::read(&mut config, path)?;
        }
        environment::apply(&mut config, environment)?;
        Ok(config)
    }

    /// Refuses values out of their bounds; to be called when all sources were read.
    pub fn check(&self) -> Result<(), ConfigError> {
        let within = |name: &'static str, value: u128, low: u128, high: u128| {
            let problem = || ConfigError::Setting { name, problem: format!("must be {low} to {high}, got '{value}'") };
            if (low..=high).contains(&value) { Ok(()) } else { Err(problem()) }
        };
        within("redis.pool_size", self.redis.pool_size as u128, 1, MOST_CONNECTIONS as u128)?;
        within("stream.batch", self.batch as u128, 1, 65_536)?;
        within("stream.linger_ms", self.linger.as_millis(), 0, 60_000)?;
        within("spool.max_events", self.spool_events.into(), 1_000, 100_000_000)?;
        within("spool.grace_ms", self.spool_grace.as_millis(), 0, 3_600_000)?;
        within("redis.wait_replicas", self.redis.wait_replicas as u128, 0, 1_000)?;
        within("redis.wait_ms", self.redis.wait.as_millis(), 1, 5_000)?;
        within("stream.silence_ms", self.silence.as_millis(), 100, 3_600_000)?;
        within("stream.relist_ms", self.relist.as_millis(), 100, 86_400_000)?;
        within("stream.resubscribe_ms", self.resubscribe.as_millis(), 10, 86_400_000)?;
        let lifetime = self.lifetime.unwrap_or(Duration::from_secs(3600));
        within("stream.lifetime_ms", lifetime.as_millis(), 100, 86_400_000)?;
        within("stream.reconnect_max_ms", self.reconnect.1.as_millis(), 1, 3_600_000)?;
        within("stream.reconnect_ms", self.reconnect.0.as_millis(), 1, self.reconnect.1.as_millis())?;
        if let Some(problem) = self.redis.max_memory.as_deref().and_then(budget_problem) {
            return Err(ConfigError::Setting { name: "redis.max_memory", problem });
        }
        for (venue, settings) in &self.venues {
            venues::check(*venue, settings)?;
        }
        let fed: Vec<&str> = self
            .venues
            .iter()
            .filter(|(_, settings)| !settings.markets.is_empty())
            .map(
                |(venue, _)| if self.markets.key().text().contains("%venue") { venue.name() } else { venue.exchange() },
            )
            .collect();
        let is_told = ["%venue", "%exchange"].iter().any(|name| self.markets.key().text().contains(name));
        let are_told_apart = is_told && fed.iter().all(|name| fed.iter().filter(|other| *other == name).count() == 1);
        if fed.len() > 1 && !are_told_apart {
            let problem = format!("must hold %venue where several are streamed, got '{}'", self.markets.key());
            return Err(ConfigError::Setting { name: "markets.key", problem });
        }
        self.markets.check()?;
        self.series.check()
    }

    /// Refuses venues of which nothing could be streamed, or everything twice.
    pub fn check_streamed(&self, venues: &[Venue]) -> Result<(), ConfigError> {
        for (place, venue) in venues.iter().enumerate() {
            if venues.iter().take(place).any(|before| before == venue) {
                let problem = format!("{} is named twice", venue.name());
                return Err(ConfigError::Setting { name: "venues", problem });
            }
            if Venue::WITHOUT_LIQUIDATIONS.contains(venue) && self.venue(*venue).markets.is_empty() {
                let problem = format!("venue.{}: has no liquidations; name the instruments to stream", venue.name());
                return Err(ConfigError::Setting { name: "markets", problem });
            }
        }
        Ok(())
    }

    /// A venue's settings.
    pub fn venue(&self, venue: Venue) -> VenueConfig {
        self.venues.get(&venue).cloned().unwrap_or_default()
    }

    /// The contract sizes it names.
    pub fn contracts(&self) -> Contracts {
        let mut contracts = Contracts::default();
        for (venue, settings) in &self.venues {
            for (instrument, contract) in &settings.contracts {
                contracts.set(*venue, instrument.clone(), *contract);
            }
        }
        contracts
    }
}

/// Why the module would not take this as its `liq.memory-budget`.
fn budget_problem(budget: &str) -> Option<String> {
    let is_one = budget == "0" || bytes("max_memory", budget.as_bytes()).is_ok();
    (!is_one).then(|| format!("must be an amount of memory such as 256mb, or 0 for none, got '{budget}'"))
}

/// `$XDG_STATE_HOME/liq-ingest`, `~/.local/state/liq-ingest`, or a folder here.
fn default_state_dir() -> PathBuf {
    let xdg = std::env::var_os("XDG_STATE_HOME").filter(|path| !path.is_empty()).map(PathBuf::from);
    let home = std::env::var_os("HOME").map(|home| Path::new(&home).join(".local/state"));
    xdg.or(home).map_or_else(|| PathBuf::from("liq-ingest-state"), |path| path.join("liq-ingest"))
}
