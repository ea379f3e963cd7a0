//! The venue's own candles by REST: what was before the feed began, and what it missed.

use liq_core::grammar::Decimal;
use liq_core::market::store::VenueRow;
use serde_json::Value;

use super::rest::{Rest, RestError};
use super::shared::CLOCKS_DIFFER_MS;
use crate::config::VenueConfig;
use crate::market::{Candle, MarketItem, Told, level_of};
use crate::venue::{Decoder, Venue, binance, bybit, okx};

const MINUTE_MS: u64 = 60_000;
/// Pages of one answer; a venue that has more keeps repeating itself.
const MOST_PAGES: usize = 20;

/// How long a venue may take to have its candle of a minute that has ended.
pub const CANDLE_IS_MADE_MS: u64 = 3_000;

/// What a venue told of an instrument.
pub struct Minutes {
    /// Its minutes that have ended.
    pub items: Vec<MarketItem>,
    /// Its time when it answered, if it told that, Unix milliseconds.
    pub at_ms: Option<u64>,
}

/// Rows of an answer, and the venue's time as far as it told that.
struct Rows {
    candles: Vec<Candle>,
    at_ms: Option<u64>,
}

/// Asks for the minutes of an instrument from one moment to another, Unix milliseconds, of which the venue answers the
/// newest thousand or so; those that have not ended by what it says are left out. Blocks until the venue has answered.
pub fn ask(
    venue: Venue,
    config: &VenueConfig,
    decoder: &mut Decoder,
    instrument: &str,
    (from_ms, to_ms): (u64, u64),
) -> Result<Minutes, RestError> {
    let (default, most) = match venue {
        Venue::BinanceUm => (binance::UM_REST, 1_500),
        Venue::BinanceSpot => (binance::SPOT_REST, 1_000),
        Venue::Bybit => (bybit::REST, 1_000),
        Venue::Okx => (okx::REST, 1_440),
        _ => return Ok(Minutes { items: Vec::new(), at_ms: None }),
    };
    // Of a clock that was set back.
    let from_ms = from_ms.min(to_ms);
    let rest = &Rest::new(config, default)?;
    let from_ms = from_ms.max(to_ms.saturating_sub(most * MINUTE_MS)) / MINUTE_MS * MINUTE_MS;
    let span = format!("startTime={from_ms}&endTime={to_ms}&limit={most}");
    let mut rows = match venue {
        Venue::BinanceUm => binance(rest, &format!("/fapi/v1/klines?symbol={instrument}&interval=1m&{span}"))?,
        Venue::BinanceSpot => binance(rest, &format!("/api/v3/klines?symbol={instrument}&interval=1m&{span}"))?,
        Venue::Bybit => {
            let span = format!("start={from_ms}&end={to_ms}&limit={most}");
            bybit(rest, &format!("/v5/market/kline?category=linear&symbol={instrument}&interval=1&{span}"))?
        }
        _ => okx(rest, instrument, from_ms, to_ms)?,
    };
    rows.keep_ended(venue, to_ms);
    let Rows { candles, at_ms } = rows;
    let mut items = Vec::with_capacity(candles.len());
    for candle in candles {
        let told = decoder.told(venue, instrument, venue.numbers_trades(), Told::Candle(candle));
        items.push(told.map_err(|_| RestError::Shape("no symbol"))?);
    }
    Ok(Minutes { items, at_ms })
}

impl Rows {
    /// Leaves out minutes that may go on: one has ended when a later one is there, too, or when the venue's time says so.
    /// This machine's clock, `now_ms`, is asked only where the venue told neither, for it may be wrong. OKX marks them.
    fn keep_ended(&mut self, venue: Venue, now_ms: u64) {
        if venue == Venue::Okx {
            return;
        }
        let newest_ms = self.candles.iter().map(|candle| candle.row.start_ms).max().unwrap_or_default();
        let at_ms = self.at_ms.unwrap_or(now_ms.saturating_sub(CLOCKS_DIFFER_MS));
        let made_ms = at_ms.saturating_sub(CANDLE_IS_MADE_MS);
        self.candles.retain(|candle| candle.row.start_ms < newest_ms || candle.end_ms() <= made_ms);
    }
}

