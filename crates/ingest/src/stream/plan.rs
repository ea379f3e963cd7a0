//! How each venue is to be spoken to: where, what to subscribe, how to keep the connection.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::config::{Feeds, VenueConfig};
use crate::venue::{Venue, Wanted, binance, bitfinex, bitmex, bybit, deribit, okx};

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
    /// What is said before anything is subscribed.
    pub opening: Vec<String>,
    /// What is subscribed: first a control stream that ticks all the time, then the liquidations.
    pub topics: Vec<String>,
    /// The markets that are fed over it.
    pub markets: Option<Arc<Wanted>>,
    /// Topics in one request.
    pub chunk: usize,
    /// Between two requests; venues cut those who talk too fast.
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
    let texts = |topics: &[&str]| topics.iter().map(|topic| (*topic).to_owned()).collect::<Vec<_>>();
    let kept = |every_s: u64, text: &'static str| Some(Keepalive { every: Duration::from_secs(every_s), text });
    let plan = |url: String, topics: Vec<String>| Plan {
        venue,
        name: format!("{} {url}", venue.name()),
        url,
        opening: Vec::new(),
        topics,
        markets: None,
        chunk: 1,
        pause: Duration::from_millis(100),
        keepalive: None,
        lifetime: LIFETIME,
    };
    match venue {
        Venue::BinanceUm | Venue::Aster => {
            let mut plans = vec![Plan { chunk: 2, ..plan(url(binance::UM_URL), texts(&binance::streams(venue))) }];
            let Feeds { trades, quotes, marks } = config.feeds;
            let streams = [("@aggTrade", trades), ("@markPrice@1s", marks)];
            plans.extend(markets(venue, config, "trades", url(binance::UM_URL), "btcusdt@markPrice@1s", &streams));
            let streams = [("@bookTicker", quotes)];
            plans.extend(markets(venue, config, "quotes", url(binance::UM_PUBLIC_URL), "btcusdt@bookTicker", &streams));
            plans
        }
        Venue::BinanceSpot => {
            let streams = [("@trade", config.feeds.trades), ("@bookTicker", config.feeds.quotes)];
            let plan = markets(venue, config, "markets", url(binance::SPOT_URL), "btcusdt@bookTicker", &streams);
            plan.into_iter().collect()
        }
        Venue::BinanceCm => vec![Plan { chunk: 2, ..plan(url(binance::CM_URL), texts(&binance::streams(venue))) }],
        Venue::Bybit => {
            let categories = [("linear", bybit::LINEAR_URL), ("inverse", bybit::INVERSE_URL)].into_iter();
            let plans = categories.zip(symbols).flat_map(|((category, default), symbols)| {
                bybit_shares(symbols)
                    .into_iter()
                    .enumerate()
                    .map(move |(n, share)| bybit_plan(config, category, default, n, share))
            });
            let plain =
                Plan { name: "bybit markets".into(), ..bybit_plan(config, "linear", bybit::LINEAR_URL, 0, &[]) };
            let Feeds { trades, quotes, marks } = config.feeds;
            plans
                .chain(feeding(plain, config, |instrument| {
                    let trades = trades.then(|| format!("publicTrade.{instrument}"));
                    trades.into_iter().chain((quotes || marks).then(|| format!("tickers.{instrument}"))).collect()
                }))
                .collect()
        }
        Venue::Okx => {
            let plain = |topics| Plan { keepalive: kept(20, "ping"), ..plan(url(okx::URL), topics) };
            let mut plans = vec![plain(texts(&okx::TOPICS))];
            let url = url(okx::URL);
            let markets = Plan { name: format!("okx markets {url}"), chunk: 20, ..plain(texts(&[okx::CONTROL])) };
            plans.extend(feeding(markets, config, |instrument| okx_topics(config.feeds, instrument)));
            plans
        }
        Venue::Bitmex => {
            let topics = texts(&["instrument:XBTUSD", "liquidation"]);
            vec![Plan { keepalive: kept(5, "ping"), ..plan(url(bitmex::URL), topics) }]
        }
        Venue::Deribit => {
            let topics = deribit_topics(config);
            let heartbeat = deribit_call(0, "public/set_heartbeat", &json!({"interval": 30}));
            vec![Plan { opening: vec![heartbeat], chunk: topics.len(), ..plan(url(deribit::URL), topics) }]
        }
        Venue::Bitfinex => vec![plan(url(bitfinex::URL), texts(&["deriv:tBTCF0:USTF0", "liq:global"]))],
    }
}

