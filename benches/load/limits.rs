//! The streams of requests that rate limiters are measured with, each on 100,000 keys.

use super::resp;
use super::workload::{Workload, one_of_100k};

/// One cell of a generic cell rate algorithm as lean as Lua can be: one key holding its theoretical arrival time in
/// microseconds. KEYS[1]; ARGV: microseconds per unit, burst, cost. The reply is that of `RL.CHECK`, in short.
pub const LUA_GCRA: &str = "\
    local time = redis.call('TIME') \
    local now = time[1] * 1000000 + time[2] \
    local interval, burst = tonumber(ARGV[1]), tonumber(ARGV[2]) \
    local arrival = tonumber(redis.call('GET', KEYS[1]) or now) \
    if arrival < now then arrival = now end \
    local following = arrival + interval * ARGV[3] \
    local late = following - interval * burst - now \
    if late > 0 then return {0, burst, math.floor((interval * burst - arrival + now) / interval), math.ceil(late / 1000)} end \
    redis.call('SET', KEYS[1], string.format('%.0f', following), 'PX', math.ceil((following - now) / 1000)) \
    return {1, burst, math.floor((interval * burst - following + now) / interval), -1}";

/// `head`, a key of `prefix`, and `tail`, as one line.
pub fn line(
    name: &'static str,
    wanted: &'static str,
    head: &'static str,
    prefix: &'static str,
    tail: &'static str,
) -> Workload {
    let mut key = one_of_100k(prefix);
    Workload::new(name, wanted, 1, move |out| resp::line(out, format!("{head} {} {tail}", key()).trim_end()))
}

/// The script under its hash.
pub fn lua(name: &'static str, hash: String, tail: &'static str) -> Workload {
    let mut key = one_of_100k("lua");
    Workload::new(name, "", 1, move |out| resp::line(out, &format!("EVALSHA {hash} 1 {} {tail}", key())))
}
