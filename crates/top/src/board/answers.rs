//! What the replies of a batch mean.

use std::collections::HashMap;

use redis::{FromRedisValue, RedisError, Value, from_redis_value};
use redis_liq::{Reply, Stats, StatsBuckets, StoredEvent, ticks};

use super::{Board, Limiter, Question, Series};
use crate::keys::Kind;
use crate::model::{EventRow, LimiterRow, ServerRow, SignalRow, newest_events, newest_signals};
use crate::names::Key;
use crate::trouble::{describe, is_unknown_command};

impl Board {
    /// Takes one reply. A refusal that concerns one key is told in its row, others among the warnings.
    pub fn take(&mut self, question: &Question, answer: Result<Value, RedisError>) {
        match question {
            Question::Time => self.take_time(answer),
            Question::Server => match read::<String>(answer) {
                Ok(text) => {
                    self.take_info(&text);
                    self.warn("server", None);
                }
                Err(error) => self.warn("server", Some(format!("INFO: {}", error.text()))),
            },
            Question::Memory => match read::<Reply<redis_liq::MemoryInfo>>(answer) {
                Ok(memory) => {
                    self.warn("eviction", memory.warning.as_ref().map(|text| crate::names::sentence(&text.to_text())));
                    self.memory = Some(memory.into_inner());
                    self.warn("memory", None);
                }
                Err(error) => {
                    let why = self.told(&error);
                    self.warn("memory", Some(format!("LIQ.MEMORY: {why}")));
                }
            },
            Question::Type(key) => match read::<String>(answer).map(|name| Kind::of_type(name.as_bytes())) {
                Ok(Some(kind)) => self.add(kind, key.clone()),
                Ok(None) => self.remove(key),
                Err(error) => {
                    if error.may_pass() {
                        self.untyped.insert(key.clone());
                    }
                    self.warn("type", Some(format!("TYPE: {}", error.text())));
                }
            },
            Question::Info(key) => self.take_series_info(key, answer),
            Question::Stats(key, window_ms) => self.take_stats(key, *window_ms, answer),
            Question::Hour(key) => self.take_hour(key, answer),
            Question::Newest(key) => self.take_newest(key, answer),
            Question::Price(key) => self.take_price(key, answer),
            Question::Market(key) => self.take_market(key, answer),
            Question::Limiter(key) => self.take_limiter(key, answer),
            Question::Signals(key) => self.take_signals(key, answer),
            Question::Audit => self.take_audit(answer),
            Question::Report => self.take_report(answer),
            Question::Policies => self.take_policies(answer),
            Question::Closely(key, part) => self.take_closely(key, *part, answer),
        }
    }

    fn take_time(&mut self, answer: Result<Value, RedisError>) {
        self.now_ms = match read::<(u64, u64)>(answer) {
            Ok((seconds, micros)) => seconds * 1000 + micros / 1000,
            Err(_) => crate::watch::local_ms(),
        };
    }

    fn take_info(&mut self, text: &str) {
        let lines: HashMap<&str, &str> = text.lines().filter_map(|line| line.split_once(':')).collect();
        let word = |name: &str| lines.get(name).map(|value| crate::names::sentence(value.trim_end()));
        let count = |name: &str| lines.get(name).and_then(|value| value.trim_end().parse().ok());
        self.server = ServerRow {
            address: std::mem::take(&mut self.server.address),
            version: word("valkey_version").or_else(|| word("redis_version")),
            module_version: word("liq_version"),
            role: word("role"),
            is_cluster: count("cluster_enabled") == Some(1),
            masters: 1,
            uptime_s: count("uptime_in_seconds"),
            ops_per_second: count("instantaneous_ops_per_sec"),
            clients: count("connected_clients"),
            used_memory: count("used_memory"),
            max_memory: count("maxmemory"),
            evicted_keys: count("evicted_keys"),
            fires: count("liq_fires"),
            failed_signals: count("liq_failed_signals"),
        };
        let cluster = "the server is a node of a cluster: only the keys of this node are shown";
        self.warn("cluster", (self.server.is_cluster && !self.is_part).then(|| cluster.to_owned()));
    }

    fn take_series_info(&mut self, key: &Key, answer: Result<Value, RedisError>) {
        match read::<Reply<redis_liq::SeriesInfo>>(answer) {
            Ok(info) => {
                let info = info.into_inner();
                if !info.signals.is_empty() {
                    self.streams.entry(Key::from(info.signals.0.as_slice())).or_default();
                }
                if let Some(series) = self.series.get_mut(key) {
                    // What was refused while memory was short may be there again.
                    series.has_no_minutes &= info.tail_now < info.tail;
                    series.error = None;
                    series.info = Some(Box::new(info));
                }
            }
            Err(error) => self.refuse(key, &error),
        }
    }

