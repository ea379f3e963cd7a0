//! Asking venues over HTTP which instruments they list and what their contracts are worth.

use serde_json::Value;

use super::rest::{Rest, RestError};
use crate::config::VenueConfig;
use crate::contract::Contract;
use crate::venue::{Venue, number_of};

const BYBIT_URL: &str = "https://api.bybit.com";
const OKX_URL: &str = "https://www.okx.com";
const BITMEX_URL: &str = "https://www.bitmex.com";
/// Pages of a listing; a venue that has more keeps repeating itself.
const MOST_PAGES: usize = 20;

/// What a venue told.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Listing {
    /// Symbols to subscribe, by connection.
    pub symbols: Vec<Vec<String>>,
    /// Contract sizes.
    pub contracts: Vec<(String, Contract)>,
}

/// Whether a venue has to be asked before it can be streamed, or its contracts understood.
pub fn is_needed(venue: Venue, config: &VenueConfig) -> bool {
    match venue {
        Venue::Bybit => config.symbols.is_none(),
        Venue::Okx | Venue::Bitmex => true,
        _ => false,
    }
}

/// Asks; blocks until the venue has answered.
pub fn ask(venue: Venue, config: &VenueConfig) -> Result<Listing, RestError> {
    match venue {
        Venue::Bybit => {
            let rest = Rest::new(config, BYBIT_URL)?;
            let symbols = vec![bybit(&rest, "linear")?, bybit(&rest, "inverse")?];
            Ok(Listing { symbols, contracts: Vec::new() })
        }
        Venue::Okx => {
            let rest = Rest::new(config, OKX_URL)?;
            let mut contracts = okx(&rest.get("/api/v5/public/instruments?instType=SWAP")?)?;
            contracts.extend(okx(&rest.get("/api/v5/public/instruments?instType=FUTURES")?)?);
            Ok(Listing { symbols: Vec::new(), contracts })
        }
        Venue::Bitmex => {
            let answer = Rest::new(config, BITMEX_URL)?.get("/api/v1/instrument/active")?;
            Ok(Listing { symbols: Vec::new(), contracts: bitmex(&answer)? })
        }
        _ => Ok(Listing::default()),
    }
}

/// The symbols that the configuration names, by Bybit's categories.
pub fn configured(symbols: &[String]) -> Vec<Vec<String>> {
    let (inverse, linear) = symbols.iter().cloned().partition(|symbol| crate::symbol::is_bybit_inverse(symbol));
    vec![linear, inverse]
}

fn bybit(rest: &Rest, category: &str) -> Result<Vec<String>, RestError> {
    let mut symbols = Vec::new();
    let mut cursor = String::new();
    for _ in 0..MOST_PAGES {
        let answer =
            rest.get(&format!("/v5/market/instruments-info?category={category}&limit=1000&cursor={cursor}"))?;
        let result = answer.get("result").ok_or(RestError::Shape("no result"))?;
        let list = result.get("list").and_then(Value::as_array).ok_or(RestError::Shape("no list"))?;
        let trading = list.iter().filter(|item| item.get("status").and_then(Value::as_str) == Some("Trading"));
        symbols.extend(trading.filter_map(|item| Some(item.get("symbol")?.as_str()?.to_owned())));
        match result.get("nextPageCursor").and_then(Value::as_str) {
            Some(next) if !next.is_empty() && next != cursor => next.clone_into(&mut cursor),
            _ => break,
        }
    }
    Ok(symbols)
}

/// Linear contracts are worth `ctVal × ctMult` of the base currency, inverse ones `ctVal` dollars.
fn okx(answer: &Value) -> Result<Vec<(String, Contract)>, RestError> {
    let data = answer.get("data").and_then(Value::as_array).ok_or(RestError::Shape("no data"))?;
    let contract = |item: &Value| {
        let number = |name: &str| item.get(name).and_then(|value| number_of(value).ok()).filter(|value| *value > 0.0);
        let instrument = item.get("instId")?.as_str()?.to_owned();
        let value = number("ctVal")? * number("ctMult").unwrap_or(1.0);
        match item.get("ctType")?.as_str()? {
            "linear" => Some((instrument, Contract::Base(value))),
            "inverse" => Some((instrument, Contract::Quote(value))),
            _ => None,
        }
    };
    Ok(data.iter().filter_map(contract).collect())
}

/// Inverse contracts are one dollar each; linear ones a fraction of the underlying; quantos are neither.
fn bitmex(answer: &Value) -> Result<Vec<(String, Contract)>, RestError> {
    let list = answer.as_array().ok_or(RestError::Shape("no list"))?;
    let contract = |item: &Value| {
        let is = |name: &str| item.get(name).and_then(Value::as_bool).unwrap_or(false);
        let instrument = item.get("symbol")?.as_str()?.to_owned();
        if is("isQuanto") {
            return None;
        }
        if is("isInverse") {
            let in_dollars = item.get("quoteCurrency")?.as_str()? == "USD";
            return in_dollars.then_some((instrument, Contract::Quote(1.0)));
        }
        let per_unit = number_of(item.get("underlyingToPositionMultiplier")?).ok().filter(|value| *value > 0.0)?;
        Some((instrument, Contract::Base(1.0 / per_unit)))
    };
    Ok(list.iter().filter_map(contract).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contract_sizes_are_read_and_quantos_left_out() {
        let answer = serde_json::json!({"data": [
            {"instId": "BTC-USDT-SWAP", "ctVal": "0.01", "ctMult": "1", "ctType": "linear"},
            {"instId": "BTC-USD-SWAP", "ctVal": "100", "ctMult": "1", "ctType": "inverse"},
            {"instId": "ODD", "ctVal": "", "ctMult": "1", "ctType": "linear"},
        ]});
        let expected =
            [("BTC-USDT-SWAP".to_owned(), Contract::Base(0.01)), ("BTC-USD-SWAP".to_owned(), Contract::Quote(100.0))];
        assert_eq!(okx(&answer).unwrap(), expected);
        let answer = serde_json::json!([
            {"symbol": "XBTUSD", "isInverse": true, "isQuanto": false, "quoteCurrency": "USD"},
            {"symbol": "XBTUSDT", "isInverse": false, "isQuanto": false, "underlyingToPositionMultiplier": 1_000_000},
            {"symbol": "ETHUSD", "isInverse": false, "isQuanto": true, "underlyingToPositionMultiplier": null},
        ]);
        let expected = [("XBTUSD".to_owned(), Contract::Quote(1.0)), ("XBTUSDT".to_owned(), Contract::Base(1e-6))];
        assert_eq!(bitmex(&answer).unwrap(), expected);
        assert!(okx(&serde_json::json!({"code": "50011"})).is_err());
    }
}
