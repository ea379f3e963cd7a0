//! What an archive holds, and whether it is whole.

use std::fmt::Write as _;
use std::path::Path;

use parquet::file::reader::FileReader;
use parquet::record::RowAccessor;

use crate::folder::{self, Part};
use crate::gap::{End, gap};
use crate::id::Id;
use crate::{Error, file, source};

/// A text for a person, and whether everything is as it should be.
pub struct Report {
    /// Lines, one a stream.
    pub text: String,
    /// No gap, and nothing broken.
    pub is_whole: bool,
    /// Why Redis could not be asked, or not for all streams.
    pub away: Option<Error>,
}

/// Per stream: files, entries, the last id on disk, entries that were gone before they were read, gaps of unknown size,
/// and, with a connection, how many entries wait in Redis, and gaps that no file tells of yet.
pub fn status(root: &Path, redis: Option<redis::Connection>) -> Result<Report, Error> {
    let mut report = Report { text: String::new(), is_whole: true, away: None };
    let mut source = Source { redis, away: None };
    for (stream, parts) in folder::streams(root)? {
        let (name, files) = (String::from_utf8_lossy(&stream), parts.len());
        let _ = match held(&parts) {
            Ok(held) => {
                let (waiting, told) = source.ask(&stream, &held.end);
                let (missing, unknown) = (held.missing + told.missing, held.unknown + u64::from(told.is_unknown));
                report.is_whole &= missing + unknown == 0 && told.is_whole;
                let (rows, last) = (held.rows, held.end.last);
                writeln!(
                    report.text,
                    "{name} files={files} entries={rows} last={last} missing={missing} waiting={waiting} unknown={unknown}"
                )
            }
            Err(error) => {
                report.is_whole = false;
                writeln!(report.text, "{name} files={files} broken: {error}")
            }
        };
    }
    report.away = source.away;
    Ok(report)
}

/// What the files of a stream say.
struct Held {
    rows: u64,
    missing: u64,
    unknown: u64,
    end: End,
}

fn held(parts: &[Part]) -> Result<Held, Error> {
    let mut held = Held { rows: 0, missing: 0, unknown: 0, end: End::of(parts)? };
    for part in parts {
        let facts = file::facts(&part.path)?;
        held.rows += facts.rows;
        held.missing += facts.missing_before;
        held.unknown += u64::from(facts.is_unknown_before);
    }
    Ok(held)
}

/// What Redis says of a stream beside its files.
#[derive(Default)]
struct Told {
    missing: u64,
    is_unknown: bool,
    is_whole: bool,
}

/// Redis, until it is away.
struct Source {
    redis: Option<redis::Connection>,
    away: Option<Error>,
}

impl Source {
    /// How many entries wait, as text, and what is missing.
    fn ask(&mut self, stream: &[u8], end: &End) -> (String, Told) {
        let whole = Told { is_whole: true, ..Told::default() };
        let Some(connection) = &mut self.redis else { return ("-".to_owned(), whole) };
        match source::describe(connection, stream) {
            Ok(None) => ("no stream".to_owned(), whole),
            Ok(Some(found)) if found.last < end.last => ("behind".to_owned(), Told::default()),
            Ok(Some(found)) => {
                let gap = gap(&found, end);
                let waiting = found.added.zip(gap.base).map(|(added, base)| added.saturating_sub(base).to_string());
                let told = Told { missing: gap.missing, is_unknown: gap.is_unknown, is_whole: true };
                (waiting.unwrap_or_else(|| "?".to_owned()), told)
            }
            Err(error) if error.is_of_all_streams() => {
                (self.redis, self.away) = (None, Some(error));
                ("-".to_owned(), whole)
            }
            Err(error) => {
                tracing::error!(stream = %String::from_utf8_lossy(stream), %error, "redis cannot tell of this stream");
                ("?".to_owned(), Told::default())
            }
        }
    }
}

/// Reads every file: the ids it holds ascend and are those of its name, and no two files hold the same.
pub fn verify(root: &Path) -> Result<Report, Error> {
    let mut report = Report { text: String::new(), is_whole: true, away: None };
    for (stream, parts) in folder::streams(root)? {
        let name = String::from_utf8_lossy(&stream).into_owned();
        let (mut entries, mut before) = (0, None);
        let mut problems = Vec::new();
        for part in &parts {
            match check(part, before) {
                Ok(rows) => entries += rows,
                Err(error) => problems.push(error.to_string()),
            }
            before = Some(part.last);
        }
        report.is_whole &= problems.is_empty();
        let _ = writeln!(report.text, "{name} files={} entries={entries} problems={}", parts.len(), problems.len());
        for problem in problems {
            let _ = writeln!(report.text, "  {problem}");
        }
    }
    Ok(report)
}

fn check(part: &Part, before: Option<Id>) -> Result<u64, Error> {
    let problem = |problem: String| Error::Content { path: part.path.clone(), problem };
    if let Some(before) = before.filter(|before| *before >= part.first) {
        return Err(problem(format!("begins at {}, but {before} is in another file", part.first)));
    }
    let reader = file::open(&part.path)?;
    let (mut rows, mut first, mut last) = (0, None, None);
    for row in reader.get_row_iter(None).map_err(Error::content(&part.path))? {
        let row = row.map_err(Error::content(&part.path))?;
        let number = |place| row.get_long(place).map(i64::cast_unsigned).map_err(Error::content(&part.path));
        let id = Id { ms: number(0)?, seq: number(1)? };
        if last.is_some_and(|last| last >= id) {
            return Err(problem(format!("{id} does not follow {}", last.unwrap_or_default())));
        }
        first = first.or(Some(id));
        last = Some(id);
        rows += 1;
    }
    if (first, last) != (Some(part.first), Some(part.last)) {
        return Err(problem("holds other ids than its name says".into()));
    }
    Ok(rows)
}
