//! LIQ.* by its written contract, against a real server with the built module. One file per concern.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a broken assumption must stop a test"
)]

#[path = "../support/mod.rs"]
mod support;

mod accepted;
mod adding;
mod arrivals;
mod batches;
mod beside_markets;

mod captures;
mod changed_while_full;
mod cluster;
mod command_table;
mod configuration;
mod defragmentation;
mod expiry;
mod extremes;
mod faults;
mod hostile_commands;
mod hostile_dumps;
mod keyspace_events;
mod malformed_payloads;
mod memory;
mod memory_modes;
mod neighbours;
mod options;
mod persistence;
mod random_series;
mod ranges_and_digests;
mod reads;
mod refusals;
mod replication;
mod reply_shapes;
mod signals;
mod slot_migration;
mod trim;
mod twin;
mod wide_panes;
mod windows_beyond_the_tail;
mod wording;
