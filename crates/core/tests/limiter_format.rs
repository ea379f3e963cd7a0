//! The layouts of the limiter: golden bytes, the way there and back, and bytes that mean harm.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test")]

use liq_core::rl::format::{LAYOUT, decode, encode};
use liq_core::rl::limiter::{Kind, LATEST_US, Limiter, MAX_AMOUNT, MAX_PERIOD_MS, Now, Rule, Used};
use liq_core::wire::DecodeError;
use proptest::prelude::*;

#[path = "hostile/limiter_commands.rs"]
mod limiter_commands;

const START_US: u64 = 1_750_000_003_456_789;

/// A process whose clocks agree.
const fn at(now_us: u64) -> Now {
    Now::new(now_us, now_us)
}

/// The limiter that these bytes hold, for a process whose clock is the limiter's own.
fn read(bytes: &[u8]) -> Result<Limiter, DecodeError> {
    decode(LAYOUT, bytes, at(START_US))
}

fn rule(kind: Kind, amount: u64, period_ms: u64) -> Rule {
    Rule::new(kind, amount, period_ms, None).unwrap()
}

/// A limiter of every kind, used, banned and kept.
fn sample() -> Limiter {
    let smooth = Rule::new(Kind::Gcra, 7, 1_000, Some(3)).unwrap();
    let rules = [smooth, rule(Kind::Sliding, 100, 10_000), rule(Kind::Aligned, 1_200, 60_000)];
    let mut limiter = Limiter::new(at(START_US));
    limiter.create(&rules, at(START_US));
    limiter.check(&[], 2, at(START_US)).unwrap();
    limiter.check(&[], 1, at(START_US + 200_003)).unwrap();
    limiter.ban(5_000, at(START_US + 200_004));
    limiter
}

/// What layout 1 writes for [`sample`]; once released it must always be read. `UPDATE_GOLDEN=1` writes it.
#[test]
fn layout_1_is_read_as_it_was_released() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/ratelimit-v1-sample.bin");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, encode(&sample())).unwrap();
    }
    let golden = std::fs::read(path).unwrap();
    assert_eq!(decode(1, &golden, at(START_US)), Ok(sample()));
    assert_eq!((LAYOUT, encode(&sample())), (1, golden));
}

#[test]
fn a_key_with_one_smooth_limit_takes_59_bytes() {
    let mut limiter = Limiter::new(at(START_US));
    limiter.check(&[rule(Kind::Gcra, 10, 1_000)], 1, at(START_US)).unwrap();
    assert_eq!(encode(&limiter).len(), 59);
}

#[test]
fn a_newer_layout_is_refused() {
    assert_eq!(decode(2, &encode(&sample()), at(START_US)), Err(DecodeError::UnknownLayout(2)));
}

#[test]
fn cut_or_lengthened_bytes_are_refused() {
    let mut bytes = encode(&sample());
    for end in 0..bytes.len() {
        assert!(read(&bytes[..end]).is_err(), "cut at {end}");
    }
    bytes.push(0);
    assert_eq!(read(&bytes), Err(DecodeError::Trailing));
}

/// Whatever decodes must behave: it answers, encodes to the same bytes, and stays readable whatever is done to it.
fn must_behave(bytes: &[u8]) -> Result<(), TestCaseError> {
    let Ok(limiter) = read(bytes) else { return Ok(()) };
    prop_assert_eq!(encode(&limiter), bytes, "two byte strings for one limiter");
    for now_us in [0, START_US, limiter.clock_us(), u64::MAX] {
        let mut changed = limiter.clone();
        let now = at(now_us);
        let _ = changed.check(&[], 1, now);
        let _ = changed.check(&[], -1, now);
        let _ = changed.check(&[rule(Kind::Sliding, 3, 10_000), rule(Kind::Gcra, 3, 1_000)], 2, now);
        let told = Used { kind: Kind::Sliding, period_ms: 10_000, used: 2, force: true };
        let _ = changed.sync(told, now_us / 2, now);
        changed.ban(1_000, now);
        prop_assert_eq!(read(&encode(&changed)), Ok(changed.clone()), "written and not read");
        prop_assert!(changed.standings(now).iter().all(|standing| standing.used <= standing.capacity));
        let _ = changed.peek(&[], 1, now);
        changed.reset(now);
        prop_assert_eq!(read(&encode(&changed)), Ok(changed.clone()), "written and not read");
    }
    Ok(())
}

