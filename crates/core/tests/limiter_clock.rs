//! The limiter under clocks that are set back, ahead and right again, in processes that take a key over from each other:
//! against the limits as they are defined, by the time that passed for the key.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

use liq_core::rl::format::{LAYOUT, decode, encode};
use liq_core::rl::limiter::{BANNED, Change, Kind, Limiter, Now, Rule, Verdict};
use proptest::prelude::*;

const S_US: u64 = 1_000_000;
const MINUTE_US: u64 = 60 * S_US;
const HOUR_US: u64 = 60 * MINUTE_US;
/// A minute's beginning in 2025.
const START_US: u64 = 29_166_667 * MINUTE_US;
const KINDS: [Kind; 3] = [Kind::Gcra, Kind::Sliding, Kind::Aligned];

fn rule(kind: Kind, amount: u64, period_ms: u64) -> Rule {
    Rule::new(kind, amount, period_ms, None).unwrap()
}

fn check(limiter: &mut Limiter, rules: &[Rule], cost: i64, now: Now) -> Verdict {
    limiter.check(rules, cost, now).unwrap().verdict
}

/// A process with clocks that the test moves.
#[derive(Debug, Clone, Copy)]
struct Clocks {
    wall_us: u64,
    steady_us: u64,
}

impl Clocks {
    const START: Self = Self { wall_us: START_US, steady_us: 77 };

    const fn now(self) -> Now {
        Now::new(self.wall_us, self.steady_us)
    }

    const fn pass(&mut self, elapsed_us: u64) {
        self.wall_us += elapsed_us;
        self.steady_us += elapsed_us;
    }

    fn set(&mut self, step_us: i64) {
        self.wall_us = self.wall_us.checked_add_signed(step_us).unwrap();
    }
}

/// Another process takes the key over.
fn hand_over(limiter: &Limiter, to: Clocks) -> Limiter {
    decode(LAYOUT, &encode(limiter), to.now()).unwrap()
}

#[test]
fn a_clock_that_is_set_back_and_right_again_returns_nothing_and_locks_nobody_out() {
    for kind in KINDS {
        for step_us in [1, 5_000, 59_000_000, 7_300_000_000, 400 * 86_400_000_000] {
            let rules = [rule(kind, 20, 60_000)];
            let mut clocks = Clocks::START;
            clocks.pass(1_000);
            let mut limiter = Limiter::new(clocks.now());
            assert!(check(&mut limiter, &rules, 19, clocks.now()).allowed, "{kind:?}");
            clocks.set(-step_us);
            assert!(check(&mut limiter, &rules, 1, clocks.now()).allowed, "{kind:?}");
            let refused = check(&mut limiter, &rules, 20, clocks.now());
            assert!(!refused.allowed, "{kind:?}: a step of {step_us} us back gave cost back");
            assert!(refused.retry_after_ms <= 60_000, "{kind:?}: locked out for {} ms", refused.retry_after_ms);
            let mut waited = clocks;
            waited.pass(u64::try_from(refused.retry_after_ms).unwrap() * 1_000 - 1_000);
            assert!(!check(&mut limiter.clone(), &rules, 20, waited.now()).allowed, "{kind:?}");
            waited.pass(1_000);
            assert!(check(&mut limiter.clone(), &rules, 20, waited.now()).allowed, "{kind:?}: waiting did not help");
            clocks.set(step_us);
            assert!(!check(&mut limiter, &rules, 1, clocks.now()).allowed, "{kind:?}: right again");
        }
    }
}

