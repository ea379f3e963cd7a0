//! Markets driven by bytes, for property tests and the fuzzer: histories of live, replica and reload; saved layouts; decided
//! writes; arguments.

use liq_core::grammar::Args;
use liq_core::market::candle::{Remembered, RememberedWindow, UNITS};
use liq_core::market::format::{self as layout, decided};
use liq_core::market::request::{Add, Candles, Last, Madd, Put, QuoteRequest, Range, parse_keep};
use liq_core::market::store::{Changes, Detail, Market, Options, OptionsPatch, Resolution, Status, Tally, Time, Whole};

const START_MS: u64 = 1_735_689_600_000;

/// Takes numbers off the front of bytes; zeros behind their end.
struct Source<'a>(&'a [u8]);

impl Source<'_> {
    fn byte(&mut self) -> u64 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        u64::from(*first)
    }

    fn word(&mut self) -> u64 {
        self.byte() << 8 | self.byte()
    }
}

/// A market as commands change it, and what its replica was told.
struct Pair {
    live: Market,
    replica: Market,
    changes: Changes,
    payload: Vec<u8>,
    /// What was done first about how much is kept.
    detail: Detail,
    tally: Tally,
    /// What a series that judges by the market has seen of it.
    remembered: Remembered,
    window: RememberedWindow,
}

impl Pair {
    fn new(source: &mut Source<'_>) -> Self {
        const OPTIONS: [&str; 6] = [
            "",
            "ORDER ID",
            "ORDER ID KEEP 1s 7 KEEP 1m 3 KEEP 5m 2 TAIL 5",
            "KEEP 1m 3 KEEP 5m 2 KEEP 1h 2 KEEP 1d 1 TAIL 3 MAXJUMP 10 TZ +05:45 ANNOUNCE 1M",
            "CLOCK EVENT TAIL 0 GRACE 0 ANNOUNCE 5m ANNOUNCE 1m",
            "KEEP 1m 0 KEEP 5m 1 ANNOUNCE 1w TAIL 200",
        ];
        let options = OPTIONS[source.byte() as usize % OPTIONS.len()];
        let words: Vec<&[u8]> = options.split_whitespace().map(str::as_bytes).collect();
        let patch = OptionsPatch::parse(Args::new(&words)).expect("options of a test");
        let market = Market::new(Options::default().altered(&patch).expect("options of a test"));
        Self {
            live: market.clone(),
            replica: market,
            changes: Changes::default(),
            payload: Vec::new(),
            detail: Resolution::Full.into(),
            tally: Tally::default(),
            remembered: Remembered::default(),
            window: RememberedWindow::default(),
        }
    }

    fn step(&mut self, source: &mut Source<'_>) {
        let shift = match source.byte() % 8 {
            0 => source.word() * 100_000,
            1 => source.word() * 100,
            2 => 0,
            _ => source.byte(),
        };
        let newest_ms = self.live.newest_ms().unwrap_or(START_MS);
        let back = source.byte();
        let ts_ms =
            if back < 100 { newest_ms.saturating_sub(shift) } else { newest_ms.saturating_add(shift).min(1 << 53) };
        let price = format!("{}.{}", 90 + source.byte() % 30, source.byte());
        let time = Time::new(START_MS * 3, 1 << 50);
        let is_alteration = back == 255;
        self.changes = Changes::default();
        match source.byte() % 8 {
            0 => {
                let line = format!("{ts_ms} BID {price} 1 ASK {price}1 2");
                let parts = source.byte() as usize % 4 * 3 + 1;
                let words: Vec<&[u8]> = line.split(' ').take(parts.min(7)).map(str::as_bytes).collect();
                let quote = QuoteRequest::parse(Args::new(&words)).expect("a quote of a test").resolve(0);
                let verdict = self.live.judge_quote(&quote, time, 1 << 50);
                self.live.record_quote(&quote, &verdict, Some(&mut self.changes));
                if verdict.changes() {
                    decided::push_quote(&mut self.payload, &quote, &verdict);
                }
                self.tally.count(verdict.status);
            }
            1 => self.put(source, ts_ms),
            _ if back == 253 => self.change_resolution(source),
            _ if is_alteration => self.alter(source),
            _ => {
                let id = match source.byte() % 4 {
                    0 => format!(" ID {}", source.byte()),
                    1 => format!(" ID {0}-{1}", source.byte(), 256 + source.byte()),
                    2 => format!(" ID {}", ts_ms % 10_000_000 * 3 + source.byte() % 4),
                    _ => String::new(),
                };
                let gap = if source.byte() < 20 { " GAP" } else { "" };
                let side = ["buy", "sell", "-"][source.byte() as usize % 3];
                let price = if back == 254 { "-" } else { &price };
                let line = format!("{ts_ms} {side} {price} 0.{}{id}{gap}", source.byte());
                let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
                let request = Add::parse(Args::new(&words)).expect("a tick of a test");
                let report = request.tick.resolve(0, request.gap);
                let status = self.live.add(&report, time, 1 << 50, &mut self.changes);
                if status.changes() || self.changes.take_seen() {
                    decided::push_tick(&mut self.payload, &report, status);
                }
                assert!(status != Status::Future);
                self.tally.count(status);
            }
        }
    }

