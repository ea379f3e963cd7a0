//! A series of liquidation events and what can be asked of it.
//!
//! `Series` is the door: it judges and records events, and answers every read. Behind it stand the events (a raw
//! `Tail` and an `Archive` of panes), which are saved, and the `Cursors` over them, which are derived and never saved.

mod archive;
mod blocks;
mod bucket;
mod cursors;
mod event;
mod events;
mod heap;
mod histogram;
mod judgement;
mod names;
mod options;
mod order;
mod packed;
mod pane;
mod raw_event;
mod reading;
mod recording;
mod sums;
mod tail;
mod totals;

pub use bucket::Scale;
pub use event::{Event, MAX_EXCHANGE_BYTES, MAX_ID_BYTES, PRICE_RANGE, Percentile, SIZE_RANGE, Side, hash_id};
pub use heap::Measure;
pub use judgement::{Judgement, Signal, Status, Tally};
pub use names::{MAX_EXCHANGES, MAX_PRODUCERS};
pub use options::{ClockMode, MAX_RETENTION_MS, MIN_RETENTION_MS, Options, OptionsError};
pub use reading::ReadError;
pub use recording::{AlterError, Clock, Series};
pub use sums::{SidedSums, Sums};

pub(crate) use archive::{Archive, FINE_PANE_MS, FINE_SPAN_MS};
pub(crate) use events::Events;
pub(crate) use names::{Exchanges, OTHER_EXCHANGE, Producers};
pub(crate) use packed::Packed;
pub(crate) use pane::{Pane, Tier, VenueTotals};
pub(crate) use raw_event::{RawEvent, untag};
pub(crate) use tail::Tail;
