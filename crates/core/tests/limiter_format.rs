//! The layouts of the limiter: golden bytes, the way there and back, and bytes that mean harm.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

use liq_core::rl::format::{LAYOUT, decode, encode};
use liq_core::rl::limiter::{Kind, Limiter, Rule, Used};
use liq_core::wire::DecodeError;
use proptest::prelude::*;

const START_US: u64 = 1_750_000_003_456_789;

fn rule(kind: Kind, amount: u64, period_ms: u64) -> Rule {
    Rule::new(kind, amount, period_ms, None).unwrap()
}

/// A limiter of every kind, used, banned and kept.
fn sample() -> Limiter {
    let smooth = Rule::new(Kind::Gcra, 7, 1_000, Some(3)).unwrap();
    let rules = [smooth, rule(Kind::Sliding, 100, 10_000), rule(Kind::Aligned, 1_200, 60_000)];
    let mut limiter = Limiter::new(START_US);
    limiter.create(&rules, START_US);
    limiter.check(&[], 2, START_US).unwrap();
    limiter.check(&[], 1, START_US + 200_003).unwrap();
    limiter.ban(5_000, START_US + 200_004);
    limiter
}

/// What layout 1 wrote for [`sample`] when it was released: it must always be read.
const SAMPLE_V1: &str = "\
    592c93a09d3706009977dfa09d3706000103 \
    000700000000000000e803000000000000 \
    03000000000000000100000000000000a427090000000000 \
    0164000000000000001027000000000000 \
    582c93a09d37060002 \
    151f90a09d3706000200000000000000 \
    582c93a09d3706000100000000000000 \
    02b00400000000000060ea000000000000 \
    4a0cbd01000000000300000000000000";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

#[test]
fn layout_1_is_read_as_it_was_released() {
    assert_eq!(decode(1, &unhex(SAMPLE_V1)), Ok(sample()));
    assert_eq!((LAYOUT, hex(&encode(&sample()))), (1, hex(&unhex(SAMPLE_V1))));
}

#[test]
fn a_key_with_one_smooth_limit_takes_59_bytes() {
    let mut limiter = Limiter::new(START_US);
    limiter.check(&[rule(Kind::Gcra, 10, 1_000)], 1, START_US).unwrap();
    assert_eq!(encode(&limiter).len(), 59);
}

#[test]
fn a_newer_layout_is_refused() {
    assert_eq!(decode(2, &encode(&sample())), Err(DecodeError::UnknownLayout(2)));
}

#[test]
fn cut_or_lengthened_bytes_are_refused() {
    let mut bytes = encode(&sample());
    for end in 0..bytes.len() {
        assert!(decode(1, &bytes[..end]).is_err(), "cut at {end}");
    }
    bytes.push(0);
    assert_eq!(decode(1, &bytes), Err(DecodeError::Trailing));
}

