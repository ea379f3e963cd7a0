//! Opening a recording: decompression, what it is, and a name that stays with its content.

use std::fs::File;
use std::hash::Hasher;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::layout::{Layout, instrument_of};

/// The part of a recording that tells it from others. A recording that grows keeps its head.
pub(super) const HEAD_BYTES: usize = 4096;
/// The most that is passed over before the records of a recording.
const MOST_TOLD: usize = 16 << 20;
const READ_BYTES: usize = 1 << 18;

/// The name that stands for standard input.
pub const STANDARD_INPUT: &str = "-";

/// What a recording holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated rows.
    Csv(Layout),
    /// One JSON value to a line.
    Ndjson,
}

/// A recording, ready to be read.
pub struct Source {
    /// How to speak of it.
    pub title: String,
    /// What it holds.
    pub format: Format,
    /// Its first records as they are, as far as they tell recordings apart, so that a renamed or recompressed one is known
    /// again.
    pub beginning: Box<[u8]>,
    /// It holds nothing but a heading, or the worth of contracts, if anything: others may look the same.
    pub is_blank: bool,
    /// Size as stored, in bytes; unknown for standard input.
    pub stored_bytes: Option<u64>,
    /// Bytes read so far, as stored.
    pub read_bytes: Arc<AtomicU64>,
    /// The content.
    pub content: Box<dyn BufRead + Send>,
}

impl Source {
    /// Opens a file, or standard input for `-`.
    pub fn open(path: &Path, format: Option<Format>) -> io::Result<Self> {
        let read_bytes = Arc::new(AtomicU64::new(0));
        let counted = |inner: Box<dyn Read + Send>| Counted { inner, bytes: Arc::clone(&read_bytes) };
        let is_stdin = path == Path::new(STANDARD_INPUT);
        let (stored, stored_bytes): (Box<dyn Read + Send>, _) = if is_stdin {
            (Box::new(io::stdin()), None)
        } else {
            let file = File::open(path)?;
            let bytes = file.metadata()?.len();
            (Box::new(file), Some(bytes))
        };
        let mut plain = decompressed(counted(stored))?;
        let (head, told) = head_of(&mut plain)?;
        let records = head.get(told..).unwrap_or_default();
        let beginning = records.get(..HEAD_BYTES).unwrap_or(records).into();
        let format = match format {
            Some(Format::Csv(layout)) => Format::Csv(layout.about(instrument_of(path))),
            Some(Format::Ndjson) => Format::Ndjson,
            None => detect(&head, path),
        };
        Ok(Self {
            title: if is_stdin { "standard input".to_owned() } else { path.display().to_string() },
            is_blank: is_blank(records, &format),
            format,
            beginning,
            stored_bytes,
            read_bytes,
            content: Box::new(Cursor::new(head).chain(plain)),
        })
    }
}

/// The beginning of a recording, and where in it the records begin: one's own recordings of many hours begin alike, with
/// what the contracts are worth. One that ends torn is read as far as it goes.
fn head_of(plain: &mut dyn BufRead) -> io::Result<(Vec<u8>, usize)> {
    let mut head = Vec::with_capacity(HEAD_BYTES);
    let mut told = 0;
    let whole = |read: io::Result<usize>| match read {
        Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => Err(error),
        _ => Ok(()),
    };
    loop {
        let wanted = (told + HEAD_BYTES).saturating_sub(head.len());
        whole(plain.take(wanted as u64).read_to_end(&mut head))?;
        let rest = head.get(told..).unwrap_or_default();
        if !tells_contracts(rest) || told > MOST_TOLD {
            return Ok((head, told));
        }
        told = match rest.iter().position(|byte| *byte == b'\n') {
            Some(end) => told + end + 1,
            None => {
                whole(plain.take(MOST_TOLD as u64).read_until(b'\n', &mut head))?;
                head.len()
            }
        };
    }
}

/// What stands for the beginning of a recording.
pub(super) fn hash_of(beginning: &[u8]) -> u64 {
    let mut hasher = fnv::FnvHasher::default();
    hasher.write(beginning);
    hasher.finish()
}

