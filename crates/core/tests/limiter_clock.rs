//! The limiter under clocks that step back, extreme rates, bans and reconciliation.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test")]

use liq_core::rl::limiter::{BANNED, Kind, Limiter, NoLimits, NoSuchLimit, Rule, Used, Verdict};
use proptest::prelude::*;

const MINUTE_US: u64 = 60_000_000;
/// A minute's beginning in 2025.
const START_US: u64 = 29_166_667 * MINUTE_US;

fn rule(kind: Kind, amount: u64, period_ms: u64) -> Rule {
    Rule::new(kind, amount, period_ms, None).unwrap()
}

fn check(limiter: &mut Limiter, rules: &[Rule], cost: i64, now_us: u64) -> Verdict {
    limiter.check(rules, cost, now_us).unwrap().verdict
}

const KINDS: [Kind; 3] = [Kind::Gcra, Kind::Sliding, Kind::Aligned];

#[test]
fn a_clock_that_steps_back_gives_nothing_and_locks_nobody_out() {
    for kind in KINDS {
        for step_us in [1, 5_000, 59_000_000, 3_600_000_000, 400 * 86_400_000_000] {
            let rules = [rule(kind, 20, 60_000)];
            let mut limiter = Limiter::new(START_US);
            assert!(check(&mut limiter, &rules, 20, START_US + 1_000).allowed, "{kind:?}");
            let stepped_us = START_US + 1_000 - step_us;
            let refused = check(&mut limiter, &rules, 20, stepped_us);
            assert!(!refused.allowed, "{kind:?}: a step of {step_us} us back gave cost back");
            assert!(refused.retry_after_ms <= 120_000, "{kind:?}: locked out for {} ms", refused.retry_after_ms);
            let waited_us = stepped_us + u64::try_from(refused.retry_after_ms).unwrap() * 1_000;
            assert!(!check(&mut limiter, &rules, 20, waited_us - 1_000).allowed, "{kind:?}");
            assert!(check(&mut limiter, &rules, 20, waited_us).allowed, "{kind:?}: waiting did not help");
        }
    }
}

#[test]
fn peeking_sees_a_clock_that_stepped_back_as_a_check_does() {
    for kind in KINDS {
        let rules = [rule(kind, 20, 60_000)];
        let mut limiter = Limiter::new(START_US);
        check(&mut limiter, &rules, 15, START_US);
        let stepped_us = START_US - 3_600_000_000;
        let peeked = limiter.peek(&[], 10, stepped_us).unwrap();
        assert_eq!(peeked, check(&mut limiter, &rules, 10, stepped_us), "{kind:?}");
    }
}

#[test]
fn a_small_step_back_across_a_boundary_opens_no_window_twice() {
    let rules = [rule(Kind::Aligned, 20, 60_000)];
    let mut limiter = Limiter::new(START_US);
    check(&mut limiter, &rules, 20, START_US - 5_000);
    assert!(check(&mut limiter, &rules, 3, START_US + 1_000).allowed);
    assert!(check(&mut limiter, &rules, 17, START_US - 4_000).allowed, "the new window stays the current one");
    let refused = check(&mut limiter, &rules, 1, START_US + 30_000_000);
    assert_eq!((refused.allowed, refused.retry_after_ms), (false, 30_000));
}

