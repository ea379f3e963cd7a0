//! A tail against a sorted list.

use proptest::prelude::*;

use super::*;

fn event(ts_ms: u64, size: f64) -> RawEvent {
    let side = if (size as u64).is_multiple_of(2) { Side::Buy } else { Side::Sell };
    RawEvent { ts_ms, side, price: 100.0 + size, size, venue: (size as u64 % 5) as u8, id_hash: size as u64 % 3 }
}

fn again(list: &[RawEvent], tail: &Tail) -> Tail {
    let (broken, lens) = tail.shape();
    Tail::loaded(list, broken, &lens.collect::<Vec<_>>()).unwrap()
}

proptest! {
    #[test]
    fn a_tail_is_a_sorted_list(
        span in prop_oneof![Just(1_u64), Just(5), Just(2000)],
        steps in prop::collection::vec((0_u64..2000, 1_u32..100, 0_u8..4), 1..600),
    ) {
        let (mut tail, mut list, mut remembered) = (Tail::default(), Vec::<RawEvent>::new(), Remembered::default());
        for (place, (ts_ms, size, what)) in steps.into_iter().enumerate() {
            let ts_ms = if what == 1 { place as u64 } else { ts_ms % span };
            if what == 0 && list.len() > 100 {
                prop_assert_eq!(tail.pop_front(), Some(list.remove(0)));
            } else {
                let new = event(ts_ms, f64::from(size));
                let place = list.partition_point(|held| held.ts_ms <= ts_ms);
                prop_assert_eq!(tail.contains(&new), list.contains(&new));
                if list.contains(&new) {
                    continue;
                }
                list.insert(place, new);
                tail.insert(&new);
            }
            tail.check();
            let from = tail.until(span as i64 / 4)..tail.end();
            let expected: Vec<RawEvent> = list.iter().filter(|held| held.ts_ms > span / 4).copied().collect();
            prop_assert_eq!(tail.count(&from), expected.len());
            let sums = tail.sums(&from, &mut remembered);
            let mut slow = SidedSums::default();
            expected.iter().for_each(|held| slow.add(held.side, held.price, held.size));
            prop_assert_eq!(sums.count(), slow.count());
            let (a, b) = (sums.of(None), slow.of(None));
            prop_assert!((a.quantity - b.quantity).abs() <= 1e-12 * b.quantity);
            prop_assert!((a.price_mean - b.price_mean).abs() <= 1e-12 * b.price_mean);
            let weight = tail.weight(&from, &mut remembered);
            let vwap = b.vwap().unwrap_or(0.0);
            prop_assert!((weight.vwap().unwrap_or(0.0) - vwap).abs() <= 1e-12 * vwap);
            // A tail loaded from the same events adds up to the same bits, and so does one without memory.
            let loaded = again(&list, &tail);
            let from = loaded.until(span as i64 / 4)..loaded.end();
            prop_assert_eq!(loaded.sums(&from, &mut Remembered::default()), sums);
            prop_assert_eq!(loaded.weight(&from, &mut Remembered::default()), weight);
            let until = loaded.start()..loaded.until(span as i64 / 2);
            prop_assert_eq!(loaded.sums(&until, &mut Remembered::default()), tail.sums(&until, &mut remembered));
        }
        let held: Vec<_> = tail.events(&tail.all()).collect();
        prop_assert_eq!(held, list);
    }
}

#[test]
fn timestamps_may_lie_far_apart() {
    let month = 31 * 86_400_000_u64;
    let mut tail = Tail::default();
    for ts_ms in [1 << 53, 0, 40 * 86_400_000, month, (1 << 53) - month, 3 * month, 2 * month, 1] {
        tail.insert(&event(ts_ms, 5.0));
        tail.check();
        assert!(tail.contains(&event(ts_ms, 5.0)));
    }
    assert_eq!(tail.first_ms(), Some(0));
    assert_eq!(tail.last_ms(), Some(1 << 53));
}