#[test]
fn a_leap_ahead_returns_nothing_but_aligned_windows_within_a_process() {
    for kind in [Kind::Gcra, Kind::Sliding] {
        let rules = [rule(kind, 20, 60_000)];
        let mut clocks = Clocks::START;
        let mut limiter = Limiter::new(clocks.now());
        check(&mut limiter, &rules, 20, clocks.now());
        clocks.set(3_600_000_000);
        assert!(!check(&mut limiter, &rules, 1, clocks.now()).allowed, "{kind:?}");
        assert_eq!(check(&mut limiter, &rules, 20, clocks.now()).retry_after_ms, 60_000, "{kind:?}");
    }
    let rules = [rule(Kind::Aligned, 20, 60_000)];
    let mut clocks = Clocks::START;
    let mut limiter = Limiter::new(clocks.now());
    check(&mut limiter, &rules, 20, clocks.now());
    clocks.set(60_000_000);
    assert!(check(&mut limiter, &rules, 20, clocks.now()).allowed, "a window is the wall clock's");
}

#[test]
fn a_ban_keeps_its_length_whatever_the_clock_does_and_whoever_takes_over() {
    let mut clocks = Clocks::START;
    let mut limiter = Limiter::new(clocks.now());
    limiter.ban(7_200_000, clocks.now());
    let mut passed_ms = 0;
    for (step_us, over) in [(-3_600, false), (3_600, false), (-30, true), (30, true), (-86_400, true), (86_400, false)]
    {
        clocks.set(step_us * S_US.cast_signed());
        clocks.pass(S_US);
        passed_ms += 1_000;
        if over {
            limiter = hand_over(&limiter, clocks);
        }
        let refused = check(&mut limiter, &[rule(Kind::Gcra, 10, 60_000)], 1, clocks.now());
        assert_eq!(refused.blocked_by, BANNED);
        // A second in which nobody changed the key may be lost on the way, and makes the ban longer.
        let left_ms = 7_200_000 - passed_ms;
        assert!((left_ms..=left_ms + 6_000).contains(&refused.retry_after_ms), "{step_us}: {}", refused.retry_after_ms);
        // Something that is stored.
        limiter.check(&[rule(Kind::Gcra, 10, 60_000)], -1, clocks.now()).unwrap();
    }
}

#[test]
fn who_takes_over_goes_on_from_its_clock_or_from_what_the_key_has_seen() {
    let rules = [rule(Kind::Gcra, 60, 60_000), rule(Kind::Sliding, 60, 60_000)];
    let mut clocks = Clocks::START;
    let mut limiter = Limiter::new(clocks.now());
    check(&mut limiter, &rules, 60, clocks.now());
    let behind = Clocks { wall_us: START_US - 30 * S_US, steady_us: 9_000_000_000 };
    let mut other = hand_over(&limiter, behind);
    assert!(!check(&mut other, &rules, 1, behind.now()).allowed, "no time passed");
    clocks.pass(20 * S_US);
    let ahead = Clocks { steady_us: 5, ..clocks };
    assert_eq!(hand_over(&limiter, ahead).standings(ahead.now())[0].used, 40, "twenty seconds by its clock");
    // There and back, changed on the way: two seconds passed in all.
    let mut back = Clocks::START;
    let mut limiter = hand_over(&limiter, behind);
    let mut there = behind;
    there.pass(S_US);
    assert!(check(&mut limiter, &rules[..1], 1, there.now()).allowed);
    back.pass(2 * S_US);
    let limiter = hand_over(&limiter, back);
    assert_eq!(limiter.standings(back.now())[0].used, 60 - 2 + 1, "one of the two returned was taken");
}

#[test]
fn a_small_step_back_across_a_boundary_opens_no_window_twice() {
    let rules = [rule(Kind::Aligned, 20, 60_000)];
    let mut clocks = Clocks { wall_us: START_US - 5 * S_US, steady_us: 0 };
    let mut limiter = Limiter::new(clocks.now());
    check(&mut limiter, &rules, 20, clocks.now());
    clocks.pass(6 * S_US);
    assert!(check(&mut limiter, &rules, 3, clocks.now()).allowed);
    clocks.set(-5_000_000);
    assert!(check(&mut limiter, &rules, 17, clocks.now()).allowed, "the new window stays the current one");
    clocks.pass(31 * S_US);
    let refused = check(&mut limiter, &rules, 1, clocks.now());
    assert_eq!((refused.allowed, refused.retry_after_ms), (false, 29_000), "one period after its first use");
}

