//! The rate limits against a real server, in both protocols.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

#[path = "../examples/rate_limit.rs"]
#[allow(dead_code, missing_docs, reason = "the example's own main")]
mod rate_limit;

use std::time::Duration;

use liq_harness::Server;
use redis_liq::{BlockedBy, Error, Limit, LimitKind, LiqCommands, LiqPipeline, RateReply, Reply, Retry, Usage};

const DAY: Duration = Duration::from_secs(86_400);
const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn a_limiter_takes_gives_back_and_blocks() {
    let server = Server::start();
    for (key, url) in [("2", server.url()), ("3", server.url_resp3())] {
        let mut con = redis::Client::open(url).unwrap().get_connection().unwrap();
        let limits = [Limit::sliding(10, DAY), Limit::aligned(1000, DAY * 7)];
        let first = con.rl_check(key, &limits, 4).unwrap();
        assert!(first.allowed);
        assert_eq!((first.limit, first.remaining), (10, 6));
        assert_eq!((first.retry, first.blocked_by), (Retry::NotNeeded, BlockedBy::Nothing));
        let denied = con.rl_check(key, &limits, 7).unwrap();
        assert!(!denied.allowed);
        assert_eq!((denied.remaining, denied.blocked_by), (6, BlockedBy::Limit(1)));
        assert!(matches!(denied.retry, Retry::After(pause) if pause > Duration::ZERO));
        assert_eq!(con.rl_check(key, &limits, 11).unwrap().retry, Retry::Never);
        assert_eq!(con.rl_check(key, &limits, -2).unwrap().remaining, 8);
        assert_eq!(con.rl_check(key, &limits, 0).unwrap().remaining, 8);
        assert!(con.rl_peek(key, 8).unwrap().allowed && !con.rl_peek(key, 9).unwrap().allowed);

        let info = con.rl_info(key).unwrap();
        let kinds: Vec<_> = info.limits.iter().map(|limit| (limit.kind, limit.period, limit.used)).collect();
        assert_eq!(kinds, [(LimitKind::Sliding, DAY, 2), (LimitKind::Aligned, DAY * 7, 2)]);
        assert!(!info.created && info.expires_ms.is_some() && info.memory_bytes > 0);

        con.rl_ban(key, MINUTE).unwrap();
        let banned = con.rl_check(key, &limits, 1).unwrap();
        assert_eq!((banned.allowed, banned.blocked_by), (false, BlockedBy::Ban));
        con.rl_ban(key, Duration::ZERO).unwrap();
        assert!(con.rl_check(key, &limits, 1).unwrap().allowed);
        assert!(con.rl_reset(key).unwrap() && !con.rl_reset(key).unwrap());
        assert_eq!(con.rl_info(key), Err(Error::NoSuchKey));
    }
}

#[test]
fn stored_limits_serve_without_naming_them() {
    let server = Server::start();
    let mut con = server.connect();
    assert!(matches!(con.rl_check("k", &[], 1), Err(Error::NoLimits(_))));
    con.rl_create("k", &[Limit::smooth_with_burst(1, DAY, 2)]).unwrap();
    let replies: (Reply<RateReply>, Reply<RateReply>, Reply<RateReply>) =
        redis::pipe().rl_check("k", &[], 1).rl_check("k", &[], 1).rl_check("k", &[], 1).query(&mut con).unwrap();
    assert_eq!((replies.0.allowed, replies.1.allowed, replies.2.allowed), (true, true, false));
    assert!(con.rl_info("k").unwrap().created);
}

#[test]
fn the_exchange_is_believed() {
    let server = Server::start();
    let mut con = server.connect();
    con.rl_create("k", &[Limit::aligned(2400, DAY)]).unwrap();
    assert_eq!(con.rl_sync("k", &Usage::aligned(DAY, 2395)).unwrap().remaining, 5);
    assert_eq!(con.rl_sync("k", &Usage::aligned(DAY, 10)).unwrap().remaining, 5, "never lowered unless forced");
    assert_eq!(con.rl_sync("k", &Usage::aligned(DAY, 10).force()).unwrap().remaining, 2390);
}

#[test]
fn the_example_is_stopped_by_the_exchanges_own_count() {
    let server = Server::start();
    let (before, after) = rate_limit::run(&server.url()).unwrap();
    assert!(before.allowed && !after.allowed);
    assert_eq!(after.blocked_by, BlockedBy::Limit(1));
}
