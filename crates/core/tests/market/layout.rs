//! The frozen layout of a market: golden bytes, bytes from anywhere, decided writes, and buffers that are measured and
//! moved.

use std::path::PathBuf;

use liq_core::grammar::Args;
use liq_core::market::candle::UNITS;
use liq_core::market::format::{self as layout, decided};
use liq_core::market::request::QuoteRequest;
use liq_core::market::store::{Changes, Market, Report, Resolution, Status, Tally, Time, VenueRow};
use liq_core::market::tape::{Id, Side};
use proptest::prelude::*;

use crate::tape::{NEVER, add, decimal, early, market, rows};
use crate::told::alter;

const START_MS: u64 = 1_735_689_600_000;
const LAYOUT: u32 = layout::LAYOUT;

/// One market per feature of the layout, by name.
fn specimens() -> Vec<(&'static str, Market)> {
    vec![
        ("empty", fed("", 0, 0)),
        (
            "names",
            fed("TAIL 100 CLOSES {a}closes MAXLEN 50 IDLE 7d ANNOUNCE 1w ANNOUNCE 1M ANNOUNCE 5m MAXJUMP 5", 300, 700),
        ),
        ("numbers", fed("ORDER ID TZ +05:45 CLOCK EVENT KEEP 1s 100 TAIL 256", 3_000, 900)),
        ("levels", fed("KEEP 1m 5 KEEP 5m 5 KEEP 1h 5 KEEP 1d 3 TAIL 0 ANNOUNCE", 2_000, 600_000)),
        ("short-of-memory", short_of_memory()),
        ("announced-later", announced_later()),
    ]
}

fn announced_later() -> Market {
    let mut market = fed("", 200, 900);
    alter(&mut market, "ANNOUNCE 1h ANNOUNCE 1m ANNOUNCE 5m");
    market
}

/// Half way: the tail is longer than it is to be, and old minutes are left.
fn short_of_memory() -> Market {
    let mut market = fed("TAIL 1600", 1_500, 20_000);
    assert!(market.change_resolution(Resolution::Aggregate).is_step);
    assert!(market.is_due(Resolution::Aggregate));
    market
}

fn report(number: u64, gap_ms: u64) -> Report<'static> {
    const NAMES: [&[u8]; 3] = [b"20f43950-aa", b"x", b"007"];
    let ts_ms = START_MS + number * gap_ms - (number % 7) * gap_ms / 2;
    let id = match number % 5 {
        _ if gap_ms == 900 => Id::Numbers { first: 10_000 + number * 3, last: 10_000 + number * 3 + number % 3 },
        0 => Id::Text(NAMES[(number / 5 % 3) as usize]),
        1 => Id::Numbers { first: number, last: number },
        _ => Id::None,
    };
    Report {
        ts_ms,
        side: match number % 50 {
            0 => Side::Unknown,
            place if place % 2 == 0 => Side::Buy,
            _ => Side::Sell,
        },
        price: (number % 31 != 30).then(|| decimal(&format!("{}.{:02}", 90_000 + number * 37 % 1_000, number % 100))),
        qty: decimal(&format!("0.{:03}", number % 999)),
        id,
        gap: number.is_multiple_of(200),
    }
}

fn fed(options: &str, ticks: u64, gap_ms: u64) -> Market {
    let options = options.strip_suffix(" ANNOUNCE").map_or(options.to_owned(), |rest| format!("{rest} ANNOUNCE 1d"));
    let mut market = market(&options);
    for number in 0..ticks {
        let status = market.add(&report(number, gap_ms), early(), NEVER, &mut Changes::default());
        let mut tally = Tally::default();
        tally.count(status);
        market.count(&tally);
    }
    if ticks > 0 {
        quote(&mut market, &format!("{START_MS} BID 90000 1.5 ASK 90001 2 MARK 90000.5 INDEX 89999"), None);
        market.end_batch(Some(liq_core::batches::BatchId { producer: b"feed-1", seq: ticks }));
    }
    market.check();
    market
}

fn quote(market: &mut Market, words: &str, decided: Option<&mut Vec<u8>>) {
    let words: Vec<&[u8]> = words.split(' ').map(str::as_bytes).collect();
    let quote = QuoteRequest::parse(Args::new(&words)).unwrap().resolve(0);
    let verdict = market.judge_quote(&quote, early(), NEVER);
    market.record_quote(&quote, &verdict, None);
    if let Some(decided) = decided.filter(|_| verdict.changes()) {
        decided::push_quote(decided, &quote, &verdict);
    }
}

