//! Frozen layouts of what is kept on disk and sent to replicas (docs/FORMAT.md).
//!
//! Bytes are hostile: nothing is believed before it is there, and values are rebuilt through public constructors only.

pub mod limiter;
mod limiter_v1;
