//! The disk is full: a small file system of the test's own, in a name space of its own where the system lets a test have
//! one.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::Stage;
use super::support::server::wait_until;
use super::support::{Fault, Options};

/// A file system of 2 MB, there for as long as a process keeps it.
struct SmallDisk {
    keeper: Child,
    in_user_space: bool,
    /// The place where it is mounted, as processes outside of its name space see it.
    seen: PathBuf,
}

impl SmallDisk {
    /// Nothing where the system allows none.
    fn mount(at: &Path) -> Option<Self> {
        let script = format!("mount -t tmpfs -o size=2m tmpfs '{}' && echo mounted && exec cat", at.display());
        for (in_user_space, flags) in [(false, vec!["-m"]), (true, vec!["-U", "-r", "-m"])] {
            let mut command = Command::new("unshare");
            command.args(flags).args(["sh", "-c", &script]);
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
            let Ok(mut keeper) = command.spawn() else { continue };
            let mut said = String::new();
            let _ = BufReader::new(keeper.stdout.take().unwrap()).read_line(&mut said);
            if said.trim() == "mounted" {
                let seen = PathBuf::from(format!("/proc/{}/root{}", keeper.id(), at.display()));
                return Some(Self { keeper, in_user_space, seen });
            }
            let _ = keeper.kill();
            let _ = keeper.wait();
        }
        None
    }

    /// What puts a program into the name space.
    fn prefix(&self) -> Vec<String> {
        let mut words = vec!["nsenter".to_owned(), "-t".to_owned(), self.keeper.id().to_string(), "-m".to_owned()];
        if self.in_user_space {
            words.extend(["-U".to_owned(), "--preserve-credentials".to_owned()]);
        }
        words
    }

    fn fill(&self) {
        let mut file = std::fs::File::create(self.seen.join("ballast")).unwrap();
        for size in [4096, 1] {
            while file.write_all(&vec![0; size]).is_ok() {}
        }
    }

    fn free(&self) {
        std::fs::remove_file(self.seen.join("ballast")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = self.keeper.kill();
        let _ = self.keeper.wait();
    }
}

/// A full disk still has the room that delivered events left in the spool's own file.
fn send_until_in_memory(stage: &mut Stage) {
    for _ in 0..100 {
        stage.send(300);
        if stage.metric("spool_memory_events") > 0.0 {
            return;
        }
    }
    panic!("the disk is never full");
}

#[test]
fn a_full_disk_stops_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    std::fs::create_dir(&state).unwrap();
    let Some(disk) = SmallDisk::mount(&state) else {
        println!("skipped: this system lets a test mount nothing");
        return;
    };
    let mut stage = Stage::start_by(disk.prefix(), folder, Options::default(), "");
    // Long enough to fill 2 MB many times, were nothing of it given back.
    for _ in 0..40 {
        stage.send(500);
    }
    stage.wait_exact(0);

    // Full, and Redis takes nothing: memory holds them, and health says so as long as it does.
    disk.fill();
    stage.proxy.set(Fault::Refuse);
    send_until_in_memory(&mut stage);
    stage.wait_red("events are in memory only");
    // Redis takes events again: they go on through memory.
    stage.proxy.set(Fault::None);
    wait_until("they are delivered", || stage.stored_by(0) == stage.sent);
    stage.send(50);
    // Answered, too: what is under way stays where it is until it is.
    wait_until("and what comes, too", || stage.stored_by(0) == stage.sent && stage.metric("spool_events") == 0.0);

    // Redis does not once more: what memory holds goes to the disk as soon as that has room.
    stage.proxy.set(Fault::Refuse);
    stage.wait_red("redis: does not take events");
    send_until_in_memory(&mut stage);
    disk.free();
    wait_until("the disk has them", || stage.metric("spool_memory_events") == 0.0);
    stage.running.kill();
    stage.start_again();
    stage.send(50);

    // Full at the start: what is spooled is delivered all the same.
    disk.fill();
    stage.running.kill();
    stage.start_again();
    stage.proxy.set(Fault::None);
    wait_until("what was spooled is delivered", || stage.stored_by(0) == stage.sent);
    stage.send(50);
    wait_until("and what comes", || stage.stored_by(0) == stage.sent);
    disk.free();
    stage.wait_exact(0);
    assert_eq!(stage.metric("spool_dropped_total"), 0.0);
    stage.end();
}
