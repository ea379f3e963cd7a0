//! What a venue tells afterwards of the time in which nobody listened.

use serde_json::{Value, json};

use super::rest::{Rest, RestError};
use crate::config::VenueConfig;
use crate::contract::Contracts;
use crate::event::{Batch, Event};
use crate::venue::{Decoder, Venue};

const BITFINEX_URL: &str = "https://api-pub.bitfinex.com";
const DERIBIT_URL: &str = "https://www.deribit.com";
const OKX_URL: &str = "https://www.okx.com";
/// Pages of one answer; a venue that has more keeps repeating itself.
const MOST_PAGES: usize = 20;
/// Between two requests to OKX, which takes 20 in a second.
const OKX_PAUSE: std::time::Duration = std::time::Duration::from_millis(60);

/// Whether a venue can be asked.
pub const fn is_possible(venue: Venue) -> bool {
    matches!(venue, Venue::Okx | Venue::Bitfinex | Venue::Deribit)
}

/// Asks for the liquidations from one moment to another, Unix milliseconds; blocks until the venue has answered.
pub fn ask(
    venue: Venue,
    config: &VenueConfig,
    contracts: &Contracts,
    joins_dated: bool,
    (from_ms, to_ms): (u64, u64),
) -> Result<Vec<Event>, RestError> {
    let rest = |default: &str| Rest::new(config, default);
    let frames = match venue {
        Venue::Bitfinex => bitfinex(&rest(BITFINEX_URL)?, from_ms, to_ms)?,
        Venue::Deribit => deribit(&rest(DERIBIT_URL)?, config, from_ms, to_ms)?,
        Venue::Okx => okx(&rest(OKX_URL)?, contracts, from_ms, to_ms)?,
        _ => Vec::new(),
    };
    let (mut decoder, mut batch) = (Decoder::new(contracts.clone()).joining_dated(joins_dated), Batch::default());
    for frame in frames {
        decoder.frame(venue, &frame, Some(to_ms), &mut batch);
    }
    decoder.finish(&mut batch);
    batch.events.retain(|event| (from_ms..=to_ms).contains(&event.ts_ms));
    batch.events.sort_by_key(|event| event.ts_ms);
    Ok(batch.events)
}

fn bitfinex(rest: &Rest, from_ms: u64, to_ms: u64) -> Result<Vec<Value>, RestError> {
    let rows = rest.get(&format!("/v2/liquidations/hist?start={from_ms}&end={to_ms}&limit=500&sort=1"))?;
    if !rows.is_array() {
        return Err(RestError::Shape("no list"));
    }
    Ok(vec![json!([0, rows])])
}

fn deribit(rest: &Rest, config: &VenueConfig, from_ms: u64, to_ms: u64) -> Result<Vec<Value>, RestError> {
    let default = ["BTC", "ETH", "USDC", "USDT"].map(str::to_owned).to_vec();
    let mut frames = Vec::new();
    for currency in config.symbols.as_ref().unwrap_or(&default) {
        let mut start = from_ms;
        for _ in 0..MOST_PAGES {
            let answer = rest.get(&format!(
                "/api/v2/public/get_last_trades_by_currency_and_time?currency={currency}&kind=future&start_timestamp={start}&end_timestamp={to_ms}&count=1000&sorting=asc"
            ))?;
            let result = answer.get("result").ok_or(RestError::Shape("no result"))?;
            let trades = result.get("trades").and_then(Value::as_array).ok_or(RestError::Shape("no trades"))?;
            let last = trades.last().and_then(|trade| trade.get("timestamp")).and_then(Value::as_u64);
            frames.push(json!({"method": "subscription", "params": {"channel": "trades.afterwards", "data": trades}}));
            match (last, result.get("has_more").and_then(Value::as_bool)) {
                (Some(last), Some(true)) if last > start => start = last,
                _ => break,
            }
        }
    }
    Ok(frames)
}

/// OKX answers for one family of instruments at a time.
fn okx(rest: &Rest, contracts: &Contracts, from_ms: u64, to_ms: u64) -> Result<Vec<Value>, RestError> {
    let family = |name: &str| name.rsplit_once('-').map(|(family, _)| family.to_owned());
    let kind = |name: &str| if name.ends_with("-SWAP") { "SWAP" } else { "FUTURES" };
    let mut families: Vec<(String, &str)> =
        contracts.names(Venue::Okx).filter_map(|name| Some((family(name)?, kind(name)))).collect();
    families.sort();
    families.dedup();
    let mut frames = Vec::new();
    for (family, kind) in families {
        let mut after = to_ms + 1;
        for _ in 0..MOST_PAGES {
            let answer = rest.get(&format!(
                "/api/v5/public/liquidation-orders?instType={kind}&instFamily={family}&state=filled&before={from_ms}&after={after}&limit=100"
            ))?;
            let data = answer.get("data").and_then(Value::as_array).ok_or(RestError::Shape("no data"))?;
            let times = data.iter().filter_map(|order| order.get("details")?.as_array()).flatten();
            let times: Vec<u64> = times.filter_map(|detail| detail.get("ts")?.as_str()?.parse().ok()).collect();
            frames.push(json!({"arg": {"channel": "liquidation-orders"}, "data": data}));
            match times.iter().min() {
                Some(oldest) if times.len() >= 100 && *oldest < after => after = *oldest,
                _ => break,
            }
            std::thread::sleep(OKX_PAUSE);
        }
        std::thread::sleep(OKX_PAUSE);
    }
    Ok(frames)
}
