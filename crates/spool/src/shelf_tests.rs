//! Tests of the shelf and of the spool around it: what they keep, in which order they give it, under which numbers, and
//! what goes when there is no room.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use liq_core::grammar::Decimal;
use liq_core::liq::request::{NewEvent, decode_events, encode_events};
use liq_core::liq::series::Side;
use liq_core::market::request::{NewTick, decode_ticks, encode_ticks};
use liq_core::market::tape::{Id, Side as Taker};

use super::*;
use crate::{Place, Spool};

pub(crate) fn is_sound(labels: &Labels, body: &[u8]) -> bool {
    if labels.venue.is_some() { decode_ticks(body, 1).is_ok() } else { decode_events(body, 1).is_ok() }
}

/// An event kept longest from this size on.
pub(crate) fn above(floor: f64, symbol: &str, ts_ms: u64, size: f64) -> Entry {
    let event =
        NewEvent { ts_ms: Some(ts_ms), side: Side::Buy, price: 1.0, size, exchange: Some(b"binance"), id: None };
    Entry {
        key: Arc::from(format!("liq:{{{symbol}}}")),
        labels: Labels { symbol: Arc::from(symbol), ..Labels::default() },
        at_us: ts_ms as i64,
        body: encode_events(&[event]),
        size,
        floor: Some(floor),
    }
}

pub(crate) fn event(symbol: &str, ts_ms: u64, size: f64) -> Entry {
    above(0.0, symbol, ts_ms, size)
}

fn shelf(folder: &Path) -> Shelf {
    Shelf::open(&folder.join("spool.sqlite"), is_sound).unwrap()
}

fn append(shelf: &mut Shelf, symbol: &str, times: std::ops::Range<u64>) {
    let events: Vec<_> = times.map(|time| event(symbol, time, 5.0)).collect();
    shelf.append(&events).unwrap();
}

fn next(shelf: &mut Shelf, batch: usize) -> Consignment {
    shelf.next(9, batch, &|_| false).unwrap().remove(0)
}

/// The times of a consignment's events, one list to a batch.
pub(crate) fn times(consignment: &Consignment) -> Vec<Vec<u64>> {
    let time = |body: &Vec<u8>| decode_events(body, 1).unwrap()[0].ts_ms.unwrap();
    consignment.batches.iter().map(|batch| batch.bodies.iter().map(time).collect()).collect()
}

pub(crate) fn numbers(consignment: &Consignment) -> Vec<u64> {
    consignment.batches.iter().map(|batch| batch.seq).collect()
}

fn settle(shelf: &mut Shelf, consignment: &Consignment, is_new: bool) {
    shelf.settle(consignment.series.id, &consignment.rows, is_new).unwrap();
}

#[test]
fn events_come_out_in_order_and_what_another_process_left_comes_one_by_one_until_something_is_new() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = shelf(folder.path());
    append(&mut first, "A", 0..10);
    append(&mut first, "B", 10..13);
    let sent = next(&mut first, 4);
    assert_eq!((times(&sent), numbers(&sent)), (vec![vec![0, 1, 2, 3]], vec![4]));
    drop(first);

    let mut second = shelf(folder.path());
    append(&mut second, "A", 20..30);
    assert_eq!((second.waiting(), second.rows()), (23, 23));
    let again = next(&mut second, 4);
    assert_eq!(times(&again), (0..10).map(|time| vec![time]).collect::<Vec<_>>());
    assert_eq!((numbers(&again), again.producer.clone()), ((1..=10).collect(), sent.producer));
    settle(&mut second, &again, true);
    // Under a name of its own, whatever number the file has come to.
    let own = next(&mut second, 4);
    assert_eq!(times(&own), [[20, 21, 22, 23]]);
    assert_ne!(own.producer, again.producer);
    settle(&mut second, &own, true);
    assert_eq!(next(&mut second, 100).rows.len(), 6);
    assert_eq!(second.oldest_us(), Some(10), "B waits");
}

#[test]
fn a_batch_stays_as_it_was_sent_until_its_end_is_known() {
    let folder = tempfile::tempdir().unwrap();
    let mut shelf = shelf(folder.path());
    append(&mut shelf, "A", 0..10);
    let sent = next(&mut shelf, 4);
    append(&mut shelf, "A", 10..20);
    let again = next(&mut shelf, 100);
    assert_eq!((times(&again), numbers(&again)), (times(&sent), numbers(&sent)));
    shelf.discard(again.series.id, &again.rows[1..2]).unwrap();
    let rest = next(&mut shelf, 100);
    assert_eq!((times(&rest), numbers(&rest)), (vec![vec![0, 2, 3]], numbers(&sent)));
    settle(&mut shelf, &rest, true);
    assert_eq!(times(&next(&mut shelf, 100)), [(4..20).collect::<Vec<_>>()]);
}

