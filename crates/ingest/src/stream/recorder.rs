//! One's own recording of the feed: every frame with the time of its receipt, and the contract sizes that were used, in a
//! file for each hour that `replay` reads.
//!
//! A file is one zstd stream, flushed every second; a process that was killed leaves one that ends torn, which is read
//! up to there. Files are never written again, so each process begins its own.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant, SystemTime};

use serde_json::json;
use serde_json::value::RawValue;

use crate::contract::{Contract, Contracts};
use crate::event::Event;
use crate::metrics::Metrics;
use crate::sink::now_us;
use crate::venue::Venue;

/// Frames that wait for the disk; more are counted and not recorded, for the feed waits for nothing here.
const MOST_WAITING: usize = 65_536;
const FLUSH_EVERY: Duration = Duration::from_secs(1);
/// What a disk must take before it is said to have room again.
const ROOM_BYTES: usize = 1 << 16;
const HOUR_US: i64 = 3_600_000_000;
/// zstd's own default.
const LEVEL: i32 = 3;

enum Entry {
    Frame { venue: Venue, at_us: i64, text: String },
    Event { at_us: i64, line: String },
    Contracts { venue: Venue, contracts: BTreeMap<String, Contract> },
}

/// Where frames are handed to.
pub struct Recorder {
    entries: SyncSender<Entry>,
    metrics: Arc<Metrics>,
}

impl Recorder {
    /// Records into a folder, and deletes what is older than `keep`. The thread ends when the recorder is gone.
    pub fn start(
        folder: PathBuf,
        keep: Option<Duration>,
        metrics: Arc<Metrics>,
    ) -> io::Result<(Self, std::thread::JoinHandle<()>)> {
        fs::create_dir_all(&folder)?;
        let (entries, received) = sync_channel(MOST_WAITING);
        let writer = Writer {
            folder,
            keep,
            metrics: Arc::clone(&metrics),
            open: None,
            unflushed: 0,
            try_at: None,
            contracts: BTreeMap::new(),
        };
        let thread = std::thread::Builder::new().name("recorder".to_owned()).spawn(move || writer.run(&received))?;
        Ok((Self { entries, metrics }, thread))
    }

    /// Records a frame.
    pub fn frame(&self, venue: Venue, at_us: i64, text: &str) {
        self.hand_over(Entry::Frame { venue, at_us, text: text.to_owned() });
    }

    /// Records an event that came without a frame: what a venue told afterwards.
    pub fn event(&self, at_us: i64, event: &Event) {
        let Event { exchange, symbol, ts_ms, side, price, size, id } = event;
        // Numbers as texts, which are read to the last bit.
        let line = json!({
            "exchange": &**exchange, "symbol": &**symbol, "ts": ts_ms, "side": side.name(),
            "price": price.to_string(), "size": size.to_string(), "id": &**id,
        });
        self.hand_over(Entry::Event { at_us, line: line.to_string() });
    }

    /// Records what a venue's contracts are worth from now on.
    pub fn contracts(&self, venue: Venue, contracts: &Contracts) {
        let known = contracts.names(venue).filter_map(|name| Some((name.to_owned(), contracts.find(venue, name)?)));
        self.hand_over(Entry::Contracts { venue, contracts: known.collect() });
    }

    fn hand_over(&self, entry: Entry) {
        if self.entries.try_send(entry).is_err() {
            self.metrics.unrecorded(1);
        }
    }
}

/// The file of an hour.
struct Open {
    hour: i64,
    stream: zstd::stream::Encoder<'static, File>,
}

struct Writer {
    folder: PathBuf,
    keep: Option<Duration>,
    metrics: Arc<Metrics>,
    open: Option<Open>,
    /// Frames that were written since the file was flushed.
    unflushed: u64,
    /// When a disk that took nothing is tried again.
    try_at: Option<Instant>,
    /// The newest contract sizes, with which each file begins.
    contracts: BTreeMap<Venue, BTreeMap<String, Contract>>,
}

