//! The limiter against its definitions, written slowly: every use is remembered, and every stretch is summed.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

use liq_core::rl::limiter::{Change, Kind, Limiter, Now, Rule, Verdict};
use proptest::prelude::*;

/// Some time in 2025, on no boundary of anything.
const START_US: u64 = 1_750_000_003_456_789;

/// A process whose clocks agree.
const fn at(now_us: u64) -> Now {
    Now::new(now_us, now_us)
}

fn rule(kind: Kind, amount: u64, period_ms: u64, burst: Option<u64>) -> Rule {
    Rule::new(kind, amount, period_ms, burst).unwrap()
}

/// Checks every cost at its time and returns what was admitted, as (time, cost).
fn admitted(rules: &[Rule], steps: &[(u64, u64)]) -> Vec<(u64, u64)> {
    let mut limiter = Limiter::new(at(START_US));
    let mut now_us = START_US;
    let mut uses = Vec::new();
    for (pause_us, cost) in steps {
        now_us += pause_us;
        let outcome = limiter.check(rules, i64::try_from(*cost).unwrap(), at(now_us)).unwrap();
        if outcome.verdict.allowed {
            uses.push((now_us, *cost));
        }
    }
    uses
}

/// Pauses that are often zero, often on a boundary of the period, and sometimes long.
fn pause_us(period_ms: u64) -> impl Strategy<Value = u64> {
    let period_us = period_ms * 1_000;
    prop_oneof![
        3 => Just(0),
        3 => 1..=period_us / 8 + 1,
        1 => (period_us / 64).saturating_sub(1)..=period_us / 64 + 1,
        1 => period_us - 1..=period_us + 1,
        1 => 0..=3 * period_us,
    ]
}

fn steps(period_ms: u64, largest: u64) -> impl Strategy<Value = Vec<(u64, u64)>> {
    proptest::collection::vec((pause_us(period_ms), 1..=largest), 1..200)
}

fn periods_ms() -> impl Strategy<Value = u64> {
    prop_oneof![Just(1), Just(7), Just(1_000), Just(10_000), Just(86_400_000), 1..=100_000_u64]
}

fn period_and_steps(largest: u64) -> impl Strategy<Value = (u64, Vec<(u64, u64)>)> {
    periods_ms().prop_flat_map(move |period_ms| (Just(period_ms), steps(period_ms, largest)))
}

