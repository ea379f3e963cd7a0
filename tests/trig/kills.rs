//! A fire is never half done: whenever the server is killed, each arming that it acknowledged is armed, pending, or in the
//! stream, and exactly one of them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::support::server::wait_until;
use crate::support::{Client, Server};

/// Arms stops and moves the price over them, until the server is gone. Gives the armings that were acknowledged.
fn trade(mut client: Client, seed: u64, answered: &AtomicUsize) -> Vec<i64> {
    let mut acknowledged = Vec::new();
    let mut random = seed;
    let mut below = |end: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % end
    };
    for number in 0.. {
        let price = 1_000 + below(40);
        let line = match number % 3 {
            0 => format!("TICK.ADD k * buy {price} 1"),
            _ => format!("TRIG.SET k s{seed}:{number} LONG TRAIL {} SL {}", 1 + below(15), 990 + below(20)),
        };
        let words: Vec<&str> = line.split(' ').collect();
        let Ok(reply) = client.try_call(&words) else { break };
        if let Some(arming) = arming_of(&reply) {
            acknowledged.push(arming);
        }
        answered.fetch_add(1, Ordering::Relaxed);
    }
    acknowledged
}

/// The arming in the reply of TRIG.SET: the fourth of its flat map.
fn arming_of(reply: &redis::Value) -> Option<i64> {
    let redis::Value::Array(parts) = reply else { return None };
    match parts.get(..4)? {
        [_, _, redis::Value::BulkString(name), redis::Value::Int(arming)] if name == b"arming" => Some(*arming),
        _ => None,
    }
}

/// Where each arming is: armed, pending, in the stream.
fn places(client: &mut Client) -> BTreeMap<i64, [usize; 3]> {
    let mut places: BTreeMap<i64, [usize; 3]> = BTreeMap::new();
    let mut after = 0;
    loop {
        let rows = client.run(&format!("TRIG.LIST k AFTER {after} COUNT 1000"));
        for row in rows.array() {
            after = row.field("arming").int();
            let place = usize::from(row.field("state").text() == "pending");
            places.entry(after).or_default()[place] += 1;
        }
        if rows.array().is_empty() {
            break;
        }
    }
    for entry in client.run("XRANGE out - +").array() {
        let arming = entry.array()[1].array()[5].text().parse().unwrap();
        places.entry(arming).or_default()[2] += 1;
    }
    places
}

#[test]
fn an_arming_is_in_one_place_whenever_the_server_is_killed() {
    let kills = if std::env::var_os("LIQ_SOAK").is_some() { 500 } else { 12 };
    let mut server = Server::with(&["appendonly yes", "appendfsync always"]);
    let mut client = server.connect();
    client.run("TICK.CREATE k FIRES out").ok();
    client.run("TICK.ADD k * buy 1000 1");
    drop(client);
    let mut acknowledged = Vec::new();
    let mut cuts = 0;
    for kill in 0..kills {
        let answered = Arc::new(AtomicUsize::new(0));
        let traders: Vec<_> = (0..2)
            .map(|trader| {
                let (client, answered) = (server.connect(), Arc::clone(&answered));
                thread::spawn(move || trade(client, kill * 2 + trader, &answered))
            })
            .collect();
        // At any moment: so many answers are no moment in the work of the server.
        wait_until("work", || answered.load(Ordering::Relaxed) as u64 > 40 + kill * 7 % 60);
        server.kill();
        acknowledged.extend(traders.into_iter().flat_map(|trader| trader.join().unwrap()));
        server.start_again();
        let mut client = server.connect();
        // A kill can cut a write short in the middle of a transaction. The server then cuts its file behind the last whole
        // command, which leaves the transaction open in it: the next load would join it with what follows.
        let cuts_now = server.log().matches("Truncating the AOF").count();
        if std::mem::replace(&mut cuts, cuts_now) != cuts_now {
            client.run("BGREWRITEAOF");
            server.wait_for_background();
        }
        // Nothing is judged before a price comes; what was pending is delivered by the next write.
        let places = places(&mut client);
        for arming in &acknowledged {
            let found = places.get(arming).copied().unwrap_or_default();
            assert_eq!(found.iter().sum::<usize>(), 1, "arming {arming} after kill {kill}: {found:?}");
        }
        assert!(places.values().all(|found| found.iter().sum::<usize>() == 1), "nothing is in two places");
    }
    let fired = server.connect().run("XLEN out").int();
    assert!(fired > 10 && acknowledged.len() > 100, "{fired} fires of {} armings", acknowledged.len());
}
