//! Tests of what becomes of events when the disk fails, comes right again, or its file has to be given up.

use super::*;
use crate::shelf::tests::{event, is_sound, numbers, times};

fn open(folder: &Path) -> Spool {
    Spool::open(folder, 1_000, Duration::ZERO, is_sound).unwrap()
}

/// From here on SQLite finds the file damaged.
fn damage(spool: &Spool) {
    let db = &spool.disk.as_ref().unwrap().db;
    db.execute_batch(
        "PRAGMA writable_schema = ON;
        UPDATE sqlite_schema SET sql = 'CREATE TABLE event (' WHERE name = 'event';
        PRAGMA writable_schema = RESET;",
    )
    .unwrap();
}

/// Only what fits into the pages that the file has.
fn fill_disk(spool: &Spool, pages: u32) {
    let db = &spool.disk.as_ref().unwrap().db;
    db.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(())).unwrap();
}

/// Its deletions fail, as on a disk without room for them.
fn keep_rows(spool: &Spool) {
    let db = &spool.disk.as_ref().unwrap().db;
    db.execute_batch("CREATE TRIGGER stay BEFORE DELETE ON event BEGIN SELECT RAISE(ABORT, 'it stays'); END").unwrap();
}

/// A log that cannot be read, as SQLite finds it on a disk that fails: with an I/O error.
struct Unreadable {
    log: PathBuf,
    bytes: Vec<u8>,
}

impl Unreadable {
    fn begin(spool: &Spool) -> Self {
        let log = beside(&spool.file, "-wal");
        let bytes = std::fs::read(&log).unwrap();
        std::fs::File::options().write(true).open(&log).unwrap().set_len(0).unwrap();
        // Nothing is left of what was read before.
        spool.disk.as_ref().unwrap().db.execute_batch("PRAGMA shrink_memory").unwrap();
        Self { log, bytes }
    }

    fn end(self) {
        let mut file = std::fs::File::options().write(true).open(&self.log).unwrap();
        std::io::Write::write_all(&mut file, &self.bytes).unwrap();
    }
}

/// The times of everything that goes until nothing waits.
fn drain(spool: &mut Spool) -> Vec<u64> {
    let mut sent = Vec::new();
    while spool.state().waiting > 0 {
        let (place, one) = spool.next(9, 100, |_| false).unwrap().remove(0);
        sent.extend(times(&one).into_iter().flatten());
        spool.settle(&[(place, one.series.id, one.rows, true)]);
    }
    sent
}

#[test]
fn what_was_sent_from_a_file_that_was_set_aside_settles_nothing_of_the_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path());
    spool.append((0..50).map(|at| event("A", at, 1.0)).collect()).unwrap();
    let (place, sent) = spool.next(9, 40, |_| false).unwrap().remove(0);
    damage(&spool);
    spool.append((100..120).map(|at| event("B", at, 1.0)).collect()).unwrap();
    assert_eq!((spool.state().set_aside, spool.state().waiting), (1, 20));
    let (series, row) = (sent.series.id, sent.rows[0]);
    spool.set_threshold(place, series, 7.0).unwrap();
    spool.discard(place, series, row);
    spool.settle(&[(place, series, sent.rows, true)]);
    assert_eq!(spool.state().waiting, 20);
    let (_, new) = spool.next(9, 1, |_| false).unwrap().remove(0);
    assert_eq!((new.series.id, &*new.series.labels.symbol, new.series.threshold), (series, "B", None));
    assert_eq!(drain(&mut spool), (100..120).collect::<Vec<_>>());
}

#[test]
fn what_was_under_way_from_memory_goes_before_what_the_disk_takes_when_it_has_room_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path());
    fill_disk(&spool, 1);
    spool.append((0..900).map(|at| event("A", at, 1.0)).collect()).unwrap();
    let (place, under_way) = spool.next(9, 100, |_| false).unwrap().remove(0);
    assert!(matches!(place, Place::Memory(_)));
    assert_eq!(spool.state().in_memory, 900);
    // The disk holds nothing, so its file is begun anew, and has room.
    while spool.state().trouble.is_some() {
        std::thread::sleep(Duration::from_millis(50));
        spool.forget();
    }
    spool.append(vec![event("A", 900, 1.0)]).unwrap();
    assert_eq!(spool.state().in_memory, 100);
    let (mut sent, mut first) = (Vec::new(), None);
    while spool.state().waiting > 0 {
        let (place, one) = spool.next(9, 100, |_| false).unwrap().remove(0);
        first.get_or_insert((place, numbers(&one)));
        sent.extend(times(&one).into_iter().flatten());
        spool.settle(&[(place, one.series.id, one.rows, true)]);
    }
    assert_eq!(first, Some((place, numbers(&under_way))));
    assert_eq!(sent, (0..=900).collect::<Vec<_>>());
}