/// Whatever decodes must behave: it answers, encodes to the same bytes, and its figures stay within its limits.
fn must_behave(bytes: &[u8]) -> Result<(), TestCaseError> {
    let Ok(limiter) = decode(1, bytes) else { return Ok(()) };
    prop_assert_eq!(encode(&limiter), bytes, "two byte strings for one limiter");
    for now_us in [0, START_US, limiter.clock_us(), u64::MAX] {
        let mut changed = limiter.clone();
        let _ = changed.check(&[], 1, now_us);
        let _ = changed.check(&[], -1, now_us);
        let _ = changed.check(&[rule(Kind::Sliding, 3, 10_000), rule(Kind::Gcra, 3, 1_000)], 2, now_us);
        let told = Used { kind: Kind::Sliding, period_ms: 10_000, used: 2, force: true };
        let _ = changed.sync(told, now_us / 2, now_us);
        changed.ban(1_000, now_us);
        if now_us < 1 << 62 {
            prop_assert_eq!(decode(1, &encode(&changed)), Ok(changed.clone()), "written and not read");
        }
        prop_assert!(changed.standings(now_us).iter().all(|standing| standing.used <= standing.capacity));
        let _ = (changed.expires_ms(), changed.peek(&[], 1, now_us));
        changed.reset(now_us);
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
        let mut limiter = Limiter::new(START_US);
        if kept {
            limiter.create(&rules, START_US);
        }
        let mut now_us = START_US;
        for (pause_us, cost) in steps {
            now_us += pause_us;
            limiter.check(&rules, cost, now_us).unwrap();
        }
        limiter.ban(ban_ms, now_us);
        let bytes = encode(&limiter);
        prop_assert_eq!(decode(1, &bytes), Ok(limiter));
        must_behave(&bytes)?;
    }

    #[test]
    fn whatever_was_done_under_whatever_clock_is_written_and_read(
        steps in proptest::collection::vec((0..9_u8, 0..40_u64, -90_000_000_000..90_000_000_000_i64, 0..24_u32), 1..80),
    ) {
        let kinds = [Kind::Gcra, Kind::Sliding, Kind::Aligned];
        let rules: Vec<Rule> = kinds.into_iter().map(|kind| rule(kind, 20, 60_000)).collect();
        let mut limiter = Limiter::new(START_US);
        let mut now_us = START_US;
        for (what, size, step_us, shift) in steps {
            now_us = now_us.checked_add_signed(step_us >> shift).unwrap();
            let told_us = now_us + size * 10_000_000 - 200_000_000;
            let told = Used { kind: kinds[usize::from(what % 3)], period_ms: 60_000, used: size, force: size % 2 == 0 };
            let cost = i64::try_from(size).unwrap() - 10;
            match what {
                0 => limiter.create(&rules, now_us),
                1 => drop(limiter.ban(size * 1_000, now_us)),
                2 => limiter.reset(now_us),
                3..6 => drop(limiter.sync(told, told_us, now_us)),
                6 => drop(limiter.throttle(&rules[0], cost, now_us)),
                7 => drop(limiter.check(&rules, cost, now_us)),
                _ => drop(limiter.check(&rules[1..], cost, now_us)),
            }
            prop_assert_eq!(decode(1, &encode(&limiter)), Ok(limiter.clone()));
            prop_assert!(limiter.standings(now_us).iter().all(|standing| standing.used <= standing.capacity));
        }
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
    let cases: [(&str, Vec<Vec<u8>>, bool); 10] = [
        ("well made", vec![head(START_US, 1), smooth.clone()], true),
        ("a clock at the end of time", vec![head(u64::MAX, 1), smooth.clone()], false),
        ("the same limit twice", vec![head(START_US, 2), smooth.clone(), smooth], false),
        ("used above the burst", vec![head(START_US, 1), limit(0, &[10, 1_000, 10, 11, 0])], false),
        ("a fraction above the burst", vec![head(START_US, 1), limit(0, &[10, 1_000, 10, 10, 1])], false),
        ("a fraction of a unit and more", vec![head(START_US, 1), limit(0, &[10, 1_000, 10, 4, 1_000_000])], false),
        ("no amount", vec![head(START_US, 1), limit(0, &[0, 1_000, 10, 4, 0])], false),
        ("a window of the future", vec![head(START_US, 1), limit(2, &[10, 1_000, START_US / 1_000_000 + 2, 4])], false),
        ("the next window", vec![head(START_US, 1), limit(2, &[10, 1_000, START_US / 1_000_000 + 1, 4])], true),
        ("an unknown kind", vec![head(START_US, 1), limit(3, &[10, 1_000, 0, 4])], false),
    ];
    for (what, parts, accepted) in cases {
        assert_eq!(decode(1, &parts.concat()).is_ok(), accepted, "{what}");
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
    assert!(decode(1, &far(65)).is_ok() && decode(1, &far(66)).is_err());
    assert!(decode(1, &sliding([START_US, START_US - 1].into_iter())).is_err());
    assert!(decode(1, &sliding([START_US + 1].into_iter())).is_err());
    // Though no command makes so many at once, there is no room for one more.
    let mut crowded = decode(1, &far(65)).unwrap();
    assert!(crowded.check(&[], 1, START_US + 500_000).unwrap().verdict.allowed);
    assert_eq!(decode(1, &encode(&crowded)), Ok(crowded));
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
