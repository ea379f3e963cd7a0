//! A series of liquidation events.
//!
//! `Series` is the door: it judges and records events. What can be asked of it is in `reading`. Behind it stand the events (a raw
//! `Tail` and an `Archive` of panes), which are saved, and the `Cursors` over them, which are derived and never saved.

mod archive;
mod bucket;
mod cursors;
mod estimate;
mod event;
mod events;
mod heap;
mod histogram;
mod judgement;
mod judging;
mod names;
mod options;
mod order;
mod packed;
mod pane;
mod patch;
mod raw_event;
#[expect(clippy::module_inception, reason = "the folder is about it")]
mod series;
mod shelf;
mod sorted;
mod sums;
mod tail;
mod totals;

pub use bucket::Scale;
pub use event::{Event, MAX_EXCHANGE_BYTES, MAX_ID_BYTES, PRICE_RANGE, SIZE_RANGE, Side, hash_id};
pub use heap::Measure;
pub use judgement::{Judgement, MAX_TOTAL, Signal, Status, Tally};
pub use names::{BatchId, MAX_EXCHANGES, MAX_PRODUCER_BYTES, MAX_PRODUCERS};
pub use options::{ClockMode, MAX_RETENTION_MS, MIN_RETENTION_MS, Options, OptionsError};
pub use patch::{DEFAULT_MAXLEN, MAX_STREAM_BYTES, OptionsPatch, SignalStream, SignalsPatch};
pub use patch::{
    IDLE_RANGE_MS, MAXLEN_RANGE, MIN_EVENTS_RANGE, MIN_SIZE_RANGE, OFFSET_RANGE, PRECISION_RANGE, RETENTION_RANGE_MS,
    TAIL_RANGE,
};
pub use series::{AlterError, Clock, MAX_EVENTS, Series, Time};
pub use shelf::{DEFAULT_ROOM_BYTES, set_room, used_room};
pub use sums::{SidedSums, Sums};

pub(crate) use archive::{Archive, FINE_PANE_MS};
pub(crate) use estimate::Estimate;
pub(crate) use events::{Events, Span};
pub(crate) use judging::deviation_pct;
pub(crate) use names::{Exchanges, OTHER_EXCHANGE, Producers};
pub(crate) use order::OrderCursor;
pub(crate) use packed::Packed;
pub(crate) use pane::{Digested, Pane, VenueTotals};
pub(crate) use raw_event::{RawEvent, untag};
pub(crate) use tail::{MOST as LEAF_MOST, Tail};
pub(crate) use totals::SumCursor;
