//! The rounds of an archiver: what is new of each stream goes into files, then what is on disk may be trimmed.

use std::time::Duration;

use redis::Connection;

use crate::folder::{self, Owned};
use crate::id::Id;
use crate::kind::{self, Row};
use crate::{Error, file, name, source};

/// What to archive.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Names and patterns of streams.
    pub streams: Vec<String>,
    /// The most entries of a file.
    pub rows: usize,
    /// How long entries stay in Redis that are on disk; none: nothing is trimmed.
    pub keep: Option<Duration>,
}

/// What a round did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Round {
    /// Streams that were looked at.
    pub streams: u64,
    /// Files that were written.
    pub files: u64,
    /// Entries in them.
    pub entries: u64,
    /// Entries that were gone before they could be read.
    pub missing: u64,
    /// Such entries that no file tells of yet, as none came after them.
    pub missing_untold: u64,
    /// Streams that are behind their archive: deleted and made anew, or of a server that had not got everything. They
    /// are left alone.
    pub behind: u64,
    /// Entries that were trimmed.
    pub trimmed: u64,
}

/// Where a stream's archive ends.
#[derive(Debug, Clone, Copy, Default)]
struct End {
    last: Id,
    offset: Option<u64>,
    is_begun: bool,
}

/// One round over all streams.
///
/// # Errors
/// The first thing that went wrong; what was written until then is whole, and the next round goes on behind it.
pub fn round(connection: &mut Connection, folder: &Owned, plan: &Plan) -> Result<Round, Error> {
    let mut round = Round::default();
    for stream in source::names(connection, &plan.streams)? {
        archive(connection, folder, plan, &stream, &mut round)?;
    }
    Ok(round)
}

fn archive(
    connection: &mut Connection,
    folder: &Owned,
    plan: &Plan,
    stream: &[u8],
    round: &mut Round,
) -> Result<(), Error> {
    let Some(found) = source::describe(connection, stream)? else { return Ok(()) };
    round.streams += 1;
    let mut end = end(folder, stream)?;
    let shown = String::from_utf8_lossy(stream).into_owned();
    if found.last < end.last {
        // Deleted and made anew, or a replica took over that had not got everything: ids are given out again.
        tracing::error!(stream = shown, on_disk = %end.last, in_redis = %found.last, "the stream is behind its archive");
        round.behind += 1;
        return Ok(());
    }
    let mut gap = gap(&found, &end);
    end.offset = gap.base;
    let columns = kind::columns(stream);
    let mut rows: Vec<Row> = Vec::new();
    let mut last = end.last;
    loop {
        let entries = source::read(connection, stream, last, plan.rows - rows.len())?;
        let is_end = entries.is_empty();
        for entry in entries {
            last = entry.id;
            // A file is of one day.
            if rows.first().is_some_and(|first| first.id.day() != entry.id.day()) {
                write(folder, stream, &mut rows, &mut end, &mut gap, round)?;
            }
            rows.push(kind::row(entry.id, entry.fields, columns));
        }
        if rows.len() >= plan.rows || is_end {
            write(folder, stream, &mut rows, &mut end, &mut gap, round)?;
        }
        if is_end {
            break;
        }
    }
    if gap.missing > 0 {
        tracing::warn!(stream = shown, missing = gap.missing, "entries were gone before they could be read");
        round.missing_untold += gap.missing;
    }
    if let Some(keep) = plan.keep {
        let until = end.last.next().unwrap_or(end.last);
        let first = source::trimmable(connection, stream, until, keep.as_millis() as u64)?;
        round.trimmed += source::trim(connection, stream, first)?;
    }
    Ok(())
}

fn end(folder: &Owned, stream: &[u8]) -> Result<End, Error> {
    let parts = folder::parts(folder.root(), stream)?;
    let Some(part) = parts.iter().max_by_key(|part| part.last) else { return Ok(End::default()) };
    Ok(End { last: part.last, offset: file::facts(&part.path)?.last_offset, is_begun: true })
}

/// What was lost between the archive's end and what Redis still has.
struct Gap {
    /// Entries that were trimmed or deleted before they were read.
    missing: u64,
    /// How many entries were ever added before the next one that is read, where the server tells.
    base: Option<u64>,
}

/// The server counts what was ever added: of that, what it no longer has was before the first entry it has, unless
/// single entries were deleted.
fn gap(found: &source::Stream, end: &End) -> Gap {
    let is_cut = found.first.is_none_or(|first| first > end.last);
    if !is_cut {
        // The archive's end is still there: only single entries can be gone, and how many nobody tells.
        // If it is more than one, the others are told when the end is no longer there.
        let missing = u64::from(end.is_begun && found.deleted > end.last);
        return Gap { missing, base: end.offset.map(|offset| offset + missing) };
    }
    let base = found.added.saturating_sub(found.length);
    let missing = match end.offset {
        Some(offset) => base.saturating_sub(offset),
        None if end.is_begun => 0,
        None => base,
    };
    Gap { missing, base: Some(base) }
}

fn write(
    folder: &Owned,
    stream: &[u8],
    rows: &mut Vec<Row>,
    end: &mut End,
    gap: &mut Gap,
    round: &mut Round,
) -> Result<(), Error> {
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return Ok(()) };
    let dir = folder.root().join(name::folder(stream)).join(first.id.day());
    let (entries, last) = (rows.len() as u64, last.id);
    end.offset = end.offset.map(|offset| offset + entries);
    let facts = file::Facts { rows: entries, last_offset: end.offset, missing_before: gap.missing };
    let path = file::write(&dir, stream, kind::columns(stream), rows, &facts)?;
    tracing::info!(path = %path.display(), entries, missing = gap.missing, "written");
    round.files += 1;
    round.entries += entries;
    round.missing += gap.missing;
    gap.missing = 0;
    end.last = last;
    end.is_begun = true;
    rows.clear();
    Ok(())
}
