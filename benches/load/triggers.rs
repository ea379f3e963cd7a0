//! The streams of requests that triggers are measured with.

use super::markets::tick;
use super::resp;
use super::workload::Workload;

/// What the script of `markets` does, and two sorted sets of levels that are looked through at every price: those due at
/// or below (KEYS[8]), those due at or above (KEYS[9]), and the stream that they are told by (KEYS[10]).
pub const LUA_TRIGGERS: &str = "\
    local function fire(key, from, to) \
        local due = redis.call('ZRANGE', key, from, to, 'BYSCORE', 'LIMIT', 0, 100) \
        if #due > 0 then \
            redis.call('ZREM', key, due[1]) \
            redis.call('XADD', KEYS[10], 'MAXLEN', '~', 1000, '*', 'id', due[1], 'price', ARGV[3]) \
        end \
    end \
    fire(KEYS[8], ARGV[3], '+inf') \
    fire(KEYS[9], '-inf', ARGV[3]) ";

/// Arms `count` triggers of `key`, far from every price, and tells how many commands that were.
pub fn arm(key: &str, count: u64) -> impl Iterator<Item = String> {
    let key = key.to_owned();
    (0..count).map(move |place| {
        let (stop, profit) = (40_000 + place % 10_000, 80_000 + place % 10_000);
        format!("TRIG.SET {key} user{place}:stop LONG SL {stop}.{} TP {profit}.5", place % 100)
    })
}

/// The same levels in the sorted sets of the script.
pub fn arm_lua(count: u64) -> impl Iterator<Item = String> {
    (0..count).flat_map(|place| {
        let (stop, profit) = (40_000 + place % 10_000, 80_000 + place % 10_000);
        [
            format!("ZADD lua:below:0 {stop}.{} user{place}:stop", place % 100),
            format!("ZADD lua:above:0 {profit}.5 user{place}:stop"),
        ]
    })
}

/// The script under its hash, for one market with levels.
pub fn lua(name: &'static str, wanted: &'static str, hash: String) -> Workload {
    let mut place = 0;
    Workload::new(name, wanted, 1, move |out| {
        let (ts_ms, side, price, qty) = tick(place);
        let keys = ["p", "t", "1", "2", "3", "4", "5", "below", "above", "fires"].map(|part| format!("lua:{part}:0"));
        let keys = keys.join(" ");
        resp::line(out, &format!("EVALSHA {hash} 10 {keys} {ts_ms} {side} {price} {qty} {place}"));
        place += 1;
    })
}

/// A new trigger, and the same gone again, in turn.
pub fn set_and_delete(name: &'static str, wanted: &'static str, key: &'static str) -> Workload {
    let mut turn = 0_u64;
    Workload::new(name, wanted, 1, move |out| {
        let (id, level) = (turn / 2 % 1_000, 45_000 + turn / 2 % 997);
        let line = match turn % 2 {
            0 => format!("TRIG.SET {key} more{id} LONG SL {level}.5 TP 85000"),
            _ => format!("TRIG.DEL {key} more{id}"),
        };
        turn += 1;
        resp::line(out, &line);
    })
}

/// A member that comes to a sorted set, and goes again, in turn.
pub fn add_and_remove(name: &'static str, key: &'static str) -> Workload {
    let mut turn = 0_u64;
    Workload::new(name, "", 1, move |out| {
        let (id, level) = (turn / 2 % 1_000, 45_000 + turn / 2 % 997);
        let line = match turn % 2 {
            0 => format!("ZADD {key} {level}.5 more{id}"),
            _ => format!("ZREM {key} more{id}"),
        };
        turn += 1;
        resp::line(out, &line);
    })
}

/// A trigger that the price held makes due at once: armed, fired, and told by the stream.
pub fn fire(name: &'static str, wanted: &'static str, key: &'static str) -> Workload {
    let mut turn = 0_u64;
    Workload::new(name, wanted, 1, move |out| {
        turn += 1;
        resp::line(out, &format!("TRIG.SET {key} due{} BELOW 90000", turn % 1_000));
    })
}