impl Writer {
    fn run(mut self, entries: &Receiver<Entry>) {
        let mut flushed = Instant::now();
        loop {
            let entry = match entries.recv_timeout(FLUSH_EVERY) {
                Ok(entry) => Some(entry),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => break,
            };
            if !self.has_room() {
                entry.into_iter().for_each(|entry| self.pass_over(entry));
                continue;
            }
            let is_frame = entry.as_ref().is_some_and(|entry| !matches!(entry, Entry::Contracts { .. }));
            self.unflushed += u64::from(is_frame);
            let mut outcome = entry.map_or(Ok(()), |entry| self.take(entry));
            if flushed.elapsed() >= FLUSH_EVERY {
                flushed = Instant::now();
                outcome = outcome.and_then(|()| self.flush());
            }
            if let Err(error) = outcome {
                self.fail(&error);
            }
        }
        if let Some(open) = self.open.take() {
            let _ = open.stream.finish();
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.open.as_mut().map_or(Ok(()), |open| open.stream.flush())?;
        self.unflushed = 0;
        Ok(())
    }

    /// Whether the disk takes something, as far as is known: one that took nothing is asked from time to time.
    fn has_room(&mut self) -> bool {
        let Some(at) = self.try_at else { return true };
        if Instant::now() < at {
            return false;
        }
        let probe = self.folder.join(".room");
        let tried = fs::create_dir_all(&self.folder).and_then(|()| fs::write(&probe, [0; ROOM_BYTES]));
        let _ = fs::remove_file(&probe);
        match tried {
            Ok(()) => {
                self.try_at = None;
                self.metrics.health.venue("recorder", None);
            }
            Err(error) => self.fail(&error),
        }
        self.try_at.is_none()
    }

    fn fail(&mut self, error: &io::Error) {
        // A new file once the disk has room; this one may be torn.
        self.open = None;
        self.metrics.unrecorded(std::mem::take(&mut self.unflushed));
        self.metrics.health.venue("recorder", Some(error.to_string()));
        self.try_at = Some(Instant::now() + FLUSH_EVERY);
    }

    /// What cannot be written; what contracts are worth stands at the beginning of the next file.
    fn pass_over(&mut self, entry: Entry) {
        match entry {
            Entry::Contracts { venue, contracts } => drop(self.contracts.insert(venue, contracts)),
            Entry::Frame { .. } | Entry::Event { .. } => self.metrics.unrecorded(1),
        }
    }

    fn take(&mut self, entry: Entry) -> io::Result<()> {
        match entry {
            Entry::Frame { venue, at_us, text } => {
                let frame = match serde_json::from_str::<&RawValue>(&text) {
                    // A frame may be laid out over lines; a record is one.
                    Ok(frame) => frame.get().replace('\n', " "),
                    // What is no JSON would make the line none, and is kept as a text.
                    Err(_) => serde_json::to_string(&text)?,
                };
                let (name, ms) = (venue.name(), at_us / 1_000);
                let stream = self.stream(at_us)?;
                writeln!(stream, r#"{{"venue":"{name}","received_ms":{ms},"frame":{frame}}}"#)
            }
            Entry::Event { at_us, line } => writeln!(self.stream(at_us)?, "{line}"),
            Entry::Contracts { venue, contracts } => {
                let line = contracts_line(venue, &contracts)?;
                self.contracts.insert(venue, contracts);
                match &mut self.open {
                    Some(open) => open.stream.write_all(line.as_bytes()),
                    None => Ok(()),
                }
            }
        }
    }

    /// The stream of this moment's hour.
    fn stream(&mut self, at_us: i64) -> io::Result<&mut zstd::stream::Encoder<'static, File>> {
        let hour = at_us / HOUR_US;
        let is_open = self.open.as_ref().is_some_and(|open| open.hour == hour);
        if !is_open {
            if let Some(done) = self.open.take() {
                done.stream.finish()?;
            }
            self.delete_old();
            let file = File::options().write(true).create_new(true).open(self.folder.join(name_of(at_us)))?;
            let mut stream = zstd::stream::Encoder::new(file, LEVEL)?;
            for (venue, contracts) in &self.contracts {
                stream.write_all(contracts_line(*venue, contracts)?.as_bytes())?;
            }
            return Ok(&mut self.open.insert(Open { hour, stream }).stream);
        }
        match &mut self.open {
            Some(open) => Ok(&mut open.stream),
            None => Err(io::Error::other("no file is open")),
        }
    }

    fn delete_old(&self) {
        let Some(until) = self.keep.and_then(|keep| SystemTime::now().checked_sub(keep)) else { return };
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let is_ours = |path: &Path| path.to_string_lossy().ends_with(ENDING);
            let is_old = entry.metadata().and_then(|facts| facts.modified()).is_ok_and(|at| at < until);
            if is_old && is_ours(&entry.path()) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

const ENDING: &str = ".frames.ndjson.zst";

/// `2026-11-21T14Z-<microseconds>.frames.ndjson.zst`: by name in the order of time.
fn name_of(at_us: i64) -> String {
    let (days, hour) = (at_us.div_euclid(24 * HOUR_US), at_us.div_euclid(HOUR_US).rem_euclid(24));
    let (year, month, day) = civil(days);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}Z-{}{ENDING}", now_us())
}

/// Year, month and day of a day since 1970. Source: Howard Hinnant, "chrono-compatible low-level date algorithms".
const fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year + era * 400 + (month <= 2) as i64, month, day)
}