    fn put(&mut self, source: &mut Source<'_>, ts_ms: u64) {
        let unit = UNITS[source.byte() as usize % UNITS.len()];
        if !self.live.levels().list().iter().any(|level| level.unit() == unit) {
            return;
        }
        let zone = self.live.levels().zone();
        let first_ms = unit.interval().span(ts_ms.min(1 << 52), zone).start_ms;
        let mut words = vec![unit.name.to_owned(), "OHLCV".to_owned()];
        for place in 0..1 + source.byte() % 5 {
            let start_ms =
                unit.interval().span(first_ms + place * (1 + source.byte() % 2) * unit.width_ms, zone).start_ms;
            words.extend([start_ms.to_string(), "95".into(), "96".into(), "94".into(), "95.5".into(), "3".into()]);
        }
        let is_whole = source.byte().is_multiple_of(2);
        let words: Vec<&[u8]> = words.iter().map(String::as_bytes).collect();
        // The same start may come twice, which is refused.
        let Ok(request) = Put::parse(Args::new(&words), 100) else { return };
        let (rows, _) = self.live.ended_rows(unit, &request.rows, Time::new(START_MS * 3, 1 << 50));
        let whole = Whole::of(is_whole, &request.rows, rows);
        self.live.put_rows(unit, rows, whole, Some(&mut self.changes));
        decided::push_rows(&mut self.payload, unit, rows, whole);
    }

    /// Memory is short, or not any more: told at the head of what is decided next.
    fn change_resolution(&mut self, source: &mut Source<'_>) {
        self.flush();
        let resolution = Resolution::ALL[source.byte() as usize % Resolution::ALL.len()];
        self.detail = self.live.change_resolution(resolution);
    }

    /// What was remembered of a window says the same as looking anew.
    fn ask(&mut self, source: &mut Source<'_>) {
        let newest_ms = self.live.newest_ms().unwrap_or(START_MS);
        let now_ms = newest_ms.saturating_add(source.byte() * 1_000).saturating_sub(source.byte() / 200 * 3_600_000);
        let window_ms = [60_000, 3_600_000, 86_400_000][source.byte() as usize % 3];
        let anew = self.live.vwap(now_ms, window_ms, &mut Remembered::default());
        assert_eq!(self.live.vwap(now_ms, window_ms, &mut self.remembered), anew);
        let last = Last { window_ms: Some(window_ms), ..Last::default() };
        let time = Time::new(now_ms, 1 << 50);
        let ticker = self.live.last(&last, time, &mut RememberedWindow::default());
        assert_eq!(self.live.last(&last, time, &mut self.window), ticker);
        assert!(anew.is_none_or(|vwap| vwap.is_finite() && vwap > 0.0));
    }

    /// Alterations travel as commands of their own.
    fn alter(&mut self, source: &mut Source<'_>) {
        const ALTERATIONS: [&str; 5] =
            ["KEEP 1m 2", "KEEP 1s 4 KEEP 1m 2 KEEP 5m 1", "TAIL 2", "KEEP 1m 0 KEEP 1s 0 ANNOUNCE 1d", "KEEP 1d 0"];
        let words = ALTERATIONS[source.byte() as usize % ALTERATIONS.len()];
        let words: Vec<&[u8]> = words.split(' ').map(str::as_bytes).collect();
        let patch = OptionsPatch::parse(Args::new(&words)).expect("options of a test");
        self.flush();
        assert_eq!(self.live.alter(&patch), self.replica.alter(&patch));
    }

