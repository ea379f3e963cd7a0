//! Which lines of a server's log are to be expected: a healthy server with a healthy module warns of nothing else.

/// Warnings of a server that was killed while it appended: the next start drops what was cut short; of a transaction that was
/// cut within a command it leaves the beginning, which the start after that stumbles over.
pub(crate) const CUT_SHORT: [&str; 5] = [
    "short read while loading the AOF",
    "Truncating the AOF",
    "aof-load-truncated is enabled",
    "Revert incomplete MULTI/EXEC",
    "MULTI calls can not be nested",
];

/// Warnings that servers write in normal operation, by a piece of their text.
const USUAL: &[&str] = &[
    " is starting ",
    " version=",
    "Configuration loaded",
    "Server initialized",
    "Memory overcommit must be enabled",
    "WARNING overcommit_memory is set to 0",
    "Transparent Huge Pages",
    "TCP backlog setting",
    "User requested shutdown",
    "Received SIGTERM scheduling shutdown",
    "ready to exit, bye bye",
    "Diskless rdb transfer",
    "Connection with replica",
    "Connection with master lost",
    "Connection with primary lost",
    "Replica is about to load the RDB file",
    "Cluster state changed",
    "Cluster is currently down",
    "IP address for this node updated",
    "configEpoch",
    "Failed listening on port",
    "Error condition on socket for SYNC",
    "No cluster configuration found",
    "Missing implement of connection type",
    "Done loading RDB, keys loaded",
    "DB 0:",
    "Loading RDB produced by",
    "Setting secondary replication ID",
    "Redis does not require authentication",
    "Your kernel has a bug",
    "Your system is configured to use the 'xen' clocksource",
    "monotonic clock",
    "is loading the dataset in memory",
    "does not require authentication",
    "Changing databases number from 16 to 1",
    "module exports one or more module-side data types, can't unload",
    "CONFIG REWRITE executed",
    "DB reloaded by DEBUG RELOAD",
    "the new maxmemory value set via CONFIG SET",
    "You specified a maxmemory value that is less than 1MB",
    // A child that saves for a replica, whose server ended meanwhile.
    "Child failed reporting info to parent",
    // A server that ends before it has noticed that the child which gave a replica its data is done.
    "There is a child saving an .rdb",
    // A replica whose primary is gone, at whatever point of its handshake: it tries again.
    "Failed to read response",
    "I/O error",
    "SYNC handshake",
    "Sending command to master in replication handshake",
    "Replica bio thread",
];

/// The lines of `log` at level warning that neither a server writes usually nor the test expects.
pub fn unexpected_warnings(log: &str, expected: &[String]) -> Vec<String> {
    let is_usual = |line: &str| USUAL.iter().any(|text| line.contains(text));
    let is_expected = |line: &str| expected.iter().any(|text| line.contains(text.as_str()));
    log.lines().filter(|line| is_warning(line) && !is_usual(line) && !is_expected(line)).map(str::to_owned).collect()
}

/// `pid:role day month year time # text`: the level is a mark behind the time; crash reports have no such head.
fn is_warning(line: &str) -> bool {
    let mut words = line.split(' ');
    let head = words.next().unwrap_or_default();
    let has_head = head.split_once(':').is_some_and(|(pid, _)| pid.parse::<u32>().is_ok());
    if has_head { words.nth(4) == Some("#") } else { line.starts_with("=== ") || line.contains("panicked at") }
}