proptest! {
    #[test]
    fn whatever_the_clock_does_no_more_is_admitted_than_the_time_that_passed_allows(
        moves in proptest::collection::vec((-2_000_000..2_000_000_i64, 1..5_i64), 1..200),
    ) {
        let rules = [rule(Kind::Gcra, 20, 1_000), rule(Kind::Sliding, 30, 1_000)];
        let mut limiter = Limiter::new(START_US);
        let (mut now_us, mut passed_us) = (START_US, 0_u64);
        let (mut uses, mut sum) = (Vec::new(), 0_u64);
        for (step_us, cost) in moves {
            now_us = now_us.checked_add_signed(step_us).unwrap();
            passed_us += u64::try_from(step_us).unwrap_or(0);
            if check(&mut limiter, &rules, cost, now_us).allowed {
                uses.push((passed_us, cost.unsigned_abs()));
                sum += cost.unsigned_abs();
                prop_assert!(sum * 1_000_000 <= 20 * 1_000_000 + passed_us * 20);
                let last = uses.iter().filter(|(time_us, _)| time_us + 1_000_000 > passed_us).map(|(_, cost)| cost);
                prop_assert!(last.sum::<u64>() <= 30);
            }
        }
    }

    #[test]
    fn a_retry_after_a_step_back_is_true_too(
        kind in 0..3_usize, moves in proptest::collection::vec((-90_000_000..90_000_000_i64, 1..9_i64), 1..60),
    ) {
        let rules = [rule(KINDS.get(kind).copied().unwrap(), 20, 60_000)];
        let mut limiter = Limiter::new(START_US);
        let mut now_us = START_US;
        for (step_us, cost) in moves {
            now_us = now_us.checked_add_signed(step_us).unwrap();
            let verdict = check(&mut limiter, &rules, cost, now_us);
            if !verdict.allowed {
                let after_us = now_us + u64::try_from(verdict.retry_after_ms).unwrap() * 1_000;
                prop_assert!(check(&mut limiter.clone(), &rules, cost, after_us).allowed);
                prop_assert!(!check(&mut limiter.clone(), &rules, cost, after_us - 1_000).allowed);
            }
        }
    }
}

#[test]
fn extreme_rates_are_exact() {
    // A thousand million per second: a thousand return each microsecond.
    let fast = [rule(Kind::Gcra, 1_000_000_000, 1_000)];
    let mut limiter = Limiter::new(START_US);
    assert!(check(&mut limiter, &fast, 1_000_000_000, START_US).allowed);
    assert_eq!(limiter.peek(&[], 1, START_US + 1).unwrap().remaining, 1_000);
    assert_eq!(limiter.peek(&[], 1, START_US + 999_999).unwrap().remaining, 999_999_000);
    // One per year: nothing returns a microsecond early.
    let slow = [rule(Kind::Gcra, 1, 366 * 86_400_000)];
    let year_us = 366 * 86_400_000_000;
    let mut limiter = Limiter::new(START_US);
    assert!(check(&mut limiter, &slow, 1, START_US).allowed);
    assert_eq!(check(&mut limiter, &slow, 1, START_US + 1).retry_after_ms, 366 * 86_400_000);
    assert!(!check(&mut limiter, &slow, 1, START_US + year_us - 1).allowed);
    assert!(check(&mut limiter, &slow, 1, START_US + year_us).allowed);
    // The largest cost, at the slowest rate: the wait saturates, and nothing wraps.
    let largest = 1_i64 << 53;
    let room = [Rule::new(Kind::Gcra, 1, 366 * 86_400_000, Some(1 << 53)).unwrap()];
    let mut limiter = Limiter::new(START_US);
    assert!(check(&mut limiter, &room, largest, START_US).allowed);
    let refused = check(&mut limiter, &room, largest, START_US + year_us);
    assert_eq!((refused.allowed, refused.remaining), (false, 1));
    assert!(refused.retry_after_ms > 1 << 53);
    // And at the fastest: 2^53 per millisecond.
    for kind in KINDS {
        let rules = [rule(kind, 1 << 53, 1)];
        let mut limiter = Limiter::new(START_US);
        assert!(check(&mut limiter, &rules, largest, START_US).allowed, "{kind:?}");
        assert_eq!(check(&mut limiter, &rules, largest, START_US).retry_after_ms, 1, "{kind:?}");
        assert!(check(&mut limiter, &rules, largest, START_US + 1_000).allowed, "{kind:?}");
    }
}

