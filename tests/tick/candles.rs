//! CANDLE.RANGE on the server: forms, closing by the clock, options that fall into coarser levels.

use crate::support::{Reply, Server};

const M: u64 = 1_723_161_300_000;

/// A value of a row as text.
pub fn shown(value: &Reply) -> String {
    if value.is_null() {
        return "null".to_owned();
    }
    match value {
        Reply::Int(number) => number.to_string(),
        other => other.text(),
    }
}

#[test]
fn to_a_reader_a_candle_closes_by_the_clock_as_well() {
    let server = Server::start();
    let mut client = server.connect();
    client.run("TICK.CREATE k GRACE 0").ok();
    client.run("TICK.ADD k 1723161300123 buy 5 1");
    let row = client.run("CANDLE.RANGE k 1m");
    assert_eq!(row.array()[0].array()[11].text(), "partial", "years have passed");
    client.run("TICK.CREATE e CLOCK EVENT").ok();
    client.run("TICK.ADD e 1723161300123 buy 5 1");
    assert_eq!(client.run("CANDLE.RANGE e 1m").array()[0].array()[11].text(), "open");
}

#[test]
fn what_a_level_cannot_hold_is_read_from_the_next() {
    let server = Server::start();
    let mut client = server.connect();
    client.run("TICK.CREATE k CLOCK EVENT KEEP 1m 10 KEEP 5m 12").ok();
    for minute in 0..120 {
        client.run(&format!("TICK.ADD k {} buy {} 1", M + minute * 60_000, 100 + minute));
    }
    let count = |client: &mut crate::support::Client, interval: &str| {
        client.run(&format!("CANDLE.RANGE k {interval} - +")).array().len()
    };
    assert_eq!(count(&mut client, "1m"), 10);
    assert_eq!(count(&mut client, "5m"), 14, "twelve held, and two of minutes");
    assert!(count(&mut client, "1h") >= 2);
    let error = client.run("CANDLE.RANGE k 30s").error().to_owned();
    assert_eq!(error, "ERR interval: needs level 1s, which this market does not keep, got '30s'");
    let held = client.run("TICK.INFO k");
    assert_eq!(held.field("candles").field("1m").array()[0].int(), 10);
    client.run("TICK.ALTER k KEEP 1m 5").ok();
    assert_eq!(count(&mut client, "1m"), 5);
    let days = client.run("CANDLE.RANGE k 1d");
    let trades: i64 = days.array().iter().map(|day| day.array()[8].int()).sum();
    assert_eq!((days.array().len(), trades), (2, 120), "no trade is lost, and the day's edge is kept");
}

#[test]
fn packed_columns_hold_the_same_figures() {
    let server = Server::start();
    let mut client = server.connect();
    client.run("TICK.CREATE k CLOCK EVENT").ok();
    for minute in 0..90 {
        client.run(&format!(
            "TICK.ADD k {} {} {}.{} 0.{:03}",
            M + minute * 61_000,
            ["buy", "-"][usize::from(minute == 50)],
            100 + minute,
            minute % 10,
            minute
        ));
    }
    type Columns = std::collections::BTreeMap<String, Vec<Option<i64>>>;
    #[derive(serde::Deserialize)]
    struct Pack {
        v: u8,
        scales: std::collections::BTreeMap<String, u32>,
        columns: Columns,
    }
    let pack: Pack = rmp_serde::from_slice(client.run("CANDLE.RANGE k 1m AS pack").bytes()).unwrap();
    let rows = client.run("CANDLE.RANGE k 1m");
    assert_eq!((pack.v, pack.columns["start"].len()), (1, rows.array().len()));
    let names = [
        "start",
        "open",
        "high",
        "low",
        "close",
        "volume",
        "end",
        "quote_volume",
        "trades",
        "taker_volume",
        "taker_quote_volume",
    ];
    for (place, row) in rows.array().iter().enumerate() {
        for (name, value) in names.iter().zip(row.array()) {
            let packed = pack.columns[*name][place]
                .map(|units| units as f64 / 10_f64.powi(pack.scales.get(*name).copied().unwrap_or(0) as i32));
            assert_eq!(
                packed.map(|value| format!("{value}")).unwrap_or("null".into()),
                shown(value),
                "{name} of row {place}"
            );
        }
    }
    assert_eq!(pack.columns["state"].last(), Some(&Some(0)), "the newest is open");
}

#[test]
fn studies_are_columns_over_the_candles_before_the_first_row_too() {
    let server = Server::start();
    let mut client = server.connect();
    client.run("TICK.CREATE k CLOCK EVENT").ok();
    for minute in 0..40_u64 {
        client.run(&format!("TICK.ADD k {} buy {} 1", M + minute * 60_000, 100 + minute * minute % 17));
    }
    let all = client.run("CANDLE.RANGE k 1m AS ohlcv STUDY SMA 5 STUDY BB 20 2 STUDY RSI 14");
    assert_eq!(all.array()[0].array().len(), 6 + 1 + 3 + 1);
    assert!(all.array()[3].array()[6].is_null() && !all.array()[4].array()[6].is_null());
    let closes: Vec<f64> = all.array().iter().map(|row| row.array()[4].f64()).collect();
    let sma = closes[35..].iter().sum::<f64>() / 5.0;
    assert!((all.array()[39].array()[6].f64() - sma).abs() < 1e-9);
    let newest = client.run("CANDLE.RANGE k 1m AS ohlcv COUNT 3 STUDY SMA 5 STUDY BB 20 2 STUDY RSI 14");
    assert_eq!(newest.array(), &all.array()[37..], "the first row is warmed up");
    let reversed = client.run("CANDLE.RANGE k 1m AS ohlcv REV COUNT 3 STUDY SMA 5 STUDY BB 20 2 STUDY RSI 14");
    let again: Vec<_> = reversed.array().iter().rev().cloned().collect();
    assert_eq!(again, all.array()[37..]);
    assert_eq!(
        client.run("CANDLE.RANGE k 1m STUDY MACD 3").error(),
        "ERR STUDY: must be SMA, EMA, RSI, ATR, ADX, BB or STOCHRSI, got 'MACD'"
    );
    assert_eq!(client.run("CANDLE.RANGE k 1m STUDY SMA 501").error(), "ERR STUDY: must be 1 to 500, got '501'");
    assert_eq!(client.run("CANDLE.RANGE none 1m STUDY SMA 5").array().len(), 0);
}
