//! A disk that answers no more: the thread that has the spool is held up, as it is while SQLite waits for the disk.

use liq_harness::server::wait_until;

use super::*;

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