proptest! {
    #[test]
    fn gcra_never_admits_more_than_burst_and_rate_in_any_stretch(
        (period_ms, steps) in period_and_steps(9), amount in 1..50_u64, burst in 1..30_u64,
    ) {
        let uses = admitted(&[rule(Kind::Gcra, amount, period_ms, Some(burst))], &steps);
        for (first, (from_us, _)) in uses.iter().enumerate() {
            let mut sum = 0_u128;
            for (until_us, cost) in &uses[first..] {
                sum += u128::from(*cost);
                let stretch = u128::from(until_us - from_us) * u128::from(amount);
                let allowed = u128::from(burst) * u128::from(period_ms * 1_000) + stretch;
                prop_assert!(sum * u128::from(period_ms * 1_000) <= allowed);
            }
        }
    }

    #[test]
    fn gcra_admits_exactly_what_the_leaking_bucket_has_room_for(
        (period_ms, steps) in period_and_steps(9), amount in 1..50_u64, burst in 1..30_u64,
    ) {
        let period_us = i128::from(period_ms * 1_000);
        let (mut level, mut last_us, mut now_us) = (0_i128, START_US, START_US);
        let mut expected = Vec::new();
        for (pause_us, cost) in &steps {
            now_us += pause_us;
            let leaked = (level - i128::from(now_us - last_us) * i128::from(amount)).max(0);
            if leaked + i128::from(*cost) * period_us <= i128::from(burst) * period_us {
                (level, last_us) = (leaked + i128::from(*cost) * period_us, now_us);
                expected.push((now_us, *cost));
            }
        }
        prop_assert_eq!(admitted(&[rule(Kind::Gcra, amount, period_ms, Some(burst))], &steps), expected);
    }

    #[test]
    fn sliding_never_admits_more_than_the_amount_and_returns_it_at_most_a_64th_late(
        (period_ms, steps) in period_and_steps(4), amount in 1..40_u64,
    ) {
        let limit = [rule(Kind::Sliding, amount, period_ms, None)];
        let (period_us, late_us) = (period_ms * 1_000, period_ms * 1_000 / 64);
        let mut limiter = Limiter::new(at(START_US));
        let mut now_us = START_US;
        let mut uses: Vec<(u64, u64)> = Vec::new();
        for (pause_us, cost) in steps {
            now_us += pause_us;
            let used_since = |from_us: u64| {
                let used = uses.iter().filter(|(time_us, _)| *time_us > from_us).map(|(_, cost)| cost);
                used.sum::<u64>()
            };
            let certain = used_since(now_us - period_us);
            let possible = used_since(now_us - period_us - late_us);
            let verdict = limiter.check(&limit, i64::try_from(cost).unwrap(), at(now_us)).unwrap().verdict;
            if verdict.allowed {
                prop_assert!(certain + cost <= amount, "above the amount in the last period");
                uses.push((now_us, cost));
            } else {
                prop_assert!(possible + cost > amount, "use came back more than a 64th late");
            }
        }
    }

    #[test]
    fn sliding_holds_whichever_use_is_given_back(
        period_ms in 1..100_000_u64, amount in 1..20_u64,
        steps in proptest::collection::vec((0..40_u64, 1..4_u64, proptest::option::weighted(0.3, any::<usize>())), 1..200),
    ) {
        let limit = [rule(Kind::Sliding, amount, period_ms, None)];
        let period_us = period_ms * 1_000;
        let mut limiter = Limiter::new(at(START_US));
        let mut now_us = START_US;
        let mut uses: Vec<(u64, u64)> = Vec::new();
        for (pause, cost, given_back) in steps {
            now_us += pause * period_us / 50;
            uses.retain(|(time_us, _)| time_us + period_us > now_us);
            if let Some(place) = given_back.filter(|_| !uses.is_empty()) {
                let (_, cost) = uses.remove(place % uses.len());
                limiter.check(&limit, -i64::try_from(cost).unwrap(), at(now_us)).unwrap();
            } else if limiter.check(&limit, i64::try_from(cost).unwrap(), at(now_us)).unwrap().verdict.allowed {
                uses.push((now_us, cost));
            }
            prop_assert!(uses.iter().map(|(_, cost)| cost).sum::<u64>() <= amount);
        }
    }

    #[test]
    fn sliding_is_exact_while_uses_are_a_64th_apart(
        period_ms in 1..100_000_u64, amount in 1..40_u64,
        gaps in proptest::collection::vec((1..2_000_u64, 1..4_u64), 1..100),
    ) {
        let limit = [rule(Kind::Sliding, amount, period_ms, None)];
        let period_us = period_ms * 1_000;
        let mut limiter = Limiter::new(at(START_US));
        let mut now_us = START_US;
        let mut uses: Vec<(u64, u64)> = Vec::new();
        for (gap, cost) in gaps {
            now_us += period_us / 64 + gap;
            let used = uses.iter().filter(|(time_us, _)| time_us + period_us > now_us).map(|(_, cost)| cost);
            let fits = used.sum::<u64>() + cost <= amount;
            let verdict = limiter.check(&limit, i64::try_from(cost).unwrap(), at(now_us)).unwrap().verdict;
            prop_assert_eq!(verdict.allowed, fits);
            if fits {
                uses.push((now_us, cost));
            }
        }
    }

    #[test]
    fn aligned_counts_per_window_of_the_epoch_and_resets_exactly_on_its_boundary(
        (period_ms, steps) in period_and_steps(4), amount in 1..40_u64,
    ) {
        let period_us = period_ms * 1_000;
        let mut expected = Vec::new();
        let (mut now_us, mut window, mut used) = (START_US, 0, 0);
        for (pause_us, cost) in &steps {
            now_us += pause_us;
            if now_us / period_us != window {
                (window, used) = (now_us / period_us, 0);
            }
            if used + cost <= amount {
                used += cost;
                expected.push((now_us, *cost));
            }
        }
        prop_assert_eq!(admitted(&[rule(Kind::Aligned, amount, period_ms, None)], &steps), expected);
    }
}

