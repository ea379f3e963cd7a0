//! Triggers beside SET, beside sorted sets in Lua, and what firing costs.

use crate::load::markets::{LUA_TICK, one_by_one};
use crate::load::triggers::{LUA_TRIGGERS, add_and_remove, arm, arm_lua, fire, lua, set_and_delete};
use crate::load::workload::set;
use crate::speed::measure;
use crate::support::{Client, Server};

/// Triggers of a market in which many wait.
const ARMED: u64 = 100_000;

/// Measures on a server whose market `read:0` has seen `seen` ticks.
pub fn run(server: &Server, client: &mut Client, seen: u64, rounds: usize) {
    println!("One market with {ARMED} triggers armed, none of which is due, beside one with none.\n");
    client.run(&format!("CONFIG SET liq.max-triggers {}", ARMED * 2)).ok();
    for key in ["calm:0", "armed:0", "set:0", "due:0"] {
        assert_eq!(client.run(&format!("COPY read:0 {key}")).int(), 1);
    }
    client.run("TICK.ALTER due:0 FIRES due:fires MAXLEN 1000").ok();
    for key in ["armed:0", "set:0"] {
        send(client, arm(key, ARMED));
        assert_eq!(client.run(&format!("TICK.INFO {key}")).field("armed").int() as u64, ARMED);
    }
    send(client, arm_lua(ARMED));
    let hash = client.call(&["SCRIPT", "LOAD", &format!("{LUA_TRIGGERS}{LUA_TICK}")]).text();
    let add = |name, wanted, prefix| one_by_one(name, wanted, "TICK.ADD", prefix, 1, seen);
    let mut workloads = vec![
        set(),
        add("TICK.ADD, none armed", "", "calm"),
        add("TICK.ADD, 100k armed", "<= 1.2, + 5 %, >= 0.9", "armed"),
        lua("price, 5 intervals, tail, two zsets of 100k in Lua", "37 … 50", hash),
        set_and_delete("TRIG.SET and TRIG.DEL in turn among 100k, each", "<= 1.5", "set:0"),
        add_and_remove("ZADD and ZREM in turn among 100k, each", "lua:below:0"),
        fire("TRIG.SET that fires at once, with its entry", "us of TRIG.SET + 6", "due:0"),
    ];
    measure(server, &mut workloads, rounds, "command");
}

fn send(client: &mut Client, lines: impl Iterator<Item = String>) {
    let lines: Vec<String> = lines.collect();
    for lines in lines.chunks(1_000) {
        client.pipeline(lines).iter().for_each(|reply| assert!(!reply.is_error(), "{reply:?}"));
    }
}
