//! Liquidation series: the commands `LIQ.*`.
//!
//! `series` is the domain and knows nothing of the others. `request` is what may be asked, `reply` what is answered,
//! `reading` answers the one with the other, `format` is how a series is saved and replicated.

pub mod format;
pub mod reading;
pub mod reply;
pub mod request;
pub mod series;
