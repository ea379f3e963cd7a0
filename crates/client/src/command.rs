//! Every command as a [`redis::Cmd`]: what the extension traits send, and what to use where they do not reach.

use std::time::Duration;

use liq_core::grammar::{format_duration, format_real};
use liq_core::liq::request::{Breakdown, encode_events};
use redis::{Cmd, ToSingleRedisArg, cmd};

use crate::limit::{Limit, Usage, limits_to_args};
use crate::options::{percent_text, whole_ms};
use crate::query::{DigestQuery, RangeQuery, Scope, StatsQuery, VwapQuery};
use crate::{BatchOptions, Event, SeriesOptions, Timestamp, Trigger, ticks};

fn keyed(name: &str, key: impl ToSingleRedisArg, args: &[Vec<u8>]) -> Cmd {
    let mut command = cmd(name);
    command.arg(key);
    for arg in args {
        command.arg(arg.as_slice());
    }
    command
}

/// `LIQ.CREATE key [options]` → `OK`.
pub fn liq_create(key: impl ToSingleRedisArg, options: &SeriesOptions) -> Cmd {
    keyed("LIQ.CREATE", key, &options.to_args())
}

/// `LIQ.CREATE key NX [options]` → `OK`, or null when the key exists.
pub fn liq_create_nx(key: impl ToSingleRedisArg, options: &SeriesOptions) -> Cmd {
    let mut args = vec![b"NX".to_vec()];
    args.extend(options.to_args());
    keyed("LIQ.CREATE", key, &args)
}

/// `LIQ.ALTER key [options]` → `OK`.
pub fn liq_alter(key: impl ToSingleRedisArg, options: &SeriesOptions) -> Cmd {
    keyed("LIQ.ALTER", key, &options.to_args())
}

/// `LIQ.INFO key` → [`SeriesInfo`](crate::SeriesInfo).
pub fn liq_info(key: impl ToSingleRedisArg) -> Cmd {
    keyed("LIQ.INFO", key, &[])
}

/// `LIQ.MEMORY` → [`MemoryInfo`](crate::MemoryInfo): of one server, so in a cluster it is to be sent to each node.
pub fn liq_memory() -> Cmd {
    cmd("LIQ.MEMORY")
}

/// `LIQ.TRIM`, or `LIQ.TRIM AGGRESSIVE` → bytes freed: of one server, so in a cluster it is to be sent to each node.
pub fn liq_trim(aggressive: bool) -> Cmd {
    let mut command = cmd("LIQ.TRIM");
    if aggressive {
        command.arg("AGGRESSIVE");
    }
    command
}

/// `LIQ.RESET key` → `OK`.
pub fn liq_reset(key: impl ToSingleRedisArg) -> Cmd {
    keyed("LIQ.RESET", key, &[])
}

/// `LIQ.ADD key ts side price size …` → [`AddReply`](crate::AddReply).
pub fn liq_add(key: impl ToSingleRedisArg, event: &Event<'_>) -> Cmd {
    let mut command = Cmd::with_capacity(10, 160);
    command.arg("LIQ.ADD").arg(key);
    push_event(&mut command, event);
    if let Some(name) = &event.exchange {
        command.arg("EXCHANGE").arg(&**name);
    }
    if let Some(id) = &event.id {
        command.arg("ID").arg(&**id);
    }
    command
}

/// `LIQ.ADD key ts side price size … AT now` → [`AddReply`](crate::AddReply).
pub fn liq_add_at(key: impl ToSingleRedisArg, event: &Event<'_>, now_ms: u64) -> Cmd {
    let mut command = liq_add(key, event);
    command.arg("AT").arg(now_ms);
    command
}

