//! How each venue is to be spoken to: where, what to subscribe, how to keep the connection.

use std::time::Duration;

use serde_json::json;

use crate::config::VenueConfig;
use crate::venue::{Venue, binance, bitfinex, bitmex, bybit, deribit, okx};

/// What keeps a connection open, sent when this long has passed since the last time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keepalive {
    /// How often.
    pub every: Duration,
    /// What.
    pub text: &'static str,
}

/// One connection to a venue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Whose.
    pub venue: Venue,
    /// How health speaks of it.
    pub name: String,
    /// Where.
    pub url: String,
    /// What is said first: subscriptions to the liquidations and to a control stream that ticks all the time.
    pub subscriptions: Vec<String>,
    /// Between two of them; venues cut those who talk too fast.
    pub pause: Duration,
    /// What keeps it open, where the venue's own pings do not do.
    pub keepalive: Option<Keepalive>,
    /// When the venue would end it anyway.
    pub lifetime: Duration,
}

/// Binance ends connections after 24 hours; a little earlier costs nothing anywhere.
const LIFETIME: Duration = Duration::from_secs(23 * 3600 + 50 * 60);
/// Currencies of Deribit's futures that are subscribed unless others are configured.
const DERIBIT_CURRENCIES: [&str; 4] = ["BTC", "ETH", "USDC", "USDT"];

/// The connections of a venue. `symbols` are those of the Bybit categories linear and inverse, as discovered.
pub fn plans(venue: Venue, config: &VenueConfig, symbols: &[Vec<String>]) -> Vec<Plan> {
    let url = |default: &str| config.url.clone().unwrap_or_else(|| default.to_owned());
    let plan = |url: String, subscriptions: Vec<String>| Plan {
        venue,
        name: format!("{} {url}", venue.name()),
        url,
        subscriptions,
        pause: Duration::from_millis(250),
        keepalive: None,
        lifetime: LIFETIME,
    };
    let kept = |every_s: u64, text: &'static str| Some(Keepalive { every: Duration::from_secs(every_s), text });
    match venue {
        Venue::BinanceUm | Venue::Aster => vec![plan(url(binance::UM_URL), vec![binance_subscription(venue)])],
        Venue::BinanceCm => vec![plan(url(binance::CM_URL), vec![binance_subscription(venue)])],
        Venue::Bybit => {
            let address = |default: &str, category: &str| match &config.url {
                Some(base) => format!("{}/{category}", base.trim_end_matches('/')),
                None => default.to_owned(),
            };
            let addresses = [address(bybit::LINEAR_URL, "linear"), address(bybit::INVERSE_URL, "inverse")];
            let controls = ["tickers.BTCUSDT", "tickers.BTCUSD"];
            let named = addresses.into_iter().zip(controls).zip(symbols).filter(|(_, symbols)| !symbols.is_empty());
            let plans = named.map(|((url, control), symbols)| Plan {
                keepalive: kept(20, r#"{"op":"ping"}"#),
                ..plan(url, bybit_subscriptions(control, symbols))
            });
            plans.collect()
        }
        Venue::Okx => vec![Plan { keepalive: kept(20, "ping"), ..plan(url(okx::URL), vec![okx_subscription()]) }],
        Venue::Bitmex => {
            let subscription = json!({"op": "subscribe", "args": ["liquidation", "instrument:XBTUSD"]});
            vec![Plan { keepalive: kept(5, "ping"), ..plan(url(bitmex::URL), vec![subscription.to_string()]) }]
        }
        Venue::Deribit => vec![plan(url(deribit::URL), deribit_subscriptions(config))],
        Venue::Bitfinex => {
            let status = |key: &str| json!({"event": "subscribe", "channel": "status", "key": key}).to_string();
            vec![plan(url(bitfinex::URL), vec![status("liq:global"), status("deriv:tBTCF0:USTF0")])]
        }
    }
}

fn binance_subscription(venue: Venue) -> String {
    json!({"method": "SUBSCRIBE", "params": binance::streams(venue), "id": 1}).to_string()
}

/// The control topic, then the symbols.
fn bybit_subscriptions(control: &str, symbols: &[String]) -> Vec<String> {
    let mut subscriptions = vec![json!({"op": "subscribe", "args": [control]}).to_string()];
    subscriptions.extend(bybit_topics(symbols));
    subscriptions
}

/// Subscriptions to the liquidations of Bybit's symbols, in chunks.
pub fn bybit_topics(symbols: &[String]) -> Vec<String> {
    let topics = |chunk: &[String]| chunk.iter().map(|symbol| format!("allLiquidation.{symbol}")).collect::<Vec<_>>();
    let subscribe = |chunk| json!({"op": "subscribe", "args": topics(chunk)}).to_string();
    symbols.chunks(bybit::CHUNK).map(subscribe).collect()
}

fn okx_subscription() -> String {
    let args = json!([
        {"channel": "liquidation-orders", "instType": "SWAP"},
        {"channel": "liquidation-orders", "instType": "FUTURES"},
        {"channel": "mark-price", "instId": "BTC-USDT-SWAP"},
    ]);
    json!({"op": "subscribe", "args": args}).to_string()
}

fn deribit_subscriptions(config: &VenueConfig) -> Vec<String> {
    let currencies = match &config.symbols {
        Some(currencies) => currencies.clone(),
        None => DERIBIT_CURRENCIES.map(str::to_owned).to_vec(),
    };
    let mut channels: Vec<String> = vec!["deribit_price_index.btc_usd".to_owned()];
    channels.extend(currencies.iter().map(|currency| format!("trades.future.{currency}.100ms")));
    let call = |id: u32, method: &str, params: serde_json::Value| {
        json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).to_string()
    };
    vec![
        call(1, "public/set_heartbeat", json!({"interval": 30})),
        call(2, "public/subscribe", json!({"channels": channels})),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_venue_has_a_plan_with_a_control_stream() {
        let symbols = [vec!["BTCUSDT".to_owned(); 23], vec!["BTCUSD".to_owned()]];
        let controls =
            ["markPrice@1s", "markPrice@1s", "tickers.", "mark-price", "instrument:", "price_index", "deriv:"];
        for (venue, control) in Venue::STREAMED.into_iter().zip(controls) {
            for plan in plans(venue, &VenueConfig::default(), &symbols) {
                assert!(plan.url.starts_with("wss://"), "{}", plan.url);
                assert!(plan.subscriptions.iter().any(|text| text.contains(control)), "{:?}", plan.subscriptions);
            }
        }
        let bybit = plans(Venue::Bybit, &VenueConfig::default(), &symbols);
        assert_eq!(bybit.iter().map(|plan| plan.subscriptions.len()).collect::<Vec<_>>(), [4, 2]);
    }

    #[test]
    fn usd_m_is_reached_where_it_still_sends() {
        let plan = plans(Venue::BinanceUm, &VenueConfig::default(), &[]).remove(0);
        assert!(plan.url.contains("/market/"), "{}", plan.url);
    }
}
