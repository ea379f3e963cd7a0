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

/// The times of everything that goes until nothing waits.
fn drain(spool: &mut Spool) -> Vec<u64> {
    let mut sent = Vec::new();
    while spool.state().waiting > 0 {
        let (place, one) = spool.next(9, 100, |_| false).unwrap().remove(0);
        sent.extend(times(&one).into_iter().flatten());
        spool.settle(&[(place, one.series.id, one.rows, true)]).unwrap();
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
    spool.discard(place, series, row).unwrap();
    spool.settle(&[(place, series, sent.rows, true)]).unwrap();
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
        spool.settle(&[(place, one.series.id, one.rows, true)]).unwrap();
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
    let db = &spool.disk.as_ref().unwrap().db;
    db.execute_batch("CREATE TRIGGER stay BEFORE DELETE ON event BEGIN SELECT RAISE(ABORT, 'it stays'); END").unwrap();
    spool.append((0..9).map(|at| event("A", at, 1.0)).collect()).unwrap();
    assert_eq!(spool.state().waiting, 9);
    assert_eq!(drain(&mut spool), (0..9).collect::<Vec<_>>());
}
