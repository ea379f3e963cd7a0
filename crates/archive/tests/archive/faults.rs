//! A second archiver, a disk that fills, a server that is away, read-only, full, hung or loading.

use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use liq_harness::{Fault, Options, Proxy, Server, wait_until};

use crate::{entries, once};

/// A running archiver, ended by signal 9 when dropped.
pub struct Running(Child);

impl Running {
    pub fn start(url: &str, dir: &Path, more: &[&str]) -> Self {
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
    add_noise(&server, "s", 0);
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

/// 20,000 entries of numbers that no codec makes small, from the millisecond behind this one on.
pub fn add_noise(server: &Server, stream: &str, after_ms: u64) {
    let noise = |number: u64| {
        format!("XADD {stream} {}-0 n {:x}", after_ms + number, number.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    };
    server.connect().pipeline(&(1..=20_000).map(noise).collect::<Vec<_>>());
}

/// An archiver that is killed by the system in the middle of writing a file: by the limit on their length.
pub fn die_while_writing(server: &Server, dir: &Path, stream: &str) {
    let (program, dir) = (env!("CARGO_BIN_EXE_liq-archive"), dir.display());
    let run = format!("ulimit -c 0 -f 64; exec '{program}' run --once --to '{dir}' '{stream}'");
    let output = Command::new("bash").args(["-c", &run]).env("REDIS_URL", server.url()).output().unwrap();
    assert!(output.status.signal().is_some(), "{output:?}");
}

/// All files below a folder, apart from the lock.
fn files(dir: &Path) -> Vec<PathBuf> {
    let found = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let (folders, plain): (Vec<PathBuf>, Vec<PathBuf>) = found.partition(|path| path.is_dir());
    let inner = folders.iter().flat_map(|folder| files(folder));
    inner.chain(plain.iter().filter(|path| !path.ends_with(".lock")).cloned()).collect()
}

#[test]
fn what_is_half_written_has_no_name_that_readers_take_for_a_file() {
    let server = Server::plain();
    let dir = tempfile::tempdir().unwrap();
    add_noise(&server, "s", 0);
    die_while_writing(&server, dir.path(), "s");
    let left = files(dir.path());
    let [torn] = left.as_slice() else { panic!("{left:?}") };
    assert!(liq_archive::file::open(torn).is_err(), "it is half written");
    // The pattern of the guide, `**/*.parquet`, takes names with a dot before them too.
    assert!(!torn.to_str().unwrap().ends_with(".parquet"), "{torn:?}");
    // As earlier versions left them.
    let old = torn.with_file_name(".unfinished-1-0-9-0.parquet");
    std::fs::copy(torn, &old).unwrap();
    assert_eq!(once(&server, dir.path(), &["s"]).0, 0);
    let left = files(dir.path());
    assert!(!left.contains(torn) && !left.contains(&old) && left.len() == 1, "{left:?}");
    assert_eq!(entries(dir.path(), "s").len(), 20_000);
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
