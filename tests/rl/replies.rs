//! What every RL command answers. Rates are slow (hours and years), so that a slow machine changes no count.

use crate::session::Session;
use crate::support::{Client, Server};

const YEAR_MS: u64 = 366 * 86_400_000;

/// Milliseconds until the aligned window of `period_ms` that runs now ends. Asked over a session's own connection: time
/// that passed before the session began is not in what its `~` allows.
fn window_left_ms(client: &mut Client, period_ms: u64) -> u64 {
    period_ms - client.time_ms() % period_ms
}

#[test]
fn a_smooth_limit_takes_refuses_and_gives_back() {
    let server = Server::start();
    Session::of(&server).expect_all(&[
        // 10 per 10 hours: one returns each hour.
        ("RL.CHECK a LIMIT 10 PERIOD 10h", "1 10 9 -1 ~3600000 0"),
        ("RL.CHECK a LIMIT 10 PERIOD 10h COST 8", "1 10 1 -1 ~32400000 0"),
        ("RL.CHECK a LIMIT 10 PERIOD 10h COST 2", "0 10 1 ~3600000 ~32400000 1"),
        ("RL.CHECK a LIMIT 10 PERIOD 10h COST 0", "1 10 1 -1 ~32400000 0"),
        ("RL.CHECK a COST 1", "1 10 0 -1 ~36000000 0"),
        ("RL.CHECK a", "0 10 0 ~3600000 ~36000000 1"),
        ("RL.CHECK a COST 11", "0 10 0 -2 ~36000000 1"),
        ("RL.CHECK a COST -3", "1 10 3 -1 ~25200000 0"),
        ("RL.CHECK a COST -100", "1 10 10 -1 0 0"),
        ("EXISTS a", "0"),
        // A burst of its own: limit and remaining speak of it.
        ("RL.CHECK b LIMIT 10 PERIOD 10h BURST 3", "1 3 2 -1 ~3600000 0"),
        ("RL.CHECK b LIMIT 10 PERIOD 10h BURST 3 COST 4", "0 3 2 -2 ~3600000 1"),
        ("RL.CHECK c LIMIT 1 PERIOD 10h BURST 30 COST 25", "1 30 5 -1 ~900000000 0"),
        (
            "RL.CHECK d LIMIT 9007199254740992 PERIOD 366d COST 9007199254740992",
            "1 9007199254740992 0 -1 ~31622400000 0",
        ),
    ]);
}

#[test]
fn a_sliding_limit_returns_each_use_one_period_after_it() {
    let server = Server::start();
    Session::of(&server).expect_all(&[
        ("RL.CHECK a LIMIT 5 PERIOD 1h SLIDING COST 3", "1 5 2 -1 ~3600000 0"),
        ("RL.CHECK a LIMIT 5 PERIOD 1h SLIDING COST 2", "1 5 0 -1 3600000 0"),
        ("RL.CHECK a", "0 5 0 ~3600000 ~3600000 1"),
        ("RL.CHECK a COST 6", "0 5 0 -2 ~3600000 1"),
        ("RL.CHECK a COST -1", "1 5 1 -1 ~3600000 0"),
    ]);
}

#[test]
fn an_aligned_limit_lasts_to_the_end_of_its_window() {
    let server = Server::start();
    let mut session = Session::of(&server);
    let left_ms = window_left_ms(&mut session.client, YEAR_MS);
    session.expect_all(&[
        ("RL.CHECK a LIMIT 5 PERIOD 366d ALIGNED COST 4", &format!("1 5 1 -1 ~{left_ms} 0")),
        ("RL.CHECK a COST 2", &format!("0 5 1 ~{left_ms} ~{left_ms} 1")),
        ("RL.CHECK a COST 1", &format!("1 5 0 -1 ~{left_ms} 0")),
        ("RL.CHECK a COST 6", &format!("0 5 0 -2 ~{left_ms} 1")),
        ("RL.CHECK a COST -9", "1 5 5 -1 0 0"),
    ]);
}