/// `LIQ.MADD key … EVENTS …` → [`BatchReply`](crate::BatchReply).
///
/// `LIQ.MADD` names one exchange for the whole batch: events of several are sent as `LIQ.MADDPACK`, whose meaning and
/// reply are the same.
pub fn liq_madd(key: impl ToSingleRedisArg, events: &[Event<'_>], options: &BatchOptions) -> Cmd {
    let one_exchange = events.windows(2).all(|pair| matches!(pair, [left, right] if left.exchange == right.exchange));
    if !one_exchange {
        return liq_maddpack(key, events, options);
    }
    let mut command = Cmd::with_capacity(10 + 5 * events.len(), 160 + 64 * events.len());
    command.arg("LIQ.MADD").arg(key);
    if let Some(name) = events.first().and_then(|event| event.exchange.as_deref()) {
        command.arg("EXCHANGE").arg(name);
    }
    push_batch(&mut command, options);
    let with_ids = events.iter().any(|event| event.id.is_some());
    if with_ids {
        command.arg("IDS");
    }
    command.arg("EVENTS");
    for event in events {
        push_event(&mut command, event);
        if with_ids {
            command.arg(event.id.as_deref().unwrap_or_default());
        }
    }
    command
}

/// `LIQ.MADDPACK key payload …` → [`BatchReply`](crate::BatchReply). The cheapest way to add many events.
pub fn liq_maddpack(key: impl ToSingleRedisArg, events: &[Event<'_>], options: &BatchOptions) -> Cmd {
    let events: Vec<_> = events.iter().map(Event::as_request).collect();
    let payload = encode_events(&events);
    let mut command = Cmd::with_capacity(8, 160 + payload.len());
    command.arg("LIQ.MADDPACK").arg(key).arg(payload);
    push_batch(&mut command, options);
    command
}

// Events are the one thing sent by the hundred thousand: they are written straight into the command, not by way of the
// core's `to_args`, whose argument lists cost an allocation for every number.

fn push_event(command: &mut Cmd, event: &Event<'_>) {
    match event.timestamp {
        Timestamp::Ms(ms) => command.arg(ms),
        Timestamp::Server => command.arg("*"),
    };
    command.arg(event.side.name()).arg(event.price).arg(event.size);
}

fn push_batch(command: &mut Cmd, options: &BatchOptions) {
    if let Some((name, seq)) = options.numbered() {
        command.arg("BATCH").arg(name).arg(seq);
    }
    if let Some(ms) = options.now_ms() {
        command.arg("AT").arg(ms);
    }
}

/// `LIQ.PCTL key p [p …]` → `Vec<Option<f64>>`.
pub fn liq_pctl(key: impl ToSingleRedisArg, percentiles: &[f64], scope: &Scope) -> Cmd {
    let mut args: Vec<_> = percentiles.iter().map(|percent| percent_text(*percent).into_bytes()).collect();
    args.extend(scope.to_args());
    keyed("LIQ.PCTL", key, &args)
}

/// `LIQ.RANK key size [size …]` → `Vec<Option<f64>>`.
pub fn liq_rank(key: impl ToSingleRedisArg, sizes: &[f64], scope: &Scope) -> Cmd {
    let mut args: Vec<_> = sizes.iter().map(|size| format_real(*size).into_bytes()).collect();
    args.extend(scope.to_args());
    keyed("LIQ.RANK", key, &args)
}

/// `LIQ.VWAP key …` → [`Vwap`](crate::Vwap).
pub fn liq_vwap(key: impl ToSingleRedisArg, query: &VwapQuery) -> Cmd {
    keyed("LIQ.VWAP", key, &query.to_args())
}

/// `LIQ.STATS key …` → [`Stats`](crate::Stats).
pub fn liq_stats(key: impl ToSingleRedisArg, query: &StatsQuery) -> Cmd {
    keyed("LIQ.STATS", key, &query.to_args(None))
}

/// `LIQ.STATS key … BY EXCHANGE` → [`StatsByExchange`](crate::StatsByExchange).
pub fn liq_stats_by_exchange(key: impl ToSingleRedisArg, query: &StatsQuery) -> Cmd {
    keyed("LIQ.STATS", key, &query.to_args(Some(Breakdown::ByExchange)))
}

/// `LIQ.STATS key … BUCKET d` → [`StatsBuckets`](crate::StatsBuckets).
pub fn liq_stats_buckets(key: impl ToSingleRedisArg, bucket: Duration, query: &StatsQuery) -> Cmd {
    keyed("LIQ.STATS", key, &query.to_args(Some(Breakdown::Bucket(whole_ms(bucket)))))
}

/// `LIQ.RANGE key from to …` → `Vec<`[`StoredEvent`](crate::StoredEvent)`>`.
pub fn liq_range(key: impl ToSingleRedisArg, query: &RangeQuery) -> Cmd {
    keyed("LIQ.RANGE", key, &query.to_args())
}

/// `LIQ.HIST key …` → `Vec<`[`HistogramRow`](crate::HistogramRow)`>`.
pub fn liq_hist(key: impl ToSingleRedisArg, scope: &Scope) -> Cmd {
    keyed("LIQ.HIST", key, &scope.to_args())
}

/// `LIQ.DIGEST key …` → [`Digest`](crate::Digest).
pub fn liq_digest(key: impl ToSingleRedisArg, query: &DigestQuery) -> Cmd {
    keyed("LIQ.DIGEST", key, &query.to_args())
}

/// `RL.CHECK key [LIMIT …] … COST c` → [`RateReply`](crate::RateReply).
pub fn rl_check(key: impl ToSingleRedisArg, limits: &[Limit], cost: i64) -> Cmd {
    let mut args = limits_to_args(limits);
    args.extend([b"COST".to_vec(), cost.to_string().into_bytes()]);
    keyed("RL.CHECK", key, &args)
}

/// `RL.CREATE key LIMIT …` → `OK`.
pub fn rl_create(key: impl ToSingleRedisArg, limits: &[Limit]) -> Cmd {
    keyed("RL.CREATE", key, &limits_to_args(limits))
}

/// `RL.PEEK key COST c` → [`RateReply`](crate::RateReply).
pub fn rl_peek(key: impl ToSingleRedisArg, cost: u64) -> Cmd {
    keyed("RL.PEEK", key, &[b"COST".to_vec(), cost.to_string().into_bytes()])
}

/// `RL.SYNC key PERIOD d … USED n` → [`RateReply`](crate::RateReply).
pub fn rl_sync(key: impl ToSingleRedisArg, usage: &Usage) -> Cmd {
    keyed("RL.SYNC", key, &usage.to_args())
}

/// `RL.BAN key d` → `OK`.
pub fn rl_ban(key: impl ToSingleRedisArg, length: Duration) -> Cmd {
    keyed("RL.BAN", key, &[format_duration(whole_ms(length)).into_bytes()])
}

/// `RL.INFO key` → [`RateInfo`](crate::RateInfo).
pub fn rl_info(key: impl ToSingleRedisArg) -> Cmd {
    keyed("RL.INFO", key, &[])
}

/// `RL.RESET key` → whether there was something to reset.
pub fn rl_reset(key: impl ToSingleRedisArg) -> Cmd {
    keyed("RL.RESET", key, &[])
}

/// `TICK.CREATE key [options]` → `OK`.
pub fn tick_create(key: impl ToSingleRedisArg, options: &ticks::OptionsPatch) -> Cmd {
    keyed("TICK.CREATE", key, &options.to_args())
}

/// `TICK.ALTER key [options]` → `OK`.
pub fn tick_alter(key: impl ToSingleRedisArg, options: &ticks::OptionsPatch) -> Cmd {
    keyed("TICK.ALTER", key, &options.to_args())
}

/// `TICK.ADD key ts side price qty …` → [`AddReply`](ticks::AddReply).
pub fn tick_add(key: impl ToSingleRedisArg, tick: &ticks::Add<'_>) -> Cmd {
    keyed("TICK.ADD", key, &tick.to_args())
}

/// `TICK.MADD key … TICKS …` → [`MaddReply`](ticks::MaddReply).
pub fn tick_madd(key: impl ToSingleRedisArg, ticks: &ticks::Madd<'_>) -> Cmd {
    keyed("TICK.MADD", key, &ticks.to_args())
}

/// `TICK.QUOTE key ts …` → [`AddReply`](ticks::AddReply).
pub fn tick_quote(key: impl ToSingleRedisArg, quote: &ticks::QuoteRequest) -> Cmd {
    keyed("TICK.QUOTE", key, &quote.to_args())
}

/// `TICK.LAST key …` → [`LastReply`](ticks::LastReply).
pub fn tick_last(key: impl ToSingleRedisArg, query: &ticks::Last) -> Cmd {
    keyed("TICK.LAST", key, &query.to_args())
}

/// `TICK.RANGE key from to …` → rows.
pub fn tick_range(key: impl ToSingleRedisArg, query: &ticks::Range) -> Cmd {
    keyed("TICK.RANGE", key, &query.to_args())
}

/// `TICK.INFO key` → [`MarketInfo`](ticks::MarketInfo).
pub fn tick_info(key: impl ToSingleRedisArg) -> Cmd {
    keyed("TICK.INFO", key, &[])
}

/// `TRIG.SET key id …` → [`SetReply`](ticks::SetReply), or null when `NX` or `XX` held it back.
pub fn trig_set(key: impl ToSingleRedisArg, trigger: &Trigger) -> Cmd {
    keyed("TRIG.SET", key, trigger.args())
}

/// `TRIG.DEL key id … | PREFIX p` → how many were armed and are gone.
pub fn trig_del(key: impl ToSingleRedisArg, which: &ticks::DeleteTriggers<'_>) -> Cmd {
    keyed("TRIG.DEL", key, &which.to_args())
}

/// `TRIG.LIST key …` → [`TriggerRow`](ticks::TriggerRow)s.
pub fn trig_list(key: impl ToSingleRedisArg, query: &ticks::ListTriggers<'_>) -> Cmd {
    keyed("TRIG.LIST", key, &query.to_args())
}

/// `CANDLE.RANGE key interval … AS kline` → rows.
pub fn candle_range(key: impl ToSingleRedisArg, query: &ticks::Candles) -> Cmd {
    let query = ticks::Candles { form: Some(ticks::Form::Kline), ..query.clone() };
    keyed("CANDLE.RANGE", key, &query.to_args())
}

/// `CANDLE.PUT key level …` → [`PutReply`](ticks::PutReply).
pub fn candle_put(key: impl ToSingleRedisArg, rows: &ticks::Put) -> Cmd {
    keyed("CANDLE.PUT", key, &rows.to_args())
}
