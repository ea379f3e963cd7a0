//! `CL.THROTTLE` against the algorithm that redis-cell publishes, written out: a theoretical arrival time in nanoseconds.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test")]

use liq_core::rl::limiter::{Change, Kind, Limiter, Now, Rule, Throttled};
use proptest::prelude::*;

const START_US: u64 = 1_750_000_003_456_789;

/// A process whose clocks agree.
const fn at(now_us: u64) -> Now {
    Now::new(now_us, now_us)
}

/// The generic cell rate algorithm by theoretical arrival times, where the interval between two cells is whole
/// nanoseconds.
struct Arrivals {
    arrival_ns: i128,
}

impl Arrivals {
    fn throttle(&mut self, burst: i128, interval_ns: i128, quantity: i128, now_ns: i128) -> (bool, i128, i128, i128) {
        let tolerance_ns = interval_ns * (burst + 1);
        let arrival_ns = self.arrival_ns.max(now_ns);
        let next_ns = arrival_ns + interval_ns * quantity;
        let late_ns = next_ns - tolerance_ns - now_ns;
        let limited = late_ns > 0;
        let reset_ns = if limited { arrival_ns } else { next_ns } - now_ns;
        if !limited {
            self.arrival_ns = next_ns;
        }
        let remaining = ((tolerance_ns - reset_ns) / interval_ns).max(0);
        let seconds = |ns: i128| (ns / 1_000_000 + 999) / 1_000;
        let retry_after = if limited && quantity <= burst + 1 { seconds(late_ns) } else { -1 };
        (limited, remaining, retry_after, seconds(reset_ns))
    }
}

fn figures(throttled: Throttled) -> (bool, i128, i128, i128) {
    let Throttled { limited, remaining, retry_after_s, reset_after_s, .. } = throttled;
    (limited, remaining.into(), retry_after_s.into(), reset_after_s.into())
}

proptest! {
    #[test]
    fn every_reply_is_that_of_the_published_algorithm(
        burst in 0..40_u64, per_second in prop_oneof![Just(1_u64), Just(2), Just(5), Just(10), Just(1_000)],
        period_s in 1..200_u64,
        steps in proptest::collection::vec((prop_oneof![Just(0), 0..3_000_000_u64, 0..60_000_000_u64], 0..9_i64), 1..100),
    ) {
        // Counts that divide the period, so that redis-cell's interval of whole nanoseconds is no approximation.
        let count = period_s * per_second;
        let rule = Rule::new(Kind::Gcra, count, period_s * 1_000, Some(burst + 1)).unwrap();
        let interval_ns = i128::from(1_000_000_000 / per_second);
        let mut limiter = Limiter::new(at(START_US));
        let mut arrivals = Arrivals { arrival_ns: 0 };
        let mut now_us = START_US;
        for (pause_us, quantity) in steps {
            now_us += pause_us;
            let expected = arrivals.throttle(burst.into(), interval_ns, quantity.into(), i128::from(now_us) * 1_000);
            prop_assert_eq!(figures(limiter.throttle(&rule, quantity, at(now_us)).0), expected);
        }
    }
}

#[test]
fn the_documented_example_is_answered_as_documented() {
    let rule = Rule::new(Kind::Gcra, 30, 60_000, Some(16)).unwrap();
    let (throttled, change) = Limiter::new(at(START_US)).throttle(&rule, 1, at(START_US));
    assert!(matches!(change, Change::ExpiresAt(_)) && throttled.limit == 16);
    assert_eq!(figures(throttled), (false, 15, -1, 2));
}

#[test]
fn a_debt_stays_when_the_limit_changes() {
    let rule = |count, burst| Rule::new(Kind::Gcra, count, 60_000, Some(burst)).unwrap();
    let mut limiter = Limiter::new(at(START_US));
    limiter.throttle(&rule(30, 16), 5, at(START_US));
    let (slower, _) = limiter.throttle(&rule(6, 16), 1, at(START_US));
    assert_eq!(figures(slower), (false, 14, -1, 20), "ten seconds of debt, and ten for one cell");
    let looked = limiter.clone().throttle(&rule(60, 100), 0, at(START_US));
    assert_eq!((figures(looked.0), looked.1), ((false, 80, -1, 20), Change::Nothing));
}

#[test]
fn a_ban_limits_and_a_negative_quantity_gives_back_up_to_full() {
    let rule = Rule::new(Kind::Gcra, 30, 60_000, Some(16)).unwrap();
    let mut limiter = Limiter::new(at(START_US));
    limiter.throttle(&rule, 3, at(START_US));
    assert_eq!(figures(limiter.throttle(&rule, -9, at(START_US)).0), (false, 16, -1, 0));
    limiter.ban(7_000, at(START_US));
    let (limited, _, retry_after, _) = figures(limiter.throttle(&rule, 1, at(START_US)).0);
    assert_eq!((limited, retry_after), (true, 7));
}
