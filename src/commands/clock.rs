//! What replaces the server's clock for a command.

use liq_core::grammar::{RequestError, format_duration};

/// What replaces the server's clock may not be far ahead of it.
pub fn check_at(now_ms: u64, at_ms: Option<u64>, max_future_ms: u64) -> Result<(), RequestError> {
    match at_ms {
        Some(at_ms) if at_ms > now_ms.saturating_add(max_future_ms) => {
            let limit = format_duration(max_future_ms);
            let problem = format!("more than {limit} (liq.tick-max-future) ahead of the server's clock");
            Err(RequestError::argument("AT", problem, at_ms.to_string().as_bytes()))
        }
        _ => Ok(()),
    }
}
