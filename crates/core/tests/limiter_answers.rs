//! What a limiter answers at extreme rates, of several limits, under bans and reconciled with an exchange.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test")]

use liq_core::rl::limiter::{BANNED, Change, Kind, Limiter, NoLimits, NoSuchLimit, Now, Rule, Used, Verdict};

const MINUTE_US: u64 = 60_000_000;
/// A minute's beginning in 2025.
const START_US: u64 = 29_166_667 * MINUTE_US;
const START: Now = at(START_US);

/// A process whose clocks agree.
const fn at(now_us: u64) -> Now {
    Now::new(now_us, now_us)
}

fn rule(kind: Kind, amount: u64, period_ms: u64) -> Rule {
    Rule::new(kind, amount, period_ms, None).unwrap()
}

fn check(limiter: &mut Limiter, rules: &[Rule], cost: i64, now_us: u64) -> Verdict {
    limiter.check(rules, cost, at(now_us)).unwrap().verdict
}

const KINDS: [Kind; 3] = [Kind::Gcra, Kind::Sliding, Kind::Aligned];

#[test]
fn extreme_rates_are_exact() {
    // A thousand million per second: a thousand return each microsecond.
    let fast = [rule(Kind::Gcra, 1_000_000_000, 1_000)];
    let mut limiter = Limiter::new(START);
    assert!(check(&mut limiter, &fast, 1_000_000_000, START_US).allowed);
    assert_eq!(limiter.peek(&[], 1, at(START_US + 1)).unwrap().remaining, 1_000);
    assert_eq!(limiter.peek(&[], 1, at(START_US + 999_999)).unwrap().remaining, 999_999_000);
    // One per year: nothing returns a microsecond early.
    let slow = [rule(Kind::Gcra, 1, 366 * 86_400_000)];
    let year_us = 366 * 86_400_000_000;
    let mut limiter = Limiter::new(START);
    assert!(check(&mut limiter, &slow, 1, START_US).allowed);
    assert_eq!(check(&mut limiter, &slow, 1, START_US + 1).retry_after_ms, 366 * 86_400_000);
    assert!(!check(&mut limiter, &slow, 1, START_US + year_us - 1).allowed);
    assert!(check(&mut limiter, &slow, 1, START_US + year_us).allowed);
    // The largest cost, at the slowest rate: the wait saturates, and nothing wraps.
    let largest = 1_i64 << 53;
    let room = [Rule::new(Kind::Gcra, 1, 366 * 86_400_000, Some(1 << 53)).unwrap()];
    let mut limiter = Limiter::new(START);
    assert!(check(&mut limiter, &room, largest, START_US).allowed);
    let refused = check(&mut limiter, &room, largest, START_US + year_us);
    assert_eq!((refused.allowed, refused.remaining), (false, 1));
    assert!(refused.retry_after_ms > 1 << 53);
    // And at the fastest: 2^53 per millisecond.
    for kind in KINDS {
        let rules = [rule(kind, 1 << 53, 1)];
        let mut limiter = Limiter::new(START);
        assert!(check(&mut limiter, &rules, largest, START_US).allowed, "{kind:?}");
        assert_eq!(check(&mut limiter, &rules, largest, START_US).retry_after_ms, 1, "{kind:?}");
        assert!(check(&mut limiter, &rules, largest, START_US + 1_000).allowed, "{kind:?}");
    }
}