#[test]
fn several_limits_take_together_or_not_at_all() {
    let server = Server::start();
    let limits = "LIMIT 100 PERIOD 366d ALIGNED LIMIT 10 PERIOD 10h LIMIT 5 PERIOD 2h SLIDING";
    let mut session = Session::of(&server);
    let left_ms = window_left_ms(&mut session.client, YEAR_MS);
    session.expect_all(&[
        (&format!("RL.CHECK a {limits} COST 4"), "1 5 1 -1 ~7200000 0"),
        (&format!("RL.CHECK a {limits} COST 2"), "0 5 1 ~7200000 ~7200000 3"),
        (&format!("RL.CHECK a {limits} COST 11"), "0 10 6 -2 ~14400000 2"),
        (&format!("RL.CHECK a {limits} COST 101"), &format!("0 100 96 -2 ~{left_ms} 1")),
        // The refused ones took nothing from any of them.
        ("RL.CHECK a LIMIT 100 PERIOD 366d ALIGNED COST 1", &format!("1 100 95 -1 ~{left_ms} 0")),
    ]);
}

#[test]
fn other_limits_keep_what_the_matched_ones_used() {
    let server = Server::start();
    Session::of(&server).expect_all(&[
        ("RL.CHECK a LIMIT 10 PERIOD 10h COST 6", "1 10 4 -1 ~21600000 0"),
        // Cut to the new capacity; kept although refused.
        ("RL.CHECK a LIMIT 4 PERIOD 10h", "0 4 0 ~9000000 ~36000000 1"),
        ("RL.PEEK a", "0 4 0 ~9000000 ~36000000 1"),
        ("RL.CHECK a LIMIT 8 PERIOD 10h", "1 8 3 -1 ~22500000 0"),
        // Another kind or period is another limit, and starts full.
        ("RL.CHECK a LIMIT 8 PERIOD 10h SLIDING COST 1", "1 8 7 -1 ~36000000 0"),
        ("RL.CHECK a LIMIT 8 PERIOD 11h SLIDING LIMIT 7 PERIOD 10h SLIDING COST 1", "1 7 5 -1 36000000 0"),
        // A look at other limits stores nothing.
        ("RL.CHECK a LIMIT 3 PERIOD 1h COST 0", "1 3 3 -1 0 0"),
        ("RL.PEEK a", "1 7 5 -1 ~36000000 0"),
    ]);
}

#[test]
fn looking_makes_no_key_and_a_refusal_on_a_new_key_neither() {
    let server = Server::start();
    Session::of(&server).expect_all(&[
        ("RL.CHECK a LIMIT 10 PERIOD 1h COST 0", "1 10 10 -1 0 0"),
        ("RL.CHECK a LIMIT 10 PERIOD 1h COST -5", "1 10 10 -1 0 0"),
        ("RL.CHECK a LIMIT 10 PERIOD 1h COST 11", "0 10 10 -2 0 1"),
        ("EXISTS a", "0"),
    ]);
}

#[test]
fn created_limits_serve_checks_that_name_none() {
    let server = Server::start();
    Session::of(&server).expect_all(&[
        ("RL.CREATE a LIMIT 10 PERIOD 10h LIMIT 3 PERIOD 1h SLIDING", "OK"),
        ("TTL a", "-1"),
        ("RL.PEEK a", "1 3 3 -1 0 0"),
        ("RL.CHECK a COST 2", "1 3 1 -1 ~3600000 0"),
        ("RL.CHECK a COST 2", "0 3 1 ~3600000 ~3600000 2"),
        ("RL.RESET a", "1"),
        ("RL.PEEK a COST 3", "1 3 3 -1 0 0"),
        ("RL.CHECK a COST 2", "1 3 1 -1 ~3600000 0"),
        // Creating again replaces the limits by the same rule as checking.
        ("RL.CREATE a LIMIT 5 PERIOD 1h SLIDING", "OK"),
        ("RL.PEEK a COST 4", "0 5 3 ~3600000 ~3600000 1"),
        ("TTL a", "-1"),
        ("RL.RESET b", "0"),
    ]);
}

#[test]
fn peeking_tells_what_a_check_would_without_taking() {
    let server = Server::start();
    Session::of(&server).expect_all(&[
        ("RL.CHECK a LIMIT 10 PERIOD 10h COST 4", "1 10 6 -1 ~14400000 0"),
        ("RL.PEEK a", "1 10 6 -1 ~14400000 0"),
        ("RL.PEEK a COST 6", "1 10 6 -1 ~14400000 0"),
        ("RL.PEEK a COST 7", "0 10 6 ~3600000 ~14400000 1"),
        ("RL.PEEK a COST 11", "0 10 6 -2 ~14400000 1"),
        ("RL.PEEK a COST 0", "1 10 6 -1 ~14400000 0"),
        ("RL.PEEK b", "ERR no limits: "),
    ]);
}

