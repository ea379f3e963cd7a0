//! Opening a recording: decompression, what it is, and a name that stays with its content.

use std::fs::File;
use std::hash::Hasher;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::layout::{Layout, instrument_of};

/// The part of a recording that tells it from others. A recording that grows keeps its head.
const HEAD_BYTES: usize = 4096;
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
    /// Tells recordings apart by their content, so that a renamed or recompressed one is known again.
    pub identity: u64,
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
        let mut head = Vec::with_capacity(HEAD_BYTES);
        plain.by_ref().take(HEAD_BYTES as u64).read_to_end(&mut head)?;
        let mut hasher = fnv::FnvHasher::default();
        hasher.write(&head);
        Ok(Self {
            title: if is_stdin { "standard input".to_owned() } else { path.display().to_string() },
            format: match format {
                Some(Format::Csv(layout)) => Format::Csv(layout.about(instrument_of(path))),
                Some(Format::Ndjson) => Format::Ndjson,
                None => detect(&head, path),
            },
            identity: hasher.finish(),
            stored_bytes,
            read_bytes,
            content: Box::new(Cursor::new(head).chain(plain)),
        })
    }
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
