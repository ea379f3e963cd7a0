//! Canonical symbols (`BTCUSDT`: base and quote currency run together) from each venue's instrument names.

use std::sync::Arc;

use fnv::FnvHashMap;

use crate::event::Reject;

/// The longest canonical symbol, in bytes.
pub const LONGEST_SYMBOL: usize = 48;

/// More names than any venue lists; beyond them the memory of names starts anew.
const MOST_NAMES: usize = 65_536;

/// Letters that stand for the delivery month in dated instruments.
const MONTHS: &[u8] = b"FGHJKMNQUVXZ";

/// Binance and its likenesses: `BTCUSDT`, `BTCUSDT_250926`, `BTCUSD_PERP`.
pub fn binance(instrument: &str) -> Result<String, Reject> {
    checked(instrument.split('_').next().unwrap_or_default().to_owned())
}

/// Binance captures that drop the quote currency: `BTC` beside `BTCUSDT`, `ETHUSDC` and the dated `BTC_250627`.
///
/// A first row may be glued to the greeting that the recorder printed: what ends such a field is the symbol.
pub fn capture(field: &str) -> Result<String, Reject> {
    let glued = field.contains(' ');
    let is_symbol = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    let start = if glued { field.trim_end_matches(is_symbol).len() } else { 0 };
    let mut symbol = binance(field.get(start..).unwrap_or_default())?;
    let has_quote = ["USDT", "USDC"].iter().any(|quote| symbol.len() > quote.len() && symbol.ends_with(quote));
    if !has_quote {
        symbol.push_str("USDT");
    }
    Ok(symbol)
}

/// The same, told from its pair: `BTC_250627` is `BTCUSDT_250627`.
pub fn capture_own(field: &str) -> Result<String, Reject> {
    let pair = capture(field)?;
    match field.rsplit_once('_') {
        Some((_, date)) => checked(format!("{pair}_{date}")),
        None => Ok(pair),
    }
}

/// Bybit: `BTCUSDT`, `BTCUSDT-26JUN26`, `BTCPERP` and `BTC-26JUN26` (USDC), `BTCUSD`, `BTCUSDM26`.
pub fn bybit(instrument: &str) -> Result<String, Reject> {
    let (pair, dated) = instrument.split_once('-').map_or((instrument, false), |(pair, _)| (pair, true));
    if let Some(base) = pair.strip_suffix("PERP") {
        return checked(format!("{base}USDC"));
    }
    if dated && !pair.ends_with("USDT") {
        return checked(format!("{pair}USDC"));
    }
    checked(without_month(pair).to_owned())
}

/// Whether a Bybit instrument is settled in its base currency, and so sized in dollars.
pub fn is_bybit_inverse(instrument: &str) -> bool {
    without_month(instrument).ends_with("USD")
}

/// OKX: `BTC-USDT-SWAP`, `BTC-USD-260626`.
pub fn okx(instrument: &str) -> Result<String, Reject> {
    let mut parts = instrument.split('-');
    match (parts.next(), parts.next()) {
        (Some(base), Some(quote)) if !quote.is_empty() => checked(format!("{base}{quote}")),
        _ => Err(Reject::BadSymbol),
    }
}

/// BitMEX: `XBTUSD`, `XBTUSDT`, `ETHUSD_ETH`; dated ones keep the month (`TRXZ19`), their quote differs.
pub fn bitmex(instrument: &str) -> Result<String, Reject> {
    let pair = instrument.split('_').next().unwrap_or_default();
    let named = pair.strip_prefix("XBT").map_or_else(|| pair.to_owned(), |rest| format!("BTC{rest}"));
    checked(named)
}

/// BitMEX, by its pair: `XBTZ25` and `ETHUSDZ25` are contracts on what their dollar perpetuals are on; of others (`TRXZ19`)
/// the quote is not in the name, and they keep theirs.
pub fn bitmex_pair(instrument: &str) -> Result<String, Reject> {
    let is_month = |tail: &str| matches!(tail.as_bytes(), [month, tens, ones] if MONTHS.contains(month) && tens.is_ascii_digit() && ones.is_ascii_digit());
    if instrument.strip_prefix("XBT").is_some_and(is_month) {
        return Ok("BTCUSD".to_owned());
    }
    bitmex(without_month(instrument))
}

