//! The layouts of CSV recordings, and how they are told by the first line and the file's name.

use std::path::Path;

use crate::venue::Venue;

/// The layout of a CSV file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Layout {
    /// `symbol, side, type, tif, orig_qty, price, avg_price, status, last_fill, acc_fill, trade_time_ms, usd_size`,
    /// no header, the quote currency USDT usually left out.
    Capture,
    /// `exchange,symbol,timestamp,local_timestamp,id,side,price,amount`, times in microseconds: liquidations.
    Tardis,
    /// The same columns, of trades.
    TardisTrades,
    /// Binance's `liquidationSnapshot`: no symbol in the rows, only in the file's name.
    Snapshot {
        /// The instrument that the file's name told, if any.
        instrument: Option<String>,
    },
    /// Binance's `trades`, `aggTrades` or `klines`.
    Market {
        /// Which of them.
        rows: MarketRows,
        /// The instrument that the file's name told, if any.
        instrument: Option<String>,
        /// Whether the columns are those of spot, where they tell.
        is_spot: bool,
    },
}

/// Binance's files about markets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MarketRows {
    /// Single trades.
    Trades,
    /// Trades of one taker at one price.
    AggTrades,
    /// Candles.
    Klines,
}

impl Layout {
    /// The same about `instrument`, where the rows do not tell.
    #[must_use]
    pub fn about(self, named: Option<String>) -> Self {
        match self {
            Self::Snapshot { instrument } => Self::Snapshot { instrument: named.or(instrument) },
            Self::Market { rows, instrument, is_spot } => {
                Self::Market { rows, instrument: named.or(instrument), is_spot }
            }
            other => other,
        }
    }

    /// Whose rows they are, where `venue` is what was said about it.
    pub fn venue(venue: Option<Venue>, instrument: &str, is_spot: bool) -> Venue {
        venue.unwrap_or(match instrument {
            _ if is_spot => Venue::BinanceSpot,
            name if name.contains("USD_") => Venue::BinanceCm,
            _ => Venue::BinanceUm,
        })
    }

    /// What a file's first line says about the whole, if it is CSV that is known.
    pub fn detect(line: &[u8], path: &Path) -> Option<Self> {
        let fields: Vec<&[u8]> = line.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).collect();
        if line.starts_with(b"exchange,symbol,timestamp") {
            // Trades and liquidations have the same columns; tardis.dev names its files by what they hold.
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            return Some(if name.contains("_trades_") { Self::TardisTrades } else { Self::Tardis });
        }
        let is_snapshot_row = fields.first().is_some_and(|field| is_time(field))
            && fields.get(1).is_some_and(|side| matches!(*side, b"BUY" | b"SELL"));
        if line.starts_with(b"time,side,") || is_snapshot_row {
            return Some(Self::Snapshot { instrument: instrument_of(path) });
        }
        let rows = market_rows(&fields)?;
        let is_spot = match rows {
            MarketRows::Trades => fields.len() == 7,
            MarketRows::AggTrades => fields.len() == 8,
            MarketRows::Klines => false,
        };
        Some(Self::Market { rows, instrument: instrument_of(path), is_spot })
    }
}

fn market_rows(fields: &[&[u8]]) -> Option<MarketRows> {
    let field = |place: usize| fields.get(place).copied().unwrap_or_default();
    let is_flag = |place: usize| matches!(field(place), b"true" | b"false" | b"True" | b"False");
    match (fields.len(), field(0)) {
        (6 | 7, b"id") if field(1) == b"price" => Some(MarketRows::Trades),
        (7 | 8, b"agg_trade_id") => Some(MarketRows::AggTrades),
        (12, b"open_time") => Some(MarketRows::Klines),
        (6 | 7, id) if is_whole(id) && is_time(field(4)) && is_flag(5) => Some(MarketRows::Trades),
        (7 | 8, id) if is_whole(id) && is_time(field(5)) && is_flag(6) => Some(MarketRows::AggTrades),
        (12, start) if is_time(start) && is_time(field(6)) => Some(MarketRows::Klines),
        _ => None,
    }
}

fn is_whole(field: &[u8]) -> bool {
    !field.is_empty() && field.iter().all(u8::is_ascii_digit)
}

/// Unix milliseconds or microseconds of this century.
fn is_time(field: &[u8]) -> bool {
    matches!(field.len(), 13 | 16) && is_whole(field)
}

/// `BTCUSD_PERP-liquidationSnapshot-2023-06-25.csv`, `BTCUSDT-aggTrades-2024-08-08.zip`, `BTCUSDT-1m-2024-08.csv`: what
/// stands before what Binance calls its kinds of files.
pub fn instrument_of(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    let (instrument, rest) = name.split_once('-')?;
    let kind = rest.split('-').next()?;
    let is_interval = kind.strip_suffix(['s', 'm', 'h', 'd']).is_some_and(|count| is_whole(count.as_bytes()));
    (is_interval || matches!(kind, "liquidationSnapshot" | "trades" | "aggTrades")).then(|| instrument.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_and_the_name_tell_the_layout() {
        let snapshot = |instrument: Option<&str>| Layout::Snapshot { instrument: instrument.map(str::to_owned) };
        let market = |rows, instrument: &str, is_spot| Layout::Market {
            rows,
            instrument: Some(instrument.to_owned()).filter(|name| !name.is_empty()),
            is_spot,
        };
        let tardis = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount";
        let kline =
            "1723161240000,61766.20,61839.80,61755.70,61807.80,196.112,1723161299999,12120132.4,2950,103.6,6404690.0,0";
        let cases = [
            (tardis, "x.csv", Some(Layout::Tardis)),
            (tardis, "binance-futures_trades_2024-08-01_BTCUSDT.csv.gz", Some(Layout::TardisTrades)),
            (
                "time,side,order_type,",
                "BTCUSD_PERP-liquidationSnapshot-2023-06-25.csv",
                Some(snapshot(Some("BTCUSD_PERP"))),
            ),
            ("1687651200000,SELL,LIMIT,IOC", "x.csv", Some(snapshot(None))),
            (
                "id,price,qty,quote_qty,time,is_buyer_maker",
                "BTCUSDT-trades-2024-08-08.csv",
                Some(market(MarketRows::Trades, "BTCUSDT", false)),
            ),
            (
                "3735683259,61837.63000000,0.02000000,1236.75,1735689600000123,True,True",
                "BTCUSDT-trades-2025-01-01.csv",
                Some(market(MarketRows::Trades, "BTCUSDT", true)),
            ),
            (
                "26129,0.01633102,4.70443515,27781,27781,1498793709153,true",
                "ETHUSDT-aggTrades-2024-08.csv.gz",
                Some(market(MarketRows::AggTrades, "ETHUSDT", false)),
            ),
            (kline, "BTCUSDT-1m-2024-08-08.csv", Some(market(MarketRows::Klines, "BTCUSDT", false))),
            (kline, "mine.csv", Some(market(MarketRows::Klines, "", false))),
            ("BTC,SELL,LIMIT,IOC,1", "x.csv", None),
        ];
        for (line, path, layout) in cases {
            assert_eq!(Layout::detect(line.as_bytes(), Path::new(path)), layout, "{line}");
        }
    }
}
