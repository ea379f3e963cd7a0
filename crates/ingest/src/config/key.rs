//! The names of keys: a template with the event's symbol, and its exchange if wanted.

use std::fmt;

use crate::venue::Venue;

/// The default: one series for each pair, whatever exchange reported the event.
pub const DEFAULT_TEMPLATE: &str = "liq:{%symbol}";
/// The longest template, in bytes.
const LONGEST_TEMPLATE: usize = 256;

/// A template such as `liq:{%symbol}` or `liq:%exchange:{%symbol}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyTemplate {
    text: String,
}

impl KeyTemplate {
    /// Accepts a template that names the symbol.
    pub fn new(text: &str) -> Result<Self, String> {
        if text.len() > LONGEST_TEMPLATE {
            return Err(format!("longer than {LONGEST_TEMPLATE} bytes"));
        }
        if !text.contains("%symbol") {
            return Err("must hold %symbol".to_owned());
        }
        Ok(Self { text: text.to_owned() })
    }

    /// The template itself.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether events of one symbol and two exchanges go to two keys.
    pub fn is_per_exchange(&self) -> bool {
        self.text.contains("%exchange")
    }

    /// The key of a symbol's events.
    pub fn expand(&self, symbol: &str, exchange: &str) -> String {
        expand(&self.text, symbol, exchange)
    }
}

impl Default for KeyTemplate {
    fn default() -> Self {
        Self { text: DEFAULT_TEMPLATE.to_owned() }
    }
}

impl fmt::Display for KeyTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Puts the names in their places.
pub(super) fn expand(template: &str, symbol: &str, exchange: &str) -> String {
    template.replace("%symbol", symbol).replace("%exchange", exchange)
}

/// Puts the names of a market in their places.
pub(super) fn expand_market(template: &str, symbol: &str, venue: Venue) -> String {
    expand(&template.replace("%venue", venue.name()), symbol, venue.exchange())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_places_symbol_and_exchange() {
        let cases = [
            (DEFAULT_TEMPLATE, "liq:{BTCUSDT}", false),
            ("liq:%exchange:{%symbol}", "liq:binance:{BTCUSDT}", true),
            ("%symbol", "BTCUSDT", false),
        ];
        for (text, key, per_exchange) in cases {
            let template = KeyTemplate::new(text).unwrap();
            assert_eq!(
                (template.expand("BTCUSDT", "binance").as_str(), template.is_per_exchange()),
                (key, per_exchange)
            );
        }
        assert!(KeyTemplate::new("liq:all").is_err());
    }
}
