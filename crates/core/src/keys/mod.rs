//! Key policies and the key audit: the commands `KEYS.*`.
//!
//! `policy` says what keys under a prefix must be like, and judges one key; `audit` sums up what a walk over the whole
//! keyspace has seen. Beside them `request` is what may be asked, `reply` what is answered, and `report` a complete audit
//! as its replies. The walk itself, the clock and the writing of expiries are the server's side.

pub mod audit;
pub mod policy;
pub mod reply;
pub mod report;
pub mod request;
