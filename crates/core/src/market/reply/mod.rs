//! Typed replies of the market family: the server writes them into a [`Sink`](crate::wire::Sink), the client reads the same
//! structs out of a [`Source`](crate::wire::Source).
//!
//! Prices and sums are exact and travel as text in both protocols; what is derived is a double.

mod feed;
mod info;
mod last;
mod pack;
mod put;
mod rows;
mod trig;
mod words;

pub use feed::{AddReply, ClosedCandle, MaddReply};
pub use info::{GapRow, LevelHeld, LevelsHeld, MarketInfo};
pub use last::LastReply;
pub use pack::pack_rows;
pub use put::PutReply;
pub use rows::{CandleRow, CandleRows, StudyColumn, TickRow};
pub use trig::{Fired, SetReply, TriggerRow, exact};
pub use words::Exact;