#[test]
fn what_the_exchange_says_raises_the_use_and_lowers_it_by_force_only() {
    let server = Server::start();
    let mut session = Session::of(&server);
    let left_ms = window_left_ms(&mut session.client, YEAR_MS);
    let now_ms = session.client.time_ms();
    let (before, later) = (now_ms - now_ms % YEAR_MS - 1, now_ms + 240_000);
    session.expect_all(&[
        ("RL.CREATE a LIMIT 1200 PERIOD 366d ALIGNED LIMIT 50 PERIOD 10h SLIDING LIMIT 70 PERIOD 10h", "OK"),
        ("RL.CHECK a COST 5", "1 50 45 -1 ~36000000 0"),
        ("RL.SYNC a PERIOD 366d ALIGNED USED 1190", &format!("1 1200 10 -1 ~{left_ms} 0")),
        ("RL.SYNC a ALIGNED USED 900 PERIOD 366d", &format!("1 1200 10 -1 ~{left_ms} 0")),
        ("RL.SYNC a PERIOD 366d ALIGNED USED 900 FORCE", "1 50 45 -1 ~36000000 0"),
        ("RL.SYNC a PERIOD 10h SLIDING USED 48", "1 50 2 -1 ~36000000 0"),
        ("RL.SYNC a PERIOD 10h USED 70", "0 70 0 ~514286 ~36000000 3"),
        ("RL.SYNC a PERIOD 10h USED 0 FORCE", "1 50 2 -1 ~36000000 0"),
        // More than the limit is all of it.
        ("RL.SYNC a PERIOD 366d ALIGNED USED 5000", &format!("0 1200 0 ~{left_ms} ~{left_ms} 1")),
        ("RL.SYNC a PERIOD 366d ALIGNED USED 0 FORCE", "1 50 2 -1 ~36000000 0"),
        // What was said in an earlier window says nothing of this one; a clock a little ahead is believed.
        (&format!("RL.SYNC a PERIOD 366d ALIGNED USED 1200 AT {before}"), "1 50 2 -1 ~36000000 0"),
        (&format!("RL.SYNC a PERIOD 366d ALIGNED USED 1200 AT {later}"), &format!("0 1200 0 ~{left_ms} ~{left_ms} 1")),
        ("RL.SYNC a PERIOD 1h USED 1", "ERR PERIOD: the key has no smooth limit with this period, got '1h'"),
        (
            "RL.SYNC a PERIOD 366d SLIDING USED 1",
            "ERR PERIOD: the key has no SLIDING limit with this period, got '366d'",
        ),
        ("RL.SYNC a PERIOD 10h ALIGNED USED 1", "ERR PERIOD: the key has no ALIGNED limit with this period, got '10h'"),
        ("RL.SYNC b PERIOD 10h USED 1", "ERR no limits: "),
        (
            &format!("RL.SYNC a PERIOD 10h USED 1 AT {}", now_ms + 3_600_000),
            "ERR AT: ahead of the server's clock by more than liq.max-future (5m), got '",
        ),
    ]);
}

#[test]
fn what_was_said_of_the_next_window_says_nothing_of_this_one() {
    let server = Server::start();
    let mut client = server.connect();
    // As far ahead as is believed, of a window that does not end while the test runs.
    let periods_ms = (240_000..=300_000).step_by(10_000);
    let period_ms = periods_ms.max_by_key(|period_ms| window_left_ms(&mut client, *period_ms)).unwrap();
    let next_ms = client.time_ms() + period_ms;
    let mut session = Session::of(&server);
    let left_ms = window_left_ms(&mut client, period_ms);
    session.expect_all(&[
        (&format!("RL.CREATE a LIMIT 10 PERIOD {period_ms} ALIGNED"), "OK"),
        ("RL.CHECK a COST 7", &format!("1 10 3 -1 ~{left_ms} 0")),
        (&format!("RL.SYNC a PERIOD {period_ms} ALIGNED USED 9 AT {next_ms}"), &format!("1 10 3 -1 ~{left_ms} 0")),
        (
            &format!("RL.SYNC a PERIOD {period_ms} ALIGNED USED 0 AT {next_ms} FORCE"),
            &format!("1 10 3 -1 ~{left_ms} 0"),
        ),
    ]);
}

