//! A liquidation bot in one command per event: the series filters, ranks, keeps the VWAP and signals.
//!
//! `REDIS_URL=redis://127.0.0.1/ cargo run --example bot`

use std::time::Duration;

use redis_liq::{
    AddReply, Error, Event, LiqCommands, LiqPipeline, Reply, Scope, SeriesOptions, Side, StatsQuery, Status, Timestamp,
    Vwap, VwapQuery, redis,
};

const KEY: &str = "liq:{BTCUSDT}";

fn main() -> Result<(), Error> {
    run(&std::env::var("REDIS_URL").unwrap_or_else(|_| "redis://127.0.0.1/".into())).map(drop)
}

/// Returns the sides that the bot would trade.
pub fn run(url: &str) -> Result<Vec<Side>, Error> {
    let mut con = redis::Client::open(url)?.get_connection()?;

    // Once: what the bot would otherwise compute for itself. Someone else may have been first.
    let options = SeriesOptions::new()
        .percentile(80.0)
        .min_size(1_000.0)
        .vwap_window(Duration::from_secs(3600))
        .long_offset(1.0)
        .short_offset(1.0)
        .signals("signals:{BTCUSDT}");
    match con.liq_create(KEY, &options) {
        Ok(()) => {}
        Err(Error::KeyExists) => con.liq_alter(KEY, &options)?,
        Err(error) => return Err(error),
    }

    // Per event: one round trip answers everything.
    let mut trades = Vec::new();
    let feed = [
        (Side::Sell, 100_000.0, 5_000.0),
        (Side::Buy, 100_050.0, 8_000.0),
        (Side::Buy, 100_100.0, 12.0),
        (Side::Sell, 99_950.0, 2_500.0),
        (Side::Sell, 98_000.0, 250_000.0),
    ];
    for (side, price, size) in feed {
        let judged = con.liq_add(KEY, &Event::new(Timestamp::Server, side, price, size).exchange("binance"))?;
        print_judgement(size, &judged);
        trades.extend(judged.signal);
    }

    // On demand: statistics and levels, in one round trip too.
    let (p80, vwap): (Vec<Option<f64>>, Reply<Vwap>) = redis::pipe()
        .liq_pctl(KEY, &[80.0], &Scope::default())
        .liq_vwap(KEY, &VwapQuery::default().bands(2.0))
        .query(&mut con)?;
    println!("80th percentile {p80:?}, VWAP {:?}, long entry below {:?}", vwap.vwap, vwap.long_entry);
    let stats = con.liq_stats(KEY, &StatsQuery::of(Scope::window(Duration::from_secs(3600))))?;
    println!("last hour: {} liquidations, {} USD, {:?} a minute", stats.count, stats.volume, stats.per_minute);
    Ok(trades)
}

fn print_judgement(size: f64, judged: &AddReply) {
    match (judged.status, judged.signal) {
        (_, Some(side)) => println!("{size}: {side:?} at {:?} % from the VWAP", judged.deviation),
        (Status::Accepted, None) => println!("{size}: large, rank {:?}", judged.rank),
        (status, None) => println!("{size}: {status:?}"),
    }
}