#[test]
fn one_delivery_holds_no_more_than_some_events_and_every_series_has_its_turn() {
    let mut shelf = Shelf::in_memory(is_sound).unwrap();
    let symbols = ["A", "B", "C", "D"];
    symbols.iter().for_each(|symbol| append(&mut shelf, symbol, 0..12_000));
    let mut turns = Vec::new();
    for most_series in [9, 9, 2, 2] {
        let given = shelf.next(most_series, 12_000, &|_| false).unwrap();
        turns.push(given.iter().map(|one| one.series.labels.symbol.to_string()).collect::<String>());
    }
    assert_eq!(turns, ["ABC", "DAB", "CD", "AB"]);
}

#[test]
fn what_was_delivered_is_kept_for_a_while_and_sent_again_after_a_rewind() {
    let folder = tempfile::tempdir().unwrap();
    let mut shelf = shelf(folder.path());
    append(&mut shelf, "A", 0..6);
    let sent = next(&mut shelf, 3);
    settle(&mut shelf, &sent, true);
    assert_eq!((shelf.waiting(), shelf.rows()), (3, 6));
    shelf.rewind().unwrap();
    assert_eq!((shelf.waiting(), shelf.rows()), (6, 6));
    let again = next(&mut shelf, 3);
    assert_eq!((numbers(&again), times(&again).len()), ((1..=6).collect(), 6));
    settle(&mut shelf, &again, false);
    shelf.forget_delivered(Instant::now()).unwrap();
    assert_eq!((shelf.waiting(), shelf.rows()), (0, 0));
    append(&mut shelf, "A", 6..7);
    assert_eq!(numbers(&next(&mut shelf, 3)), [7], "numbers never come again");
}

#[test]
fn a_full_shelf_loses_the_smallest_and_large_ones_only_when_no_other_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let mut shelf = shelf(folder.path());
    // A's threshold is 50; B has none, so its smallest size of 10 stands in for it.
    let put = |shelf: &mut Shelf, event| {
        shelf.append(&[event]).unwrap();
        shelf.shed(shelf.rows().saturating_sub(6), &mut HashSet::new()).unwrap()
    };
    put(&mut shelf, above(10.0, "A", 0, 60.0));
    let first = next(&mut shelf, 9);
    shelf.set_threshold(first.series.id, 50.0).unwrap();
    settle(&mut shelf, &first, true);
    shelf.forget_delivered(Instant::now()).unwrap();
    let steps = [
        // size, symbol, what is left behind it: A's by size, B's by size
        (("A", 40.0), 0, vec![40], vec![]),
        (("A", 55.0), 0, vec![40, 55], vec![]),
        (("B", 12.0), 0, vec![40, 55], vec![12]),
        (("B", 9.0), 0, vec![40, 55], vec![9, 12]),
        (("A", 3.0), 0, vec![3, 40, 55], vec![9, 12]),
        (("A", 49.0), 0, vec![3, 40, 49, 55], vec![9, 12]),
        (("B", 11.0), 1, vec![40, 49, 55], vec![9, 11, 12]),
        (("A", 1.0), 1, vec![40, 49, 55], vec![9, 11, 12]),
        (("A", 70.0), 1, vec![40, 49, 55, 70], vec![11, 12]),
        (("A", 80.0), 1, vec![49, 55, 70, 80], vec![11, 12]),
        (("A", 90.0), 1, vec![55, 70, 80, 90], vec![11, 12]),
        (("B", 10.0), 1, vec![55, 70, 80, 90], vec![11, 12]),
        (("A", 54.0), 1, vec![54, 55, 70, 80, 90], vec![12]),
    ];
    for (place, ((symbol, size), gone, a, b)) in steps.into_iter().enumerate() {
        let dropped = put(&mut shelf, above(10.0, symbol, place as u64, size));
        let mut left: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        let mut rows =
            shelf.db.prepare("SELECT s.symbol, e.size FROM event e JOIN series s ON s.id = e.series").unwrap();
        let rows: Vec<(String, f64)> =
            rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect();
        for (symbol, size) in rows {
            left.entry(symbol).or_default().push(size as u64);
        }
        left.values_mut().for_each(|sizes| sizes.sort_unstable());
        let of = |symbol: &str| left.get(symbol).cloned().unwrap_or_default();
        assert_eq!((dropped, of("A"), of("B")), (gone, a, b), "step {place}");
        assert_eq!(shelf.waiting() as usize, of("A").len() + of("B").len());
    }
}

