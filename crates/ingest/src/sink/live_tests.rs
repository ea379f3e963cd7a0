//! A disk that answers no more: the thread that has the spool is held up, as it is while SQLite waits for the disk. And one
//! that answers with errors.

use liq_harness::UnreadableLog;
use liq_harness::server::wait_until;

use super::*;
use crate::event::{Event, Side};
use crate::item::Item;

/// Holds the thread up until the sender goes.
fn hold_up(desk: &Desk) -> std::sync::mpsc::Sender<()> {
    let (go_on, held) = std::sync::mpsc::channel();
    let desk = desk.clone();
    tokio::spawn(async move { desk.ask(move |_| held.recv().is_ok()).await });
    go_on
}

fn sink(folder: &std::path::Path) -> (LiveSink, mpsc::Sender<Arrived>, Arc<Metrics>) {
    let config = Config { state_dir: folder.to_owned(), ..Config::default() };
    let metrics = Arc::new(Metrics::default());
    let (door, events) = mpsc::channel(8);
    (LiveSink::open(Arc::new(config), Arc::clone(&metrics), events).unwrap(), door, metrics)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_answers_no_more_is_told_until_it_does() {
    let folder = tempfile::tempdir().unwrap();
    let (sink, _door, metrics) = sink(folder.path());
    let complains = || metrics.health.complaints().iter().any(|text| text.starts_with("spool: the disk"));
    let go_on = hold_up(&sink.desk);
    wait_until("the disk is complained of", complains);
    drop(go_on);
    wait_until("the disk is complained of no more", || !complains());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_answers_no_more_holds_up_no_ending() {
    let folder = tempfile::tempdir().unwrap();
    let (sink, door, _) = sink(folder.path());
    let _go_on = hold_up(&sink.desk);
    let (stop, stopped) = watch::channel(false);
    let running = tokio::spawn(sink.run(stopped));
    stop.send(true).unwrap();
    drop(door);
    wait_until("it ends", || running.is_finished());
}

/// More than SQLite holds in memory.
const MANY: u64 = 50_000;

async fn fill(desk: &Desk) {
    let arrived = |number: u64| {
        let (exchange, symbol, id) = (Arc::from("binance"), Arc::from("A"), format!("{number:064}").into());
        let event = Event { exchange, symbol, ts_ms: 1 + number, side: Side::Buy, price: 1.0, size: 1.0, id };
        (Arc::from("liq:{A}"), Arrived { item: Item::Liquidation(event), at_us: 1 })
    };
    let events: Vec<_> = (0..MANY).map(arrived).collect();
    desk.ask(move |store| store.append(&events, false, |_| 0.0)).await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_cannot_be_read_is_tried_again_after_a_pause_and_a_rewind_is_not_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let (mut sink, _door, metrics) = sink(folder.path());
    fill(&sink.desk).await;
    let unreadable = UnreadableLog::begin(&folder.path().join("spool.sqlite"));
    assert!(sink.has_deliverable().await.unwrap());
    let attempt = sink.deliver().await.unwrap();
    assert!(matches!(attempt, Attempt::Unread));
    assert!(sink.not_before.is_none());
    sink.conclude(&attempt);
    assert!(sink.not_before.is_some());
    let complains = || metrics.health.complaints().iter().any(|text| text.contains("the spool cannot be read"));
    wait_until("it is complained of", complains);
    sink.must_rewind = true;
    assert!(!sink.rewind().await.unwrap() && sink.must_rewind);
    unreadable.end();
    assert!(sink.rewind().await.unwrap() && !sink.must_rewind);
    let next = sink.desk.ask(|store| store.spool.next(1, 1, |_| false).unwrap().len());
    assert_eq!(next.await, Some(1));
    wait_until("it is complained of no more", || !complains());
}
