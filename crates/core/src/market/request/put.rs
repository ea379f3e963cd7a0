//! `CANDLE.PUT key level [WHOLE] (OHLCV row … | KLINE row … | PACK payload)`

use super::madd::check_batch_size;
use super::pack::number;
use crate::grammar::{
    Args, Decimal, MAX_INTEGER, MAX_TIMESTAMP_MS, PackReader, RequestError, Scalar, decimal, integer, take_flag,
    timestamp_ms,
};
use crate::market::candle::{UNITS, Unit};
use crate::market::store::{VOLUME_RANGE, VenueRow};
use crate::market::tape::PRICE_RANGE;

/// The arguments of `CANDLE.PUT`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Put {
    /// Candles of which level.
    pub unit: Unit,
    /// The venue has nothing between the rows.
    pub is_whole: bool,
    /// The rows, ascending, each start once.
    pub rows: Vec<VenueRow>,
}

impl Put {
    /// Reads the arguments behind the key; at most `max_rows` rows.
    pub fn parse(args: Args<'_>, max_rows: usize) -> Result<Self, RequestError> {
        Self::parse_placed(args, max_rows).map(|(put, _)| put)
    }

    /// The same, with the place from 1 on at which each row was given.
    pub fn parse_placed(mut args: Args<'_>, max_rows: usize) -> Result<(Self, Vec<usize>), RequestError> {
        let level = args.required()?;
        let unit = UNITS.into_iter().find(|unit| unit.name.as_bytes() == level);
        let unit = unit.ok_or_else(|| RequestError::argument("level", "must be 1s, 1m, 5m, 1h or 1d", level))?;
        let mut is_whole = false;
        let rows = loop {
            let Some(arg) = args.peek() else { return Err(RequestError::Arity) };
            if args.take_keyword("OHLCV") {
                break take_rows(&mut args, "OHLCV", 6, max_rows)?;
            } else if args.take_keyword("KLINE") {
                break take_rows(&mut args, "KLINE", 11, max_rows)?;
            } else if args.take_keyword("PACK") {
                let rows = decode_rows(args.value_of("PACK")?, max_rows)?;
                if let Some(arg) = args.next() {
                    return Err(RequestError::argument("option", "must stand before PACK", arg));
                }
                break rows;
            } else if !take_flag(&mut is_whole, "WHOLE", &mut args)? {
                return Err(RequestError::unknown_option(arg));
            }
        };
        let (rows, places) = checked(rows)?;
        Ok((Self { unit, is_whole, rows }, places))
    }

    /// The inverse of [`Put::parse`], for rows that tell everything.
    pub fn to_args(&self) -> Vec<Vec<u8>> {
        let mut out = vec![self.unit.name.into()];
        if self.is_whole {
            out.push(b"WHOLE".to_vec());
        }
        let is_short = self.rows.iter().any(|row| row.quote.is_none());
        out.push(if is_short { b"OHLCV".to_vec() } else { b"KLINE".to_vec() });
        for row in &self.rows {
            let [open, high, low, close] = row.prices;
            let text = |value: Decimal| value.to_string().into_bytes();
            out.push(row.start_ms.to_string().into_bytes());
            out.extend([open, high, low, close, row.volume].map(text));
            if !is_short {
                out.push(b"0".to_vec());
                out.push(text(row.quote.unwrap_or_default()));
                out.push(row.trades.unwrap_or_default().to_string().into_bytes());
                out.push(text(row.taker_volume.unwrap_or_default()));
                out.push(text(row.taker_quote.unwrap_or_default()));
            }
        }
        out
    }
}

/// The rows by where they begin, and the places at which they were given; refused when one contradicts itself, or another.
fn checked(rows: Vec<VenueRow>) -> Result<(Vec<VenueRow>, Vec<usize>), RequestError> {
    if let Some(place) = rows.iter().position(|row| !row.is_sound()) {
        let [_, high, low, _] = rows.get(place).map(|row| row.prices).unwrap_or_default();
        let problem = "open and close must lie between low and high";
        return Err(RequestError::argument("row", problem, format!("{low} {high}").as_bytes()).in_item(place + 1));
    }
    let mut placed: Vec<(VenueRow, usize)> = rows.into_iter().zip(1..).collect();
    // Stable: of two that begin together the one given later is the second.
    placed.sort_by_key(|(row, _)| row.start_ms);
    let twice = placed.windows(2).find_map(|pair| match pair {
        [(before, _), second] if before.start_ms == second.0.start_ms => Some(second),
        _ => None,
    });
    match twice {
        Some((row, place)) => {
            let got = row.start_ms.to_string();
            Err(RequestError::argument("start", "given more than once", got.as_bytes()).in_item(*place))
        }
        None => Ok(placed.into_iter().unzip()),
    }
}

