//! What markets are called and made with: the options of `TICK.CREATE`, under their own names.

use std::collections::BTreeMap;

use liq_core::grammar::Args;
use liq_core::market::candle::UNITS;
use liq_core::market::store::OptionsPatch;
use liq_core::market::tape::Order;
use liq_core::settings::ClockMode;

use super::ConfigError;
use super::key::{KeyTemplate, expand_market};
use crate::venue::Venue;

/// One instrument at one venue is one market, so the name tells both.
const DEFAULT_KEY: &str = "tick:%venue:{%symbol}";

/// How markets are named, and the options of new ones. Markets that exist keep theirs.
#[derive(Debug, Clone, PartialEq)]
pub struct MarketsConfig {
    key: KeyTemplate,
    /// Options by their name in capitals, each with its values: `KEEP1M` is `KEEP 1m`, `ANNOUNCE` may have several.
    options: BTreeMap<String, Vec<String>>,
}

impl Default for MarketsConfig {
    fn default() -> Self {
        let key = KeyTemplate::new(DEFAULT_KEY).unwrap_or_default();
        Self { key, options: BTreeMap::new() }
    }
}

impl MarketsConfig {
    /// Names keys by another template, with `%symbol` and perhaps `%venue` or `%exchange`.
    pub fn set_key(&mut self, text: &str) -> Result<(), String> {
        self.key = KeyTemplate::new(text)?;
        Ok(())
    }

    /// The template.
    pub const fn key(&self) -> &KeyTemplate {
        &self.key
    }

    /// Sets an option by its name in `TICK.CREATE`, in any case; `keep_1m` is `KEEP 1m`, and `announce` may name several
    /// intervals with blanks between them.
    pub fn set(&mut self, name: &str, value: &str) {
        let name = name.to_ascii_uppercase().replace(['-', '_'], "");
        let values = match name.as_str() {
            "ANNOUNCE" if !value.trim().is_empty() => value.split_whitespace().map(str::to_owned).collect(),
            _ => vec![value.to_owned()],
        };
        self.options.insert(name, values);
    }

    /// The key of a market.
    pub fn key_of(&self, symbol: &str, venue: Venue) -> String {
        expand_market(self.key.text(), symbol, venue)
    }

    /// The options of a new market; refuses what `TICK.CREATE` would refuse.
    pub fn options_of(
        &self,
        symbol: &str,
        venue: Venue,
        clock: ClockMode,
        is_numbered: bool,
    ) -> Result<OptionsPatch, ConfigError> {
        let mut args: Vec<String> = Vec::new();
        for (name, values) in self.options.iter().filter(|(name, _)| !name.ends_with("MAXLEN")) {
            let level = name
                .strip_prefix("KEEP")
                .and_then(|level| UNITS.iter().map(|unit| unit.name).find(|unit| unit.eq_ignore_ascii_case(level)));
            for value in values {
                match level {
                    Some(level) => args.extend(["KEEP".to_owned(), level.to_owned(), value.clone()]),
                    None if matches!(name.as_str(), "CLOSES" | "FIRES") => {
                        args.extend([name.clone(), expand_market(value, symbol, venue)]);
                        if let Some(length) = self.options.get(&format!("{name}MAXLEN")) {
                            args.push("MAXLEN".to_owned());
                            args.extend(length.iter().cloned());
                        }
                    }
                    None => args.extend([name.clone(), value.clone()]),
                }
            }
        }
        let bytes: Vec<&[u8]> = args.iter().map(String::as_bytes).collect();
        let refused = |error: liq_core::grammar::RequestError| ConfigError::Market(error.to_string());
        let mut patch = OptionsPatch::parse(Args::new(&bytes)).map_err(refused)?;
        patch.clock = patch.clock.or(Some(clock));
        patch.order = patch.order.or(is_numbered.then_some(Order::Id));
        Ok(patch)
    }

    /// Why an option that is called so and has this value would be refused, whatever the others are.
    pub fn refusal(name: &str, value: &str) -> Option<String> {
        let mut alone = Self::default();
        alone.set(name, value);
        let stream = alone.options.keys().find_map(|name| name.strip_suffix("MAXLEN")).map(str::to_owned);
        stream.into_iter().for_each(|stream| alone.set(&stream, "any"));
        match alone.check() {
            Ok(()) => None,
            Err(ConfigError::Market(problem)) => Some(problem),
            Err(error) => Some(error.to_string()),
        }
    }

    /// Refuses options that would be refused for every market.
    pub fn check(&self) -> Result<(), ConfigError> {
        let lengths = ["CLOSES", "FIRES"].map(|stream| (stream, format!("{stream}MAXLEN")));
        for (stream, length) in lengths {
            if self.options.contains_key(&length) && !self.options.contains_key(stream) {
                return Err(ConfigError::Market(format!("{length}: has no meaning without {stream}")));
            }
        }
        self.options_of("ANY", Venue::BinanceUm, ClockMode::Server, false).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_those_of_create_and_streams_name_the_market() {
        let mut markets = MarketsConfig::default();
        for (name, value) in [
            ("keep_1m", "3000"),
            ("fires", "fires:%venue:{%symbol}"),
            ("announce", "1m 1h"),
            ("closes", "closes:{%symbol}"),
            ("closes_maxlen", "50"),
        ] {
            markets.set(name, value);
        }
        let options = markets.options_of("BTCUSDT", Venue::BinanceUm, ClockMode::Event, true).unwrap().to_args();
        let text: Vec<_> = options.iter().map(|option| String::from_utf8_lossy(option)).collect();
        assert_eq!(
            text.join(" "),
            "KEEP 1m 3000 ORDER ID CLOSES closes:{BTCUSDT} MAXLEN 50 FIRES fires:binance-um:{BTCUSDT} \
             ANNOUNCE 1m ANNOUNCE 1h CLOCK EVENT"
        );
        assert_eq!(markets.key_of("BTCUSDT", Venue::BinanceUm), "tick:binance-um:{BTCUSDT}");
        markets.set_key("tick:{%symbol}").unwrap();
        assert_eq!(markets.key_of("BTCUSDT", Venue::BinanceUm), "tick:{BTCUSDT}");
    }

    #[test]
    fn what_create_refuses_is_refused_at_the_start() {
        for (name, value) in
            [("keep_2m", "5"), ("tail", "-1"), ("colour", "red"), ("announce", "7m"), ("fires_maxlen", "5")]
        {
            let mut markets = MarketsConfig::default();
            markets.set(name, value);
            assert!(markets.check().is_err(), "{name}");
        }
    }
}