proptest! {
    #[test]
    fn what_was_encoded_is_decoded(
        kinds in proptest::collection::vec((0..3_u8, 1..50_u64, 1..100_000_u64), 1..8),
        steps in proptest::collection::vec((0..500_000_u64, 1..6_i64), 0..150), kept: bool, ban_ms in 0..10_000_u64,
    ) {
        let mut rules: Vec<Rule> = Vec::new();
        for (kind, amount, period_ms) in kinds {
            let kind = [Kind::Gcra, Kind::Sliding, Kind::Aligned][usize::from(kind)];
            let rule = rule(kind, amount, period_ms);
            if !rules.iter().any(|other| other.matches(&rule)) {
                rules.push(rule);
            }
        }
        let mut limiter = Limiter::new(at(START_US));
        if kept {
            limiter.create(&rules, at(START_US));
        }
        let mut now_us = START_US;
        for (pause_us, cost) in steps {
            now_us += pause_us;
            limiter.check(&rules, cost, at(now_us)).unwrap();
        }
        limiter.ban(ban_ms, at(now_us));
        let bytes = encode(&limiter);
        prop_assert_eq!(read(&bytes), Ok(limiter));
        must_behave(&bytes)?;
    }

    /// The state that decodes is any: nearly sound words, often at the bounds.
    #[test]
    fn what_decodes_stays_readable_whatever_is_done_to_it(
        state in any_state(), commands in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 20), 1..40),
    ) {
        if let Ok(limiter) = read(&state) {
            limiter_commands::stays_readable(limiter, &commands.concat());
        }
    }

    #[test]
    fn what_commands_made_stays_readable_under_whatever_clock(
        commands in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 20), 1..120),
    ) {
        limiter_commands::stays_readable(Limiter::new(at(START_US)), &commands.concat());
    }

    #[test]
    fn flipped_bits_are_refused_or_harmless(flips in proptest::collection::vec((any::<usize>(), 0..8_u32), 1..4)) {
        let mut bytes = encode(&sample());
        for (place, bit) in flips {
            let place = place % bytes.len();
            bytes[place] ^= 1 << bit;
        }
        must_behave(&bytes)?;
    }

    #[test]
    fn bytes_of_chance_are_refused_or_harmless(
        head in any::<[u8; 2]>(), count in 0..10_u8, tail in proptest::collection::vec(prop_oneof![0..4_u8, any::<u8>()], 0..300),
    ) {
        let mut bytes = vec![0; 16];
        bytes[0] = head[0];
        bytes[8] = head[1];
        bytes.extend([0, count]);
        bytes.extend(tail);
        must_behave(&bytes)?;
    }
}

/// A word at a bound, near it, or small.
fn word(bound: u64) -> impl Strategy<Value = u64> {
    prop_oneof![4 => 0..4_u64, 2 => Just(bound), 1 => bound - bound / 8..=bound, 2 => 0..=bound]
}

/// A limiter in layout 1, mostly a sound one.
fn any_state() -> impl Strategy<Value = Vec<u8>> {
    let clock_us = prop_oneof![Just(START_US), word(LATEST_US)];
    let amount = prop_oneof![1..50_u64, Just(MAX_AMOUNT)];
    let limit_words = (0..3_u8, amount, prop_oneof![1..4_u64, Just(60_000), Just(MAX_PERIOD_MS)], any::<[u16; 4]>());
    (clock_us, word(MAX_PERIOD_MS * 1_000), any::<bool>(), proptest::collection::vec(limit_words, 0..4)).prop_map(
        |(clock_us, ban_us, kept, limits)| {
            let banned_until_us = if ban_us < 4 { 0 } else { clock_us.saturating_add(ban_us) };
            let mut bytes = [clock_us.to_le_bytes(), banned_until_us.to_le_bytes()].concat();
            bytes.extend([kept.into(), u8::try_from(limits.len()).unwrap()]);
            for (kind, amount, period_ms, [a, b, c, d]) in limits {
                // Of a bound, from nothing up to all of it and rarely beyond.
                let part = |bound: u64, share: u16| {
                    u64::try_from(u128::from(bound) * u128::from(share % 33) / 31).unwrap_or(u64::MAX)
                };
                let (used, ago_us) = (part(amount, a), part(period_ms * 1_000, b));
                let time_us = clock_us.saturating_sub(ago_us);
                match kind {
                    0 => bytes.extend(limit(0, &[amount, period_ms, amount, used, part(period_ms * 1_000 - 1, c)])),
                    1 => {
                        bytes.extend(limit(1, &[amount, period_ms, time_us]));
                        bytes.push(1);
                        bytes.extend([time_us, used].into_iter().flat_map(u64::to_le_bytes));
                    }
                    _ => {
                        let window = time_us / (period_ms * 1_000) + u64::from(d % 3);
                        let window = if d > 60_000 { LATEST_US / (period_ms * 1_000) } else { window };
                        bytes.extend(limit(2, &[amount, period_ms, window, used, if used == 0 { 0 } else { time_us }]));
                    }
                }
            }
            bytes
        },
    )
}

