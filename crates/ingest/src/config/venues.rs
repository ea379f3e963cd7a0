//! How each venue is reached and what is streamed of it, and which of that cannot be meant.

use std::collections::BTreeMap;

use super::{ConfigError, SecretUrl};
use crate::contract::Contract;
use crate::venue::Venue;

/// How one venue is reached, where that differs from the built-in way.
#[derive(Debug, Clone, Default)]
pub struct VenueConfig {
    /// WebSocket address.
    pub url: Option<String>,
    /// Address of the REST interface that lists instruments.
    pub rest_url: Option<String>,
    /// Through which it is reached, perhaps with user and password: `http://` (CONNECT) or `socks5://`.
    pub proxy: Option<SecretUrl>,
    /// Instruments to subscribe instead of all (Bybit), or currencies (Deribit).
    pub symbols: Option<Vec<String>>,
    /// Instruments whose markets are streamed, by the venue's own names.
    pub markets: Vec<String>,
    /// What they are fed with.
    pub feeds: Feeds,
    /// Contract sizes that are not built in.
    pub contracts: BTreeMap<String, Contract>,
}

/// What streamed markets are fed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Feeds {
    /// Trades, aggregated where the venue does that.
    pub trades: bool,
    /// Best bid and ask.
    pub quotes: bool,
    /// Mark price and index.
    pub marks: bool,
}

impl Default for Feeds {
    fn default() -> Self {
        Self { trades: true, quotes: true, marks: true }
    }
}

/// Refuses what cannot be meant, naming the setting.
pub(super) fn check(venue: Venue, settings: &VenueConfig) -> Result<(), ConfigError> {
    let name = venue.name();
    let refused = |setting: &'static str, problem: String| {
        Err(ConfigError::Setting { name: setting, problem: format!("venue.{name}: {problem}") })
    };
    let VenueConfig { url, rest_url, proxy, symbols, markets, feeds, .. } = settings;
    if let Some(url) = url.as_deref().filter(|url| !is_address(url, &["ws://", "wss://"])) {
        return refused("url", format!("must be ws://… or wss://…, got '{url}'"));
    }
    if let Some(url) = rest_url.as_deref().filter(|url| !is_address(url, &["http://", "https://"])) {
        return refused("rest_url", format!("must be http://… or https://…, got '{url}'"));
    }
    if let Some(proxy) = proxy.as_ref().filter(|proxy| !is_address(proxy.reveal(), &["http://", "socks5://"])) {
        return refused("proxy", format!("must be http://… or socks5://…, got '{proxy}'"));
    }
    if symbols.is_some() && !matches!(venue, Venue::Bybit | Venue::Deribit) {
        return refused("symbols", "can be chosen at bybit and deribit only; the others tell of all".to_owned());
    }
    let named = symbols.iter().flatten().map(|name| ("symbols", name));
    for (setting, instrument) in named.chain(markets.iter().map(|name| ("markets", name))) {
        if instrument.is_empty() || instrument.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return refused(setting, format!("must hold names of instruments, got '{instrument}'"));
        }
    }
    if !markets.is_empty() && !Venue::WITH_MARKETS.contains(&venue) {
        let which = Venue::WITH_MARKETS.map(Venue::name).join(", ");
        return refused("markets", format!("only {which} can be streamed into markets"));
    }
    if let Some(inverse) = markets.iter().find(|instrument| venue.is_inverse(instrument)) {
        let problem = format!("what is traded of an inverse contract is no decimal of base units, got '{inverse}'");
        return refused("markets", problem);
    }
    let nothing = Feeds { trades: false, quotes: false, marks: false };
    if !markets.is_empty() && *feeds == nothing {
        return refused("feeds", "must name one, or the markets would be fed nothing".to_owned());
    }
    Ok(())
}

/// Whether a text is one of these schemes and a host behind it.
fn is_address(text: &str, schemes: &[&str]) -> bool {
    let rest = schemes.iter().find_map(|scheme| text.strip_prefix(scheme));
    let host = rest.map(|rest| rest.split('/').next().unwrap_or_default());
    let host = host.map(|host| host.rsplit_once('@').map_or(host, |(_, host)| host));
    host.is_some_and(|host| !host.is_empty() && !host.starts_with(':') && !text.contains(char::is_whitespace))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_meant_is_refused_by_name() {
        let text = |text: &str| Some(text.to_owned());
        let none = VenueConfig::default;
        let cases: [(Venue, VenueConfig, &str); 9] = [
            (Venue::Okx, VenueConfig { url: text("https://ws.okx.com"), ..none() }, "url: venue.okx: must be ws://"),
            (Venue::Okx, VenueConfig { url: text("wss://"), ..none() }, "url: venue.okx: must be ws://"),
            (Venue::Bybit, VenueConfig { rest_url: text("api.bybit.com"), ..none() }, "rest_url: venue.bybit: must be"),
            (
                Venue::Bybit,
                VenueConfig { proxy: Some("ftp://u:hunter2@h".to_owned().into()), ..none() },
                "got 'ftp://u:***@h'",
            ),
            (Venue::Okx, VenueConfig { symbols: Some(vec!["BTCUSDT".into()]), ..none() }, "bybit and deribit only"),
            (Venue::Bybit, VenueConfig { symbols: Some(vec!["BTC USDT".into()]), ..none() }, "got 'BTC USDT'"),
            (Venue::Bitmex, VenueConfig { markets: vec!["XBTUSD".into()], ..none() }, "can be streamed into markets"),
            (Venue::Okx, VenueConfig { markets: vec!["BTC-USD-SWAP".into()], ..none() }, "inverse contract"),
            (
                Venue::Okx,
                VenueConfig {
                    markets: vec!["BTC-USDT".into()],
                    feeds: Feeds { trades: false, quotes: false, marks: false },
                    ..none()
                },
                "feeds: venue.okx: must name one",
            ),
        ];
        for (venue, settings, expected) in cases {
            let said = check(venue, &settings).unwrap_err().to_string();
            assert!(said.contains(expected), "{said}");
        }
        let good = VenueConfig {
            url: text("ws://127.0.0.1:1/x"),
            proxy: Some("socks5://u:p@host:1080".to_owned().into()),
            symbols: Some(Vec::new()),
            ..none()
        };
        check(Venue::Bybit, &good).unwrap();
    }
}
