//! FILL against its definition: every candle from the first to that of now, flat where there were no trades.

use liq_core::grammar::Decimal;
use liq_core::market::candle::{Interval, Zone};
use liq_core::market::store::{Changes, Market, Quote};
use proptest::prelude::*;

use crate::tape::{NEVER, add, early, market, rows};

const M: u64 = 1_723_161_300_000;

fn hear(market: &mut Market, ts_ms: u64) {
    let quote = Quote { ts_ms, ..Quote::default() };
    let verdict = market.judge_quote(&quote, early(), NEVER);
    market.record_quote(&quote, &verdict, Some(&mut Changes::default()));
}

/// Start, close and state.
type Shown = (u64, Decimal, &'static str);

fn shown(market: &Market, words: &str) -> Vec<Shown> {
    rows(market, words).iter().map(|row| (row.span.start_ms, row.candle.close, row.state.name())).collect()
}

/// Every candle to that of `now_ms`, oldest first, with its end and whether it is closed.
fn slow(market: &Market, interval: &str, now_ms: u64, grace_ms: u64) -> Vec<(Shown, u64, bool)> {
    let traded = shown(market, &format!("{interval} - + COUNT 5000"));
    let interval = Interval::parse("interval", interval.as_bytes()).unwrap();
    let mut filled = Vec::new();
    let (mut at_ms, mut close) = (traded[0].0, traded[0].1);
    while at_ms <= now_ms {
        let span = interval.span(at_ms, Zone::default());
        let is_missing = market.gaps().touch(span.start_ms, span.end_ms);
        let is_closed = span.end_ms <= market.time_ms() || span.end_ms + grace_ms <= now_ms;
        let row = match traded.iter().find(|row| row.0 == at_ms) {
            Some(row) if !is_closed => (row.0, row.1, "open"),
            Some(row) => (row.0, row.1, if is_missing { "partial" } else { "closed" }),
            None => (at_ms, close, if is_missing { "missing" } else { "filled" }),
        };
        close = row.1;
        filled.push((row, span.end_ms, is_closed));
        at_ms = span.end_ms;
    }
    filled
}

#[test]
fn within_grace_the_candle_that_has_ended_is_open_and_the_one_before_is_found() {
    let mut market = market("CLOCK EVENT KEEP 1s 1000 GRACE 5s");
    add(&mut market, &format!("{} buy 100 1", M + 30_000));
    add(&mut market, &format!("{} buy 101 1", M + 90_000));
    hear(&mut market, M + 120_500);
    let close = |words: &str| shown(&market, words).iter().map(|row| (row.0 - M) / 1_000).collect::<Vec<_>>();
    assert_eq!(close("1m FILL CLOSED COUNT 1"), [0]);
    assert_eq!(close("1m - + FILL CLOSED REV COUNT 3"), [0]);
    assert_eq!(close("1s - + FILL CLOSED REV COUNT 3"), [114, 113, 112]);
}

proptest! {
    #[test]
    fn filled_rows_are_every_candle_that_is_wanted(
        steps in prop::collection::vec((0_u64..90_000, any::<bool>()), 1..25), grace_ms in prop::sample::select(vec![0_u64, 1, 1_000, 5_000, 60_000]),
        pause_ms in 0_u64..200_000, count in 1_usize..12, interval in prop::sample::select(vec!["1s", "5s", "1m", "5m"]),
    ) {
        let mut market = market(&format!("CLOCK EVENT KEEP 1s 100000 GRACE {grace_ms}ms"));
        let mut ts_ms = M;
        for (place, (step_ms, gap)) in steps.iter().enumerate() {
            ts_ms += step_ms;
            add(&mut market, &format!("{ts_ms} buy {} 1 {}", 100 + place, if *gap { "GAP" } else { "" }));
        }
        let now_ms = ts_ms + pause_ms;
        hear(&mut market, now_ms);
        let all = slow(&market, interval, now_ms, grace_ms);
        for closed in ["", "CLOSED"] {
            let wanted: Vec<Shown> = all.iter().filter(|row| closed.is_empty() || row.2).map(|row| row.0).collect();
            let newest = wanted[wanted.len().saturating_sub(count)..].to_vec();
            let from_newest: Vec<Shown> = newest.iter().rev().copied().collect();
            prop_assert_eq!(shown(&market, &format!("{interval} FILL {closed} COUNT {count}")), newest);
            prop_assert_eq!(shown(&market, &format!("{interval} - + REV FILL {closed} COUNT {count}")), from_newest);
            let first = &wanted[..count.min(wanted.len())];
            prop_assert_eq!(shown(&market, &format!("{interval} - + FILL {closed} COUNT {count}")), first);
        }
    }
}