/// A connection that feeds markets of Binance: of each the streams that are on, behind one that ticks all the time.
fn markets(
    venue: Venue,
    config: &VenueConfig,
    name: &str,
    url: String,
    control: &str,
    streams: &[(&str, bool)],
) -> Option<Plan> {
    let plain = Plan {
        venue,
        name: format!("{} {name} {url}", venue.name()),
        url,
        opening: Vec::new(),
        topics: vec![control.to_owned()],
        markets: None,
        chunk: 100,
        // Binance takes ten messages a second.
        pause: Duration::from_millis(200),
        keepalive: None,
        lifetime: LIFETIME,
    };
    feeding(plain, config, |instrument| {
        let instrument = instrument.to_ascii_lowercase();
        streams.iter().filter(|(_, is_on)| *is_on).map(|(stream, _)| format!("{instrument}{stream}")).collect()
    })
}

/// A connection that feeds the markets that are configured, by the topics of each, behind those of `plain`; nothing
/// where there are none.
fn feeding(plain: Plan, config: &VenueConfig, topics_of: impl Fn(&str) -> Vec<String>) -> Option<Plan> {
    let own: Vec<String> = config.markets.iter().flat_map(|instrument| topics_of(instrument)).collect();
    if own.is_empty() {
        return None;
    }
    let mut seen = BTreeSet::new();
    let topics = plain.topics.iter().cloned().chain(own).filter(|topic| seen.insert(topic.clone())).collect();
    let Feeds { quotes, marks, .. } = config.feeds;
    let wanted = Wanted { instruments: config.markets.clone(), quotes, marks };
    Some(Plan { topics, markets: Some(Arc::new(wanted)), ..plain })
}

/// Of OKX by names of our own: channel and instrument. Spot has neither a mark price nor, as a market, an index.
fn okx_topics(feeds: Feeds, instrument: &str) -> Vec<String> {
    let Feeds { trades, quotes, marks } = feeds;
    let index = okx::index_of(instrument).filter(|_| marks);
    let plain = [("trades", trades), ("tickers", quotes), ("mark-price", marks && index.is_some())];
    let own = plain.iter().filter(|(_, is_on)| *is_on).map(|(channel, _)| format!("{channel}:{instrument}"));
    own.chain(index.map(|index| format!("index-tickers:{index}"))).collect()
}

/// Whether a topic tells of an instrument: `btcusdt@aggTrade`, `publicTrade.BTCUSDT`, `trades:BTC-USDT-SWAP`.
pub fn is_about(topic: &str, instrument: &str) -> bool {
    topic.split(['@', '.', ':']).any(|piece| piece.eq_ignore_ascii_case(instrument))
}

