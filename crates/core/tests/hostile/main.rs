//! Arbitrary and nearly right bytes for every parser and every layout. `make fuzz` runs the same checks guided by
//! coverage.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    reason = "tests stop at surprises"
)]

mod checks;

use liq_core::grammar::Args;
use liq_core::liq::format::{self as layout, decided};
use liq_core::liq::request::{EventId, NewEvent, encode_events};
use liq_core::liq::series::{BatchId, Clock, Event, Options, OptionsPatch, Resolution, Series, Side, Time, hash_id};
use proptest::prelude::*;

/// Words that parsers know, values they take, and values they must refuse.
const WORDS: &[&str] = &[
    "RETENTION",
    "WINDOW",
    "VWAPWINDOW",
    "PERCENTILE",
    "MINEVENTS",
    "MINSIZE",
    "LONGOFFSET",
    "SHORTOFFSET",
    "SIGNALS",
    "MAXLEN",
    "CLOCK",
    "SERVER",
    "EVENT",
    "PRECISION",
    "TAIL",
    "IDLE",
    "EXCHANGE",
    "ID",
    "IDS",
    "AT",
    "BATCH",
    "EVENTS",
    "SIDE",
    "SINCE",
    "BANDS",
    "PRICE",
    "BY",
    "BUCKET",
    "REV",
    "COUNT",
    "SIZE",
    "SET",
    "DEL",
    "LIST",
    "TTL",
    "NONE",
    "MAXTTL",
    "TYPE",
    "MAXBYTES",
    "MAXITEMS",
    "APPLY",
    "START",
    "BUDGET",
    "REPORT",
    "PREFIX",
    "DB",
    "hash,list",
    "64kb",
    "a:",
    "window",
    "buy",
    "sell",
    "LONG",
    "short",
    "24h",
    "5m",
    "1500ms",
    "31d",
    "99999999999d",
    "0",
    "1",
    "80",
    "99.999999",
    "100",
    "101",
    "7",
    "300",
    "4096",
    "1e3",
    "25000.5",
    "1767225600000",
    "9007199254740992",
    "9007199254740993",
    "*",
    "-",
    "+",
    "",
    "-0",
    "nan",
    "inf",
    "1e999",
    "0x10",
    "0.1234567",
    "feed-1",
    "signals:{BTCUSDT}",
    "BINANCE",
];

fn word() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        20 => prop::sample::select(WORDS).prop_map(|word| word.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..80),
        1 => any::<f64>().prop_map(|number| number.to_string().into_bytes()),
        1 => any::<i64>().prop_map(|number| number.to_string().into_bytes()),
    ]
}

/// What a command wants in front of its options, so that not everything fails at the first word.
fn sound_head(command: u8) -> &'static [&'static str] {
    match command % checks::COMMANDS {
        1 => &["1767225600000", "sell", "93500", "25000"],
        2 => &["EVENTS", "1767225600000", "sell", "93500", "25000"],
        3 => &["payload"],
        4 | 5 => &["80"],
        8 => &["-", "+"],
        11 | 12 => &["LIMIT", "100", "PERIOD", "1m"],
        14 => &["PERIOD", "1m", "USED", "7"],
        15 => &["5m"],
        16 => &["99", "100", "60"],
        _ => &[],
    }
}

/// One change to sound bytes: a flipped bit, a cut, a byte in or out, a byte replaced by an extreme one.
fn damaged(mut bytes: Vec<u8>, place: prop::sample::Index, how: u8, with: u8) -> Vec<u8> {
    let at = place.index(bytes.len());
    match how % 5 {
        0 => bytes[at] ^= 1 << (with % 8),
        1 => bytes.truncate(at),
        2 => bytes.insert(at, with),
        3 => drop(bytes.remove(at)),
        _ => bytes[at] = [0, 0x7f, 0x80, 0xff][usize::from(with % 4)],
    }
    bytes
}

const CLOCK: Clock =
    Clock { time: Time::new(1_735_689_600_000, 300_000), max_future_ms: 300_000, signal_max_age_ms: 60_000 };

