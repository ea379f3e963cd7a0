//! Triggers against their definition, a loop over all of them at every price, written slowly; and what a price, a trigger
//! and the worst that can be made of them cost.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests may stop"
)]

mod binance;
mod costs;
mod definition;
mod layout;
mod requests;
mod rules;
mod slow;