#[test]
fn the_reply_speaks_of_the_longest_wait_or_the_least_remaining() {
    let rules = [rule(Kind::Aligned, 10, 60_000), rule(Kind::Aligned, 5, 10_000), rule(Kind::Gcra, 100, 1_000)];
    let mut limiter = Limiter::new(START);
    let first = check(&mut limiter, &rules, 1, START_US + 1);
    assert_eq!((first.limit, first.remaining, first.blocked_by), (5, 4, 0));
    let second = check(&mut limiter, &rules, 4, START_US + 1);
    assert_eq!((second.limit, second.remaining, second.retry_after_ms), (5, 0, -1));
    let refused = check(&mut limiter, &rules, 1, START_US + 2);
    assert_eq!((refused.blocked_by, refused.retry_after_ms, refused.reset_after_ms), (2, 10_000, 10_000));
    assert!(check(&mut limiter, &rules, 5, START_US + 10_000_000).allowed);
    let refused = check(&mut limiter, &rules, 1, START_US + 10_000_000);
    assert_eq!((refused.blocked_by, refused.limit, refused.retry_after_ms), (1, 10, 50_000));
    let never = check(&mut limiter, &rules, 11, START_US + 10_000_000);
    assert_eq!((never.blocked_by, never.retry_after_ms), (1, Verdict::NEVER));
}

#[test]
fn a_ban_refuses_everything_and_only_zero_shortens_it() {
    let rules = [rule(Kind::Gcra, 10, 60_000)];
    let mut limiter = Limiter::new(START);
    check(&mut limiter, &rules, 1, START_US);
    assert_ne!(limiter.ban(30_000, START), Change::Nothing);
    let refused = check(&mut limiter, &rules, 1, START_US + 10_000_000);
    assert_eq!((refused.allowed, refused.remaining, refused.blocked_by), (false, 0, BANNED));
    assert_eq!((refused.retry_after_ms, refused.limit), (20_000, 10));
    assert!(!limiter.peek(&[], 0, at(START_US + 10_000_000)).unwrap().allowed);
    assert_eq!(limiter.ban(5_000, at(START_US + 10_000_000)), Change::Nothing, "a shorter ban changes nothing");
    assert!(!check(&mut limiter, &rules, 1, START_US + 29_999_999).allowed);
    assert!(check(&mut limiter.clone(), &rules, 1, START_US + 30_000_000).allowed);
    assert_ne!(limiter.ban(0, at(START_US + 10_000_000)), Change::Nothing);
    assert!(check(&mut limiter, &rules, 1, START_US + 10_000_000).allowed);
    assert_eq!(limiter.ban(0, at(START_US + 10_000_000)), Change::Nothing, "there is no ban to lift");
}

#[test]
fn of_equals_the_reply_speaks_of_the_first() {
    let rules = [rule(Kind::Gcra, 10, 60_000), rule(Kind::Sliding, 10, 30_000), rule(Kind::Aligned, 10, 60_000)];
    let mut limiter = Limiter::new(START);
    assert_eq!(check(&mut limiter, &rules, 10, START_US).reset_after_ms, 60_000);
    assert_eq!(check(&mut limiter, &rules, 10, START_US).blocked_by, 1);
}

#[test]
fn a_ban_needs_no_limits_and_its_wait_includes_theirs() {
    let mut limiter = Limiter::new(START);
    assert_eq!(limiter.check(&[], 1, START), Err(NoLimits));
    limiter.ban(1_000, START);
    let refused = check(&mut limiter, &[], 1, START_US);
    assert_eq!((refused.limit, refused.retry_after_ms, refused.blocked_by), (0, 1_000, BANNED));
    assert_eq!(limiter.lapses_in_us(limiter.moment(START)), Some(1_000_000));
    assert_eq!(limiter.check(&[], 1, at(START_US + 1_000_000)), Err(NoLimits));

    let rules = [rule(Kind::Aligned, 1, 60_000)];
    let mut limiter = Limiter::new(START);
    check(&mut limiter, &rules, 1, START_US);
    limiter.ban(1_000, START);
    assert_eq!(check(&mut limiter, &rules, 1, START_US).retry_after_ms, 60_000);
    assert_eq!(check(&mut limiter, &rules, 2, START_US).retry_after_ms, Verdict::NEVER);
}

fn told(kind: Kind, used: u64, force: bool) -> Used {
    Used { kind, period_ms: 60_000, used, force }
}

