//! Recorded liquidations: reading them and sending them on, at the pace they had or as fast as it goes.

mod lane;
mod ledger;
pub mod lines;
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
