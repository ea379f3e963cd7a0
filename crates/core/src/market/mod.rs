//! Markets: the commands `TICK.*`, `CANDLE.*` and `TRIG.*`. One key is one instrument at one venue: its last prices, its
//! newest ticks, its candles, and the triggers that wait for its prices.
//!
//! Below: `tape` (ticks as they came, ids, gaps), `candle` (candles of every interval), `triggers` (stops and
//! take-profits), `studies` (indicators over rows). `store` is the market itself, the door through which all of that is
//! fed, and knows nothing of the rest: `request` is what may be asked, `reply` what is answered, `reading` answers the one
//! with the other, `format` is how a market is saved and replicated.

pub mod candle;
pub mod format;
pub mod reading;
pub mod reply;
pub mod request;
pub mod store;
pub mod studies;
pub mod tape;
pub mod triggers;
