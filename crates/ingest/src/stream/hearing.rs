//! What a connection hears for as long as it stands. No I/O here.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What one connection hears.
#[derive(Debug, Default)]
pub struct Hearing {
    /// Every subscription was answered.
    is_whole: AtomicBool,
    is_over: AtomicBool,
    heard: Mutex<Vec<String>>,
}

impl Hearing {
    /// It hears these.
    pub fn hears_all(&self, topics: Vec<String>) {
        *held(&self.heard) = topics;
    }

    /// What it hears.
    pub fn topics(&self) -> Vec<String> {
        held(&self.heard).clone()
    }

    /// It is whole from now on.
    pub fn begin(&self) {
        self.is_whole.store(true, Ordering::Release);
    }

    /// Whether it was whole.
    pub fn is_whole(&self) -> bool {
        self.is_whole.load(Ordering::Acquire)
    }

    /// It hears nothing any more.
    pub fn end(&self) {
        self.is_over.store(true, Ordering::Release);
    }

    /// Whether it hears nothing any more.
    pub fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Acquire)
    }
}

fn held<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
