//! The TOML file. Unknown names are refused, so that a misspelt setting is not silently the default.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use super::{Config, ConfigError, Feeds, KeyTemplate, MarketsConfig, SeriesConfig};
use crate::contract::Contract;
use crate::venue::Venue;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    key: Option<String>,
    join_dated: Option<bool>,
    state_dir: Option<PathBuf>,
    listen: Option<SocketAddr>,
    #[serde(default)]
    redis: Redis,
    #[serde(default)]
    series: BTreeMap<String, Spanned<toml::Value>>,
    #[serde(default)]
    markets: BTreeMap<String, Spanned<toml::Value>>,
    #[serde(default)]
    spool: Spool,
    #[serde(default)]
    stream: Stream,
    #[serde(default)]
    venue: BTreeMap<String, VenueFile>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Redis {
    url: Option<String>,
    ca_file: Option<PathBuf>,
    pool_size: Option<usize>,
    max_memory: Option<String>,
    wait_replicas: Option<usize>,
    wait_ms: Option<u64>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Spool {
    max_events: Option<u64>,
    grace_ms: Option<u64>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Stream {
    batch: Option<usize>,
    linger_ms: Option<u64>,
    silence_ms: Option<u64>,
    relist_ms: Option<u64>,
    resubscribe_ms: Option<u64>,
    lifetime_ms: Option<u64>,
    reconnect_ms: Option<u64>,
    reconnect_max_ms: Option<u64>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct VenueFile {
    url: Option<String>,
    rest_url: Option<String>,
    proxy: Option<String>,
    symbols: Option<Vec<String>>,
    markets: Option<Vec<String>>,
    feeds: Option<Vec<FeedFile>>,
    #[serde(default)]
    contracts: BTreeMap<String, ContractFile>,
}

#[derive(Deserialize, Clone, Copy, PartialEq)]
#[serde(rename_all = "lowercase")]
enum FeedFile {
    Trades,
    Quotes,
    Marks,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum ContractFile {
    Base(f64),
    Quote(f64),
}

/// Applies a file to `config`.
pub fn read(config: &mut Config, path: &Path) -> Result<(), ConfigError> {
    let text =
        std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
    apply(config, &text).map_err(|problem| ConfigError::File { path: path.to_owned(), problem })
}

fn apply(config: &mut Config, text: &str) -> Result<(), String> {
    // The error's own text repeats the line at fault, which may hold the password.
    let file: File = toml::from_str(text).map_err(|error| {
        format!("line {}: {}", error.span().map_or(1, |span| line_of(text, span.start)), error.message())
    })?;
    if let Some(key) = file.key {
        config.key = KeyTemplate::new(&key).map_err(|problem| format!("key: {problem}, got '{key}'"))?;
    }
    set(&mut config.joins_dated, file.join_dated);
    set(&mut config.state_dir, file.state_dir);
    config.listen = file.listen.or(config.listen);
    set(&mut config.redis.url, file.redis.url.map(Into::into));
    set(&mut config.redis.pool_size, file.redis.pool_size);
    config.redis.ca_file = file.redis.ca_file.or_else(|| config.redis.ca_file.take());
    config.redis.max_memory = file.redis.max_memory.or_else(|| config.redis.max_memory.take());
    set(&mut config.redis.wait_replicas, file.redis.wait_replicas);
    set(&mut config.redis.wait, file.redis.wait_ms.map(Duration::from_millis));
    set(&mut config.spool_events, file.spool.max_events);
    set(&mut config.spool_grace, file.spool.grace_ms.map(Duration::from_millis));
    set(&mut config.batch, file.stream.batch);
    set(&mut config.linger, file.stream.linger_ms.map(Duration::from_millis));
    set(&mut config.silence, file.stream.silence_ms.map(Duration::from_millis));
    set(&mut config.relist, file.stream.relist_ms.map(Duration::from_millis));
    set(&mut config.resubscribe, file.stream.resubscribe_ms.map(Duration::from_millis));
    config.lifetime = file.stream.lifetime_ms.map(Duration::from_millis).or(config.lifetime);
    set(&mut config.reconnect.0, file.stream.reconnect_ms.map(Duration::from_millis));
    set(&mut config.reconnect.1, file.stream.reconnect_max_ms.map(Duration::from_millis));
    for (name, value) in file.series {
        let place = format!("line {}: series.{name}", line_of(text, value.span().start));
        let value = text_of(&place, value.into_inner())?;
        if let Some(problem) = SeriesConfig::refusal(&name, &value) {
            return Err(format!("{place}: {problem}"));
        }
        config.series.set(&name, value);
    }
    for (name, value) in file.markets {
        let place = format!("line {}: markets.{name}", line_of(text, value.span().start));
        let value = text_of(&place, value.into_inner())?;
        if name == "key" {
            config.markets.set_key(&value).map_err(|problem| format!("{place}: {problem}, got '{value}'"))?;
        } else if let Some(problem) = MarketsConfig::refusal(&name, &value) {
            return Err(format!("{place}: {problem}"));
        } else {
            config.markets.set(&name, &value);
        }
    }
    for (name, settings) in file.venue {
        let venue = Venue::parse(&name).ok_or_else(|| format!("venue.{name}: no such venue"))?;
        apply_venue(config, venue, settings)?;
    }
    Ok(())
}

/// The line of a place in the text, from 1.
fn line_of(text: &str, place: usize) -> usize {
    1 + text.get(..place).unwrap_or_default().matches('\n').count()
}

/// An option's value as the command takes it; `place` says where it stands.
fn text_of(place: &str, value: toml::Value) -> Result<String, String> {
    match value {
        toml::Value::String(text) => Ok(text),
        toml::Value::Integer(number) => Ok(number.to_string()),
        toml::Value::Float(number) => Ok(number.to_string()),
        other => Err(format!("{place}: must be text or a number, got {}", other.type_str())),
    }
}

fn apply_venue(config: &mut Config, venue: Venue, file: VenueFile) -> Result<(), String> {
    let settings = config.venues.entry(venue).or_default();
    settings.url = file.url.or_else(|| settings.url.take());
    settings.rest_url = file.rest_url.or_else(|| settings.rest_url.take());
    settings.proxy = file.proxy.map(Into::into).or_else(|| settings.proxy.take());
    settings.symbols = file.symbols.or_else(|| settings.symbols.take());
    set(&mut settings.markets, file.markets);
    if let Some(feeds) = file.feeds {
        let has = |feed| feeds.contains(&feed);
        let (trades, quotes, marks) = (has(FeedFile::Trades), has(FeedFile::Quotes), has(FeedFile::Marks));
        settings.feeds = Feeds { trades, quotes, marks };
    }
    for (instrument, contract) in file.contracts {
        let (ContractFile::Base(units) | ContractFile::Quote(units)) = contract;
        if !(units.is_finite() && units > 0.0) {
            return Err(format!("venue.{}.contracts.{instrument}: must be above 0, got '{units}'", venue.name()));
        }
        let contract = match contract {
            ContractFile::Base(units) => Contract::Base(units),
            ContractFile::Quote(units) => Contract::Quote(units),
        };
        settings.contracts.insert(instrument, contract);
    }
    Ok(())
}

fn set<T>(slot: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *slot = value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = r#"
        key = "liq:%exchange:{%symbol}"
        listen = "127.0.0.1:9469"
        [redis]
        url = "redis://:hunter2@db:6379"
        pool_size = 3
        [series]
        retention = "7d"
        percentile = 90
        min_size_btc = 5000
        [stream]
        silence_ms = 10000
        [venue.okx.contracts]
        "DOGE-USDT-SWAP" = { base = 1000.0 }
        [venue.binance-um]
        url = "ws://127.0.0.1:1"
    "#;

    #[test]
    fn a_file_sets_what_it_names_and_the_environment_wins_over_it() {
        let mut config = Config::default();
        apply(&mut config, EXAMPLE).unwrap();
        let variables = [
            ("REDIS_URL", "redis://elsewhere"),
            ("PERCENTILE_THRESHOLD", "95"),
            ("MIN_LIQUIDATION_SIZE_BTC", "700"),
            ("VWAP_ENABLED", "false"),
            ("LONG_VWAP_OFFSET", "1.5"),
            ("HOME", "/nowhere"),
        ];
        let variables = variables.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
        super::super::apply_environment(&mut config, variables).unwrap();
        config.check().unwrap();
        assert_eq!(config.redis.url.reveal(), "redis://elsewhere");
        assert_eq!((config.redis.pool_size, config.silence), (3, Duration::from_secs(10)));
        let patch = config.series.options_of("BTCUSDT", "x", liq_core::settings::ClockMode::Server).unwrap();
        assert_eq!(
            (patch.min_size, patch.long_offset_pct, patch.short_offset_pct),
            (Some(700.0), Some(0.0), Some(0.0))
        );
        assert_eq!(patch.percentile.map(|percentile| percentile.millionths()), Some(95_000_000));
        assert_eq!(config.contracts().find(Venue::Okx, "DOGE-USDT-SWAP"), Some(Contract::Base(1000.0)));
    }

    #[test]
    fn errors_name_the_place_and_never_repeat_the_password() {
        let cases = [
            ("[redis]\nurl = \"redis://:hunter2@db\"\nurll = 1", "unknown field `urll`"),
            ("[redis]\nurl = \"redis://:hunter2@db", "line 2"),
            ("key = \"liq:all\"", "must hold %symbol"),
            ("[venue.mtgox]\nurl = \"x\"", "venue.mtgox: no such venue"),
            ("[venue.okx.contracts]\nX = { base = -1.0 }", "must be above 0"),
        ];
        for (text, expected) in cases {
            let problem = apply(&mut Config::default(), text).unwrap_err();
            assert!(problem.contains(expected), "{problem}");
            assert!(!problem.contains("hunter2"), "{problem}");
        }
    }
}
