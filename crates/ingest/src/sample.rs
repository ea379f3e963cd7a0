//! A recording that anybody can make: liquidations of a generated market as rows of a capture. The same seed gives the
//! same rows.

use std::io::{self, Write};

use liq_sample::{Contract, DOZEN, Liquidation, market};

/// When the generated market begins, Unix milliseconds: 2026-01-01.
pub const START_MS: u64 = 1_767_225_600_000;
const HOUR_MS: u64 = 3_600_000;

/// Writes so many hours of a dozen contracts, in time order; answers how many rows that were.
pub fn write(out: &mut impl Write, seed: u64, hours: u64) -> io::Result<u64> {
    let events = market(&DOZEN, seed, START_MS, hours * HOUR_MS);
    for (contract, event) in &events {
        writeln!(out, "{}", row(contract, event))?;
    }
    out.flush()?;
    Ok(events.len() as u64)
}

/// A row as recorders of Binance's forced orders write it.
pub fn row(contract: &Contract, event: &Liquidation) -> String {
    let base = contract.symbol.trim_end_matches("USDT");
    let Liquidation { ts_ms, side, price, size } = event;
    let (side, quantity) = (side.to_uppercase(), size / price);
    let limit = price * 1.01;
    format!("{base},{side},LIMIT,IOC,{quantity:.6},{limit:.7},{price},FILLED,0.001,{quantity:.6},{ts_ms},{size:.4}")
}
