//! Armings as traders make them, and where each of them is.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::{Client, Reply};

/// One slot, as cluster nodes want it.
pub const MARKET: &str = "tick:{k}";
pub const FIRES: &str = "fires:{k}";

/// A market whose fires go to [`FIRES`], with a price.
pub fn create(client: &mut Client) {
    client.run(&format!("TICK.CREATE {MARKET} FIRES {FIRES}")).ok();
    client.run(&format!("TICK.ADD {MARKET} * buy 1000 1"));
}

/// What one trader was told.
#[derive(Default)]
pub struct Told {
    /// The armings that were acknowledged.
    pub armed: Vec<i64>,
    /// Those of them of which a replica had heard before the trader went on.
    pub heard: Vec<i64>,
}

/// Whether a trader asks after every few writes that a replica has heard of them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Waits {
    Never,
    Sometimes,
}

/// Arms stops and moves the price over them, until the server is gone or serves the market no more.
pub fn trade(mut client: Client, seed: u64, waits: Waits, answered: &AtomicUsize) -> Told {
    let mut told = Told::default();
    let mut random = seed;
    let mut below = |end: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % end
    };
    for number in 0.. {
        let price = 1_000 + below(40);
        let line = match number % 3 {
            0 => format!("TICK.ADD {MARKET} * buy {price} 1"),
            _ => format!("TRIG.SET {MARKET} s{seed}:{number} LONG TRAIL {} SL {}", 1 + below(15), 990 + below(20)),
        };
        let words: Vec<&str> = line.split(' ').collect();
        let Ok(reply) = client.try_call(&words) else { break };
        if matches!(reply, redis::Value::ServerError(_)) {
            break;
        }
        told.armed.extend(arming_of(&reply));
        if waits == Waits::Sometimes && number % 5 == 4 {
            let Ok(redis::Value::Int(replicas)) = client.try_call(&["WAIT", "1", "10000"]) else { break };
            if replicas > 0 {
                told.heard.clone_from(&told.armed);
            }
        }
        answered.fetch_add(1, Ordering::Relaxed);
    }
    told
}

/// The arming in the reply of TRIG.SET: the fourth of its flat map.
fn arming_of(reply: &redis::Value) -> Option<i64> {
    let redis::Value::Array(parts) = reply else { return None };
    match parts.get(..4)? {
        [_, _, redis::Value::BulkString(name), redis::Value::Int(arming)] if name == b"arming" => Some(*arming),
        _ => None,
    }
}

/// How often each arming is armed, pending, and in the stream.
pub fn places(client: &mut Client) -> BTreeMap<i64, [usize; 3]> {
    let mut places: BTreeMap<i64, [usize; 3]> = BTreeMap::new();
    let mut after = 0;
    loop {
        let rows = client.run(&format!("TRIG.LIST {MARKET} AFTER {after} COUNT 1000"));
        for row in rows.array() {
            after = row.field("arming").int();
            let place = usize::from(row.field("state").text() == "pending");
            places.entry(after).or_default()[place] += 1;
        }
        if rows.array().is_empty() {
            break;
        }
    }
    for entry in client.run(&format!("XRANGE {FIRES} - +")).array() {
        let arming = entry.array()[1].array()[5].text().parse().unwrap();
        places.entry(arming).or_default()[2] += 1;
    }
    places
}

/// Each of `armings` is in one place, and nothing that is there is in two.
#[track_caller]
pub fn assert_in_one_place(client: &mut Client, armings: &[i64], when: &str) {
    let places = places(client);
    for arming in armings {
        let found = places.get(arming).copied().unwrap_or_default();
        assert_eq!(found.iter().sum::<usize>(), 1, "arming {arming} {when}: {found:?}");
    }
    let is_once = |found: &[usize; 3]| found.iter().sum::<usize>() == 1;
    assert!(places.values().all(is_once), "nothing is in two places {when}");
}

/// The names of all fires in the stream, oldest first.
pub fn names(client: &mut Client) -> Vec<String> {
    let name = |entry: &Reply| entry.array()[1].array()[1].text();
    client.run(&format!("XRANGE {FIRES} - +")).array().iter().map(name).collect()
}
