//! From events to Redis: batches under numbers, so that every event counts once, and the spool between their arrival and
//! their delivery.

pub mod backoff;
mod budget;
pub mod counts;
pub mod courier;
mod fleeting;
mod leaving;
pub mod link;
pub mod live;
pub mod packed;
mod probe;
mod rows;
mod schema;
pub mod shelf;
pub mod spool;
pub mod spooler;
mod thresholds;
mod wal;

use std::time::{SystemTime, UNIX_EPOCH};

use crate::item::Item;

/// An item and when its frame came.
#[derive(Debug, Clone, PartialEq)]
pub struct Arrived {
    /// The item.
    pub item: Item,
    /// When its frame was read, Unix microseconds.
    pub at_us: i64,
}

/// Unix microseconds.
pub fn now_us() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |passed| passed.as_micros() as i64)
}

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
