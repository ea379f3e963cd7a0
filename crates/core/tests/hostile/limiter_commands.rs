//! Any commands for a limiter, read from bytes: the property tests and the fuzz target `limiter_commands` share them.

use liq_core::rl::format::{LAYOUT, decode, encode};
use liq_core::rl::limiter::{Kind, Limiter, MAX_AMOUNT, MAX_PERIOD_MS, Now, Rule, Used};

/// Bytes of one command: what it is, how far the clocks move, and three figures.
const COMMAND_BYTES: usize = 20;
/// Some time in 2025.
const START_US: u64 = 1_750_000_003_456_789;

/// Runs the commands that `bytes` stand for. After each of them the limiter is written to bytes that are read as the same
/// limiter, nothing is used above its limit, and no wait is longer than its period.
pub fn stays_readable(mut limiter: Limiter, bytes: &[u8]) {
    let (mut wall_us, mut steady_us) = (START_US, 0_u64);
    for command in bytes.chunks_exact(COMMAND_BYTES) {
        let word = |at: usize| u64::from_le_bytes(std::array::from_fn(|place| command[at + place]));
        let (what, shift) = (command[0], u32::from(command[1] % 64));
        // Small steps and large ones; the wall clock may be set to anything.
        steady_us = steady_us.saturating_add(word(2) >> shift);
        wall_us = match command[2] % 8 {
            0 => wall_us.wrapping_add(word(3)),
            1 => wall_us.saturating_sub(word(3) >> shift),
            _ => wall_us.saturating_add(word(2) >> shift),
        };
        let now = Now::new(wall_us, steady_us);
        run(&mut limiter, what, (command[1], word(4) >> shift, word(12) >> (63 - shift)), wall_us, now);
        let saved = encode(&limiter);
        let read = decode(LAYOUT, &saved, now).expect("what was saved here is sound");
        assert_eq!(read, limiter);
        assert_eq!(encode(&read), saved);
        for standing in limiter.standings(now) {
            assert!(standing.used <= standing.capacity, "{standing:?}");
        }
        if what & 0x80 != 0 {
            limiter = read;
        }
    }
}

fn run(limiter: &mut Limiter, what: u8, (choice, a, b): (u8, u64, u64), wall_us: u64, now: Now) {
    let kinds = [Kind::Gcra, Kind::Sliding, Kind::Aligned];
    let kind = kinds[usize::from(choice % 3)];
    let periods_ms = [1, 1_000, 60_000, MAX_PERIOD_MS, b % MAX_PERIOD_MS + 1];
    let period_ms = periods_ms[usize::from(choice / 3) % periods_ms.len()];
    let amount = a % MAX_AMOUNT + 1;
    let mut rules = Vec::new();
    for (kind, period_ms) in [(kind, period_ms), (Kind::Gcra, 60_000), (Kind::Sliding, 60_000), (Kind::Aligned, 1_000)]
    {
        let rule = Rule::new(kind, amount, period_ms, None).expect("a rule within its bounds");
        if !rules.iter().any(|other: &Rule| other.matches(&rule)) {
            rules.push(rule);
        }
    }
    rules.truncate(usize::from(choice % 5));
    let cost = (b % (2 * MAX_AMOUNT + 1)) as i64 - MAX_AMOUNT as i64;
    let told = Used { kind, period_ms, used: b % (MAX_AMOUNT + 1), force: choice & 1 == 0 };
    let one = Rule::new(Kind::Gcra, amount, period_ms, Some(b % MAX_AMOUNT + 1)).expect("a rule within its bounds");
    match what % 9 {
        0 => _ = limiter.create(&rules, now),
        1 => _ = limiter.ban(b % (MAX_PERIOD_MS + 1), now),
        2 => _ = limiter.reset(now),
        3 => _ = limiter.sync(told, wall_us.wrapping_add(a).wrapping_sub(b), now),
        4 => _ = limiter.throttle(&one, cost, now),
        5 => _ = limiter.check(&rules, cost, now),
        6 => _ = limiter.check(&[], cost, now),
        7 => _ = limiter.check(&rules, (amount % 40) as i64 - 8, now),
        _ => _ = limiter.peek(&rules, a, now),
    }
}