#[test]
fn what_the_exchange_says_is_never_lowered_unless_forced() {
    for kind in KINDS {
        let rules = [rule(kind, 1_200, 60_000)];
        let mut limiter = Limiter::new(START);
        check(&mut limiter, &rules, 10, START_US);
        let mut sync = |used, force| {
            let outcome = limiter.sync(told(kind, used, force), START_US, START).unwrap();
            (outcome.verdict.remaining, outcome.change != Change::Nothing)
        };
        assert_eq!(sync(700, false), (500, true), "{kind:?}");
        assert_eq!(sync(600, false), (500, false), "{kind:?}");
        assert_eq!(sync(600, true), (600, true), "{kind:?}");
        assert_eq!(sync(0, true), (1_200, true), "{kind:?}");
        assert_eq!(sync(5_000, false), (0, true), "{kind:?}: above the limit is full use");
        let other = Used { period_ms: 1_000, ..told(kind, 1, false) };
        assert_eq!(limiter.sync(other, START_US, START), Err(NoSuchLimit), "{kind:?}");
    }
}

#[test]
fn what_was_said_earlier_has_aged() {
    let sync = |kind, used, told_us| {
        let mut limiter = Limiter::new(START);
        limiter.create(&[rule(kind, 1_200, 60_000)], START);
        limiter.sync(told(kind, used, false), told_us, START).unwrap().verdict.remaining
    };
    assert_eq!(sync(Kind::Gcra, 700, START_US - 10_000_000), 1_200 - 500, "ten seconds leak 200");
    assert_eq!(sync(Kind::Gcra, 700, START_US + 10_000_000), 500, "their clock is ahead");
    assert_eq!(sync(Kind::Aligned, 700, START_US - 1), 1_200, "of the window before");
    assert_eq!(sync(Kind::Aligned, 700, START_US), 500);
    assert_eq!(sync(Kind::Sliding, 700, START_US - 59_999_999), 500);
    assert_eq!(sync(Kind::Sliding, 700, START_US - 60_000_000), 1_200, "a period ago");
}

#[test]
fn what_was_said_in_another_window_says_nothing_of_this_one() {
    let limits = [rule(Kind::Aligned, 100, 60_000)];
    let mut limiter = Limiter::new(START);
    check(&mut limiter, &limits, 70, START_US);
    for told_us in [START_US - 1, START_US + MINUTE_US, START_US + 4 * MINUTE_US] {
        for (used, force) in [(90, false), (0, true)] {
            let synced = limiter.sync(told(Kind::Aligned, used, force), told_us, at(START_US + 30_000_000)).unwrap();
            assert_eq!((synced.change, synced.verdict.remaining), (Change::Nothing, 30), "{told_us} {used}");
        }
    }
    let synced = limiter.sync(told(Kind::Aligned, 90, false), START_US + MINUTE_US - 1, at(START_US + 1)).unwrap();
    assert_eq!(synced.verdict.remaining, 10, "their clock is ahead, in the same window");
}

#[test]
fn a_told_sliding_use_returns_a_period_after_it_was_told() {
    let rules = [rule(Kind::Sliding, 10, 60_000)];
    let mut limiter = Limiter::new(START);
    limiter.create(&rules, START);
    check(&mut limiter, &[], 1, START_US);
    limiter.sync(told(Kind::Sliding, 10, false), START_US - 20_000_000, START).unwrap();
    let refused = check(&mut limiter, &[], 1, START_US + 1_000_000);
    assert_eq!(refused.retry_after_ms, 39_000, "by its own time, not by that of the use that came after it");
    assert_eq!(check(&mut limiter, &[], 9, START_US + 40_000_000).remaining, 0);
    assert_eq!(check(&mut limiter, &[], 1, START_US + 40_000_000).retry_after_ms, 20_000, "the one that came after it");
}