    fn flush(&mut self) {
        let mut payload = Vec::new();
        decided::begin(&mut payload, START_MS, self.detail, None);
        self.detail = self.live.resolution().into();
        payload.append(&mut self.payload);
        decided::end(&mut payload, &self.tally);
        self.live.count(&self.tally);
        self.tally = Tally::default();
        self.replica.apply(&payload).expect("what was decided can be done");
        assert!(layout::encode(&self.live) == layout::encode(&self.replica), "live and replica part");
    }
}

/// A history of one market: live, replica and reload stay the same, and every invariant holds after every step.
pub fn operations(bytes: &[u8]) {
    let mut source = Source(bytes);
    let mut pair = Pair::new(&mut source);
    while !source.0.is_empty() {
        pair.step(&mut source);
        pair.live.check();
        pair.ask(&mut source);
        if source.byte().is_multiple_of(16) {
            pair.flush();
            pair.live = reloaded(&pair.live);
        }
    }
    pair.flush();
    read(&reloaded(&pair.live), &pair.live);
}

fn reloaded(market: &Market) -> Market {
    let saved = layout::encode(market);
    let again = layout::decode(layout::LAYOUT, &saved).expect("what was saved loads");
    again.check();
    assert!(layout::encode(&again) == saved, "a reload is seen");
    again
}

fn read(a: &Market, b: &Market) {
    let time = Time::new(START_MS * 2, 1 << 50);
    for words in ["1m - + COUNT 100", "1h FILL COUNT 20", "1M", "1d REV CLOSED", "1d COUNT 3 STUDY SMA 2 STUDY RSI 3"] {
        let words: Vec<&[u8]> = words.split(' ').map(str::as_bytes).collect();
        let request = Candles::parse(Args::new(&words)).expect("a read of a test");
        let rows = a.candles(&request, time);
        assert_eq!(rows, b.candles(&request, time), "{words:?}");
        if let Ok(rows) = rows {
            assert_eq!(a.study_columns(&request, &rows, time), b.study_columns(&request, &rows, time));
        }
    }
    let last = Last { is_full: true, window_ms: Some(86_400_000), ..Last::default() };
    let last = |market: &Market| market.last(&last, time, &mut RememberedWindow::default());
    assert_eq!(last(a), last(b));
    let all = Range { from_ms: 0, to_ms: u64::MAX, is_reversed: false, count: Some(10_000), side: None };
    assert_eq!(a.range(&all), b.range(&all));
}

/// Bytes of a layout: refused, or a sound market.
pub fn saved(bytes: &[u8]) {
    if let Ok(market) = layout::decode(layout::LAYOUT, bytes) {
        market.check();
        read(&reloaded(&market), &market);
    }
}

/// Bytes of a decided write: refused whole, or done, and the market is sound.
pub fn decided_write(bytes: &[u8]) {
    let mut source = Source(bytes);
    let mut pair = Pair::new(&mut source);
    let before = layout::encode(&pair.live);
    if pair.live.apply(source.0).is_ok() {
        pair.live.check();
        read(&reloaded(&pair.live), &pair.live);
    } else {
        assert!(layout::encode(&pair.live) == before, "a refused write changed something");
    }
}

/// Arguments of every command of markets: refused, or equal to what their inverse says again.
pub fn arguments(bytes: &[u8]) {
    let Some((command, rest)) = bytes.split_first() else { return };
    let words: Vec<&[u8]> = rest.split(|byte| *byte == b'\n').collect();
    let args = || Args::new(&words);
    macro_rules! again {
        ($request:expr, $parse:expr) => {
            if let Ok(request) = $request {
                let words = request.to_args();
                let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
                assert_eq!(($parse)(Args::new(&words)).as_ref(), Ok(&request), "{words:?}");
            }
        };
    }
    match command % 9 {
        0 => again!(OptionsPatch::parse(args()), OptionsPatch::parse),
        1 => again!(Add::parse(args()), Add::parse),
        2 => again!(Madd::parse(args(), 100), |args| Madd::parse(args, 100)),
        3 => again!(QuoteRequest::parse(args()), QuoteRequest::parse),
        4 => again!(Last::parse(args()), Last::parse),
        5 => again!(Range::parse(args()), Range::parse),
        6 => again!(Candles::parse(args()), Candles::parse),
        7 => drop(Put::parse(args(), 100)),
        _ => drop(parse_keep(rest)),
    }
}
