//! What a worker and a feed count.

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

/// What a feed has counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FeedTotals {
    /// Entries that became jobs.
    pub pushed: u64,
    /// Entries that were jobs already: read again after a failure, or by another feed.
    pub duplicates: u64,
    /// Entries that `make` passed over.
    pub passed_over: u64,
    /// Entries passed over as their job is none a queue takes: delayed by more than 366 days, say, or not to be written.
    pub refused: u64,
    /// Entries passed over as `make`, or the writing of the job, panicked.
    pub panicked: u64,
    /// Times that a full queue was waited for.
    pub full: u64,
    /// Reads and pushes that failed as Redis erred or was away, and are made again.
    pub failed: u64,
}

/// The same, while they are counted.
#[derive(Default)]
pub(super) struct FeedTallies {
    pub(super) pushed: AtomicU64,
    pub(super) duplicates: AtomicU64,
    pub(super) passed_over: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) panicked: AtomicU64,
    pub(super) full: AtomicU64,
    pub(super) failed: AtomicU64,
}

impl FeedTallies {
    pub(super) fn totals(&self) -> FeedTotals {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        FeedTotals {
            pushed: read(&self.pushed),
            duplicates: read(&self.duplicates),
            passed_over: read(&self.passed_over),
            refused: read(&self.refused),
            panicked: read(&self.panicked),
            full: read(&self.full),
            failed: read(&self.failed),
        }
    }
}
