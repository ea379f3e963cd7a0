//! What must hold for any bytes at all: the property tests here and the fuzz targets of `fuzz/` call the same checks.

use liq_core::grammar::Args;
use liq_core::keys::policy::Table;
use liq_core::keys::request::{AuditRequest, PolicyRequest};
use liq_core::liq::format as layout;
use liq_core::liq::request::{
    Add, Digest, EventId, Hist, Madd, MaddPack, Pctl, Range, Rank, Stats, Vwap, decode_events, encode_events,
};
use liq_core::liq::series::{Clock, Event, Options, OptionsPatch, Series, Side, Time};
use liq_core::rl::format as limiter_layout;
use liq_core::rl::limiter::{Limiter, Now};
use liq_core::rl::request::{Ban, Check, Create, Peek, Sync, Throttle};

#[path = "limiter_commands.rs"]
mod limiter_commands;

const MAX_EVENTS: usize = 1000;
const NOW_MS: u64 = 1_735_689_600_000;

/// How many commands [`request`] knows.
pub const COMMANDS: u8 = 19;

/// Reads arguments; what was read must come out and go in again unchanged.
macro_rules! round_trip {
    ($request:ident, $args:expr $(, $limit:expr)?) => {
        if let Ok(read) = $request::parse(Args::new($args) $(, $limit)?) {
            let written = read.to_args();
            let written: Vec<&[u8]> = written.iter().map(Vec::as_slice).collect();
            assert_eq!($request::parse(Args::new(&written) $(, $limit)?).as_ref(), Ok(&read), "{written:?}");
        }
    };
}

/// A parser refuses its arguments, or round-trips them.
pub fn request(command: u8, args: &[&[u8]]) {
    match command % COMMANDS {
        0 => round_trip!(OptionsPatch, args),
        1 => round_trip!(Add, args),
        2 => round_trip!(Madd, args, MAX_EVENTS),
        3 => round_trip!(MaddPack, args),
        4 => round_trip!(Pctl, args),
        5 => round_trip!(Rank, args),
        6 => round_trip!(Vwap, args),
        7 => round_trip!(Stats, args),
        8 => round_trip!(Range, args),
        9 => round_trip!(Hist, args),
        10 => round_trip!(Digest, args),
        11 => round_trip!(Check, args),
        12 => round_trip!(Create, args),
        13 => round_trip!(Peek, args),
        14 => round_trip!(Sync, args),
        15 => round_trip!(Ban, args),
        16 => round_trip!(PolicyRequest, args),
        17 => round_trip!(AuditRequest, args),
        _ => round_trip!(Throttle, args),
    }
}

/// A text of key policies is refused, or is read back as it is written; whatever is looked up in it.
pub fn policy_text(text: &[u8]) {
    let Ok(table) = Table::parse(text) else { return };
    table.check();
    for place in 0..text.len().min(256) {
        let name = text.get(place..).unwrap_or_default();
        let slow = table.iter().filter(|policy| name.starts_with(policy.prefix().as_bytes()));
        let slow = slow.max_by_key(|policy| policy.prefix().as_bytes().len());
        assert_eq!(table.find(name).and_then(|place| table.get(place)), slow);
    }
}

/// A MessagePack payload is refused, or the events it holds are the same when packed again.
pub fn events_payload(bytes: &[u8]) {
    let Ok(events) = decode_events(bytes, MAX_EVENTS) else { return };
    let packed = encode_events(&events);
    let again = decode_events(&packed, MAX_EVENTS).expect("what was packed here is sound");
    assert_eq!(events.len(), again.len());
    for (event, again) in events.iter().zip(&again) {
        let id = |id: Option<EventId<'_>>| id.map(|id| id.to_text().into_owned());
        assert_eq!((event.ts_ms, event.side, event.exchange), (again.ts_ms, again.side, again.exchange));
        assert_eq!((event.price, event.size, id(event.id)), (again.price, again.size, id(again.id)));
    }
}

/// Bytes said to be a saved series are refused, or the series they make is saved as bytes that make it again, and can be
/// used. The two spellings are one but where sums miss what they stand for by more than rounding explains: those are
/// brought nearer.
pub fn saved_series(bytes: &[u8]) {
    let Ok(mut series) = layout::decode(layout::LAYOUT, bytes) else { return };
    let saved = layout::encode(&series);
    assert_eq!(layout::encode(&reloaded(&series)), saved, "what was loaded is saved as what loads to it");
    series.check();
    use_series(&mut series);
}

