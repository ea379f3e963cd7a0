//! What `liq-ingest check` prints: the configuration as it was understood, and what would be done with it. Whether it
//! can be done is asked in `live`.

pub mod live;

use std::fmt::Write;

use liq_core::settings::ClockMode;

use crate::config::{Config, ConfigError};
use crate::sink::courier::Courier;
use crate::stream::{configured_symbols, plans};
use crate::venue::Venue;

/// Describes a configuration that was checked; refuses certificates that cannot be read and addresses that are none.
pub fn describe(config: &Config, venues: &[Venue]) -> Result<String, ConfigError> {
    config.check_streamed(venues)?;
    Courier::new(&config.redis)?;
    let mut text = String::new();
    // Writing to a String cannot fail.
    let mut line = |name: &str, value: &dyn std::fmt::Display| {
        let _ = writeln!(text, "{name:<12} {value}");
    };
    line("redis", &format_args!("{}, {} connections", config.redis.url, config.redis.pool_size));
    if let Some(path) = &config.redis.ca_file {
        line("trusting", &path.display());
    }
    if let Some(budget) = &config.redis.max_memory {
        line("memory", &format_args!("CONFIG SET liq.memory-budget {budget}"));
    }
    line("state", &format_args!("{}, at most {} events spooled", config.state_dir.display(), config.spool_events));
    match config.listen {
        Some(address) => line("http", &format_args!("http://{address}/healthz and /metrics")),
        None => line("http", &"off"),
    }
    let symbols = ["BTCUSDT", "ETHUSDT", "SOLUSDT"];
    for (command, clock) in [("replay", ClockMode::Event), ("stream", ClockMode::Server)] {
        for symbol in symbols {
            let options = config.series.options_of(symbol, "binance", clock)?.to_args();
            let options: Vec<_> = options.iter().map(|option| String::from_utf8_lossy(option)).collect();
            line(command, &format_args!("LIQ.CREATE {} {}", config.key.expand(symbol, "binance"), options.join(" ")));
        }
    }
    for (venue, settings) in &config.venues {
        for instrument in &settings.markets {
            let symbol = venue.own_symbol()(instrument);
            let Ok(symbol) = symbol else {
                let problem = format!("venue.{}: no instrument, got '{instrument}'", venue.name());
                return Err(ConfigError::Setting { name: "markets", problem });
            };
            let options = config.markets.options_of(&symbol, *venue, ClockMode::Server, venue.numbers_trades())?;
            let options = options.to_args();
            let options: Vec<_> = options.iter().map(|option| String::from_utf8_lossy(option)).collect();
            let key = config.markets.key_of(&symbol, *venue);
            line("market", &format_args!("TICK.CREATE {key} {}", options.join(" ")));
        }
    }
    for venue in venues {
        let settings = config.venue(*venue);
        let symbols = settings.symbols.as_deref().map(configured_symbols).unwrap_or_default();
        let plans = plans(*venue, &settings, &symbols);
        if plans.is_empty() {
            line(venue.name(), &"all symbols, as the venue lists them");
        }
        for plan in plans {
            line(venue.name(), &format_args!("{} ({} subscriptions)", plan.url, plan.topics.len()));
        }
        if !settings.contracts.is_empty() {
            line("", &format_args!("{} contract sizes configured", settings.contracts.len()));
        }
    }
    Ok(text)
}
