//! Markets against their definition, written slowly: a map per interval over the ticks that were recorded.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests may stop")]

mod altered;
mod captures;
mod definition;
mod detail;
mod feeding;
mod filling;
mod histories;
mod history;
mod layout;
mod listener;
mod order;
mod quotes;
mod tail;
mod tape;
mod told;
mod triggering;
mod venue_rows;
mod vwap;
