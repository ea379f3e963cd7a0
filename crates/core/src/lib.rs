//! The pure core of redis-liq.
//!
//! What lives here: the liquidation series, the rate limiter, the arguments and replies of every command and the
//! frozen disk layouts. What does not: Redis, the clock, I/O, logging. Time is always an argument.
#![forbid(unsafe_code)]

pub mod format;
pub mod limiter;
pub mod reply;
pub mod request;
pub mod series;