fn take_rows(
    args: &mut Args<'_>,
    name: &'static str,
    width: usize,
    max_rows: usize,
) -> Result<Vec<VenueRow>, RequestError> {
    if args.is_empty() || !args.len().is_multiple_of(width) {
        return Err(RequestError::Arity);
    }
    let count = args.len() / width;
    check_batch_size(name, count, max_rows)?;
    (1..=count).map(|place| take_row(args, width).map_err(|error| error.in_item(place))).collect()
}

fn take_row(args: &mut Args<'_>, width: usize) -> Result<VenueRow, RequestError> {
    let start_ms = timestamp_ms("start", args.required()?)?;
    let mut price = |name| decimal(name, args.required()?, &PRICE_RANGE);
    let prices = [price("open")?, price("high")?, price("low")?, price("close")?];
    let volume = decimal("volume", args.required()?, &VOLUME_RANGE)?;
    let mut row =
        VenueRow { start_ms, prices, volume, quote: None, trades: None, taker_volume: None, taker_quote: None };
    if width > 6 {
        // The end follows from the start.
        args.required()?;
        row.quote = Some(decimal("quote_volume", args.required()?, &VOLUME_RANGE)?);
        row.trades = Some(integer("trades", args.required()?, 0..=MAX_INTEGER as i64)? as u64);
        row.taker_volume = Some(decimal("taker_volume", args.required()?, &VOLUME_RANGE)?);
        row.taker_quote = Some(decimal("taker_quote_volume", args.required()?, &VOLUME_RANGE)?);
    }
    Ok(row)
}

/// Decodes a payload of at most `max_rows` rows of 6, 11 or 12 columns; the whole of it must be used.
fn decode_rows(payload: &[u8], max_rows: usize) -> Result<Vec<VenueRow>, RequestError> {
    let malformed = |problem: &'static str, got: &[u8]| RequestError::argument("PACK", problem, got);
    let mut reader = PackReader::new(payload);
    let count = reader.array_len().ok_or_else(|| malformed("not a MessagePack array of rows", payload))?;
    check_batch_size("PACK", count, max_rows)?;
    if count == 0 {
        return Err(malformed("holds no rows", payload));
    }
    // A row takes at least 7 bytes, so the bytes present bound the room made for what the header claims.
    let mut rows = Vec::with_capacity(count.min(payload.len() / 7));
    for place in 1..=count {
        rows.push(decode_row(&mut reader).map_err(|error| error.in_item(place))?);
    }
    if reader.rest().is_empty() { Ok(rows) } else { Err(malformed("has bytes behind the rows", reader.rest())) }
}

fn decode_row(reader: &mut PackReader<'_>) -> Result<VenueRow, RequestError> {
    let width = match reader.array_len() {
        Some(width @ (6 | 11 | 12)) => width,
        _ => return Err(RequestError::argument("PACK", "a row is not an array of 6, 11 or 12 columns", reader.rest())),
    };
    let start_ms = whole("start", reader.scalar("start")?, MAX_TIMESTAMP_MS)?;
    let mut price = |name| number(reader.scalar(name)?, name, &PRICE_RANGE);
    let prices = [price("open")?, price("high")?, price("low")?, price("close")?];
    let volume = number(reader.scalar("volume")?, "volume", &VOLUME_RANGE)?;
    let mut row =
        VenueRow { start_ms, prices, volume, quote: None, trades: None, taker_volume: None, taker_quote: None };
    if width > 6 {
        reader.scalar("end")?;
        row.quote = told(reader, "quote_volume")?;
        row.trades = match reader.scalar("trades")? {
            Scalar::Nil => None,
            scalar => Some(whole("trades", scalar, MAX_INTEGER)?),
        };
        row.taker_volume = told(reader, "taker_volume")?;
        row.taker_quote = told(reader, "taker_quote_volume")?;
    }
    if width == 12 {
        reader.scalar("state")?;
    }
    Ok(row)
}

/// A volume, or nil where the venue does not tell.
fn told(reader: &mut PackReader<'_>, name: &'static str) -> Result<Option<Decimal>, RequestError> {
    match reader.scalar(name)? {
        Scalar::Nil => Ok(None),
        scalar => number(scalar, name, &VOLUME_RANGE).map(Some),
    }
}

fn whole(name: &'static str, scalar: Scalar<'_>, max: u64) -> Result<u64, RequestError> {
    match scalar {
        Scalar::Integer(value @ 0..) if value as u64 <= max => Ok(value as u64),
        Scalar::Bytes(text) => integer(name, text, 0..=max as i64).map(|value| value as u64),
        other => Err(other.refused(name, format!("not an integer from 0 to {max}"))),
    }
}
