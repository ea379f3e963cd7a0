//! Random histories and arbitrary bytes; the fuzzer runs the same, guided by coverage.

use proptest::prelude::*;

use crate::history;

/// Words that parsers know, values they take, and values they must refuse.
const WORDS: &[&str] = &[
    "KEEP",
    "1s",
    "1m",
    "5m",
    "1h",
    "1d",
    "TAIL",
    "ORDER",
    "ID",
    "TIME",
    "TZ",
    "+05:45",
    "GRACE",
    "STALE",
    "MAXJUMP",
    "CLOSES",
    "MAXLEN",
    "ANNOUNCE",
    "CLOCK",
    "EVENT",
    "SERVER",
    "IDLE",
    "FIRES",
    "AT",
    "GAP",
    "IDS",
    "TICKS",
    "PACK",
    "BATCH",
    "BID",
    "ASK",
    "MARK",
    "INDEX",
    "BY",
    "mid",
    "MAXAGE",
    "FULL",
    "WINDOW",
    "REV",
    "COUNT",
    "SIDE",
    "FILL",
    "CLOSED",
    "AS",
    "kline",
    "STUDY",
    "SMA",
    "BB",
    "STOCHRSI",
    "WHOLE",
    "OHLCV",
    "KLINE",
    "*",
    "-",
    "+",
    "buy",
    "sell",
    "0",
    "1",
    "5-9",
    "500",
    "1e-6",
    "93509.10",
    "1735689600000",
    "9007199254740993",
    "",
    "nan",
    "x",
    "\u{93}\u{80}",
];

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 3000, ..ProptestConfig::default() })]

    #[test]
    fn no_history_parts_live_replica_and_reload(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        history::operations(&bytes);
    }

    #[test]
    fn arbitrary_bytes_are_refused_or_sound(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        history::saved(&bytes);
        history::decided_write(&bytes);
        history::arguments(&bytes);
    }

    #[test]
    fn arguments_say_what_they_were_read_from(
        command in 0_u8..9, words in prop::collection::vec(prop::sample::select(WORDS), 0..12),
    ) {
        let mut bytes = vec![command];
        bytes.extend(words.join("\n").bytes());
        history::arguments(&bytes);
    }
}
