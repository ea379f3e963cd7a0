//! Key policies: accepted forms, refusals that name what is wrong, and the table and the judgement beside their
//! definitions written slowly.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

use liq_core::grammar::{Args, bytes, format_bytes};
use liq_core::keys::policy::{
    Due, MAX_DURATION_MS, MAX_POLICIES, Observed, Policy, Prefix, Rule, Table, Ttl, TypeName,
};
use liq_core::keys::request::{AuditRequest, PolicyRequest};
use proptest::prelude::*;

fn table(text: &str) -> Table {
    let table = Table::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"));
    table.check();
    table
}

fn refusal(text: &str) -> String {
    Table::parse(text.as_bytes()).err().map_or_else(|| "accepted".into(), |error| error.to_string())
}

#[test]
fn a_text_is_read_in_any_order_and_written_in_one() {
    let text = "session: idle 7d TYPE hash,ReJSON-RL maxbytes 65536 TTL 24h; market: APPLY MAXTTL 180m TTL 30s;\
                \"\" MAXITEMS 10000;x TTL none";
    let written = "'' MAXITEMS 10000; market: TTL 30s MAXTTL 3h APPLY; \
                   session: TTL 1d TYPE hash,ReJSON-RL MAXBYTES 64kb IDLE 7d; x TTL NONE";
    assert_eq!(table(text).to_string(), written);
    assert_eq!(table(written).to_string(), written);
    assert_eq!(table("'' IDLE 1d"), table("\"\" IDLE 1d"));
    for empty in ["", " ", "\t \n"] {
        assert!(table(empty).is_empty());
    }
}

#[test]
fn refusals_name_the_policy_and_the_rule() {
    let long = "p".repeat(65);
    let many: String = (0..=MAX_POLICIES).map(|n| format!("p{n} IDLE 1d;")).collect();
    let cases = [
        ("a TTL 0", "item 1: TTL: must be 1ms to 3660d, got '0'"),
        ("a TTL 3661d", "item 1: TTL: must be 1ms to 3660d, got '3661d'"),
        ("a TTL", "item 1: TTL: needs a value, got ''"),
        ("a TTL 1s; b", "item 2: rule: a policy needs at least one, got ''"),
        ("a TTL 1s;", "item 2: policy: a prefix and its rules, got ''"),
        ("a TTL 1s; ; b TTL 1s", "item 2: policy: a prefix and its rules, got ' '"),
        ("a TTL 1s TTL 2s", "item 1: TTL: given more than once, got '2s'"),
        ("a APPLY TTL 1s APPLY", "item 1: APPLY: given more than once, got 'APPLY'"),
        ("a TTL 400d MAXTTL 1d", "item 1: TTL: must not be above MAXTTL 1d, got '400d'"),
        ("a TTL NONE MAXTTL 1d", "item 1: MAXTTL: has no meaning beside TTL NONE, got '1d'"),
        ("a IDLE 1d APPLY", "item 1: APPLY: needs a TTL or MAXTTL to apply, got 'APPLY'"),
        ("a TTL NONE APPLY", "item 1: APPLY: needs a TTL or MAXTTL to apply, got 'APPLY'"),
        (
            "a TYPE banana",
            "item 1: TYPE: no type, neither of the server's nor of a module's nine letters, got 'banana'",
        ),
        ("a TYPE ", "item 1: TYPE: needs a value, got ''"),
        ("a TYPE list,", "item 1: TYPE: no type, neither of the server's nor of a module's nine letters, got ''"),
        ("a TYPE set,SET", "item 1: TYPE: names a type twice, got 'set,SET'"),
        ("a MAXBYTES 0", "item 1: MAXBYTES: must be 1 to 9007199254740992 bytes, got '0'"),
        ("a MAXBYTES -1kb", "item 1: MAXBYTES: must be 1 to 9007199254740992 bytes, got '-1kb'"),
        ("a MAXBYTES 1tb", "item 1: MAXBYTES: not an amount of memory such as 4096, 64kb or 1mb, got '1tb'"),
        ("a MAXITEMS 1.5", "item 1: MAXITEMS: not an integer, got '1.5'"),
        ("a MAXITEMS 0", "item 1: MAXITEMS: must be 1 to 9007199254740992, got '0'"),
        ("a COLOUR red", "item 1: rule: unknown, got 'COLOUR'"),
        ("a TTL 1s; b IDLE 1d; a TTL 2s", "item 3: prefix: given more than once, got 'a'"),
        (
            "\"a\" TTL 1s",
            "item 1: prefix: only printable ASCII without blanks, quotes, backslash and ';', got '\\\"a\\\"'",
        ),
        ("a\\ TTL 1s", "item 1: prefix: only printable ASCII without blanks, quotes, backslash and ';', got 'a\\\\'"),
        (&format!("{long} TTL 1s"), &format!("item 1: prefix: longer than 64 bytes, got '{}...'", "p".repeat(64))),
        (many.trim_end_matches(';'), "item 65: prefix: a server has at most 64 policies, got 'p64'"),
    ];
    for (text, expected) in cases {
        assert_eq!(refusal(text), expected, "{text}");
    }
}

