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

/// What a venue told afterwards.
#[derive(Debug, Default)]
pub struct Missed {
    /// What it told, in the order of its time.
    pub events: Vec<Event>,
    /// What it did not tell, and why.
    pub lacking: Vec<String>,
}

/// The answers of a venue, and what could not be had.
#[derive(Default)]
struct Told {
    frames: Vec<Value>,
    lacking: Vec<String>,
}

impl Told {
    /// Notes that a part failed. A venue that wants to be left alone is asked again for all of it.
    fn lacks(&mut self, part: &str, outcome: Result<(), RestError>) -> Result<(), RestError> {
        match outcome {
            Ok(()) => Ok(()),
            Err(busy @ RestError::Busy(..)) => Err(busy),
            Err(error) => {
                self.lacking.push(format!("{part}: {error}"));
                Ok(())
            }
        }
    }

    fn has_too_many(&mut self, part: &str) {
        self.lacking.push(format!("{part}: more than {MOST_PAGES} pages"));
    }
}

/// Asks for the liquidations from one moment to another, Unix milliseconds; blocks until the venue has answered. An error
/// only where it told nothing at all.
pub fn ask(
    venue: Venue,
    config: &VenueConfig,
    contracts: &Contracts,
    joins_dated: bool,
    (from_ms, to_ms): (u64, u64),
) -> Result<Missed, RestError> {
    // Of a clock that was set back: no venue has anything of such a time.
    if from_ms > to_ms {
        return Ok(Missed::default());
    }
    let rest = |default: &str| Rest::new(config, default);
    let Told { frames, lacking } = match venue {
        Venue::Bitfinex => bitfinex(&rest(BITFINEX_URL)?, from_ms, to_ms)?,
        Venue::Deribit => deribit(&rest(DERIBIT_URL)?, config, from_ms, to_ms)?,
        Venue::Okx => okx(&rest(OKX_URL)?, contracts, from_ms, to_ms)?,
        _ => Told::default(),
    };
    let (mut decoder, mut batch) = (Decoder::new(contracts.clone()).joining_dated(joins_dated), Batch::default());
    for frame in frames {
        decoder.frame(venue, &frame, Some(to_ms), &mut batch);
    }
    decoder.finish(&mut batch);
    batch.events.retain(|event| (from_ms..=to_ms).contains(&event.ts_ms));
    batch.events.sort_by_key(|event| event.ts_ms);
    Ok(Missed { events: batch.events, lacking })
}

fn bitfinex(rest: &Rest, from_ms: u64, to_ms: u64) -> Result<Told, RestError> {
    const PAGE: usize = 500;
    let (mut told, mut start) = (Told::default(), from_ms);
    let time_of = |row: &Value| row.get(0).filter(|inner| inner.is_array()).unwrap_or(row).get(2)?.as_u64();
    for _ in 0..MOST_PAGES {
        let answer = rest.get(&format!("/v2/liquidations/hist?start={start}&end={to_ms}&limit={PAGE}&sort=1"));
        let rows = match answer {
            Err(error) if !told.frames.is_empty() => {
                told.lacks("from there on", Err(error))?;
                return Ok(told);
            }
            answer => answer?,
        };
        let list = rows.as_array().ok_or(RestError::Shape("no list"))?;
        let (is_full, last) = (list.len() >= PAGE, list.iter().filter_map(time_of).max());
        told.frames.push(json!([0, rows]));
        match last {
            // The next page begins with those of the same millisecond: they are known again.
            Some(last) if is_full && last > start => start = last,
            _ if is_full => break,
            _ => return Ok(told),
        }
    }
    told.has_too_many("liquidations");
    Ok(told)
}

fn deribit(rest: &Rest, config: &VenueConfig, from_ms: u64, to_ms: u64) -> Result<Told, RestError> {
    let default = ["BTC", "ETH", "USDC", "USDT"].map(str::to_owned).to_vec();
    let mut told = Told::default();
    for currency in config.symbols.as_ref().unwrap_or(&default) {
        let outcome = deribit_currency(rest, currency, (from_ms, to_ms), &mut told);
        told.lacks(currency, outcome)?;
    }
    told_something(told)
}