#[test]
fn peeking_sees_a_clock_that_was_set_as_a_check_does() {
    for kind in KINDS {
        for step_us in [-3_600_000_000, 3_600_000_000] {
            let mut clocks = Clocks::START;
            let mut limiter = Limiter::new(clocks.now());
            check(&mut limiter, &[rule(kind, 20, 60_000)], 15, clocks.now());
            clocks.set(step_us);
            clocks.pass(S_US);
            let peeked = limiter.peek(&[], 10, clocks.now()).unwrap();
            let checked = check(&mut limiter, &[], 10, clocks.now());
            assert_eq!((peeked.allowed, peeked.retry_after_ms), (checked.allowed, checked.retry_after_ms), "{kind:?}");
        }
    }
}

/// What happens before a check: time passes, the clock is set, another process with such a clock takes over.
#[derive(Debug, Clone)]
struct Turn {
    elapsed_us: u64,
    step_us: i64,
    taken_over: bool,
    cost: i64,
}

fn turns() -> impl Strategy<Value = Vec<Turn>> {
    let elapsed_us = prop_oneof![3 => 0..300_000_u64, 1 => 0..4 * S_US, 1 => Just(0)];
    let step = (0..HOUR_US.cast_signed(), 0..26_u32, any::<bool>()).prop_map(|(step_us, shift, back)| {
        let step_us = step_us >> shift;
        if back { -step_us } else { step_us }
    });
    let step_us = prop_oneof![2 => Just(0), 1 => step];
    let turn = (elapsed_us, step_us, proptest::bool::weighted(0.2), 1..5_i64)
        .prop_map(|(elapsed_us, step_us, taken_over, cost)| Turn { elapsed_us, step_us, taken_over, cost });
    proptest::collection::vec(turn, 1..150)
}

/// The time of a key, as defined: it passes as it elapses, and who takes over goes on from the later of its clock and the
/// last change.
struct KeyTime {
    key_us: u64,
    changed_us: u64,
}

impl KeyTime {
    fn turn(&mut self, turn: &Turn, clocks: &mut Clocks, limiter: &mut Limiter) {
        clocks.pass(turn.elapsed_us);
        clocks.set(turn.step_us);
        self.key_us += turn.elapsed_us;
        if turn.taken_over {
            clocks.steady_us = clocks.steady_us.wrapping_mul(7) % (1 << 40);
            *limiter = hand_over(limiter, *clocks);
            self.key_us = clocks.wall_us.max(self.changed_us);
        }
    }
}

