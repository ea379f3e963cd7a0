//! What series are created with: the options of `LIQ.CREATE`, under their own names and those of the bot's environment.

use std::collections::BTreeMap;

use liq_core::grammar::Args;
use liq_core::liq::series::OptionsPatch;
use liq_core::settings::ClockMode;

use super::ConfigError;
use super::key::expand;
use crate::symbol::without_month;

/// Quote currencies, the longer of two that end alike first.
const QUOTES: [&str; 12] = ["FDUSD", "USDT", "USDC", "USDE", "USD1", "BUSD", "TUSD", "USD", "EUR", "BTC", "ETH", "XBT"];

/// Options of new series. Series that exist keep theirs.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SeriesConfig {
    /// Options by their name in capitals, as text.
    options: BTreeMap<String, String>,
    /// `MINSIZE` by base currency.
    min_size: BTreeMap<String, String>,
}

impl SeriesConfig {
    /// Sets an option by its name in `LIQ.CREATE`, in any case; `min_size_BTC` sets one of a base currency.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        let name = name.to_ascii_uppercase().replace('-', "_");
        let value = value.into();
        match name.strip_prefix("MIN_SIZE_").or_else(|| name.strip_prefix("MINSIZE_")) {
            Some(base) => self.min_size.insert(base.to_owned(), value),
            None => self.options.insert(name.replace('_', ""), value),
        };
    }

    /// The options of a new series of `symbol`; refuses what `LIQ.CREATE` would refuse.
    pub fn options_of(&self, symbol: &str, exchange: &str, clock: ClockMode) -> Result<OptionsPatch, ConfigError> {
        let mut args: Vec<String> = Vec::new();
        for (name, value) in self.options.iter().filter(|(name, _)| *name != "MAXLEN") {
            if name == "MINSIZE" && self.min_size.contains_key(base_of(symbol)) {
                continue;
            }
            let names_key = matches!(name.as_str(), "SIGNALS" | "ACCEPTED" | "MARKET");
            let value = if names_key { expand(value, symbol, exchange) } else { value.clone() };
            args.extend([name.clone(), value]);
            if name == "SIGNALS"
                && let Some(length) = self.options.get("MAXLEN")
            {
                args.extend(["MAXLEN".to_owned(), length.clone()]);
            }
        }
        if let Some(value) = self.min_size.get(base_of(symbol)) {
            args.extend(["MINSIZE".to_owned(), value.clone()]);
        }
        let bytes: Vec<&[u8]> = args.iter().map(String::as_bytes).collect();
        let mut patch =
            OptionsPatch::parse(Args::new(&bytes)).map_err(|error| ConfigError::Series(error.to_string()))?;
        patch.clock = patch.clock.or(Some(clock));
        Ok(patch)
    }

    /// The smallest size that a new series of `symbol` takes; 0 where none is set.
    pub fn min_size_of(&self, symbol: &str, exchange: &str) -> f64 {
        let options = self.options_of(symbol, exchange, ClockMode::Server);
        options.ok().and_then(|options| options.min_size).unwrap_or_default()
    }

    /// Why an option that is called so and has this value would be refused, whatever the others are.
    pub fn refusal(name: &str, value: &str) -> Option<String> {
        let mut alone = Self::default();
        alone.set(name, value);
        if alone.options.contains_key("MAXLEN") {
            alone.set("SIGNALS", "any");
        }
        match alone.check() {
            Ok(()) => None,
            Err(ConfigError::Series(problem)) => Some(problem),
            Err(error) => Some(error.to_string()),
        }
    }

    /// Refuses options that would be refused for some symbol.
    pub fn check(&self) -> Result<(), ConfigError> {
        if self.options.contains_key("MAXLEN") && !self.options.contains_key("SIGNALS") {
            return Err(ConfigError::Series("MAXLEN: has no meaning without SIGNALS".to_owned()));
        }
        if self.min_size.contains_key("") {
            return Err(ConfigError::Series("MINSIZE: names no currency".to_owned()));
        }
        let bases = self.min_size.keys().map(String::as_str).chain(["ANY"]);
        for base in bases {
            self.options_of(&format!("{base}USDT"), "any", ClockMode::Server)?;
        }
        Ok(())
    }
}

/// The base currency of a symbol, canonical or that of a dated future.
pub fn base_of(symbol: &str) -> &str {
    let pair = without_month(symbol.split(['_', '-']).next().unwrap_or(symbol));
    let base = QUOTES.iter().find_map(|quote| pair.strip_suffix(quote));
    base.filter(|base| !base.is_empty()).unwrap_or(pair)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_size_of_a_base_currency_wins_over_the_default() {
        let mut series = SeriesConfig::default();
        series.set("min_size", "100");
        series.set("min_size_btc", "5000");
        series.set("retention", "7d");
        series.set("signals", "liq:signals:{%symbol}");
        series.set("maxlen", "50");
        for (symbol, smallest) in [
            ("BTCUSDT", 5000.0),
            ("BTCUSD", 5000.0),
            ("BTCUSD1", 5000.0),
            ("BTCUSDE", 5000.0),
            ("BTCUSDT_250926", 5000.0),
            ("BTC-26JUN26", 5000.0),
            ("BTC-USD-260626", 5000.0),
            ("BTCUSDM26", 5000.0),
            ("ETHBTC", 100.0),
            ("ETHUSDT", 100.0),
        ] {
            let patch = series.options_of(symbol, "binance", ClockMode::Event).unwrap();
            assert_eq!((patch.min_size, patch.retention_ms), (Some(smallest), Some(604_800_000)));
            assert_eq!(patch.signals.unwrap().key.as_ref(), format!("liq:signals:{{{symbol}}}").as_bytes());
            assert_eq!(patch.clock, Some(ClockMode::Event));
        }
    }

    #[test]
    fn what_create_refuses_is_refused_at_the_start() {
        for (name, value) in [
            ("percentile", "101"),
            ("retention", "5s"),
            ("min_size_doge", "x"),
            ("min_size_", "5"),
            ("maxlen", "-1"),
            ("colour", "red"),
        ] {
            let mut series = SeriesConfig::default();
            series.set(name, value);
            assert!(series.check().is_err() && SeriesConfig::refusal(name, value).is_some(), "{name}");
        }
        // By itself it is right; alone it has no meaning.
        let mut series = SeriesConfig::default();
        series.set("maxlen", "50");
        assert!(series.check().is_err() && SeriesConfig::refusal("maxlen", "50").is_none());
    }
}
