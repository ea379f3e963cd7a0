//! Events on their way to Redis: on disk from the moment they are taken until they were counted there, so that neither a
//! kill nor an outage loses one or counts one twice.
//!
//! A [`Shelf`] is one SQLite database; a [`Spool`] is one on disk, and one in memory for as long as the disk takes nothing.
//! Bodies are bytes here: whoever spools knows what is in them, connects, sends, and tells what became of it.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests"))]

mod entry;
mod leaving;
mod rows;
mod schema;
mod shelf;
mod spool;
mod trouble;
mod wal;

pub use entry::{Batch, Consignment, Entry, Labels, Series, Sound};
pub use shelf::Shelf;
pub use spool::{Place, Spool, State};

/// Why the spool does not work.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// SQLite's word.
    #[error("spool: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// The folder.
    #[error("spool: {0}")]
    Io(#[from] std::io::Error),
    /// The file does not pass SQLite's check.
    #[error("spool: {0}")]
    Damaged(String),
    /// The file is another program's, or a later version's.
    #[error("spool: the file is of another form ({0})")]
    Foreign(i64),
}

impl SpoolError {
    /// Whether the file will never do, so that a new one has to be begun.
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Damaged(_) | Self::Foreign(_) => true,
            Self::Sqlite(error) => matches!(
                error.sqlite_error_code(),
                Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase)
            ),
            Self::Io(_) => false,
        }
    }

    /// Whether the disk is at fault, and may come right again.
    pub fn is_disk(&self) -> bool {
        use std::io::ErrorKind;
        match self {
            Self::Sqlite(error) => matches!(
                error.sqlite_error_code(),
                Some(rusqlite::ErrorCode::DiskFull | rusqlite::ErrorCode::SystemIoFailure)
            ),
            Self::Io(error) => matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded),
            _ => false,
        }
    }
}