proptest! {
    #[test]
    fn smooth_and_sliding_limits_are_what_is_defined_by_the_time_that_passed(turns in turns()) {
        let rules = [rule(Kind::Gcra, 20, 1_000), rule(Kind::Sliding, 30, 2_000)];
        let mut clocks = Clocks::START;
        let mut limiter = Limiter::new(clocks.now());
        let mut time = KeyTime { key_us: START_US, changed_us: START_US };
        // In millionths of a unit; and every use of the sliding one.
        let (mut level, mut level_us, mut uses) = (0_u64, START_US, Vec::<(u64, u64)>::new());
        for turn in turns {
            time.turn(&turn, &mut clocks, &mut limiter);
            let (now_us, cost) = (time.key_us, turn.cost.unsigned_abs());
            let leaked = level.saturating_sub((now_us - level_us) * 20);
            let smooth_fits = leaked + cost * S_US <= 20 * S_US;
            let used_since = |from_us: u64| -> u64 {
                uses.iter().filter(|(used_us, _)| *used_us > from_us).map(|(_, cost)| cost).sum()
            };
            let certainly = used_since(now_us - 2 * S_US) + cost <= 30;
            let surely_not = used_since(now_us - 2 * S_US - 2 * S_US / 64) + cost > 30;
            let allowed = check(&mut limiter, &rules, turn.cost, clocks.now()).allowed;
            prop_assert!(!allowed || (smooth_fits && certainly), "returned early");
            prop_assert!(allowed || !smooth_fits || surely_not, "returned late");
            if allowed {
                (level, level_us) = (leaked + cost * S_US, now_us);
                uses.push((now_us, cost));
                time.changed_us = now_us;
            } else if limiter.clock_us() == now_us {
                // The first check stores the limits, taken or not.
                time.changed_us = now_us;
            }
        }
    }

    #[test]
    fn an_aligned_use_stays_until_a_later_window_or_for_one_period_that_elapsed(turns in turns()) {
        let rules = [rule(Kind::Aligned, 10, 2_000)];
        let mut clocks = Clocks::START;
        let mut limiter = Limiter::new(clocks.now());
        let mut time = KeyTime { key_us: START_US, changed_us: START_US };
        // The window that counts, and since when and how much is used of it.
        let (mut window, mut began_us, mut used) = (0, 0, 0);
        for turn in turns {
            time.turn(&turn, &mut clocks, &mut limiter);
            let wall_window = clocks.wall_us / (2 * S_US);
            if wall_window > window || time.key_us - began_us >= 2 * S_US {
                used = 0;
            }
            if used == 0 {
                window = wall_window;
            }
            let cost = turn.cost.unsigned_abs();
            let allowed = check(&mut limiter, &rules, turn.cost, clocks.now()).allowed;
            prop_assert_eq!(allowed, used + cost <= 10);
            if allowed {
                began_us = if used == 0 { time.key_us } else { began_us };
                used += cost;
                time.changed_us = time.key_us;
            }
        }
    }

    #[test]
    fn a_retry_is_true_after_whatever_the_clock_did(kind in 0..3_usize, turns in turns()) {
        let rules = [rule(KINDS[kind], 8, 2_000)];
        let mut clocks = Clocks::START;
        let mut limiter = Limiter::new(clocks.now());
        let mut time = KeyTime { key_us: START_US, changed_us: START_US };
        for turn in turns {
            time.turn(&turn, &mut clocks, &mut limiter);
            let verdict = check(&mut limiter, &rules, turn.cost, clocks.now());
            if !verdict.allowed {
                let wait_us = u64::try_from(verdict.retry_after_ms).unwrap() * 1_000;
                prop_assert!(wait_us <= 2 * S_US);
                let mut waited = clocks;
                waited.pass(wait_us);
                prop_assert!(check(&mut limiter.clone(), &rules, turn.cost, waited.now()).allowed);
                let mut waited = clocks;
                waited.pass(wait_us - 1_000);
                prop_assert!(!check(&mut limiter.clone(), &rules, turn.cost, waited.now()).allowed);
            }
        }
    }

    /// The two clocks are read one after the other, so the wall clock may look a little later than it is.
    #[test]
    fn an_expiry_is_never_early_and_at_most_a_sixteenth_of_the_period_late(
        lead_us in -2_000_000..2_000_000_i64, period_ms in prop_oneof![1..50_u64, 1_000..100_000_u64],
        steps in proptest::collection::vec((0..400_u64, -3..6_i64, 0..50_u64), 1..100),
    ) {
        let rules = [rule(Kind::Gcra, 50, period_ms), rule(Kind::Aligned, 1_000, period_ms / 3 + 1)];
        let mut clocks = Clocks::START;
        let mut limiter = Limiter::new(clocks.now());
        limiter.check(&rules, 1, clocks.now()).unwrap();
        clocks.set(lead_us);
        limiter = hand_over(&limiter, clocks);
        let mut expires_ms: Option<u64> = None;
        for (pause, cost, late_us) in steps {
            clocks.pass(pause * period_ms * 1_000 / 400);
            let read = Now::new(clocks.wall_us + late_us, clocks.steady_us);
            let outcome = limiter.check(&rules, cost, read).unwrap();
            match outcome.change {
                Change::Nothing | Change::State => {}
                Change::ExpiresAt(at_ms) => expires_ms = Some(at_ms),
                Change::Lapsed => limiter = hand_over(&Limiter::new(read), clocks),
                Change::Stays => prop_assert!(false, "nobody created it"),
            }
            if matches!(outcome.change, Change::State | Change::ExpiresAt(_)) {
                let at = limiter.moment(clocks.now());
                let due_us = at.now_us.max(at.wall_us) + limiter.lapses_in_us(at).unwrap();
                let expires_us = expires_ms.unwrap() * 1_000;
                prop_assert!(expires_us >= due_us, "{} us early", due_us - expires_us);
                // Three parts of the shortest length are 192 us.
                let most_us = (period_ms * 1_000 / 16).max(192) + 1_000 + 50;
                prop_assert!(expires_us <= due_us + most_us, "{} late", expires_us - due_us);
            }
        }
    }
}

