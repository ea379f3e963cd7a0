//! Tests of the spool: what it keeps, in which order it gives it, and what goes when it is full.

use std::collections::BTreeMap;

use liq_core::liq::request::decode_events;

use super::*;
use crate::event::Side;

fn event(symbol: &str, ts_ms: u64, size: f64) -> (Arc<str>, Event) {
    let key = Arc::from(format!("liq:{{{symbol}}}"));
    let (exchange, symbol, id) = (Arc::from("binance"), Arc::from(symbol), Box::from(""));
    (key, Event { exchange, symbol, ts_ms, side: Side::Buy, price: 1.0, size, id })
}

fn times(packed: &Packed) -> Vec<u64> {
    decode_events(packed.payload(), 100_000).unwrap().iter().filter_map(|event| event.ts_ms).collect()
}

fn everything(spool: &mut Spool) -> BTreeMap<String, Vec<u64>> {
    let mut all: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    while !spool.is_empty() {
        let batches = spool.next_batches(100, 7, |_| false).unwrap();
        for (series, packed) in &batches {
            all.entry(series.symbol.to_string()).or_default().extend(times(packed));
        }
        let settled: Vec<_> = batches.iter().map(|(series, packed)| (series.id, packed.seq)).collect();
        spool.settle(&settled).unwrap();
    }
    all
}

#[test]
fn events_come_out_in_order_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = Spool::open(folder.path(), 10_000).unwrap();
    let events: Vec<_> = (0..100).map(|n| event(["A", "B", "C"][n % 3], n as u64, 5.0)).collect();
    for part in events.chunks(9) {
        assert_eq!(spool.append(part, false, |_| 0.0).unwrap(), 0);
    }
    let producer = spool.producer();
    drop(spool);
    let mut spool = Spool::open(folder.path(), 10_000).unwrap();
    assert_eq!((spool.len(), spool.producer()), (100, producer));
    let all = everything(&mut spool);
    for (place, symbol) in ["A", "B", "C"].iter().enumerate() {
        let expected: Vec<u64> = (0..100).filter(|n| n % 3 == place as u64).collect();
        assert_eq!(all[*symbol], expected);
    }
}

#[test]
fn a_batch_that_was_sent_stays_the_same_until_it_is_settled() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = Spool::open(folder.path(), 10_000).unwrap();
    let append = |spool: &mut Spool, range: std::ops::Range<u64>| {
        spool.append(&range.map(|n| event("A", n, 5.0)).collect::<Vec<_>>(), false, |_| 0.0).unwrap();
    };
    append(&mut spool, 0..10);
    let first = spool.next_batches(9, 4, |_| false).unwrap().remove(0).1;
    append(&mut spool, 10..20);
    drop(spool);
    let mut spool = Spool::open(folder.path(), 10_000).unwrap();
    // Another batch size changes nothing for what may already be counted.
    let again = spool.next_batches(9, 2, |_| false).unwrap().remove(0);
    assert_eq!((again.1.seq, times(&again.1)), (first.seq, vec![0, 1, 2, 3]));
    spool.settle(&[(again.0.id, again.1.seq)]).unwrap();
    let next = spool.next_batches(9, 100, |_| false).unwrap().remove(0);
    assert_eq!(times(&next.1), (4..20).collect::<Vec<_>>());
    assert!(next.1.seq > first.seq);
    spool.discard(next.0.id, next.1.seq, 2).unwrap();
    let rest = spool.next_batches(9, 100, |_| false).unwrap().remove(0);
    assert_eq!((times(&rest.1), spool.len()), ([4].into_iter().chain(6..20).collect(), 15));
    spool.settle(&[(rest.0.id, rest.1.seq)]).unwrap();
    drop(spool);
    // Numbers never come again, even when the file is empty.
    let mut spool = Spool::open(folder.path(), 10_000).unwrap();
    append(&mut spool, 20..21);
    assert!(spool.next_batches(9, 100, |_| false).unwrap().remove(0).1.seq > next.1.seq);
}

#[test]
fn a_full_spool_loses_the_smallest_and_large_ones_only_when_no_other_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = Spool::open(folder.path(), 6).unwrap();
    // A's threshold is 50; B has none, so its smallest size of 10 stands in for it.
    spool.append(&[event("A", 0, 60.0)], false, |_| 10.0).unwrap();
    let series = spool.next_batches(9, 9, |_| false).unwrap().remove(0);
    spool.set_threshold(series.0.id, 50.0).unwrap();
    spool.settle(&[(series.0.id, series.1.seq)]).unwrap();
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
        let dropped = spool.append(&[event(symbol, place as u64, size)], false, |_| 10.0).unwrap();
        let mut left: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        let mut rows =
            spool.db.prepare("SELECT s.symbol, e.size FROM event e JOIN series s ON s.id = e.series").unwrap();
        let rows: Vec<(String, f64)> =
            rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect();
        for (symbol, size) in rows {
            left.entry(symbol).or_default().push(size as u64);
        }
        left.values_mut().for_each(|sizes| sizes.sort_unstable());
        let of = |symbol: &str| left.get(symbol).cloned().unwrap_or_default();
        assert_eq!((dropped, of("A"), of("B")), (gone, a, b), "step {place}");
        assert_eq!(spool.len() as usize, of("A").len() + of("B").len());
    }
}

#[test]
fn batches_that_are_on_their_way_are_never_dropped_in_parts() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = Spool::open(folder.path(), 3).unwrap();
    let small: Vec<_> = (0..3).map(|n| event("A", n, 1.0)).collect();
    spool.append(&small, false, |_| 10.0).unwrap();
    let sent = spool.next_batches(9, 9, |_| false).unwrap().remove(0);
    assert_eq!(spool.append(&[event("A", 9, 20.0)], false, |_| 10.0).unwrap(), 1);
    let again = spool.next_batches(9, 9, |_| false).unwrap().remove(0);
    assert_eq!(times(&again.1), times(&sent.1));
}

#[test]
fn one_process_at_a_time_has_the_spool() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = Spool::open(folder.path(), 10).unwrap();
    first.append(&[event("A", 0, 1.0)], false, |_| 0.0).unwrap();
    assert!(Spool::open(folder.path(), 10).is_err());
}
