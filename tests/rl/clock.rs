//! Servers whose wall clock is set back, ahead and right again while they run, and failovers between clocks that differ:
//! nothing that was used returns early, no ban gets shorter.
//!
//! The clock of one server is moved by a preloaded library. Rates are slow, so that the machine's speed
//! changes no count; where time has to pass, what may have returned is computed from the time that did.

use std::time::Instant;

use crate::support::server::wait_until;
use crate::support::shifted::{Shifted, sees_nothing_preloaded};
use crate::support::{Client, Options, Server};

const S_US: i64 = 1_000_000;
const HOUR_US: i64 = 3_600 * S_US;

fn allowed(client: &mut Client, line: &str) -> bool {
    client.run(line).array()[0].int() == 1
}

fn remaining(client: &mut Client, line: &str) -> i64 {
    client.run(line).array()[2].int()
}

fn retry_after_ms(client: &mut Client, line: &str) -> i64 {
    client.run(line).array()[3].int()
}

#[test]
fn a_clock_set_back_and_right_again_returns_nothing() {
    for limit in ["PERIOD 1h", "PERIOD 1h SLIDING", "PERIOD 366d ALIGNED"] {
        let shifted = Shifted::start(Options::default());
        if sees_nothing_preloaded(&shifted) {
            return;
        }
        let mut client = shifted.connect();
        let check = format!("RL.CHECK k LIMIT 10 {limit}");
        assert!(allowed(&mut client, &format!("{check} COST 8")), "{check}");
        shifted.set_clock(-7_300 * S_US);
        // Changes the state while the clock is behind.
        assert!(allowed(&mut client, &format!("{check} COST 2")), "{check}");
        assert!(!allowed(&mut client, &check), "{check}: set back");
        shifted.set_clock(0);
        assert!(!allowed(&mut client, &check), "{check}: right again");
        assert_eq!(remaining(&mut client, "RL.PEEK k"), 0, "{check}");
    }
}

#[test]
fn within_a_process_a_leap_ahead_returns_nothing_to_a_key_that_stays() {
    let shifted = Shifted::start(Options::default());
    if sees_nothing_preloaded(&shifted) {
        return;
    }
    let mut client = shifted.connect();
    for limit in ["PERIOD 10h", "PERIOD 4h SLIDING"] {
        client.run(&format!("RL.CREATE k LIMIT 10 {limit}")).ok();
        assert!(allowed(&mut client, "RL.CHECK k COST 10"), "{limit}");
        shifted.set_clock(5 * HOUR_US);
        assert!(!allowed(&mut client, "RL.CHECK k"), "{limit}: five hours did not pass");
        shifted.set_clock(0);
        assert!(!allowed(&mut client, "RL.CHECK k"), "{limit}");
        client.run("DEL k");
    }
}

#[test]
fn a_ban_lasts_as_long_as_was_said_whatever_the_clock_does() {
    let shifted = Shifted::start(Options::default());
    if sees_nothing_preloaded(&shifted) {
        return;
    }
    let begun = Instant::now();
    let mut client = shifted.connect();
    client.run("RL.CREATE k LIMIT 10 PERIOD 1h").ok();
    client.run("RL.BAN k 2h").ok();
    for shift_us in [-HOUR_US, 0, -30 * S_US, HOUR_US, 0] {
        shifted.set_clock(shift_us);
        // A change under every clock.
        client.run("RL.CHECK k COST -1");
        let wait_ms = retry_after_ms(&mut client, "RL.CHECK k");
        let passed_ms = i64::try_from(begun.elapsed().as_millis()).unwrap() + 1;
        assert!((7_200_000 - passed_ms..=7_200_000).contains(&wait_ms), "{shift_us}: {wait_ms} ms");
    }
}

#[test]
fn an_aligned_use_stays_for_one_period_when_the_clock_is_set_back() {
    let shifted = Shifted::start(Options::default());
    if sees_nothing_preloaded(&shifted) {
        return;
    }
    let mut client = shifted.connect();
    client.run("RL.CREATE k LIMIT 5 PERIOD 366d ALIGNED").ok();
    client.run("RL.CREATE short LIMIT 5 PERIOD 2s ALIGNED").ok();
    assert!(allowed(&mut client, "RL.CHECK k COST 5"));
    // The epoch's first window is over since 1971.
    shifted.set_clock(-366 * 24 * HOUR_US);
    let year_ms = 366 * 86_400_000;
    let wait_ms = retry_after_ms(&mut client, "RL.CHECK k");
    assert!((year_ms - 120_000..=year_ms).contains(&wait_ms), "one period of elapsed time, not two windows: {wait_ms}");
    wait_until("a use of two seconds fits", || allowed(&mut client, "RL.CHECK short COST 5"));
    shifted.set_clock(-400 * 24 * HOUR_US);
    assert!(retry_after_ms(&mut client, "RL.CHECK short") <= 2_000, "nobody waits for the clock that was wrong");
    wait_until("the use is over", || allowed(&mut client, "RL.CHECK short COST 5"));
}