    fn take_stats(&mut self, key: &Key, window_ms: u64, answer: Result<Value, RedisError>) {
        let now_ms = self.now_ms;
        match read::<Reply<Stats>>(answer) {
            Ok(stats) => {
                if let Some(series) = self.series.get_mut(key) {
                    *series = Series {
                        stats: Some(stats.into_inner()),
                        stats_window_ms: window_ms,
                        read_ms: now_ms,
                        error: None,
                        ..std::mem::take(series)
                    };
                }
            }
            Err(error) => self.refuse(key, &error),
        }
    }

    fn take_hour(&mut self, key: &Key, answer: Result<Value, RedisError>) {
        let Some(series) = self.series.get_mut(key) else { return };
        match read::<Reply<StatsBuckets>>(answer) {
            Ok(rows) => {
                series.hour = rows.0.iter().map(|row| row.stats.volume).collect();
                series.is_hour_refused = false;
            }
            Err(error) => {
                series.is_hour_refused = true;
                // A server that is busy has the minutes all the same, and the chart that is shown is asked for again.
                if !error.is_of_the_moment() {
                    series.hour.clear();
                    series.has_no_minutes = true;
                }
                self.told(&error);
            }
        }
    }

    /// New events: the newest gives the price, and the large ones are told.
    fn take_newest(&mut self, key: &Key, answer: Result<Value, RedisError>) {
        let events = match read::<Reply<Vec<StoredEvent<'static>>>>(answer) {
            Ok(events) => events,
            Err(error) if error.is_gone() => return self.refuse(key, &error),
            Err(error) => {
                let why = self.told(&error);
                if let Some(series) = self.series.get_mut(key) {
                    (series.is_looked_at, series.look_error) = (true, Some(why));
                }
                return;
            }
        };
        let Some(series) = self.series.get_mut(key) else { return };
        (series.is_looked_at, series.look_error) = (true, None);
        let Some(newest) = events.first() else { return };
        series.newest_ms = Some(newest.timestamp_ms);
        series.last_price = Some(newest.price);
        let least = series.stats.as_ref().and_then(|stats| stats.p95).unwrap_or(f64::INFINITY);
        let symbol = text(key.symbol());
        let large = events.iter().filter(|event| event.size >= least);
        self.events.extend(large.map(|event| event_row(&symbol, event)));
        newest_events(&mut self.events);
    }

    fn take_price(&mut self, key: &Key, answer: Result<Value, RedisError>) {
        let now_ms = self.now_ms;
        let Some(market) = self.markets.get_mut(key) else { return };
        market.read_ms = now_ms;
        match read::<Reply<ticks::LastReply>>(answer) {
            Ok(last) => {
                market.last = Some(last.into_inner());
                market.error = None;
            }
            Err(error) if error.is_gone() => drop(self.markets.remove(key)),
            Err(error) => {
                let why = self.told(&error);
                if let Some(market) = self.markets.get_mut(key) {
                    market.error = Some(why);
                }
            }
        }
    }

    fn take_market(&mut self, key: &Key, answer: Result<Value, RedisError>) {
        match read::<Reply<ticks::MarketInfo>>(answer) {
            Ok(info) => {
                if let Some(market) = self.markets.get_mut(key) {
                    market.info = Some(Box::new(info.into_inner()));
                    market.info_error = None;
                }
            }
            Err(error) if error.is_gone() => drop(self.markets.remove(key)),
            Err(error) => {
                let why = self.told(&error);
                if let Some(market) = self.markets.get_mut(key) {
                    market.info_error = Some(why);
                }
            }
        }
    }

    fn take_limiter(&mut self, key: &Key, answer: Result<Value, RedisError>) {
        match read::<Reply<redis_liq::RateInfo>>(answer) {
            Ok(info) => {
                let share = |limit: &redis_liq::LimitInfo| limit.used as f64 / limit.burst.max(1) as f64;
                let fullest = info.limits.iter().max_by(|left, right| share(left).total_cmp(&share(right)));
                let row = LimiterRow {
                    key: text(key.bytes()),
                    used_share: fullest.map_or(0.0, share),
                    used: fullest.map_or(0, |limit| limit.used),
                    burst: fullest.map_or(0, |limit| limit.burst),
                    period_ms: fullest.map_or(0, |limit| whole_ms(limit.period)),
                    ban_ms: whole_ms(info.ban),
                };
                if let Some(known) = self.limiters.get_mut(key) {
                    *known = Limiter { row: Some(row), error: None };
                }
            }
            // Limiters go when nothing is used of them: nothing to tell.
            Err(error) if error.is_gone() => drop(self.limiters.remove(key)),
            Err(error) => {
                let why = self.told(&error);
                if let Some(known) = self.limiters.get_mut(key) {
                    *known = Limiter { row: None, error: Some(why) };
                }
            }
        }
    }

    fn take_signals(&mut self, key: &Key, answer: Result<Value, RedisError>) {
        type Entries = Vec<(Vec<u8>, HashMap<String, Vec<u8>>)>;
        let Some(stream) = self.streams.get_mut(key) else { return };
        stream.is_read = true;
        let entries = match read::<Entries>(answer) {
            Ok(entries) => entries,
            Err(error) => return stream.error = Some(error.text()),
        };
        stream.error = None;
        if let Some((newest, _)) = entries.first() {
            stream.last_id = Some(newest.clone());
        }
        for (id, fields) in entries {
            let word = |name: &str| fields.get(name).map(|value| text(value));
            let number =
                |name: &str| word(name).and_then(|value| value.parse().ok()).filter(|value: &f64| value.is_finite());
            self.signals.push(SignalRow {
                id: text(&id),
                stream: text(key.bytes()),
                symbol: word("symbol").unwrap_or_default(),
                side: word("side").unwrap_or_default(),
                entry_reason: word("entry_reason").unwrap_or_default(),
                price: number("price"),
                vwap_deviation: number("vwap_deviation"),
                liquidation_size: number("liquidation_size"),
                ts_ms: word("timestamp").and_then(|value| value.parse().ok()),
                exchange: word("exchange"),
            });
        }
        newest_signals(&mut self.signals);
    }

    /// A series that cannot be read: it is gone, or its row says why.
    fn refuse(&mut self, key: &Key, error: &Refused) {
        if error.is_gone() {
            self.series.remove(key);
            return;
        }
        let why = self.told(error);
        if let Some(series) = self.series.get_mut(key) {
            series.error = Some(why);
        }
    }

    /// Why there is no answer. One that cannot be read is a reason to say once that versions differ.
    pub(super) fn told(&mut self, error: &Refused) -> String {
        if matches!(error, Refused::Unread(_)) {
            let theirs = self.server.module_version.as_deref().unwrap_or("unknown");
            let own = env!("CARGO_PKG_VERSION");
            let text =
                format!("the module's version is {theirs}, liq-top's {own}: what of it cannot be read is left out");
            self.warn("version", Some(text));
        }
        error.text()
    }
}

