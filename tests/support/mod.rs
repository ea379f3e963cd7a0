//! What the black-box tests stand on: throwaway servers with the built module (`crates/harness`), captures, and the slow
//! exact definition that every reply is compared with. No expectations live here.
//!
//! Each family of commands has one test program, `tests/<family>/main.rs`, with a file per concern: one link instead of
//! many, and all of its tests run in parallel.
#![allow(
    dead_code,
    unused_imports,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "shared by several test programs, each using a part; a broken assumption must stop the test"
)]

pub mod dump;
pub mod failover;
pub mod feed;
pub mod judge;
pub mod neighbour;
pub mod oracle;
pub mod primary;
pub mod shifted;

pub use liq_harness::{Client, Options, Reply, Server, client, cluster, module, reply, server};