#[test]
fn an_expiry_is_set_from_the_later_of_both_clocks() {
    let shifted = Shifted::start(Options::default());
    if sees_nothing_preloaded(&shifted) {
        return;
    }
    let mut client = shifted.connect();
    assert!(allowed(&mut client, "RL.CHECK k LIMIT 10 PERIOD 10h COST 3"));
    let full_ms = client.time_ms().cast_signed() + 3 * 3_600_000;
    shifted.set_clock(-2 * HOUR_US);
    assert!(allowed(&mut client, "RL.CHECK k LIMIT 10 PERIOD 10h COST 4"));
    let expires_ms = client.run("PEXPIRETIME k").int();
    let due_ms = full_ms + 4 * 3_600_000;
    let late_ms = 36_000_000 / 16;
    assert!((due_ms - 120_000..=due_ms + late_ms).contains(&expires_ms), "{} ms off", expires_ms - due_ms);
    // One made while the clock was behind is given its expiry anew once the clock is right.
    assert!(allowed(&mut client, "RL.CHECK late LIMIT 10 PERIOD 10h COST 3"));
    shifted.set_clock(0);
    assert!(allowed(&mut client, "RL.CHECK late LIMIT 10 PERIOD 10h COST 6"));
    let due_ms = client.time_ms().cast_signed() + 9 * 3_600_000;
    let expires_ms = client.run("PEXPIRETIME late").int();
    assert!((due_ms - 120_000..=due_ms + late_ms).contains(&expires_ms), "{} ms off", expires_ms - due_ms);
}

#[test]
fn a_restart_goes_on_from_the_later_of_the_clock_and_what_the_key_has_seen() {
    let mut shifted = Shifted::start(Options::default());
    if sees_nothing_preloaded(&shifted) {
        return;
    }
    let mut client = shifted.connect();
    client.run("RL.CREATE k LIMIT 10 PERIOD 10h").ok();
    assert!(allowed(&mut client, "RL.CHECK k COST 10"));
    let dump = client.run("DUMP k").bytes().to_vec();
    shifted.set_clock(-2 * HOUR_US);
    shifted.server.restart_saving();
    let mut client = shifted.connect();
    client.call(&[b"RESTORE".as_slice(), b"restored", b"0", &dump]).ok();
    for key in ["k", "restored"] {
        assert!(!allowed(&mut client, &format!("RL.CHECK {key}")), "{key}: behind");
    }
    shifted.set_clock(0);
    for key in ["k", "restored"] {
        assert!(!allowed(&mut client, &format!("RL.CHECK {key}")), "{key}: right again");
    }
    // Down for five hours: half of it returned.
    shifted.set_clock(5 * HOUR_US);
    shifted.server.restart_saving();
    let mut client = shifted.connect();
    assert_eq!(remaining(&mut client, "RL.PEEK k"), 5);
}

#[test]
fn a_failover_to_a_clock_behind_and_back_returns_no_more_than_what_passed() {
    let options = Options::default().tcp().expect_warning("Master replication ID changed");
    let primary = options.clone().start();
    let replica = Shifted::start(options);
    if sees_nothing_preloaded(&replica) {
        return;
    }
    replica.set_clock(-30 * S_US);
    let follow = |follower: &Server, leader: &Server| {
        follower.connect().call(&["REPLICAOF", "127.0.0.1", &leader.port().to_string()]).ok();
        follower.wait_for_link();
    };
    follow(&replica.server, &primary);
    let mut client = primary.connect();
    client.run("RL.CREATE k LIMIT 1200 PERIOD 1m").ok();
    client.run("RL.CREATE s LIMIT 1200 PERIOD 1h SLIDING").ok();
    let begun = Instant::now();
    assert!(allowed(&mut client, "RL.CHECK k COST 1200"));
    assert!(allowed(&mut client, "RL.CHECK s COST 1199"));
    client.run("RL.BAN banned 1h").ok();
    primary.wait_for_replica(&replica.server);

    let mut other = replica.connect();
    other.run("REPLICAOF NO ONE").ok();
    follow(&primary, &replica.server);
    // The one behind changes them all.
    wait_until("one has returned", || allowed(&mut other, "RL.CHECK k"));
    assert!(allowed(&mut other, "RL.CHECK s"));
    other.run("RL.CHECK banned LIMIT 10 PERIOD 1h COST -1");
    replica.server.wait_for_replica(&primary);

    client.run("REPLICAOF NO ONE").ok();
    let returned = remaining(&mut client, "RL.PEEK k COST 0") + 1;
    let due = i64::try_from(begun.elapsed().as_micros()).unwrap() * 20 / S_US + 1;
    assert!(returned <= due, "{returned} of 1200 per minute returned, {due} were due");
    assert!(!allowed(&mut client, "RL.CHECK s"));
    let passed_ms = i64::try_from(begun.elapsed().as_millis()).unwrap() + 1;
    let wait_ms = retry_after_ms(&mut client, "RL.PEEK banned");
    assert!((3_600_000 - passed_ms..=3_600_000).contains(&wait_ms), "{wait_ms}");
}