#[test]
fn an_expiry_set_by_a_clock_that_was_read_late_is_not_later_for_it() {
    const PERIOD_US: u64 = 36_000;
    let rules = [rule(Kind::Gcra, 50, PERIOD_US / 1_000)];
    for phase_us in 0..PERIOD_US {
        let mut clocks = Clocks::START;
        clocks.pass(phase_us);
        let mut limiter = Limiter::new(clocks.now());
        let read = Now::new(clocks.wall_us + 50, clocks.steady_us);
        let Change::ExpiresAt(mut expires_ms) = limiter.check(&rules, 10, read).unwrap().change else { panic!() };
        if let Change::ExpiresAt(at_ms) = limiter.check(&rules, -1, clocks.now()).unwrap().change {
            expires_ms = at_ms;
        }
        let at = limiter.moment(clocks.now());
        let due_us = at.wall_us + limiter.lapses_in_us(at).unwrap();
        let late_us = expires_ms * 1_000 - due_us;
        assert!(late_us <= PERIOD_US / 16 + 1_000 + 50, "{late_us} us late at {phase_us}");
    }
}

#[test]
fn an_expiry_of_the_shortest_period_is_not_early_for_a_clock_that_was_read_late() {
    let rules = [rule(Kind::Gcra, 50, 1), rule(Kind::Aligned, 1_000, 1)];
    for phase_us in 0..2_000 {
        // A clock was set back: the key goes by what it has seen, its aligned windows by the clock.
        let mut clocks = Clocks::START;
        let limiter = Limiter::new(clocks.now());
        clocks.set(-477_001);
        let mut limiter = hand_over(&limiter, clocks);
        clocks.pass(phase_us);
        let read = Now::new(clocks.wall_us + 49, clocks.steady_us);
        let Change::ExpiresAt(expires_ms) = limiter.check(&rules, 1, read).unwrap().change else { panic!() };
        let at = limiter.moment(clocks.now());
        let due_us = at.now_us.max(at.wall_us) + limiter.lapses_in_us(at).unwrap();
        assert!(expires_ms * 1_000 >= due_us, "{} us early at {phase_us}", due_us - expires_ms * 1_000);
    }
}

#[test]
fn an_expiry_is_moved_only_when_due() {
    let rules = [rule(Kind::Gcra, 1_000, 86_400_000)];
    let mut clocks = Clocks::START;
    let mut limiter = Limiter::new(clocks.now());
    let mut moves = 0;
    for _ in 0..320 {
        let outcome = limiter.check(&rules, 1, clocks.now()).unwrap();
        moves += u32::from(matches!(outcome.change, Change::ExpiresAt(_)));
        clocks.pass(1_000);
    }
    // 320 units take 7.68 hours to return, and a day has 48 points.
    assert!((15..=17).contains(&moves), "{moves}");
    // Another process does not know what the expiry is.
    let mut limiter = hand_over(&limiter, clocks);
    assert!(matches!(limiter.check(&rules, 1, clocks.now()).unwrap().change, Change::ExpiresAt(_)));
}
