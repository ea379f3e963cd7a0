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

/// The least that holds it, as MessagePack has it: what nearly all of the payload is made of.
#[inline]
fn put(out: &mut Vec<u8>, value: Option<u64>) {
    let Some(value) = value else { return out.push(0xc0) };
    if value < 0x80 {
        out.push(value as u8);
    } else if let Ok(value) = u8::try_from(value) {
        out.extend_from_slice(&[0xcc, value]);
    } else if let Ok(value) = u16::try_from(value) {
        let [a, b] = value.to_be_bytes();
        out.extend_from_slice(&[0xcd, a, b]);
    } else if let Ok(value) = u32::try_from(value) {
        let [a, b, c, d] = value.to_be_bytes();
        out.extend_from_slice(&[0xce, a, b, c, d]);
    } else {
        let [a, b, c, d, e, f, g, h] = value.to_be_bytes();
        out.extend_from_slice(&[0xcf, a, b, c, d, e, f, g, h]);
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
        let mut values = Vec::with_capacity(rows.len());
        for price in rows.iter().map(|row| of(&row.candle)) {
            let power = u64::try_from(power_of_ten(scale - price.scale())).ok();
            let units = power.and_then(|power| price.mantissa().checked_mul(power));
            let Some(units) = units.filter(|units| *units <= GREATEST) else {
                return Self::fitted(rows.iter().map(|row| Some(of(&row.candle).units(scale))), scale, scale);
            };
            values.push(Some(units));
        }
        Self { scale, values }
    }

    fn sums(rows: &[Row], of: impl Fn(&Candle) -> Option<u128>, from: u8) -> Self {
        Self::small_sums(rows, &of, from).unwrap_or_else(|| {
            let units = rows.iter().map(|row| of(&row.candle));
            let scale = units.clone().flatten().fold(0, |scale, units| least(scale, units, from));
            Self::fitted(units, from, scale)
        })
    }

    /// The same where 64 bits have room for all; each is divided once, as hardly any needs a greater scale than those before.
    fn small_sums(rows: &[Row], of: impl Fn(&Candle) -> Option<u128>, from: u8) -> Option<Self> {
        let (mut scale, mut power) = (0, power_of_ten(from));
        let mut values: Vec<Option<u64>> = Vec::with_capacity(rows.len());
        for row in rows {
            let Some(units) = of(&row.candle) else {
                values.push(None);
                continue;
            };
            let mut value = units / power;
            if value * power != units {
                let greater = least(scale, units, from);
                let shift = u64::try_from(power_of_ten(greater - scale)).ok()?;
                for value in values.iter_mut().flatten() {
                    *value = value.checked_mul(shift).filter(|value| *value <= GREATEST)?;
                }
                (scale, power) = (greater, power_of_ten(from - greater));
                value = units / power;
            }
            values.push(Some(u64::try_from(value).ok().filter(|value| *value <= GREATEST)?));
        }
        Some(Self { scale, values })
    }

    /// `units` of 10^-`from` in the scale `scale`, or in less.
    fn fitted(units: impl Iterator<Item = Option<u128>> + Clone, from: u8, scale: u8) -> Self {
        let greatest = units.clone().flatten().max().unwrap_or(0);
        let is_too_great = |scale: u8| divide_half_even(greatest, from - scale) > GREATEST.into();
        let scale = (0..=scale).rev().find(|scale| !is_too_great(*scale)).unwrap_or(0);
        // Beyond 64 bits even without a digit behind the point there is only the greatest integer.
        let fit = |units| u64::try_from(divide_half_even(units, from - scale)).unwrap_or(GREATEST);
        Self { scale, values: units.map(|units| units.map(|units| fit(units).min(GREATEST))).collect() }
    }
}

/// The greatest that a column holds: readers know signed integers.
const GREATEST: u64 = i64::MAX as u64;

/// The least scale from `scale` on in which `units` of 10^-`from` are whole.
fn least(mut scale: u8, units: u128, from: u8) -> u8 {
    while scale < from && !units.is_multiple_of(power_of_ten(from - scale)) {
        scale += 1;
    }
    scale
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test")]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::market::candle::Span;
    use crate::market::store::State;
    use crate::market::tape::Moment;

    fn row(price: Decimal, sum: Option<u128>) -> Row {
        let candle = Candle {
            start_ms: 0,
            open: price,
            high: price,
            low: price,
            close: price,
            volume: 0,
            quote: sum,
            trades: None,
            taker_volume: None,
            taker_quote: None,
            first: Moment::default(),
            last: Moment::default(),
            is_row: false,
        };
        Row { candle, span: Span { start_ms: 0, end_ms: 1 }, state: State::Closed }
    }

    proptest! {
        #[test]
        fn columns_are_in_the_least_scale_that_holds_them(
            parts in proptest::collection::vec((0_u64..1_000_000, 0_u8..=18, 0_u64..4, any::<bool>()), 0..12),
            prices in proptest::collection::vec((0_u64..10_u64.pow(18), 0_u32..60, 0_u8..=15), 0..12),
        ) {
            let sums = parts.iter().map(|(units, scale, more, is_there)| {
                let units = u128::from(*units) * power_of_ten(18 - scale) + u128::from(more / 3) * power_of_ten(37);
                is_there.then_some(units)
            });
            let sums: Vec<Row> = sums.map(|sum| row(Decimal::ZERO, sum)).collect();
            let units = sums.iter().map(|row| row.candle.quote);
            let scale = units.clone().flatten().fold(0, |scale, units| least(scale, units, QUOTE_SCALE));
            let (got, slow) = (Scaled::sums(&sums, |candle| candle.quote, QUOTE_SCALE), Scaled::fitted(units, 18, scale));
            prop_assert_eq!((got.scale, got.values), (slow.scale, slow.values));
            let prices: Vec<Row> = prices
                .iter()
                .map(|(mantissa, shift, scale)| row(Decimal::new(mantissa >> shift, *scale).unwrap(), None))
                .collect();
            let scale = prices.iter().map(|row| row.candle.open.scale()).max().unwrap_or(0);
            let units = prices.iter().map(|row| Some(row.candle.open.units(scale)));
            let (got, slow) = (Scaled::prices(&prices, |candle| candle.open), Scaled::fitted(units, scale, scale));
            prop_assert_eq!((got.scale, got.values), (slow.scale, slow.values));
        }

        #[test]
        fn integers_are_written_as_message_pack_has_them(value: u64, shift in 0_u32..64) {
            let (mut got, mut wanted) = (Vec::new(), Vec::new());
            put(&mut got, Some(value >> shift));
            rmp::encode::write_uint(&mut wanted, value >> shift).unwrap();
            prop_assert_eq!(got, wanted);
        }
    }
}