/// One of Bybit's connections.
pub fn bybit_plan(config: &VenueConfig, category: &str, default: &str, number: usize, symbols: &[String]) -> Plan {
    let url = match &config.url {
        Some(base) => format!("{}/{category}", base.trim_end_matches('/')),
        None => default.to_owned(),
    };
    let control = if category == "linear" { bybit::CONTROL } else { "tickers.BTCUSD" };
    let mut topics = vec![control.to_owned()];
    topics.extend(symbols.iter().map(|symbol| bybit::topic(symbol)));
    Plan {
        venue: Venue::Bybit,
        name: format!("bybit {category} {}", number + 1),
        url,
        opening: Vec::new(),
        topics,
        markets: None,
        chunk: bybit::CHUNK,
        pause: Duration::from_millis(100),
        keepalive: Some(Keepalive { every: Duration::from_secs(20), text: r#"{"op":"ping"}"# }),
        lifetime: LIFETIME,
    }
}

/// Bybit's symbols by connection: the arguments of one may have 21,000 characters in all.
fn bybit_shares(symbols: &[String]) -> Vec<&[String]> {
    symbols.chunks(bybit::SYMBOLS_PER_CONNECTION).collect()
}

/// The request that subscribes topics.
pub fn subscription(venue: Venue, id: u64, topics: &[String]) -> String {
    let request = match venue {
        Venue::BinanceUm | Venue::BinanceCm | Venue::BinanceSpot | Venue::Aster => {
            json!({"method": "SUBSCRIBE", "params": topics, "id": id})
        }
        Venue::Bybit => json!({"op": "subscribe", "req_id": id.to_string(), "args": topics}),
        Venue::Okx => {
            // The id is told back where the venue knows it; names tell the topics in any case.
            let args: Vec<Value> = topics.iter().filter_map(|topic| okx::argument(topic)).collect();
            json!({"id": id.to_string(), "op": "subscribe", "args": args})
        }
        Venue::Bitmex => json!({"op": "subscribe", "args": topics}),
        Venue::Deribit => return deribit_call(id, "public/subscribe", &json!({"channels": topics})),
        Venue::Bitfinex => json!({"event": "subscribe", "channel": "status", "key": topics.first()}),
    };
    request.to_string()
}

fn deribit_call(id: u64, method: &str, params: &Value) -> String {
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).to_string()
}

fn deribit_topics(config: &VenueConfig) -> Vec<String> {
    let currencies = match &config.symbols {
        Some(currencies) => currencies.clone(),
        None => DERIBIT_CURRENCIES.map(str::to_owned).to_vec(),
    };
    let mut topics: Vec<String> = vec!["deribit_price_index.btc_usd".to_owned()];
    topics.extend(currencies.iter().map(|currency| format!("trades.future.{currency}.100ms")));
    topics
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_venue_has_a_plan_that_begins_with_a_control_stream() {
        let symbols = [vec!["BTCUSDT".to_owned(); 23], vec!["BTCUSD".to_owned()]];
        let controls =
            ["markPrice@1s", "markPrice@1s", "tickers.", "mark-price", "instrument:", "price_index", "deriv:"];
        for (venue, control) in Venue::STREAMED.into_iter().zip(controls) {
            for plan in plans(venue, &VenueConfig::default(), &symbols) {
                assert!(plan.url.starts_with("wss://"), "{}", plan.url);
                assert!(plan.topics.iter().any(|topic| topic.contains(control)), "{:?}", plan.topics);
                for topic in &plan.topics {
                    let request = subscription(venue, 7, std::slice::from_ref(topic));
                    let name = topic.split(':').next().unwrap();
                    assert!(request.contains(name), "{topic} in {request}");
                }
            }
        }
    }

    #[test]
    fn bybit_connections_keep_below_the_limit_of_their_arguments() {
        // As many and as long as were listed when the limit was met.
        let symbols: Vec<String> = (0..900).map(|n| format!("{n}LONGNAMEDCOINUSDT")).collect();
        let plans = plans(Venue::Bybit, &VenueConfig::default(), &[symbols, Vec::new()]);
        assert!(plans.len() > 3);
        let mut seen = 0;
        for plan in &plans {
            let characters: usize = plan.topics.iter().map(|topic| topic.len() + 3).sum();
            assert!(characters <= 21_000, "{characters}");
            seen += plan.topics.len() - 1;
            let requests = plan.topics.len().div_ceil(plan.chunk) as u32;
            assert!(plan.pause * requests <= Duration::from_secs(5), "the last topic waits too long");
        }
        assert_eq!(seen, 900);
    }

    #[test]
    fn usd_m_is_reached_where_it_still_sends() {
        let plan = plans(Venue::BinanceUm, &VenueConfig::default(), &[]).remove(0);
        assert!(plan.url.contains("/market/"), "{}", plan.url);
    }
}
