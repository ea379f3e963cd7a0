//! Every entry in exactly one file, though archiver and server are killed again and again under load.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use liq_harness::{Client, Options, wait_until};

use crate::entries;
use crate::faults::Running;

#[test]
fn nothing_is_lost_or_doubled_when_archiver_and_server_are_killed() {
    let is_soak = std::env::var_os("LIQ_SOAK").is_some();
    let kills = if is_soak { 60 } else { 20 };
    let mut server = Options::default().without_module().durable().start();
    let dir = tempfile::tempdir().unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let count = Arc::new(AtomicU64::new(0));
    let writer = std::thread::spawn({
        let (stop, count, url) = (Arc::clone(&stop), Arc::clone(&count), server.url());
        move || {
            let mut acknowledged = Vec::new();
            let mut client: Option<Client> = None;
            while !stop.load(Ordering::SeqCst) {
                let Some(open) = &mut client else {
                    client = Client::open(&url).ok();
                    std::thread::sleep(Duration::from_millis(2));
                    continue;
                };
                let answers = open.try_call(&["XADD", "s", "*", "n", "1", "text", "some text to write"]);
                match answers {
                    Ok(redis::Value::BulkString(id)) => {
                        acknowledged.push(String::from_utf8(id).unwrap());
                        count.fetch_add(1, Ordering::SeqCst);
                    }
                    _ => client = None,
                }
            }
            acknowledged
        }
    });
    let mut archiver = None;
    for kill in 0..kills {
        archiver = Some(Running::start(&server.url(), dir.path(), &["s", "--rows", "200", "--keep", "50ms"]));
        let before = count.load(Ordering::SeqCst);
        wait_until("there is load", || count.load(Ordering::SeqCst) > before + 150);
        if kill % 3 == 0 {
            server.kill();
            server.start_again();
        } else if let Some(running) = &mut archiver {
            running.kill();
        }
        drop(archiver.take());
    }
    stop.store(true, Ordering::SeqCst);
    let acknowledged = writer.join().unwrap();
    drop(archiver);
    let (code, told) = crate::once(&server, dir.path(), &["s", "--keep", "1ms"]);
    assert_eq!(code, 0, "{told}");
    let on_disk = entries(dir.path(), "s");
    let lost: Vec<&String> = acknowledged.iter().filter(|id| !on_disk.contains_key(*id)).collect();
    assert!(lost.is_empty(), "{} of {} lost: {:?}", lost.len(), acknowledged.len(), lost.first());
    let (code, text) = crate::text_of(&server, &["verify", dir.path().to_str().unwrap()]);
    assert_eq!(code, 0, "{text}");
    println!("{} acknowledged, {} on disk, {kills} kills: {text}", acknowledged.len(), on_disk.len());
}
