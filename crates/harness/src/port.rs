//! Ports of 127.0.0.1 for what a test starts and starts again.

use std::fs::File;
use std::hash::{BuildHasher as _, RandomState};
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Mutex;

/// Below those that systems give to outgoing connections, of which any could take the port of a server that is down.
const FIRST: u16 = 12_000;
const LAST: u16 = 31_999;

/// Those that this process chose, as long as it runs.
static CHOSEN: Mutex<Vec<File>> = Mutex::new(Vec::new());

/// A port on which nobody listens, and which no other test of this machine chooses while this process runs.
#[track_caller]
pub fn free_port() -> u16 {
    let folder = locks();
    std::fs::create_dir_all(&folder).expect("a folder of locks");
    let random = RandomState::new();
    let mut candidates = (0..10_000_u32).map(|n| FIRST + (random.hash_one(n) % u64::from(LAST - FIRST + 1)) as u16);
    let (port, lock) = candidates
        .find_map(|port| {
            let lock = File::options().create(true).append(true).open(folder.join(port.to_string())).ok()?;
            lock.try_lock().ok()?;
            TcpListener::bind(("127.0.0.1", port)).ok()?;
            Some((port, lock))
        })
        .expect("a port is free");
    CHOSEN.lock().expect("nobody panics with it").push(lock);
    port
}

/// A file for each port that a test of this user chose.
fn locks() -> PathBuf {
    std::env::temp_dir().join(format!("liq-harness-ports-{}", rustix::process::getuid().as_raw()))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_port_is_chosen_once_and_not_where_somebody_listens() {
        let ports: Vec<u16> = (0..200).map(|_| free_port()).collect();
        assert_eq!(ports.iter().collect::<HashSet<_>>().len(), 200);
        assert!(ports.iter().all(|port| (FIRST..=LAST).contains(port)));
        let listens = TcpListener::bind(("127.0.0.1", ports[0]));
        assert!(listens.is_ok(), "it is held by name only");
        let lock = File::options().append(true).open(locks().join(ports[0].to_string()));
        assert!(lock.expect("its lock").try_lock().is_err());
    }
}
