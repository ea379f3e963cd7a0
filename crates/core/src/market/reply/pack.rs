//! Candles as one MessagePack map of columns, for charts and backtests.

use super::rows::StudyColumn;
use crate::grammar::{Decimal, divide_half_even, power_of_ten};
use crate::market::candle::{Candle, QUOTE_SCALE, VOLUME_SCALE};
use crate::market::store::Row;

/// `{"v": 1, "scales": {name: digits behind the point}, "columns": {name: [integers]}}`; null is nil.
pub fn pack_rows(rows: &[Row], studies: &[StudyColumn]) -> Vec<u8> {
    let mut out = Vec::with_capacity(64 + rows.len() * 60);
    let decimals: [(&str, Scaled); 8] = [
        ("open", Scaled::prices(rows, |candle| candle.open)),
        ("high", Scaled::prices(rows, |candle| candle.high)),
        ("low", Scaled::prices(rows, |candle| candle.low)),
        ("close", Scaled::prices(rows, |candle| candle.close)),
        ("volume", Scaled::sums(rows, |candle| Some(candle.volume), VOLUME_SCALE)),
        ("quote_volume", Scaled::sums(rows, |candle| candle.quote, QUOTE_SCALE)),
        ("taker_volume", Scaled::sums(rows, |candle| candle.taker_volume, VOLUME_SCALE)),
        ("taker_quote_volume", Scaled::sums(rows, |candle| candle.taker_quote, QUOTE_SCALE)),
    ];
    // Writing to a Vec cannot fail, so the results carry nothing.
    let _ = rmp::encode::write_map_len(&mut out, 3);
    let _ = rmp::encode::write_str(&mut out, "v");
    let _ = rmp::encode::write_uint(&mut out, 1);
    let _ = rmp::encode::write_str(&mut out, "scales");
    let _ = rmp::encode::write_map_len(&mut out, decimals.len() as u32);
    for (name, column) in &decimals {
        let _ = rmp::encode::write_str(&mut out, name);
        let _ = rmp::encode::write_uint(&mut out, column.scale.into());
    }
    let _ = rmp::encode::write_str(&mut out, "columns");
    let _ = rmp::encode::write_map_len(&mut out, (decimals.len() + 4 + studies.len()) as u32);
    put_integers(&mut out, "start", rows, |row| Some(row.span.start_ms));
    for (name, column) in &decimals {
        head(&mut out, name, rows.len());
        column.values.iter().for_each(|value| put(&mut out, *value));
    }
    put_integers(&mut out, "end", rows, |row| Some(row.span.end_ms.saturating_sub(1)));
    put_integers(&mut out, "trades", rows, |row| row.candle.trades);
    put_integers(&mut out, "state", rows, |row| Some(row.state as u64));
    for study in studies {
        head(&mut out, &study.name, rows.len());
        for value in &study.values {
            match value {
                Some(value) => drop(rmp::encode::write_f64(&mut out, *value)),
                None => drop(rmp::encode::write_nil(&mut out)),
            }
        }
    }
    out
}

fn head(out: &mut Vec<u8>, name: &str, len: usize) {
    let _ = rmp::encode::write_str(out, name);
    let _ = rmp::encode::write_array_len(out, len as u32);
}

fn put(out: &mut Vec<u8>, value: Option<u64>) {
    match value {
        Some(value) => drop(rmp::encode::write_uint(out, value)),
        None => drop(rmp::encode::write_nil(out)),
    }
}

fn put_integers(out: &mut Vec<u8>, name: &str, rows: &[Row], value: impl Fn(&Row) -> Option<u64>) {
    head(out, name, rows.len());
    rows.iter().for_each(|row| put(out, value(row)));
}

/// A column in the least scale that holds it, or in fewer digits where 64 bits have no room.
struct Scaled {
    scale: u8,
    values: Vec<Option<u64>>,
}

impl Scaled {
    fn prices(rows: &[Row], of: impl Fn(&Candle) -> Decimal) -> Self {
        let scale = rows.iter().map(|row| of(&row.candle).scale()).max().unwrap_or(0);
        Self::fitted(rows.iter().map(|row| Some(of(&row.candle).units(scale))), scale, scale)
    }

    fn sums(rows: &[Row], of: impl Fn(&Candle) -> Option<u128>, from: u8) -> Self {
        let mut scale = 0;
        for units in rows.iter().filter_map(|row| of(&row.candle)) {
            while scale < from && !units.is_multiple_of(power_of_ten(from - scale)) {
                scale += 1;
            }
        }
        Self::fitted(rows.iter().map(|row| of(&row.candle)), from, scale)
    }

    /// `units` of 10^-`from` in the scale `scale`, or in less.
    fn fitted(units: impl Iterator<Item = Option<u128>> + Clone, from: u8, scale: u8) -> Self {
        let greatest = units.clone().flatten().max().unwrap_or(0);
        let is_too_great = |scale: u8| divide_half_even(greatest, from - scale) > i64::MAX as u128;
        let scale = (0..=scale).rev().find(|scale| !is_too_great(*scale)).unwrap_or(0);
        // Beyond 64 bits even without a digit behind the point there is only the greatest integer.
        let fit = |units| u64::try_from(divide_half_even(units, from - scale)).unwrap_or(i64::MAX as u64);
        Self { scale, values: units.map(|units| units.map(|units| fit(units).min(i64::MAX as u64))).collect() }
    }
}