/// An event as it is shown.
pub fn event_row(symbol: &str, event: &StoredEvent<'_>) -> EventRow {
    EventRow {
        ts_ms: event.timestamp_ms,
        symbol: symbol.to_owned(),
        side: event.side.name(),
        price: event.price,
        size: event.size,
        exchange: event.exchange.as_deref().map(text),
    }
}

/// Bytes as text; what is no UTF-8 is replaced.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn whole_ms(length: std::time::Duration) -> u64 {
    u64::try_from(length.as_millis()).unwrap_or(u64::MAX)
}

/// Why a question was not answered.
pub enum Refused {
    /// The server says so.
    Server(RedisError),
    /// The reply is not what it should be.
    Unread(redis::ParsingError),
}

impl Refused {
    /// In one safe line.
    pub fn text(&self) -> String {
        match self {
            Self::Server(error) => describe(error),
            Self::Unread(error) => crate::names::sentence(&format!("the reply is of another version: {error}")),
        }
    }

    /// Whether it is refused for as long as the connection stands: the server does not know the command, or the user may
    /// not use it.
    pub fn is_for_good(&self) -> bool {
        match self {
            Self::Server(error) => is_unknown_command(error) || error.code() == Some("NOPERM"),
            Self::Unread(_) => false,
        }
    }

    /// Whether the same may be answered soon, as by a server that is busy or loads its data.
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Server(_)) && !self.is_for_good()
    }

    /// Whether it says nothing of what was asked: it may pass, and the command was not looked into.
    fn is_of_the_moment(&self) -> bool {
        matches!(self, Self::Server(error) if self.may_pass() && error.code() != Some("ERR"))
    }

    /// Whether the key is not there, is another's now, or lives on another node.
    fn is_gone(&self) -> bool {
        match self {
            Self::Server(error) => {
                matches!(error.code(), Some("MOVED" | "ASK" | "WRONGTYPE")) || error.detail() == Some("no such key")
            }
            Self::Unread(_) => false,
        }
    }
}

/// Reads a reply.
pub fn read<T: FromRedisValue>(answer: Result<Value, RedisError>) -> Result<T, Refused> {
    let value = answer.map_err(Refused::Server)?;
    let value = value.extract_error().map_err(Refused::Server)?;
    from_redis_value(value).map_err(Refused::Unread)
}
