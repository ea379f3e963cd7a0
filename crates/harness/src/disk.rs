//! A disk that cannot be read.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

/// The log of a SQLite database that a process has open: what it holds of it in memory no more, some MB, is an I/O error to
/// it, as on a bad disk. It can be written all the same.
pub struct UnreadableLog {
    log: PathBuf,
    bytes: Vec<u8>,
}

impl UnreadableLog {
    /// Takes the log of a database away.
    pub fn begin(database: &Path) -> Self {
        let mut log = database.as_os_str().to_owned();
        log.push("-wal");
        let log = PathBuf::from(log);
        let bytes = std::fs::read(&log).unwrap();
        File::options().write(true).open(&log).unwrap().set_len(0).unwrap();
        Self { log, bytes }
    }

    /// Puts it back, beneath what was written meanwhile.
    pub fn end(self) {
        File::options().write(true).open(&self.log).unwrap().write_all(&self.bytes).unwrap();
    }
}