fn deribit_currency(
    rest: &Rest,
    currency: &str,
    (from_ms, to_ms): (u64, u64),
    told: &mut Told,
) -> Result<(), RestError> {
    let mut start = from_ms;
    for _ in 0..MOST_PAGES {
        let answer = rest.get(&format!(
            "/api/v2/public/get_last_trades_by_currency_and_time?currency={currency}&kind=future&start_timestamp={start}&end_timestamp={to_ms}&count=1000&sorting=asc"
        ))?;
        let result = answer.get("result").ok_or(RestError::Shape("no result"))?;
        let trades = result.get("trades").and_then(Value::as_array).ok_or(RestError::Shape("no trades"))?;
        let last = trades.last().and_then(|trade| trade.get("timestamp")).and_then(Value::as_u64);
        told.frames.push(json!({"method": "subscription", "params": {"channel": "trades.afterwards", "data": trades}}));
        match (last, result.get("has_more").and_then(Value::as_bool)) {
            (Some(last), Some(true)) if last > start => start = last,
            (_, Some(true)) => break,
            _ => return Ok(()),
        }
    }
    told.has_too_many(currency);
    Ok(())
}

/// OKX answers for one family of instruments at a time.
fn okx(rest: &Rest, contracts: &Contracts, from_ms: u64, to_ms: u64) -> Result<Told, RestError> {
    let family = |name: &str| name.rsplit_once('-').map(|(family, _)| family.to_owned());
    let kind = |name: &str| if name.ends_with("-SWAP") { "SWAP" } else { "FUTURES" };
    let mut families: Vec<(String, &str)> =
        contracts.names(Venue::Okx).filter_map(|name| Some((family(name)?, kind(name)))).collect();
    families.sort();
    families.dedup();
    let mut told = Told::default();
    for (family, kind) in families {
        let outcome = okx_family(rest, (&family, kind), (from_ms, to_ms), &mut told);
        told.lacks(&format!("{kind} of {family}"), outcome)?;
        std::thread::sleep(OKX_PAUSE);
    }
    told_something(told)
}

fn okx_family(
    rest: &Rest,
    (family, kind): (&str, &str),
    (from_ms, to_ms): (u64, u64),
    told: &mut Told,
) -> Result<(), RestError> {
    let mut after = to_ms + 1;
    for _ in 0..MOST_PAGES {
        let path = format!(
            "/api/v5/public/liquidation-orders?instType={kind}&instFamily={family}&state=filled&before={from_ms}&after={after}&limit=100"
        );
        let answer = match rest.get(&path) {
            // Once more: there are hundreds of them, and one that fails in passing is no reason to go without it.
            Err(RestError::Http(_) | RestError::Status(429 | 500..)) => {
                std::thread::sleep(OKX_PAUSE * 10);
                rest.get(&path)?
            }
            answer => answer?,
        };
        // Also what it refuses has a list, of nothing.
        if answer.get("code").and_then(Value::as_str).is_some_and(|code| code != "0") {
            return Err(RestError::Shape("a code other than 0"));
        }
        let data = answer.get("data").and_then(Value::as_array).ok_or(RestError::Shape("no data"))?;
        let times = data.iter().filter_map(|order| order.get("details")?.as_array()).flatten();
        let times: Vec<u64> = times.filter_map(|detail| detail.get("ts")?.as_str()?.parse().ok()).collect();
        told.frames.push(json!({"arg": {"channel": "liquidation-orders"}, "data": data}));
        match times.iter().min() {
            Some(oldest) if times.len() >= 100 && *oldest < after => after = *oldest,
            _ if times.len() >= 100 => break,
            _ => return Ok(()),
        }
        std::thread::sleep(OKX_PAUSE);
    }
    told.has_too_many(&format!("{kind} of {family}"));
    Ok(())
}

/// Parts that are lacking are an error where there is nothing else.
fn told_something(told: Told) -> Result<Told, RestError> {
    if told.frames.is_empty() && !told.lacking.is_empty() {
        Err(RestError::Parts(told.lacking.join(", ")))
    } else {
        Ok(told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_asked_of_a_time_that_ends_before_it_begins() {
        // Nobody listens there.
        let config = VenueConfig { rest_url: Some("http://127.0.0.1:1".to_owned()), ..VenueConfig::default() };
        for venue in [Venue::Bitfinex, Venue::Deribit] {
            let missed = |span| ask(venue, &config, &Contracts::default(), false, span);
            assert!(missed((1_000, 2_000)).is_err(), "{venue:?}");
            let missed = missed((2_000, 1_000)).unwrap();
            assert!(missed.events.is_empty() && missed.lacking.is_empty(), "{venue:?}");
        }
    }
}