fn binance(rest: &Rest, path: &str) -> Result<Rows, RestError> {
    let (answer, at_ms) = rest.get_timed(path)?;
    let rows = answer.as_array().ok_or(RestError::Shape("no list"))?;
    let candles: Result<_, _> = rows.iter().map(|row| candle(row).ok_or(RestError::Shape("no kline"))).collect();
    Ok(Rows { candles: candles?, at_ms })
}

/// Bybit answers newest first: start, open, high, low, close, volume in base units, turnover in quote units.
fn bybit(rest: &Rest, path: &str) -> Result<Rows, RestError> {
    let (answer, told_ms) = rest.get_timed(path)?;
    let at_ms = answer.get("time").and_then(Value::as_u64).or(told_ms);
    let rows = answer.get("result").and_then(|result| result.get("list")?.as_array());
    let rows = rows.ok_or(RestError::Shape("no list"))?;
    let candles: Result<_, _> = rows.iter().map(|row| minute(row, 5, 6).ok_or(RestError::Shape("no kline"))).collect();
    Ok(Rows { candles: candles?, at_ms })
}

/// OKX answers newest first, a page of those before `after`: start, open, high, low, close, volume in contracts (spot: in
/// base units), volume in base units (spot: in quote units), volume in quote units, whether it has ended.
fn okx(rest: &Rest, instrument: &str, from_ms: u64, to_ms: u64) -> Result<Rows, RestError> {
    let volume = if okx::index_of(instrument).is_some() { 6 } else { 5 };
    let (mut candles, mut after, mut at_ms) = (Vec::new(), to_ms + 1, None);
    for _ in 0..MOST_PAGES {
        let (answer, told_ms) =
            rest.get_timed(&format!("/api/v5/market/candles?instId={instrument}&bar=1m&after={after}&limit=300"))?;
        at_ms = told_ms.or(at_ms);
        let rows = answer.get("data").and_then(Value::as_array).ok_or(RestError::Shape("no data"))?;
        let mut oldest_ms = after;
        for row in rows {
            let candle = minute(row, volume, 7).ok_or(RestError::Shape("no candle"))?;
            oldest_ms = oldest_ms.min(candle.row.start_ms);
            let has_ended = row.get(8).and_then(Value::as_str) == Some("1");
            candles.extend(Some(candle).filter(|candle| has_ended && candle.row.start_ms >= from_ms));
        }
        if oldest_ms <= from_ms || oldest_ms >= after {
            break;
        }
        after = oldest_ms;
    }
    Ok(Rows { candles, at_ms })
}

/// A row of texts that begins with start, open, high, low, close, and has the volumes at these places. Nothing is told of
/// trades and takers.
fn minute(row: &Value, volume: usize, quote: usize) -> Option<Candle> {
    let text = |place: usize| row.get(place)?.as_str();
    let number = |place: usize| Decimal::parse(text(place)?.as_bytes()).ok();
    let row = VenueRow {
        start_ms: text(0)?.parse().ok()?,
        prices: [number(1)?, number(2)?, number(3)?, number(4)?],
        volume: number(volume)?,
        quote: Some(number(quote)?),
        trades: None,
        taker_volume: None,
        taker_quote: None,
    };
    Candle { level: level_of(MINUTE_MS)?, row }.checked().ok()
}

