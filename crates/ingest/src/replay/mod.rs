//! Recorded liquidations, trades and candles: reading them and sending them on, at the pace they had or as fast as it goes.

mod behind;
mod lane;
pub mod layout;
mod ledger;
pub mod lines;
mod market_rows;
mod names;
mod pace;
pub mod records;
mod report;
pub mod rows;
mod run;
pub mod source;

pub use lane::LaneError;
pub use pace::Speed;
pub use report::{Progress, Tally};
pub use run::{Replay, ReplayError, run};