fn request<T>(words: &[&str], parse: impl Fn(Args<'_>) -> T) -> T {
    let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
    parse(Args::new(&words))
}

#[test]
fn refusals_of_the_commands_name_the_argument() {
    let cases: [(&[&str], &str); 8] = [
        (&[], "wrong number of arguments"),
        (&["SET"], "wrong number of arguments"),
        (&["SET", "a"], "wrong number of arguments"),
        (
            &["SET", "a b", "TTL", "1s"],
            "prefix: only printable ASCII without blanks, quotes, backslash and ';', got 'a b'",
        ),
        (
            &["SET", "\"\"", "TTL", "1s"],
            "prefix: only printable ASCII without blanks, quotes, backslash and ';', got '\\\"\\\"'",
        ),
        (&["DEL"], "wrong number of arguments"),
        (&["LIST", "x"], "wrong number of arguments"),
        (&["MATCH", "x"], "subcommand: must be SET, DEL or LIST, got 'MATCH'"),
    ];
    for (words, expected) in cases {
        assert_eq!(request(words, PolicyRequest::parse).unwrap_err().to_string(), expected, "{words:?}");
    }
    let cases: [(&[&str], &str); 11] = [
        (&["START", "BUDGET", "51"], "BUDGET: must be 1 to 50, got '51'"),
        (&["START", "BUDGET", "0"], "BUDGET: must be 1 to 50, got '0'"),
        (&["START", "BUDGET"], "BUDGET: needs a value, got ''"),
        (&["START", "NOW"], "option: unknown, got 'NOW'"),
        (&["STOP", "x"], "wrong number of arguments"),
        (&["REPORT", "BY", "name"], "BY: must be bytes, keys, no_ttl, idle, broken or growth, got 'name'"),
        (&["REPORT", "COUNT", "0"], "COUNT: must be 1 to 65536, got '0'"),
        (&["REPORT", "DB", "0"], "option: does not go with PREFIX, nor DB without it, got 'DB'"),
        (&["REPORT", "PREFIX", "a", "COUNT", "2"], "option: does not go with PREFIX, nor DB without it, got 'COUNT'"),
        (&["REPORT", "PREFIX", "a", "DB", "-1"], "DB: must be 0 to 2147483647, got '-1'"),
        (&["PAUSE"], "subcommand: must be START, STOP, STATUS or REPORT, got 'PAUSE'"),
    ];
    for (words, expected) in cases {
        assert_eq!(request(words, AuditRequest::parse).unwrap_err().to_string(), expected, "{words:?}");
    }
}

#[test]
fn amounts_of_memory_read_back_as_they_are_written() {
    for (text, value) in [("1", 1), ("64kb", 65_536), ("1MB", 1 << 20), ("3gb", 3 << 30), ("1500", 1500)] {
        assert_eq!(bytes("MAXBYTES", text.as_bytes()), Ok(value));
    }
    for value in [1, 1023, 1024, 1025, 1 << 20, 3 << 30, 1 << 53] {
        assert_eq!(bytes("MAXBYTES", format_bytes(value).as_bytes()), Ok(value));
    }
    for text in ["", "kb", "1.5kb", "1 kb", "0x10", "99999999999999999999gb", "9007199254740993"] {
        assert!(bytes("MAXBYTES", text.as_bytes()).is_err(), "{text}");
    }
}

/// The definition: of all prefixes that the name begins with, the longest.
fn slow_find<'t>(table: &'t Table, name: &[u8]) -> Option<&'t Policy> {
    let ruling = table.iter().filter(|policy| name.starts_with(policy.prefix().as_bytes()));
    ruling.max_by_key(|policy| policy.prefix().as_bytes().len())
}