/// The head of a limiter in layout 1: its clock, no ban, not kept, and how many limits follow.
fn head(clock_us: u64, limits: u8) -> Vec<u8> {
    [clock_us.to_le_bytes().as_slice(), &[0; 9], &[limits]].concat()
}

/// A limit in layout 1: its kind and the words behind it.
fn limit(kind: u8, words: &[u64]) -> Vec<u8> {
    let words = words.iter().flat_map(|word| word.to_le_bytes());
    std::iter::once(kind).chain(words).collect()
}

#[test]
fn states_that_no_command_leads_to_are_refused() {
    let smooth = limit(0, &[10, 1_000, 10, 4, 0]);
    let window = START_US / 1_000_000;
    let banned_until = |until_us: u64| {
        [START_US.to_le_bytes(), until_us.to_le_bytes()].into_iter().flatten().chain([0, 1]).collect::<Vec<u8>>()
    };
    let cases: [(&str, Vec<Vec<u8>>, bool); 15] = [
        ("well made", vec![head(START_US, 1), smooth.clone()], true),
        ("a clock behind the end of time", vec![head(LATEST_US + 1, 1), smooth.clone()], false),
        ("a ban that is over", vec![banned_until(START_US), smooth.clone()], false),
        ("a ban of a year and a day", vec![banned_until(START_US + 367 * 86_400_000_000), smooth.clone()], false),
        ("the same limit twice", vec![head(START_US, 2), smooth.clone(), smooth], false),
        ("used above the burst", vec![head(START_US, 1), limit(0, &[10, 1_000, 10, 11, 0])], false),
        ("a fraction above the burst", vec![head(START_US, 1), limit(0, &[10, 1_000, 10, 10, 1])], false),
        ("a fraction of a unit and more", vec![head(START_US, 1), limit(0, &[10, 1_000, 10, 4, 1_000_000])], false),
        ("no amount", vec![head(START_US, 1), limit(0, &[0, 1_000, 10, 4, 0])], false),
        ("a use of the future", vec![head(START_US, 1), limit(2, &[10, 1_000, window, 4, START_US + 1])], false),
        ("no use, begun", vec![head(START_US, 1), limit(2, &[10, 1_000, window, 0, START_US])], false),
        ("a window behind the end of time", vec![head(START_US, 1), limit(2, &[10, 1_000, 1 << 62, 4, 1])], false),
        ("a window of a clock that was ahead", vec![head(START_US, 1), limit(2, &[10, 1_000, window + 9, 4, 1])], true),
        ("used above the amount", vec![head(START_US, 1), limit(2, &[10, 1_000, window, 11, 1])], false),
        ("an unknown kind", vec![head(START_US, 1), limit(3, &[10, 1_000, 0, 4])], false),
    ];
    for (what, parts, accepted) in cases {
        assert_eq!(read(&parts.concat()).is_ok(), accepted, "{what}");
    }
}

/// A sliding limit of 1,000 per second with these uses of one each.
fn sliding(uses_us: impl Iterator<Item = u64>) -> Vec<u8> {
    let uses: Vec<u64> = uses_us.collect();
    let head = [head(START_US, 1), limit(1, &[1_000, 1_000, uses.last().copied().unwrap_or(0)])].concat();
    let words = uses.iter().flat_map(|time_us| [*time_us, 1]).flat_map(u64::to_le_bytes);
    head.into_iter().chain([u8::try_from(uses.len()).unwrap()]).chain(words).collect()
}

#[test]
fn sliding_uses_are_few_in_order_and_of_the_past() {
    let far = |uses: u64| sliding((0..uses).map(move |place| START_US - uses + place));
    assert!(read(&far(65)).is_ok() && read(&far(66)).is_err());
    assert!(read(&sliding([START_US, START_US - 1].into_iter())).is_err());
    assert!(read(&sliding([START_US + 1].into_iter())).is_err());
    // Though no command makes so many at once, there is no room for one more.
    let mut crowded = read(&far(65)).unwrap();
    assert!(crowded.check(&[], 1, at(START_US + 500_000)).unwrap().verdict.allowed);
    assert_eq!(read(&encode(&crowded)), Ok(crowded));
}

#[test]
fn every_single_flipped_bit_is_refused_or_harmless() {
    let good = encode(&sample());
    for place in 0..good.len() * 8 {
        let mut bytes = good.clone();
        bytes[place / 8] ^= 1 << (place % 8);
        must_behave(&bytes).unwrap();
    }
}