fn any_rule() -> impl Strategy<Value = Rule> {
    let amount = prop_oneof![1..20_u64, 1_000_000..2_000_000_u64, Just(1_u64 << 53)];
    (0..3, amount, prop_oneof![1..50_u64, 1_000..100_000_u64, Just(366 * 86_400_000)], 1..20_u64).prop_map(
        |(kind, amount, period_ms, burst)| match kind {
            0 => rule(Kind::Gcra, amount, period_ms, Some(burst)),
            1 => rule(Kind::Sliding, amount, period_ms, None),
            _ => rule(Kind::Aligned, amount, period_ms, None),
        },
    )
}

/// One to eight rules, distinct in kind and period.
fn rules() -> impl Strategy<Value = Vec<Rule>> {
    proptest::collection::vec(any_rule(), 1..=8).prop_map(|drawn| {
        let mut rules: Vec<Rule> = Vec::new();
        for rule in drawn {
            if !rules.iter().any(|other| other.matches(&rule)) {
                rules.push(rule);
            }
        }
        rules
    })
}

/// What each limit alone says is used, in the order of the limits.
fn all_used(limiter: &Limiter, now_us: u64) -> Vec<u64> {
    limiter.limits().iter().map(|limit| limit.used(limiter.moment(at(now_us)))).collect()
}

fn loaded(rules: &[Rule], steps: &[(u64, i64)]) -> (Limiter, u64) {
    let mut limiter = Limiter::new(at(START_US));
    let mut now_us = START_US;
    for (pause_us, cost) in steps {
        now_us += pause_us;
        limiter.check(rules, *cost, at(now_us)).unwrap();
    }
    (limiter, now_us)
}

fn history() -> impl Strategy<Value = Vec<(u64, i64)>> {
    let pause = prop_oneof![Just(0), 0..2_000_u64, 0..5_000_000_u64];
    proptest::collection::vec((pause, prop_oneof![8 => 1..8_i64, 1 => -3..0_i64]), 0..60)
}

