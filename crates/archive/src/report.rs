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
}

/// Per stream: files, entries, the last id on disk, entries that were gone before they were read, gaps of unknown size,
/// and, with a connection, how many entries wait in Redis, and gaps that no file tells of yet.
pub fn status(root: &Path, mut redis: Option<redis::Connection>) -> Result<Report, Error> {
    let mut report = Report { text: String::new(), is_whole: true };
    for (stream, parts) in folder::streams(root)? {
        let (mut rows, mut missing, mut unknown) = (0, 0, 0);
        for part in &parts {
            let facts = file::facts(&part.path)?;
            rows += facts.rows;
            missing += facts.missing_before;
            unknown += u64::from(facts.is_unknown_before);
        }
        let end = End::of(&parts)?;
        let waiting = match &mut redis {
            None => "-".to_owned(),
            Some(connection) => match source::describe(connection, &stream)? {
                None => "no stream".to_owned(),
                Some(found) if found.last < end.last => {
                    report.is_whole = false;
                    "behind".to_owned()
                }
                Some(found) => {
                    let gap = gap(&found, &end);
                    missing += gap.missing;
                    unknown += u64::from(gap.is_unknown);
                    let waiting = found.added.zip(gap.base).map(|(added, base)| added.saturating_sub(base));
                    waiting.map_or("?".to_owned(), |waiting| waiting.to_string())
                }
            },
        };
        report.is_whole &= missing + unknown == 0;
        let (name, files) = (String::from_utf8_lossy(&stream), parts.len());
        let _ = writeln!(
            report.text,
            "{name} files={files} entries={rows} last={} missing={missing} waiting={waiting} unknown={unknown}",
            end.last
        );
    }
    Ok(report)
}

/// Reads every file: the ids it holds ascend and are those of its name, and no two files hold the same.
pub fn verify(root: &Path) -> Result<Report, Error> {
    let mut report = Report { text: String::new(), is_whole: true };
    for (stream, parts) in folder::streams(root)? {
        let name = String::from_utf8_lossy(&stream).into_owned();
        let (mut entries, mut before) = (0, None);
        let mut problems = Vec::new();
        for part in &parts {
            match check(part, before) {
                Ok(rows) => entries += rows,
                Err(Error::Content { path, problem }) => problems.push(format!("{}: {problem}", path.display())),
                Err(error) => return Err(error),
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
        let number = |place| row.get_long(place).map(i64::unsigned_abs).map_err(Error::content(&part.path));
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