fn reloaded(series: &Series) -> Series {
    layout::decode(layout::LAYOUT, &layout::encode(series)).expect("what was saved here is sound")
}

/// Bytes said to be a saved limiter are refused, or are exactly what the limiter they make is saved as.
pub fn saved_limiter(bytes: &[u8]) {
    if let Ok(limiter) = limiter_layout::decode(limiter_layout::LAYOUT, bytes, Now::new(NOW_MS * 1_000, 0)) {
        assert_eq!(limiter_layout::encode(&limiter), bytes, "two spellings of one limiter");
    }
}

/// A saved limiter, behind its length, and commands: whatever they do to it, it is saved to what can be read.
pub fn limiter_commands(bytes: &[u8]) {
    let Some((len, rest)) = bytes.split_first() else { return };
    let (saved, commands) = rest.split_at(rest.len().min(usize::from(*len)));
    let now = Now::new(NOW_MS * 1_000, 0);
    let limiter = if saved.is_empty() {
        Ok(Limiter::new(now))
    } else {
        limiter_layout::decode(limiter_layout::LAYOUT, saved, now)
    };
    if let Ok(limiter) = limiter {
        limiter_commands::stays_readable(limiter, commands);
    }
}

/// A decided write is refused and changes nothing, or is applied to a series that can be used.
pub fn decided_write(bytes: &[u8]) {
    let mut series = Series::new(Options::default());
    let empty = layout::encode(&series);
    match series.apply(bytes) {
        Ok(()) => use_series(&mut series),
        Err(_) => assert_eq!(layout::encode(&series), empty, "a refused write changed the series"),
    }
}

/// Asks everything once and does all that moves, joins and drops events; nothing may panic, and whatever is saved on the
/// way can be loaded again.
fn use_series(series: &mut Series) {
    let now_ms = series.now_ms(Time::new(NOW_MS, 300_000));
    ask(series, Time::new(now_ms, 300_000));
    let clock = |ts_ms| Clock { time: Time::new(ts_ms, 300_000), max_future_ms: 300_000, signal_max_age_ms: 60_000 };
    let event = |ts_ms, size| Event { ts_ms, side: Side::Sell, price: 93_500.0, size, exchange: None, id_hash: 0 };
    series.add(&clock(now_ms), &event(now_ms, 25_000.0));
    assert_eq!(layout::encode(&reloaded(series)), layout::encode(series));
    for change in [&[b"RETENTION".as_slice(), b"31d"][..], &[b"TAIL", b"256"], &[b"PRECISION", b"5"]] {
        let _ = series.alter(&OptionsPatch::parse(Args::new(change)).expect("the options are sound"));
        series.check();
        reloaded(series);
    }
    // So that all that was raw is spilled, panes are joined, and at last everything is dropped.
    for (number, step_ms) in [(300, 1), (3, 3 * 3_600_000), (2, 40 * 86_400_000)] {
        for place in 1..=number {
            let ts_ms = series.now_ms(Time::new(0, u64::MAX)).saturating_add(step_ms).min(1 << 53);
            series.add(&clock(ts_ms), &event(ts_ms, f64::from(place)));
        }
        series.check();
        reloaded(series);
    }
}

fn ask(series: &mut Series, time: Time) {
    for args in [[].as_slice(), &[b"SIDE".as_slice(), b"sell"], &[b"WINDOW", b"1m"]] {
        let _ = series.stats(time, &Stats::parse(Args::new(args)).expect("the options are sound"));
        let _ = series.vwap(time, &Vwap::parse(Args::new(args)).expect("the options are sound"));
        let _ = series.histogram(time, &Hist::parse(Args::new(args)).expect("the options are sound"));
        let with_question = [&[b"80".as_slice()], args].concat();
        let _ = series.percentiles(time, &Pctl::parse(Args::new(&with_question)).expect("the options are sound"));
        let _ = series.ranks(time, &Rank::parse(Args::new(&with_question)).expect("the options are sound"));
    }
    let _ = series.range(&Range::parse(Args::new(&[b"-", b"+"])).expect("the edges are sound"));
}
