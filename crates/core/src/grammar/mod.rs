//! The words that all families speak: arguments, numbers, exact decimals, durations, percentiles, options, and why they are refused.
//!
//! Arguments are bytes: nothing here panics on them, nothing believes them before it checked them, and a refusal names
//! the argument. What the arguments of one command are is its family's business.

mod args;
mod decimal;
mod error;
mod message_pack;
mod number;
mod option;
mod percentile;
mod plain;
#[cfg(feature = "rust_decimal")]
mod rust_decimal;
mod size;

pub use args::Args;
pub use decimal::{Decimal, DecimalError, MAX_SCALE, decimal, divide_half_even, power_of_ten};
pub use error::RequestError;
pub use message_pack::{PackReader, Scalar};
pub use number::{MAX_INTEGER, MAX_TIMESTAMP_MS};
pub use number::{duration_ms, integer, real, timestamp_ms};
pub use number::{format_duration, format_real, format_single};
pub use option::{push_option, set_once, take_flag};
pub use percentile::{Percentile, percentile};
pub use plain::PlainBuffer;
pub use size::{bytes, format_bytes};