fn policy_of(prefix: &str) -> Policy {
    Policy::parse(Prefix::new(prefix.as_bytes()).unwrap(), Args::new(&[b"IDLE", b"1d"])).unwrap()
}

fn any_policy() -> impl Strategy<Value = String> {
    let duration = || prop::sample::select(vec!["1", "2s", "30m", "12h", "3660d"]);
    let rule = prop_oneof![
        duration().prop_map(|d| format!("TTL {d}")),
        Just("TTL NONE".to_owned()),
        duration().prop_map(|d| format!("MAXTTL {d}")),
        prop::sample::select(vec!["TYPE hash", "TYPE string,list", "TYPE ReJSON-RL"]).prop_map(str::to_owned),
        (1_u64..1 << 40).prop_map(|n| format!("MAXBYTES {n}")),
        (1_u64..1 << 40).prop_map(|n| format!("MAXITEMS {n}")),
        duration().prop_map(|d| format!("IDLE {d}")),
        Just("APPLY".to_owned()),
    ];
    ("[ab:]{0,3}", prop::collection::vec(rule, 1..4))
        .prop_map(|(prefix, rules)| format!("{} {}", if prefix.is_empty() { "\"\"" } else { &prefix }, rules.join(" ")))
}

fn any_key() -> impl Strategy<Value = Observed> {
    let ms = || prop_oneof![Just(0), Just(1), Just(2_000), 0_u64..100_000_000, Just(MAX_DURATION_MS), Just(u64::MAX)];
    let names = ["string", "list", "set", "zset", "hash", "stream", "ReJSON-RL", "liqseries"];
    let name = prop::sample::select(names.to_vec()).prop_map(|name| TypeName::new(name.as_bytes()));
    let sizes = (prop::option::of(any::<u64>()), any::<u64>());
    (name, prop::option::of(ms()), sizes, prop::option::of(ms()), any::<bool>()).prop_map(
        |(type_name, left_ms, (bytes, len), idle_ms, is_own)| Observed {
            type_name,
            left_ms,
            bytes,
            len,
            idle_ms,
            is_own,
        },
    )
}

/// A duration as the tests write it.
fn ms(text: &str) -> u64 {
    let units = [("ms", 1), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000)];
    let found = units.iter().find_map(|(unit, scale)| Some((text.strip_suffix(unit)?, scale)));
    found.map_or_else(|| text.parse().unwrap(), |(count, scale)| count.parse::<u64>().unwrap() * scale)
}

/// The table of the rules' page, read from the policy's text.
fn slow_judge(policy: &Policy, key: &Observed) -> Vec<Rule> {
    let is_collection = ["list", "set", "zset", "hash", "stream"].contains(&key.type_name.to_string().as_str());
    let breaks = |rule: Rule| {
        let Some(value) = policy.value_of(rule) else { return false };
        match rule {
            Rule::Ttl if key.is_own => false,
            Rule::Ttl if value == "NONE" => key.left_ms.is_some(),
            Rule::Ttl => key.left_ms.is_none(),
            Rule::MaxTtl => !key.is_own && key.left_ms.is_some_and(|left| left > ms(&value)),
            Rule::Type => !value.split(',').any(|name| name == key.type_name.to_string()),
            Rule::MaxBytes => key.bytes.is_some_and(|taken| taken > bytes("", value.as_bytes()).unwrap()),
            Rule::MaxItems => is_collection && key.len > value.parse().unwrap(),
            Rule::Idle => key.idle_ms.is_some_and(|idle| idle >= ms(&value)),
        }
    };
    Rule::ALL.into_iter().filter(|rule| breaks(*rule)).collect()
}

