//! What both benchmark programs share: requests as bytes, connections that keep a pipeline full, and series to query.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "shared by two benchmark programs, each using a part; a broken assumption must stop the run"
)]

pub mod connections;
pub mod limits;
pub mod markets;
pub mod resp;
pub mod series;
pub mod triggers;
pub mod workload;

pub use connections::Connections;
pub use workload::Workload;
