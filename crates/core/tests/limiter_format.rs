//! The layouts of the limiter: golden bytes, the way there and back, and bytes that mean harm.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

use liq_core::format::DecodeError;
use liq_core::format::limiter::{LAYOUT, decode, encode};
use liq_core::limiter::{Kind, Limiter, Rule, Used};
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

#[test]
fn every_single_flipped_bit_is_refused_or_harmless() {
    let good = encode(&sample());
    for place in 0..good.len() * 8 {
        let mut bytes = good.clone();
        bytes[place / 8] ^= 1 << (place % 8);
        must_behave(&bytes).unwrap();
    }
}