#[test]
fn the_reply_speaks_of_the_longest_wait_or_the_least_remaining() {
    let rules = [rule(Kind::Aligned, 10, 60_000), rule(Kind::Aligned, 5, 10_000), rule(Kind::Gcra, 100, 1_000)];
    let mut limiter = Limiter::new(START_US);
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
    let mut limiter = Limiter::new(START_US);
    check(&mut limiter, &rules, 1, START_US);
    assert!(limiter.ban(30_000, START_US));
    let refused = check(&mut limiter, &rules, 1, START_US + 10_000_000);
    assert_eq!((refused.allowed, refused.remaining, refused.blocked_by), (false, 0, BANNED));
    assert_eq!((refused.retry_after_ms, refused.limit), (20_000, 10));
    assert!(!limiter.peek(&[], 0, START_US + 10_000_000).unwrap().allowed);
    assert!(!limiter.ban(5_000, START_US + 10_000_000), "a shorter ban changes nothing");
    assert!(!check(&mut limiter, &rules, 1, START_US + 29_999_999).allowed);
    assert!(check(&mut limiter.clone(), &rules, 1, START_US + 30_000_000).allowed);
    assert!(limiter.ban(0, START_US + 10_000_000));
    assert!(check(&mut limiter, &rules, 1, START_US + 10_000_000).allowed);
    assert!(!limiter.ban(0, START_US + 10_000_000), "there is no ban to lift");
}

#[test]
fn a_ban_keeps_its_length_when_the_clock_steps_back() {
    let mut limiter = Limiter::new(START_US);
    limiter.ban(30_000, START_US);
    let stepped_us = START_US - 3_600_000_000;
    let refused = check(&mut limiter, &[rule(Kind::Gcra, 10, 60_000)], 1, stepped_us);
    assert_eq!((refused.blocked_by, refused.retry_after_ms), (BANNED, 30_000));
}

#[test]
fn of_equals_the_reply_speaks_of_the_first() {
    let rules = [rule(Kind::Gcra, 10, 60_000), rule(Kind::Sliding, 10, 30_000), rule(Kind::Aligned, 10, 60_000)];
    let mut limiter = Limiter::new(START_US);
    assert_eq!(check(&mut limiter, &rules, 10, START_US).reset_after_ms, 60_000);
    assert_eq!(check(&mut limiter, &rules, 10, START_US).blocked_by, 1);
}

#[test]
fn a_ban_needs_no_limits_and_its_wait_includes_theirs() {
    let mut limiter = Limiter::new(START_US);
    assert_eq!(limiter.check(&[], 1, START_US), Err(NoLimits));
    limiter.ban(1_000, START_US);
    let refused = check(&mut limiter, &[], 1, START_US);
    assert_eq!((refused.limit, refused.retry_after_ms, refused.blocked_by), (0, 1_000, BANNED));
    assert_eq!(limiter.lapses_at_us(), Some(START_US + 1_000_000));
    assert_eq!(limiter.check(&[], 1, START_US + 1_000_000), Err(NoLimits));

    let rules = [rule(Kind::Aligned, 1, 60_000)];
    let mut limiter = Limiter::new(START_US);
    check(&mut limiter, &rules, 1, START_US);
    limiter.ban(1_000, START_US);
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
        let mut limiter = Limiter::new(START_US);
        check(&mut limiter, &rules, 10, START_US);
        let mut sync = |used, force| {
            let outcome = limiter.sync(told(kind, used, force), START_US, START_US).unwrap();
            (outcome.verdict.remaining, outcome.changed)
        };
        assert_eq!(sync(700, false), (500, true), "{kind:?}");
        assert_eq!(sync(600, false), (500, false), "{kind:?}");
        assert_eq!(sync(600, true), (600, true), "{kind:?}");
        assert_eq!(sync(0, true), (1_200, true), "{kind:?}");
        assert_eq!(sync(5_000, false), (0, true), "{kind:?}: above the limit is full use");
        let other = Used { period_ms: 1_000, ..told(kind, 1, false) };
        assert_eq!(limiter.sync(other, START_US, START_US), Err(NoSuchLimit), "{kind:?}");
    }
}

