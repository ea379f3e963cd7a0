//! Real tapes against the exchange's own candles. The captures lie beside the repository; without them nothing is shown.

use std::io::Read;
use std::path::PathBuf;

use liq_core::market::candle::{QUOTE_SCALE, VOLUME_SCALE};
use liq_core::market::store::{Market, State, Status, Time};

use liq_core::grammar::PlainBuffer;
use liq_core::market::request::Put;

use crate::tape::{add, feed, market, rows, rows_at};

/// The text of a capture, unpacked; `None`, said aloud, where there is none.
pub fn capture(path: &str) -> Option<String> {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(path);
    let main = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../../shared/data").join(path);
    let Ok(bytes) = std::fs::read(file).or_else(|_| std::fs::read(main)) else {
        eprintln!("not shown: {path} is not there");
        return None;
    };
    let mut text = String::new();
    if path.ends_with(".gz") {
        flate2::read::GzDecoder::new(&*bytes).read_to_string(&mut text).unwrap();
    } else {
        text = String::from_utf8(bytes).unwrap();
    }
    Some(text)
}

/// The value of a field of flat JSON.
fn field<'a>(json: &'a str, name: &str) -> &'a str {
    let key = format!("\"{name}\":");
    let rest = json[json.find(&key).unwrap() + key.len()..].trim_start_matches('"');
    &rest[..rest.find(['"', ',', '}']).unwrap()]
}

/// The kline of an exchange: start, four prices, volume, quote volume, trades, taker volume, taker quote volume.
fn nine_columns(market: &Market) -> Vec<(u64, State, [String; 9])> {
    let columns = |row: &liq_core::market::store::Row| {
        let candle = &row.candle;
        let sum = |units: u128, scale| PlainBuffer::new().units(units, scale).to_owned();
        let columns = [
            candle.open.to_string(),
            candle.high.to_string(),
            candle.low.to_string(),
            candle.close.to_string(),
            sum(candle.volume, VOLUME_SCALE),
            sum(candle.quote.unwrap(), QUOTE_SCALE),
            candle.trades.unwrap().to_string(),
            sum(candle.taker_volume.unwrap(), VOLUME_SCALE),
            sum(candle.taker_quote.unwrap(), QUOTE_SCALE),
        ];
        (row.span.start_ms, row.state, columns)
    };
    // By the clock the last minute is closed too.
    rows_at(market, "1m - + COUNT 5000", Time::new(2_000_000_000_000, 0)).iter().map(columns).collect()
}