#[test]
fn what_was_delivered_goes_first_and_what_is_under_way_only_before_what_is_kept_longest() {
    let folder = tempfile::tempdir().unwrap();
    let mut shelf = shelf(folder.path());
    let small: Vec<_> = (0..3).map(|time| above(10.0, "A", time, 1.0)).collect();
    shelf.append(&small).unwrap();
    let sent = next(&mut shelf, 9);
    shelf.append(&[above(10.0, "A", 9, 5.0), above(10.0, "A", 10, 20.0)]).unwrap();
    assert_eq!(shelf.shed(1, &mut HashSet::new()).unwrap(), 1);
    assert_eq!(times(&next(&mut shelf, 9)), times(&sent));
    assert_eq!(shelf.shed(2, &mut HashSet::new()).unwrap(), 2);
    let left = next(&mut shelf, 9);
    assert_eq!((times(&left), numbers(&left)), (vec![vec![2]], numbers(&sent)));
    settle(&mut shelf, &left, true);
    assert_eq!((times(&next(&mut shelf, 9)), shelf.rows()), (vec![vec![10]], 2));
    assert_eq!((shelf.shed(1, &mut HashSet::new()).unwrap(), shelf.rows()), (0, 1));
}

#[test]
fn a_row_that_holds_no_event_is_counted_and_holds_up_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut shelf = shelf(folder.path());
    append(&mut shelf, "A", 0..5);
    append(&mut shelf, "B", 0..1);
    shelf.db.execute("UPDATE event SET body = x'ff' WHERE id IN (2, 3, 6)", []).unwrap();
    let found = shelf.next(9, 9, &|_| false).unwrap();
    assert_eq!((found.len(), times(&found[0])), (1, vec![vec![0, 3, 4]]));
    assert_eq!((shelf.take_undecodable(), shelf.waiting(), shelf.rows()), (3, 3, 3));
}

fn open(folder: &Path) -> Spool {
    Spool::open(folder, 1_000, Duration::ZERO, is_sound).unwrap()
}

#[test]
fn one_process_at_a_time_has_the_spool() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = open(folder.path());
    first.append(vec![event("A", 0, 1.0)]).unwrap();
    assert!(Spool::open(folder.path(), 10, Duration::ZERO, is_sound).is_err());
}

#[test]
fn a_file_that_is_no_spool_is_set_aside_and_its_bytes_are_kept() {
    let foreign = |file: &Path| {
        let db = Connection::open(file).unwrap();
        db.execute_batch("CREATE TABLE other (x); PRAGMA user_version = 77").unwrap();
    };
    let damaged = |file: &Path| {
        let mut shelf = Shelf::open(file, is_sound).unwrap();
        append(&mut shelf, "A", 0..2_000);
        drop(shelf);
        let mut bytes = std::fs::read(file).unwrap();
        let end = bytes.len();
        bytes[4096..end].fill(0x5a);
        std::fs::write(file, bytes).unwrap();
    };
    type Fault<'a> = (&'a str, &'a dyn Fn(&Path));
    let faults: [Fault<'_>; 3] = [
        ("text", &|file: &Path| std::fs::write(file, "no database at all").unwrap()),
        ("foreign", &foreign),
        ("damaged", &damaged),
    ];
    for (name, fault) in faults {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("spool.sqlite");
        fault(&file);
        let bytes = std::fs::read(&file).unwrap();
        let mut spool = open(folder.path());
        spool.append(vec![event("A", 0, 1.0)]).unwrap();
        let state = spool.state();
        assert_eq!((state.waiting, state.set_aside), (1, 1), "{name}");
        let names = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
        let aside: Vec<_> = names.filter(|path| path.to_string_lossy().contains(".broken-")).collect();
        let kept = aside.iter().find(|path| !path.to_string_lossy().ends_with("-wal")).unwrap();
        assert!(std::fs::read(kept).unwrap() == bytes, "{name}");
    }
}

#[test]
fn a_spool_of_the_first_form_is_taken_over_under_its_old_name_and_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let db = Connection::open(folder.path().join("spool.sqlite")).unwrap();
    db.execute_batch(
        "CREATE TABLE series (
            id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, symbol TEXT NOT NULL, exchange TEXT NOT NULL, threshold REAL
        );
        CREATE TABLE event (
            id INTEGER PRIMARY KEY AUTOINCREMENT, series INTEGER NOT NULL, batch INTEGER NOT NULL DEFAULT 0,
            protected INTEGER NOT NULL, size REAL NOT NULL, body BLOB NOT NULL
        );
        CREATE INDEX event_of_series ON event (series, id);
        CREATE INDEX smallest ON event (protected, size) WHERE batch = 0;
        CREATE TABLE producer (name TEXT NOT NULL);
        INSERT INTO producer VALUES ('stream:old');
        INSERT INTO series VALUES (1, 'liq:{A}', 'A', '', NULL);",
    )
    .unwrap();
    let body = event("A", 7, 1.0).body;
    db.execute("INSERT INTO event VALUES (41, 1, 41, 1, 1.0, ?)", [body]).unwrap();
    drop(db);
    let mut spool = open(folder.path());
    spool.append(vec![event("A", 8, 1.0)]).unwrap();
    let (place, old) = spool.next(9, 9, |_| false).unwrap().remove(0);
    assert!(matches!(place, Place::Disk(_)));
    assert_eq!((&*old.producer, numbers(&old), times(&old)), ("stream:old", vec![41], vec![vec![7]]));
    spool.settle(&[(place, old.series.id, old.rows, false)]);
    let (_, new) = spool.next(9, 9, |_| false).unwrap().remove(0);
    assert!(&*new.producer != "stream:old" && times(&new) == [[8]]);
}