#[test]
fn what_was_said_earlier_has_aged() {
    let sync = |kind, used, told_us| {
        let mut limiter = Limiter::new(START_US);
        limiter.create(&[rule(kind, 1_200, 60_000)], START_US);
        limiter.sync(told(kind, used, false), told_us, START_US).unwrap().verdict.remaining
    };
    assert_eq!(sync(Kind::Gcra, 700, START_US - 10_000_000), 1_200 - 500, "ten seconds leak 200");
    assert_eq!(sync(Kind::Gcra, 700, START_US + 10_000_000), 500, "their clock is ahead");
    assert_eq!(sync(Kind::Aligned, 700, START_US - 1), 1_200, "of the window before");
    assert_eq!(sync(Kind::Aligned, 700, START_US), 500);
    assert_eq!(sync(Kind::Sliding, 700, START_US - 59_999_999), 500);
    assert_eq!(sync(Kind::Sliding, 700, START_US - 60_000_000), 1_200, "a period ago");
}

#[test]
fn an_exchange_whose_clock_is_ahead_opens_its_next_window() {
    let rules = [rule(Kind::Aligned, 100, 60_000)];
    let mut limiter = Limiter::new(START_US);
    check(&mut limiter, &rules, 100, START_US - 200_000);
    let synced = limiter.sync(told(Kind::Aligned, 7, false), START_US + 100_000, START_US - 100_000).unwrap();
    assert_eq!(synced.verdict.remaining, 93);
    assert!(check(&mut limiter, &rules, 90, START_US - 50_000).allowed);
    assert_eq!(check(&mut limiter, &rules, 4, START_US + 10).retry_after_ms, 60_000);
}

#[test]
fn an_exchange_s_clock_is_believed_one_window_ahead_at_most() {
    let rules = [rule(Kind::Aligned, 100, 60_000)];
    let mut limiter = Limiter::new(START_US);
    limiter.create(&rules, START_US);
    let synced = limiter.sync(told(Kind::Aligned, 100, false), START_US + 4 * MINUTE_US, START_US).unwrap();
    assert_eq!((synced.verdict.allowed, synced.verdict.retry_after_ms), (false, 120_000));
}

#[test]
fn a_told_sliding_use_returns_a_period_after_it_was_told() {
    let rules = [rule(Kind::Sliding, 10, 60_000)];
    let mut limiter = Limiter::new(START_US);
    limiter.create(&rules, START_US);
    check(&mut limiter, &[], 1, START_US);
    limiter.sync(told(Kind::Sliding, 10, false), START_US - 20_000_000, START_US).unwrap();
    let refused = check(&mut limiter, &[], 1, START_US + 1_000_000);
    assert_eq!(refused.retry_after_ms, 59_000, "joined to the use that came after it: later, never earlier");
}

#[test]
fn a_created_key_never_lapses_and_a_reset_forgets_all_use() {
    for kind in KINDS {
        let rules = [rule(kind, 10, 60_000)];
        let mut limiter = Limiter::new(START_US);
        assert!(limiter.has_lapsed(START_US), "nothing was used");
        check(&mut limiter, &rules, 4, START_US);
        assert!(!limiter.has_lapsed(START_US));
        limiter.create(&rules, START_US);
        assert_eq!(limiter.lapses_at_us(), None);
        assert_eq!(limiter.peek(&[], 1, START_US).unwrap().remaining, 6, "{kind:?}: creating keeps what is used");
        limiter.ban(1_000, START_US);
        limiter.reset(START_US);
        let peeked = limiter.peek(&[], 1, START_US).unwrap();
        assert_eq!((peeked.allowed, peeked.remaining, peeked.reset_after_ms), (true, 10, 0), "{kind:?}");
    }
}

#[test]
fn one_limit_needs_no_allocation_beyond_the_key_s_own() {
    let mut limiter = Limiter::new(START_US);
    check(&mut limiter, &[rule(Kind::Gcra, 10, 60_000)], 1, START_US);
    limiter.measure(&mut |_, bytes| panic!("{bytes} bytes"));
    assert!(size_of::<Limiter>() <= 64, "{} bytes", size_of::<Limiter>());
}