fn plain(text: &str) -> String {
    if !text.contains('.') {
        return text.to_owned();
    }
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[test]
fn minutes_of_a_perpetual_equal_the_exchanges_in_nine_columns() {
    let Some(tape) = capture("ticks/binance_um_btcusdt_trade_20240808_hftbt.ndjson.gz") else { return };
    let klines = capture("klines/binance_um_btcusdt_1m_20240808T2354_20240809T0005.csv").unwrap();
    let mut market = market("ORDER ID");
    let mut count = 0;
    for line in tape.lines().filter(|line| line.contains("\"e\":\"trade\"")) {
        let side = if field(line, "m") == "true" { "sell" } else { "buy" };
        // What is no trade on the market comes with a price of 0, or as an insurance fund's fill.
        let price = if field(line, "X") == "MARKET" { field(line, "p") } else { "-" };
        let words = format!("{} {side} {price} {} ID {}", field(line, "T"), field(line, "q"), field(line, "t"));
        let words: Vec<&[u8]> = words.split(' ').map(str::as_bytes).collect();
        let request = liq_core::market::request::Add::parse(liq_core::grammar::Args::new(&words)).unwrap();
        let status = market.add(
            &request.tick.resolve(0, false),
            crate::tape::early(),
            crate::tape::NEVER,
            &mut liq_core::market::store::Changes::default(),
        );
        assert!(matches!(status, Status::Accepted | Status::Merged | Status::Void), "{status:?}");
        count += 1;
    }
    market.check();
    assert!(count > 21_000, "{count}");
    let built = nine_columns(&market);
    let mut equal = 0;
    for (start_ms, _, columns) in built.iter().filter(|(_, state, _)| *state == State::Closed) {
        let line = klines.lines().find(|line| line.starts_with(&start_ms.to_string())).unwrap();
        let theirs: Vec<&str> = line.split(',').collect();
        let theirs = [1, 2, 3, 4, 5, 7, 8, 9, 10].map(|place: usize| plain(theirs[place]));
        assert_eq!(*columns, theirs, "{start_ms}");
        equal += 1;
    }
    assert_eq!(equal, 5, "every full minute of the capture");
}

#[test]
fn minutes_of_a_sparse_market_equal_the_exchanges() {
    let Some(tape) = capture("ticks/binance_spot_xrpeth_aggtrades_20191011_freqtrade.json.gz") else { return };
    let klines = capture("klines/xrpeth_1m_20191011_freqtrade.csv").unwrap();
    let mut market = market("ORDER ID KEEP 1m 10000");
    for item in tape.split("{\"info\":").skip(1) {
        let side = if field(item, "m") == "true" { "sell" } else { "buy" };
        let words = format!(
            "{} {side} {} {} ID {}-{}",
            field(item, "T"),
            field(item, "p"),
            field(item, "q"),
            field(item, "f"),
            field(item, "l")
        )
        .replace(&format!("{0}-{0}", field(item, "f")), field(item, "f"));
        let words: Vec<&[u8]> = words.split(' ').map(str::as_bytes).collect();
        let request = liq_core::market::request::Add::parse(liq_core::grammar::Args::new(&words)).unwrap();
        let status = market.add(
            &request.tick.resolve(0, false),
            crate::tape::early(),
            crate::tape::NEVER,
            &mut liq_core::market::store::Changes::default(),
        );
        assert_eq!(status, Status::Accepted, "{item}");
    }
    market.check();
    let built = nine_columns(&market);
    let mut equal = 0;
    for (line, (_, _, columns)) in klines.lines().skip(1).zip(&built) {
        let theirs: Vec<String> = line.split(',').skip(1).map(plain).collect();
        assert_eq!(columns[..5], theirs[..], "{line}");
        equal += 1;
    }
    assert_eq!((equal, built.len(), klines.lines().count() - 1), (2469, 2469, 2469));
    assert_eq!(market.gaps().list().len(), 1, "aggregated ids are whole");
}

#[test]
fn a_minute_of_all_columns_takes_few_bytes() {
    let Some(tape) = capture("ticks/binance_spot_btcusdt_trade_20240808_09_hftbt.ndjson.gz") else { return };
    let mut market = market("ORDER ID KEEP 1s 1000 TAIL 65536");
    for line in tape.lines().filter(|line| line.contains("\"e\":\"trade\"")) {
        let side = if field(line, "m") == "true" { "sell" } else { "buy" };
        let words =
            format!("{} {side} {} {} ID {}", field(line, "T"), field(line, "p"), field(line, "q"), field(line, "t"));
        let words: Vec<&[u8]> = words.split(' ').map(str::as_bytes).collect();
        let request = liq_core::market::request::Add::parse(liq_core::grammar::Args::new(&words)).unwrap();
        feed_report(&mut market, &request);
    }
    market.check();
    let mut candles = 0;
    market.levels().measure(&mut |_, bytes| candles += bytes);
    let mut ticks = 0;
    market.tail().measure(&mut |_, bytes| ticks += bytes);
    let held: usize = market.levels().list().iter().map(|level| level.len()).sum();
    let (per_candle, per_tick) = (candles as f64 / held as f64, ticks as f64 / market.tail().len() as f64);
    println!("{held} candles of {per_candle:.1} bytes, {} ticks of {per_tick:.1} bytes", market.tail().len());
    assert!(per_candle <= 45.0 && per_tick <= 8.0, "{per_candle} {per_tick}");
}

fn feed_report(market: &mut Market, request: &liq_core::market::request::Add<'_>) {
    let report = request.tick.resolve(0, false);
    market.add(&report, crate::tape::early(), crate::tape::NEVER, &mut liq_core::market::store::Changes::default());
}

#[test]
fn hours_become_four_hours_and_days_as_the_exchange_has_them() {
    let Some(hours) = capture("klines/binance_spot_btcusdt_1h_20230622_20260622_murloc.csv.gz") else { return };
    let mut market = market("KEEP 1m 0 KEEP 5m 0 KEEP 1h 30000 ANNOUNCE 1d");
    let row = |line: &str| {
        let columns: Vec<&str> = line.split(',').collect();
        format!("{} {}", moment(columns[0]), columns[1..6].join(" "))
    };
    let rows_of: Vec<String> = hours.lines().skip(1).map(row).collect();
    assert_eq!(rows_of.len(), 26_309);
    // Newest first, as some exchanges answer.
    for page in rows_of.rchunks(5_000) {
        let line = format!("1h OHLCV {}", page.iter().rev().cloned().collect::<Vec<_>>().join(" "));
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        let request = Put::parse(liq_core::grammar::Args::new(&words), 5_000).unwrap();
        let tally = market.put_rows(request.unit, &request.rows, false, None);
        assert_eq!(tally.inserted, page.len() as u64, "{tally:?}");
    }
    market.check();
    for (interval, file) in [("4h", "4h"), ("1d", "1d")] {
        let theirs = capture(&format!("klines/binance_spot_btcusdt_{file}_20230622_20260622_murloc.csv.gz")).unwrap();
        let mut all = Vec::new();
        let mut from = 0;
        loop {
            let page = rows(&market, &format!("{interval} {from} + COUNT 5000"));
            let Some(last) = page.last() else { break };
            from = last.span.start_ms + 1;
            all.extend(page);
        }
        let mut equal = 0;
        // The last day was still going on when the files were fetched, one after the other.
        for line in theirs.lines().skip(1).filter(|line| !line.starts_with("2026-06-22")) {
            let columns: Vec<&str> = line.split(',').collect();
            let start_ms = moment(columns[0]);
            let Some(row) = all.iter().find(|row| row.span.start_ms == start_ms) else { continue };
            let ours =
                [row.candle.open, row.candle.high, row.candle.low, row.candle.close].map(|price| price.to_string());
            assert_eq!(ours.to_vec(), columns[1..5].iter().map(|text| plain(text)).collect::<Vec<_>>(), "{line}");
            assert_eq!(PlainBuffer::new().units(row.candle.volume, VOLUME_SCALE), plain(columns[5]), "{line}");
            equal += 1;
        }
        assert!(equal > if file == "4h" { 6_000 } else { 1_000 }, "{file}: {equal}");
    }
}

/// `2023-06-22 09:00:00+00:00` in Unix milliseconds.
fn moment(text: &str) -> u64 {
    let number = |range: std::ops::Range<usize>| text[range].parse::<u64>().unwrap();
    let (year, month, day) = (number(0..4), number(5..7), number(8..10));
    let is_leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let years: u64 = (1970..year).map(|year| 365 + u64::from(is_leap(year))).sum();
    let lengths = [31, 28 + u64::from(is_leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let days = years + lengths[..month as usize - 1].iter().sum::<u64>() + day - 1;
    ((days * 24 + number(11..13)) * 60 + number(14..16)) * 60_000
}

#[test]
fn the_moment_of_a_tick_is_held_whole() {
    let mut market = market("");
    assert_eq!(add(&mut market, "1723161300123 buy 61755.70 0.012 ID x").0, Status::Accepted);
    let line = crate::tape::Line {
        ts_ms: 1_723_161_300_124,
        side: liq_core::market::tape::Side::Sell,
        price: crate::tape::decimal("1e-12"),
        qty: crate::tape::decimal("1e15"),
        id: None,
    };
    assert_eq!(feed(&mut market, &line), Status::Accepted);
    assert_eq!(rows(&market, "1m")[0].candle.low.to_string(), "0.000000000001");
}