/// Whether a recorder's note of what contracts are worth begins here.
fn tells_contracts(text: &[u8]) -> bool {
    let Some(behind) = text.strip_prefix(br#"{"venue":""#) else { return false };
    let venue = behind.iter().take_while(|byte| **byte != b'"').count();
    behind.get(venue..).is_some_and(|rest| rest.starts_with(br#"","contracts":"#))
}

/// Whether a recording that begins so and ends there holds no record.
fn is_blank(records: &[u8], format: &Format) -> bool {
    let mut lines = records.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
    let Some(first) = lines.next() else { return true };
    let has_heading = !matches!(format, Format::Ndjson | Format::Csv(Layout::Capture));
    has_heading && lines.next().is_none() && first.first().is_some_and(u8::is_ascii_alphabetic)
}

/// Undoes gzip or zstd, known by their first bytes whatever the file is called.
fn decompressed(stored: Counted) -> io::Result<Box<dyn BufRead + Send>> {
    let mut stored = BufReader::with_capacity(READ_BYTES, stored);
    let first = stored.fill_buf()?;
    Ok(if first.starts_with(&[0x1f, 0x8b]) {
        Box::new(BufReader::with_capacity(READ_BYTES, flate2::bufread::MultiGzDecoder::new(stored)))
    } else if first.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        Box::new(BufReader::with_capacity(READ_BYTES, zstd::stream::Decoder::with_buffer(stored)?))
    } else {
        Box::new(stored)
    })
}

impl Source {
    /// The same about an instrument that neither rows nor name tell.
    #[must_use]
    pub fn about(self, instrument: Option<String>) -> Self {
        let format = match self.format {
            Format::Csv(layout) => Format::Csv(layout.about(instrument)),
            Format::Ndjson => Format::Ndjson,
        };
        Self { format, ..self }
    }
}

/// What the first line says about the whole.
fn detect(head: &[u8], path: &Path) -> Format {
    let first = head.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).find(|line| !line.is_empty());
    let line = first.unwrap_or_default();
    if let Some(layout) = Layout::detect(line, path) {
        return Format::Csv(layout);
    }
    let opens_json = |line: &[u8]| line.starts_with(b"{") || line.starts_with(b"[");
    let behind_time = line.iter().position(|byte| *byte == b' ').map(|at| line.split_at(at));
    let timed = behind_time.is_some_and(|(time, rest)| {
        time.iter().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b':')) && opens_json(rest.trim_ascii())
    });
    if opens_json(line) || timed || line.starts_with(b"wss://") || line.starts_with(b"ws://") {
        return Format::Ndjson;
    }
    Format::Csv(Layout::Capture)
}

/// Counts what is read through it.
struct Counted {
    inner: Box<dyn Read + Send>,
    bytes: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.bytes.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_contracts_are_worth_tells_no_recordings_apart() {
        let folder = tempfile::tempdir().unwrap();
        let worth: String = (0..500).map(|n| format!(r#""C{n}-USDT-SWAP":{{"base":1.0}},"#)).collect();
        let note = |venue: &str| format!("{{\"venue\":\"{venue}\",\"contracts\":{{{worth}\"C\":{{\"base\":1.0}}}}}}\n");
        let frame = |n: u32| format!(r#"{{"venue":"okx","received_ms":{n},"frame":{{}}}}"#) + "\n";
        let opened = |text: String| {
            let path = folder.path().join("x");
            std::fs::write(&path, text).unwrap();
            let mut source = Source::open(&path, None).unwrap();
            let mut text = String::new();
            source.content.read_to_string(&mut text).unwrap();
            (hash_of(&source.beginning), source.is_blank, text.len())
        };
        let notes = note("okx") + &note("bitmex");
        let (first, is_blank, length) = opened(notes.clone() + &frame(1));
        assert_eq!((is_blank, length), (false, notes.len() + frame(1).len()));
        assert_ne!(opened(notes.clone() + &frame(2)).0, first);
        assert_eq!(opened(note("bitmex") + &frame(1)).0, first);
        let blank = |text: &str| opened(text.to_owned()).1;
        assert!(
            blank(&notes) && blank("") && blank("exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n")
        );
        assert!(!blank("BTC,SELL,LIMIT,IOC,1,100,100,FILLED,1,1,1790000000000,100\n") && !blank(&frame(1)));
    }

    #[test]
    fn the_first_line_tells_the_format() {
        let snapshot =
            |instrument: Option<&str>| Format::Csv(Layout::Snapshot { instrument: instrument.map(str::to_owned) });
        let cases = [
            ("exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n", "x.csv", Format::Csv(Layout::Tardis)),
            ("time,side,order_type,", "BTCUSD_PERP-liquidationSnapshot-2023-06-25.csv", snapshot(Some("BTCUSD_PERP"))),
            ("1687651200000,SELL,LIMIT,IOC", "x.csv", snapshot(None)),
            ("BTC,SELL,LIMIT,IOC,1", "x.csv", Format::Csv(Layout::Capture)),
            ("<generator object x>,175.5\nBTC,", "x.csv", Format::Csv(Layout::Capture)),
            ("\n{\"e\":1}", "x", Format::Ndjson),
            ("1626916403.8: {\"e\":1}", "x", Format::Ndjson),
            ("wss://fstream <-> 1", "x", Format::Ndjson),
            ("", "x", Format::Csv(Layout::Capture)),
        ];
        for (head, path, format) in cases {
            assert_eq!(detect(head.as_bytes(), Path::new(path)), format, "{head}");
        }
    }
}
