//! What holds for cache, queue and sessions alike, against real servers: clocks that differ, the policies that are shipped,
//! and every step of theirs while Redis fails.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests may stop at a broken assumption"
)]

mod clocks;
mod faults;
mod moved;
mod policies;

use std::time::{Duration, Instant};

/// Long enough that nothing runs out while a slow machine runs the test.
pub const HOUR: Duration = Duration::from_secs(3600);

/// Polls until it holds.
pub async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(120);
    while !condition().await {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
