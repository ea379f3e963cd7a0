//! What ails the disk, said once until it is over.

use std::path::Path;

use crate::SpoolError;

/// Something that the disk does not do.
#[derive(Debug, Default)]
pub(super) struct Trouble(Option<String>);

impl Trouble {
    /// The disk failed at it, once more or for the first time.
    pub(super) fn begin(&mut self, error: &SpoolError, file: &Path, what: &str) {
        if self.0.is_none() {
            tracing::error!(%error, file = %file.display(), "{what}; it is tried again");
        }
        self.0 = Some(format!("{error}; {what}"));
    }

    /// It did it.
    pub(super) fn end(&mut self, what: &str) {
        if self.0.take().is_some() {
            tracing::info!("{what}");
        }
    }

    /// Why it is not done.
    pub(super) fn text(&self) -> Option<String> {
        self.0.clone()
    }
}
