//! The rounds of an archiver: what is new of each stream goes into files, then what is on disk may be trimmed.

use std::panic::resume_unwind;
use std::sync::mpsc;
use std::time::Duration;
use std::{mem, thread};

use redis::Connection;

use crate::folder::{self, Owned};
use crate::gap::{End, gap};
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
    /// Files that tell of a gap whose size nobody knows: the stream was deleted and made anew, or its server replaced.
    pub unknown: u64,
    /// Such gaps that no file tells of yet.
    pub unknown_untold: u64,
    /// Streams that are behind their archive: deleted and made anew, or of a server that had not got everything. They
    /// are left alone.
    pub behind: u64,
    /// Streams that failed.
    pub failed: u64,
    /// Entries that were trimmed.
    pub trimmed: u64,
}

impl Round {
    /// How much tells that the archive is not whole: 0 when it is.
    pub fn gaps(&self) -> u64 {
        self.missing + self.missing_untold + self.unknown + self.unknown_untold + self.behind
    }
}

/// One round over all streams. One that fails stops no other, unless they would fail likewise: what was done is
/// answered, and the first thing that went wrong. What was written is whole, and the next round goes on behind it.
pub fn round(connection: &mut Connection, folder: &Owned, plan: &Plan) -> (Round, Result<(), Error>) {
    let mut round = Round::default();
    let streams = match source::names(connection, &plan.streams) {
        Ok(streams) => streams,
        Err(error) => return (round, Err(error)),
    };
    let mut outcome = Ok(());
    for stream in streams {
        let Err(error) = archive(connection, folder, plan, &stream, &mut round) else { continue };
        tracing::error!(stream = %String::from_utf8_lossy(&stream), %error, "this stream failed");
        round.failed += 1;
        let is_of_all = error.is_of_all_streams();
        // One that ends the round goes first: whoever waits for it to pass has to know.
        if outcome.is_ok() || is_of_all {
            outcome = Err(error);
        }
        if is_of_all {
            break;
        }
    }
    (round, outcome)
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
    let end = End::of(&folder::parts(folder.root(), stream)?)?;
    let shown = String::from_utf8_lossy(stream).into_owned();
    if found.last < end.last {
        // Deleted and made anew, or a replica took over that had not got everything: ids are given out again.
        tracing::error!(stream = shown, on_disk = %end.last, in_redis = %found.last, "the stream is behind its archive");
        round.behind += 1;
        return Ok(());
    }
    let gap = gap(&found, &end);
    let end = End { offset: gap.base, ..end };
    let mut writer = Writer { folder, stream, found, end, missing: gap.missing, is_unknown: gap.is_unknown, round };
    read_while_writing(connection, &mut writer, plan.rows)?;
    let end = writer.tell_the_rest();
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

/// Writes the files of one stream.
struct Writer<'a> {
    folder: &'a Owned,
    stream: &'a [u8],
    /// What Redis said of it before it was read.
    found: source::Stream,
    end: End,
    /// Entries that were gone before they could be read, which no file tells of yet.
    missing: u64,
    /// Whether nobody knows how many were, which no file tells of yet.
    is_unknown: bool,
    round: &'a mut Round,
}

impl Writer<'_> {
    fn write(&mut self, groups: Vec<Rows>) -> Result<(), Error> {
        let Some((first, last)) = file::bounds(&groups) else { return Ok(()) };
        let dir = self.folder.root().join(name::folder(self.stream)).join(first.day());
        let rows: u64 = groups.iter().map(|group| group.ids.len() as u64).sum();
        let mut last_offset = self.end.offset.map(|offset| offset + rows);
        if let Some(added) = self.found.added
            && self.end.last < self.found.last
            && self.found.last <= last
        {
            // All is read that had been added when the server was asked: here the count is known.
            let later = groups.iter().flat_map(|group| &group.ids).filter(|id| **id > self.found.last).count();
            let exact = added + later as u64;
            let counted = last_offset.unwrap_or(exact);
            self.missing += exact.saturating_sub(counted);
            self.is_unknown |= exact < counted;
            last_offset = Some(exact);
        }
        let facts = file::Facts { rows, last_offset, missing_before: self.missing, is_unknown_before: self.is_unknown };
        let path = file::write(&dir, self.stream, kind::columns(self.stream), groups, &facts)?;
        tracing::info!(path = %path.display(), entries = rows, missing = self.missing, "written");
        if mem::take(&mut self.is_unknown) {
            self.warn_of_unknown();
            self.round.unknown += 1;
        }
        self.round.files += 1;
        self.round.entries += rows;
        self.round.missing += mem::take(&mut self.missing);
        self.end = End { last, offset: last_offset, is_begun: true };
        Ok(())
    }

    /// Tells of what is missing at the stream's end, which no file can tell of yet; answers where the archive ends.
    fn tell_the_rest(mut self) -> End {
        if self.end.last < self.found.last
            && let (Some(added), Some(offset)) = (self.found.added, self.end.offset)
        {
            self.missing += added.saturating_sub(offset);
        }
        if self.missing > 0 {
            let stream = String::from_utf8_lossy(self.stream);
            tracing::warn!(%stream, missing = self.missing, "entries were gone before they could be read");
            self.round.missing_untold += self.missing;
        }
        if self.is_unknown {
            self.warn_of_unknown();
            self.round.unknown_untold += 1;
        }
        self.end
    }

    fn warn_of_unknown(&self) {
        let stream = String::from_utf8_lossy(self.stream);
        tracing::warn!(%stream, "the stream was made anew, or its server replaced: entries may be missing, an unknown number");
    }
}
