//! How long the server itself was in a command, by its slow log: no client, no network.

use crate::support::Client;

/// Runs `lines` one after the other and returns the microseconds the server spent in each.
pub fn microseconds(client: &mut Client, lines: &[String]) -> Vec<f64> {
    client.run("CONFIG SET slowlog-max-len 100000").ok();
    client.run("CONFIG SET slowlog-log-slower-than 0").ok();
    client.run("SLOWLOG RESET").ok();
    for line in lines {
        let reply = client.run(line);
        assert!(!reply.is_error(), "{line}: {reply:?}");
    }
    client.run("CONFIG SET slowlog-log-slower-than -1").ok();
    // Newest first: the CONFIG SET that ended the log is not in it, the SLOWLOG RESET is the oldest.
    let entries = client.run("SLOWLOG GET -1");
    let mut times: Vec<f64> = entries.array().iter().map(|entry| entry.array()[2].f64()).collect();
    times.reverse();
    let extra = times.len() - lines.len();
    times.split_off(extra)
}