proptest! {
    #[test]
    fn cost_is_taken_from_all_limits_or_from_none(rules in rules(), steps in history(), cost in 1..10_u64) {
        let (mut limiter, now_us) = loaded(&rules, &steps);
        let before = all_used(&limiter, now_us);
        // Without a history the limiter follows no rules yet, and nothing is used of them.
        let before = if before.is_empty() { vec![0; rules.len()] } else { before };
        let fits = rules.iter().zip(&before).all(|(rule, used)| used + cost <= rule.capacity());
        let verdict = limiter.check(&rules, i64::try_from(cost).unwrap(), at(now_us)).unwrap().verdict;
        let after = all_used(&limiter, now_us);
        prop_assert_eq!(verdict.allowed, fits);
        for (before, after) in before.iter().zip(&after) {
            prop_assert_eq!(after - before, if fits { cost } else { 0 });
        }
    }

    #[test]
    fn remaining_is_true(rules in rules(), steps in history()) {
        let (limiter, now_us) = loaded(&rules, &steps);
        let remaining = limiter.peek(&rules, 0, at(now_us)).unwrap().remaining;
        let take = |cost: u64| {
            let cost = i64::try_from(cost).unwrap();
            limiter.clone().check(&rules, cost, at(now_us)).unwrap().verdict.allowed
        };
        prop_assert!(remaining == 0 || take(remaining));
        prop_assert!(!take(remaining + 1));
    }

    #[test]
    fn waiting_retry_after_admits_and_a_millisecond_less_does_not(rules in rules(), steps in history(), cost in 1..30_u64) {
        let (limiter, now_us) = loaded(&rules, &steps);
        let take = |wait_ms: i64| {
            let then_us = now_us + u64::try_from(wait_ms).unwrap() * 1_000;
            limiter.clone().check(&rules, i64::try_from(cost).unwrap(), at(then_us)).unwrap().verdict
        };
        let verdict = take(0);
        match verdict.retry_after_ms {
            Verdict::NO_RETRY => prop_assert!(verdict.allowed),
            Verdict::NEVER => {
                let blocking = rules[usize::try_from(verdict.blocked_by).unwrap() - 1];
                prop_assert!(!verdict.allowed && cost > blocking.capacity());
            }
            wait_ms => {
                prop_assert!(!verdict.allowed && wait_ms > 0 && verdict.blocked_by > 0);
                prop_assert!(take(wait_ms).allowed);
                prop_assert!(!take(wait_ms - 1).allowed);
            }
        }
    }

    #[test]
    fn waiting_reset_after_of_every_limit_leaves_a_key_that_says_nothing(rules in rules(), steps in history()) {
        let (limiter, now_us) = loaded(&rules, &steps);
        let lapses_in_us = |time_us: u64| limiter.lapses_in_us(limiter.moment(at(time_us))).unwrap();
        let lapses_us = now_us + lapses_in_us(now_us);
        let full_at = |time_us: u64| all_used(&limiter, time_us).iter().all(|used| *used == 0);
        prop_assert!(full_at(lapses_us) && lapses_in_us(lapses_us) == 0);
        prop_assert!(lapses_us <= now_us || !full_at(lapses_us - 1));
    }

    #[test]
    fn looking_and_refusing_change_nothing(rules in rules(), steps in history(), pause_us in 0..1_000_000_u64) {
        let (mut limiter, now_us) = loaded(&rules, &steps);
        let before = limiter.clone();
        prop_assume!(!steps.is_empty());
        limiter.check(&rules, 0, at(now_us + pause_us)).unwrap();
        let refused = limiter.check(&rules, 1 << 53, at(now_us + pause_us)).unwrap();
        prop_assert!((refused.change == Change::Nothing) != refused.verdict.allowed);
        prop_assert!(refused.verdict.allowed || limiter == before);
    }

    #[test]
    fn giving_back_never_makes_more_than_full(rules in rules(), steps in history(), back in 1..100_i64) {
        let (mut limiter, now_us) = loaded(&rules, &steps);
        let before = all_used(&limiter, now_us);
        limiter.check(&rules, -back, at(now_us)).unwrap();
        for (before, after) in before.iter().zip(all_used(&limiter, now_us)) {
            prop_assert!(after <= before.saturating_sub(back.unsigned_abs()));
        }
    }

    #[test]
    fn other_limits_keep_what_the_matched_ones_used(
        rules in rules(), steps in history(), new_amounts in proptest::collection::vec(1..20_u64, 8),
    ) {
        let (mut limiter, now_us) = loaded(&rules, &steps);
        let before = all_used(&limiter, now_us);
        prop_assume!(!before.is_empty());
        let changed: Vec<Rule> = rules.iter().zip(&new_amounts).rev().map(|(old, amount)| {
            rule(old.kind(), *amount, old.period_ms(), None)
        }).collect();
        limiter.check(&changed, 1 << 53, at(now_us)).unwrap();
        for (place, used) in all_used(&limiter, now_us).iter().enumerate() {
            let old = before[before.len() - 1 - place];
            prop_assert_eq!(*used, old.min(changed[place].capacity()));
        }
    }
}