proptest! {
    #[test]
    fn the_longest_prefix_rules(
        // Of which some have more in common than the eight bytes that the search looks at first.
        prefixes in prop::collection::btree_set("(|abababab|aaaaaaa)[ab:]{0,6}", 0..30),
        names in prop::collection::vec("(|abababab|aaaaaaa)[abc:\u{0}]{0,9}", 20)
    ) {
        let mut table = Table::default();
        // In any order, and some twice.
        for prefix in prefixes.iter().rev().chain(prefixes.iter().take(5)) {
            table.insert(policy_of(prefix)).unwrap();
        }
        table.check();
        prop_assert_eq!(table.len(), prefixes.len());
        for name in &names {
            let found = table.find(name.as_bytes()).and_then(|place| table.get(place));
            prop_assert_eq!(found, slow_find(&table, name.as_bytes()), "{} in {}", name, table);
        }
        for prefix in &prefixes {
            prop_assert!(table.remove(policy_of(prefix).prefix()));
            prop_assert!(!table.remove(policy_of(prefix).prefix()));
            table.check();
        }
        prop_assert!(table.is_empty() && table.find(b"a").is_none());
    }

    #[test]
    fn a_key_is_judged_as_the_rules_say(text in any_policy(), key in any_key(), lot in any::<u64>()) {
        let Ok(table) = Table::parse(text.as_bytes()) else { return Ok(()) };
        table.check();
        let policy = table.get(0).unwrap();
        let broken = policy.judge(&key);
        let names: Vec<Rule> = Rule::ALL.into_iter().filter(|rule| broken.has(*rule)).collect();
        prop_assert_eq!(&names, &slow_judge(policy, &key), "{}", text);
        prop_assert_eq!(broken.is_empty(), names.is_empty());

        // What is given makes the key keep TTL and MAXTTL; nothing is taken away or put off.
        let due = policy.due_spread(key.left_ms, lot);
        prop_assert_eq!(due.is_some(), policy.due(key.left_ms).is_some());
        prop_assert!(policy.is_applied() || due.is_none());
        if let Some(due) = due {
            let after_ms = due.after_ms();
            prop_assert!(key.left_ms.is_none_or(|left| after_ms < left), "{}: {:?}", text, due);
            let mended = Observed { left_ms: Some(after_ms), is_own: false, ..key };
            let broken = policy.judge(&mended);
            prop_assert!(!broken.has(Rule::Ttl) && !broken.has(Rule::MaxTtl), "{}: {:?}", text, due);
            prop_assert_eq!(policy.due_spread(mended.left_ms, lot), None, "what was given is left alone");
            if let (Due::Given(given), Some(value)) = (due, policy.value_of(Rule::Ttl)) {
                let ttl_ms = ms(&value);
                prop_assert!((ttl_ms..=ttl_ms + ttl_ms / 10).contains(&given), "{}: {}", text, given);
            }
        } else if policy.is_applied() && !key.is_own {
            prop_assert!(!broken.has(Rule::MaxTtl), "{}", text);
        }
    }

    #[test]
    fn any_text_is_refused_or_reads_back(parts in prop::collection::vec(any_policy(), 0..6), noise in ".{0,40}") {
        for text in [parts.join(";"), format!("{};{noise}", parts.join(" ; ")), noise] {
            if let Ok(table) = Table::parse(text.as_bytes()) {
                table.check();
            }
        }
    }
}

#[test]
fn ttl_is_what_it_says() {
    let table = table("a TTL 2s APPLY; b TTL NONE");
    assert_eq!(table.get(0).unwrap().due(None), Some(Due::Given(2_000)));
    assert_eq!(table.get(1).unwrap().due(None), None);
    assert_ne!(Ttl::Never, Ttl::After(1));
}