/// Deribit: `BTC-PERPETUAL` and `BTC-26JUN26` (dollars), `SOL_USDC-PERPETUAL`; options are refused.
pub fn deribit(instrument: &str) -> Result<String, Reject> {
    let mut parts = instrument.split('-');
    let (pair, _expiry, strike) = (parts.next().unwrap_or_default(), parts.next(), parts.next());
    if strike.is_some() {
        return Err(Reject::OptionInstrument);
    }
    match pair.split_once('_') {
        Some((base, quote)) => checked(format!("{base}{quote}")),
        None if pair.is_empty() => Err(Reject::BadSymbol),
        None => checked(format!("{pair}USD")),
    }
}

/// Bitfinex: `tBTCF0:USTF0` (UST is its name of USDT), `tBTCUSD`, `tDUSK:USD`; tardis.dev leaves the `t` out.
pub fn bitfinex(instrument: &str) -> Result<String, Reject> {
    let pair = instrument.strip_prefix('t').unwrap_or(instrument);
    if pair.len() < 4 {
        return Err(Reject::BadSymbol);
    }
    let (base, quote) = match pair.split_once(':') {
        Some(parts) => parts,
        None => pair.split_at_checked(pair.len().saturating_sub(3)).ok_or(Reject::BadSymbol)?,
    };
    let plain = |currency: &str| match currency.strip_suffix("F0").unwrap_or(currency) {
        "UST" => "USDT".to_owned(),
        other => other.to_owned(),
    };
    let (base, quote) = (plain(base), plain(quote));
    if base.is_empty() { Err(Reject::BadSymbol) } else { checked(base + &quote) }
}

/// Binance, told from its pair: dated ones keep their own name.
pub fn binance_own(instrument: &str) -> Result<String, Reject> {
    match instrument.split_once('_') {
        None | Some((_, "PERP")) => binance(instrument),
        Some(_) => checked(instrument.to_owned()),
    }
}

/// Bybit, told from its pair: dated ones keep their own name.
pub fn bybit_own(instrument: &str) -> Result<String, Reject> {
    let is_dated = instrument.contains('-') || without_month(instrument) != instrument;
    if is_dated { checked(instrument.to_owned()) } else { bybit(instrument) }
}

/// OKX, told from its pair: only perpetuals are called by their pair, for spot is another market beside them.
pub fn okx_own(instrument: &str) -> Result<String, Reject> {
    if instrument.ends_with("-SWAP") { okx(instrument) } else { checked(instrument.to_owned()) }
}

/// Deribit, told from its pair: dated ones keep their own name.
pub fn deribit_own(instrument: &str) -> Result<String, Reject> {
    if instrument.ends_with("-PERPETUAL") { deribit(instrument) } else { checked(instrument.to_owned()) }
}

/// `BTCUSDM26` without the month and year.
pub fn without_month(pair: &str) -> &str {
    let Some((head, tail)) = pair.len().checked_sub(3).and_then(|at| pair.split_at_checked(at)) else { return pair };
    match tail.as_bytes() {
        [month, tens, ones]
            if MONTHS.contains(month) && tens.is_ascii_digit() && ones.is_ascii_digit() && head.ends_with("USD") =>
        {
            head
        }
        _ => pair,
    }
}

/// A symbol that may stand in a key: not empty, not long, without blanks, braces or control characters.
pub fn checked(symbol: String) -> Result<String, Reject> {
    let odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '{' | '}' | '<' | '>' | '"' | ',');
    if symbol.is_empty() || symbol.len() > LONGEST_SYMBOL || symbol.contains(odd) {
        return Err(Reject::BadSymbol);
    }
    Ok(symbol)
}

/// Names that were seen before, so that an event costs a look-up and no allocation.
#[derive(Debug, Default)]
pub struct Names {
    known: FnvHashMap<Box<str>, Result<Arc<str>, Reject>>,
}

