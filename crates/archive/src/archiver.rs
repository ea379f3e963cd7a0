//! The rounds of an archiver: what is new of each stream goes into files, then what is on disk may be trimmed.

use std::panic::resume_unwind;
use std::sync::mpsc;
use std::time::Duration;
use std::{mem, thread};

use redis::Connection;

use crate::folder::{self, Owned};
use crate::id::Id;
use crate::kind::{self, Rows};
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
    let end = end(folder, stream)?;
    let shown = String::from_utf8_lossy(stream).into_owned();
    if found.last < end.last {
        // Deleted and made anew, or a replica took over that had not got everything: ids are given out again.
        tracing::error!(stream = shown, on_disk = %end.last, in_redis = %found.last, "the stream is behind its archive");
        round.behind += 1;
        return Ok(());
    }
    let gap = gap(&found, &end);
    let mut writer = Writer { folder, stream, end: End { offset: gap.base, ..end }, missing: gap.missing, round };
    read_while_writing(connection, &mut writer, plan.rows)?;
    let Writer { end, missing, round, .. } = writer;
    if missing > 0 {
        tracing::warn!(stream = shown, missing, "entries were gone before they could be read");
        round.missing_untold += missing;
    }
    if let Some(keep) = plan.keep {
        let until = end.last.next().unwrap_or(end.last);
        let first = source::trimmable(connection, stream, until, keep.as_millis() as u64)?;
        round.trimmed += source::trim(connection, stream, first)?;
    }
    Ok(())
}

/// Reads a file's rows from the server while those before are written: so there are up to two files' rows in memory.
fn read_while_writing(connection: &mut Connection, writer: &mut Writer<'_>, most: usize) -> Result<(), Error> {
    let (stream, last) = (writer.stream, writer.end.last);
    let (sender, files) = mpsc::sync_channel(0);
    thread::scope(|scope| {
        let writing = scope.spawn(move || files.into_iter().try_for_each(|groups| writer.write(groups)));
        // A writer that failed takes no more: then there is nothing to be read for.
        let read = read(connection, stream, last, most, |groups| sender.send(groups).is_ok());
        drop(sender);
        writing.join().unwrap_or_else(|panic| resume_unwind(panic)).and(read)
    })
}

/// Reads what is behind `last`, and gives away the rows of a file at a time, until `give` takes no more.
fn read(
    connection: &mut Connection,
    stream: &[u8],
    mut last: Id,
    most: usize,
    mut give: impl FnMut(Vec<Rows>) -> bool,
) -> Result<(), Error> {
    let columns = kind::columns(stream);
    let (mut groups, mut rows): (Vec<Rows>, usize) = (Vec::new(), 0);
    loop {
        let entries = source::read(connection, stream, last, most - rows)?;
        if entries.is_empty() {
            break;
        }
        for entry in entries {
            // A file is of one day.
            let is_next_day = rows > 0 && last.day_number() != entry.id.day_number();
            if is_next_day && !give(mem::take(&mut groups)) {
                return Ok(());
            }
            rows = if is_next_day { 1 } else { rows + 1 };
            last = entry.id;
            match groups.last_mut().filter(|group| group.ids.len() < file::ROWS_OF_A_GROUP) {
                Some(group) => group.push(entry.id, &entry.fields),
                None => {
                    let mut group = Rows::new(columns);
                    group.push(entry.id, &entry.fields);
                    groups.push(group);
                }
            }
        }
        if rows >= most {
            if !give(mem::take(&mut groups)) {
                return Ok(());
            }
            rows = 0;
        }
    }
    if rows > 0 {
        give(groups);
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

/// Writes the files of one stream.
struct Writer<'a> {
    folder: &'a Owned,
    stream: &'a [u8],
    end: End,
    /// Entries that were gone before they could be read, which no file tells of yet.
    missing: u64,
    round: &'a mut Round,
}

impl Writer<'_> {
    fn write(&mut self, groups: Vec<Rows>) -> Result<(), Error> {
        let Some((first, last)) = file::bounds(&groups) else { return Ok(()) };
        let dir = self.folder.root().join(name::folder(self.stream)).join(first.day());
        let entries = groups.iter().map(|group| group.ids.len() as u64).sum();
        let last_offset = self.end.offset.map(|offset| offset + entries);
        let facts = file::Facts { rows: entries, last_offset, missing_before: self.missing };
        let path = file::write(&dir, self.stream, kind::columns(self.stream), groups, &facts)?;
        tracing::info!(path = %path.display(), entries, missing = self.missing, "written");
        self.round.files += 1;
        self.round.entries += entries;
        self.round.missing += mem::take(&mut self.missing);
        self.end = End { last, offset: last_offset, is_begun: true };
        Ok(())
    }
}