fn golden_path(layout: u32, name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/tickstore-v{layout}-{name}.bin"))
}

fn answers(market: &Market) -> String {
    let shown = |words: &str| format!("{:?}", rows(market, words));
    let intervals = ["1d - + COUNT 5000", "1h - + COUNT 5000", "1M", "1w REV"].map(shown);
    format!("{intervals:?} {:?} {:?} {:?}", market.prices(), market.gaps(), market.info(0))
}

#[test]
fn the_newest_version_is_written_and_read_as_it_was_released() {
    for (name, market) in specimens() {
        let bytes = layout::encode(&market);
        if std::env::var_os("WRITE_GOLDEN").is_some() {
            std::fs::write(golden_path(LAYOUT, name), &bytes).unwrap();
        }
        let golden = std::fs::read(golden_path(LAYOUT, name)).unwrap();
        assert!(bytes == golden, "{name}: what is written is no longer version {LAYOUT}");
        let read = layout::decode(LAYOUT, &golden).unwrap();
        read.check();
        assert!(layout::encode(&read) == golden, "{name}");
        assert_eq!(answers(&read), answers(&market), "{name}");
    }
}

/// Nothing was told then of since when intervals are announced: ever.
#[test]
fn version_1_is_still_read() {
    for (name, market) in specimens().into_iter().filter(|(name, _)| *name != "announced-later") {
        let golden = std::fs::read(golden_path(1, name)).unwrap();
        let read = layout::decode(1, &golden).unwrap();
        read.check();
        assert_eq!(answers(&read), answers(&market), "{name}");
        assert!(layout::encode(&read) == layout::encode(&market), "{name}");
        let is_other = market.options().announce.is_empty() || layout::decode(LAYOUT, &golden).is_err();
        assert!(is_other, "{name}: one layout passes for another");
    }
}

#[test]
fn unknown_layouts_and_every_truncation_are_refused() {
    for (name, market) in specimens() {
        let bytes = layout::encode(&market);
        assert!(layout::decode(0, &bytes).is_err() && layout::decode(LAYOUT + 1, &bytes).is_err());
        for end in 0..bytes.len().min(4_000) {
            assert!(layout::decode(LAYOUT, &bytes[..end]).is_err(), "{name} cut at {end}");
        }
        assert!(layout::decode(LAYOUT, &[&bytes[..], &[0]].concat()).is_err(), "{name} with a byte more");
    }
}

/// Uses a market as clients would, and saves it again.
fn use_and_save(mut market: Market, what: &str) {
    market.check();
    let newest_ms = market.newest_ms().unwrap_or(START_MS);
    for (ts_ms, id) in
        [(newest_ms, 5), (newest_ms.saturating_sub(100_000), 6), (newest_ms.saturating_add(1), 1 << 40), (0, 7)]
    {
        let report = Report {
            ts_ms: ts_ms.min(1 << 53),
            side: Side::Buy,
            price: Some(decimal("1e-12")),
            qty: decimal("1e15"),
            id: Id::Numbers { first: id, last: id },
            gap: true,
        };
        market.add(&report, early(), NEVER, &mut Changes::default());
        market.check();
    }
    quote(&mut market, &format!("{} BID 1 1 ASK 2 1", newest_ms.min(1 << 53)), None);
    drop(answers(&market));
    let bytes = layout::encode(&market);
    let again =
        layout::decode(LAYOUT, &bytes).unwrap_or_else(|error| panic!("{what}: what was saved does not load: {error}"));
    again.check();
    assert!(layout::encode(&again) == bytes, "{what}: a reload is seen");
}

#[test]
fn every_flipped_bit_is_refused_or_a_sound_market() {
    let mut accepted = 0;
    for (name, market) in
        [("names", fed("TAIL 10 MAXJUMP 5", 40, 700)), ("numbers", fed("ORDER ID KEEP 1s 10", 60, 900))]
    {
        let bytes = layout::encode(&market);
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut flipped = bytes.clone();
                flipped[at] ^= 1 << bit;
                if let Ok(market) = layout::decode(LAYOUT, &flipped) {
                    accepted += 1;
                    use_and_save(market, &format!("{name}: bit {bit} of byte {at}"));
                }
            }
        }
    }
    assert!(accepted > 100, "{accepted}");
}

