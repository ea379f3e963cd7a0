//! Active defragmentation, on servers that have it (built with their own jemalloc: `scripts/defragmentation`).

use crate::support::server::wait_until;
use crate::support::{Client, Server};
use crate::twin::T0;

const KEYS: u64 = 3000;

fn frag_ratio(client: &mut Client) -> f64 {
    client.info("allocator_frag_ratio").parse().unwrap()
}

#[test]
fn what_fragments_is_moved_together() {
    let server = Server::with(&["active-defrag-ignore-bytes 100kb", "active-defrag-threshold-lower 5", "hz 100"]);
    let mut client = server.connect();
    // Servers on the system's allocator refuse it.
    if client.run("CONFIG SET activedefrag yes").is_error() {
        println!("this server cannot defragment: scripts/defragmentation builds one");
        return;
    }
    client.run("CONFIG SET activedefrag no").ok();
    for key in 0..KEYS {
        let events: Vec<String> =
            (0..100).map(|at| format!("{} buy {} {}", T0 + at * 1000, 100 + at % 5, 1 + at * 7)).collect();
        let ticks: Vec<String> =
            (0..150).map(|at| format!("{} buy {}.5 0.{}", T0 + at * 61_000, 100 + at % 5, 1 + at)).collect();
        let mut lines = vec![
            format!("LIQ.CREATE s{key} CLOCK EVENT TAIL 256"),
            format!("LIQ.MADD s{key} EXCHANGE okx EVENTS {}", events.join(" ")),
            format!("TICK.CREATE m{key} CLOCK EVENT TAIL 64 FIRES fires"),
            format!("TICK.MADD m{key} TICKS {}", ticks.join(" ")),
            format!("TRIG.SET m{key} a LONG SL 50 TRAILPCT 90 PAYLOAD some"),
            format!("TRIG.SET m{key} b ABOVE 5000"),
            format!("RL.CHECK r{key} LIMIT 5 PERIOD 100d SLIDING LIMIT 7 PERIOD 200d SLIDING"),
        ];
        // Every tenth is long enough to have panes.
        if key % 10 == 0 {
            let more: Vec<String> = (0..400).map(|at| format!("{} sell 99 {}", T0 + at * 60_000, at + 1)).collect();
            lines.push(format!("LIQ.MADD s{key} EVENTS {}", more.join(" ")));
        }
        client.pipeline(&lines);
    }
    let kept = |client: &mut Client| -> Vec<String> {
        (1..KEYS)
            .step_by(200)
            .flat_map(|key| [format!("s{key}"), format!("m{key}"), format!("r{key}")])
            .map(|key| client.digest(&key))
            .collect()
    };
    let before = kept(&mut client);
    for key in (0..KEYS).filter(|key| key % 2 == 0 && key % 20 != 0) {
        client.run(&format!("UNLINK s{key} m{key} r{key}"));
    }
    wait_until("it is fragmented", || frag_ratio(&mut client) > 1.3);
    client.run("CONFIG SET activedefrag yes").ok();
    // Plain strings reach 1.07; the box alone left it at 1.76.
    wait_until("it is moved together", || frag_ratio(&mut client) < 1.15);
    assert_eq!(kept(&mut client), before);
    assert_eq!(client.run("CANDLE.RANGE m1 1m COUNT 150").array().len(), 150);
    assert_eq!(client.run("TRIG.DEL m1 a b").int(), 2);
    let read = client.run("LIQ.STATS s1 WINDOW 1h");
    assert_eq!(read.field("count").int(), 100);
}