fn some_event(place: u64) -> Event<'static> {
    let exchanges = [None, Some(b"BINANCE".as_slice()), Some(b"OKX".as_slice())];
    Event {
        ts_ms: 1_735_603_200_000 + place * 41_000,
        side: if place.is_multiple_of(3) { Side::Buy } else { Side::Sell },
        price: 93_500.0 + (place % 97) as f64,
        size: 10.0 + (place * place % 7919) as f64 * 3.5,
        exchange: exchanges[(place % 3) as usize],
        id_hash: if place.is_multiple_of(5) { hash_id(&place.to_le_bytes()) } else { 0 },
    }
}

/// A series with everything in it: options, names, producers, a raw tail and panes.
fn saved_series() -> Vec<u8> {
    let args: [&[u8]; 6] = [b"TAIL", b"256", b"CLOCK", b"EVENT", b"SIGNALS", b"signals:{BTCUSDT}"];
    let options = Options::default().created(&OptionsPatch::parse(Args::new(&args)).unwrap()).unwrap();
    let mut series = Series::new(options);
    for place in 0..600 {
        series.add_in_batch(&CLOCK, &some_event(place));
    }
    series.end_batch(Some(BatchId { producer: b"feed-1", seq: 7 }));
    layout::encode(&series)
}

fn decided_write() -> Vec<u8> {
    let mut out = Vec::new();
    decided::begin(&mut out, CLOCK.time, Resolution::Full, Some(BatchId { producer: b"feed-1", seq: 7 }));
    (1_500..1_520).for_each(|place| decided::push(&mut out, &some_event(place)));
    decided::end(&mut out, Series::new(Options::default()).tally());
    out
}

fn events_payload() -> Vec<u8> {
    let event = |place| {
        let Event { ts_ms, side, price, size, exchange, .. } = some_event(place);
        let id = place.is_multiple_of(2).then_some(EventId::Number(place.into()));
        NewEvent { ts_ms: Some(ts_ms), side, price, size, exchange, id }
    };
    encode_events(&(0..20).map(event).collect::<Vec<_>>())
}

proptest! {
    #[test]
    fn any_words_are_refused_or_read_back_the_same(
        command in any::<u8>(),
        with_head in any::<bool>(),
        words in prop::collection::vec(word(), 0..8),
    ) {
        let head = if with_head { sound_head(command) } else { &[] };
        let args: Vec<&[u8]> = head.iter().map(|word| word.as_bytes()).chain(words.iter().map(Vec::as_slice)).collect();
        checks::request(command, &args);
    }

    #[test]
    fn any_text_of_policies_is_refused_or_reads_back(
        policies in prop::collection::vec(prop::collection::vec(word(), 1..6), 0..4), bytes in prop::collection::vec(any::<u8>(), 0..50),
    ) {
        let text: Vec<Vec<u8>> = policies.iter().map(|words| words.join(&b' ')).collect();
        checks::policy_text(&text.join(&b';'));
        checks::policy_text(&bytes);
    }

    #[test]
    fn any_bytes_are_refused_or_sound(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        checks::events_payload(&bytes);
        checks::saved_series(&bytes);
        checks::saved_limiter(&bytes);
        checks::decided_write(&bytes);
        checks::limiter_commands(&bytes);
    }

    #[test]
    fn damaged_bytes_are_refused_or_sound(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), any::<u8>()), 1..4),
    ) {
        let damage = |bytes: Vec<u8>| {
            changes.iter().fold(bytes, |bytes, (place, how, with)| {
                if bytes.is_empty() { bytes } else { damaged(bytes, *place, *how, *with) }
            })
        };
        checks::events_payload(&damage(events_payload()));
        checks::saved_series(&damage(saved_series()));
        checks::decided_write(&damage(decided_write()));
    }
}

#[test]
fn undamaged_bytes_are_taken() {
    assert!(layout::decode(layout::LAYOUT, &saved_series()).is_ok());
    assert!(Series::new(Options::default()).apply(&decided_write()).is_ok());
    checks::saved_series(&saved_series());
    checks::decided_write(&decided_write());
    checks::events_payload(&events_payload());
}
