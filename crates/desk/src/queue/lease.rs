//! A job in the hands of a handler.

use std::sync::Arc;
use std::time::Duration;

use super::Inner;
use super::entry::Taken;
use crate::Error;

/// A job that is ours until the handler ends; the worker sees to it that nobody else takes it meanwhile.
pub struct Lease<T> {
    /// What is to be done.
    pub body: T,
    pub(super) taken: Arc<Taken>,
    pub(super) age: Duration,
    pub(super) inner: Arc<Inner>,
}

impl<T> Lease<T> {
    /// The job's id, the same in every attempt: what makes an order at an exchange one order.
    pub fn id(&self) -> &str {
        &self.taken.id
    }

    /// Which attempt this is, from 1.
    pub fn attempt(&self) -> u64 {
        self.taken.attempt()
    }

    /// Whether somebody had it before and never said how it ended: he may have died in the middle of it, panicked or
    /// been stopped, so ask first whether it is done. So it stays through retries, and when it is buried and revived.
    pub fn redelivered(&self) -> bool {
        self.taken.may_be_done()
    }

    /// How long ago it was pushed, when it was taken.
    pub const fn age(&self) -> Duration {
        self.age
    }

    /// Tells how far it is, 0 to 100, to who asks for the status.
    ///
    /// # Errors
    /// As Redis answers; the handler may go on.
    pub async fn progress(&self, percent: u8) -> Result<(), Error> {
        if self.inner.settings.status_for.is_zero() {
            return Ok(());
        }
        let mut steps = redis::Pipeline::new();
        let key = self.inner.keys.job(self.id());
        steps.cmd("HSET").arg(&key).arg("percent").arg(percent.min(100));
        steps.cmd("PEXPIRE").arg(&key).arg(self.inner.settings.status_for.as_millis() as u64);
        self.inner.link.send_all(&steps).await.map(drop)
    }
}
