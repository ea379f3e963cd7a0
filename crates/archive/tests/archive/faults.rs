//! A second archiver, a disk that fills, a server that is away, read-only, full, hung or loading.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use liq_harness::{Fault, Options, Proxy, Server, wait_until};

use crate::{entries, once};

/// A running archiver, ended by signal 9 when dropped.
pub struct Running(Child);

impl Running {
    pub fn start(url: &str, dir: &std::path::Path, more: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_liq-archive"));
        command.args(["run", "--every", "20ms", "--to"]).arg(dir).args(["--redis", url]).args(more);
        Self(command.env("RUST_LOG", "error").stderr(Stdio::null()).spawn().unwrap())
    }

    pub fn kill(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

#[test]
fn a_second_archiver_refuses_the_folder() {
    let server = Server::plain();
    let dir = tempfile::tempdir().unwrap();
    let mut first = Running::start(&server.url(), dir.path(), &["s"]);
    wait_until("the first is at work", || dir.path().join(".lock").exists());
    let mut told = String::new();
    wait_until("the second is refused", || {
        // The file is there before it is locked: the second may come between.
        if first.0.try_wait().unwrap().is_some() {
            first = Running::start(&server.url(), dir.path(), &["s"]);
        }
        told = once(&server, dir.path(), &["s"]).1;
        told.contains("another liq-archive is at work here")
    });
    first.kill();
    assert_eq!(once(&server, dir.path(), &["s"]).0, 0, "a killed one leaves no lock");
}

#[test]
fn a_disk_that_fills_trims_nothing_and_leaves_no_half_file() {
    let server = Server::plain();
    let dir = tempfile::tempdir().unwrap();
    // Numbers that no codec makes small.
    let noise = |number: u64| format!("XADD s {number}-0 n {:x}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let lines: Vec<String> = (1..=20_000).map(noise).collect();
    server.connect().pipeline(&lines);
    // A limit on the length of files stands for a disk without room; the signal is off, as for a daemon.
    let run = format!(
        "trap '' XFSZ; ulimit -f 64; exec '{}' run --once --keep 1ms --to '{}' s",
        env!("CARGO_BIN_EXE_liq-archive"),
        dir.path().display()
    );
    let output = Command::new("bash").args(["-c", &run]).env("REDIS_URL", server.url()).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && told.contains("s/1970-01-01/"), "{told}");
    assert_eq!(server.connect().run("XLEN s").int(), 20_000);
    assert!(entries(dir.path(), "s").is_empty());
    let left = std::fs::read_dir(dir.path().join("s/1970-01-01")).unwrap().count();
    assert_eq!(left, 0, "what is unfinished is cleared away");
    assert_eq!(once(&server, dir.path(), &["s", "--keep", "1ms"]).0, 0, "with room it goes on");
    assert_eq!((entries(dir.path(), "s").len(), server.connect().run("XLEN s").int()), (20_000, 0));
}

#[test]
fn a_server_that_is_away_hangs_or_loads_is_waited_for() {
    let mut server = Options::default().without_module().durable().start();
    let dir = tempfile::tempdir().unwrap();
    let proxy = Proxy::before(&server);
    server.kill();
    let _archiver = Running::start(&proxy.url(), dir.path(), &["s"]);
    std::thread::sleep(Duration::from_millis(100));
    server.start_again();
    let mut number = 0;
    let mut add_and_wait = |server: &Server| {
        number += 1;
        server.connect().run(&format!("XADD s {number}-0 n {number}"));
        wait_until("it is on disk", || entries(dir.path(), "s").contains_key(&format!("{number}-0")));
    };
    add_and_wait(&server);
    for fault in [
        Fault::Answer("LOADING Redis is loading the dataset in memory"),
        Fault::Refuse,
        Fault::CutAfter(100),
        Fault::Stall,
    ] {
        proxy.set(fault);
        std::thread::sleep(Duration::from_millis(100));
        proxy.set(Fault::None);
        add_and_wait(&server);
    }
    server.stall();
    std::thread::sleep(Duration::from_millis(100));
    server.resume();
    add_and_wait(&server);
}

#[test]
fn a_read_only_or_full_server_is_archived_and_not_trimmed() {
    let server = Server::plain();
    let dir = tempfile::tempdir().unwrap();
    let mut client = server.connect();
    client.run("XADD s 1-0 n 1");
    client.run("CONFIG SET maxmemory 1").ok();
    assert_eq!(once(&server, dir.path(), &["s"]).0, 0);
    client.run("CONFIG SET maxmemory 0").ok();
    client.run("XADD s 2-0 n 1");
    client.run("REPLICAOF 127.0.0.1 1").ok();
    let (code, told) = once(&server, dir.path(), &["s", "--keep", "1ms"]);
    assert!(code == 1 && told.contains("READONLY") || told.contains("read only"), "{told}");
    assert_eq!(entries(dir.path(), "s").len(), 2);
}

/// The address leads to the new master, and no connection breaks.
#[test]
fn a_demoted_master_is_left_for_the_new_one() {
    let (old, new) = (Server::plain(), Server::plain());
    let dir = tempfile::tempdir().unwrap();
    let address = dir.path().join("redis");
    std::os::unix::fs::symlink(old.socket(), &address).unwrap();
    let mut client = old.connect();
    client.run("XADD s 1-0 n 1");
    let url = format!("redis+unix://{}", address.display());
    let _archiver = Running::start(&url, &dir.path().join("archive"), &["s", "--keep", "1ms"]);
    wait_until("it is trimmed", || client.run("XLEN s").int() == 0);
    client.run("CONFIG SET replica-read-only no").ok();
    client.run("REPLICAOF 127.0.0.1 1").ok();
    client.pipeline(&["MULTI", "XADD s 2-0 n 2", "CONFIG SET replica-read-only yes", "EXEC"]);
    std::fs::remove_file(&address).unwrap();
    std::os::unix::fs::symlink(new.socket(), &address).unwrap();
    let mut client = new.connect();
    client.run("XADD s 3-0 n 3");
    wait_until("the new master is trimmed", || client.run("XLEN s").int() == 0);
    assert!(entries(&dir.path().join("archive"), "s").contains_key("3-0"));
}