/// The texts have the bytes of the numbers.
#[test]
fn a_name_is_never_taken_for_a_number() {
    let number = 0x4141_4141_4141_4141_u64;
    let (single, both) = (number.to_string(), format!("{number}-{}", number + 1));
    let texts = ["AAAAAAAAAAAAAAAA", "AAAAAAAABAAAAAAA", "AAAAAAAA"];
    for names in [[&single, texts[0], texts[1], &both, texts[2]], [texts[2], texts[1], texts[0], &both, &single]] {
        let mut market = market("CLOCK EVENT");
        for (name, ts_ms) in names.iter().zip(START_MS..) {
            let told = add(&mut market, &format!("{ts_ms} buy 1 1 ID {name}"));
            assert_eq!(told.0, Status::Accepted, "{name} of {names:?}");
        }
        use_and_save(market, &format!("{names:?}"));
    }
}

/// Every other minute as the venue has it.
fn venue_rows(batch: u64) -> Vec<VenueRow> {
    let row = |place: u64| {
        let price = decimal(&format!("{}", 90_000 + place));
        let told = place.is_multiple_of(2).then(|| decimal("12.5"));
        VenueRow {
            start_ms: START_MS - 600_000 + (batch * 4 + place * 2) * 60_000,
            prices: [price; 4],
            volume: decimal("0.125"),
            quote: told,
            trades: told.map(|_| place),
            taker_volume: None,
            taker_quote: told,
        }
    };
    (0..3).map(row).collect()
}

proptest! {
    #[test]
    fn bytes_from_anywhere_are_refused_or_a_sound_market(
        name in 0_usize..4, edits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = layout::encode(&specimens().remove(name).1);
        for (at, byte) in edits {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(market) = layout::decode(LAYOUT, &bytes) {
            use_and_save(market, "edited");
        }
        let _ = layout::decode(LAYOUT, &bytes[1..]);
    }

    #[test]
    fn decided_writes_repeat_what_was_decided(
        order in prop_oneof![Just("ORDER ID"), Just("ORDER TIME")], gap_ms in prop_oneof![Just(900_u64), Just(40_000)],
        edits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
    ) {
        let gap_ms = if order == "ORDER ID" { 900 } else { gap_ms };
        let options = format!("{order} MAXJUMP 0.5 KEEP 1s 0 KEEP 1m 20 TAIL 30");
        let (mut primary, mut replica) = (market(&options), market(&options));
        let mut payload = Vec::new();
        for batch in 0..10 {
            decided::begin(&mut payload, START_MS, Resolution::Full, None);
            let mut tally = Tally::default();
            for number in batch * 20..batch * 20 + 25 {
                let report = report(number, gap_ms);
                let mut changes = Changes::default();
                let status = primary.add(&report, early(), NEVER, &mut changes);
                tally.count(status);
                if status.changes() || changes.take_seen() {
                    decided::push_tick(&mut payload, &report, status);
                }
            }
            let rows = venue_rows(batch);
            let (rows, _) = primary.ended_rows(UNITS[1], &rows, Time::new(NEVER, 0));
            primary.put_rows(UNITS[1], rows, batch % 3 == 0, Some(&mut Changes::default()));
            decided::push_rows(&mut payload, UNITS[1], rows, batch % 3 == 0);
            quote(&mut primary, &format!("{} BID {} 1 MARK 7", START_MS + batch, 100 + batch), Some(&mut payload));
            primary.count(&tally);
            decided::end(&mut payload, &tally);
            replica.apply(&payload).unwrap();
            prop_assert!(layout::encode(&replica) == layout::encode(&primary), "batch {batch}");
        }
        // From anywhere: refused whole, or a market that is sound.
        let before = layout::encode(&replica);
        for (at, byte) in edits {
            let at = at.index(payload.len());
            payload[at] = byte;
        }
        if replica.apply(&payload).is_err() {
            prop_assert!(layout::encode(&replica) == before);
        }
        use_and_save(replica, "after a payload from anywhere");
    }
}