fn contracts_line(venue: Venue, contracts: &BTreeMap<String, Contract>) -> io::Result<String> {
    let contracts = serde_json::to_string(contracts)?;
    Ok(format!("{{\"venue\":\"{}\",\"contracts\":{contracts}}}\n", venue.name()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_that_takes_nothing_is_told_until_it_takes_something() {
        let parent = tempfile::tempdir().unwrap();
        let (folder, metrics) = (parent.path().join("frames"), Arc::new(Metrics::default()));
        let (recorder, thread) = Recorder::start(folder.clone(), None, Arc::clone(&metrics)).unwrap();
        fs::remove_dir(&folder).unwrap();
        fs::write(&folder, "in its place").unwrap();
        recorder.frame(Venue::Bybit, now_us(), r#"{"n":1}"#);
        let complaint = || metrics.health.complaint_of("recorder");
        let wait = |what: &str, condition: &dyn Fn() -> bool| {
            let begun = Instant::now();
            while !condition() {
                assert!(begun.elapsed() < Duration::from_secs(60), "{what}");
                std::thread::sleep(Duration::from_millis(20));
            }
        };
        wait("it is told", &|| complaint().is_some());
        // Nothing comes meanwhile, which says nothing about the disk.
        std::thread::sleep(FLUSH_EVERY * 5 / 2);
        assert!(complaint().is_some());
        fs::remove_file(&folder).unwrap();
        wait("it is well again without a frame", &|| complaint().is_none());
        recorder.frame(Venue::Bybit, now_us(), r#"{"n":2}"#);
        drop(recorder);
        thread.join().unwrap();
        let files: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        let text = zstd::decode_all(File::open(&files[0]).unwrap()).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert!(files.len() == 1 && text.contains(r#"{"n":2}"#) && !text.contains(r#"{"n":1}"#), "{files:?} {text}");
    }

    #[test]
    fn files_are_named_by_their_hour() {
        for (at_us, name) in [
            (1_795_271_999_000_000, "2026-11-21T14Z-"),
            (951_782_400_000_000, "2000-02-29T00Z-"),
            (0, "1970-01-01T00Z-"),
        ] {
            assert!(name_of(at_us).starts_with(name), "{}", name_of(at_us));
        }
    }
}
