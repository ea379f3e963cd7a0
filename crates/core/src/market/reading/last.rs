//! `TICK.LAST`.

use crate::market::candle::{Candle, QUOTE_SCALE, RememberedWindow, Span, Traded, VOLUME_SCALE};
use crate::market::reply::{Exact, LastReply};
use crate::market::request::Last;
use crate::market::store::{Market, Price, Source, Time};
use crate::market::tape::{Held, Wanted};
use crate::wire::{Asked, Bytes};

impl Market {
    /// The last price of a source with its age, and what else is asked for. A window costs as many steps as it has blocks of
    /// candles, or one where it is the one that is remembered.
    pub fn last(&self, request: &Last, time: Time, remembered: &mut RememberedWindow) -> LastReply {
        let now_ms = request.at_ms.unwrap_or_else(|| self.now_ms(time));
        let price = match request.at_ms {
            Some(at_ms) => self.last_before(at_ms),
            None => self.prices().of(request.by.unwrap_or(Source::Last)),
        };
        let age_ms = price.map(|price| now_ms.saturating_sub(price.ts_ms));
        let is_too_old = age_ms.zip(request.max_age_ms).is_some_and(|(age_ms, max_ms)| age_ms > max_ms);
        let mut reply = LastReply {
            price: price.filter(|_| !is_too_old).map(|price| price.price),
            ts_ms: price.map(|price| price.ts_ms),
            age_ms,
            stale: age_ms.map(|age_ms| age_ms > self.options().stale_ms),
            ..LastReply::default()
        };
        if request.is_full {
            self.fill_quotes(&mut reply);
        }
        if let Some(window_ms) = request.window_ms {
            self.fill_window(&mut reply, now_ms.saturating_sub(window_ms), remembered);
        }
        reply
    }

    /// The newest tick held raw that is not after `at_ms`.
    fn last_before(&self, at_ms: u64) -> Option<Price> {
        let mut found = None;
        let wanted = Wanted { from_ms: 0, to_ms: at_ms, is_reversed: true, count: 1, side: None };
        self.tail().range(&wanted, |tick| found = Some(Price { price: tick.price, qty: tick.qty, ts_ms: tick.ts_ms }));
        found
    }

    fn fill_quotes(&self, reply: &mut LastReply) {
        let prices = self.prices();
        let last = prices.last.as_ref();
        let asked_id = |last: &Held| {
            let mut room = Vec::new();
            let text = last.id().text(&mut room);
            if text.is_empty() { None } else { Some(Bytes::from(text)) }
        };
        let of = |price: Option<Price>| {
            (Asked(Some(price.map(|price| price.price))), Asked(Some(price.map(|price| price.ts_ms))))
        };
        reply.qty = Asked(Some(last.map(|last| last.qty)));
        reply.side = Asked(Some(last.map(|last| last.side)));
        reply.id = Asked(Some(last.and_then(asked_id)));
        reply.bid = of(prices.bid).0;
        reply.bid_qty = Asked(Some(prices.bid.map(|bid| bid.qty)));
        reply.ask = of(prices.ask).0;
        reply.ask_qty = Asked(Some(prices.ask.map(|ask| ask.qty)));
        reply.mid = of(prices.of(Source::Mid)).0;
        let quoted = [prices.bid, prices.ask].into_iter().flatten().map(|price| price.ts_ms).max();
        reply.quote_ts_ms = Asked(Some(quoted));
        (reply.mark, reply.mark_ts_ms) = of(prices.mark);
        (reply.index, reply.index_ts_ms) = of(prices.index);
    }

    /// The venue's ticker from the start of the finest candle that contains `since_ms`.
    fn fill_window(&self, reply: &mut LastReply, since_ms: u64, remembered: &mut RememberedWindow) {
        let from_ms = self.levels().window_start_ms(since_ms);
        let sum = self.levels().merged(Span { start_ms: from_ms, end_ms: u64::MAX }, remembered);
        let exact = |units: Option<u128>, scale| Asked(Some(units.map(|units| Exact { units, scale })));
        let double = |value: f64| Some(value).filter(|value| value.is_finite());
        reply.from_ms = Asked(Some(Some(from_ms)));
        reply.open = Asked(Some(sum.map(|sum| sum.open)));
        reply.high = Asked(Some(sum.map(|sum| sum.high)));
        reply.low = Asked(Some(sum.map(|sum| sum.low)));
        reply.volume = exact(sum.map(|sum| sum.volume), VOLUME_SCALE);
        reply.quote_volume = exact(sum.and_then(|sum| sum.quote), QUOTE_SCALE);
        reply.trades = Asked(Some(sum.and_then(|sum| sum.trades)));
        reply.taker_volume = exact(sum.and_then(|sum| sum.taker_volume), VOLUME_SCALE);
        reply.taker_quote_volume = exact(sum.and_then(|sum| sum.taker_quote), QUOTE_SCALE);
        reply.vwap = Asked(Some(sum.and_then(|sum| Traded::of(&sum).vwap())));
        let change = |sum: Candle| double((sum.close.to_f64() - sum.open.to_f64()) / sum.open.to_f64() * 100.0);
        reply.change_pct = Asked(Some(sum.and_then(change)));
    }
}