/// A trade of a market whose trades have no numbers, of this notional.
fn trade(ts_ms: u64, notional: &str) -> Entry {
    let qty = Decimal::parse(notional.as_bytes()).unwrap();
    let id = format!("t{ts_ms}");
    let tick = NewTick {
        ts_ms: Some(ts_ms),
        side: Taker::Buy,
        price: Some(Decimal::ten_to(0)),
        qty,
        id: Id::Text(id.as_bytes()),
    };
    Entry {
        key: Arc::from("tick:{A}"),
        labels: Labels { symbol: Arc::from("A"), venue: Some(Cow::Borrowed("bybit")), ..Labels::default() },
        at_us: ts_ms as i64,
        body: encode_ticks(&[tick]),
        size: notional.parse().unwrap(),
        floor: None,
    }
}

/// The times of what goes next, and whether it says that trades may be missing before it.
fn ticks(consignment: &Consignment) -> (Vec<u64>, bool) {
    let batch = &consignment.batches[0];
    let time = |body: &Vec<u8>| decode_ticks(body, 1).unwrap()[0].ts_ms.unwrap();
    (batch.bodies.iter().map(time).collect(), batch.follows_gap)
}

#[test]
fn behind_trades_that_had_to_make_room_the_next_one_says_that_some_are_missing() {
    let mut shelf = Shelf::in_memory(is_sound).unwrap();
    let notionals = ["9", "9", "1", "2", "9", "9", "3"];
    let trades: Vec<_> = notionals.iter().zip(10..).map(|(notional, ts_ms)| trade(ts_ms, notional)).collect();
    shelf.append(&trades).unwrap();
    let mut broken_off = HashSet::new();
    assert_eq!(shelf.shed(3, &mut broken_off).unwrap(), 3);
    // Nothing stands behind the last that went: whoever comes next has to say so.
    assert_eq!(broken_off.iter().map(|key| &**key).collect::<Vec<_>>(), ["tick:{A}"]);
    let before = next(&mut shelf, 100);
    assert_eq!(ticks(&before), (vec![10, 11], false));
    settle(&mut shelf, &before, true);
    let behind = next(&mut shelf, 100);
    assert_eq!(ticks(&behind), (vec![14, 15], true));
}

#[test]
fn a_spool_without_room_for_the_newest_trade_has_the_next_one_tell() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = Spool::open(folder.path(), 2, Duration::ZERO, is_sound).unwrap();
    for (ts_ms, notional) in [(10, "9"), (11, "8"), (12, "1"), (13, "7")] {
        spool.append(vec![trade(ts_ms, notional)]).unwrap();
        // Room for the last.
        if ts_ms == 12 {
            let (place, sent) = spool.next(9, 9, |_| false).unwrap().remove(0);
            assert_eq!(ticks(&sent), (vec![10, 11], false));
            spool.settle(&[(place, sent.series.id, sent.rows, true)]);
        }
    }
    let (_, sent) = spool.next(9, 9, |_| false).unwrap().remove(0);
    assert_eq!(ticks(&sent), (vec![13], true));
}

#[test]
fn what_was_delivered_grows_no_older_while_no_server_answers() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path());
    spool.append(vec![event("A", 0, 1.0), event("A", 1, 1.0)]).unwrap();
    let (place, sent) = spool.next(9, 9, |_| false).unwrap().remove(0);
    spool.settle(&[(place, sent.series.id, sent.rows, true)]);
    // Long after, and nobody was heard since.
    spool.forget();
    assert_eq!(spool.rewind().unwrap(), 2);
    let (place, again) = spool.next(9, 9, |_| false).unwrap().remove(0);
    spool.settle(&[(place, again.series.id, again.rows, false)]);
    spool.hear();
    spool.forget();
    assert_eq!(spool.rewind().unwrap(), 0);
}
