//! The cache against real servers: its layers, one load in four processes, what happens while the source or Redis fails,
//! and races of loads with invalidations.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests may stop at a broken assumption"
)]

mod faults;
mod layers;
mod loads;
mod lost;
mod many;
mod processes;
mod races;
mod source;
mod tracked;