impl Names {
    /// The canonical name of `raw`, found by `canonical` when it was not asked before.
    pub fn get(&mut self, raw: &str, canonical: fn(&str) -> Result<String, Reject>) -> Result<Arc<str>, Reject> {
        if let Some(name) = self.known.get(raw) {
            return name.clone();
        }
        let name = canonical(raw).map(Arc::from);
        if raw.len() <= 2 * LONGEST_SYMBOL {
            if self.known.len() >= MOST_NAMES {
                self.known.clear();
            }
            self.known.insert(raw.into(), name.clone());
        }
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_pair_gives_one_symbol() {
        type Canonical = fn(&str) -> Result<String, Reject>;
        let cases: [(Canonical, &str, &str); 42] = [
            (binance, "BTCUSDT", "BTCUSDT"),
            (binance, "BTCUSDT_250926", "BTCUSDT"),
            (binance, "BTCUSD_PERP", "BTCUSD"),
            (binance, "币安人生USDT", "币安人生USDT"),
            (capture, "BTC", "BTCUSDT"),
            (capture, "BTCUSDT", "BTCUSDT"),
            (capture, "ETHUSDC", "ETHUSDC"),
            (capture, "USDC", "USDCUSDT"),
            (capture, "1000PEPE", "1000PEPEUSDT"),
            (capture, "Hello Arbitrage Trading BotADA", "ADAUSDT"),
            (capture, "Hello Arbitrage Trading BotIP", "IPUSDT"),
            (bybit, "BTCUSDT", "BTCUSDT"),
            (bybit, "BTCPERP", "BTCUSDC"),
            (bybit, "BTC-26JUN26", "BTCUSDC"),
            (bybit, "BTCUSDT-26JUN26", "BTCUSDT"),
            (bybit, "BTCUSDM26", "BTCUSD"),
            (okx, "BTC-USDT-SWAP", "BTCUSDT"),
            (okx, "BTC-USD-260626", "BTCUSD"),
            (bitmex, "XBTUSD", "BTCUSD"),
            (bitmex, "XBTUSDT", "BTCUSDT"),
            (bitmex, "ETHUSD_ETH", "ETHUSD"),
            (deribit, "BTC-PERPETUAL", "BTCUSD"),
            (deribit, "SOL_USDC-PERPETUAL", "SOLUSDC"),
            (deribit, "ETH-26JUN26", "ETHUSD"),
            (bitfinex, "tBTCF0:USTF0", "BTCUSDT"),
            (bitfinex, "BTCF0:USTF0", "BTCUSDT"),
            (bitfinex, "tBTCUSD", "BTCUSD"),
            (bitfinex, "tDUSK:USD", "DUSKUSD"),
            (bitmex_pair, "XBTZ25", "BTCUSD"),
            (bitmex_pair, "ETHUSDZ25", "ETHUSD"),
            (bitmex_pair, "TRXZ19", "TRXZ19"),
            (bitmex_pair, "XBTUSDT", "BTCUSDT"),
            (capture, "BTC_250627", "BTCUSDT"),
            (capture_own, "BTC_250627", "BTCUSDT_250627"),
            (capture_own, "Hello Arbitrage Trading BotADA", "ADAUSDT"),
            (binance_own, "BTCUSDT_250926", "BTCUSDT_250926"),
            (binance_own, "BTCUSD_PERP", "BTCUSD"),
            (bybit_own, "BTCUSDT-26JUN26", "BTCUSDT-26JUN26"),
            (bybit_own, "BTCPERP", "BTCUSDC"),
            (okx_own, "BTC-USD-260626", "BTC-USD-260626"),
            (okx_own, "BTC-USDT-SWAP", "BTCUSDT"),
            (deribit_own, "ETH-26JUN26", "ETH-26JUN26"),
        ];
        for (canonical, instrument, expected) in cases {
            assert_eq!(canonical(instrument).as_deref(), Ok(expected), "{instrument}");
        }
        assert_eq!(deribit("BTC-26JUN26-100000-C"), Err(Reject::OptionInstrument));
    }

    #[test]
    fn what_names_no_pair_is_refused() {
        for field in ["", "<generator object x>", "a{b}", &"X".repeat(49)] {
            assert_eq!(binance(field), Err(Reject::BadSymbol), "{field}");
        }
        for (canonical, field) in [(okx as fn(&str) -> _, "BTC"), (okx, "BTC-"), (bitfinex, "BTC"), (bitfinex, "t")] {
            assert!(canonical(field).is_err(), "{field}");
        }
    }

    #[test]
    fn inverse_instruments_are_told_apart() {
        assert!(is_bybit_inverse("BTCUSD") && is_bybit_inverse("BTCUSDM26"));
        assert!(!is_bybit_inverse("BTCUSDT") && !is_bybit_inverse("BTCPERP"));
    }
}
