//! What a worker counts.

use std::sync::atomic::{AtomicU64, Ordering};

/// What a worker has counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct WorkTotals {
    /// Jobs taken.
    pub taken: u64,
    /// Of these, jobs that somebody had before and never ended.
    pub redelivered: u64,
    /// Handlers that panicked.
    pub panicked: u64,
    /// Jobs buried as they were too old.
    pub expired: u64,
    /// Ends that came too late: somebody else had the job by then, or had finished it.
    pub lost_leases: u64,
    /// Times that ends could not be told and had to wait.
    pub untold: u64,
    /// Takes that failed as Redis erred or was away.
    pub failed_takes: u64,
}

/// The same, while they are counted.
#[derive(Default)]
pub(super) struct Tallies {
    pub(super) taken: AtomicU64,
    pub(super) redelivered: AtomicU64,
    pub(super) panicked: AtomicU64,
    pub(super) expired: AtomicU64,
    pub(super) lost_leases: AtomicU64,
    pub(super) untold: AtomicU64,
    pub(super) failed_takes: AtomicU64,
}

impl Tallies {
    pub(super) fn totals(&self) -> WorkTotals {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        WorkTotals {
            taken: read(&self.taken),
            redelivered: read(&self.redelivered),
            panicked: read(&self.panicked),
            expired: read(&self.expired),
            lost_leases: read(&self.lost_leases),
            untold: read(&self.untold),
            failed_takes: read(&self.failed_takes),
        }
    }
}
