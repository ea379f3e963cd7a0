//! Series and markets that come whole while memory is short, as by RESTORE and MIGRATE.

use crate::memory_modes::{detail, expecting_modes, mode, put_ballast, set_budget};
use crate::support::server::wait_until;
use crate::support::{Options, Server};

#[test]
fn what_comes_while_memory_is_short_is_brought_to_what_the_mode_leaves() {
    let primary = expecting_modes(Options::default().tcp().line("hz 100").start());
    let replica = Server::replica_of(&primary, &[]);
    let mut client = primary.connect();
    put_ballast(&mut client);
    let events: String = (1..200).map(|n| format!(" {} sell 100 {n}", n * 1000)).collect();
    client.run("LIQ.CREATE series TAIL 8192 CLOCK EVENT").ok();
    client.run(&format!("LIQ.MADD series EVENTS{events}"));
    client.run("TICK.CREATE market TAIL 4096").ok();
    client.run("TICK.ADD market * buy 100 1");
    let [series, market] = ["series", "market"].map(|key| client.run(&format!("DUMP {key}")).bytes().to_vec());
    client.run("DEL series market");
    set_budget(&mut client, 75);
    wait_until("memory is short", || mode(&mut client) == "compact");
    // The first may come before the walk of the mode is over, the last surely comes behind it.
    for round in 0..4 {
        let (to, market_to) = (format!("series:{round}"), format!("market:{round}"));
        client.call(&[b"RESTORE", to.as_bytes(), b"0", &series]).ok();
        client.call(&[b"RESTORE", market_to.as_bytes(), b"0", &market]).ok();
        wait_until("the series is brought to it", || detail(&mut client, &to) == (1024, 6));
        let tail =
            |client: &mut crate::support::Client| client.run(&format!("TICK.INFO {market_to}")).field("tail_now").int();
        wait_until("the market is brought to it", || tail(&mut client) == 1024);
        assert_eq!(client.run(&format!("LIQ.INFO {to}")).field("events").int(), 199);
    }
    assert_eq!(mode(&mut client), "compact");
    primary.wait_for_replica(&replica);
    let mut there = replica.connect();
    for key in ["series:0", "series:3", "market:0", "market:3"] {
        assert_eq!(there.digest(key), client.digest(key), "{key}");
    }
}
