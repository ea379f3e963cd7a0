//! Looking into SQLite's write-ahead log before SQLite does: it silently ends at the first frame that is not sound, and
//! what lies behind would be lost without a word. Format: <https://www.sqlite.org/fileformat2.html#the_write_ahead_log>.

use std::io::{self, BufReader, Read};
use std::path::Path;

const HEADER: usize = 32;
const FRAME_HEADER: usize = 24;

/// What a log holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Log {
    /// Frames that will be read.
    pub sound: u64,
    /// Transactions of the same generation behind the first frame that is not sound: written, and not read any more.
    pub lost: u64,
}

/// Reads the log beside a database; an absent or empty one holds nothing.
pub fn examine(path: &Path) -> io::Result<Log> {
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Log::default()),
        Err(error) => return Err(error),
    };
    let mut file = BufReader::with_capacity(1 << 16, file);
    let mut header = [0; HEADER];
    if !fill(&mut file, &mut header)? {
        return Ok(Log::default());
    }
    let is_big_endian = word(&header, 0) & 1 == 1;
    let page = word(&header, 8) as usize;
    if !(512..=65_536).contains(&page) {
        return Ok(Log::default());
    }
    let salts = header.get(16..24).map(<[u8]>::to_vec).unwrap_or_default();
    let mut sums = (0, 0);
    sums = summed(header.get(..24).unwrap_or_default(), sums, is_big_endian);
    let (mut log, mut is_sound) = (Log::default(), sums == (word(&header, 24), word(&header, 28)));
    let mut frame = vec![0; FRAME_HEADER + page];
    while fill(&mut file, &mut frame)? {
        // Behind the end lie frames of earlier generations.
        if frame.get(8..16) != Some(salts.as_slice()) {
            is_sound = false;
            continue;
        }
        if is_sound {
            let head = summed(frame.get(..8).unwrap_or_default(), sums, is_big_endian);
            sums = summed(frame.get(FRAME_HEADER..).unwrap_or_default(), head, is_big_endian);
            is_sound = sums == (word(&frame, 16), word(&frame, 20));
        }
        if is_sound {
            log.sound += 1;
        } else {
            // The last frame of a transaction tells the size of the database. A torn transaction has none.
            log.lost += u64::from(word(&frame, 4) > 0);
        }
    }
    Ok(log)
}

/// True when the whole of it could be read.
fn fill(file: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match file.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

/// The format's checksum; the log's first word tells the byte order it was made in.
fn summed(bytes: &[u8], (mut first, mut second): (u32, u32), is_big_endian: bool) -> (u32, u32) {
    let word = |bytes: &[u8], at: usize| {
        let word = bytes.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).unwrap_or_default();
        if is_big_endian { u32::from_be_bytes(word) } else { u32::from_le_bytes(word) }
    };
    for pair in bytes.chunks_exact(8) {
        first = first.wrapping_add(word(pair, 0)).wrapping_add(second);
        second = second.wrapping_add(word(pair, 4)).wrapping_add(first);
    }
    (first, second)
}

fn word(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_in_the_middle_is_told_and_a_healthy_log_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("db");
        let db = rusqlite::Connection::open(&file).unwrap();
        db.pragma_update(None, "journal_mode", "WAL").unwrap();
        db.execute_batch("CREATE TABLE t (x)").unwrap();
        for _ in 0..20 {
            db.execute("INSERT INTO t VALUES (randomblob(3000))", []).unwrap();
        }
        let path = folder.path().join("db-wal");
        let whole = examine(&path).unwrap();
        assert!(whole.sound > 20 && whole.lost == 0, "{whole:?}");
        let mut bytes = std::fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        let copy = folder.path().join("copy");
        std::fs::write(&copy, bytes).unwrap();
        let damaged = examine(&copy).unwrap();
        assert!(damaged.sound > 5 && damaged.lost > 5, "{damaged:?}");
        assert_eq!(examine(&folder.path().join("none")).unwrap(), Log::default());
    }
}
