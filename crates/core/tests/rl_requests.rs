//! The arguments of the RL commands: accepted forms, refusals that name the argument, and the way there and back.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test")]

use liq_core::grammar::{Args, RequestError};
use liq_core::rl::limiter::{Kind, Rule, Used};
use liq_core::rl::request::{Ban, Check, Create, Peek, Rules, Sync, Throttle};
use proptest::prelude::*;

fn words(line: &str) -> Vec<Vec<u8>> {
    line.split(' ').filter(|word| !word.is_empty()).map(|word| word.as_bytes().to_vec()).collect()
}

fn parse<T>(line: &[Vec<u8>], parse: impl Fn(Args<'_>) -> Result<T, RequestError>) -> Result<T, RequestError> {
    let args: Vec<&[u8]> = line.iter().map(Vec::as_slice).collect();
    parse(Args::new(&args))
}

fn refusal<T>(line: &str, what: impl Fn(Args<'_>) -> Result<T, RequestError>) -> String {
    parse(&words(line), what).err().map_or_else(|| "accepted".to_owned(), |error| error.to_string())
}

#[test]
fn limits_are_read_in_any_case_with_their_options_in_any_order() {
    let line = "limit 1200 PERIOD 1m aligned LIMIT 50 BURST 10 period 10s LIMIT 9 SLIDING PERIOD 10s COST -3";
    let check = parse(&words(line), Check::parse).unwrap();
    let expected = [
        Rule::new(Kind::Aligned, 1_200, 60_000, None),
        Rule::new(Kind::Gcra, 50, 10_000, Some(10)),
        Rule::new(Kind::Sliding, 9, 10_000, None),
    ];
    let expected: Rules = expected.into_iter().map(Result::unwrap).collect();
    assert_eq!(check, Check { rules: expected, cost: -3 });
    assert_eq!(parse(&[], Check::parse).unwrap(), Check { rules: Rules::new(), cost: 1 });
}

#[test]
fn refusals_of_a_check_name_the_argument() {
    let many: String = (1..=9).map(|period| format!("LIMIT 1 PERIOD {period} ")).collect();
    let cases = [
        ("LIMIT 0 PERIOD 1s", "LIMIT: must be 1 to 9007199254740992, got '0'"),
        ("LIMIT -1 PERIOD 1s", "LIMIT: must be 1 to 9007199254740992, got '-1'"),
        ("LIMIT 1.5 PERIOD 1s", "LIMIT: not an integer, got '1.5'"),
        ("LIMIT 9007199254740993 PERIOD 1s", "LIMIT: must be 1 to 9007199254740992, got '9007199254740993'"),
        (
            "LIMIT 99999999999999999999999 PERIOD 1s",
            "LIMIT: must be 1 to 9007199254740992, got '99999999999999999999999'",
        ),
        ("LIMIT", "LIMIT: needs a value, got ''"),
        ("LIMIT 5", "PERIOD: every LIMIT needs one, got '5'"),
        ("LIMIT 5 COST 1", "PERIOD: every LIMIT needs one, got '5'"),
        ("LIMIT 5 PERIOD", "PERIOD: needs a value, got ''"),
        ("LIMIT 5 PERIOD 0", "PERIOD: must be 1ms to 366d, got '0'"),
        ("LIMIT 5 PERIOD 367d", "PERIOD: must be 1ms to 366d, got '367d'"),
        ("LIMIT 5 PERIOD 1.5s", "PERIOD: not a duration such as 1500, 90s, 5m, 24h or 7d, got '1.5s'"),
        ("LIMIT 5 PERIOD 1s PERIOD 2s", "PERIOD: given more than once, got '2s'"),
        ("LIMIT 5 PERIOD 1s BURST 0", "BURST: must be 1 to 9007199254740992, got '0'"),
        ("LIMIT 5 PERIOD 1s BURST 2 BURST 3", "BURST: given more than once, got '3'"),
        (
            "LIMIT 5 PERIOD 1s BURST 2 SLIDING",
            "BURST: only a smooth limit, neither SLIDING nor ALIGNED, has one, got '2'",
        ),
        ("LIMIT 5 PERIOD 1s SLIDING ALIGNED", "ALIGNED: a limit counts in one way only, got 'ALIGNED'"),
        ("LIMIT 5 PERIOD 1s LIMIT 6 PERIOD 1000", "PERIOD: the same kind of limit is given twice for it, got '1000'"),
        (many.as_str(), "LIMIT: a key has at most 8, got '1'"),
        ("COST 9007199254740993", "COST: must be -9007199254740992 to 9007199254740992, got '9007199254740993'"),
        ("COST 0.5", "COST: not an integer, got '0.5'"),
        ("COST 1 COST 2", "COST: given more than once, got '2'"),
        ("PERIOD 1s", "option: unknown, got 'PERIOD'"),
        ("LIMIT 5 PERIOD 1s FAST", "option: unknown, got 'FAST'"),
    ];
    for (line, expected) in cases {
        assert_eq!(refusal(line, Check::parse), expected, "{line}");
    }
}

#[test]
fn refusals_of_the_other_commands_name_the_argument() {
    assert_eq!(refusal("", Create::parse), "wrong number of arguments");
    assert_eq!(refusal("LIMIT 1 PERIOD 1s COST 1", Create::parse), "option: unknown, got 'COST'");
    assert_eq!(refusal("COST -1", Peek::parse), "COST: must be 0 to 9007199254740992, got '-1'");
    assert_eq!(refusal("LIMIT 1", Peek::parse), "option: unknown, got 'LIMIT'");
    assert_eq!(refusal("367d", Ban::parse), "duration: must be 0 to 366d, got '367d'");
    assert_eq!(refusal("1s 2s", Ban::parse), "option: unknown, got '2s'");
    assert_eq!(refusal("PERIOD 1s", Sync::parse), "wrong number of arguments");
    assert_eq!(refusal("USED 1", Sync::parse), "wrong number of arguments");
    assert_eq!(refusal("PERIOD 1s USED -1", Sync::parse), "USED: must be 0 to 9007199254740992, got '-1'");
    assert_eq!(refusal("PERIOD 1s USED 1 AT -1", Sync::parse), "AT: must be 0 to 9007199254740992, got '-1'");
    assert_eq!(refusal("PERIOD 1s USED 1 FORCE FORCE", Sync::parse), "FORCE: given more than once, got 'FORCE'");
    assert_eq!(refusal("-1 1 1", Throttle::parse), "max_burst: must be 0 to 9007199254740991, got '-1'");
    assert_eq!(refusal("1 0 1", Throttle::parse), "count_per_period: must be 1 to 9007199254740992, got '0'");
    assert_eq!(refusal("1 1 0", Throttle::parse), "period: must be 1 to 31622400, got '0'");
    assert_eq!(refusal("1 1 1 x", Throttle::parse), "quantity: not an integer, got 'x'");
    assert_eq!(refusal("1 1 1 1 1", Throttle::parse), "option: unknown, got '1'");
}

fn any_rules() -> impl Strategy<Value = Rules> {
    let any = (0..3_u8, 1..=1_u64 << 53, 1..=366 * 86_400_000_u64, 1..=1_u64 << 53);
    proptest::collection::vec(any, 1..=8).prop_map(|drawn| {
        let mut rules = Rules::new();
        for (kind, amount, period_ms, burst) in drawn {
            let rule = match kind {
                0 => Rule::new(Kind::Gcra, amount, period_ms, Some(burst)),
                1 => Rule::new(Kind::Sliding, amount, period_ms, None),
                _ => Rule::new(Kind::Aligned, amount, period_ms, None),
            };
            let rule = rule.unwrap();
            if !rules.iter().any(|other| other.matches(&rule)) {
                rules.push(rule);
            }
        }
        rules
    })
}

proptest! {
    #[test]
    fn arguments_read_back_as_the_request(rules in any_rules(), cost in -(1_i64 << 53)..=1 << 53, at: bool, force: bool) {
        let rule = rules.first().copied().unwrap();
        let told = Used { kind: rule.kind(), period_ms: rule.period_ms(), used: rule.amount(), force };
        let sync = Sync { told, at_ms: at.then_some(rule.period_ms()) };
        prop_assert_eq!(parse(&sync.to_args(), Sync::parse), Ok(sync));
        let create = Create { rules: rules.clone() };
        prop_assert_eq!(parse(&create.to_args(), Create::parse), Ok(create));
        let check = Check { rules, cost };
        prop_assert_eq!(parse(&check.to_args(), Check::parse), Ok(check));
        let peek = Peek { cost: cost.unsigned_abs() };
        prop_assert_eq!(parse(&peek.to_args(), Peek::parse), Ok(peek));
        let ban = Ban { ban_ms: rule.period_ms() };
        prop_assert_eq!(parse(&ban.to_args(), Ban::parse), Ok(ban));
        let room = (rule.capacity() % 1_000_000) + 1;
        let limit = Rule::new(Kind::Gcra, rule.amount(), 60_000, Some(room)).unwrap();
        let throttle = Throttle { rule: limit, quantity: cost };
        prop_assert_eq!(parse(&throttle.to_args(), Throttle::parse), Ok(throttle));
    }

    #[test]
    fn no_bytes_break_the_reading(line in proptest::collection::vec(prop_oneof![
        proptest::sample::select(vec!["LIMIT", "PERIOD", "BURST", "SLIDING", "ALIGNED", "COST", "USED", "AT", "FORCE", "5", "1s", "-1"])
            .prop_map(|word| word.as_bytes().to_vec()),
        proptest::collection::vec(any::<u8>(), 0..20),
    ], 0..20)) {
        let _ = parse(&line, Check::parse);
        let _ = parse(&line, Create::parse);
        let _ = parse(&line, Peek::parse);
        let _ = parse(&line, Sync::parse);
        let _ = parse(&line, Ban::parse);
        let _ = parse(&line, Throttle::parse);
    }
}