#[test]
fn what_memory_held_goes_before_the_events_with_which_the_disk_was_found_to_have_room() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path());
    fill_disk(&spool, 1);
    spool.append((0..900).map(|at| event("A", at, 1.0)).collect()).unwrap();
    assert_eq!(spool.state().in_memory, 900);
    fill_disk(&spool, 1_000_000);
    spool.try_disk_at = Instant::now();
    spool.append((900..910).map(|at| event("A", at, 1.0)).collect()).unwrap();
    assert_eq!((spool.state().in_memory, spool.state().trouble), (0, None));
    assert_eq!(drain(&mut spool), (0..910).collect::<Vec<_>>());
}

#[test]
fn events_are_taken_once_where_the_disk_takes_them_and_then_fails_to_make_room() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = Spool::open(folder.path(), 5, Duration::ZERO, is_sound).unwrap();
    keep_rows(&spool);
    spool.append((0..9).map(|at| event("A", at, 1.0)).collect()).unwrap();
    assert_eq!(spool.state().waiting, 9);
    assert_eq!(drain(&mut spool), (0..9).collect::<Vec<_>>());
}

#[test]
fn a_disk_that_cannot_be_read_is_an_error_until_it_can_and_nothing_of_it_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path());
    spool.append((0..50).map(|at| event("A", at, 1.0)).collect()).unwrap();
    let unreadable = Unreadable::begin(&spool);
    for _ in 0..2 {
        assert!(spool.next(9, 10, |_| false).unwrap_err().is_disk());
        let state = spool.state();
        assert_eq!((state.waiting, state.set_aside), (50, 0));
        assert!(state.trouble.unwrap().ends_with("the spool cannot be read"));
    }
    unreadable.end();
    assert_eq!(drain(&mut spool), (0..50).collect::<Vec<_>>());
    assert_eq!(spool.state().trouble, None);
}

#[test]
fn what_was_delivered_while_the_disk_cannot_be_read_is_not_sent_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path());
    spool.append((0..50).map(|at| event("A", at, 1.0)).collect()).unwrap();
    let (place, sent) = spool.next(9, 40, |_| false).unwrap().remove(0);
    let unreadable = Unreadable::begin(&spool);
    spool.settle(&[(place, sent.series.id, sent.rows, true)]);
    assert!(spool.state().trouble.unwrap().ends_with("the spool cannot be read"));
    unreadable.end();
    assert_eq!(times(&spool.next(9, 40, |_| false).unwrap()[0].1), [(40..50).collect::<Vec<_>>()]);
    assert_eq!((spool.state().waiting, spool.state().trouble), (10, None));
}

#[test]
fn a_rewind_that_fails_changes_nothing_and_can_be_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path());
    spool.append((0..5).map(|at| event("A", at, 1.0)).collect()).unwrap();
    let (place, sent) = spool.next(9, 3, |_| false).unwrap().remove(0);
    spool.settle(&[(place, sent.series.id, sent.rows, true)]);
    let unreadable = Unreadable::begin(&spool);
    assert!(spool.rewind().unwrap_err().is_disk());
    unreadable.end();
    assert_eq!((spool.state().waiting, spool.rewind().unwrap(), spool.state().waiting), (2, 3, 5));
    let (_, again) = spool.next(9, 9, |_| false).unwrap().remove(0);
    assert_eq!((times(&again).len(), numbers(&again)), (5, vec![1, 2, 3, 4, 5]));
}

#[test]
fn a_refused_event_that_the_disk_keeps_is_not_given_out_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path());
    spool.append((0..5).map(|at| event("A", at, 1.0)).collect()).unwrap();
    spool.append(vec![event("B", 5, 1.0)]).unwrap();
    keep_rows(&spool);
    let sent = spool.next(9, 9, |_| false).unwrap();
    let (place, a, b) = (sent[0].0, &sent[0].1, &sent[1].1);
    spool.discard(place, a.series.id, a.rows[1]);
    spool.discard(place, b.series.id, b.rows[0]);
    let again = spool.next(9, 9, |_| false).unwrap();
    assert_eq!((again.len(), times(&again[0].1), numbers(&again[0].1)), (1, vec![vec![0, 2, 3, 4]], numbers(a)));
    assert_eq!(drain(&mut spool), [0, 2, 3, 4]);
    // It goes with what was delivered, when the disk lets it.
    spool.hear();
    spool.forget();
    assert!(spool.state().trouble.unwrap().ends_with("what was delivered cannot be deleted"));
    spool.append(vec![event("A", 6, 1.0)]).unwrap();
    assert_eq!((spool.state().in_memory, spool.state().waiting), (0, 1));
    spool.disk.as_ref().unwrap().db.execute_batch("DROP TRIGGER stay").unwrap();
    spool.forget();
    let disk = spool.disk.as_ref().unwrap();
    assert_eq!((disk.rows(), disk.tracks.values().map(|track| track.refused.len()).sum::<usize>()), (1, 0));
    assert_eq!(spool.state().trouble, None);
}
