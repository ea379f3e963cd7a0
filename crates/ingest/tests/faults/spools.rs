//! The spool is corrupt, another's, or older than it should be.

use std::path::{Path, PathBuf};

use super::support::Fault;
use super::{Row, Stage};

pub const ROWS: &[Row] = &[
    Row { name: "killed with a spool that is no database", server: &[], settings: "", act: no_database },
    Row { name: "another program's spool", server: &[], settings: "", act: foreign },
    Row { name: "a spool that was rolled back", server: &[], settings: "", act: rolled_back },
    Row { name: "a damaged log", server: &[], settings: "", act: damaged_log },
    Row { name: "rows that hold no event", server: &[], settings: "", act: broken_rows },
];

fn no_database(stage: &mut Stage) -> usize {
    stage.wait_exact(0);
    stage.running.kill();
    for name in ["spool.sqlite", "spool.sqlite-wal"] {
        std::fs::write(stage.state_dir().join(name), "no database at all, and rather long for none").unwrap();
    }
    stage.start_again();
    stage.wait_green();
    stage.tell("spool_set_aside_total");
    assert_eq!(stage.metric("spool_set_aside_total"), 1.0);
    let log = std::fs::read_to_string(stage.folder.path().join("log")).unwrap();
    assert!(log.contains("spool.sqlite.broken-"), "{log}");
    0
}

fn foreign(stage: &mut Stage) -> usize {
    stage.wait_exact(0);
    stage.running.kill();
    std::fs::remove_dir_all(stage.state_dir()).unwrap();
    std::fs::create_dir(stage.state_dir()).unwrap();
    let theirs = rusqlite::Connection::open(stage.state_dir().join("spool.sqlite")).unwrap();
    theirs.execute_batch("CREATE TABLE song (title); INSERT INTO song VALUES ('x'); PRAGMA user_version = 77").unwrap();
    drop(theirs);
    stage.start_again();
    stage.wait_green();
    stage.tell("spool_set_aside_total");
    assert_eq!(stage.metric("spool_set_aside_total"), 1.0);
    // It is another's: what it held is there, under another name.
    let mut files = std::fs::read_dir(stage.state_dir()).unwrap().map(|entry| entry.unwrap().path());
    let is_aside = |path: &PathBuf| {
        let name = path.to_string_lossy();
        name.contains(".broken-") && !name.ends_with("-wal") && !name.ends_with("-shm")
    };
    let aside = files.find(is_aside).expect("it was set aside");
    let theirs = rusqlite::Connection::open(aside).unwrap();
    assert_eq!(theirs.query_row("SELECT count(*) FROM song", [], |row| row.get::<_, i64>(0)).unwrap(), 1);
    0
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

fn rolled_back(stage: &mut Stage) -> usize {
    stage.wait_exact(0);
    stage.running.kill();
    let kept = stage.folder.path().join("kept");
    copy(&stage.state_dir(), &kept);
    stage.start_again();
    stage.send(300);
    stage.wait_exact(0);
    stage.running.kill();
    // The volume comes back as it was 300 events ago.
    std::fs::remove_dir_all(stage.state_dir()).unwrap();
    copy(&kept, &stage.state_dir());
    stage.start_again();
    stage.send(400);
    0
}

fn damaged_log(stage: &mut Stage) -> usize {
    stage.wait_exact(0);
    stage.proxy.set(Fault::Refuse);
    for _ in 0..20 {
        stage.send(3);
    }
    stage.running.kill();
    let log = stage.state_dir().join("spool.sqlite-wal");
    let mut bytes = std::fs::read(&log).unwrap();
    let place = bytes.len() - 30_000;
    bytes[place] ^= 1;
    std::fs::write(&log, bytes).unwrap();
    stage.proxy.set(Fault::None);
    stage.start_again();
    stage.wait_green();
    let lost = stage.metric("spool_lost_transactions_total");
    stage.tell("spool_lost_transactions_total");
    assert!(lost >= 1.0, "{lost}");
    // What lay behind the damage is gone, and was said to be.
    super::support::server::wait_until("the rest is delivered", || stage.metric("spool_events") == 0.0);
    let left = stage.stored_by(0);
    assert!(left < stage.sent, "nothing was damaged");
    stage.sent = left;
    0
}

fn broken_rows(stage: &mut Stage) -> usize {
    stage.wait_exact(0);
    stage.proxy.set(Fault::Refuse);
    stage.send(30);
    stage.running.kill();
    let db = rusqlite::Connection::open(stage.state_dir().join("spool.sqlite")).unwrap();
    let rows = "(SELECT id FROM event ORDER BY id DESC LIMIT 4)";
    let broken = db.execute(&format!("UPDATE event SET body = x'c1' WHERE id IN {rows}"), []).unwrap();
    drop(db);
    stage.proxy.set(Fault::None);
    stage.start_again();
    stage.sent -= broken as u64;
    stage.wait_exact(0);
    stage.tell("spool_undecodable_total");
    assert_eq!(stage.metric("spool_undecodable_total"), broken as f64);
    0
}
