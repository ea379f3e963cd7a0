//! A series of liquidation events.
//!
//! [`Series`] is the door: it judges and records events. What can be asked of it is in `liq/reading`. Behind it stand the
//! events (a raw `Tail` and an `Archive` of panes), which are saved, and the `Cursors` over them, which are derived and
//! never saved.
//!
//! # Words
//!
//! - **place**: where something lies among its like, 0 being the oldest; **position**: leaf and place within the tail.
//! - **slot**: an event as it lies in memory. **leaf**: a run of neighbours in time, the unit that raw events are added up by.
//! - **number**: of an exchange in the series' list; 0 is none, 65 stands for all beyond the list.
//! - **code**: what a distribution counts an event under: its bucket · 2 + its side.
//! - **pane**: a span of time and what is known of the events of it that left the tail. **edge**: where the first pane of a
//!   window begins.
//! - **cutoff**: a window is what is later than it. **until**: and not later than that.
//! - **spill**: an event leaves the tail for a pane, since the tail is full. **drop**: it is older than the retention, and gone.
//! - **join**: panes become one of the coarse width, when they are more than two hours old.
//!
//! # Invariants
//!
//! [`Series::check`] asserts them; tests and the fuzz target `operations` call it after every step.
//!
//! - T1 raw events are in time order; T2 their number is that of all leaves; T3 a leaf holds 1 to 128; T4 only the first leaf
//!   has lost events at its front; T5 a whole leaf's sums and weight are those of its events, added in order; T6 every
//!   millisecond with more than 64 events has an index.
//! - A1 panes are cells of known widths, ascending, apart; A2 their events lie within them; A3 codes lie on its scale; A4 a
//!   distribution counts the events of its pane; A5 the archive's count is that of its panes; A6 late codes have a pane; A7
//!   fine panes begin where a coarse one does; A8 no pane is finer than what is recorded now; A9 there are
//!   no fine panes while memory is short.
//! - E1 the tail holds at most TAIL events, fewer while memory is short; E2 nothing archived is newer than anything raw.
//! - C1 a cursor's sorted list holds the raw sizes from its cutoff to its end; C2 its histogram counts all raw events up to
//!   its end and the panes from its edge on; C3 that edge is the one of its cutoff; C4 its scale is that of the coarsest of them.
//! - S1 nothing held is newer than the newest recorded; S2 coarse panes have the width that the settings ask for; S3 there
//!   are no more events than can be counted; S4 what is recorded is as fine as settings and resolution say; while detail is
//!   given up step by step, as the settings say.
//!
//! What follows: whatever a cursor answers equals an answer made anew, to the bit; so a replica, and a series that was saved
//! and loaded, cannot be told from the original.

mod archive;
mod bucket;
mod cursors;
mod cutting;
mod estimate;
mod event;
mod events;
mod gather;
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
mod resolution;
#[expect(clippy::module_inception, reason = "the folder is about it")]
mod series;
mod shelf;
mod sorted;
mod sums;
mod tail;
mod totals;

pub use crate::batches::{BatchId, MAX_PRODUCER_BYTES, MAX_PRODUCERS};
pub use crate::heap::Measure;
pub use crate::memory::{Detail, Resolution};
pub use bucket::Scale;
pub use event::{Event, MAX_EXCHANGE_BYTES, MAX_ID_BYTES, PRICE_RANGE, SIZE_RANGE, Side, hash_id};
pub use judgement::{Judgement, MAX_TOTAL, Signal, Status, Tally};
pub use judging::MarketVwap;
pub use names::MAX_EXCHANGES;
pub use options::{MAX_RETENTION_MS, MIN_RETENTION_MS, Options, OptionsError};
pub use patch::OptionsPatch;
pub use patch::{MIN_EVENTS_RANGE, MIN_SIZE_RANGE, OFFSET_RANGE, PRECISION_RANGE, RETENTION_RANGE_MS, TAIL_RANGE};
pub use series::{AlterError, Clock, MAX_EVENTS, Series, Time};
pub use shelf::{DEFAULT_ROOM_BYTES, set_room, used_room};
pub use sums::{SidedSums, Sums};

pub(crate) use crate::batches::Producers;
pub(crate) use crate::heap;

pub(crate) use archive::Archive;
pub(crate) use estimate::Estimate;
pub(crate) use events::{Events, Span};
pub(crate) use judging::deviation_pct;
pub(crate) use names::{Exchanges, OTHER_EXCHANGE};
pub(crate) use order::OrderCursor;
pub(crate) use packed::Packed;
pub(crate) use pane::{Digested, Pane, VenueTotals};
pub(crate) use raw_event::{RawEvent, untag};
pub(crate) use tail::{MOST as LEAF_MOST, Tail};
pub(crate) use totals::SumCursor;