/// Binance's kline array: start, open, high, low, close, volume, end, quote volume, trades, taker volumes.
fn candle(row: &Value) -> Option<Candle> {
    let number = |place: usize| Decimal::parse(row.get(place)?.as_str()?.as_bytes()).ok();
    let whole = |place: usize| row.get(place)?.as_u64();
    let start_ms = whole(0)?;
    let level = level_of(whole(6)?.checked_sub(start_ms)? + 1)?;
    let row = VenueRow {
        start_ms,
        prices: [number(1)?, number(2)?, number(3)?, number(4)?],
        volume: number(5)?,
        quote: number(7),
        trades: whole(8),
        taker_volume: number(9),
        taker_quote: number(10),
    };
    Candle { level, row }.checked().ok()
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::sync::mpsc;

    use super::*;
    use crate::contract::Contracts;

    /// 2026-11-23 00:00:00 UTC.
    const MIDNIGHT_MS: u64 = 1_795_392_000_000;

    /// An answer of a venue, with what it says in its header, to whatever is asked.
    fn answering(header: &str, body: &str) -> VenueConfig {
        let (config, _) = answering_paths(header, body);
        config
    }

    fn answering_paths(header: &str, body: &str) -> (VenueConfig, mpsc::Receiver<String>) {
        let (asked, paths) = mpsc::channel();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let rest_url = Some(format!("http://{}", listener.local_addr().unwrap()));
        let answer =
            format!("HTTP/1.1 200 OK\r\n{header}Content-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
        std::thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                let lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
                let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
                let _ = asked.send(head[0].clone());
                let _ = stream.write_all(answer.as_bytes());
            }
        });
        (VenueConfig { rest_url, ..VenueConfig::default() }, paths)
    }

    /// Which of the first minutes behind midnight are taken, by this machine's clock so many milliseconds behind it.
    fn minutes(venue: Venue, config: &VenueConfig, clock_ms: u64) -> Vec<u64> {
        let span = (MIDNIGHT_MS, MIDNIGHT_MS + clock_ms);
        let items = ask(venue, config, &mut Decoder::new(Contracts::default()), "AUSDT", span).unwrap().items;
        let start = |item: &MarketItem| match &item.told {
            Told::Candle(candle) => (candle.row.start_ms - MIDNIGHT_MS) / MINUTE_MS,
            other => panic!("{other:?}"),
        };
        items.iter().map(start).collect()
    }

    #[test]
    fn a_minute_has_ended_when_the_venue_says_so_whatever_this_machines_clock_does() {
        let binance = |start: u64| {
            let start_ms = MIDNIGHT_MS + start * MINUTE_MS;
            format!(r#"[{start_ms},"1","2","1","2","5",{},"9",3,"2","4","0"]"#, start_ms + MINUTE_MS - 1)
        };
        let bybit = |start: u64| format!(r#"["{}","1","2","1","2","5","9"]"#, MIDNIGHT_MS + start * MINUTE_MS);
        let two = format!("[{},{}]", binance(0), binance(1));
        let told = |second: u32| format!("Date: Mon, 23 Nov 2026 00:01:{second:02} GMT\r\n");
        let of_binance = |header: &str, clock_ms| minutes(Venue::BinanceUm, &answering(header, &two), clock_ms);
        // The second minute ends at 120 s.
        assert_eq!(of_binance(&told(57), 121_500), [0], "a clock that is 4.5 s ahead");
        assert_eq!(of_binance("Date: Mon, 23 Nov 2026 00:02:03 GMT\r\n", 110_000), [0, 1], "one that is behind");
        assert_eq!(of_binance("", 124_000), [0], "a venue that tells no time");
        assert_eq!(of_binance("", 128_000), [0, 1]);
        // Bybit's answers tell it more exactly.
        let list = |time: u64| {
            let time_ms = MIDNIGHT_MS + time;
            format!(r#"{{"retCode":0,"result":{{"list":[{},{}]}},"time":{time_ms}}}"#, bybit(1), bybit(0))
        };
        let of_bybit = |time| minutes(Venue::Bybit, &answering("", &list(time)), 124_000);
        assert_eq!([of_bybit(119_900), of_bybit(123_100)], [vec![0], vec![1, 0]]);
    }

    #[test]
    fn nothing_is_asked_from_a_moment_that_is_yet_to_come() {
        let (config, paths) = answering_paths("", "[]");
        let span = (MIDNIGHT_MS + 10 * MINUTE_MS, MIDNIGHT_MS + 30_000);
        ask(Venue::BinanceUm, &config, &mut Decoder::new(Contracts::default()), "AUSDT", span).unwrap();
        let asked = paths.recv().unwrap();
        let expected = format!("startTime={MIDNIGHT_MS}&endTime={}&", MIDNIGHT_MS + 30_000);
        assert!(asked.contains(&expected), "{asked}");
    }
}