#[test]
fn uses_told_after_the_fact_return_at_most_a_64th_late_and_never_early() {
    const PERIOD_US: u64 = 64_000_000;
    let rules = [rule(Kind::Sliding, 1_000, 64_000)];
    let mut limiter = Limiter::new(START);
    limiter.create(&rules, START);
    // Further apart than a 64th, told in any order.
    let taken_us = |number: u64| START_US + number * 1_500_000;
    let now_us = taken_us(40);
    let moment = at(now_us);
    for (place, number) in (0..40).map(|number| number * 7 % 40).enumerate() {
        limiter
            .sync(Used { period_ms: 64_000, ..told(Kind::Sliding, place as u64 + 1, false) }, taken_us(number), moment)
            .unwrap();
    }
    for number in 0..40 {
        let used = |at_us| 1_000 - limiter.peek(&[], 0, at(at_us)).unwrap().remaining;
        let returns_us = taken_us(number) + PERIOD_US;
        assert_eq!(used(returns_us - 1), 40 - number, "{number}: not early");
        assert_eq!(used(returns_us + PERIOD_US / 64), 39 - number, "{number}: at most a 64th late");
    }
}

#[test]
fn uses_told_at_more_times_than_are_kept_apart_are_late_and_never_early() {
    const PERIOD_US: u64 = 64_000_000;
    let rules = [rule(Kind::Sliding, 1_000, 64_000)];
    let mut limiter = Limiter::new(START);
    limiter.create(&rules, START);
    let now_us = START_US + PERIOD_US - 1;
    let moment = at(now_us);
    let taken_us: Vec<u64> = (0..500).map(|number| START_US + number * 7_919 % 500 * (PERIOD_US / 500)).collect();
    for (place, at_us) in taken_us.iter().enumerate() {
        limiter
            .sync(Used { period_ms: 64_000, ..told(Kind::Sliding, place as u64 + 1, false) }, *at_us, moment)
            .unwrap();
        check(&mut limiter, &[], 0, now_us);
    }
    for at_us in (0..=130).map(|half| START_US + PERIOD_US + half * PERIOD_US / 128) {
        let used = 1_000 - limiter.peek(&[], 0, at(at_us)).unwrap().remaining;
        let there = taken_us.iter().filter(|taken_us| **taken_us + PERIOD_US > at_us).count() as u64;
        assert!(used >= there, "{used} of {there} at {at_us}");
    }
    assert_eq!(limiter.peek(&[], 0, at(now_us + PERIOD_US)).unwrap().remaining, 1_000);
}

#[test]
fn a_created_key_never_lapses_and_a_reset_forgets_all_use() {
    for kind in KINDS {
        let rules = [rule(kind, 10, 60_000)];
        let mut limiter = Limiter::new(START);
        assert_eq!(limiter.lapses_in_us(limiter.moment(START)), Some(0), "nothing was used");
        check(&mut limiter, &rules, 4, START_US);
        assert!(limiter.lapses_in_us(limiter.moment(START)) > Some(0));
        limiter.create(&rules, START);
        assert_eq!(limiter.lapses_in_us(limiter.moment(START)), None);
        assert_eq!(limiter.peek(&[], 1, START).unwrap().remaining, 6, "{kind:?}: creating keeps what is used");
        limiter.ban(1_000, START);
        limiter.reset(START);
        let peeked = limiter.peek(&[], 1, START).unwrap();
        assert_eq!((peeked.allowed, peeked.remaining, peeked.reset_after_ms), (true, 10, 0), "{kind:?}");
    }
}

#[test]
fn one_limit_needs_no_allocation_beyond_the_key_s_own() {
    let mut limiter = Limiter::new(START);
    check(&mut limiter, &[rule(Kind::Gcra, 10, 60_000)], 1, START_US);
    limiter.measure(&mut |_, bytes| panic!("{bytes} bytes"));
    assert!(size_of::<Limiter>() <= 64, "{} bytes", size_of::<Limiter>());
}
