//! One struct per command, with `parse` and its inverse `to_args`; server, replication, client and fuzzer share them.
//!
//! Arguments are bytes: nothing here panics on them, nothing believes them before it checked them, and a refusal
//! names the argument. The command name and the key are not part of a request; `parse` starts behind the key.

mod args;
mod error;
mod number;

pub use args::Args;
pub use error::RequestError;
pub use number::{MAX_INTEGER, MAX_TIMESTAMP_MS};
pub use number::{duration_ms, integer, real, timestamp_ms};
pub use number::{format_duration, format_real};
