//! The spool: a shelf on disk, and one in memory for as long as the disk takes nothing.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::entry::{Consignment, Entry, Sound};
use crate::shelf::Shelf;
use crate::trouble::Trouble;
use crate::{SpoolError, wal};

/// The most events that are held in memory while the disk takes none.
const MOST_IN_MEMORY: u64 = 50_000;
/// How often a disk that takes nothing is tried again.
const DISK_PAUSE: Duration = Duration::from_secs(1);

/// Which shelf a consignment is of. Each has a number of its own: what was sent from one that is gone tells nothing of the
/// one in its place, which numbers series and rows anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The file.
    Disk(u64),
    /// The process' memory.
    Memory(u64),
}

/// What the spool is like.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct State {
    /// Events that were not delivered.
    pub waiting: u64,
    /// Those of them that only memory holds.
    pub in_memory: u64,
    /// When the oldest of them came, Unix microseconds.
    pub oldest_us: Option<i64>,
    /// What ails the disk.
    pub trouble: Option<String>,
    /// Events that had to make room, since the last time this was asked.
    pub dropped: u64,
    /// Rows that held no event, since the last time.
    pub undecodable: u64,
    /// Transactions of the log that were written and cannot be read, since the last time.
    pub lost_transactions: u64,
    /// Files that were set aside, since the last time.
    pub set_aside: u64,
}

/// Both shelves.
#[derive(Debug)]
pub struct Spool {
    file: PathBuf,
    pub(super) disk: Option<Shelf>,
    memory: Option<Shelf>,
    /// How many shelves were begun or opened on disk, and how many in memory.
    opened: (u64, u64),
    most_events: u64,
    /// How long events are kept that were delivered, as long as the server answers that took them.
    grace: Duration,
    /// When the server that took the events was heard last.
    heard: Option<Instant>,
    trouble: Option<String>,
    try_disk_at: Instant,
    /// Why what lies on disk cannot be read, and why it cannot be deleted.
    unread: Trouble,
    undeleted: Trouble,
    is_sound: Sound,
    /// Markets whose newest trades are gone, so that the next one follows a gap.
    broken_off: HashSet<Arc<str>>,
    /// What was counted since the state was asked for last.
    counted: State,
}

impl Spool {
    /// Opens or begins the spool of a folder; no two processes can have one. A file that is no spool is set aside. A
    /// full disk is no error: events are held in memory until it has room.
    pub fn open(folder: &Path, most_events: u64, grace: Duration, is_sound: Sound) -> Result<Self, SpoolError> {
        let mut spool = Self {
            file: folder.join("spool.sqlite"),
            disk: None,
            memory: None,
            opened: (0, 0),
            most_events,
            grace,
            heard: None,
            trouble: None,
            try_disk_at: Instant::now(),
            unread: Trouble::default(),
            undeleted: Trouble::default(),
            is_sound,
            broken_off: HashSet::new(),
            counted: State::default(),
        };
        let opened = std::fs::create_dir_all(folder).map_err(SpoolError::from).and_then(|()| spool.open_disk());
        match opened {
            Err(error) if error.is_disk() => spool.disk_fails(&error),
            opened => opened?,
        }
        Ok(spool)
    }

