//! A fire is never half done: whenever the server is killed, each arming that it acknowledged is armed, pending, or in the
//! stream, and exactly one of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::armings::{FIRES, MARKET, Waits, assert_in_one_place, create, trade};
use crate::support::Options;
use crate::support::server::wait_until;

/// What was counted over the kills of some servers.
#[derive(Default)]
struct Count {
    acknowledged: usize,
    pending: usize,
    fired: i64,
}

#[test]
fn an_arming_is_in_one_place_whenever_the_server_is_killed() {
    // 10,000 kills, or a few. Of many servers, as what is looked through after a kill grows with every kill.
    let (servers, kills) = if std::env::var_os("LIQ_SOAK").is_some() { (400, 25) } else { (2, 6) };
    let kill_half = |half: u64| (half..servers).step_by(2).map(|server| kill_again_and_again(server, kills)).collect();
    let counts: [Vec<Count>; 2] = thread::scope(|scope| {
        let halves = [0, 1].map(|half| scope.spawn(move || kill_half(half)));
        halves.map(|half| half.join().unwrap())
    });
    for count in counts.into_iter().flatten() {
        let Count { acknowledged, pending, fired } = count;
        println!("{kills} kills, {acknowledged} armings, {fired} fired, {pending} were pending after a kill");
        assert!(fired > 10 && acknowledged > 100, "{fired} fires of {acknowledged} armings");
    }
}

fn kill_again_and_again(seed: u64, kills: u64) -> Count {
    // One fire a command, so that those of one price are pending for a while.
    let mut server = Options::default().durable().line("liq.max-fires 1").start();
    create(&mut server.connect());
    let (mut acknowledged, mut pending, mut cuts) = (Vec::new(), 0, 0);
    for kill in 0..kills {
        let answered = Arc::new(AtomicUsize::new(0));
        let traders: Vec<_> = (0..2)
            .map(|trader| {
                let (client, answered) = (server.connect(), Arc::clone(&answered));
                let seed = (seed * kills + kill) * 2 + trader;
                thread::spawn(move || trade(client, seed, Waits::Never, &answered))
            })
            .collect();
        // At any moment: so many answers are no moment in the work of the server.
        wait_until("work", || answered.load(Ordering::Relaxed) as u64 > 40 + kill * 7 % 60);
        server.kill();
        acknowledged.extend(traders.into_iter().flat_map(|trader| trader.join().unwrap().armed));
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
        pending += client.run(&format!("TICK.INFO {MARKET}")).field("pending").int() as usize;
        assert_in_one_place(&mut client, &acknowledged, &format!("after kill {kill} of server {seed}"));
    }
    let fired = server.connect().run(&format!("XLEN {FIRES}")).int();
    Count { acknowledged: acknowledged.len(), pending, fired }
}