#[test]
fn a_ban_refuses_everything_until_it_is_over_or_lifted() {
    let server = Server::start();
    Session::of(&server).expect_all(&[
        ("RL.CREATE a LIMIT 10 PERIOD 10h", "OK"),
        ("RL.CHECK a COST 4", "1 10 6 -1 ~14400000 0"),
        ("RL.BAN a 30m", "OK"),
        ("RL.CHECK a", "0 10 0 ~1800000 ~14400000 -1"),
        ("RL.CHECK a COST 0", "0 10 0 ~1800000 ~14400000 -1"),
        ("RL.PEEK a", "0 10 0 ~1800000 ~14400000 -1"),
        // The limit behind the ban keeps its cost longer; an impossible cost stays impossible.
        ("RL.CHECK a COST 10", "0 10 0 ~14400000 ~14400000 -1"),
        ("RL.CHECK a COST 11", "0 10 0 -2 ~14400000 -1"),
        // A shorter ban does not shorten it; what is given back is given back, but the ban stands.
        ("RL.BAN a 1s", "OK"),
        ("RL.PEEK a", "0 10 0 ~1800000 ~14400000 -1"),
        ("RL.CHECK a COST -4", "0 10 0 ~1800000 ~1800000 -1"),
        ("RL.BAN a 0", "OK"),
        ("RL.CHECK a", "1 10 9 -1 ~3600000 0"),
        // A ban needs no limits.
        ("RL.BAN b 1h", "OK"),
        ("RL.CHECK b", "0 0 0 ~3600000 ~3600000 -1"),
        ("RL.CHECK b LIMIT 5 PERIOD 10h", "0 5 0 ~3600000 ~3600000 -1"),
        ("RL.BAN b 0", "OK"),
        ("EXISTS b", "0"),
        ("RL.BAN b 0", "OK"),
        ("EXISTS b", "0"),
    ]);
}

#[test]
fn info_tells_limits_and_use_in_both_protocols() {
    let server = Server::start();
    let mut client = server.connect();
    client.run("RL.CREATE a LIMIT 10 PERIOD 10h BURST 4 LIMIT 7 PERIOD 1m SLIDING LIMIT 9 PERIOD 366d ALIGNED").ok();
    client.run("RL.CHECK a COST 3");
    client.run("RL.BAN a 1h").ok();
    for mut client in [server.connect(), server.connect_resp3()] {
        let info = client.run("RL.INFO a");
        assert_eq!(info.field_names(), ["limits", "created", "ban_ms", "expires", "memory"]);
        let limits = info.field("limits").array();
        let names = ["kind", "limit", "period", "burst", "used", "remaining", "reset_after_ms"];
        assert!(limits.iter().all(|limit| limit.field_names() == names));
        let figures = |place: usize| {
            let figure = |name: &&str| limits[place].field(name).int();
            (limits[place].field("kind").text(), names[1..6].iter().map(figure).collect::<Vec<_>>())
        };
        assert_eq!(figures(0), ("gcra".into(), vec![10, 36_000_000, 4, 3, 1]));
        assert_eq!(figures(1), ("sliding".into(), vec![7, 60_000, 7, 3, 4]));
        assert_eq!(figures(2), ("aligned".into(), vec![9, 31_622_400_000, 9, 3, 6]));
        assert!(info.field("created").bool() && info.field("expires").is_null());
        assert!((1..=3_600_000).contains(&info.field("ban_ms").int()));
        assert!((100..1_000).contains(&info.field("memory").int()));
    }
    client.run("RL.CHECK b LIMIT 10 PERIOD 10h");
    let info = client.run("RL.INFO b");
    assert!(!info.field("created").bool() && info.field("ban_ms").int() == 0);
    assert_eq!(info.field("expires").int(), client.run("PEXPIRETIME b").int());
    assert_eq!(client.run("RL.INFO missing").error(), "ERR no such key");
}