    fn open_disk(&mut self) -> Result<(), SpoolError> {
        let log = wal::examine(&beside(&self.file, "-wal"))?;
        if log.lost > 0 {
            self.counted.lost_transactions += log.lost;
            tracing::error!(file = %self.file.display(), lost = log.lost, read = log.sound,
                "the spool's log is damaged: what was written behind the damage is lost");
        }
        self.opened.0 += 1;
        match Shelf::open(&self.file, self.is_sound) {
            Ok(shelf) => self.disk = Some(shelf),
            Err(error) if error.is_damage() => {
                self.set_aside(&error)?;
                self.disk = Some(Shelf::open(&self.file, self.is_sound)?);
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Renames the file and its log, so that nothing of it is lost to whoever can read it.
    fn set_aside(&mut self, why: &SpoolError) -> Result<(), SpoolError> {
        self.disk = None;
        (self.unread, self.undeleted) = (Trouble::default(), Trouble::default());
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |passed| passed.as_secs());
        let mut aside = beside(&self.file, &format!(".broken-{seconds}"));
        for again in 1.. {
            if !aside.exists() {
                break;
            }
            aside = beside(&self.file, &format!(".broken-{seconds}-{again}"));
        }
        std::fs::rename(&self.file, &aside)?;
        for end in ["-wal", "-shm"] {
            let _ = std::fs::rename(beside(&self.file, end), beside(&aside, end));
        }
        self.counted.set_aside += 1;
        tracing::error!(%why, aside = %aside.display(), "the spool cannot be used: it was set aside and a new one begun");
        Ok(())
    }

    fn disk_fails(&mut self, error: &SpoolError) {
        if self.trouble.is_none() {
            tracing::error!(%error, file = %self.file.display(), "the disk takes no events; they are held in memory");
        }
        self.trouble = Some(error.to_string());
        self.try_disk_at = Instant::now() + DISK_PAUSE;
    }

    /// The disk cannot be read: a file that will never do is set aside, anything else may pass.
    fn cannot_read(&mut self, error: SpoolError) -> Result<(), SpoolError> {
        if error.is_damage() {
            self.set_aside(&error)?;
            return self.open_disk();
        }
        self.unread.begin(&error, &self.file, "the spool cannot be read");
        Err(error)
    }

    /// What the spool is like now; what is counted since the last time starts anew.
    pub fn state(&mut self) -> State {
        let shelves = || self.disk.iter().chain(&self.memory);
        let state = State {
            waiting: shelves().map(Shelf::waiting).sum(),
            in_memory: self.memory.as_ref().map_or(0, Shelf::waiting),
            oldest_us: shelves().filter_map(Shelf::oldest_us).min(),
            trouble: self.trouble.clone().or_else(|| self.unread.text()).or_else(|| self.undeleted.text()),
            ..std::mem::take(&mut self.counted)
        };
        let undecodable: u64 = self.disk.iter_mut().chain(&mut self.memory).map(Shelf::take_undecodable).sum();
        if undecodable > 0 {
            tracing::error!(undecodable, "rows of the spool held no event and are gone");
        }
        State { undecodable: state.undecodable + undecodable, ..state }
    }

    /// Whether events of this key wait that came before a moment, Unix microseconds.
    pub fn has_waiting_since(&self, key: &str, before_us: i64) -> bool {
        self.disk.iter().chain(&self.memory).any(|shelf| shelf.has_waiting_since(key, before_us))
    }

    /// Takes events: on disk, else in memory. Where there is no room the smallest go; where trades are not numbered, the
    /// next one of that market tells that some are missing.
    pub fn append(&mut self, mut entries: Vec<Entry>) -> Result<(), SpoolError> {
        if !self.broken_off.is_empty() {
            for entry in &mut entries {
                if self.broken_off.remove(&entry.key) {
                    entry.follow_gap();
                }
            }
        }
        let kept = self.keep(&entries);
        if kept.is_err() {
            let lost = entries.iter().filter(|entry| entry.labels.is_unnumbered());
            self.broken_off.extend(lost.map(|entry| Arc::clone(&entry.key)));
        }
        kept
    }

    fn keep(&mut self, entries: &[Entry]) -> Result<(), SpoolError> {
        if self.trouble.is_none() || Instant::now() >= self.try_disk_at {
            let mut appended = self.append_to_disk(entries);
            match &appended {
                Err(error) if error.is_damage() => {
                    appended = self.set_aside(error).and_then(|()| self.append_to_disk(entries));
                }
                Err(error) if error.is_disk() && self.trouble.is_none() => {
                    // The log may hold what would be enough.
                    self.disk.iter().for_each(Shelf::shrink);
                    appended = self.append_to_disk(entries);
                }
                _ => {}
            }
            match appended {
                Ok(()) => return Ok(()),
                Err(error) => self.disk_fails(&error),
            }
        }
        let memory = match &mut self.memory {
            Some(memory) => memory,
            None => {
                self.opened.1 += 1;
                self.memory.insert(Shelf::in_memory(self.is_sound)?)
            }
        };
        memory.append(entries)?;
        let most = self.most_events.min(MOST_IN_MEMORY);
        self.counted.dropped += memory.shed(memory.rows().saturating_sub(most), &mut self.broken_off)?;
        Ok(())
    }

    fn append_to_disk(&mut self, entries: &[Entry]) -> Result<(), SpoolError> {
        if self.disk.is_none() {
            if let Some(folder) = self.file.parent() {
                std::fs::create_dir_all(folder)?;
            }
            self.open_disk()?;
        }
        let Some(disk) = &mut self.disk else { return Ok(()) };
        if self.trouble.is_some() {
            disk.try_room()?;
            self.disk_works()?;
        }
        let Some(disk) = &mut self.disk else { return Ok(()) };
        disk.append(entries)?;
        let surplus = disk.rows().saturating_sub(self.most_events);
        if surplus > 0 {
            // They are taken, whatever becomes of the surplus; were it their error, they would be taken once more.
            match disk.shed(surplus, &mut self.broken_off) {
                Ok(dropped) => self.counted.dropped += dropped,
                Err(error) => self.disk_fails(&error),
            }
        }
        Ok(())
    }

    /// The disk takes events again, so those in memory that were never sent go there, before any that come now.
    fn disk_works(&mut self) -> Result<(), SpoolError> {
        if let (Some(disk), Some(memory)) = (&mut self.disk, &mut self.memory) {
            let unsent = memory.take_unsent()?;
            if let Err(error) = disk.append(&unsent) {
                memory.append(&unsent)?;
                return Err(error);
            }
        }
        self.trouble = None;
        tracing::info!("the disk takes events again");
        Ok(())
    }

    /// What goes next to each of at most `most_series` keys, the same again until it is settled. Keys in `passed` are
    /// passed over. Of a key that waits in both places goes what came first. An error where the disk cannot be read and
    /// memory has nothing to give: whoever asks again without a pause asks in vain.
    pub fn next(
        &mut self,
        most_series: usize,
        batch: usize,
        passed: impl Fn(&str) -> bool,
    ) -> Result<Vec<(Place, Consignment)>, SpoolError> {
        let (mut found, memory_first) = (Vec::new(), self.memory_first());
        let is_later = |key: &str| passed(key) || memory_first.contains(key);
        let read = self.disk.as_mut().map_or(Ok(Vec::new()), |disk| disk.next(most_series, batch, &is_later));
        let unread = match read {
            Ok(consignments) => {
                found.extend(consignments.into_iter().map(|one| (Place::Disk(self.opened.0), one)));
                None
            }
            Err(error) => self.cannot_read(error).err(),
        };
        if !found.is_empty() {
            self.unread.end("the spool can be read again");
        }
        let disk = self.disk.as_ref();
        if let Some(memory) = &mut self.memory {
            let waits_on_disk = |key: &str| disk.is_some_and(|disk| disk.oldest_of(key).is_some());
            let is_later = |key: &str| passed(key) || (waits_on_disk(key) && !memory_first.contains(key));
            let consignments = memory.next(most_series, batch, &is_later)?;
            found.extend(consignments.into_iter().map(|one| (Place::Memory(self.opened.1), one)));
        }
        unread.filter(|_| found.is_empty()).map_or(Ok(found), Err)
    }

    /// Keys of which memory holds what came before anything on disk: it had been sent when the disk had room again, so it
    /// stayed what and where it was.
    fn memory_first(&self) -> HashSet<Arc<str>> {
        let on_disk = |key: &str| self.disk.as_ref().and_then(|disk| disk.oldest_of(key));
        let sent = self.memory.iter().flat_map(Shelf::unanswered);
        let earlier = sent.filter(|(key, at_us)| on_disk(key).is_some_and(|on_disk| *at_us < on_disk));
        earlier.map(|(key, _)| Arc::clone(key)).collect()
    }

    /// Whether events wait of a key that is not to be passed over.
    pub fn has_waiting(&self, passed: impl Fn(&str) -> bool) -> bool {
        self.disk.iter().chain(&self.memory).any(|shelf| shelf.has_waiting(&passed))
    }

    /// Notes what was delivered: where, whose, which rows, and whether any of them was new to the server. Whatever the disk
    /// does, it is not sent again.
    pub fn settle(&mut self, delivered: &[(Place, i64, Vec<i64>, bool)]) {
        for (place, series, rows, is_new) in delivered {
            let counted = self.shelf(*place).map_or(Ok(()), |shelf| shelf.settle(*series, rows, *is_new));
            if let Err(error) = counted {
                self.unread.begin(&error, &self.file, "the spool cannot be read");
            }
        }
        self.forget();
    }

    /// Notes that the server answers which took what was delivered, and would take more.
    pub fn hear(&mut self) {
        self.heard = Some(Instant::now());
    }

    /// Deletes what had been delivered for longer than it is kept when the server was heard last; to be called now and
    /// then. While no server answers nothing grows older: the one that answers next may lack it, however long that takes.
    /// A disk that took nothing is tried again.
    pub fn forget(&mut self) {
        if self.trouble.is_some() && Instant::now() >= self.try_disk_at {
            self.begin_anew_if_delivered();
            let opened = if self.disk.is_none() { self.open_disk() } else { Ok(()) };
            let tried = opened.and_then(|()| self.disk.as_ref().map_or(Ok(()), Shelf::try_room));
            if let Err(error) = tried.and_then(|()| self.disk_works()) {
                self.disk_fails(&error);
            }
        }
        if self.disk.as_ref().is_none_or(|disk| disk.waiting() == 0) {
            self.unread.end("nothing waits in the spool any more");
        }
        let Some(until) = self.heard.and_then(|heard| heard.checked_sub(self.grace)) else { return };
        let forgotten: Vec<_> =
            self.disk.iter_mut().chain(&mut self.memory).map(|shelf| shelf.forget_delivered(until)).collect();
        match forgotten.into_iter().collect::<Result<(), _>>() {
            Ok(()) => self.undeleted.end("what was delivered can be deleted again"),
            Err(error) => self.undeleted.begin(&error, &self.file, "what was delivered cannot be deleted"),
        }
        if self.memory.as_ref().is_some_and(|memory| memory.rows() == 0) && self.trouble.is_none() {
            self.memory = None;
        }
    }

    /// Deleting rows takes room, too, of which there is none; a file that holds nothing undelivered can go as a whole.
    fn begin_anew_if_delivered(&mut self) {
        if self.disk.as_ref().is_some_and(|disk| disk.waiting() == 0) {
            self.disk = None;
            for end in ["", "-wal", "-shm"] {
                let _ = std::fs::remove_file(beside(&self.file, end));
            }
        }
    }

    /// Takes everything that is still held for undelivered: the server may have lost it. Answers how many events that are.
    /// Where the disk cannot be read it is to be asked for again, before anything is sent.
    pub fn rewind(&mut self) -> Result<u64, SpoolError> {
        let waiting = |spool: &Self| spool.disk.iter().chain(&spool.memory).map(Shelf::waiting).sum::<u64>();
        let before = waiting(self);
        self.disk.as_mut().map_or(Ok(()), Shelf::rewind).or_else(|error| self.cannot_read(error))?;
        self.memory.as_mut().map_or(Ok(()), Shelf::rewind)?;
        Ok(waiting(self).saturating_sub(before))
    }

    /// Takes a row away that the server will never take. Whatever the disk does, it is not given out again.
    pub fn discard(&mut self, place: Place, series: i64, row: i64) {
        if let Some(Err(error)) = self.shelf(place).map(|shelf| shelf.discard(series, &[row])) {
            tracing::debug!(%error, row, "a refused event stays in the spool until what comes behind it is deleted");
        }
    }

    /// Notes from which size on a series' events are kept longest.
    pub fn set_threshold(&mut self, place: Place, series: i64, threshold: f64) -> Result<(), SpoolError> {
        self.shelf(place).map_or(Ok(()), |shelf| shelf.set_threshold(series, threshold))
    }

    /// The shelf that something was sent from; nothing when it is gone.
    fn shelf(&mut self, place: Place) -> Option<&mut Shelf> {
        match place {
            Place::Disk(number) => self.disk.as_mut().filter(|_| number == self.opened.0),
            Place::Memory(number) => self.memory.as_mut().filter(|_| number == self.opened.1),
        }
    }
}

/// The path with more at the end of its name.
fn beside(file: &Path, end: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}

#[cfg(test)]
#[path = "spool_tests.rs"]
mod tests;
