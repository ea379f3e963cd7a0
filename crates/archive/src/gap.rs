//! What was lost between the end of a stream's archive and what Redis still has, by the server's counts.
//!
//! A server counts what was ever added to a stream. Every file says what that count was at its last entry, so what was
//! added since and cannot be read is missing. A stream that was deleted and made anew begins to count anew, as does one
//! of a replica that took over with less: then the counts do not fit, and how much is missing nobody can tell.

use crate::folder::Part;
use crate::id::Id;
use crate::{Error, file, source};

/// Where a stream's archive ends.
#[derive(Debug, Clone, Copy, Default)]
pub struct End {
    /// The last entry on disk.
    pub last: Id,
    /// How many had ever been added with it, where that is known.
    pub offset: Option<u64>,
    /// Whether there is any file.
    pub is_begun: bool,
}

impl End {
    /// Of a stream's files.
    ///
    /// # Errors
    /// When the last file cannot be read.
    pub fn of(parts: &[Part]) -> Result<Self, Error> {
        let Some(part) = parts.iter().max_by_key(|part| part.last) else { return Ok(Self::default()) };
        Ok(Self { last: part.last, offset: file::facts(&part.path)?.last_offset, is_begun: true })
    }
}

/// What is missing behind an archive's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// Entries that were trimmed or deleted before they were read. Where the archive's end is still in Redis and single
    /// ones behind it were deleted, at least so many.
    pub missing: u64,
    /// The counts do not fit: an unknown number of entries is missing.
    pub is_unknown: bool,
    /// How many entries were ever added before the next one that is read, where that is known.
    pub base: Option<u64>,
}

/// What the server's counts tell, before anything is read.
pub fn gap(found: &source::Stream, end: &End) -> Gap {
    let Some(added) = found.added else { return Gap { missing: 0, is_unknown: false, base: None } };
    let is_cut = found.first.is_none_or(|first| first > end.last);
    if !is_cut {
        // Only single entries can be gone, and how many of them is seen when the others are read.
        let is_unknown = end.offset.is_some_and(|offset| added < offset);
        let missing = u64::from(!is_unknown && end.is_begun && found.deleted > end.last);
        let base = end.offset.filter(|_| !is_unknown).map(|offset| offset + missing);
        return Gap { missing, is_unknown, base };
    }
    // Nothing that is on disk is there any more: what is gone is all that is on disk, and what is missing.
    let gone = added.saturating_sub(found.length);
    let (missing, is_unknown) = match end.offset {
        Some(offset) => (gone.saturating_sub(offset), gone < offset),
        None if end.is_begun => (0, false),
        None => (gone, false),
    };
    Gap { missing, is_unknown, base: Some(gone) }
}
